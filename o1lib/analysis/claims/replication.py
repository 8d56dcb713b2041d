"""Compare a replication with the published study: does your value of a contrast lie inside the published interval?

    pairs = compare_with_published(lines, published("mini"))     # lines of o1lib.analysis.claims.evaluate_claims
    print(summarize_replication(pairs))                          # printed by `make study` and `make compare`
    replication_table(pairs)                                     # the same for the claims page

Inside does not mean equal, and outside does not mean refuted. If two studies of the same size differ only by their
random draws, one value in six lies outside the other study's 95 % interval.
"""

from pathlib import Path

import pandas as pd

from o1lib.analysis.claims.page import measured
from o1lib.records import UserError, project_root, shown
from o1lib.records.journals import load_json

INSIDE, ABOVE, BELOW = "inside", "outside, above it", "outside, below it"
YOURS, OURS = "not tested by you", "not tested in the published study"
COLUMNS = ["claim", "yours", "published", "your value and the published interval", "your verdict", "published verdict"]


def published(scale: str) -> list[dict]:
    """Return the published claims of a scale, [] if none are published. Raises UserError for a malformed file."""
    return read_claims(project_root() / "results" / scale / "tables" / "claims.json")


def read_claims(path: Path) -> list[dict]:
    """Return the claims of a claims.json, [] if there is no such file. Raises UserError for a malformed file."""
    if not path.is_file():
        return []
    try:
        lines = load_json(path, list)
        for line in lines:
            _check(line)
        return lines
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{shown(path)} is not a list of judged claims ({error}): run 07_claims again") from error


def _check(line: dict) -> None:
    """Raise KeyError, TypeError or ValueError unless a line is a judged claim, with value and interval or neither."""
    name, _, _, *numbers = (line[key] for key in ("id", "kind", "verdict", "value", "low", "high"))
    if numbers[1:] == [None, None]:  # a value alone, as of seconds
        numbers = numbers[:1]
    if numbers[0] is not None and not all(isinstance(number, (int, float)) for number in numbers):
        raise ValueError(f"claim {name} has value {numbers[0]!r} and interval {numbers[1:]}, which are not all numbers")


def place(value: float, low: float, high: float) -> str:
    """Return INSIDE, ABOVE or BELOW: the position of a value relative to an interval."""
    return INSIDE if low <= value <= high else ABOVE if value > high else BELOW


def compare_with_published(yours: list[dict], ours: list[dict]) -> list[dict]:
    """Return one dict for each claim that either study tested: id, statement, yours, published (lines), place."""
    other = {line["id"]: line for line in ours}
    pairs = [(line, other[line["id"]]) for line in yours if line["id"] in other]
    return [
        {
            "id": mine["id"],
            "statement": mine["statement"],
            "yours": mine,
            "published": theirs,
            "place": _place(mine, theirs),
        }
        for mine, theirs in pairs
        if (mine["value"], theirs["value"]) != (None, None) and not _alone(mine) and not _alone(theirs)
    ]


def _alone(line: dict) -> bool:
    """Return whether a line has a value without an interval, to which no other value can be compared."""
    return line["value"] is not None and line["low"] is None


def _place(mine: dict, theirs: dict) -> str:
    if mine["value"] is None or theirs["value"] is None:
        return YOURS if mine["value"] is None else OURS
    return place(mine["value"], theirs["low"], theirs["high"])


def summarize_agreement(pairs: list[dict]) -> str:
    """Return one sentence: how many of your values lie inside the published intervals, and which do not."""
    both = [pair for pair in pairs if pair["place"] in (INSIDE, ABOVE, BELOW)]
    if not both:
        return "No contrast was tested both by you and in the published study, so there is nothing to compare."
    if same_values(both):
        return f"All {len(both)} contrasts have the published values and intervals, so there is nothing to compare."
    outside = [pair["id"] for pair in both if pair["place"] != INSIDE]
    named = f" (all but {', '.join(outside)})" if outside else ""
    return (
        f"Of {len(both)} contrasts tested by you and in the published study, your value lies inside the published "
        f"95 % interval in {len(both) - len(outside)}{named}; by chance alone about one in six would not."
    )


def same_values(pairs: list[dict]) -> bool:
    """Return whether all of your values and intervals are the published ones: the same records, or made alike."""
    return all(pair["yours"][name] == pair["published"][name] for pair in pairs for name in ("value", "low", "high"))


def replication_table(pairs: list[dict]) -> pd.DataFrame:
    """Return a table with one line for each claim: both values with their intervals and verdicts.

    It has no lines where all values are the published ones.
    """
    lines = {
        pair["id"]: [
            pair["statement"],
            measured(pair["yours"]),
            measured(pair["published"]),
            pair["place"],
            pair["yours"]["verdict"],
            pair["published"]["verdict"],
        ]
        for pair in ([] if same_values(pairs) else pairs)
    }
    return pd.DataFrame.from_dict(lines, orient="index", columns=COLUMNS)


def summarize_replication(pairs: list[dict]) -> str:
    """Return a text: the contrasts that both studies tested, those that only one tested, and the summary."""
    lines = [
        (pair["id"], measured(pair["yours"]), measured(pair["published"]), _seeds(pair), pair["place"])
        for pair in pairs
        if pair["place"] not in (YOURS, OURS)
    ]
    head = [("", "yours", "published", "seeds (published)", "your value lies")] if lines else []
    wide = [max(map(len, column)) for column in zip(*head, *lines, strict=True)]
    rows = [[f"{cell:{width}}" for cell, width in zip(row, wide, strict=True)] for row in head + lines]
    return "\n".join([*("  ".join(row).rstrip() for row in rows), *_untested(pairs), summarize_agreement(pairs)])


def _seeds(pair: dict) -> str:
    return f"{pair['yours'].get('seeds') or '?'} ({pair['published'].get('seeds') or '?'})"


def _untested(pairs: list[dict]) -> list[str]:
    """Return one line for each reason why one study did not test a contrast, with the ids of the contrasts."""
    found: dict[tuple, list] = {}
    for pair in pairs:
        if pair["place"] in (YOURS, OURS):
            side = "yours" if pair["place"] == YOURS else "published"
            found.setdefault((pair["place"], pair[side].get("why") or "no reason is given"), []).append(pair["id"])
    return [f"{place}: {', '.join(ids)} ({why})" for (place, why), ids in sorted(found.items())]
