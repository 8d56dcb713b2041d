"""The difference of two shares over the same items, with its 95 % interval.

paired([True, True, False], [True, False, False])       # {"value": 0.333333, "n": 3, "low": ..., "high": ...}
"""

import math
from collections.abc import Sequence

from o1lib.scoring.intervals import Z, metric


def paired(first: Sequence[bool], second: Sequence[bool]) -> dict | None:
    """Return share(first) - share(second) with a 95 % interval for matched pairs, None without items.

    The interval is Wald's after half an item is added to each cell of the 2 x 2 table (Agresti and Min 2005,
    doi:10.1002/sim.1781, section 4), so that it has a width when no item differs. It is clipped to -1..1.
    """
    n = len(first)
    if not n:
        return None
    gained = sum(bool(a) and not b for a, b in zip(first, second, strict=True))
    lost = sum(bool(b) and not a for a, b in zip(first, second, strict=True))
    value, size = (gained - lost) / n, n + 2
    middle = (gained - lost) / size
    half = Z * math.sqrt(((gained + lost + 1) / size - middle**2) / size)
    return metric(value, n, max(-1.0, min(value, middle - half)), min(1.0, max(value, middle + half)))
