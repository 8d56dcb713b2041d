"""Two judge protocols: extraction of an answer without the gold answer, and MM-Vet's grade.

    request = grading(item, "Three red dots.")      # asks for a Grade
    request = reading(item, "It is red.", "choice")     # asks for a letter or "none"

In MathVista's protocol (arXiv:2310.02255) a model copies the answer out of the response, and a rule compares it.
VLMEvalKit does so if no letter, yes or no was extracted. In MM-Vet's protocol (arXiv:2308.02490) a model grades an open
answer from 0.0 to 1.0 in tenths against the gold answer, in which <AND> joins required parts and <OR> alternatives. The
task texts are our own; the published ones also show examples.
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
    """An answer copied out of a response, null if the response gives none."""

    answer: str | None


class Grade(GraderReply):
    """MM-Vet's grade."""

    grade: float = Field(ge=0, le=1)


def needs_reading(line: dict, kind: str) -> bool:
    """Return whether no rule extracted the answer with certainty (`kind` as in o1lib.data.benchmarks.Benchmark)."""
    if kind == "yes/no":
        return line["pred"] not in ("yes", "no")
    return line["pred"] is None or kind == "mixed" and line["extracted_by"] not in SURE


def reading_form(kind: str, n_options: int) -> type[GraderReply]:
    """Return the reply form of `reading`: a letter or "none", yes, no or "none", or any short text or null."""
    if kind != "yes/no" and not n_options:
        return Copied
    allowed = ("yes", "no") if kind == "yes/no" else tuple(LETTERS[:n_options])
    return create_model("Chosen", __base__=GraderReply, answer=(Literal[(*allowed, NONE)], ...))


def reading(item, text: str, kind: str) -> Request:
    """Return the request to extract the answer from a text, without the gold answer."""
    form = reading_form(kind, len(item.options))
    how = {"yes/no": 'Answer "yes", "no" or, if it says neither, "none".'}.get(kind) or (
        'Give the letter of the option that it chooses, or "none".'
        if item.options
        else "Give a number, a list or a few words, as the question asks for; null if it gives none."
    )
    return request(_READ + how, form, fenced("Question", item.question), fenced("Response", text))


def read_value(found: GraderReply | None, options: tuple[str, ...]) -> str | None:
    """Return the extracted value in the form in which `extract` gives it, None for a failure or "none"."""
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
    )
