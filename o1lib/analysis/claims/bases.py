"""Rows that were run on several bases: which of them are one row of the study, and what their contrasts give apart.

    by_base(records)["base1"]["structured.sample"][0].row        # "structured.base1.sample"
    on_every_base(records, {"structured": "structured.sample"})  # the same with "structured, base 0" and "..., base 1"
    verdict_over_bases("supported", parts)                       # "inconclusive" where their signs differ

A row of experiments.yaml that runs on another base has the name of that base behind that of its model
(`o1lib.study.twins`). A contrast is measured on every base that has all its rows. Bases are fixed effects: the verdict
is on the mean over the bases at hand, and says nothing of others.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from o1lib.analysis.stats import INCONCLUSIVE, NEGLIGIBLE, OPPOSITE, SUPPORTED
from o1lib.records import Record

FIRST = "base"  # the row of the first base, whose rows have no base in their names
DIFFERS = "the sign differs between bases"
Pairs = dict[str, dict]  # row -> seed -> record


def by_base(records: Iterable[Record]) -> dict[str, Pairs]:
    """Return {base: {row: {seed: record}}} of scored rows; a row has the same name on every base.

    Rows whose model has no record, such as a served model, count as rows of the base "".
    """
    records = list(records)
    trained = {record.row: record for record in records if record.parameters.get("base")}
    models = {record.row for record in records}
    found: dict[str, Pairs] = defaultdict(lambda: defaultdict(dict))
    for record in records:
        if model := str(record.parameters.get("model") or ""):
            made = trained.get(model)
            base = str(made.parameters["base"]) if made else model if model in models else ""
            found[base][_on_first(record.row, model, base)][record.seed] = record
    return {base: dict(found[base]) for base in sorted(found)}


def _on_first(row: str, model: str, base: str) -> str:
    """Return the name that a row scored with `model`, of `base`, has on the first base."""
    if base in ("", FIRST):
        return row
    if model == base:
        return FIRST + row.removeprefix(base)
    first = model.removesuffix(f".{base}")
    return first + row.removeprefix(model) if row.startswith(model) else row


def on_every_base(records: Iterable[Record], rows: Mapping[str, str]) -> dict[str, str]:
    """Return {label with the base: row id} of those rows that were run on several bases, for each of these bases.

    `rows` maps labels to the ids that the rows have on the first base. The first label of a row counts.
    """
    found = {base: own for base, own in by_base(records).items() if base}
    labels = {row: label for label, row in reversed(rows.items())}
    on = {row: [base for base in found if row in found[base]] for row in dict.fromkeys(rows.values())}
    return {
        f"{labels[row]}, {named(base)}": next(iter(found[base][row].values())).row
        for row, bases in on.items()
        for base in bases
        if len(bases) > 1
    }


def only_base(records: Iterable[Record], rows: Iterable[str]) -> str:
    """Return the one base of rows of a study with several, "" where the study has one, or the rows none or several."""
    found = {base: _ids(own) for base, own in by_base(records).items() if base}
    on = [base for base, ids in found.items() if ids & set(rows)]
    return named(on[0]) if len(on) == 1 and len(found) > 1 else ""


def note_on_bases(records: Iterable[Record]) -> str:
    """Return which bases a report has and which of them its tables show, "" where it has one."""
    found = [base for base in by_base(records) if base]
    if len(found) < 2:
        return ""
    there = " and ".join(f"{named(base)} (`{base}`)" for base in found)
    first = f"Tables and figures of rows have {named(FIRST)}, unless a label, a column or a caption names a base. "
    return (
        f"The rows were trained from {there}. {first if FIRST in found else ''}A contrast is the mean over the bases "
        "that have both of its rows; its reasons name them."
    )


def named(base: str) -> str:
    """Return a base in words: "base 1" for base1, "base 0" for the first one."""
    return f"base {base.removeprefix(FIRST) or 0}"


def _ids(pairs: Pairs) -> set[str]:
    return {record.row for seeds in pairs.values() for record in seeds.values()}


def twins_among(names: Iterable[str], row: str) -> list[str]:
    """Return those of `names` that can be `row` on another base: with one part more, or with another first part."""
    parts = row.split(".")
    return [name for name in names if name != row and _is_twin(name.split("."), parts)]


def _is_twin(longer: list[str], parts: list[str]) -> bool:
    if parts[0] == FIRST and len(longer) == len(parts):
        return longer[0].startswith(FIRST) and longer[1:] == parts[1:]
    return any(longer[k].startswith(FIRST) and longer[:k] + longer[k + 1 :] == parts for k in range(1, len(longer)))


def merged(parts: Mapping[str, Pairs]) -> Pairs:
    """Return the records of all bases by row and seed, with several bases under the seed and the base as one name."""
    rows = dict.fromkeys(row for pairs in parts.values() for row in pairs)
    return {
        row: {seed_on(base, seed): record for base, pairs in parts.items() for seed, record in pairs[row].items()}
        for row in rows
    }


def seed_on(base: str, seed: int) -> int | str:
    """Return a seed as it is, or with the name of its base."""
    return f"{seed} on {base}" if base else seed


def over_bases(parts: Mapping[str, Pairs]) -> list[str]:
    """Return a remark on the bases of a contrast, [] where it has no base of its own."""
    named = [base for base in parts if base]
    return (
        [f"the mean over {' and '.join(named)}, of which other bases may differ"]
        if len(named) > 1
        else [f"on {base}" for base in named]
    )


def verdict_over_bases(verdict: str, parts: Sequence[Mapping]) -> str:
    """Return the verdict on a mean over bases. `parts` has value, low and high of each base.

    A verdict on a sign is inconclusive where a base has another sign. *Negligible* is where two bases surely have
    opposite signs, because their mean then hides two differences.
    """
    if verdict in (SUPPORTED, OPPOSITE):
        differs = min(part["value"] for part in parts) < 0 < max(part["value"] for part in parts)
    else:
        differs = verdict == NEGLIGIBLE and (
            any(part["low"] > 0 for part in parts) and any(part["high"] < 0 for part in parts)
        )
    return INCONCLUSIVE if differs else verdict
