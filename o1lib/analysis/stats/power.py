"""Power analysis: the number of questions and seeds that a paired contrast needs, from a pilot's variances.

    found = variances(a, b)                                   # two tables as for `o1lib.analysis.stats.contrast`
    needed(found, seeds=5, detect=0.03, alpha=0.05 / 6)       # number of questions, None where no number is enough

A contrast's variance with n questions and S seeds is V_q / n + V_s / S + V_e / (n S): the variances between questions,
between seeds, and of their interaction. The test is that of `o1lib.analysis.stats.intervals`, a t-test with
Satterthwaite's degrees of freedom (statsmodels' TTestPower).
"""

import math
from dataclasses import dataclass, replace

import pandas as pd

from o1lib.analysis.stats.samples import sample

MOST = 2**20  # questions: a study that needs more than a million is not planned
SURE = 30.0  # a difference of this many standard errors is always found; the noncentral t loses its precision there


@dataclass(frozen=True)
class Variances:
    """Variances of a paired contrast for one question and one seed, in squares of the contrast's unit (fractions).

    `questions` and `seeds` are the variances between them, `both` that of their interaction. `seeds` is None where only
    one seed was measured; then `questions` holds the whole variance, as if further seeds reduced none of it. `n`
    questions and `count` seeds were measured.
    """

    questions: float
    both: float
    seeds: float | None
    n: int
    count: int

    def assuming(self, seeds: float) -> "Variances":
        """Return these variances with an assumed variance between seeds."""
        return replace(self, seeds=seeds)

    def mean_variance(self, n: int, seeds: int) -> tuple[float, float]:
        """Return the variance of the mean and its degrees of freedom.

        The study has `n` questions and `seeds` seeds, at least two of each. Raises ValueError where the variance
        between seeds is unknown.
        """
        if self.seeds is None:
            raise ValueError("the variance between seeds is unknown: set one with `Variances.assuming`")
        in_both = self.both / (n * seeds)
        by_question, by_seed = self.questions / n + in_both, self.seeds / seeds + in_both
        total = by_question + by_seed - in_both
        spread = by_question**2 / (n - 1) + (by_seed**2 + in_both**2 / (n - 1)) / (seeds - 1)
        return total, total**2 / spread if spread else math.inf


def variances(a: pd.DataFrame, b: pd.DataFrame, value: str = "value") -> Variances:
    """Return the variances of a minus b. Strata (test sets) keep their share of the questions and their weight.

    Raises UserError as `o1lib.analysis.stats.sample` does.
    """
    one, other = sample(a, value), sample(b, value)
    difference = one.with_values(one.values - other.values)
    count, n = difference.values.shape
    questions = both = 0.0
    for weight, columns in difference.strata:
        values, share = difference.values[:, columns], len(columns) / n
        means = values.mean(0)
        rest = values - means - values.mean(1)[:, None] + values.mean()
        residual = (rest**2).sum() / ((len(columns) - 1) * (count - 1)) if count > 1 else 0.0
        questions += weight**2 * max(0.0, means.var(ddof=1) - residual / count) / share
        both += weight**2 * residual / share
    between = max(0.0, difference.estimates().var(ddof=1) - both / n) if count > 1 else None
    return Variances(float(questions), float(both), None if between is None else float(between), n, count)


def power(pilot: Variances, n: int, seeds: int, detect: float, alpha: float) -> float:
    """Return the probability that a true difference of `detect` is found with the right sign, two-sided at `alpha`.

    The study has `n` questions and `seeds` seeds (at least two). Raises ValueError where the variance between seeds is
    unknown.
    """
    return _found(detect, *pilot.mean_variance(n, seeds), alpha)


def _found(detect: float, variance: float, df: float, alpha: float) -> float:
    """Return the power of a t-test on a mean with this variance (of the mean) and these degrees of freedom."""
    from statsmodels.stats.power import TTestPower

    if detect >= SURE * math.sqrt(variance):
        return 1.0
    effect = detect / math.sqrt(variance)
    return float(TTestPower().power(effect, nobs=1, alpha=alpha / 2, df=min(df, MOST), alternative="larger"))


def needed(pilot: Variances, seeds: int, detect: float, alpha: float, wanted: float = 0.8) -> int | None:
    """Return the smallest number of questions with which `power` reaches `wanted`, None where MOST are not enough."""
    if power(pilot, MOST, seeds, detect, alpha) < wanted:
        return None
    low, high = 1, MOST  # `low` is not enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(pilot, middle, seeds, detect, alpha) >= wanted else (middle, high)
    return high
