"""Confidence intervals over questions and seeds, paired contrasts, and verdicts on claims.

    table = DataFrame(columns=["seed", "qid", "correct"])     # one line for each question and seed
    interval(table)                                           # Interval(value=0.61, low=0.57, high=0.65, ...)
    found = contrast(structured, direct)                      # two tables with the same questions and seeds
    verdict(found.low, found.high, sign=+1)                   # "supported"

A number is an average over questions and seeds, and both are samples: another draw of either would change it.
`o1lib.analysis.stats.intervals` says how the two sources of error are combined, and what coverage was measured.
"""

from o1lib.analysis.stats.intervals import METHODS, Contrast, Interval, contrast, interval, ratio, share, share_of_gain
from o1lib.analysis.stats.margins import Margin, margin_for, planned_margin
from o1lib.analysis.stats.samples import Sample, sample
from o1lib.analysis.stats.spread import components
from o1lib.analysis.stats.verdicts import (
    INCONCLUSIVE,
    KINDS,
    NEGLIGIBLE,
    NOT_TESTED,
    OPPOSITE,
    SUPPORTED,
    VERDICTS,
    verdict,
)

__all__ = [
    "INCONCLUSIVE",
    "KINDS",
    "METHODS",
    "NEGLIGIBLE",
    "NOT_TESTED",
    "OPPOSITE",
    "SUPPORTED",
    "VERDICTS",
    "Contrast",
    "Interval",
    "Margin",
    "Sample",
    "components",
    "contrast",
    "interval",
    "margin_for",
    "planned_margin",
    "ratio",
    "sample",
    "share",
    "share_of_gain",
    "verdict",
]
