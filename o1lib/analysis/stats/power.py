"""Power analysis: the number of questions and seeds that a paired contrast needs, from a pilot's variances.

    found = variances(a, b)                                   # two tables as for `o1lib.analysis.stats.contrast`
    needed(found, seeds=5, detect=0.03, alpha=0.05 / 6)       # number of questions, None where no number is enough

A contrast's variance with n questions and S seeds is V_q / n + V_s / S + V_e / (n S): the variances between questions,
between seeds, and of their interaction. The test is that of `o1lib.analysis.stats.intervals`, a t-test with
Satterthwaite's degrees of freedom (statsmodels' TTestPower). On B bases S is replaced by B S, because the seeds of each
base are seeds of their mean.
"""

import math
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
import pandas as pd

from o1lib.analysis.stats.samples import sample

MOST = 2**20  # questions: a study that needs more than a million is not planned
SURE = 30.0  # a difference of this many standard errors is always found; the noncentral t loses its precision there


@dataclass(frozen=True)
class Variances:
    """Variances of a paired contrast for one question and one seed, in squares of the contrast's unit (fractions).

    `questions` and `seeds` are the variances between them, `both` that of their interaction. `seeds` is None where only
    one seed was measured; then `questions` holds the whole variance, as if further seeds reduced none of it. `n`
    questions and `count` seeds were measured, on each of `bases` bases. With several bases `questions` is the variance
    of their mean.
    """

    questions: float
    both: float
    seeds: float | None
    n: int
    count: int
    bases: int = 1

    def assuming(self, seeds: float) -> "Variances":
        """Return these variances with an assumed variance between seeds."""
        return replace(self, seeds=seeds)

    def mean_variance(self, n: int, seeds: int, bases: int = 1) -> tuple[float, float]:
        """Return the variance of the mean and its degrees of freedom.

        The study has `n` questions and, on each of `bases` bases, `seeds` seeds, at least two of each. Raises
        ValueError where the variance between seeds is unknown.
        """
        if self.seeds is None:
            raise ValueError("the variance between seeds is unknown: set one with `Variances.assuming`")
        runs = seeds * bases
        in_both = self.both / (n * runs)
        by_question, by_seed = self.questions / n + in_both, self.seeds / runs + in_both
        total = by_question + by_seed - in_both
        spread = by_question**2 / (n - 1) + (by_seed**2 + in_both**2 / (n - 1)) / (runs - bases)
        return total, total**2 / spread if spread else math.inf


def variances(a: pd.DataFrame, b: pd.DataFrame, value: str = "value") -> Variances:
    """Return the variances of a minus b. Strata (test sets) keep their share of the questions and their weight.

    Raises UserError as `o1lib.analysis.stats.sample` does.
    """
    one, other = sample(a, value), sample(b, value)
    difference = one.with_values(one.values - other.values)
    n, parts = difference.values.shape[1], difference.of_bases()
    repeated = [part for part in parts if part.count > 1]
    runs = len(parts) / fmean(1 / part.count for part in parts)  # seeds whose mean varies as much
    questions = both = 0.0
    for weight, columns in difference.strata:
        share, means = len(columns) / n, difference.average(difference.values[:, columns])
        residual = fmean(_residual(part.values[:, columns]) for part in repeated) if repeated else 0.0
        questions += weight**2 * max(0.0, means.var(ddof=1) - residual / runs) / share
        both += weight**2 * residual / share
    moved = [part.estimates().var(ddof=1) for part in repeated]
    between = max(0.0, fmean(moved) - both / n) if moved else None
    return Variances(
        float(questions), float(both), None if between is None else float(between), n, difference.count, len(parts)
    )


def _residual(values: np.ndarray) -> float:
    """Return the variance that is in both questions and seeds, of one base and stratum: shape (seeds, questions)."""
    rest = values - values.mean(0) - values.mean(1)[:, None] + values.mean()
    return float((rest**2).sum() / ((values.shape[1] - 1) * (values.shape[0] - 1)))


def power(pilot: Variances, n: int, seeds: int, detect: float, alpha: float, bases: int = 1) -> float:
    """Return the probability that a true difference of `detect` is found with the right sign, two-sided at `alpha`.

    The study has `n` questions and `seeds` seeds (at least two) on each of `bases` bases. Raises ValueError where the
    variance between seeds is unknown.
    """
    return _found(detect, *pilot.mean_variance(n, seeds, bases), alpha)


def _found(detect: float, variance: float, df: float, alpha: float) -> float:
    """Return the power of a t-test on a mean with this variance (of the mean) and these degrees of freedom."""
    from statsmodels.stats.power import TTestPower

    if detect >= SURE * math.sqrt(variance):
        return 1.0
    effect = detect / math.sqrt(variance)
    return float(TTestPower().power(effect, nobs=1, alpha=alpha / 2, df=min(df, MOST), alternative="larger"))


def needed(
    pilot: Variances, seeds: int, detect: float, alpha: float, wanted: float = 0.8, bases: int = 1
) -> int | None:
    """Return the smallest number of questions with which `power` reaches `wanted`, None where MOST are not enough."""
    if power(pilot, MOST, seeds, detect, alpha, bases) < wanted:
        return None
    low, high = 1, MOST  # `low` is not enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(pilot, middle, seeds, detect, alpha, bases) >= wanted else (middle, high)
    return high
