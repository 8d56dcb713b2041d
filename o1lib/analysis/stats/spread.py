"""Three estimates of how much an average would change with another draw of questions and seeds.

    low, high, error, df = components(sample(table))

Each returns a Spread. `o1lib.analysis.stats.interval` says which one is used when.
"""

from typing import NamedTuple

import numpy as np

from o1lib.analysis.stats.samples import Sample

LEVEL = 0.95
RESAMPLES = 2000


class Spread(NamedTuple):
    """A 95 % interval (low, high), its standard error, and its degrees of freedom (infinite for a bootstrap)."""

    low: float
    high: float
    error: float
    df: float


def _student(value: float, error: float, df: float) -> Spread:
    from scipy.special import stdtrit

    half = stdtrit(df, 0.5 + LEVEL / 2) * error
    return Spread(float(value - half), float(value + half), float(error), float(df))


def seed_means(data: Sample) -> Spread:
    """Return the t-interval on the seeds' estimates, for the same questions. Needs at least two seeds."""
    estimates = data.estimates()
    return _student(estimates.mean(), estimates.std(ddof=1) / np.sqrt(len(estimates)), len(estimates) - 1)


def components(data: Sample) -> Spread:
    """Return the t-interval from variance components of questions and seeds. Needs at least two seeds.

    Questions and seeds are crossed random effects (the model of readers and cases, https://doi.org/10.1002/sim.2024).
    V_q is the variance of the mean from questions averaged over seeds, V_s that from seeds averaged over questions,
    and V_e the part of the residual that is in both. The mean's variance is V_q + V_s - V_e, with Satterthwaite's
    degrees of freedom (https://doi.org/10.2307/3002019). Strata add up by their squared weights.
    """
    count = len(data.seeds)
    questions = residual = freedom = 0.0
    for weight, columns in data.strata:
        values, size = data.values[:, columns], len(columns)
        means = values.mean(0)
        rest = values - means - values.mean(1)[:, None] + values.mean()
        from_questions = weight**2 * means.var(ddof=1) / size
        in_both = weight**2 * (rest**2).sum() / ((size - 1) * (count - 1)) / (size * count)
        questions, residual = questions + from_questions, residual + in_both
        freedom += from_questions**2 / (size - 1) + in_both**2 / ((size - 1) * (count - 1))
    estimates = data.estimates()
    seeds = estimates.var(ddof=1) / count
    total = max(questions + seeds - residual, min(questions, seeds))  # an estimated difference can fall below both
    freedom += seeds**2 / (count - 1)
    return _student(estimates.mean(), np.sqrt(total), max(1.0, total**2 / freedom) if freedom else 1.0)


def bootstrap(data: Sample, resamples: int = RESAMPLES, seed: int = 0) -> Spread:
    """Return the percentile bootstrap over questions nested in seeds: first seeds are drawn, then questions for each.

    Questions are drawn within strata. With one seed it covers only the variation between questions.
    """
    rng = np.random.default_rng(seed)
    count = len(data.seeds)
    totals = np.zeros(resamples)
    for drawn in rng.integers(count, size=(count, resamples)):
        for weight, columns in data.strata:
            chosen = columns[rng.integers(len(columns), size=(resamples, len(columns)))]
            totals += weight * data.values[drawn[:, None], chosen].mean(1) / count
    low, high = np.quantile(totals, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return Spread(float(low), float(high), float(totals.std(ddof=1)), float("inf"))
