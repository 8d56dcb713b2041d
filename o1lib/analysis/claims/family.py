"""The confirmatory family: several claims tested together, so that chance alone rarely makes one of them.

    lines = corrected(lines, 6)      # lines of `o1lib.analysis.claims.evaluate`

Where each of six true nulls is tested at 5 %, one in four such studies finds something. Holm's procedure holds that to
5 % for the family: a verdict on the sign of a difference stands only if its corrected p is at most 0.05. A member that
was not tested counts as one with p = 1. That a difference lies within the margin is read from the interval, and stays.
"""

from o1lib.analysis.stats.verdicts import INCONCLUSIVE, MARGIN

ALPHA = 0.05


def corrected(lines: list[dict], size: int) -> list[dict]:
    """Return the lines, those of the family with `p_holm` and the verdict that stands after Holm's correction.

    `size` is the number of members, tested or not. Where none was tested on `test` drawings, nothing changes.
    """
    family = [line for line in lines if line["confirmatory"]]
    if not family:
        return lines
    from statsmodels.stats.multitest import multipletests

    untested = [1.0] * (size - len(family))
    adjusted = multipletests([line["p"] for line in family] + untested, ALPHA, "holm")[1]
    fixed = {line["id"]: _stands(line, float(p)) for line, p in zip(family, adjusted, strict=False)}
    return [fixed.get(line["id"], line) for line in lines]


def _stands(line: dict, p: float) -> dict:
    within = line["low"] >= -MARGIN and line["high"] <= MARGIN
    if p <= ALPHA or within or line["verdict"] == INCONCLUSIVE:
        return line | {"p_holm": p}
    return line | {
        "p_holm": p,
        "verdict": INCONCLUSIVE,
        "why": f"{line['why']}; {line['verdict']} by its interval, but not after Holm's correction (p = {p:.3f})",
    }
