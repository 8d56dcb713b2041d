"""Averages, paired contrasts and ratios with their 95 % intervals.

    contrast(a, b).value     # the mean of a minus b, in the table's unit (fractions, never points)

One rule gives the interval and the p-value at any number of seeds: a t-test whose standard error and degrees of freedom
come from variance components of questions and seeds (`o1lib.analysis.stats.spread`). So p is below 0.05 exactly where
the 95 % interval leaves zero out.

The rule was tried by simulation. Answers are right or wrong. The difficulty of a question is shared by all seeds and
arms, an arm suits some questions better than others, and a seed moves a whole arm by 0, 2 or 6 points. There were 200
or 1,000 questions, paired contrasts, and 1,000 runs for each cell, so chance alone moves a cell by 1. The table has how
many of 100 intervals of 95 % held the true value, for seeds that move an arm by at most 2 points and by 6.

| seeds | at most 2 points | 6 points |
|---|---|---|
| 8 | 95 to 97 | 94 to 95 |
| 5 | 95 to 98 | 94 to 95 |
| 3 | 95 to 99 | 94 to 96 |
| 2 | 95 to 98 | 91 to 93 |
| 1 | 95 for this seed; 79 to 92 for all seeds | 34 to 67 for all seeds |

A t-interval on seed means alone ignores that questions were sampled, and with two seeds it is three times as wide. With
one seed the interval holds for that seed only.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from o1lib.analysis.stats.samples import Sample, sample
from o1lib.analysis.stats.spread import LEVEL, Spread, components
from o1lib.records import UserError

ENOUGH_SEEDS = 3  # from which the tables of single rows widen an average by the spread of its seeds
METHODS = {
    "components": "t-interval from variance components of questions and seeds",
    "exact": "exact bound, no two values being different",
}


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval over `n` questions and `seeds` seeds; `method` is a key of METHODS.

    With several bases `seeds` is the least number of seeds of one of them.
    """

    value: float
    low: float
    high: float
    n: int
    seeds: int
    method: str


@dataclass(frozen=True)
class Contrast(Interval):
    """a minus b (or a over b). A question is won where a's mean over seeds is higher, and lost where b's is.

    `p` is the two-sided p-value of no difference (of a ratio of one). It is below 0.05 exactly where the interval
    leaves zero (one) out.
    """

    p: float = 1.0
    wins: int = 0
    losses: int = 0


def interval(table: pd.DataFrame, value: str = "correct") -> Interval:
    """Return the mean of a table's column with its 95 % interval; see `o1lib.analysis.stats.samples` for the columns.

    The interval is that of variance components. With one seed it says nothing about other seeds. Where all answers are
    right, or all are wrong, it is the exact bound for that number of questions (Clopper and Pearson,
    https://doi.org/10.1093/biomet/26.4.404). Intervals of shares stay within 0..1, those of their differences within
    -1..1. Raises UserError for a table that `sample` refuses.
    """
    found = sample(table, value)
    fields = decide(found, _bounds(found, found.values, paired=False))
    return Interval(**{name: fields[name] for name in fields.keys() - {"p"}})


def contrast(a: pd.DataFrame, b: pd.DataFrame, value: str = "correct") -> Contrast:
    """Return the mean of a - b over the same questions and seeds, with its interval as in `interval`.

    Raises UserError that names questions or seeds which only one of the two tables has.
    """
    return _difference(*_paired(a, b, value))


def _difference(one: Sample, other: Sample) -> Contrast:
    found = one.with_values(one.values - other.values)
    bounds = _bounds(found, np.concatenate([one.values, other.values]), paired=True)
    return Contrast(**decide(found, bounds), **_tally(found))


def ratio(a: pd.DataFrame, b: pd.DataFrame, value: str) -> Contrast:
    """Return the mean of a over the mean of b (for costs), with an interval by the delta method on the logarithm.

    The deviations a / mean(a) - b / mean(b) have mean zero and the variance of the ratio's logarithm. Raises UserError
    as `contrast` does, and when a mean is not above zero.
    """
    one, other = _paired(a, b, value)
    top, bottom = (side.average(side.estimates()) for side in (one, other))
    if min(top, bottom) <= 0:
        raise UserError(f"the mean of {value!r} is not above zero, so there is no ratio: check that it was measured")
    deviations = one.values / top - other.values / bottom
    found = decide(one.with_values(deviations + np.log(top / bottom) / sum(w for w, _ in one.strata)), None)
    for name in ("value", "low", "high"):
        found[name] = float(np.exp(found[name]))
    return Contrast(**found, **_tally(one.with_values(one.values - other.values)))


def share(part: pd.DataFrame, whole: pd.DataFrame, value: str) -> Contrast:
    """Return the mean of `part` over the mean of `whole`, in which it is contained: `ratio` with its interval cut at 1.

    Raises UserError as `ratio` does, and where a value of `part` is above that of `whole`.
    """
    inside, outside = _paired(part, whole, value)
    if (inside.values > outside.values).any():
        raise UserError(f"a part is larger than its whole in {value!r}, so there is no share: check what was counted")
    found = ratio(part, whole, value)
    return replace(found, high=min(1.0, found.high))


def share_of_gain(a: pd.DataFrame, floor: pd.DataFrame, ceiling: pd.DataFrame, value: str) -> Contrast:
    """Return (a - floor) / (ceiling - floor), the share of the possible gain; wins and losses are over the floor.

    The interval is that of the linearized share (delta method). Raises UserError as `contrast` does, and where the
    interval of ceiling - floor is not above zero: then there is no gain to share, and the quotient could be any number.
    """
    top, low = _paired(ceiling, floor, value)
    if _difference(top, low).low <= 0:
        raise UserError("the ceiling is not surely above the floor, so there is no share of its gain")
    one, _ = _paired(a, floor, value)
    gain = one.with_values(one.values - low.values)
    whole = one.average(one.with_values(top.values - low.values).estimates())
    won = one.average(gain.estimates()) / whole
    deviations = (gain.values - won * (top.values - low.values)) / whole
    shares = deviations + won / sum(w for w, _ in one.strata)
    found = decide(one.with_values(shares), None)
    return Contrast(**found, **_tally(gain))


def _paired(a: pd.DataFrame, b: pd.DataFrame, value: str) -> tuple[Sample, Sample]:
    """Return both tables as samples. Raises UserError unless they have the same questions and seeds."""
    one, other = sample(a, value), sample(b, value)
    for what, mine, theirs in (("seed", one.seeds, other.seeds), ("question", one.qids, other.qids)):
        if mine != theirs:
            odd = sorted(map(str, set(mine) ^ set(theirs)))
            named = ", ".join(odd[:5]) + (f" and {len(odd) - 5} more" if len(odd) > 5 else "")
            raise UserError(
                f"a paired contrast needs the same {what}s on both sides, but only one side has "
                f"{what} {named}: score both sides alike"
            )
    return one, other


def _tally(differences: Sample) -> dict:
    means = differences.average(differences.values)
    return {"wins": int((means > 0).sum()), "losses": int((means < 0).sum())}


def _bounds(data: Sample, values: np.ndarray, paired: bool) -> tuple[float, float] | None:
    """Return the range of the weighted mean where all values are shares (0 to 1), of a difference if `paired`."""
    if values.min() < 0 or values.max() > 1:
        return None
    up, down = (sum(max(0.0, sign * weight) for weight, _ in data.strata) for sign in (1, -1))
    return (-up - down, up + down) if paired else (0.0 - down, up)


def decide(data: Sample, bounds: tuple[float, float] | None) -> dict:
    """Return the fields of a Contrast but wins and losses, with the interval cut to `bounds` (lowest, highest)."""
    size = data.values.shape[1]
    value = float(data.average(data.estimates()))
    method = "exact" if bounds and np.ptp(data.values) == 0 else "components"
    spread = _exact(value, size) if method == "exact" else components(data)
    low, high = bounds or (-np.inf, np.inf)
    return {
        "value": value,
        "low": max(low, spread.low),
        "high": min(high, spread.high),
        "n": size,
        "seeds": data.count,
        "method": method,
        "p": _p(value, spread),
    }


def _exact(value: float, size: int) -> Spread:
    """Return the bound on the share of questions that would differ, given that none of `size` did."""
    reach = exact_reach(size)
    return Spread(value - reach, value + reach, 0.0, float("inf"))


def exact_reach(size: int) -> float:
    """Return how far from the mean the exact bound of `size` questions lies where no two of their values differ."""
    return 1 - (0.5 - LEVEL / 2) ** (1 / size)


def _p(value: float, spread: Spread) -> float:
    """Return the two-sided p-value that the mean is zero."""
    from scipy.special import stdtr

    if spread.error == 0:
        return float(spread.low <= 0 <= spread.high)
    return float(2 * stdtr(spread.df, -abs(value) / spread.error))
