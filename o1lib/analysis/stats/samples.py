"""A measured table as arrays: seeds by questions, with the strata whose sizes the design fixed.

    sample(table, "correct").values.shape        # (seeds, questions)

A table has the columns `seed`, `qid` and the measured one. A column `stratum` (a test set) says that the number of
questions of each kind was fixed rather than drawn; a column `weight` how much a stratum counts (1/6 for a set of the
papers' average). Without them there is one stratum of weight one.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from o1lib.records import UserError


@dataclass(frozen=True)
class Sample:
    """`values` (seeds, questions); `strata` holds (weight, column numbers) of each stratum; names of both axes."""

    values: np.ndarray
    strata: tuple[tuple[float, np.ndarray], ...]
    seeds: tuple[int, ...]
    qids: tuple[str, ...]

    def estimates(self) -> np.ndarray:
        """Return every seed's estimate: the weighted sum of the strata's means, shape (seeds,)."""
        return sum(weight * self.values[:, columns].mean(1) for weight, columns in self.strata)

    def moved(self, values: np.ndarray) -> "Sample":
        """Return a sample of other values for the same seeds, questions and strata."""
        return Sample(values, self.strata, self.seeds, self.qids)


def sample(table: pd.DataFrame, value: str = "correct") -> Sample:
    """Return a table's values as arrays, seeds and questions in sorted order.

    Raises UserError when a column is missing, a value is not a number, a question stands twice for a seed or lacks
    one, or a stratum has fewer than two questions (nothing can be said of its spread).
    """
    if missing := {"seed", "qid", value} - set(table.columns):
        raise UserError(f"a table to be averaged lacks the column {min(missing)!r}: give it seed, qid and {value}")
    if not len(table):
        raise UserError(f"there is no line with {value!r} to average: check that the row was scored")
    if table.duplicated(["seed", "qid"]).any():
        twice = table[table.duplicated(["seed", "qid"])].iloc[0]
        raise UserError(f"question {twice.qid!r} stands twice for seed {twice.seed}: count every question once a seed")
    wide = table.pivot(index="seed", columns="qid", values=value).astype(float)
    if wide.isna().any(axis=None):
        seed, qid = next(key for key, gone in wide.isna().stack().items() if gone)
        raise UserError(f"question {qid!r} has no value for seed {seed}: score the same questions with every seed")
    return Sample(wide.to_numpy(), _strata(table, wide.columns), tuple(wide.index), tuple(wide.columns))


def _strata(table: pd.DataFrame, qids: pd.Index) -> tuple[tuple[float, np.ndarray], ...]:
    """Return (weight, columns) of each stratum; weights are as given, or a stratum's share of the questions."""
    if "stratum" not in table:
        named = pd.Series("all questions", index=qids)
    else:
        named = table.drop_duplicates("qid").set_index("qid")["stratum"].reindex(qids)
    strata = []
    for name, members in named.groupby(named, sort=True):
        if len(members) < 2:
            raise UserError(f"there is one question of {name!r}, which says nothing of the spread: score more of them")
        share = len(members) / len(qids)
        weight = table.loc[table["stratum"] == name, "weight"].iloc[0] if "weight" in table else share
        strata.append((float(weight), qids.get_indexer(members.index)))
    return tuple(strata)
