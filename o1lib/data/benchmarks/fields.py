"""Read id, question, options, answer and picture of one row of a benchmark, whatever its columns are called.

    read({"index": "7", "question": "Which?", "A": "red", "B": "blue", "answer": "B", "image": "/9j/4AAQ..."}, "row 7")
    # Fields(id="7", question="Which?", options=("red", "blue"), answer="B", picture=...)

A row is untrusted: only `o1lib.data.images.Pictures` turns a value into a path, and only literals are evaluated.
"""

import ast
import re
from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any, NamedTuple

from o1lib.records import UserError
from o1lib.scoring.equality import letter_of

IDS = ("index", "id", "pid", "qid", "idx", "question_id", "key")
ANSWERS = ("final_answer", "gt_answer", "answer_option", "answer")
PICTURES = ("decoded_image", "image", "image_path", "filename", "imagename", "image_1")
_LISTED = re.compile(r"(?:Options|Choices):?\s*(.+)$", re.S)
_OPTION = re.compile(r"(?:^|[\s,;])\(?([A-Z])[.):]\s*(.+?)(?=[\s,;]+\(?[A-Z][.):]\s|\s*$)", re.S)


class Fields(NamedTuple):
    """The fields of one row. `answer` is a letter if there are options; `picture` is the cell's value, or None."""

    id: str
    question: str
    options: tuple[str, ...]
    answer: str
    picture: Any
    hint: str


def text(row: dict, *names: str) -> str:
    """Return the first of the named columns that has a value, as text; "" if none has one."""
    return next((str(row[name]).strip() for name in names if row.get(name) not in (None, "", [])), "")


def read(row: dict, where: str, kind: str = "choice") -> Fields:
    """Return the fields of a row of a benchmark of that kind (see `known.Benchmark`).

    Raises UserError, naming `where`, for a row without question or answer, a gap in its options, more than 26 options,
    or an answer that is none of them.
    """
    question = text(row, "question", "query")
    if not question:
        raise UserError(f"{where}: no question: correct or remove the row")
    if kind == "mixed":
        question = text(row, "query", "question")
    options = _options(row, question, where, kind)
    answer = _answer(row, options, where, kind)
    picture = next((row[name] for name in PICTURES if row.get(name) not in (None, "", [])), None)
    return Fields(text(row, *IDS), question, options, answer, picture, text(row, "hint"))


def _options(row: dict, question: str, where: str, kind: str) -> tuple[str, ...]:
    """Return the options from a list, from the columns A, B, ..., or else from the text of the question."""
    listed = literal(row.get("choices") or row.get("options"))
    if listed:
        options = list(listed.values()) if isinstance(listed, dict) else list(listed)
    else:
        filled = [letter for letter in ascii_uppercase if str(row.get(letter) or "").strip()]
        if filled != list(ascii_uppercase[: len(filled)]):
            raise UserError(f"{where}: the options {', '.join(filled)} leave one out: correct the row")
        options = [str(row[letter]) for letter in filled]
    if not options and kind in ("choice", "mixed", "steps") and (part := _LISTED.search(question)):
        found = _OPTION.findall(part[1])
        if len(found) > 1 and [letter for letter, _ in found] == list(ascii_uppercase[: len(found)]):
            options = [option for _, option in found]
    if len(options) > len(ascii_uppercase):
        raise UserError(f"{where}: {len(options)} options, but there are only 26 letters: split the row")
    return tuple(str(option).strip() for option in options)


def literal(value: Any) -> Any:
    """Return the list, tuple or dict of a cell, also one written as text ("['a', 'b']"); () for anything else."""
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        try:
            value = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return ()
    return value if isinstance(value, (list, tuple, dict)) else ()


def _answer(row: dict, options: Sequence[str], where: str, kind: str) -> str:
    """Return the gold answer: "yes" or "no", a letter if there are options, or the text."""
    answer = text(row, *ANSWERS)
    if not answer:
        raise UserError(f"{where}: no answer, so it cannot be scored: use a part whose answers are published")
    if kind == "yes/no":
        verdict = {"1": "yes", "0": "no", "yes": "yes", "no": "no"}.get(answer.lower())
        if verdict is None:
            raise UserError(f"{where}: the answer {answer!r} is neither yes nor no (1 or 0): correct the row")
        return verdict
    if not options:
        return answer
    letter = letter_of(answer.strip("(). ").upper()[:1] if len(answer.strip("(). ")) == 1 else answer, options)
    if not letter and answer.isdecimal() and int(answer) < len(options):
        letter = ascii_uppercase[int(answer)]  # AI2D's own files count options from 0
    if not letter and kind in ("choice", "mixed"):
        raise UserError(f"{where}: the answer {answer!r} is none of its {len(options)} options: correct the row")
    return letter or answer
