"""The metrics of each test set: its headline, its parts, and the subsets and the average that the papers report.

    of_sets(rows)["MMBench_DEV_EN"]      # circular accuracy; o1lib.scoring.metrics lists the rule of every name

A set and its drawn twin ("mini-MMStar") have the same rule. Lines that a judge graded have `graded` {"score", "by"},
lines of VRC-Bench have `vrc` (see o1lib.evaluation.graders). If the judge's reply could not be read, the answer counts
as wrong, and a metric of its own gives the share of such answers.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean

from o1lib.records import UserError
from o1lib.scoring.groups import accuracy, all_right, by, grouped, question_key
from o1lib.scoring.intervals import Z, average, metric, score, share

HALLUSION, MMBENCH, VRC = "mini-HallusionBench", "mini-MMBench", "mini-VRC-Bench"
PAPER_SETS = ("mini-MMStar", MMBENCH, "mini-MM-Vet", "mini-MathVista", "mini-AI2D", HALLUSION)
MMVET = ("rec", "ocr", "know", "gen", "spat", "math")
# Paper A, version 6, appendix E: the score of a reasoning subset is the plain mean over these skills
R_SKILLS = {
    "MMStar": ("instance reasoning", "logical reasoning", "math", "science & technology"),
    "MMBench": ("attribute_reasoning", "logic_reasoning", "relation_reasoning"),
    "MMVet": ("spat", "math"),
}


def circular_accuracy(rows: Iterable[dict]) -> dict | None:
    """Return the share of questions that are right under every rotation of their options (MMBench, section 4.1).

    The rotations of a question share its `group`. A line without a group is a question of its own.
    """
    return share(all_right(grouped(rows, question_key)))


def _figure_and_question(row: dict) -> tuple[tuple[str, str], tuple[str, str]]:
    parts = str(row["qid"]).split("#")
    if len(parts) != 3 or not all(parts):
        raise UserError(
            f"qid {row['qid']!r} of {row.get('test_set') or HALLUSION} is not "
            "'<pair>#<figure>#<question>': build the set again"
        )
    return (parts[0], parts[1]), (parts[0], parts[2])


def counted_together(name: str, rows: Sequence[dict]) -> list[list[list[dict]]]:
    """Return the groups of lines that must all be right to count in the headline of test set `name`, by its parts.

    The headline is the mean over the parts of the share of groups that are all right. There is one part, but for
    HallusionBench, which has three: lines, figures and questions. A line needs `qid`, and `group` where rotations of a
    question count together. MM-Vet's grade by a judge is no such share. Raises UserError as `hallusion` does.
    """
    lines, benchmark = [[row] for row in rows], _benchmark(name)
    if benchmark in (MMBENCH, "MMBench"):
        return [grouped(rows, question_key)]
    if benchmark in (HALLUSION, "HallusionBench"):
        return [lines, *(grouped(rows, lambda row, k=k: _figure_and_question(row)[k]) for k in (0, 1))]
    return [lines]


def hallusion(rows: Iterable[dict]) -> dict[str, dict | None]:
    """Return aAcc (lines), fAcc (figures with every question right) and qAcc (questions right on every figure).

    The definitions are those of HallusionBench, section 4. A line's qid is "<pair>#<figure>#<question>". A pair is a
    picture and its edited twin with the same questions. `mean` is the average of the three, with a jackknife interval
    over pairs. Raises UserError for another form of qid.
    """
    rows = list(rows)
    if not rows:
        return {}

    def three(some: list[dict]) -> list[dict | None]:
        return [share(all_right(groups)) for groups in counted_together(HALLUSION, some)]

    def middle(some: list[dict]) -> float:
        return fmean(part["value"] for part in three(some) if part)

    pairs = defaultdict(list)
    for row in rows:
        pairs[_figure_and_question(row)[0][0]].append(row)
    left_out = (
        [middle([row for name, some in pairs.items() if name != out for row in some]) for out in pairs]
        if len(pairs) > 1
        else [0.0]
    )
    spread = (len(pairs) - 1) / len(pairs) * sum((value - fmean(left_out)) ** 2 for value in left_out)
    value, half = middle(rows), Z * math.sqrt(spread)
    return dict(zip(("aAcc", "fAcc", "qAcc"), three(rows), strict=True)) | {
        "mean": metric(value, len(rows), max(0.0, value - half), min(1.0, value + half))
    }


def of_sets(rows: list[dict]) -> dict[str, dict | None]:
    """Return the headline and parts of every test set, and the average over the papers' six sets if all are there."""
    found = {}
    for name, some in by(rows, "test_set").items():
        benchmark = _benchmark(name)
        found |= _RULES.get(benchmark, _plain)(name, some) | _of_judge(name, some)
        names = R_SKILLS.get(benchmark, ())
        skills = [skill for skill in (found.get(f"{name}/{skill}") for skill in names) if skill]
        found[f"{name}-R"] = average(skills) if names and len(skills) == len(names) else None
    if all(name in found for name in PAPER_SETS):
        found["mini-average"] = average([found[name] for name in PAPER_SETS])
    return found


def _benchmark(name: str) -> str:
    """Return the benchmark whose rules a test set has ("MMBench" for MMBench_DEV_EN), "" for plain accuracy."""
    return next((known for known in _RULES if name == known or name.startswith(known + "_")), "")


def _plain(name: str, rows: list[dict]) -> dict:
    return {name: accuracy(rows)}


def _skills(name: str, rows: list[dict], measure: Callable = accuracy) -> dict:
    return {f"{name}/{skill}": measure(some) for skill, some in by(rows, "skill").items()}


def _with_skills(name: str, rows: list[dict]) -> dict:
    return {name: accuracy(rows), **_skills(name, rows)}


def _mmbench(name: str, rows: list[dict]) -> dict:
    skills = {} if name == MMBENCH else _skills(name, rows, circular_accuracy)
    return {name: circular_accuracy(rows), f"{name}/plain": accuracy(rows), **skills}


def _mmvet(name: str, rows: list[dict]) -> dict:
    """MM-Vet: the mean grade, in all and by capability (a question may need several). There is none without a judge."""
    graded = [row for row in rows if row.get("graded")]
    if not graded:
        return {f"{name}/by rule": accuracy(rows)}
    needs = [row["skill"].replace(" ", "").split(",") for row in graded]
    skills = {
        f"{name}/{one}": _grade(row for row, all_ in zip(graded, needs, strict=True) if one in all_) for one in MMVET
    }
    return {name: _grade(graded), **skills}


def _grade(rows: Iterable[dict]) -> dict | None:
    return score(row["graded"]["score"] or 0.0 for row in rows)


def _of_judge(name: str, rows: list[dict]) -> dict:
    """The shares of answers that a judge graded, and of these the share without a readable grade (wrong above)."""
    graded = [row["graded"] for row in rows if row.get("graded")]
    return (
        {
            f"{name}/by judge": share(bool(row.get("graded")) for row in rows),
            f"{name}/ungraded": share(one["score"] is None for one in graded),
        }
        if graded
        else {}
    )


def _hallusion(name: str, rows: list[dict]) -> dict:
    parts = hallusion(rows)
    return {name: parts.pop("mean"), **{f"{name}/{part}": found for part, found in parts.items()}}


def _vrc(name: str, rows: list[dict]) -> dict:
    """VRC-Bench: final answers and steps by the corrected rule, and both by the released rule."""
    judged = [row["vrc"] for row in rows if row.get("vrc")]
    if not judged:
        return {name: accuracy(rows), f"{name}/steps": _steps(rows)}
    scores = [one["scores"] for one in judged]
    criteria = {key: score((one[key] / 10 if one else 0.0) for one in scores) for key in next(filter(None, scores), {})}
    owns = [one["own"] / 10 for one in judged if one["own"] is not None]
    released = [one["final_released"] for one in judged if one.get("final_released") is not None]
    return {
        name: share(bool(one["final"]) for one in judged),
        f"{name}/steps": score(fmean(one.values()) / 10 if one else 0.0 for one in scores),
        **{f"{name}/steps/{key}": found for key, found in criteria.items()},
        f"{name}/steps unjudged": share(one is None for one in scores),
        f"{name}/final unjudged": share(one["final"] is None for one in judged),
        f"{name}/steps as released": score(owns),
        f"{name}/final as released": share(released),
        **_skills(name, [row for row in rows if row.get("vrc")], _finals),
    }


def _finals(rows: list[dict]) -> dict | None:
    return share(bool(row["vrc"]["final"]) for row in rows)


def _steps(rows: list[dict]) -> dict | None:
    """Return the mean share of reasoning steps that hold, over the lines with checked steps."""
    shares = [(row.get("stage_scores") or {}).get("reasoning_precision") for row in rows]
    return score(share for share in shares if share is not None)


_RULES = {
    "mini-MMStar": _with_skills,
    "MMStar": _with_skills,
    "MathVista": _with_skills,
    MMBENCH: _mmbench,
    "MMBench": _mmbench,
    "MMVet": _mmvet,
    HALLUSION: _hallusion,
    "HallusionBench": _hallusion,
    VRC: _vrc,
    "VRC-Bench": _vrc,
}
