"""The first questions that one arm wins from another, and the first that it loses: pictures with both answers.

The papers show chosen examples (LLaVA-o1 Figures 2 and 5). Here the first five of each kind in the order of the test
sets are shown, so that nobody picked them. Model text is escaped before it becomes HTML.

Example:
    html = gallery(rows_a, rows_b, examples)      # predictions of two arms; {qid: Example or Item}
"""

import base64
import html
import io
from pathlib import Path

from PIL import Image

from o1lib.data.images import rgb

_PAGE = "<div style='font:13px sans-serif;background:white;color:black'><h4>{title}</h4>{cards}</div>"
_CARD = (
    "<div style='display:flex;gap:12px;margin:8px 0;border-top:1px solid #ccc;padding-top:8px'>{picture}"
    "<div><b>{question}</b> <i>right: {gold}</i> <span style='color:#666'>{place}</span>"
    "<table>{answers}</table></div></div>"
)
_ANSWER = (
    "<tr><td style='vertical-align:top'>{mark}</td><td style='vertical-align:top'><b>{label}</b></td>"
    "<td style='white-space:pre-wrap;text-align:left'>{text}</td></tr>"
)
_SIDE = 160  # pixels of a shown picture's wider side, at least


def inline(picture):
    """Return an <img> tag that carries the picture itself (a PIL image or a path), enlarged without smoothing."""
    if not isinstance(picture, Image.Image):
        picture = rgb(Path(picture) if isinstance(picture, str) else picture)
    data = io.BytesIO()
    picture.save(data, "PNG")
    scale = max(1, _SIDE // max(picture.size))
    code = base64.b64encode(data.getvalue()).decode("ascii")
    return (
        f"<img alt='the picture' style='image-rendering:pixelated;flex:none' width={picture.width * scale} "
        f"height={picture.height * scale} src='data:image/png;base64,{code}'>"
    )


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
    """Return HTML: the first questions that `a` won from `b` and the first that it lost, with both answers.

    `examples` maps qid to something with `image` (a PIL picture or a path) and `question`; a question that is not
    there is shown without picture.
    """
    won, lost = first_differences(rows_a, rows_b, count)
    parts = [
        (f"The first {len(won)} questions that “{labels[0]}” wins from “{labels[1]}”", won),
        (f"The first {len(lost)} questions that “{labels[0]}” loses to “{labels[1]}”", lost),
    ]
    cards = ["".join(_card(pair, examples, labels) for pair in pairs) for _, pairs in parts]
    return "".join(
        _PAGE.format(title=html.escape(title), cards=shown) for (title, _), shown in zip(parts, cards, strict=True)
    )


def _card(pair, examples, labels):
    first, shown = pair[0], examples.get(pair[0]["qid"])
    answers = "".join(
        _ANSWER.format(
            mark="right" if row["correct"] else "wrong",
            label=html.escape(label),
            text=html.escape(row["output"] or "(nothing)"),
        )
        for label, row in zip(labels, pair, strict=True)
    )
    return _CARD.format(
        picture=inline(shown.image) if shown else "",
        answers=answers,
        question=html.escape(shown.question if shown else first["qid"]),
        gold=html.escape(str(first["gold"])),
        place=html.escape(first.get("test_set") or ""),
    )
