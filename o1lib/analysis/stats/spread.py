"""Estimate how much an average would change with another draw of questions and seeds.

    low, high, error, df = components(sample(table))

`o1lib.analysis.stats.intervals` says what coverage was measured.
"""

from typing import NamedTuple

import numpy as np

from o1lib.analysis.stats.samples import Sample

LEVEL = 0.95


class Spread(NamedTuple):
    """A 95 % interval (low, high), its standard error, and the degrees of freedom of its t distribution."""

    low: float
    high: float
    error: float
    df: float


def components(data: Sample) -> Spread:
    """Return the t-interval from variance components of questions and seeds; with one seed, from questions alone.

    Questions and seeds are crossed random effects (the model of readers and cases, https://doi.org/10.1002/sim.2024).
    V_q is the variance of the mean from questions averaged over seeds, V_s that from seeds averaged over questions,
    and V_e the part of the residual that is in both. The mean's variance is V_q + V_s - V_e, and not less than one of
    the three, which estimate parts of it: with few seeds that agree by chance V_s can be zero. It has Satterthwaite's
    degrees of freedom (https://doi.org/10.2307/3002019). Strata add up by their squared weights. With one seed V_s and
    V_e are unknown and left out, so that the interval holds for this seed only.

    Bases are fixed effects: the questions are those of their mean, and V_s and V_e add up over the bases, each by its
    squared share. So a difference between bases is no variance. Where a base has one seed, the interval holds for the
    seeds at hand.
    """
    questions, residual, freedom = _within(data)
    if data.count == 1:
        total = questions
    else:
        seeds, parts = 0.0, data.of_bases()
        for part in parts:
            moved = part.estimates().var(ddof=1) / part.count / len(parts) ** 2
            seeds, freedom = seeds + moved, freedom + moved**2 / (part.count - 1)
        total = max(questions + seeds - residual, questions, seeds, residual)
    value = float(data.average(data.estimates()))
    return _student(value, np.sqrt(total), max(1.0, total**2 / freedom) if freedom else 1.0)


def _student(value: float, error: float, df: float) -> Spread:
    from scipy.special import stdtrit

    half = stdtrit(df, 0.5 + LEVEL / 2) * error
    return Spread(float(value - half), float(value + half), float(error), float(df))


def _within(data: Sample) -> tuple[float, float, float]:
    """Return V_q, V_e (0 with one seed) and their part of the denominator of Satterthwaite's degrees of freedom."""
    parts = data.of_bases()
    questions = residual = freedom = 0.0
    for weight, columns in data.strata:
        means, size = data.average(data.values[:, columns]), len(columns)
        from_questions = weight**2 * means.var(ddof=1) / size
        questions, freedom = questions + from_questions, freedom + from_questions**2 / (size - 1)
        for part in parts if data.count > 1 else ():
            values, count = part.values[:, columns], part.count
            rest = values - values.mean(0) - values.mean(1)[:, None] + values.mean()
            in_both = weight**2 * (rest**2).sum() / ((size - 1) * (count - 1)) / (size * count) / len(parts) ** 2
            residual, freedom = residual + in_both, freedom + in_both**2 / ((size - 1) * (count - 1))
    return questions, residual, freedom
