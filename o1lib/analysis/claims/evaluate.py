"""Evaluate claims from records: the contrast of each claim with its interval and verdict, or the reason for none.

    lines = evaluate_claims(load_claims(), load_all("work/mini"))
    lines[3]["why"]                                # "needs row no_tags.sample, which has no record"

Only records with the same data and the same code are compared, seed by seed.
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
Reader = Callable[..., pd.DataFrame]  # (record, seed, metric, sets, skills) -> observations


def evaluate_claims(
    claims: Iterable[Claim],
    records: Iterable[Record],
    planned: Mapping[str, Collection[int]] | None = None,
    same_code: bool = True,
) -> list[dict]:
    """Return one dict for each claim, in order, for JSON.

    Keys: id, paper, table, statement, kind, sign, claimed, scope, reported, contrast, value, low, high (fractions or
    ratios), n (questions), seeds, p, wins, losses, verdict, why, cost (`o1lib.analysis.claims.cost`), confirmatory. The
    last is whether the claim is in the confirmatory family and was scored on `test` drawings; then there is also
    p_holm, and the verdict is the corrected one. Without a verdict the numbers are None.

    `why` names the interval's method, or the reason why the claim was not tested: a row without a record, a seed of
    `planned` ({row: seeds}) without a record, different data, or different code (unless `same_code` is False). Seeds
    that only one row of a contrast has are left out, and `why` names them.
    """
    claims, by_row, observe = list(claims), _by_row(records), _reader()
    lines = [_evaluate(claim, by_row, planned or {}, same_code, observe) for claim in claims]
    return corrected(lines, sum(claim.confirmatory for claim in claims))


def rests_on(claim: Claim, records: Iterable[Record], same_code: bool = True) -> tuple[Pairs, list[pd.DataFrame]]:
    """Return the evidence for the verdict on a claim: its records by row and seed, and one table for each row.

    A table is that of `o1lib.analysis.observations.observations`, for all seeds. Raises UserError where
    `evaluate_claims` gives the verdict "not tested".
    """
    pairs, _ = _comparable(claim.contrast, _by_row(records), {}, same_code)
    observe = _reader()
    return pairs, [_table(claim.contrast, pairs[row], observe) for row in claim.contrast.rows]


def _by_row(records: Iterable[Record]) -> Pairs:
    by_row: Pairs = defaultdict(dict)
    for record in records:
        by_row[record.row][record.seed] = record
    return by_row


def _reader() -> Reader:
    """Return a function that makes the observations of a record, and makes the same ones only once."""
    cache: dict[tuple, pd.DataFrame] = {}

    def observe(record: Record, seed: int, *what) -> pd.DataFrame:
        key = (record.row, record.seed, *what)
        if key not in cache:
            metric, sets, skills = what
            cache[key] = observations(record.predictions(), metric, record.seed, sets, skills)
        return cache[key].assign(seed=seed)

    return observe


def _evaluate(claim: Claim, all_records: Pairs, planned: Mapping, same_code: bool, observe: Reader) -> dict:
    line = claim.model_dump(mode="json", exclude_none=True) | {"confirmatory": False}
    try:
        pairs, remark = _comparable(claim.contrast, all_records, planned, same_code)
        found = _measured(claim, pairs, observe)
    except UserError as problem:
        return line | dict.fromkeys((*NUMBERS, "cost")) | {"verdict": NOT_TESTED, "why": str(problem)}
    numbers = {name: getattr(found, name, None) for name in NUMBERS}
    judged = verdict(found.low, found.high, claim.sign, claim.kind, claim.claimed)
    remarks = [PARTS[found.method], FEW_SEEDS.get(found.seeds), remark]
    return (
        line
        | numbers
        | {
            "cost": cost(pairs, all_records),
            "verdict": judged,
            "why": "; ".join(filter(None, remarks)),
            "confirmatory": claim.confirmatory and drawn_for_test(pairs, all_records),
        }
    )


def _measured(claim: Claim, pairs: Pairs, observe: Reader) -> Interval:
    tables = [_table(claim.contrast, pairs[row], observe) for row in claim.contrast.rows]
    if claim.kind == "rate":
        return interval(tables[0], "value")
    return (ratio if claim.kind == "ratio" else contrast)(*tables, "value")


def _table(what: Compared, records: Mapping[int, Record], observe: Reader) -> pd.DataFrame:
    """Return the observations of a row over its seeds; those of `less_skills` have negative weights and own strata."""
    found = [observe(record, seed, what.metric, what.sets, what.skills) for seed, record in records.items()]
    if what.less_skills:
        less = [observe(record, seed, what.metric, what.sets, what.less_skills) for seed, record in records.items()]
        found += [
            table.assign(weight=-table.weight, stratum="less " + table.stratum, qid="less " + table.qid)
            for table in less
        ]
    return pd.concat(found)


def _comparable(what: Compared, all_records: Pairs, planned: Mapping, same_code: bool) -> tuple[Pairs, str]:
    """Return the records of a contrast by row and seed, and a remark on the seeds left out.

    Raises UserError that says why the rows cannot be compared.
    """
    for row in what.rows:
        if not all_records.get(row):
            raise UserError(f"needs row {row}, which has no record")
    seeds, remark = _seeds(what, all_records, planned)
    pairs = {row: {seed: _record(row, seed, what, all_records) for seed in seeds} for row in what.rows}
    used = [record for records in pairs.values() for record in records.values()]
    _check_same(used, "dataset_hash", "were scored on different data", "score them again on the same")
    if same_code:
        _check_same(used, "code_hash", "were made by different code", "redo the older with FRESH=1")
    return pairs, remark


def _record(row: str, seed: int, what: Compared, all_records: Pairs) -> Record:
    """Return the record of a row for a seed: its only one for a row that is made once for all seeds."""
    return all_records[row][min(all_records[row]) if row in what.once else seed]


def _seeds(what: Compared, all_records: Pairs, planned: Mapping) -> tuple[list[int], str]:
    """Return the seeds that all rows have and a remark on others. Raises UserError where a planned one is missing."""
    several = [row for row in what.rows if row not in what.once] or list(what.rows[:1])
    for row in several:
        if lacking := sorted(set(planned.get(row, ())) - set(all_records[row])):
            raise UserError(f"row {row} lacks its planned seed {', '.join(map(str, lacking))}, so it is incomplete")
    shared = set.intersection(*(set(all_records[row]) for row in several))
    if not shared:
        raise UserError(f"rows {' and '.join(several)} have no seed in common")
    left = {row: sorted(set(all_records[row]) - shared) for row in several}
    return sorted(shared), "; ".join(
        f"seed {', '.join(map(str, seeds))} of {row} has no counterpart and is left out"
        for row, seeds in left.items()
        if seeds
    )


def _check_same(records: list[Record], key: str, what: str, remedy: str) -> None:
    """Raise UserError where the provenance of records differs in `key`. It names each record and its commit."""
    kinds = defaultdict(dict)
    for record in records:
        value = record.code if key == "code_hash" else record.provenance.get(key)
        kinds[value or "unknown"][f"{record.row} seed {record.seed}"] = record.commit[:10]
    if len(kinds) > 1:
        named = "; ".join(
            f"{key} {value[:10]}: " + ", ".join(f"{name} (commit {at})" for name, at in names.items())
            for value, names in kinds.items()
        )
        raise UserError(f"records {what} ({named}), so they are not compared: {remedy}")
