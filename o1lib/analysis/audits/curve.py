"""The measured gain of a judge: which share of an oracle's gain a stage beam wins if its judge is right with chance p.

    curve = measured_curve(load_all(Path("results/mini")))
    curve.points                            # accuracy, share won, its interval, for each synthetic judge
    curve.shares(np.array([0.55, 0.8]))     # one draw of the curve for each accuracy

The rows are those of one study's searches with judges that are right with a set chance, between a coin's and an
oracle's (notebook 05 shows them too). Draws resample the questions of each test set; the seeds of the study are held,
so the intervals are about these trained models. Shares are made monotone in p (isotonic regression), because a better
judge cannot gain less.

What an oracle gains by a stage beam over a coin, divided by what it gains by best-of-N, is `headroom`: it says how much
of the room that whole answers leave a stage beam can use.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from o1lib.analysis.audits.spread import DRAWS, SIDES
from o1lib.analysis.observations import AVERAGE, observations
from o1lib.records import UserError

MODEL, N, TEMPERATURE, DATA = "structured", 4, 0.6, "data"
FLOOR, CEILING, SYNTHETIC = "random", "oracle", "synthetic"


@dataclass(frozen=True)
class GainCurve:
    """The measured curve and draws of it.

    `points`: p, value, low, high, n and seeds of each synthetic judge. `levels` (K,) are accuracies from 0.5, where the
    share is 0 because such a judge is a coin, to 1; `values` (K,) and `drawn` (DRAWS, K) are the shares won there,
    monotone. `headroom` is the value of that ratio, `headrooms` (DRAWS,) are its draws.
    """

    points: pd.DataFrame
    levels: np.ndarray
    values: np.ndarray
    drawn: np.ndarray
    headroom: float
    headrooms: np.ndarray

    def share(self, p: float) -> float:
        """Return the share of the oracle's gain that a judge of accuracy p wins."""
        return float(self._between(np.array([p]), self.values[None])[0])

    def shares(self, accuracies: np.ndarray) -> np.ndarray:
        """Return the share for each accuracy, each by a draw of the curve of its own; shape (DRAWS,)."""
        return self._between(accuracies, self.drawn)

    def _between(self, accuracies, rows):
        """Return the shares on the lines between the points; a judge below 0.5 loses what its mirror image gains."""
        p = np.clip(accuracies, 0.0, 1.0)
        mirrored, number = np.abs(p - 0.5) + 0.5, np.arange(len(p))
        at = np.clip(np.searchsorted(self.levels, mirrored, side="right") - 1, 0, len(self.levels) - 2)
        left, right = self.levels[at], self.levels[at + 1]
        weight = np.clip((mirrored - left) / (right - left), 0, 1)
        return np.sign(p - 0.5) * ((1 - weight) * rows[number, at] + weight * rows[number, at + 1])


def measured_curve(records: Sequence, seed: int = 0) -> GainCurve:
    """Return the curve of a study's records.

    Raises UserError if the rows of a coin, an oracle or judges with a set accuracy are missing.
    """
    rows = {}
    for record in records:
        if (key := _key(record.parameters)) and "accuracy" in record.metrics:
            rows.setdefault(key, {})[record.seed] = record
    judges = sorted(p for method, judge, p in rows if (method, judge) == ("stage_beam", SYNTHETIC) and 0.5 < p < 1)
    ends = [(method, judge, None) for method in ("stage_beam", "best_of_n") for judge in (FLOOR, CEILING)]
    lacking = [f"{method} with judge {judge}" for method, judge, _ in ends if (method, judge, None) not in rows]
    if lacking or not judges:
        what = "; ".join(lacking) or f"stage_beam with judge {SYNTHETIC}"
        raise UserError(f"the gain of a judge was not measured in this study: it lacks {what}")
    wanted = [*ends, *(("stage_beam", SYNTHETIC, p) for p in judges)]
    return _curve([rows[key] for key in wanted], judges, seed)


def _key(given) -> tuple | None:
    """Return (method, judge, accuracy of a synthetic judge) of a row of the curve, None for other rows."""
    wanted = {"model": MODEL, "n": N, "temperature": TEMPERATURE, "data": DATA, "blind": False}
    if {name: given.get(name) for name in wanted} != wanted:
        return None
    p = given.get("judge_accuracy", 0.8) if given["judge"] == SYNTHETIC else None
    return given["method"], given["judge"], p


def _curve(rows, judges, seed):
    """Return the curve of rows ordered as coin, oracle, coin and oracle of best-of-N, then the judges."""
    seeds = sorted(set.intersection(*(set(some) for some in rows)))
    if not seeds:
        raise UserError("the rows of the gain of a judge have no seed in common: run the missing seeds")
    values, weights, strata = _table([[some[k] for k in seeds] for some in rows])
    own, drawn = _means(values, weights, strata, seed)
    shares, points = _shares(own), _shares(drawn)
    low, high = np.percentile(points, SIDES, axis=0)
    table = pd.DataFrame({"p": judges, "value": shares[0], "low": low, "high": high})
    levels, room, rooms = np.array([0.5, *judges, 1.0]), _headroom(own), _headroom(drawn)
    table = table.assign(n=len(weights), seeds=len(seeds))
    return GainCurve(table, levels, _monotone(shares)[0], _monotone(points), float(room[0]), rooms)


def _shares(means):
    """Return (mean - coin) / (oracle - coin) of the judges' columns."""
    coin, oracle = means[:, :1], means[:, 1:2]
    return (means[:, 4:] - coin) / (oracle - coin)


def _headroom(means):
    return (means[:, 1] - means[:, 0]) / (means[:, 3] - means[:, 2])


def _monotone(shares):
    """Return rows of shares that never fall, from 0 for a coin to 1 for an oracle."""
    from sklearn.isotonic import isotonic_regression

    return np.array([[0.0, *isotonic_regression(row, y_min=0, y_max=1), 1.0] for row in shares])


def _table(rows):
    """Return (value of each question and row, mean over seeds; weight of each question; its test set)."""
    tables = [pd.concat([observations(one.predictions(), AVERAGE, one.seed) for one in some]) for some in rows]
    means = [table.groupby(["stratum", "qid"]).value.mean() for table in tables]
    joined = pd.concat(means, axis=1, join="inner").sort_index()
    strata = joined.index.get_level_values("stratum").to_numpy()
    sizes = pd.Series(strata).value_counts()
    return joined.to_numpy(), np.array([1 / sizes[name] / len(sizes) for name in strata]), strata


def _means(values, weights, strata, seed):
    """Return the weighted means of the columns as one row, and DRAWS rows with the questions of each set resampled."""
    rng, counts = np.random.default_rng(seed), np.zeros((DRAWS, len(weights)))
    for name in dict.fromkeys(strata):
        own = np.flatnonzero(strata == name)
        counts[:, own] = rng.multinomial(len(own), np.full(len(own), 1 / len(own)), size=DRAWS)
    return (weights @ values)[None], (counts * weights) @ values
