"""Read id, question, options, answer and picture of one row of a benchmark, whatever its columns are called.

    read({"index": "7", "question": "Which?", "A": "red", "B": "blue", "answer": "B", "image": "/9j/4AAQ..."}, "row 7")
    # Fields(id="7", question="Which?", options=("red", "blue"), answer="B", picture=...)

A row is untrusted: only `o1lib.data.images.Pictures` turns a value into a path, and only literals are evaluated. A
question that should have options, but whose options cannot be read, is refused and never asked as an open one.
"""

import math
import re
from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any, NamedTuple

from o1lib.data.benchmarks.known import Benchmark, listing, mathvista_query
from o1lib.data.options import from_cell, gold_letter, has_heading, listed, literal, shows
from o1lib.records import UserError

IDS = ("index", "id", "pid", "qid", "idx", "question_id", "key")
ANSWERS = ("final_answer", "gt_answer", "answer_option", "answer")
PICTURES = ("decoded_image", "image", "images", "image_path", "filename", "imagename", "image_1")
LISTS = ("choices", "options")
_ASKED_TO_CHOOSE = ("choice", "mixed", "steps")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
_CHOICE = Benchmark("choice")
_TABLE = "a table that lists them in columns A, B, ..."


class Fields(NamedTuple):
    """The fields of one row.

    `answer` is a letter if there are options, or "" if it is the letter of an option whose cell is empty, or there is
    only one option: then nothing can be asked. `options` are in the order of their letters; an empty one is a letter
    that is not offered. `picture` is the cell's value, or None.
    """

    id: str
    question: str
    options: tuple[str, ...]
    answer: str
    picture: Any
    hint: str


def cell(row: dict, *names: str) -> Any:
    """Return the value of the first of the named columns that has one, or None."""
    return next((row[name] for name in names if not _is_missing(row.get(name))), None)


def text(row: dict, *names: str) -> str:
    """Return the first of the named columns that has a value, as text; "" if none has one."""
    value = cell(row, *names)
    return "" if value is None else str(value).strip()


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or value in ([], {}) or isinstance(value, float) and math.isnan(value)


def read(
    row: dict, where: str, benchmark: Benchmark = _CHOICE, published: str = _TABLE, *, scored: bool = True
) -> Fields:
    """Return the fields of a row of a benchmark; `published` names a file that can be read, for messages.

    Raises UserError, naming `where` and that file, for a row without question or answer, options that cannot be read,
    more than 26 options, or an answer that is none of them, or could be two of them. With `scored` False a row without
    an answer is read too.
    """
    question = text(row, *(("query", "question") if benchmark.kind == "mixed" else ("question", "query")))
    if not question:
        raise UserError(f"{where}: no question: correct or remove the row")
    question, options = _options(row, question, where, benchmark)
    offered = sum(map(bool, options))
    unread = not options and _has_unread_list(row) and benchmark.kind in _ASKED_TO_CHOOSE
    if unread or not offered and _is_choice(row, question, benchmark):
        raise UserError(f"{where}: a choice whose options cannot be read: use {published}")
    if benchmark.kind == "mixed":
        question = _mathvista(row, question, options)
    alone = offered == 1 and benchmark.kind in _ASKED_TO_CHOOSE
    unknown = not scored and not has_answer(row)
    answer = "" if alone or unknown else _answer(row, options, where, benchmark, published)
    return Fields(text(row, *IDS), question, options, answer, cell(row, *PICTURES), text(row, "hint"))


def has_answer(row: dict) -> bool:
    """Return whether a row gives a gold answer."""
    return bool(text(row, *ANSWERS))


def _mathvista(row: dict, query: str, options: Sequence[str]) -> str:
    """Return the query of a row of MathVista: its own if it shows the options, else the one that MathVista builds.

    In VLMEvalKit's form the question is the query, so that none is built around it.
    """
    if text(row, "question").startswith("Hint:"):
        query = query if shows(query, options) else text(row, "question")
        return query if not options or has_heading(query) else f"{query}\n{listing(options)}"
    if shows(query, options) if options else "query" in row or query.startswith("Hint:"):
        return query
    precision = text(row, "precision").removesuffix(".0")
    return mathvista_query(text(row, "question"), options, text(row, "unit"), text(row, "answer_type"), precision)


def _options(row: dict, question: str, where: str, benchmark: Benchmark) -> tuple[str, tuple[str, ...]]:
    """Return (question, options) from a list, from the columns A, B, ..., or else from the text of the question."""
    options = from_cell(cell(row, *LISTS)) or _lettered(row)
    if options or _has_unread_list(row):  # whatever else the question lists, it is not that
        asks = False
    else:
        asks = benchmark.kind == "choice" or benchmark.kind in ("mixed", "steps") and has_heading(question)
    if asks:
        found = listed(question)
        options = found.options
        if benchmark.kind == "choice":  # the prompt lists them
            question = found.question or question
    if len(options) > len(ascii_uppercase):
        raise UserError(f"{where}: {len(options)} options, but there are only 26 letters: split the row")
    return question, options


def _has_unread_list(row: dict) -> bool:
    """Return whether the column of the options has a value that is no list of texts; an empty list is none."""
    value = cell(row, *LISTS)
    return value is not None and not from_cell(value) and literal(value) not in ([], {})


def _lettered(row: dict) -> tuple[str, ...]:
    """Return the options of the columns A, B, ... up to the last that has a text; an empty cell keeps its letter."""
    cells = [text(row, letter) for letter in ascii_uppercase]
    filled = [number for number, option in enumerate(cells, 1) if option]
    return tuple(cells[: filled[-1]] if filled else ())


def _is_choice(row: dict, question: str, benchmark: Benchmark) -> bool:
    """Return whether a row asks to choose, whether or not its options were found."""
    if benchmark.kind == "mixed":
        asked = text(row, "question_type")
        return asked == "multi_choice" or not asked and (has_heading(question) or bool(text(row, "answer_option")))
    lone = text(row, *ANSWERS).strip("(). ")
    return benchmark.kind == "choice" or benchmark.kind == "steps" and has_heading(question) and len(lone) == 1


def _answer(row: dict, options: Sequence[str], where: str, benchmark: Benchmark, published: str) -> str:
    """Return the gold answer: "yes" or "no", a letter if there are options, or the text."""
    answer = text(row, *ANSWERS)
    if not answer:
        raise UserError(f"{where}: no answer, so it cannot be scored: use a part whose answers are published")
    if benchmark.kind == "yes/no":
        verdict = {"1": "yes", "0": "no", "yes": "yes", "no": "no"}.get(answer.lower())
        if verdict is None:
            raise UserError(f"{where}: the answer {answer[:80]!r} is neither yes nor no (1 or 0): correct the row")
        return verdict
    if not options:
        return answer
    letter = _letter(row, answer, options, where, benchmark, published)
    if _is_empty_cell(row, answer, letter, options):
        return ""
    if not letter and benchmark.kind in ("choice", "mixed"):
        raise UserError(
            f"{where}: the answer {answer[:80]!r} is none of its {len(options)} options: correct the row, or use "
            f"{published}"
        )
    return letter or answer


def _is_empty_cell(row: dict, answer: str, letter: str, options: Sequence[str]) -> bool:
    """Return whether the right option is an empty one, which may also be a column behind the last that has a text."""
    if letter:
        return not options[ascii_uppercase.index(letter)]
    column = answer.strip("(). ").upper()
    return not from_cell(cell(row, *LISTS)) and column in row and column in ascii_uppercase[len(options) :]


def _letter(row: dict, answer: str, options: Sequence[str], where: str, benchmark: Benchmark, published: str) -> str:
    """Return the letter of the right option, "" if it is none of them.

    In a list, AI2D's own files count options from 0 and MathVista's give the text. In columns A, B, ..., and in the
    column `answer_option`, a letter is a letter.
    """
    in_list = bool(from_cell(cell(row, *LISTS)))
    if benchmark.counts_from_0 and in_list and _NUMBER.fullmatch(answer):
        number = float(answer)  # tables write an index as 2.0
        return ascii_uppercase[int(number)] if number.is_integer() and 0 <= number < len(options) else ""
    means = "either" if in_list else "letter"
    if benchmark.kind == "mixed":
        means = "letter" if text(row, "answer_option") else "text"
    try:
        return gold_letter(answer, options, means)
    except ValueError as error:
        raise UserError(f"{where}: {error}: use {published}") from None
