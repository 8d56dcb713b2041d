"""Averages, paired contrasts and ratios with their 95 % intervals.

    contrast(a, b).value     # the mean of a minus b, in the table's unit (fractions, never points)

The method was chosen by simulation. Answers are right or wrong. The difficulty of a question is shared by all seeds and
arms, an arm suits some questions better than others, and a seed moves a whole arm by 0 to 6 points. There were 200 or
1,000 questions (only 200 for two seeds), averages and contrasts, and 1,000 to 1,200 runs for each cell (250 to 300 for
the bootstrap). The table shows how many of 100 intervals of 95 % held the true value, from the worst cell to the best.
Chance alone moves a cell by about 1 (for the bootstrap by 3).

| seeds | bootstrap over questions nested in seeds | t on seed means | components | wider of the last two |
|---|---|---|---|---|
| 5 | 85 to 96 | 80 to 95 | 93 to 95 | 93 to 95 |
| 3 | 75 to 98 | 88 to 95 | 91 to 95 | 94 to 96 |
| 2 | 76 to 95 | 92 to 95, 4 to 7 times as wide | 89 to 95, 2 to 6 times as wide | 96 to 98, as wide as t |

The nested bootstrap counts the same question under five seeds as five questions, so it is too narrow for an average,
and it is overconfident when there are few seeds. The t-interval ignores that the questions were sampled. So the
variances of questions and seeds are added up as variance components, and the wider of that interval and the t-interval
is used. 10,000 runs of each of the six cells in tests/analysis/test_stats.py gave 94.5 to 95.0. With two seeds no
method is both honest and useful: the bootstrap is used, and it holds for these two seeds only.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from o1lib.analysis.stats.samples import Sample, sample
from o1lib.analysis.stats.spread import LEVEL, RESAMPLES, Spread, bootstrap, components, seed_means
from o1lib.records import UserError

ENOUGH_SEEDS = 3
PARTS = {
    "bootstrap": "bootstrap over questions nested in seeds",
    "components": "t-interval from variance components of questions and seeds",
    "seeds": "t-interval on seed means",
    "exact": "exact bound, no two values being different",
}


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval over `n` questions and `seeds` seeds; `method` is a key of PARTS.

    `parts` holds (low, high) of every method that was computed, including the one that was used.
    """

    value: float
    low: float
    high: float
    n: int
    seeds: int
    method: str
    parts: dict[str, tuple[float, float]] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Contrast(Interval):
    """a minus b (or a over b). A question is won where a's mean over seeds is higher, and lost where b's is.

    `p` is the two-sided p-value of no difference (of a ratio of one), by the method that gave the interval.
    """

    p: float = 1.0
    wins: int = 0
    losses: int = 0


def interval(table: pd.DataFrame, value: str = "correct", *, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """Return the mean of a table's column with its 95 % interval; see `o1lib.analysis.stats.samples` for the columns.

    With three seeds or more the wider of two intervals is used: that from variance components of questions and seeds,
    and the t-interval on seed means. With one or two seeds it is the bootstrap over questions nested in seeds; with one
    seed it says nothing about other seeds, and with two seeds little. Where all answers are right, or all are wrong,
    it is the exact bound for that number of questions (Clopper and Pearson, https://doi.org/10.1093/biomet/26.4.404).
    Intervals of answers stay within 0..1, those of differences within -1..1. `resamples=0` skips the bootstrap where it
    is not used. Raises UserError for a table that `sample` refuses.
    """
    found = sample(table, value)
    fields = _decide(found, _bounds(found.values, 0.0), resamples, seed)
    return Interval(**{name: fields[name] for name in fields.keys() - {"p"}})


def contrast(
    a: pd.DataFrame, b: pd.DataFrame, value: str = "correct", *, resamples: int = RESAMPLES, seed: int = 0
) -> Contrast:
    """Return the mean of a - b over the same questions and seeds, with its interval as in `interval`.

    Raises UserError that names questions or seeds which only one of the two tables has.
    """
    one, other = _paired(a, b, value)
    found = one.with_values(one.values - other.values)
    bounds = _bounds(np.concatenate([one.values, other.values]), -1.0)
    return Contrast(**_decide(found, bounds, resamples, seed), **_tally(found.values))


def ratio(a: pd.DataFrame, b: pd.DataFrame, value: str, *, resamples: int = RESAMPLES, seed: int = 0) -> Contrast:
    """Return the mean of a over the mean of b (for costs), with an interval by the delta method on the logarithm.

    The deviations a / mean(a) - b / mean(b) have mean zero and the variance of the ratio's logarithm. Raises UserError
    as `contrast` does, and when a mean is not above zero.
    """
    one, other = _paired(a, b, value)
    top, bottom = one.estimates().mean(), other.estimates().mean()
    if min(top, bottom) <= 0:
        raise UserError(f"the mean of {value!r} is not above zero, so there is no ratio: check that it was measured")
    deviations = one.values / top - other.values / bottom
    found = _decide(
        one.with_values(deviations + np.log(top / bottom) / sum(w for w, _ in one.strata)), None, resamples, seed
    )
    for name in ("value", "low", "high"):
        found[name] = float(np.exp(found[name]))
    found["parts"] = {name: tuple(np.exp(ends).tolist()) for name, ends in found["parts"].items()}
    return Contrast(**found, **_tally(one.values - other.values))


def share_of_gain(
    a: pd.DataFrame,
    floor: pd.DataFrame,
    ceiling: pd.DataFrame,
    value: str,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Contrast:
    """Return (a - floor) / (ceiling - floor), the share of the possible gain; wins and losses are over the floor.

    The interval is that of the linearized share (delta method). Raises UserError as `contrast` does, and where the
    interval of ceiling - floor is not above zero: then there is no gain to share, and the quotient could be any number.
    """
    if contrast(ceiling, floor, value, resamples=resamples, seed=seed).low <= 0:
        raise UserError("the ceiling is not surely above the floor, so there is no share of its gain")
    (one, low), (top, _) = _paired(a, floor, value), _paired(ceiling, floor, value)
    gain = one.with_values(one.values - low.values)
    whole = one.with_values(top.values - low.values).estimates().mean()
    won = gain.estimates().mean() / whole
    deviations = (gain.values - won * (top.values - low.values)) / whole
    shares = deviations + won / sum(w for w, _ in one.strata)
    found = _decide(one.with_values(shares), None, resamples, seed)
    return Contrast(**found, **_tally(gain.values))


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


def _tally(differences: np.ndarray) -> dict:
    means = differences.mean(0)
    return {"wins": int((means > 0).sum()), "losses": int((means < 0).sum())}


def _bounds(values: np.ndarray, least: float) -> tuple[float, float] | None:
    """Return (least, 1), the range of the values, where all of them are 0 or 1, else None."""
    return (least, 1.0) if np.isin(values, (0.0, 1.0)).all() else None


def _decide(data: Sample, bounds: tuple[float, float] | None, resamples: int, seed: int) -> dict:
    """Return the fields of a Contrast but wins and losses: all methods computed, one chosen, cut to the bounds."""
    seeds, size = data.values.shape
    value = float(data.estimates().mean())
    if bounds and np.ptp(data.values) == 0:
        spreads = {"exact": _exact(value, size, bounds)}
    else:
        spreads = {"components": components(data), "seeds": seed_means(data)} if seeds >= ENOUGH_SEEDS else {}
        if resamples or not spreads:
            spreads["bootstrap"] = bootstrap(data, resamples or RESAMPLES, seed)
    able = [name for name in spreads if name != "bootstrap"] or ["bootstrap"]
    method = max(able, key=lambda name: spreads[name].high - spreads[name].low)
    low, high = bounds or (-np.inf, np.inf)
    parts = {name: (max(low, found.low), min(high, found.high)) for name, found in spreads.items()}
    return {
        "value": value,
        "low": parts[method][0],
        "high": parts[method][1],
        "n": size,
        "seeds": seeds,
        "method": method,
        "p": _p(value, spreads[method]),
        "parts": parts,
    }


def _exact(value: float, size: int, bounds: tuple[float, float]) -> Spread:
    """Return the bound on the share of questions that would differ, given that none of `size` did."""
    reach = 1 - (0.5 - LEVEL / 2) ** (1 / size)
    return Spread(value - reach, value + reach, 0.0, float("inf"))


def _p(value: float, spread: Spread) -> float:
    """Return the two-sided p-value that the mean is zero."""
    from scipy.special import ndtr, stdtr

    if spread.error == 0:
        return float(spread.low <= 0 <= spread.high)
    distance = -abs(value) / spread.error
    return float(2 * (ndtr(distance) if np.isinf(spread.df) else stdtr(spread.df, distance)))
