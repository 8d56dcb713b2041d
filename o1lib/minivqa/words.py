"""The vocabulary of Mini-VQA as classes of words that can replace one another.

A mutation replaces a word by another of its class, so every word with a value belongs to exactly one class here.

Example:
    >>> "red" in CLASSES["colour"]
    True
"""

from o1lib.minivqa.canvas import COLOURS, SHAPES
from o1lib.minivqa.icons import THINGS

CELLS = ("top left", "top", "top right", "left", "centre", "right", "bottom left", "bottom", "bottom right")
SKILLS = (
    "coarse perception",
    "fine-grained perception",
    "instance reasoning",
    "logical reasoning",
    "math",
    "science & technology",
)
CLASSES = {
    "colour": tuple(COLOURS),
    "shape": SHAPES,
    "cell": CELLS,
    "yes": ("yes", "no"),
    "order": ("more", "fewer", "equal"),
    "letter": ("K", "L", "M", "P", "R", "H", "X", "Z"),
    "pole": ("N", "S"),
    "force": ("attract", "repel"),
    "switch": ("open", "closed"),
    "supply": ("battery", "gap"),
    "title": ("menu", "bill", "sale", "list"),
    "item": ("tea", "milk", "rice", "soap", "pen", "egg", "salt", "jam", "corn", "oil"),
    "thing": THINGS,
    "ground": ("grass", "sand", "water", "snow"),
    "place": ("meadow", "beach", "lake", "mountain"),
    "sky": ("sun", "cloud", "rain", "moon"),
    "weather": ("sunny", "cloudy", "rainy", "dark"),
    "height": ("higher", "lower"),
    "vertical": ("above", "below"),
    "chart": ("bar chart", "line chart"),
    "extreme": ("largest", "smallest"),
    "group": ("animal", "plant", "vehicle", "tool"),
    "groups": ("animals", "plants", "vehicles", "tools"),
    "stature": ("tall", "short"),
    "headwear": ("hat", "hair"),
    "agreement": ("differ", "match"),
    "link": ("holding hands", "standing close", "standing apart"),
    "relation": ("family", "couple", "colleagues", "service", "friends", "strangers"),
    "trait": (
        "can swim",
        "lays eggs",
        "catches mice",
        "gives wood",
        "feeds bees",
        "grows in deserts",
        "drives on roads",
        "sails on seas",
        "needs airports",
        "holds tea",
        "opens locks",
        "gives light",
    ),
}
