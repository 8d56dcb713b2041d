"""Word a verdict: does it agree with the paper's own size, and does it hold under one judge only?

    gain(line)                  # 0.006, the paper's own difference as a fraction; None where no two numbers are given
    worded(line)                # "supported (only under the judge `self`)"

Lines are those of `o1lib.analysis.claims.evaluate_claims`.
"""

from o1lib.analysis.stats import INCONCLUSIVE, NEGLIGIBLE, NOT_TESTED, OPPOSITE, SUPPORTED
from o1lib.scoring.chance_level import HEADLINE

UNREACHED = 0.05  # power below which a margin does not let a contrast be called negligible
STUDY = "study"  # the origin of a statement that no paper makes
ALL_SETS = "six sets, corrected for chance"  # label of the headline over all six sets, next to the entering ones


def gain(line: dict) -> float | None:
    """Return the paper's own difference of the claim's two sides as a fraction, None where it prints none."""
    numbers = line["reported"]
    if line["kind"] != "difference" or line.get("origin") == STUDY or numbers.keys() != {"a", "b"}:
        return None
    return (numbers["a"]["value"] - numbers["b"]["value"]) / 100


def below_margin(line: dict) -> bool:
    """Return whether the paper's own difference is below the margin, so that *negligible* agrees with the paper."""
    own, margin = gain(line), line.get("margin")
    return own is not None and margin is not None and abs(own) < margin


def agrees_with_paper(line: dict) -> str:
    """Return in words that a negligible difference agrees with the paper's own, "" where it does not."""
    if line["verdict"] != NEGLIGIBLE or not below_margin(line):
        return ""
    return (
        f"the paper's own difference of {100 * gain(line):+z.1f} points is below the margin: this agrees with the paper"
    )


def margin(line: dict) -> str:
    """Return a claim's margin in points with its power, and whether *negligible* would agree with the paper.

    The power is the probability that a true difference of zero is called negligible; below UNREACHED that is told as
    out of reach. Without a margin it is "–".
    """
    if line.get("margin") is None:
        return "–"
    agreeing = f"; negligible agrees with the paper ({100 * gain(line):+z.1f})" if below_margin(line) else ""
    power = line.get("margin_power")
    told = "" if power is None else f" (power {power:.2f})"
    unreached = "; negligible is out of reach" if power is not None and power < UNREACHED else ""
    return f"{100 * line['margin']:.1f} points{told}{unreached}{agreeing}"


def only_own_judge(line: dict) -> str:
    """Return in words which other judges do not give the verdict, "" where there is no verdict or all of them do.

    *Negligible* needs the margin of the contrast itself, which other judges do not have.
    """
    others = line["judges"]
    if not others or line["verdict"] in (INCONCLUSIVE, NOT_TESTED, NEGLIGIBLE):
        return ""
    same = [label for label, one in others.items() if one["verdict"] == line["verdict"]]
    untested = [label for label, one in others.items() if one["verdict"] == NOT_TESTED]
    other = [label for label in others if label not in (*same, *untested)]
    if not same and not other:
        return "shown only under the judge `self`; no other judge was tested"
    if not same:
        return "only under the judge `self`"
    return "" if not other else f"not under {' and '.join(other)}"


def changed_by_sets(line: dict) -> str:
    """Return in words which verdict the headline over all six sets gives where it is another one, else ""."""
    six = line["second"].get(ALL_SETS)
    if not six or six["contrast"]["metric"] != HEADLINE or six["verdict"] in (line["verdict"], NOT_TESTED):
        return ""
    return f"{six['verdict']} over all six sets"


def worded(line: dict) -> str:
    """Return the verdict with what limits it: a claim on other models is not run, one seed or judge may not do."""
    decided = line["verdict"] in (SUPPORTED, OPPOSITE, NEGLIGIBLE)
    limits = [
        "as reported, not run" if line.get("scope") == "paper" else "",
        "for this seed only" if decided and line.get("seeds") == 1 else "",
        line.get("only_self", ""),
        line.get("changed_by_sets", ""),
    ]
    told = "; ".join(filter(None, limits))
    return f"{line['verdict']} ({told})" if told else line["verdict"]
