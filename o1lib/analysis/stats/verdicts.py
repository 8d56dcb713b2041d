"""Turn an interval into a verdict on a claim.

    verdict(0.012, 0.043, sign=+1)                          # "reproduced"
    verdict(0.80, 0.95, kind="ratio", sign=+1, claimed=5)   # "contradicted": claimed five times, found less than one

Let [low, high] be the interval, m the margin and t the tolerance. A claim is *reproduced* or *contradicted* only if the
whole interval says so. Otherwise it is *inconclusive*, and without an interval *not tested*.

| kind | the claim | reproduced | contradicted |
|---|---|---|---|
| difference, sign + | a is better than b | low > 0, and not within ±m | high <= 0, or within ±m of zero |
| difference, sign - | a is worse than b | high < 0, and not within ±m | low >= 0, or within ±m of zero |
| equivalence | a and b do not differ | within ±m of zero | low > m or high < -m |
| ratio, sign + | a is at least c times b | low >= c / t | high < c / t |
| ratio, sign - | a is at most c times b | high <= c t | low > c t |
| ratio, sign 0 | a is about c times b | c / t <= low and high <= c t | high < c / t or low > c t |
| rate, sign + | at least c of all | low >= c - m | high < c - m |
| rate, sign - | at most c of all ("never": c = 0) | high <= c + m | low > c + m |
| rate, sign 0 | about c of all | c - m <= low and high <= c + m | high < c - m or low > c + m |

m is one point (0.01). An effect that is certainly smaller is too small to be the claimed one, so a difference within ±m
is contradicted even if zero is outside the interval. t is 1.25: "five times" means at least four.
"""

import math

from o1lib.records import UserError, choose

KINDS = ("difference", "equivalence", "ratio", "rate")
REPRODUCED, CONTRADICTED, INCONCLUSIVE, NOT_TESTED = "reproduced", "contradicted", "inconclusive", "not tested"
VERDICTS = (REPRODUCED, CONTRADICTED, INCONCLUSIVE, NOT_TESTED)
MARGIN, TOLERANCE = 0.01, 1.25


def verdict(
    low: float | None,
    high: float | None,
    sign: int = 0,
    kind: str = "difference",
    claimed: float = 0.0,
    margin: float = MARGIN,
    tolerance: float = TOLERANCE,
) -> str:
    """Return one of VERDICTS by the table above. `claimed` is c, which only ratios and rates have.

    Raises UserError for an unknown kind, for a sign other than -1, 0 or 1, for a difference without a sign, and for a
    ratio whose claimed value is not above zero.
    """
    _check(kind, sign, claimed)
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return NOT_TESTED
    if kind == "difference":
        return _difference(low, high, sign, margin)
    if kind == "equivalence":
        return _within(low, high, -margin, margin)
    least, most = (claimed - margin, claimed + margin) if kind == "rate" else (claimed / tolerance, claimed * tolerance)
    return _within(low, high, -math.inf if sign < 0 else least, math.inf if sign > 0 else most)


def _check(kind: str, sign: int, claimed: float) -> None:
    choose(kind, KINDS, "kind of claim")
    if sign not in (-1, 0, 1):
        raise UserError(f"the sign of a claim is {sign!r}: use -1 (a is worse), 0 (no difference) or 1 (a is better)")
    if kind == "difference" and sign == 0:
        raise UserError("a claim of kind difference has no sign: use sign 1 or -1, or kind equivalence")
    if kind == "ratio" and not claimed > 0:
        raise UserError(f"the claimed ratio is {claimed}: set `claimed` to a number above zero")


def _difference(low: float, high: float, sign: int, margin: float) -> str:
    if sign < 0:
        low, high = -high, -low
    if high <= 0 or _within(low, high, -margin, margin) == REPRODUCED:
        return CONTRADICTED
    return REPRODUCED if low > 0 else INCONCLUSIVE


def _within(low: float, high: float, least: float, most: float) -> str:
    """Return REPRODUCED for an interval inside least..most, CONTRADICTED for one outside, else INCONCLUSIVE."""
    if least <= low and high <= most:
        return REPRODUCED
    return CONTRADICTED if high < least or low > most else INCONCLUSIVE
