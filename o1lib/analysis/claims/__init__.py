"""Test the papers' claims: each claim is a contrast of rows, and the records give a verdict on it.

    lines = evaluate_claims(load_claims(), load_all("results/mini"))
    lines[0]["verdict"], lines[0]["why"]

For every claim, `claims.yaml` holds the numbers of the paper (with their place in results/reported/) and the contrast
that tests it: which rows of the study, on which questions, in which metric. A claim without the needed records is "not
tested", and `why` names the missing record. A mini number and a paper's number compare in sign, not in level.
"""

from o1lib.analysis.claims.evaluate import evaluate_claims, measured_as, rests_on
from o1lib.analysis.claims.margins import FrozenMargin, frozen_margins
from o1lib.analysis.claims.registry import Claim, Compared, Reported, Variation, load_claims

__all__ = [
    "Claim",
    "Compared",
    "FrozenMargin",
    "Reported",
    "Variation",
    "evaluate_claims",
    "frozen_margins",
    "load_claims",
    "measured_as",
    "rests_on",
]
