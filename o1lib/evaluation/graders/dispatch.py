"""Send each prediction that needs a judge to the grader of its test set.

lines = grade(predictions, items, endpoint.ask)
"""

from collections.abc import Iterable, Sequence

from o1lib.data.benchmarks import BENCHMARKS
from o1lib.evaluation.graders import mmvet, vrc_bench
from o1lib.evaluation.graders.client import TOKENS, Ask, verdicts, with_budget
from o1lib.formats.chat import answer_text
from o1lib.formats.thoughts import without_thoughts
from o1lib.scoring import correct


def grade(
    lines: Iterable[dict], items: Sequence, ask: Ask, rule: str = "corrected", max_tokens: int = TOKENS
) -> list[dict]:
    """Return the predictions with the judge's verdicts. The judge sees the part of an output that is scored.

    - MMVet: `graded` {"score": 0..1 or None, "by": "judge"}; only a full grade is `correct`
    - VRC-Bench: `vrc` (see `vrc_bench.score`); `correct` is the verdict on the final answer, False for a failure
    - choice, yes/no and MathVista answers that no rule extracts with certainty: the judge extracts them without the
      gold answer, and they are compared by rule; `graded` {"score", "by", "answer"}, with score None for a failure

    Predictions of other test sets are returned unchanged. `rule` is that of VRC-Bench, "corrected" or "released".
    `max_tokens` bounds each reply of the judge with its thoughts. Raises UserError for another rule or a bound below 1.
    """
    ask = with_budget(ask, max_tokens)
    lines, known = list(lines), {item.qid: item for item in items}
    kinds = [BENCHMARKS[line["test_set"]].kind if line["test_set"] in BENCHMARKS else "" for line in lines]
    open_ended, steps = ([k for k, kind in enumerate(kinds) if kind == wanted] for wanted in ("open", "steps"))
    unread = [
        k
        for k, kind in enumerate(kinds)
        if kind in ("choice", "yes/no", "mixed") and mmvet.needs_reading(lines[k], kind)
    ]
    _grade_open(lines, open_ended, known, ask)
    _score_steps(lines, steps, known, ask, rule)
    for kind in ("choice", "yes/no", "mixed"):
        _read_answers(lines, [k for k in unread if kinds[k] == kind], known, ask, kind)
    return lines


def _answer(line: dict) -> str:
    return answer_text(line["output"], line["format"])


def _grade_open(lines: list[dict], positions: list[int], known: dict, ask: Ask) -> None:
    found = verdicts(
        positions,
        lambda k: mmvet.grading(known[lines[k]["qid"]], _answer(lines[k])),
        mmvet.Grade,
        ask,
        "grading open answers",
    )
    for k, verdict in zip(positions, found, strict=True):
        mark = None if verdict is None else round(verdict.grade, 1)
        lines[k] = lines[k] | {"graded": {"score": mark, "by": "judge"}, "correct": mark == 1.0}


def _score_steps(lines: list[dict], positions: list[int], known: dict, ask: Ask, rule: str) -> None:
    items = [known[lines[k]["qid"]] for k in positions]
    cases = [
        vrc_bench.Case(item.question, item.steps, item.answer, without_thoughts(lines[k]["output"]), _answer(lines[k]))
        for k, item in zip(positions, items, strict=True)
    ]
    for k, judged in zip(positions, vrc_bench.score(cases, ask, rule), strict=True):
        lines[k] = lines[k] | {"vrc": judged, "correct": bool(judged["final"])}


def _read_answers(lines: list[dict], positions: list[int], known: dict, ask: Ask, kind: str) -> None:
    """Have the judge extract answers. Questions with equally many options share a form and are sent together."""
    counts = {k: len(known[lines[k]["qid"]].options) for k in positions}
    for n in sorted(set(counts.values())):
        group = [k for k in positions if counts[k] == n]
        found = verdicts(
            group,
            lambda k: mmvet.reading(known[lines[k]["qid"]], _answer(lines[k]), kind),
            mmvet.reading_form(kind, n),
            ask,
            "reading answers",
        )
        for k, verdict in zip(group, found, strict=True):
            item = known[lines[k]["qid"]]
            value = mmvet.read_value(verdict, item.options)
            right = correct(value, item.answer, item.options)
            mark = None if verdict is None else float(right)
            lines[k] = lines[k] | {"graded": {"score": mark, "by": "judge", "answer": value}, "correct": right}
