"""Turn a table of measured values into an array of seeds by questions, with strata.

    sample(table, "correct").values.shape        # (seeds, questions)

A table has the columns `seed`, `qid` and the measured one. A column `stratum` (such as the test set) says that the
number of questions of each kind was fixed by design and not sampled. A column `weight` says how much a stratum counts
(1/6 for a set of the papers' average). Without these columns there is one stratum of weight one.

A column `base` says which base model a line comes from. Bases are fixed effects: the estimate is the mean over these
bases, which count equally, and seeds are sampled within each of them.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from o1lib.records import UserError


@dataclass(frozen=True)
class Sample:
    """`values` of shape (seeds, questions), (weight, column numbers) of each stratum, and the names of both axes.

    With several bases `seeds` holds (base, seed), and `bases` the row numbers of each base.
    """

    values: np.ndarray
    strata: tuple[tuple[float, np.ndarray], ...]
    seeds: tuple
    qids: tuple[str, ...]
    bases: tuple[np.ndarray, ...] = ()

    @property
    def count(self) -> int:
        """The number of seeds, with several bases the least of a base."""
        return min(map(len, self.bases), default=len(self.seeds))

    def average(self, values: np.ndarray) -> np.ndarray:
        """Return the mean over seeds of an array with a line for each of them; bases count equally."""
        if not self.bases:
            return values.mean(0)
        return np.mean([values[rows].mean(0) for rows in self.bases], axis=0)

    def of_bases(self) -> list["Sample"]:
        """Return the part of each base, [self] where the table names none."""
        return [Sample(self.values[rows], self.strata, tuple(rows), self.qids) for rows in self.bases] or [self]

    def estimates(self) -> np.ndarray:
        """Return each seed's estimate, the weighted sum of the strata's means: shape (seeds,)."""
        total = np.zeros(len(self.values))
        for weight, columns in self.strata:
            total += weight * self.values[:, columns].mean(1)
        return total

    def with_values(self, values: np.ndarray) -> "Sample":
        """Return a sample with other values, of the same shape, for the same seeds, questions and strata."""
        return Sample(values, self.strata, self.seeds, self.qids, self.bases)


def sample(table: pd.DataFrame, value: str = "correct") -> Sample:
    """Return a table's values as an array, with seeds and questions in sorted order.

    Raises UserError when a column is missing, a value is not a number, a question occurs twice for a seed or has no
    value for one, or a stratum has fewer than two questions (so that its variance is unknown).
    """
    if missing := {"seed", "qid", value} - set(table.columns):
        raise UserError(f"a table to be averaged lacks the column {min(missing)!r}: give it seed, qid and {value}")
    if not len(table):
        raise UserError(f"there is no line with {value!r} to average: check that the row was scored")
    axis = ["base", "seed"] if "base" in table else ["seed"]
    if table.duplicated([*axis, "qid"]).any():
        twice = table[table.duplicated([*axis, "qid"])].iloc[0]
        raise UserError(f"question {twice.qid!r} stands twice for seed {twice.seed}: count every question once a seed")
    wide = table.pivot(index=axis if len(axis) > 1 else "seed", columns="qid", values=value).astype(float)
    if wide.isna().any(axis=None):
        row, column = np.argwhere(wide.isna().to_numpy())[0]
        raise UserError(
            f"question {wide.columns[column]!r} has no value for seed {wide.index[row]}: "
            "score the same questions with every seed"
        )
    bases = wide.index.get_level_values(0) if len(axis) > 1 else wide.index[:0]
    rows = tuple(np.flatnonzero(bases == base) for base in bases.unique())
    return Sample(wide.to_numpy(), _strata(table, wide.columns), tuple(wide.index), tuple(wide.columns), rows)


def _strata(table: pd.DataFrame, qids: pd.Index) -> tuple[tuple[float, np.ndarray], ...]:
    """Return (weight, column numbers) of each stratum. The default weight is its share of the questions."""
    if "stratum" not in table:
        named = np.full(len(qids), "all questions")
    else:
        named = table.drop_duplicates("qid").set_index("qid")["stratum"].reindex(qids).to_numpy()
    firsts = table.drop_duplicates("stratum") if "weight" in table else None
    weights = {} if firsts is None else dict(zip(firsts["stratum"], firsts["weight"], strict=True))
    strata = []
    for name in sorted(set(named)):
        members = np.flatnonzero(named == name)
        if len(members) < 2:
            raise UserError(f"there is one question of {name!r}, which says nothing of the spread: score more of them")
        strata.append((float(weights.get(name, len(members) / len(qids))), members))
    return tuple(strata)
