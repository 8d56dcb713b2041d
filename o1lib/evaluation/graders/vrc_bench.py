"""VRC-Bench's scores by a judge (LlamaV-o1, arXiv:2501.06186, A.2 and A.4): ten criteria of the steps, and the answer.

    judged = score(cases, endpoint.ask)          # {"scores": {criterion: 1..10}, "own": ..., "final": True} each
    judged = score(cases, endpoint.ask, rule="released")

There are two rules. `corrected` takes the mean of the ten criteria as the overall score and compares the final answer
with `final_answer`; a failure of the judge counts as zero. `released` (eval/get_result.py) takes the judge's own
"Overall Score", compares the answer with the reference steps, and leaves failures out of the denominator. The first
request is the same for both rules. `released` adds a second request on the answer, so that one run gives both numbers.
The criteria are in our own words, with the released names and scale.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from pydantic import Field, create_model

from o1lib.evaluation.graders.client import Ask, GraderReply, fenced, request, verdicts
from o1lib.models.endpoint import Request
from o1lib.records import choose

CRITERIA = {
    "Faithfulness-Step": "the steps agree with the reference steps",
    "Faithfulness-Token": "the details inside each step are true to the source",
    "Informativeness-Step": "the critical information is drawn out",
    "Repetition-Token": "nothing is needlessly repeated",
    "Hallucination": "nothing is invented",
    "Redundancy": "no step is useless",
    "Semantic Coverage-Step": "the essential meaning of the reference is covered",
    "Reasoning Alignment": "the chain as a whole runs like the reference",
    "Commonsense": "the commonsense that is needed is there",
    "Missing Step": "no step that is needed is absent",
}
OVERALL = "Overall Score"
RULES = ("corrected", "released")
_TASK = (
    "You judge the reasoning steps of a response by reference steps. Give each criterion 1 to 10, higher is "
    "better (9-10 fully, 7-8 mostly, 5-6 partly, 3-4 hardly, 1-2 not at all):\n"
    + "\n".join(f"- {name}: {meaning}" for name, meaning in CRITERIA.items())
    + f"\nand under {OVERALL!r} the mean of the ten."
)
_MATCH = "Tell whether a prediction means the same as the reference answer to a question: verdict 1 if so, else 0."


class Case(NamedTuple):
    """One question with its reference, and the model's whole output and its answer."""

    question: str
    steps: Sequence[str]
    final_answer: str
    output: str
    answer: str


Steps = create_model(
    "Steps",
    __base__=GraderReply,
    **{f"c{k}": (float, Field(ge=1, le=10, alias=name)) for k, name in enumerate([*CRITERIA, OVERALL])},
)


class StepMatch(GraderReply):
    """Whether the answer is right."""

    verdict: Literal[0, 1]


def steps_request(case: Case) -> Request:
    """Return the request for the ten criteria. As in the release, the judge sees no picture."""
    return request(
        _TASK,
        Steps,
        fenced("Question", case.question),
        fenced("Reference steps", "\n".join(case.steps)),
        fenced("Response", case.output),
    )


def final_request(case: Case, against: str) -> Request:
    """Return the request that compares a final answer with a reference text."""
    return request(
        _MATCH,
        StepMatch,
        fenced("Question", case.question),
        fenced("Reference answer", against),
        fenced("Prediction", case.answer),
    )


def score(cases: Sequence[Case], ask: Ask, rule: str = "corrected") -> list[dict]:
    """Return for each case {"scores": {criterion: 1..10}, "own": the judge's overall score, "final": bool}.

    With rule "released" there is also "final_released". None is a failure of the judge. `o1lib.scoring.metrics`
    computes the numbers of both rules from it. Raises UserError for an unknown rule.
    """
    choose(rule, RULES, "rule of VRC-Bench")
    marks = verdicts(cases, steps_request, Steps, ask, "judging steps")
    finals = verdicts(cases, lambda case: final_request(case, case.final_answer), StepMatch, ask, "judging answers")
    judged = [_line(mark, final) for mark, final in zip(marks, finals, strict=True)]
    if rule == "released":
        against = verdicts(
            cases,
            lambda case: final_request(case, "\n".join(case.steps)),
            StepMatch,
            ask,
            "judging answers by the steps",
        )
        judged = [line | {"final_released": _verdict(final)} for line, final in zip(judged, against, strict=True)]
    return judged


def _line(mark: GraderReply | None, final: GraderReply | None) -> dict:
    values = mark.model_dump(by_alias=True) if mark else None
    own = values.pop(OVERALL) if values else None
    return {"scores": values, "own": own, "final": _verdict(final)}


def _verdict(final: GraderReply | None) -> bool | None:
    return None if final is None else bool(final.verdict)
