"""From two scores to a verdict, with a seeded coin for ties.

verdict_by_score(seed, comparison, 0.9, 0.4).winner         # 0, the first candidate
"""

from typing import TypeVar

from o1lib.search.streams import keyed_rng
from o1lib.search.types import Comparison, Usage, Verdict

Value = TypeVar("Value", float, tuple)


def verdict_by_score(
    seed: int,
    comparison: Comparison,
    first: Value,
    second: Value,
    note: str = "",
    cost: Usage | None = None,
    parsed: bool = True,
    choices: tuple[int | None, ...] = (),
) -> Verdict:
    """Return the verdict for the larger of two scores (numbers, or tuples of equal length).

    Equal scores are a tie. A coin settles it that is seeded by `seed`, the question and the key of the comparison. The
    other arguments are fields of the verdict.
    """
    cost = cost or Usage()
    if first == second:
        coin = keyed_rng(seed, comparison.task.qid, comparison.key, "coin")
        return Verdict(int(coin.integers(2)), True, parsed, note or "tie", cost, choices)
    return Verdict(int(first < second), False, parsed, note, cost, choices)
