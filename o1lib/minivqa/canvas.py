"""A canvas of 64 x 64 pixels with the few marks that make up every Mini-VQA picture.

Pictures are small because a model of a few million parameters must read them. So marks have plain, saturated colors and
are at least five pixels high, and text uses Pillow's bitmap font (6 x 11 pixels per character).

Example:
    >>> canvas = Canvas("white")
    >>> canvas.shape("circle", 20, 20, 7, "red")
    >>> canvas.image().size
    (64, 64)
"""

import math
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIZE = 64
COLOURS = {
    "red": (220, 40, 40),
    "green": (30, 150, 60),
    "blue": (40, 80, 220),
    "yellow": (235, 200, 0),
    "purple": (150, 50, 170),
    "orange": (245, 130, 20),
}
PAPERS = {"white": (255, 255, 255), "grey": (222, 222, 222), "cream": (250, 242, 215), "pale": (214, 234, 248)}
SCENERY = {
    "grass": (170, 222, 150),
    "sand": (243, 220, 150),
    "water": (140, 195, 245),
    "snow": (252, 252, 252),
    "day": (226, 241, 252),
    "dull": (205, 206, 208),
    "night": (125, 130, 175),
}
INK = (20, 20, 20)
SHAPES = ("circle", "square", "triangle", "star")


@cache
def _font():
    return ImageFont.load_default_imagefont()


def _rgb(colour):
    return COLOURS.get(colour) or PAPERS.get(colour) or SCENERY.get(colour) or INK


class Canvas:
    """A picture to draw on. Coordinates are pixels, x to the right and y down."""

    def __init__(self, paper="white"):
        self._image = Image.new("RGB", (SIZE, SIZE), PAPERS[paper])
        self._draw = ImageDraw.Draw(self._image)

    def image(self):
        """Return the RGB picture, 64 x 64."""
        return self._image

    def shape(self, kind, x, y, radius, colour):
        """Draw one of SHAPES, filled and centered on (x, y)."""
        box = (x - radius, y - radius, x + radius, y + radius)
        fill = _rgb(colour)
        if kind == "circle":
            self._draw.ellipse(box, fill=fill, outline=INK)
        elif kind == "square":
            self._draw.rectangle(box, fill=fill, outline=INK)
        else:
            self._draw.polygon(_corners(kind, x, y, radius), fill=fill, outline=INK)

    def box(self, x0, y0, x1, y1, colour=None, outline="ink"):
        """Draw a rectangle; `colour` None leaves it empty."""
        self._draw.rectangle(
            (x0, y0, x1, y1),
            fill=None if colour is None else _rgb(colour),
            outline=None if outline is None else _rgb(outline),
        )

    def oval(self, x0, y0, x1, y1, colour, outline="ink"):
        """Draw a filled ellipse in the box; `outline` None draws no edge."""
        self._draw.ellipse((x0, y0, x1, y1), fill=_rgb(colour), outline=None if outline is None else _rgb(outline))

    def polygon(self, points, colour):
        """Draw a filled polygon through [(x, y), ...]."""
        self._draw.polygon(points, fill=_rgb(colour), outline=INK)

    def line(self, points, colour="ink", width=1):
        """Draw a line through [(x, y), ...]."""
        self._draw.line(points, fill=_rgb(colour), width=width)

    def arc(self, x, y, radius, start, end, colour="ink"):
        """Draw part of a circle; angles in degrees, clockwise from three o'clock."""
        self._draw.arc((x - radius, y - radius, x + radius, y + radius), start, end, fill=_rgb(colour))

    def arrow(self, start, end, colour="ink", width=1, head=4):
        """Draw a line with a filled head at `end`."""
        (x0, y0), (x1, y1) = start, end
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        along, down = (x1 - x0) / length, (y1 - y0) / length
        x, y = x1 - head * along, y1 - head * down
        self.line([start, (x, y)], colour, width)
        self._draw.polygon(
            [end, (x - 0.6 * head * down, y + 0.6 * head * along), (x + 0.6 * head * down, y - 0.6 * head * along)],
            fill=_rgb(colour),
        )

    def text(self, x, y, words, colour="ink"):
        """Write `words` with the top left corner at (x, y), six pixels per character."""
        self._draw.text((x, y), words, fill=_rgb(colour), font=_font())

    def scan(self, x, y, digit):
        """Paste a scan, an 8 x 8 array of 0 (paper) to 16 (ink), scaled to 14 pixels."""
        mask = Image.fromarray(np.clip(digit * 16, 0, 255).astype(np.uint8)).resize((14, 14))
        self._image.paste(Image.new("RGB", (14, 14), INK), (x, y), mask)

    def letter(self, x, y, letter):
        """Write one letter twice as large as `text` does, centered on (x, y)."""
        left, top, right, bottom = _font().getbbox(letter)
        drawn = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(drawn).text((-left, -top), letter, fill=255, font=_font())
        drawn = drawn.crop(drawn.getbbox())
        mask = drawn.resize((2 * drawn.width, 2 * drawn.height), Image.Resampling.NEAREST)
        self._image.paste(Image.new("RGB", mask.size, INK), (x - mask.width // 2, y - mask.height // 2), mask)


def _corners(kind, x, y, radius):
    if kind == "triangle":
        return [(x, y - radius), (x + radius, y + radius), (x - radius, y + radius)]
    turns = np.arange(10) * np.pi / 5 - np.pi / 2
    reach = np.where(np.arange(10) % 2 == 0, radius + 1, radius * 0.45)
    return [(float(x + r * np.cos(t)), float(y + r * np.sin(t))) for t, r in zip(turns, reach)]
