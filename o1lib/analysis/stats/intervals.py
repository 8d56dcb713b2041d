"""Averages, paired contrasts and ratios with the interval that decides.

    contrast(a, b).value     # the mean of a minus b, in the table's unit (fractions, never points)

Which spread counts was settled by simulation: right and wrong answers, questions of differing difficulty shared by all
seeds and arms, arms that suit some questions better, seeds that move a whole arm by 0 to 6 points; 200 and 1,000
questions (200 only for two seeds), averages and contrasts, 1,000 to 1,200 runs a cell (250 to 300 of the bootstrap).
How many of 100 intervals of 95 % held the true value, from the worst cell to the best, where chance alone moves a cell
by about 1 (the bootstrap's by 3):

| seeds | bootstrap over questions nested in seeds | t on seed means | components | wider of the last two |
|---|---|---|---|---|
| 5 | 85 to 96 | 80 to 95 | 93 to 95 | 93 to 95 |
| 3 | 75 to 98 | 88 to 95 | 91 to 95 | 94 to 96 |
| 2 | 76 to 95 | 92 to 95, 4 to 7 times as wide | 89 to 95, 2 to 6 times as wide | 96 to 98, as wide as t |

The nested bootstrap takes the same question under five seeds for five questions: too narrow for an average, and it
knows few seeds too well. The t-interval does not know that the questions were drawn. Together they leave gaps, so
questions and seeds are added up as variance components, and the wider of that and the t-interval decides; 10,000 runs
of each of the six cells that tests/test_stats.py repeats gave 94.5 to 95.0. With two seeds nothing is both honest and
useful: there the bootstrap decides, and a reader should trust it for these two seeds only.
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

    `parts` holds (low, high) of every spread that was computed, the deciding one among them.
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
    """a minus b (or a over b); a question is won where a's mean over seeds is the higher, lost where b's is.

    `p` is two-sided, of no difference (a ratio of one), by the method that gave the interval.
    """

    p: float = 1.0
    wins: int = 0
    losses: int = 0


def interval(table: pd.DataFrame, value: str = "correct", *, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """Return the mean of a table's column with its 95 % interval; see `o1lib.analysis.stats.samples` for the columns.

    With three seeds or more the wider of two decides: variance components of questions and seeds, and the t-interval
    on seed means. With one or two seeds it is the bootstrap over questions nested in seeds, which with one seed says
    nothing of other seeds, and with two little. Where all answers are right, or all wrong, it is the exact bound for
    that many questions (Clopper and Pearson, https://doi.org/10.1093/biomet/26.4.404). Answers and differences of
    answers stay within their range. `resamples=0` skips the bootstrap where it does not decide. Raises UserError for
    a table that does not fit.
    """
    found = sample(table, value)
    fields = _decide(found, _bounds(found.values, 0.0), resamples, seed)
    return Interval(**{name: fields[name] for name in fields.keys() - {"p"}})


def contrast(
    a: pd.DataFrame, b: pd.DataFrame, value: str = "correct", *, resamples: int = RESAMPLES, seed: int = 0
) -> Contrast:
    """Return the mean of a - b over the same questions and seeds, interval as in `interval`.

    Raises UserError naming questions or seeds that only one of the two has.
    """
    one, other = _paired(a, b, value)
    found = one.moved(one.values - other.values)
    bounds = _bounds(np.concatenate([one.values, other.values]), -1.0)
    return Contrast(**_decide(found, bounds, resamples, seed), **_tally(found.values))


def ratio(a: pd.DataFrame, b: pd.DataFrame, value: str, *, resamples: int = RESAMPLES, seed: int = 0) -> Contrast:
    """Return the mean of a over the mean of b (costs), interval by the delta method on the logarithm.

    The deviations a / mean(a) - b / mean(b) have mean zero and the spread of the ratio's logarithm. Raises UserError as
    `contrast` does, and when a mean is not above zero.
    """
    one, other = _paired(a, b, value)
    top, bottom = one.estimates().mean(), other.estimates().mean()
    if min(top, bottom) <= 0:
        raise UserError(f"the mean of {value!r} is not above zero, so there is no ratio: check that it was measured")
    deviations = one.values / top - other.values / bottom
    found = _decide(one.moved(deviations + np.log(top / bottom) / sum(w for w, _ in one.strata)), None, resamples, seed)
    for name in ("value", "low", "high"):
        found[name] = float(np.exp(found[name]))
    found["parts"] = {name: tuple(np.exp(ends).tolist()) for name, ends in found["parts"].items()}
    return Contrast(**found, **_tally(one.values - other.values))


def share_won(
    a: pd.DataFrame,
    floor: pd.DataFrame,
    ceiling: pd.DataFrame,
    value: str,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Contrast:
    """Return (a - floor) / (ceiling - floor): the share of what could be won that a wins; wins and losses over floor.

    The interval is that of the linearised share (delta method). Raises UserError as `contrast` does, and where the
    ceiling is not surely above the floor: then there was nothing to win, and the share would be any number.
    """
    if contrast(ceiling, floor, value, resamples=resamples, seed=seed).low <= 0:
        raise UserError("the ceiling is not surely above the floor, so there is no share of its gain")
    (one, low), (top, _) = _paired(a, floor, value), _paired(ceiling, floor, value)
    gain = one.moved(one.values - low.values)
    whole = one.moved(top.values - low.values).estimates().mean()
    won = gain.estimates().mean() / whole
    deviations = (gain.values - won * (top.values - low.values)) / whole
    found = _decide(one.moved(deviations + won / sum(w for w, _ in one.strata)), None, resamples, seed)
    return Contrast(**found, **_tally(gain.values))


def _paired(a: pd.DataFrame, b: pd.DataFrame, value: str) -> tuple[Sample, Sample]:
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
    """Return the range of answers (least, 1) where all values are answers, right or wrong, else None."""
    return (least, 1.0) if np.isin(values, (0.0, 1.0)).all() else None


def _decide(of: Sample, bounds: tuple[float, float] | None, resamples: int, seed: int) -> dict:
    """Return the fields of an Interval: every spread computed, the deciding one chosen, cut to the bounds."""
    seeds, size = of.values.shape
    value = float(of.estimates().mean())
    if bounds and np.ptp(of.values) == 0:
        spreads = {"exact": _exact(value, size, bounds)}
    else:
        spreads = {"components": components(of), "seeds": seed_means(of)} if seeds >= ENOUGH_SEEDS else {}
        if resamples or not spreads:
            spreads["bootstrap"] = bootstrap(of, resamples or RESAMPLES, seed)
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
    """Return the bound on the share of questions that would differ, none of `size` having done so."""
    reach = 1 - (0.5 - LEVEL / 2) ** (1 / size)
    return Spread(value - reach, value + reach, 0.0, float("inf"))


def _p(value: float, of: Spread) -> float:
    from scipy.special import ndtr, stdtr

    if of.error == 0:
        return float(of.low <= 0 <= of.high)
    distance = -abs(value) / of.error
    return float(2 * (ndtr(distance) if np.isinf(of.df) else stdtr(of.df, distance)))
