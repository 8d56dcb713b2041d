"""Evaluate claims from records: the contrast of each claim with its interval and verdict, or the reason for none.

    lines = evaluate_claims(load_claims(), load_all("work/mini"))
    lines[3]["why"]                                # "needs row no_tags.sample, which has no record"

Only records with the same data and the same code are compared, seed by seed.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from o1lib.analysis.claims.cost import cost, drawn_for_test
from o1lib.analysis.claims.decoding import how_decoded
from o1lib.analysis.claims.family import corrected
from o1lib.analysis.claims.registry import Claim, Compared
from o1lib.analysis.claims.wording import agrees_with_paper, only_own_judge
from o1lib.analysis.observations import observations
from o1lib.analysis.stats import METHODS, NOT_TESTED, Interval, contrast, interval, ratio, verdict
from o1lib.records import Record, UserError

NUMBERS = ("value", "low", "high", "n", "seeds", "p", "wins", "losses")
NO_VERDICT = "no verdict"  # of a statement about cost
FEW_SEEDS = {1: "one seed says nothing of other seeds", 2: "two seeds say little of other seeds"}
COSTS = {
    "construction": "holds by construction of the two searches, so the measured value is no evidence",
    "implementation": "hangs on the implementation of the two searches",
}
BATCHED = ("cost/seconds",)  # measured for a whole batch: its questions are not independent samples
SHARED = "seconds of a batch are shared by its questions, so there is no interval over questions"
Pairs = dict[str, dict[int, Record]]  # row -> seed -> record
Reader = Callable[..., pd.DataFrame]  # (record, seed, metric, sets, skills) -> observations


@dataclass(frozen=True)
class _Evidence:
    """The records by row and seed, the seeds that must be there, and how observations are read from a record."""

    records: Pairs
    planned: Mapping[str, Collection[int]] = field(default_factory=dict)
    same_code: bool = True
    observe: Reader = field(default_factory=lambda: _reader())


def evaluate_claims(
    claims: Iterable[Claim],
    records: Iterable[Record],
    planned: Mapping[str, Collection[int]] | None = None,
    same_code: bool = True,
    margins: Mapping[str, float] | None = None,
) -> list[dict]:
    """Return one dict for each claim, in order, for JSON.

    Keys: id, paper, table, statement, kind, sign, claimed, scope, origin, holds_by, reported, contrast, value, low and
    high (fractions or ratios), n (questions), seeds, p, wins, losses, margin, verdict, why, cost
    (`o1lib.analysis.claims.cost`), second, judges, only_self, confirmatory. The last is whether the claim is in the
    confirmatory family and was scored on `test` drawings; then there is also p_holm, and the verdict is the corrected
    one. Without a verdict the numbers are None. `second` and `judges` hold {label: contrast, numbers, verdict and why}
    of the claim's variations; `only_self` says in words that no other judge gives the verdict, else "".

    `margins` are frozen margins by claim id (`o1lib.analysis.claims.margins`); without one no difference is negligible.
    `why` names the interval's method, or the reason why the claim was not tested: a row without a record, a seed of
    `planned` ({row: seeds}) without a record, rows decoded differently, different data, or different code (unless
    `same_code` is False). Seeds that only one row of a contrast has are left out, and `why` names them. A statement
    about cost has the verdict "no verdict", and a ratio of seconds has a value and no interval.
    """
    claims, evidence = list(claims), _Evidence(_by_row(records), planned or {}, same_code)
    lines = [_evaluate(claim, (margins or {}).get(claim.id), evidence) for claim in claims]
    return corrected(lines, sum(claim.confirmatory for claim in claims))


def rests_on(claim: Claim, records: Iterable[Record], same_code: bool = True) -> tuple[Pairs, list[pd.DataFrame]]:
    """Return the evidence for the verdict on a claim: its records by row and seed, and one table for each row.

    A table is that of `o1lib.analysis.observations.observations`, for all seeds. Raises UserError where
    `evaluate_claims` gives the verdict "not tested".
    """
    evidence = _Evidence(_by_row(records), same_code=same_code)
    pairs, _ = _comparable(claim.contrast, evidence)
    return pairs, [_table(claim.contrast, pairs[row], evidence.observe) for row in claim.contrast.rows]


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


def _evaluate(claim: Claim, margin: float | None, evidence: _Evidence) -> dict:
    line = claim.model_dump(mode="json", exclude_none=True, exclude={"second", "judges", "confirmatory"})
    line |= {"margin": margin} | _judged(claim, claim.contrast, margin, evidence)
    pairs = line.pop("pairs")
    for name, variations in (("second", claim.second), ("judges", claim.judges)):
        found = {label: _judged(claim, claim.varied(by), margin, evidence) for label, by in variations.items()}
        line[name] = {label: {key: one[key] for key in one if key != "pairs"} for label, one in found.items()}
    return line | {
        "why": "; ".join(filter(None, [line["why"], agrees_with_paper(line)])),
        "only_self": only_own_judge(line),
        "cost": cost(pairs, evidence.records) if pairs else None,
        "confirmatory": bool(pairs) and claim.confirmatory and drawn_for_test(pairs, evidence.records),
    }


def _judged(claim: Claim, what: Compared, margin: float | None, evidence: _Evidence) -> dict:
    """Return contrast, numbers, verdict and why of one contrast, and its records as `pairs` (None if not tested)."""
    line = {"contrast": what.model_dump(mode="json")}
    try:
        pairs, remark = _comparable(what, evidence)
        numbers, method = _measured(claim, what, pairs, evidence.observe)
    except UserError as problem:
        return line | dict.fromkeys(NUMBERS) | {"verdict": NOT_TESTED, "why": str(problem), "pairs": None}
    judged = verdict(numbers["low"], numbers["high"], claim.sign, claim.kind, claim.claimed, margin)
    unmargined = claim.kind == "equivalence" and margin is None
    remarks = [
        COSTS.get(claim.holds_by),
        method,
        FEW_SEEDS.get(numbers["seeds"]),
        "no margin is frozen, so equality cannot be shown" if unmargined else "",
        remark,
    ]
    return (
        line
        | numbers
        | {"verdict": NO_VERDICT if claim.holds_by else judged, "why": "; ".join(filter(None, remarks)), "pairs": pairs}
    )


def _measured(claim: Claim, what: Compared, pairs: Pairs, observe: Reader) -> tuple[dict, str]:
    """Return the NUMBERS of a contrast, and in words the method of its interval."""
    tables = [_table(what, pairs[row], observe) for row in what.rows]
    if claim.kind == "rate":
        found: Interval = interval(tables[0], "value")
    else:
        found = (ratio if claim.kind == "ratio" else contrast)(*tables, "value")
    numbers = {name: getattr(found, name, None) for name in NUMBERS}
    if what.metric in BATCHED:
        return numbers | dict.fromkeys(("low", "high", "p")), SHARED
    return numbers, METHODS[found.method]


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


def _comparable(what: Compared, evidence: _Evidence) -> tuple[Pairs, str]:
    """Return the records of a contrast by row and seed, and a remark on decoding and on the seeds left out.

    Raises UserError that says why the rows cannot be compared.
    """
    for row in what.rows:
        if not evidence.records.get(row):
            raise UserError(f"needs row {row}, which has no record")
    seeds, remark = _seeds(what, evidence)
    pairs = {row: {seed: _record(row, seed, what, evidence.records) for seed in seeds} for row in what.rows}
    used = [record for records in pairs.values() for record in records.values()]
    _check_same(used, "dataset_hash", "were scored on different data", "score them again on the same")
    if evidence.same_code:
        _check_same(used, "code_hash", "were made by different code", "redo the older with FRESH=1")
    return pairs, "; ".join(filter(None, [_decoded(what, used), remark]))


def _decoded(what: Compared, used: list[Record]) -> str:
    """Return a remark where rows were decoded differently on purpose. Raises UserError where it is not on purpose."""
    ways = {record.row: way for record in used if (way := how_decoded(record.parameters))}
    if len(set(ways.values())) < 2:
        return ""
    told = ", ".join(f"{row} is {way}" for row, way in ways.items())
    if not what.decoding:
        raise UserError(f"rows are decoded differently ({told}), so they are not compared: name rows decoded alike")
    return f"decoding is part of the contrast ({told})"


def _record(row: str, seed: int, what: Compared, all_records: Pairs) -> Record:
    """Return the record of a row for a seed: its only one for a row that is made once for all seeds."""
    return all_records[row][min(all_records[row]) if row in what.once else seed]


def _seeds(what: Compared, evidence: _Evidence) -> tuple[list[int], str]:
    """Return the seeds that all rows have and a remark on others. Raises UserError where a planned one is missing."""
    all_records, planned = evidence.records, evidence.planned
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
