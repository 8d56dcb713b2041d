"""The first questions that one arm wins from another, and the first that it loses: pictures with both answers.

The papers show chosen examples (LLaVA-o1 Figures 2 and 5). Here the first five of each kind in the order of the test
set are shown, so that nobody picked them. Model text is escaped before it becomes HTML.

Example:
    html = gallery(rows_a, rows_b, pictures)      # predictions of two arms; {qid: PIL image}
"""
import base64
import html
import io

_PAGE = "<div style='font-family:sans-serif;font-size:13px'><h4>{title}</h4>{cards}</div>"
_CARD = ("<div style='display:flex;gap:12px;margin:8px 0;border-top:1px solid #ccc;padding-top:8px'>{picture}"
         "<div><b>{question}</b> <i>right: {gold}</i><table>{answers}</table></div></div>")
_ANSWER = ("<tr><td style='vertical-align:top'>{mark}</td><td style='vertical-align:top'><b>{label}</b></td>"
           "<td style='white-space:pre-wrap'>{text}</td></tr>")


def inline(picture, scale=2):
    """Return an <img> tag that carries the picture itself, enlarged `scale` times without smoothing."""
    data = io.BytesIO()
    picture.save(data, "PNG")
    side = picture.width * scale
    code = base64.b64encode(data.getvalue()).decode("ascii")
    return f"<img style='image-rendering:pixelated' width={side} height={side} src='data:image/png;base64,{code}'>"


def first_differences(rows_a, rows_b, count=5):
    """Return (won, lost): the first `count` pairs (a, b) of predictions where only a, or only b, is right.

    The order is that of `rows_a`; questions that only one side has are left out.
    """
    others = {row["qid"]: row for row in rows_b}
    pairs = [(row, others[row["qid"]]) for row in rows_a if row["qid"] in others]
    won = [(a, b) for a, b in pairs if a["correct"] and not b["correct"]]
    lost = [(a, b) for a, b in pairs if b["correct"] and not a["correct"]]
    return won[:count], lost[:count]


def gallery(rows_a, rows_b, examples, labels=("a", "b"), count=5):
    """Return HTML: the first questions that `a` won and the first that it lost, with both answers.

    `examples` maps qid to something with `image` (a PIL picture) and `question`.
    """
    won, lost = first_differences(rows_a, rows_b, count)
    parts = [(f"first {len(won)} won by {labels[0]} from {labels[1]}", won), (f"first {len(lost)} lost", lost)]
    return "".join(_PAGE.format(title=html.escape(title), cards="".join(_card(pair, examples, labels) for pair in pairs))
                   for title, pairs in parts)


def _card(pair, examples, labels):
    shown = examples[pair[0]["qid"]]
    answers = "".join(_ANSWER.format(mark="right" if row["correct"] else "wrong", label=html.escape(label),
                                     text=html.escape(row["output"] or "")) for label, row in zip(labels, pair))
    return _CARD.format(picture=inline(shown.image), question=html.escape(shown.question),
                        gold=html.escape(pair[0]["gold"]), answers=answers)
