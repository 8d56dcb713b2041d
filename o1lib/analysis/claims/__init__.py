"""The papers' claims as a file of contrasts, and the verdict of the records on each.

    lines = evaluate(load_claims(), load_all("results/mini"))
    lines[0]["verdict"], lines[0]["why"]

`claims.yaml` says for every claim what the paper reports (with the place in results/reported/) and which two rows of
the study, on which questions and in which unit, would tell. What cannot be told is "not tested", and `why` says which
record lacks. A mini number and a paper's number compare in sign, not in level.
"""

from o1lib.analysis.claims.evaluate import evaluate_claims, rests_on
from o1lib.analysis.claims.registry import Claim, Compared, Reported, load_claims

__all__ = ["Claim", "Compared", "Reported", "evaluate_claims", "load_claims", "rests_on"]
