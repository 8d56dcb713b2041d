"""Whether two short answers are the same: as numbers, as yes or no, or as words.

correct("1,000 cm", "1000")     # True
correct("B", "C", ("red", "green", "blue"))     # False
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NUMBER = r"(?:(?:\d{1,3}(?:[, ]\d{3}){1,8}(?!\d)|\d{1,40})(?:\.\d{1,40})?|\.\d{1,40})(?:e[-+]?\d{1,3})?"
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", 0x2212: "-", 0x2013: "-"}
_SMALL = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
NUMBER_WORDS = {word: str(k) for k, word in enumerate(_SMALL)}
NUMBER_WORDS |= {word: str(10 * k) for k, word in enumerate(_TENS, 2)}
NUMBER_WORDS |= {f"{tens}-{_SMALL[k]}": str(int(NUMBER_WORDS[tens]) + k) for tens in _TENS for k in range(1, 10)}
_QUANTITY = re.compile(
    rf"(?:\\?\w{{1,12}}\s?[=≈]\s?)?(?:about |approximately )?[$€£¥]?\s?(?P<sign>[-+]?)\s?[$€£¥]?"
    rf"(?P<number>{NUMBER})(?:\s?/\s?(?P<under>{NUMBER}))?\s?(?P<percent>%|percent\b)?\s?"
    r"(?P<unit>(?:[^\W\d][\w/^.-]{0,15}|°\w?)(?: [^\W\d]\w{0,15}){0,2})?"
)


# A power of ten behind a number, or alone: "6.2 \\times 10^{-3}", "3 x 10**5", "2·10⁻⁷", "10^6".
_POWER = re.compile(
    r"(?:(?P<after>(?<=\d)\s?(?:\\times|\\cdot|[×·*x])\s?)|(?<![\w.^)}]))10\s?"
    r"(?:(?:\^|\*\*)\s?(?:\{\s?(?P<braced>[-+]?\d{1,3})\s?\}|(?P<bare>[-+]?\d{1,3})(?!\d))|(?P<raised>[⁻⁺]?[⁰¹²³⁴-⁹]{1,3}))",
    re.I,
)
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")


# Words and letters behind a number that make it another number: "5 million", "5k", "5K", "$5m", "two hundred".
_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_SCALES |= {"k": 3, "mn": 6, "m": 6, "bn": 9, "b": 9}
_SCALE = "hundred thousand|hundred million|hundred billion|hundred|thousand|million|billion|trillion"
_SCALED = re.compile(
    rf"(?<![\w.,/])(?:(?P<money>[$€£¥]\s?)?(?P<digits>{NUMBER})|(?P<word>{'|'.join(NUMBER_WORDS)}|a))"
    rf"(?:[\s-](?P<scale>{_SCALE})|(?P<letter>\s?(?:mn|bn)|[kKmMbB](?!['’])))\b(?!-)"
    rf"(?!\s(?:and\s)?(?:{'|'.join(NUMBER_WORDS)})\b)",  # "one hundred twenty" is not read
    re.I,
)
_AND_A_HALF = re.compile(r"(?<![\w./])(\d{1,15}) and a half\b", re.I)
# "2x", "2π", "2 or 3" and "3 quarters" are no quantities.
_NO_UNIT = re.compile(
    r"\d[abeinqru]$|\d\s?(?:.{0,20}\b)?(?:[xyz](?:[\^\d][\w^.-]*)?|[xyz]{2,3}|pi|π\w?|sqrt\w*)\b"
    r"|\d\s?(?:or|and|plus|minus|over|to|dozens?|scores?|hal(?:f|ves)|thirds?|quarters?|fourths?|fifths?|sixths?"
    r"|eighths?|tenths?|hundredths?|thousandths?|hundreds?|thousands?|millions?|billions?|trillions?|factorial"
    r"|squared|cubed)\b"
)


_SCRIPTS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3"  # Thai to Korean
_UNSPACED = re.compile(f"[{_SCRIPTS}]")
_SEAM = re.compile(f"(?<=[{_SCRIPTS}])(?=[a-z0-9])|(?<=[a-z0-9])(?=[{_SCRIPTS}])")


class Quantity(NamedTuple):
    """A number as it was written: value, decimals (None for a fraction), whether it is in percent, unit and text.

    The decimals count the places of the value, also those of a power of ten: 1.602e-19 has 22. They are below 0 for a
    rounded large number: 1.2e3 has -2. The text has no separators and no sign of currency.
    """

    value: float
    decimals: int | None
    percent: bool
    unit: str
    text: str


def ascii_forms(text: str) -> str:
    """Return `text` with full-width characters and typographic minus signs in their ASCII forms."""
    return text.translate(_WIDE)


def with_exponents(text: str) -> str:
    """Return `text` with powers of ten as exponents: "6.2 \\times 10^{-3}" becomes "6.2e-3", "5 million" "5e6"."""
    return _with_powers(_rescaled(text))


def _with_powers(text: str) -> str:
    return _POWER.sub(
        lambda m: ("e" if m["after"] else "1e") + (m["braced"] or m["bare"] or m["raised"].translate(_RAISED)), text
    )


def _rescaled(text: str) -> str:
    return _SCALED.sub(_scaled, _AND_A_HALF.sub(r"\1.5", text))


def _scaled(found: re.Match) -> str:
    """Return a number with its scale as an exponent; "m" and "b" are scales of money only.

    K, M and B right behind a number scale it, as "k" does: "300K" is 300,000. Behind a space they are units: "300 K".
    """
    money, letter = found["money"] or "", (found["letter"] or "").strip()
    number = found["digits"] or NUMBER_WORDS.get((found["word"] or "").lower(), "1")
    if "e" in number.lower() or letter and (found["word"] or letter in ("m", "b") and not money):
        return found[0]
    names = found["scale"].lower().split() if found["scale"] else [letter.lower()]
    return f"{money}{number}e{sum(_SCALES[name] for name in names)}"


def unspaced(text: str) -> bool:
    """Return whether a text has letters of a script without spaces, or with endings joined to words (Korean)."""
    return not text.isascii() and bool(_UNSPACED.search(text))


def clean(text: str) -> str:
    """Return `text` in lower case without markup (LaTeX wrappers, dollar signs, asterisks) and outer punctuation."""
    text = _rescaled(ascii_forms(text)).lower()
    text = re.sub(r"\\(?:text|textbf|mathrm|mathbf|mbox)\s?\{([^{}]{0,200})\}", r" \1 ", text)
    text = re.sub(
        r"\\[dt]?frac\s?(?:\{(-?\d{1,40})\}\s?\{(\d{1,40})\}|(\d)(\d))",
        lambda m: f"{m[1] or m[3]}/{m[2] or m[4]}",
        text,
    )
    text = re.sub(r"\\pi\b|(?<![a-z])pi\b", "π", text)
    text = _with_powers(re.sub(r"\^?\{?\\circ\}?|\bdegrees?\b", "°", text))
    text = text.replace("\\%", "%").replace("\\$", "$").replace("\\approx", "≈")
    text = re.sub(r"\\(?:left|right|boxed|[,;:! ()\[\]])|\$(?!\d)|[*`\"“”‘’]", " ", text)
    return " ".join(text.split()).strip(" .,;:!?'_")


def quantity(text: str) -> Quantity | None:
    """Return the number that `text` consists of, None for another text.

    A sign, thousands separators, a fraction, a percent sign and a unit are allowed.
    """
    written, text = ascii_forms(text), clean(text)
    match = _QUANTITY.fullmatch(NUMBER_WORDS.get(text, text.strip("()")))
    if not match or _NO_UNIT.search(with_exponents(written).strip(" .,;:!?$*`\"')]}_\\")):
        return None
    number, under = (re.sub("[, ]", "", match[part] or "1") for part in ("number", "under"))
    over, below = float(number), float(under)
    value = over / (below or float("nan"))
    if not (abs(value) < 1e300 and below < 1e300):  # also refuses NaN
        return None
    value = -value if match["sign"] == "-" else value
    decimals, text = _decimals(number), number
    if match["under"]:
        decimals, text = None, f"{number}/{under}"
    elif "e" not in number:
        text = f"{abs(value):.{decimals}f}"
    text = "-" * (match["sign"] == "-") + text
    return Quantity(value, decimals, bool(match["percent"]), match["unit"] or "", text)


def _decimals(number: str) -> int:
    """Return the place of a number's last digit behind the point; 0 for a whole number, however large."""
    mantissa, _, exponent = number.partition("e")
    places = len(mantissa.partition(".")[2])
    return places - int(exponent or 0) if places or exponent.startswith("-") else 0


def same_number(found: Quantity, gold: Quantity) -> bool:
    """Return whether `found` agrees with `gold` to the precision of the gold answer.

    The tolerance is half a unit of the gold answer's last decimal (1.2 accepts 1.24, 1.2e-3 accepts 1.24e-3), 0.005 for
    a fraction, and 0 for a whole number. A share may be in percent or not (25 % accepts 0.25). Different units never
    agree.
    """
    if found.unit and gold.unit and found.unit.rstrip("s") != gold.unit.rstrip("s"):
        return False
    tolerance = 0.005 if gold.decimals is None else 0.5 * 10.0 ** -max(gold.decimals, -300) if gold.decimals else 0.0
    values = [found.value]
    if found.percent != gold.percent:
        values.append(found.value / 100 if found.percent else found.value * 100)
    return any(abs(value - gold.value) <= tolerance + 1e-9 * abs(gold.value) for value in values)


def words(text: str) -> str:
    """Return `text` for comparison: lower case, no punctuation or articles, number words as digits."""
    text = clean(text)
    if unspaced(text):
        text = _SEAM.sub(" ", text)
    spots = list(re.finditer(r"\d+(?:\.\d+)?(?:e[-+]?\d+\b)?|[^\W_]+|[-+/^%°=<>{}\\]", text))
    kept = [spot for spot in spots if spot[0] not in ("a", "an", "the") or text[max(0, spot.start() - 1)].isdigit()]
    return " ".join(NUMBER_WORDS.get(spot[0], spot[0]) for spot in kept or spots)


def same(found: str, gold: str) -> bool:
    """Return whether two open answers are the same, as numbers (see `same_number`) or as words."""
    one, other = quantity(found), quantity(gold)
    if one and other and same_number(one, other):
        return True
    return words(found) == words(gold) and bool(words(gold))


def letter_of(answer: str, options: Sequence[str]) -> str:
    """Return `answer` if it is a letter of the options, or the letter of the option that it equals, else ""."""
    if len(answer) == 1 and answer in LETTERS[: len(options)]:
        return answer
    return next((letter for letter, option in zip(LETTERS, options, strict=False) if same(answer, option)), "")


def correct(value: str | None, gold: str, options: Sequence[str] = ()) -> bool:
    """Return whether an extracted value is the gold answer. None is wrong.

    With options both are read as letters; an option's text counts as its letter. Without options numbers are compared
    as in `same_number`, and other answers by their words: case, spacing, punctuation and articles do not count.
    """
    if value is None:
        return False
    if options:
        return bool(value) and letter_of(value, options) == letter_of(gold, options) != ""
    return same(value, gold)
