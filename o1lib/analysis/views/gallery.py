"""Show the first questions that one arm answers correctly and the other does not, with pictures and both answers.

gallery(rows_a, rows_b, examples)     # predictions of two arms, {qid: Example or Item}

The papers show selected examples (LLaVA-o1, Figures 2 and 5). Here nobody selects: the first five questions of each
kind are shown, in the order of the test sets.
"""

from pathlib import Path

from PIL import Image

from o1lib.data.images import rgb
from o1lib.records.html import png_url, render
from o1lib.scoring.short_form import is_short

NOT_KEPT = "(the text is not published here: python -m o1lib texts)"
_SIDE, _MOST = 160, 640  # pixels: the longer side of a shown picture is about this at least, and this at most


def inline(picture):
    """Return an <img> tag that contains the picture (a PIL image or a path), enlarged without smoothing.

    A picture that is larger than a page is made smaller, so that a page stays small too.
    """
    if not isinstance(picture, Image.Image):
        picture = rgb(Path(picture) if isinstance(picture, str) else picture)
    if max(picture.size) > _MOST:
        picture = picture.copy()
        picture.thumbnail((_MOST, _MOST))
    scale = max(1, _SIDE // max(picture.size))
    return render(
        "analysis/picture.html.j2",
        width=picture.width * scale,
        height=picture.height * scale,
        url=png_url(picture),
    )


def first_differences(rows_a, rows_b, count=5):
    """Return (won, lost): the first `count` pairs (a, b) of predictions where only a, or only b, is right.

    The order is that of `rows_a`. Questions that only one side has are left out.
    """
    others = {row["qid"]: row for row in rows_b}
    pairs = [(row, others[row["qid"]]) for row in rows_a if row["qid"] in others]
    won = [(a, b) for a, b in pairs if a["correct"] and not b["correct"]]
    lost = [(a, b) for a, b in pairs if b["correct"] and not a["correct"]]
    return won[:count], lost[:count]


def gallery(rows_a, rows_b, examples, labels=("a", "b"), count=5):
    """Return HTML: the first questions that `a` won from `b` and the first that it lost, with both answers.

    `examples` maps qid to an object with `image` (a PIL picture or a path) and `question`. A question that is not in
    `examples` is shown by its id and without a picture.
    """
    won, lost = first_differences(rows_a, rows_b, count)
    parts = [
        (f"The first {len(won)} questions that “{labels[0]}” wins from “{labels[1]}”", won),
        (f"The first {len(lost)} questions that “{labels[0]}” loses to “{labels[1]}”", lost),
    ]
    return render(
        "analysis/gallery.html.j2",
        parts=[{"title": title, "cards": [_card(pair, examples, labels) for pair in pairs]} for title, pairs in parts],
    )


def _text(row):
    return NOT_KEPT if is_short(row) else row["output"] or "(nothing)"


def _card(pair, examples, labels):
    first, example = pair[0], examples.get(pair[0]["qid"])
    return {
        "picture": inline(example.image) if example else "",
        "question": example.question if example else first["qid"],
        "gold": first["gold"],
        "place": first.get("test_set") or "",
        "answers": [
            {"mark": "right" if row["correct"] else "wrong", "label": label, "text": _text(row)}
            for label, row in zip(labels, pair, strict=True)
        ],
    }
