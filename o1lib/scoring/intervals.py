"""Shares and means with their 95 % intervals, from which every metric is built.

share([True, False])     # {"value": 0.5, "n": 2, "low": 0.094531, "high": 0.905469}
"""

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev
from typing import cast

Z = 1.959964  # the 97.5 % quantile of the normal distribution


def metric(value: float, n: int, low: float, high: float) -> dict:
    """Return a metric in the form of records: {"value", "n", "low", "high"}, rounded to six digits."""
    return {"value": round(float(value), 6), "n": n, "low": round(float(low), 6), "high": round(float(high), 6)}


def wilson(hits: float, n: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval (low, high) of the share hits / n, n > 0 (Wilson 1927, doi:10.2307/2276774)."""
    from statsmodels.stats.proportion import proportion_confint

    low, high = cast("tuple[float, float]", proportion_confint(hits, n, method="wilson"))
    return min(float(low), hits / n), max(float(high), hits / n)  # rounding must not exclude the share itself


def share(flags: Iterable[object]) -> dict | None:
    """Return the share of true flags with Wilson's 95 % interval, None if there are no flags."""
    found = list(map(bool, flags))
    return metric(fmean(found), len(found), *wilson(sum(found), len(found))) if found else None


def mean(values: Iterable[float]) -> dict | None:
    """Return the mean with its normal 95 % interval, None if there are no values.

    The interval of a single value has width 0.
    """
    values = list(map(float, values))
    if not values:
        return None
    half = Z * stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return metric(fmean(values), len(values), fmean(values) - half, fmean(values) + half)


def score(values: Iterable[float]) -> dict | None:
    """Return the mean of values in 0..1, None if there are no values.

    Values that are all 0 or 1 give a share (Wilson's interval). Otherwise the normal interval is clipped to 0..1.
    """
    values = list(map(float, values))
    if set(values) <= {0.0, 1.0}:
        return share(values)
    found = mean(values)
    return found and found | {"low": max(0.0, found["low"]), "high": min(1.0, found["high"])}


def average(parts: Sequence[dict]) -> dict:
    """Return the mean of independent metrics. Their half widths are combined as standard errors are."""
    value = fmean(part["value"] for part in parts)
    half = math.sqrt(sum(((part["high"] - part["low"]) / 2) ** 2 for part in parts)) / len(parts)
    return metric(value, sum(part["n"] for part in parts), max(0.0, value - half), min(1.0, value + half))
