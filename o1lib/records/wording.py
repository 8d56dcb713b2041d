"""Words for messages, such as a number with its noun.

counted(1, "line"), counted(2, "line")     # ("1 line", "2 lines")
"""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, which takes an s in the plural unless `plural` is given."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
