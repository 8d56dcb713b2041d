"""Read the options of a question from its text, and the letter of the option that is right.

listed("Which?\\nOptions: A: red, B: blue")      # Listed("Which?", ("red", "blue"))
gold_letter("blue", ("red", "blue"))            # "B"

A question may come from anywhere. Reading takes time linear in its length, and only its last LONGEST characters count.
"""

import re
from ast import literal_eval
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from o1lib.data.json_text import parsed
from o1lib.scoring.equality import LETTERS, same

LONGEST = 20_000  # characters; the options are at the end of a question
_HEADING = re.compile(r"\b(?:options|choices)\s{0,3}:|选项\s{0,3}[:：]", re.I)
_NO_COMMA = re.compile(r"['\"]\s{1,9}['\"]")  # an array of NumPy as text, whose texts Python would join
_MARK = re.compile(r"(?<![^\s,;，；：？])(?P<open>\(?)(?P<letter>[A-Z])(?P<close>\)[.:]?|[.:])(?P<space>\s?)")


class Listed(NamedTuple):
    """A question without its list of options, and the options; () if no list could be read."""

    question: str
    options: tuple[str, ...]


def has_heading(question: str) -> bool:
    """Return whether a question announces a list, as in "Options:" or "Choices:"."""
    return bool(_HEADING.search(question[-LONGEST:]))


def listed(question: str) -> Listed:
    """Return the options that a question lists, after its last "Options:" or "Choices:" if it has one.

    Letters run A, B, C, ... without a gap or a repetition, and all are marked in one way, such as "(A)", "A." or "A:".
    A Python or JSON list is read too. A text that allows several readings has none. Without a heading the marks must
    each begin a line, or the list must follow a "?" or ":", because initials and points in prose look like marks.
    """
    text = question[-LONGEST:]
    cut = len(question) - len(text)
    headings = list(_HEADING.finditer(text))
    if headings:
        start, end = headings[-1].span()
        options = from_cell(text[end:]) or _marked(text[end:])[1]
        if len(options) > 1 and all(options):
            return Listed(question[: cut + start].strip(), options)
    start, options = _marked(text, prose=True)
    return Listed(question[: cut + start].strip(), options) if options else Listed(question, ())


def shows(question: str, options: Sequence[str]) -> bool:
    """Return whether a question lists these options in order and with their letters, so that a letter answers it.

    An empty option, which is a letter that is not offered, need not be shown.
    """
    text, at = " ".join(question[-LONGEST:].split()), 0
    for letter, option in zip(LETTERS, options, strict=False):
        if option:
            words = re.escape(" ".join(option.split()))
            match = re.compile(rf"(?<![^\s,;，；：？])\(?{letter}(?:\)[.:]?|[.:])\s?{words}(?!\w)").search(text, at)
            if not match:
                return False
            at = match.end()
    return at > 0


def literal(value: Any) -> Any:
    """Return the list, tuple or dict of a cell, also one written as text in JSON or Python; () for anything else."""
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        for read in (parsed, literal_eval):
            try:
                found = read(value.strip())
                value = () if read is literal_eval and _NO_COMMA.search(value) else found
                break
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                continue
    return value if isinstance(value, (list, tuple, dict)) else ()


def from_cell(value: Any) -> tuple[str, ...]:
    """Return the options of a cell: a list of texts or an object by letter, also one written as text.

    A letter before each text, as in "A. red", is dropped. A missing text or letter is an empty option. () for anything
    else, such as a list of lists.
    """
    found = literal(value)
    if isinstance(found, dict):
        lettered = found and set(found) <= set(LETTERS)
        keys = LETTERS[: LETTERS.index(max(found)) + 1] if lettered else found
        found = [found.get(key) for key in keys]
    if any(isinstance(one, (list, tuple, dict, set)) for one in found):
        return ()
    texts = ["" if one is None else str(one).strip() for one in found]
    marks = [_MARK.match(one) for one in texts]
    if len(texts) > 1 and "".join(mark["letter"] if mark else "-" for mark in marks) == LETTERS[: len(texts)]:
        texts = [one[mark.end() :].strip() for one, mark in zip(texts, marks, strict=True) if mark]
    return tuple(texts)


def gold_letter(answer: str, options: Sequence[str], means: str = "either") -> str:
    """Return the letter of the option that a gold answer names, "" if it is none of them.

    With the options ("B", "A") the answer "A" is option A if it `means` "letter", and option B if it means "text". If
    it may mean either, ValueError is raised.
    """
    letter, own = by_letter(answer, options), by_text(answer, options)
    lone = len(answer.strip("(). ")) == 1  # the two readings of "B. blue" agree
    if means == "text" and lone:
        return own or letter
    if means == "either" and lone and letter and own and letter != own:
        raise ValueError(f"the answer '{answer}' is the letter of one option and the text of another")
    return letter or own


def by_letter(answer: str, options: Sequence[str]) -> str:
    """Return the letter that an answer gives, as in "B", "(b)" or "B. blue" where B is blue; "" for another answer."""
    match = re.fullmatch(r"[( ]?([A-Za-z])(?:[.):]{1,2}(?:\s+(?P<text>.+))?)?", answer.strip()[:LONGEST], re.S)
    letter = match[1].upper() if match else ""
    if not letter or letter not in LETTERS[: len(options)]:
        return ""
    option = options[LETTERS.index(letter)]
    return letter if match["text"] is None or _plain(match["text"]) == _plain(option) else ""


def by_text(answer: str, options: Sequence[str]) -> str:
    """Return the letter of the only option that an answer repeats; "" if there is none, or more than one.

    Equal characters count first, then equal words, then equal numbers: 1.24 is the option "1.24" and not "1.2". Of
    options with equal characters the first one counts.
    """
    for equal in (str.__eq__, lambda one, other: _plain(one) == _plain(other), same):
        found = [letter for letter, option in zip(LETTERS, options, strict=False) if option and equal(answer, option)]
        if found:
            return found[0] if len(found) == 1 or equal is str.__eq__ else ""
    return ""


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .,;")


def _marked(text: str, prose: bool = False) -> tuple[int, tuple[str, ...]]:
    """Return (start of the list, options) of the list whose marks have one style, or (0, ()).

    With `prose` only lists count that no sentence holds: see `listed`.
    """
    marks = list(_MARK.finditer(text))
    styles: tuple[Callable[[re.Match], tuple], ...] = (
        lambda mark: (mark["open"], mark["close"], bool(mark["space"]), _begins_a_line(text, mark)),
        lambda mark: (mark["open"], mark["close"], bool(mark["space"])),
        lambda mark: (mark["open"], mark["close"]),
    )
    for style in styles:
        runs = [run for run in _by_style(marks, style) if len(run) > 1 and not (prose and _in_prose(text, run))]
        if runs:
            run = max(runs, key=lambda found: (len(found), found[0].start()))
            return run[0].start(), _texts(text, run)
    return 0, ()


def _in_prose(text: str, run: list[re.Match]) -> bool:
    start = run[0].start()
    before = text[max(0, start - 100) : start].rstrip()
    return not before.endswith(("?", ":", "？", "：")) and not all(_begins_a_line(text, mark) for mark in run)


def _begins_a_line(text: str, mark: re.Match) -> bool:
    return not text[max(0, mark.start() - 100) : mark.start()].rpartition("\n")[2].strip()


def _by_style(marks: list[re.Match], style: Callable) -> list[list[re.Match]]:
    """Return for each style its marks from the last A on, if their letters run A, B, C, ..."""
    groups: dict[tuple, list[re.Match]] = {}
    for mark in marks:
        groups.setdefault(style(mark), []).append(mark)
    runs = []
    for group in groups.values():
        letters = "".join(mark["letter"] for mark in group)
        first = letters.rfind("A")
        if first >= 0 and LETTERS.startswith(letters[first:]):
            runs.append(group[first:])
    return runs


def _texts(text: str, run: list[re.Match]) -> tuple[str, ...]:
    """Return the texts between marks; the last one ends with its line. () if one is empty."""
    texts = [text[one.end() : other.start()] for one, other in pairwise(run)]
    texts.append(text[run[-1].end() :].strip().split("\n")[0])
    texts = [one.strip(" \n\t\r,;") for one in texts]
    return tuple(texts) if all(texts) else ()
