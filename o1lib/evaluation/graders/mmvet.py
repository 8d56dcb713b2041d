"""Two protocols: an answer read out of prose by a judge that never sees the gold answer, and MM-Vet's grade.

MathVista's (arXiv:2310.02255) lets a model copy the answer out of the response, then compares by rule; VLMEvalKit does
the same where it cannot read a letter, a yes or a no. MM-Vet's (arXiv:2308.02490) has a model grade an open answer from
0.0 to 1.0 in tenths beside the gold answer, in which <AND> joins what is all needed and <OR> what is enough. The task
texts are in our own words; the published ones show examples besides.
"""

from typing import Literal

from pydantic import Field, create_model

from o1lib.evaluation.graders.client import GraderReply, fenced, request
from o1lib.models.endpoint import Request
from o1lib.scoring import extract
from o1lib.scoring.equality import LETTERS

NONE = "none"
SURE = ("letter", "boxed", "stated letter", "stated option", "leading letter", "option", "number", "yes/no")
_READ = "You are shown a question and a response to it. Copy out the final answer that the response gives. "
_GRADE = (
    "You grade a response to a question about a picture by the reference answer: 0.0 is wholly wrong, 1.0 wholly "
    "right, tenths between for what is partly right. <AND> joins parts that are all needed for a full grade, "
    "<OR> parts of which one is enough. Length and style do not count."
)


class Copied(GraderReply):
    """An answer copied out of a response, null when it gives none."""

    answer: str | None


class Grade(GraderReply):
    """MM-Vet's grade."""

    grade: float = Field(ge=0, le=1)


def needs_reading(line: dict, kind: str) -> bool:
    """Tell whether a line's answer was read by no rule that is sure of it (`kind` as in benchmarks.Benchmark)."""
    if kind == "yes/no":
        return line["pred"] not in ("yes", "no")
    return line["pred"] is None or kind == "mixed" and line["extracted_by"] not in SURE


def reading_form(kind: str, n_options: int) -> type[GraderReply]:
    """Return the form of a reading: one of the letters, yes or no, or any short text; always "none" besides."""
    if kind != "yes/no" and not n_options:
        return Copied
    allowed = ("yes", "no") if kind == "yes/no" else tuple(LETTERS[:n_options])
    return create_model("Chosen", __base__=GraderReply, answer=(Literal[(*allowed, NONE)], ...))


def reading(item, text: str, kind: str) -> Request:
    """Return the request to read an answer out of a text, without the gold answer."""
    form = reading_form(kind, len(item.options))
    how = {"yes/no": 'Answer "yes", "no" or, if it says neither, "none".'}.get(kind) or (
        'Give the letter of the option that it chooses, or "none".'
        if item.options
        else "Give a number, a list or a few words, as the question asks for; null if it gives none."
    )
    return request(_READ + how, form, fenced("Question", item.question), fenced("Response", text), max_tokens=100)


def read_value(found: GraderReply | None, options: tuple[str, ...]) -> str | None:
    """Return the value that a reading amounts to, in the form in which `extract` gives it."""
    answer = None if found is None else found.answer
    if answer is None or answer == NONE:
        return None
    return answer if answer in ("yes", "no") or options else extract(answer).value


def grading(item, text: str) -> Request:
    """Return the request to grade an open answer as MM-Vet does."""
    gold = item.answer.replace("<AND>", " <AND> ").replace("<OR>", " <OR> ")
    return request(
        _GRADE,
        Grade,
        fenced("Question", item.bare or item.question),
        fenced("Reference answer", gold),
        fenced("Response", text),
        max_tokens=100,
    )
