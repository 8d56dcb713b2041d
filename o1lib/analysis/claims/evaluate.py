"""Claims judged by records: the contrast of each, its interval, its verdict, or the reason why there is none.

    evaluate(load_claims(), load_all("work/mini"))[3]["why"]     # "needs row no_tags.sample, which has no record"

Records are only put together that belong together: of the same data and of the same code, seed by seed.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

import pandas as pd

from o1lib.analysis.claims.cost import cost, drawn_for_test
from o1lib.analysis.claims.family import corrected
from o1lib.analysis.claims.registry import Claim, Compared
from o1lib.analysis.observations import observations
from o1lib.analysis.stats import NOT_TESTED, PARTS, Interval, contrast, interval, ratio, verdict
from o1lib.records import Record, UserError

NUMBERS = ("value", "low", "high", "n", "seeds", "p", "wins", "losses")
FEW_SEEDS = {1: "one seed says nothing of other seeds", 2: "two seeds say little of other seeds"}
Pairs = dict[str, dict[int, Record]]  # row -> seed -> record
Units = Callable[..., pd.DataFrame]


def evaluate_claims(
    claims: Iterable[Claim],
    records: Iterable[Record],
    planned: Mapping[str, Collection[int]] | None = None,
    same_code: bool = True,
) -> list[dict]:
    """Return one dict a claim, in order, fit for JSON.

    Keys: id, paper, table, statement, kind, sign, claimed, scope, reported, contrast, value, low, high (fractions,
    ratios), n (questions), seeds, p, wins, losses, verdict, why, cost (`o1lib.analysis.claims.cost`), confirmatory (whether the
    claim is of the confirmatory family and was scored on `test` drawings; then also p_holm, and the verdict is the
    corrected one). Without a verdict the numbers are None. `why` names the interval's method, or the record that is
    missing or does not belong: no record of a row; a seed of `planned` ({row: seeds}) that is not recorded; other data;
    other code (unless `same_code` is off). Seeds that only one row of a contrast has are left out and named.
    """
    claims, shelf, units_of = list(claims), _shelf(records), _reader()
    lines = [_judged(claim, shelf, planned or {}, same_code, units_of) for claim in claims]
    return corrected(lines, sum(claim.confirmatory for claim in claims))


def rests_on(claim: Claim, records: Iterable[Record], same_code: bool = True) -> tuple[Pairs, list[pd.DataFrame]]:
    """Return what the verdict on a claim rests on: its records by row and seed, and of each row its table of units.

    A table is `o1lib.analysis.observations.units` over the seeds. Raises UserError where `evaluate` says "not tested".
    """
    pairs, _ = _belonging(claim.contrast, _shelf(records), {}, same_code)
    units_of = _reader()
    return pairs, [_table(claim.contrast, pairs[row], units_of) for row in claim.contrast.rows]


def _shelf(records: Iterable[Record]) -> Pairs:
    shelf: Pairs = defaultdict(dict)
    for record in records:
        shelf[record.row][record.seed] = record
    return shelf


def _reader() -> Units:
    """Return a function that takes predictions apart into units, once for each record and question asked of it."""
    cache: dict[tuple, pd.DataFrame] = {}

    def units_of(record: Record, seed: int, *what) -> pd.DataFrame:
        key = (record.row, record.seed, *what)
        if key not in cache:
            metric, sets, skills = what
            cache[key] = observations(record.predictions(), metric, record.seed, sets, skills)
        return cache[key].assign(seed=seed)

    return units_of


def _judged(claim: Claim, shelf: Pairs, planned: Mapping, same_code: bool, units_of: Units) -> dict:
    line = claim.model_dump(mode="json", exclude_none=True) | {"confirmatory": False}
    try:
        pairs, remark = _belonging(claim.contrast, shelf, planned, same_code)
        found = _measured(claim, pairs, units_of)
    except UserError as problem:
        return line | dict.fromkeys((*NUMBERS, "cost")) | {"verdict": NOT_TESTED, "why": str(problem)}
    numbers = {name: getattr(found, name, None) for name in NUMBERS}
    judged = verdict(found.low, found.high, claim.sign, claim.kind, claim.claimed)
    remarks = [PARTS[found.method], FEW_SEEDS.get(found.seeds), remark]
    return (
        line
        | numbers
        | {
            "cost": cost(pairs, shelf),
            "verdict": judged,
            "why": "; ".join(filter(None, remarks)),
            "confirmatory": claim.confirmatory and drawn_for_test(pairs, shelf),
        }
    )


def _measured(claim: Claim, pairs: Pairs, units_of: Units) -> Interval:
    tables = [_table(claim.contrast, pairs[row], units_of) for row in claim.contrast.rows]
    if claim.kind == "rate":
        return interval(tables[0], "value")
    return (ratio if claim.kind == "ratio" else contrast)(*tables, "value")


def _table(what: Compared, records: Mapping[int, Record], units_of: Units) -> pd.DataFrame:
    """Return the units of a row over its seeds; those of `less_skills` count negatively, as strata of their own."""
    found = [units_of(record, seed, what.metric, what.sets, what.skills) for seed, record in records.items()]
    if what.less_skills:
        less = [units_of(record, seed, what.metric, what.sets, what.less_skills) for seed, record in records.items()]
        found += [
            table.assign(weight=-table.weight, stratum="less " + table.stratum, qid="less " + table.qid)
            for table in less
        ]
    return pd.concat(found)


def _belonging(what: Compared, shelf: Pairs, planned: Mapping, same_code: bool) -> tuple[Pairs, str]:
    """Return the records of a contrast by row and seed, and a remark on seeds left out. Raises UserError."""
    for row in what.rows:
        if not shelf.get(row):
            raise UserError(f"needs row {row}, which has no record")
    seeds, remark = _seeds(what, shelf, planned)
    pairs = {
        row: {seed: shelf[row][min(shelf[row]) if row in what.once else seed] for seed in seeds} for row in what.rows
    }
    used = [record for records in pairs.values() for record in records.values()]
    _alike(used, "dataset_hash", "were scored on different data", "score them again on the same")
    if same_code:
        _alike(used, "code_hash", "were made by different code", "redo the older with FRESH=1")
    return pairs, remark


def _seeds(what: Compared, shelf: Pairs, planned: Mapping) -> tuple[list[int], str]:
    """Return the seeds that all rows have, and what was left out. Raises UserError when a planned seed lacks."""
    several = [row for row in what.rows if row not in what.once] or list(what.rows[:1])
    for row in several:
        if lacking := sorted(set(planned.get(row, ())) - set(shelf[row])):
            raise UserError(f"row {row} lacks its planned seed {', '.join(map(str, lacking))}, so it is incomplete")
    shared = set.intersection(*(set(shelf[row]) for row in several))
    if not shared:
        raise UserError(f"rows {' and '.join(several)} have no seed in common")
    left = {row: sorted(set(shelf[row]) - shared) for row in several}
    return sorted(shared), "; ".join(
        f"seed {', '.join(map(str, seeds))} of {row} has no counterpart and is left out"
        for row, seeds in left.items()
        if seeds
    )


def _alike(records: list[Record], key: str, what: str, remedy: str) -> None:
    """Raise UserError naming records whose provenance differs in `key`, with the commit each was made at."""
    kinds = defaultdict(dict)
    for record in records:
        kinds[record.provenance.get(key) or "unknown"][f"{record.row} seed {record.seed}"] = record.commit[:10]
    if len(kinds) > 1:
        named = "; ".join(
            f"{key} {value[:10]}: " + ", ".join(f"{name} (commit {at})" for name, at in names.items())
            for value, names in kinds.items()
        )
        raise UserError(f"records {what} ({named}), so they are not compared: {remedy}")
