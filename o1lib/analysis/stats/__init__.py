"""How sure one may be: intervals over questions and seeds, paired contrasts, verdicts on claims.

    table = DataFrame(columns=["seed", "qid", "correct"])           # one line a question and seed
    interval(table)                                                  # Interval(value=0.61, low=0.57, high=0.65, ...)
    found = contrast(structured, direct)                             # the same questions and seeds in both
    verdict(found.low, found.high, sign=+1)                          # "reproduced"

A number is an average over questions and seeds, and both were drawn from many: another draw of either would move it.
`interval` says how the two are put together, and what was measured of the interval's coverage.
"""

from o1lib.analysis.stats.intervals import PARTS, Contrast, Interval, contrast, interval, ratio, share_won
from o1lib.analysis.stats.samples import Sample, sample
from o1lib.analysis.stats.spread import bootstrap, components, seed_means
from o1lib.analysis.stats.verdicts import CONTRADICTED, INCONCLUSIVE, KINDS, NOT_TESTED, REPRODUCED, VERDICTS, verdict

__all__ = [
    "CONTRADICTED",
    "INCONCLUSIVE",
    "KINDS",
    "NOT_TESTED",
    "PARTS",
    "REPRODUCED",
    "VERDICTS",
    "Contrast",
    "Interval",
    "Sample",
    "bootstrap",
    "components",
    "contrast",
    "interval",
    "ratio",
    "sample",
    "seed_means",
    "share_won",
    "verdict",
]
