"""The vocabulary of Mini-VQA as classes of words that can stand in for one another.

A mutation replaces a word by another of its class, so every word that carries a value belongs to one class here.

Example:
    >>> "red" in CLASSES["colour"]
    True
"""
from .canvas import COLOURS, SHAPES

CELLS = ("top left", "top", "top right", "left", "centre", "right", "bottom left", "bottom", "bottom right")
SKILLS = ("coarse perception", "fine-grained perception", "instance reasoning", "logical reasoning", "math",
          "science & technology")
CLASSES = {
    "colour": tuple(COLOURS),
    "shape": SHAPES,
    "cell": CELLS,
    "yes": ("yes", "no"),
    "order": ("more", "fewer", "equal"),
}
