"""The expected gain of best-of-N and of a stage beam with a judge, from its accuracy, in points of right answers.

    found = expected_gains(right, answers, stages, curve, costs)        # one line for each method and N
    found[["search", "value", "low", "high", "times"]]

*best-of-N*: a knock-out among N of the model's own answers, computed exactly from how many of each question's sampled
answers are right, with the judge's accuracy on pairs of whole answers (`o1lib.analysis.audits.knockout`).

*stage beam*: an oracle's gain by best-of-N, times the measured ratio of an oracle's gain by a stage beam to that by
best-of-N, times the share of an oracle's gain that such a judge wins on the measured curve
(`o1lib.analysis.audits.curve`). The curve and the ratio were measured at N = 4 and are taken for every N.

Intervals join draws of the questions, of the judge's accuracy, and of the curve. The shares of questions with 0, 1, ...
right answers are drawn from their posterior under a prior that weighs as much as one question, so that a few questions
that are alike do not look certain. Gains are over one sampled answer.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from o1lib.analysis.audits.curve import GainCurve
from o1lib.analysis.audits.knockout import by_count
from o1lib.analysis.audits.spread import DRAWS, SIDES, JudgeSpread

SIZES = (2, 4, 8)
BEST_OF_N, STAGE_BEAM = "best_of_n", "stage_beam"
COLUMNS = ["method", "n", "search", "value", "low", "high", "sure", "most", "tokens", "times"]


def expected_gains(
    right: Mapping[str, Sequence[bool]],
    answers: JudgeSpread,
    stages: JudgeSpread | None,
    curve: GainCurve | None,
    costs: Mapping,
    seed: int = 0,
) -> pd.DataFrame:
    """Return one line for each search, with COLUMNS: its gain over one answer, and `most`, an oracle's gain.

    `sure` is the lower end of the gain if all searches are to lie in their intervals at once (Bonferroni), as it must
    be asked of the search that was chosen among them.
    `right` is {qid: whether each sampled answer is right}, equally many answers each. `answers` and `stages` are the
    judge's accuracies on whole answers and on stages; without the latter the former is taken. `costs` are those of
    `o1lib.evaluation.audits.candidates.costs_of`. `tokens` are processed per question, `times` those of one answer.
    Without a curve, or for a model that writes no stages, there are no lines for the stage beam.
    """
    counts, draws, total = _counts(right, seed)
    sizes = [n for n in SIZES if n <= total]
    lines = []
    for n in sizes:
        lines.append((BEST_OF_N, n, *_whole(counts, draws, total, n, answers)))
    for n in sizes if curve is not None and _staged_answers(costs) else ():
        lines.append((STAGE_BEAM, n, *_staged(counts, draws, total, n, stages or answers, curve)))
    found = [
        {"method": method, "n": n, "search": _name(method, n), "most": most}
        | _interval(value, drawn, len(lines))
        | _cost(method, n, answers, stages, costs)
        for method, n, value, drawn, most in lines
    ]
    return pd.DataFrame(found, columns=COLUMNS)


def _name(method, n):
    return f"best-of-{n}" if method == BEST_OF_N else f"stage beam, N = {n}"


def _counts(right, seed):
    """Return (share of questions with 0, 1, ... right answers; DRAWS of it from its posterior; answers each)."""
    total = len(next(iter(right.values())))
    histogram = np.bincount([sum(flags) for flags in right.values()], minlength=total + 1)
    size = int(histogram.sum())
    draws = np.random.default_rng(seed).dirichlet(histogram + 1 / len(histogram), size=DRAWS)
    return histogram / size, draws, total


def _room(counts, total, n):
    """Return what an oracle gains with n candidates over one answer."""
    return counts @ (by_count(total, n, 1.0) - np.arange(total + 1) / total)


def _whole(counts, draws, total, n, answers):
    one = np.arange(total + 1) / total
    value = float(counts @ (by_count(total, n, answers.right["value"]) - one))
    drawn = np.einsum("dk,kd->d", draws, by_count(total, n, answers.draws)) - draws @ one
    return value, drawn, float(_room(counts, total, n))


def _staged(counts, draws, total, n, judge, curve):
    most = float(_room(counts, total, n) * curve.headroom)
    value = most * curve.share(judge.right["value"])
    drawn = _room(draws, total, n) * curve.headrooms * curve.shares(judge.draws)
    return value, drawn, most


def _interval(value, drawn, searches=1) -> dict:
    """Return a value with its 95 % interval, which holds it, and the lower end for so many searches at once."""
    low, high, sure = (float(one) for one in np.percentile(drawn, (*SIDES, SIDES[0] / searches)))
    return {"value": value, "low": min(value, low), "high": max(value, high), "sure": min(value, sure)}


def largest_gain(
    right: Mapping[str, Sequence[bool]], costs: Mapping, curve: GainCurve | None = None, seed: int = 0
) -> dict:
    """Return what a perfect judge gains at the largest N, with its 95 % interval; the arguments are as above.

    It is the larger one of the gains by best-of-N and, with a curve and for a model that writes stages, by a stage
    beam. `search` names those that were looked at.
    """
    counts, draws, total = _counts(right, seed)
    n = max(size for size in SIZES if size <= total)
    value, drawn, searches = float(_room(counts, total, n)), _room(draws, total, n), [_name(BEST_OF_N, n)]
    found = [_interval(value, drawn)]
    if curve is not None and _staged_answers(costs):
        found.append(_interval(value * curve.headroom, drawn * curve.headrooms))
        searches.append(f"a {_name(STAGE_BEAM, n)}")
    return max(found, key=lambda one: one["high"]) | {"n": len(right), "search": " or ".join(searches)}


def _staged_answers(costs) -> bool:
    """Return whether the model writes stages that a stage beam could choose among."""
    return costs["stages"] > 1


def _cost(method, n, answers, stages, costs):
    """Return the tokens of a search for each question, and how many times those of one answer they are."""
    prompts, single = costs["prompts"][n], costs["prompts"][1]
    one = costs["generated"] + single
    if method == STAGE_BEAM and costs["rereads"]:  # each stage reads the prompts again, and what is written so far
        written = costs["generated"] * (costs["stages"] - 1) / 2
        prompts = costs["stages"] * prompts + written * (prompts / single if single else 1)
    asked = n - 1 if method == BEST_OF_N else (n - 1) * costs["stages"]
    verdict = (stages or answers).tokens if method == STAGE_BEAM else answers.tokens
    tokens = prompts + n * costs["generated"] + asked * verdict
    return {"tokens": tokens, "times": tokens / one}
