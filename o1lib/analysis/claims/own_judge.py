"""Say how good the judge `self` was in the rows of a contrast, so that no verdict on searches stands without it.

    judged_by_itself(pairs)     # ["the judge of structured.stage_beam4.self was right in 61.0 % [55.4, 66.3] of ..."]

The comparisons are the row's own, over all seeds: those in which one side was truer. Wilson's interval is somewhat too
narrow, because comparisons within one question are not independent.
"""

from collections.abc import Iterable

from o1lib.analysis.claims.bases import Pairs
from o1lib.records import Record
from o1lib.scoring.intervals import wilson

SELF = "self"
MEASURED = "judge_on_own_pairs"  # in `extra` of a record of notebook 03: {"n", "accuracy", "tie", ...}


def judged_by_itself(pairs: Pairs) -> list[str]:
    """Return a sentence for each row with the judge `self`: its accuracy with the 95 % interval, and its ties.

    Rows without a comparison in which one side was truer have none: without a judge, or with one candidate.
    """
    return [told for row, records in pairs.items() if (told := _told(row, records.values()))]


def _told(row: str, records: Iterable[Record]) -> str:
    found = [record.extra.get(MEASURED) or {} for record in records if record.parameters.get("judge") == SELF]
    found = [one for one in found if one.get("n")]
    if not found:
        return ""
    n = sum(one["n"] for one in found)
    right, ties = (sum(one[name] * one["n"] for one in found) / n for name in ("accuracy", "tie"))
    low, high = wilson(round(right * n), n)
    return (
        f"the judge of {row} was right in {100 * right:.1f} % [{100 * low:.1f}, {100 * high:.1f}] of {n} comparisons "
        f"and left {100 * ties:.1f} % to a coin"
    )
