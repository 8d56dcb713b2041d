"""What no lesson of the base contains: the words, letter sets, relations and phrasings of its gate.

The gate (o1lib.training.gate) asks with these alone, so that passing it means reading and not remembering. A test draws
lessons and checks that none of this occurs in them.

    allowed({"A", "B", "C", "D"})       # True: this set of letters may be used in lessons
"""

WORDS = (  # noqa: SIM905
    "violin harbor candle walnut pepper ribbon meteor garlic saddle velvet anchor turnip marble trolley pillow helmet "
    "oyster trumpet lantern basket cobweb dragon falcon goblet hammer igloo jacket kettle locket muffin napkin orchid "
    "parrot quiver rocket spider teapot urchin vessel wizard yogurt zipper acorn badger copper domino ember feather "
    "glacier hazel ivory juniper koala lemon maple nectar otter puzzle quartz raisin"
).split()  # fmt: skip
LETTER_SETS = ("EGQT", "BFVY", "CJUW", "DINS", "FOQU", "GJTV", "ENWY", "BIQS")
RELATIONS = ("rhymes with", "borders", "hides", "replaces")
# {x} is the key of a statement, {v} its relation, {y} its end, {l} a letter, {w} the text of an option.
FROM_END = "the part that {v} {y} is"
OPTION_OF_LETTER = ("Please quote option {l}.", "Under {l} you read?", "Copy the words beside {l}.")
LETTER_OF_OPTION = (
    "Under which letter do you read {w}?",
    "{w} goes with which letter?",
    "Quote the letter beside {w}.",
)


def allowed(letters) -> bool:
    """Return whether lessons may use this set of letters together."""
    return not any(set(held) <= set(letters) for held in LETTER_SETS)
