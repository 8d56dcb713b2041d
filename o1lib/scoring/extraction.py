"""Extract the answer that a text gives, without seeing the gold answer.

extract("So the answer is (B).", ("red", "blue"))     # Extracted("B", "stated letter")
extract("**Answer:** $1,250")                         # Extracted("1250", "number")
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from o1lib.formats.stages import parse
from o1lib.scoring.equality import LETTERS, NUMBER, Quantity, ascii_forms, clean, letter_of, quantity, words

_LONGEST = 20_000  # characters; an answer is at the end of a text
_AFTER_A_LETTER = {"is", "as", "because", "since", "and", "but", "not", "so", "which", "with", "or"}
_OR = r"\W{{0,2}}(?:,|/|&|\bor\b|\band\b)\W{{0,3}}{mark}\b"  # "A or B" chooses neither
_GAP = r"[ \t:*()\[\]{}\"'=>$\\_`-]{0,8}"
_FILLER = r"(?i:is|are|be|would|should|must|for|sure|therefore|thus|clearly|the|correct|option|choice|letter|final)"
_ALONE = r"(?![A-Za-z0-9_])"  # an ASCII \b: Chinese is written without spaces, and its characters count as \w
_STATED = re.compile(r"(?i)(?:\b(?:answer|conclusion)\b|答案)[*_ ]{0,3}(?:is\b|:|=)[\s*_:]{0,6}([^\n]{1,300})")
_YES_NO = re.compile(
    r"\W{0,5}(yes|no)\b(?=\W{0,3}$|\W?[,.;:!]|\s(?:it|there|the|this|that|they|because|he|she)\b)", re.I
)
_SO_YES_NO = re.compile(r"\b(?:so|thus|therefore|hence)\W{1,3}(yes|no)\b(?=\W?[,.;:!]|\W{0,3}$)", re.I)


class Extracted(NamedTuple):
    """The extracted value (None if there is none) and the rule that found it."""

    value: str | None
    by: str


def _boxed(text: str) -> str | None:
    """Return the content of the last \\boxed{...} with balanced braces."""
    start = text.rfind("\\boxed{")
    depth = 0
    for position in range(start + 6, len(text) if start >= 0 else 0):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[start + 7 : position]
    return None


def _stated(text: str) -> str | None:
    """Return what follows the last "answer is" or "Answer:" up to the end of its sentence."""
    found = _STATED.findall(text)
    return re.split(r"[.;](?:\s|$)", found[-1])[0].strip() if found else None


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _final(text: str) -> str:
    """Return the part of `text` that gives the answer: boxed, stated, or its last line."""
    return _boxed(text) or _stated(text) or _last_line(text)


def _is_word(text: str, letter: str, end: int) -> bool:
    """Return whether a single A or I that ends at `end` is an article or a pronoun instead of an option letter."""
    after = re.match(r" ([a-z]+)", text[end : end + 20])
    return letter in "AI" and bool(after) and after[1] not in _AFTER_A_LETTER


def _stated_letter(text: str, mark: str) -> str | None:
    """Return the letter of the last "answer is B", "option (B)" or "I choose B", unless denied or one of two."""
    letter = rf"(?:\b(?P<upper>{mark}){_ALONE}|\b(?P<lower>{mark.lower()})[)\"])"
    pattern = re.compile(
        rf"(?:\b(?i:answer|option|choice|choose|select|pick)\b|答案)"
        rf"(?:{_GAP}\b{_FILLER}\b){{0,6}}{_GAP}"
        rf"(?::[ *]{{0,3}}\n\s{{0,3}}{_GAP})?{letter}"
        rf"(?!{_OR.format(mark=mark)})"
        r"(?!\s(?:is|was)\s(?:not|wrong|incorrect|false)\b)(?!['’]\w)"
    )
    found = [m for m in pattern.finditer(text) if not _is_word(text, m["upper"] or "", m.end())]
    return (found[-1]["upper"] or found[-1]["lower"].upper()) if found else None


def _leading_letter(line: str, mark: str) -> str | None:
    """Return the letter that a line starts with: "B", "(B)", "B. blue", "**B**"."""
    match = re.match(
        rf"[\s*_\"'(\[]{{0,6}}(?:option\s)?(?P<letter>{mark})"
        rf"(?!{_OR.format(mark=mark)})(?:[)\].:,;*\s\u4e00-\u9fff]|$)",
        line,
    )
    return None if not match or _is_word(line, match["letter"], match.end("letter")) else match["letter"]


def _closing_letter(line: str, mark: str) -> str | None:
    """Return the letter that a line ends with, or the last one in parentheses in it."""
    line = re.sub(rf"\b{mark}{_OR.format(mark=mark)}", "", line)
    end = re.search(rf"(?:^|[\s(*\[])({mark})[\s.)*\]\"']{{0,6}}$", line[-40:])
    inside = re.findall(rf"\(({mark})\)", line)
    return end[1] if end else inside[-1] if inside else None


def _only(found: Sequence[str]) -> str | None:
    return found[0] if len(set(found)) == 1 else None


def _lone_letter(text: str, mark: str) -> str | None:
    """Return the only option letter that occurs as a separate word in `text`."""
    found = re.finditer(rf"(?<![\w'’-]){mark}(?![\w'’-])", text)
    return _only([match[0] for match in found if not _is_word(text, match[0], match.end())])


def _last_in_parentheses(text: str, mark: str) -> str | None:
    """Return the last letter in parentheses, not counting lists of the options (the last rule of MMMU's script)."""
    prose = "\n".join(line for line in text.splitlines() if not _leading_letter(line, mark))
    found = re.findall(rf"\(({mark})\)", re.sub(rf"\({mark}\)(?:\W{{0,2}}\bor\b\W{{0,2}}\({mark}\))+", "", prose))
    return found[-1] if found else None


def _mentioned_option(text: str, options: Sequence[str]) -> str | None:
    """Return the letter of the only option whose words occur in `text`; options inside a longer one do not count."""
    rest, found = f" {words(text)} ", []
    for option in sorted(options, key=len, reverse=True):
        inside = f" {words(option)} "
        if inside.strip() and inside in rest:
            found.append(letter_of(option, options))
            rest = rest.replace(inside, " | ")
    return _only(found)


def _letter_rules(text: str, options: Sequence[str]) -> Iterator[tuple[str | None, str]]:
    """Yield (letter or None, rule), the most reliable rule first."""
    mark, last = f"[{LETTERS[: len(options)]}]", _last_line(text)
    openings = [_leading_letter(line, mark) for line in text.splitlines()]
    bare = text.strip(" \n\t.*()[]\"'").upper()
    yield bare if re.fullmatch(mark, bare) else None, "letter"
    boxed = _boxed(text)
    if boxed is not None:
        yield letter_of(re.sub(r"\\\w+|[{}() .]", "", boxed), options) or letter_of(boxed, options), "boxed"
    yield _stated_letter(text, mark), "stated letter"
    yield letter_of(_stated(text) or "", options), "stated option"
    yield _only([letter for letter in openings if letter]), "leading letter"
    yield letter_of(last, options), "option"
    yield _leading_letter(last, mark) or _closing_letter(last, mark), "letter in the last line"
    yield _mentioned_option(_stated(text) or last, options), "option in the last line"
    yield _mentioned_option(text, options), "option in the text"
    yield _lone_letter(text, mark), "letter in the text"
    yield _last_in_parentheses(text, mark), "last letter in parentheses"


def _open_answer(text: str) -> Extracted:
    """Return yes or no, a number, or the words themselves."""
    final = _final(text)
    if verdict := _YES_NO.match(final) or _SO_YES_NO.search(final):
        return Extracted(verdict[1].lower(), "yes/no")
    if found := quantity(final):
        return Extracted(_shortest(final, found), "number")
    numbers = re.findall(rf"(?:\bis|\bare|\bequals|[=≈])\s(?:about |\$)?(-?(?:{NUMBER})){_ALONE}", final.lower())
    numbers = numbers or re.findall(rf"(?<![A-Za-z0-9_.])-?(?:{NUMBER}){_ALONE}", final.lower())
    if numbers and len(final.split()) > 3 and (found := quantity(numbers[-1])):  # of a sentence take the number
        return Extracted(_shortest(numbers[-1], found), "number in a sentence")
    value = final.strip(" \t.*_`\"'$")
    return Extracted(value or None, "text" if value else "none")


def _shortest(text: str, found: Quantity) -> str:
    """Return the quantity of `text` without thousands separators, currency or unit; percent and fraction are kept."""
    over = re.search(rf"-?\s?(?:{NUMBER})\s?/\s?(?:{NUMBER})", clean(text))
    if over and found.decimals is None:
        return re.sub(r"[,\s]", "", over[0])
    return f"{found.value:.{found.decimals}f}" + "%" * found.percent


def extract(text: str, options: Sequence[str] = ()) -> Extracted:
    """Return the answer that `text` gives and the rule that found it. Of a staged text only the conclusion is read.

    With `options` (up to 26) the value is a letter. The rules look for a text that is a letter, a boxed or stated one
    ("the answer is B"), the text of an option, the last line, and then any single mention. If options are themselves
    letters, a letter in the text is read as the mark of an option. Without options the value is "yes" or "no", a number
    without separators and unit, or the words of the boxed, stated or last line. The value is None if two readings
    conflict or nothing is found.
    """
    text = ascii_forms(parse(text).stages.get("conclusion") or text)[-_LONGEST:]
    if not text.strip():
        return Extracted(None, "none")
    if not options:
        return _open_answer(text)
    return next(
        (Extracted(letter, rule) for letter, rule in _letter_rules(text, options) if letter), Extracted(None, "none")
    )
