"""Which lines of a run need a judge, and for what: the test set says."""

from collections.abc import Iterable, Sequence

from o1lib.data.benchmarks import BENCHMARKS
from o1lib.evaluation.graders import mmvet, vrc_bench
from o1lib.evaluation.graders.client import Ask, verdicts
from o1lib.formats.chat import answer_text
from o1lib.scoring import correct


def grade(lines: Iterable[dict], items: Sequence, ask: Ask, rule: str = "corrected") -> list[dict]:
    """Return the prediction lines with what a judge says of them; the judge sees of an output what is scored of it.

    - MMVet: `graded` {"score": 0..1 or None, "by": "judge"}; `correct` is a full grade
    - VRC-Bench: `vrc` (see `vrc.score`); `correct` is the judge's word on the final answer, a failure is wrong
    - a choice, yes/no or MathVista answer that no rule is sure of: read by the judge without the gold answer, compared
      by rule; `graded` {"score", "by", "answer"}, score None where the judge could not be read

    Lines of other sets come back as they are. `rule` is VRC-Bench's.
    """
    lines, known = list(lines), {item.qid: item for item in items}
    kinds = [BENCHMARKS[line["test_set"]].kind if line["test_set"] in BENCHMARKS else "" for line in lines]
    open_, steps = ([k for k, kind in enumerate(kinds) if kind == wanted] for wanted in ("open", "steps"))
    unread = [
        k
        for k, kind in enumerate(kinds)
        if kind in ("choice", "yes/no", "mixed") and mmvet.needs_reading(lines[k], kind)
    ]
    _graded(lines, open_, known, ask)
    _judged(lines, steps, known, ask, rule)
    for kind in ("choice", "yes/no", "mixed"):
        _read(lines, [k for k in unread if kinds[k] == kind], known, ask, kind)
    return lines


def _answer(line: dict) -> str:
    return answer_text(line["output"], line["format"])


def _graded(lines: list[dict], some: list[int], known: dict, ask: Ask) -> None:
    found = verdicts(
        some,
        lambda k: mmvet.grading(known[lines[k]["qid"]], _answer(lines[k])),
        mmvet.Grade,
        ask,
        "grading open answers",
    )
    for k, verdict in zip(some, found, strict=True):
        mark = None if verdict is None else round(verdict.grade, 1)
        lines[k] = lines[k] | {"graded": {"score": mark, "by": "judge"}, "correct": mark == 1.0}


def _judged(lines: list[dict], some: list[int], known: dict, ask: Ask, rule: str) -> None:
    items = [known[lines[k]["qid"]] for k in some]
    cases = [
        vrc_bench.Case(item.question, item.steps, item.answer, lines[k]["output"], _answer(lines[k]))
        for k, item in zip(some, items, strict=True)
    ]
    for k, judged in zip(some, vrc_bench.score(cases, ask, rule), strict=True):
        lines[k] = lines[k] | {"vrc": judged, "correct": bool(judged["final"])}


def _read(lines: list[dict], some: list[int], known: dict, ask: Ask, kind: str) -> None:
    """Have the judge read, questions with equally many options together, for these share a form."""
    counts = {k: len(known[lines[k]["qid"]].options) for k in some}
    for n in sorted(set(counts.values())):
        these = [k for k in some if counts[k] == n]
        found = verdicts(
            these,
            lambda k: mmvet.reading(known[lines[k]["qid"]], _answer(lines[k]), kind),
            mmvet.reading_form(kind, n),
            ask,
            "reading answers",
        )
        for k, verdict in zip(these, found, strict=True):
            item = known[lines[k]["qid"]]
            value = mmvet.read_value(verdict, item.options)
            right = correct(value, item.answer, item.options)
            mark = None if verdict is None else float(right)
            lines[k] = lines[k] | {"graded": {"score": mark, "by": "judge", "answer": value}, "correct": right}
