"""Turn an interval into a verdict on a claim.

    verdict(0.012, 0.043, sign=+1, margin=0.02)             # "supported"
    verdict(-0.012, 0.013, sign=+1, margin=0.02)            # "negligible"
    verdict(-0.012, 0.013, sign=+1)                         # "inconclusive": no margin was frozen
    verdict(0.80, 0.95, kind="ratio", sign=+1, claimed=5)   # "opposite": claimed five times, found less than one

Let [low, high] be the interval, m the margin and t the tolerance. Every verdict but *inconclusive* needs the whole
interval. Without an interval a claim is *not tested*. The first column that applies decides.

| kind | the claim | negligible | supported | opposite |
|---|---|---|---|---|
| difference, sign + | a is better than b | within ±m of zero | low > 0 | high < 0 |
| difference, sign - | a is worse than b | within ±m of zero | high < 0 | low > 0 |
| equivalence | a and b do not differ | – | within ±m of zero | low > m or high < -m |
| ratio, sign + | a is at least c times b | – | low >= c / t | high < c / t |
| ratio, sign - | a is at most c times b | – | high <= c t | low > c t |
| ratio, sign 0 | a is about c times b | – | c / t <= low and high <= c t | high < c / t or low > c t |
| rate, sign + | at least c of all | – | low >= c | high < c |
| rate, sign - | at most c of all | – | high <= c | low > c |

m belongs to one contrast and is frozen before it counts (`o1lib.analysis.stats.margins`). Without it no difference is
*negligible* and no equivalence has a verdict. t is 1.25: "five times" means at least four.
"""

import math

from o1lib.records import UserError, choose

KINDS = ("difference", "equivalence", "ratio", "rate")
SUPPORTED, OPPOSITE, NEGLIGIBLE = "supported", "opposite", "negligible"
INCONCLUSIVE, NOT_TESTED = "inconclusive", "not tested"
VERDICTS = (SUPPORTED, OPPOSITE, NEGLIGIBLE, INCONCLUSIVE, NOT_TESTED)
TOLERANCE = 1.25


def verdict(
    low: float | None,
    high: float | None,
    sign: int = 0,
    kind: str = "difference",
    claimed: float = 0.0,
    margin: float | None = None,
    tolerance: float = TOLERANCE,
) -> str:
    """Return one of VERDICTS by the table above. `claimed` is c, which only ratios and rates have.

    `margin` is m, a fraction, None where none is frozen. Raises UserError for an unknown kind, for a sign other than
    -1, 0 or 1, for a difference or a rate without a sign, and for a ratio whose claimed value is not above zero.
    """
    _check(kind, sign, claimed)
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return NOT_TESTED
    if kind == "difference":
        return _difference(low, high, sign, margin)
    if kind == "equivalence":
        return INCONCLUSIVE if margin is None else _within(low, high, -margin, margin)
    least, most = (claimed, claimed) if kind == "rate" else (claimed / tolerance, claimed * tolerance)
    return _within(low, high, -math.inf if sign < 0 else least, math.inf if sign > 0 else most)


def is_negligible(low: float, high: float, margin: float | None) -> bool:
    """Return whether an interval lies within ±margin of zero; False without a margin."""
    return margin is not None and -margin <= low and high <= margin


def _check(kind: str, sign: int, claimed: float) -> None:
    choose(kind, KINDS, "kind of claim")
    if sign not in (-1, 0, 1):
        raise UserError(f"the sign of a claim is {sign!r}: use -1 (a is worse), 0 (no difference) or 1 (a is better)")
    if kind in ("difference", "rate") and sign == 0:
        raise UserError(f"a claim of kind {kind} has no sign: use sign 1 or -1, or kind equivalence")
    if kind == "ratio" and not claimed > 0:
        raise UserError(f"the claimed ratio is {claimed}: set `claimed` to a number above zero")


def _difference(low: float, high: float, sign: int, margin: float | None) -> str:
    if is_negligible(low, high, margin):
        return NEGLIGIBLE
    if sign < 0:
        low, high = -high, -low
    return SUPPORTED if low > 0 else OPPOSITE if high < 0 else INCONCLUSIVE


def _within(low: float, high: float, least: float, most: float) -> str:
    """Return SUPPORTED for an interval inside least..most, OPPOSITE for one outside, else INCONCLUSIVE."""
    if least <= low and high <= most:
        return SUPPORTED
    return OPPOSITE if high < least or low > most else INCONCLUSIVE
