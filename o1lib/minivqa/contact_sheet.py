"""Draw contact sheets: enlarged pictures of Mini-VQA, each with its question, the four stages and the answer.

A sheet is for checking drawings by eye. It is an HTML page, which a notebook can show, or one picture.

Example:
    >>> from o1lib.minivqa import draw
    >>> "<img" in sheet([draw("mini-CLEVR", 0)])
    True
"""

import textwrap
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from o1lib.records import atomic_file
from o1lib.records.html import png_url, render

SCALE = 4
_COLUMNS, _WIDE, _TALL, _GAP = 4, 300, 470, 10


def sheet(examples):
    """Return the examples as HTML that needs no other file."""
    return render("minivqa/contact_sheet.html.j2", width=_WIDE, cards=[_card(example) for example in examples])


def _card(example):
    side, url = SCALE * example.image.width, png_url(example.image)
    return {"example": example, "place": _place(example), "side": side, "url": url}


def _place(example):
    return f"{example.qid}  {example.template}, {example.skill}"


def board(examples):
    """Return the examples as one RGB picture, four in a row."""
    rows = -(-len(examples) // _COLUMNS)
    whole = Image.new("RGB", (_COLUMNS * (_WIDE + _GAP) + _GAP, max(1, rows) * _TALL + _GAP), "white")
    pen, font = ImageDraw.Draw(whole), ImageFont.load_default(11)
    for index, example in enumerate(examples):
        x, y = index % _COLUMNS * (_WIDE + _GAP) + _GAP, index // _COLUMNS * _TALL + _GAP
        side = SCALE * example.image.width
        whole.paste(example.image.resize((side, side), Image.Resampling.NEAREST), (x, y))
        pen.rectangle((x - 1, y - 1, x + side, y + side), outline="silver")
        texts = (_place(example), example.question, *(f"{stage}: {text}" for stage, text in example.stages.items()))
        lines = [line for text in texts for line in textwrap.wrap(text, 49)]
        pen.multiline_text((x, y + side + 4), "\n".join(lines), "black", font, spacing=2)
    return whole


def write(examples, folder):
    """Write sheet.html and sheet.png into `folder`, which is made if missing; return their paths.

    Raises UserError if the files cannot be written.
    """
    page, picture = Path(folder) / "sheet.html", Path(folder) / "sheet.png"
    with atomic_file(page) as part:
        part.write_text(render("minivqa/page.html.j2", body=sheet(examples)), encoding="utf8")
    with atomic_file(picture) as part:
        board(examples).save(part, "PNG")
    return page, picture
