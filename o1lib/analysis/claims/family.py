"""Correct the verdicts on the confirmatory claims for multiple testing, by Holm's procedure.

    lines = corrected(lines, 6)      # lines of `o1lib.analysis.claims.evaluate_claims`

If six true null hypotheses are each tested at 5 %, one in four such studies finds a difference. Holm's procedure
(https://www.jstor.org/stable/4615733) keeps that probability at 5 % for the whole family: a verdict on the sign of a
difference is kept only if its corrected p is at most 0.05. An untested member counts with p = 1. That a difference
is negligible is a verdict by the interval and is not corrected.
"""

from o1lib.analysis.claims.wording import changed_by_sets
from o1lib.analysis.stats.verdicts import INCONCLUSIVE, NEGLIGIBLE

ALPHA = 0.05


def corrected(lines: list[dict], size: int) -> list[dict]:
    """Return the lines, those of the family with `p_holm` and their verdict after Holm's correction.

    `size` is the number of members, tested or not. Nothing changes where no member was tested on `test` drawings.
    """
    family = [line for line in lines if line["confirmatory"]]
    if not family:
        return lines
    from statsmodels.stats.multitest import multipletests

    untested = [1.0] * (size - len(family))
    adjusted = multipletests([line["p"] for line in family] + untested, ALPHA, "holm")[1]
    fixed = {line["id"]: _holm_verdict(line, float(p)) for line, p in zip(family, adjusted, strict=False)}
    return [fixed.get(line["id"], line) for line in lines]


def _holm_verdict(line: dict, p: float) -> dict:
    """Return a line with its corrected p-value, and with the verdict "inconclusive" where that is above ALPHA."""
    if p <= ALPHA or line["verdict"] in (NEGLIGIBLE, INCONCLUSIVE):
        return line | {"p_holm": p}
    return line | {
        "p_holm": p,
        "verdict": INCONCLUSIVE,
        "only_self": "",
        "changed_by_sets": _still_changed(line),
        "why": f"{line['why']}; {line['verdict']} by its interval, but not after Holm's correction (p = {p:.3f})",
    }


def _still_changed(line: dict) -> str:
    """Return in words how all six sets differ from "inconclusive", "" where they gave the verdict that Holm takes back.

    Their own verdict is not corrected, so that one says nothing about the choice of sets.
    """
    return changed_by_sets(line | {"verdict": INCONCLUSIVE}) if line.get("changed_by_sets") else ""
