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
    questions, freedom = _of_questions(data)
    parts = data.of_bases()
    if data.count == 1:
        total = questions
    else:
        share = 1 / len(parts) ** 2
        seeds = residual = 0.0
        for part in parts:
            moved = share * part.estimates().var(ddof=1) / part.count
            in_both, denominator = _in_both(part)
            seeds, residual = seeds + moved, residual + share * in_both
            freedom += moved**2 / (part.count - 1) + share**2 * denominator
        total = max(questions + seeds - residual, questions, seeds, residual)
    value = float(data.average(data.estimates()))
    return _student(value, np.sqrt(total), max(1.0, total**2 / freedom) if freedom else 1.0)


def _student(value: float, error: float, df: float) -> Spread:
    from scipy.special import stdtrit

    half = stdtrit(df, 0.5 + LEVEL / 2) * error
    return Spread(float(value - half), float(value + half), float(error), float(df))


def _of_questions(data: Sample) -> tuple[float, float]:
    """Return V_q and its part of the denominator of Satterthwaite's degrees of freedom."""
    questions = freedom = 0.0
    for weight, columns in data.strata:
        part = weight**2 * data.average(data.values[:, columns]).var(ddof=1) / len(columns)
        questions, freedom = questions + part, freedom + part**2 / (len(columns) - 1)
    return questions, freedom


def _in_both(data: Sample) -> tuple[float, float]:
    """Return V_e of one base with several seeds, and its part of the denominator of the degrees of freedom."""
    residual = freedom = 0.0
    for weight, columns in data.strata:
        values, (count, size) = data.values[:, columns], (data.count, len(columns))
        rest = values - values.mean(0) - values.mean(1)[:, None] + values.mean()
        part = weight**2 * (rest**2).sum() / ((size - 1) * (count - 1)) / (size * count)
        residual, freedom = residual + part, freedom + part**2 / ((size - 1) * (count - 1))
    return residual, freedom
