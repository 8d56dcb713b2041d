"""From two scores to a verdict, with a seeded coin for ties.

verdict_by_score(seed, comparison, 0.9, 0.4).winner         # 0, the first candidate
"""

from typing import TypeVar

from o1lib.search.types import Comparison, Usage, Verdict, keyed_rng

Value = TypeVar("Value", float, tuple)


def verdict_by_score(
    seed: int,
    comparison: Comparison,
    first: Value,
    second: Value,
    note: str = "",
    cost: Usage | None = None,
    parsed: bool = True,
) -> Verdict:
    """Return the verdict for the larger of two scores (numbers, or tuples of equal length).

    Equal scores are a tie. A coin settles it that is seeded by `seed`, the question and the key of the comparison.
    """
    cost = cost or Usage()
    if first == second:
        coin = keyed_rng(seed, comparison.task.qid, comparison.key, "coin")
        return Verdict(int(coin.integers(2)), tie=True, note=note or "tie", cost=cost, parsed=parsed)
    return Verdict(int(first < second), note=note, cost=cost, parsed=parsed)
