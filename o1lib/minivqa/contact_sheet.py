"""Contact sheets: pictures of Mini-VQA enlarged, each with its question, the four stages and the answer.

What a program drew should be looked at by a person: as a page of HTML (a notebook shows it too) or as one picture.

Example:
    >>> from o1lib.minivqa import draw
    >>> "<img" in sheet([draw("mini-CLEVR", 0)])
    True
"""

import base64
import html
import io
import textwrap
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from o1lib.records import atomic_file

SCALE = 4
_COLUMNS, _WIDE, _TALL, _GAP = 4, 300, 470, 10
_GRID = (
    "<div style='display:flex;flex-wrap:wrap;gap:16px;font:13px sans-serif;background:white;color:black'>{cards}</div>"
)
_CARD = (
    "<div style='width:{width}px;text-align:left'><div style='color:#666'>{place}</div><img alt='the picture' width={side} "
    "height={side} style='image-rendering:pixelated;border:1px solid #ccc' src='data:image/png;base64,{code}'>"
    "<p><b>{question}</b></p>{stages}<p>answer: <b>{answer}</b></p></div>"
)
_PAGE = "<!doctype html><html lang='en'><meta charset='utf-8'><title>Mini-VQA</title><body>{body}</body></html>\n"


def sheet(examples):
    """Return the examples as a piece of HTML that needs nothing else; every text is escaped."""
    return _GRID.format(cards="".join(_card(example) for example in examples))


def _card(example):
    data = io.BytesIO()
    example.image.save(data, "PNG")
    stages = "".join(
        f"<div><span style='color:#666'>{html.escape(stage)}</span> {html.escape(text)}</div>"
        for stage, text in example.stages.items()
    )
    return _CARD.format(
        width=_WIDE,
        side=SCALE * example.image.width,
        place=html.escape(_place(example)),
        stages=stages,
        code=base64.b64encode(data.getvalue()).decode("ascii"),
        question=html.escape(example.question),
        answer=html.escape(example.answer),
    )


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
    """Write sheet.html and sheet.png into `folder`, made if missing, and return their paths.

    Raises UserError when the disk refuses.
    """
    page, picture = Path(folder) / "sheet.html", Path(folder) / "sheet.png"
    with atomic_file(page) as part:
        part.write_text(_PAGE.format(body=sheet(examples)), encoding="utf8")
    with atomic_file(picture) as part:
        board(examples).save(part, "PNG")
    return page, picture
