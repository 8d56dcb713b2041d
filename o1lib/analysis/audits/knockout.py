"""How often a knock-out among N candidates ends with a right one, if the judge prefers right to wrong with chance p.

    right_winner(4, 1, 0.8)         # 0.624: the only right one of four has to win one to three comparisons
    chance_of_right([3, 0], 8, 4, 0.8)   # of two questions with 3 and 0 right answers of 8, four drawn at random

As in the searches (`o1lib.search.methods.bracket`) two entrants are drawn from the pool at random and the winner is put
back, until one is left. Two right or two wrong candidates are equally good, so only their numbers count. Errors of the
judge are taken to be independent.
"""

from collections.abc import Sequence
from functools import cache
from math import comb

import numpy as np


def right_winner(n: int, right: int, p):
    """Return the probability that a right candidate wins among n, of which `right` are right.

    `p` is a number or an array; the result has its shape.
    """
    powers = np.asarray(p, dtype=float)
    return sum(share * powers**a * (1 - powers) ** b for (a, b), share in _paths(n, right).items())


@cache
def _paths(n: int, right: int) -> dict[tuple[int, int], float]:
    """Return {(comparisons won by a right side, by a wrong one): probability of these draws} over right winners."""
    if right in (0, n):
        return {(0, 0): 1.0} if right else {}
    pairs, found = n * (n - 1) / 2, {}
    # what was drawn, how often, right ones left, and what a comparison of a right and a wrong one adds to the powers
    moves = (
        (right * (right - 1) / 2 / pairs, right - 1, (0, 0)),
        ((n - right) * (n - right - 1) / 2 / pairs, right, (0, 0)),
        (right * (n - right) / pairs, right, (1, 0)),
        (right * (n - right) / pairs, right - 1, (0, 1)),
    )
    for chance, left, (a, b) in moves:
        if chance:
            for (won, lost), share in _paths(n - 1, left).items():
                key = won + a, lost + b
                found[key] = found.get(key, 0.0) + chance * share
    return found


def drawn(right: int, total: int, n: int) -> list[float]:
    """Return the probability of 0, 1, ... n right ones among n that are drawn from `total`, without putting back."""
    return [comb(right, j) * comb(total - right, n - j) / comb(total, n) for j in range(n + 1)]


def by_count(total: int, n: int, p) -> np.ndarray:
    """Return the chance of a right winner for 0 ... total right candidates, n of them drawn; shape (total + 1, *p)."""
    wins = np.stack([right_winner(n, j, p) + np.zeros(np.shape(p)) for j in range(n + 1)])
    return np.stack([np.tensordot(drawn(right, total, n), wins, axes=1) for right in range(total + 1)])


def chance_of_right(rights: Sequence[int], total: int, n: int, p: float) -> float:
    """Return the mean over questions, with `rights` right ones of `total` answers each, of a right winner among n."""
    return float(np.mean(by_count(total, n, p)[list(rights)]))
