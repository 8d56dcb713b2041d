"""Gather what a contrast rests on: its records, paired by seed, and their observations.

    evidence = Evidence.of(load_all("work/mini"))
    pairs, remark = comparable(claim.contrast, evidence)     # UserError that says why rows cannot be compared
    used = usable(claim.contrast, pairs, evidence)           # the contrast in a metric that these records have
    table(used, pairs["direct.sample"], evidence)            # for `o1lib.analysis.stats`

Only records with the same data, the same code and the same way of decoding are compared, seed by seed.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from o1lib.analysis.claims.bases import Pairs, by_base, seed_on, twins_among
from o1lib.analysis.claims.decoding import how_decoded
from o1lib.analysis.claims.registry import Compared
from o1lib.analysis.headline import frozen_levels, headline_chance, headline_sets
from o1lib.analysis.observations import observations
from o1lib.records import Record, UserError
from o1lib.scoring.chance_level import AVERAGE, HEADLINE, ChanceLevels

KEPT = 4  # records whose predictions stay in memory: two rows at two seeds
Reader = Callable[..., pd.DataFrame]  # (record, seed, metric, sets, skills, chance) -> observations


@dataclass(frozen=True)
class Evidence:
    """Records by row and seed, the chance levels of their datasets, and how observations are read from a record.

    `planned` holds the seeds that must be there, {row: seeds}. `sets` are the test sets that enter the headline.
    `by_base` has the records of scored rows by their base (`o1lib.analysis.claims.bases`).
    """

    records: Pairs
    frozen: Mapping[str, ChanceLevels]
    sets: tuple[str, ...]
    planned: Mapping[str, Collection[int]]
    same_code: bool
    observe: Reader = field(default_factory=lambda: _reader())
    by_base: Mapping[str, Pairs] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        records: Iterable[Record],
        planned: Mapping[str, Collection[int]] | None = None,
        same_code: bool = True,
    ) -> "Evidence":
        """Return the evidence of records. Raises UserError where a frozen chance level is not the recorded one."""
        records = list(records)
        by_row: Pairs = defaultdict(dict)
        for record in records:
            by_row[record.row][record.seed] = record
        sets, bases = headline_sets(), by_base(records)
        return cls(by_row, frozen_levels(records), sets, planned or {}, same_code, by_base=bases)

    def on(self, what: Compared) -> dict[str, "Evidence"]:
        """Return the evidence of each base that has all rows of a contrast, under the names of the first base.

        It is {"": self} where rows were run on one base only, or are rows of one base by their name. Raises UserError
        where a row is planned on another base and has no record there.
        """
        bases = {base: rows for base, rows in self.by_base.items() if set(what.rows) <= rows.keys()}
        there = {record.row for rows in bases.values() for row in what.rows for record in rows[row].values()}
        for row in what.rows:
            if lacking := [name for name in twins_among(self.planned, row) if name not in there]:
                raise UserError(f"row {lacking[0]} lacks its planned seeds, so it is incomplete")
        if len(bases) < 2 and (not bases or there <= set(what.rows)):
            return {"": self}
        return {
            base: replace(self, records=self.records | rows, planned=self._planned(rows))
            for base, rows in bases.items()
        }

    def _planned(self, rows: Pairs) -> dict[str, Collection[int]]:
        """Return the planned seeds of the rows of one base by their names on the first one."""
        names = {row: next(iter(found.values())).row for row, found in rows.items() if found}
        return {row: self.planned[name] for row, name in names.items() if name in self.planned}

    def chance(self, what: Compared, record: Record) -> dict[str, float]:
        """Return the chance level of each set of a headline on a record's questions, {} where one is not frozen.

        The sets are those that the contrast names, by default those that enter.
        """
        return headline_chance(record, self.frozen, what.sets or self.sets)


def _reader() -> Reader:
    """Return a function that makes the observations of a record, and makes the same ones only once.

    It keeps the predictions of the records read last, since one pair of rows is often compared in several metrics.
    """
    cache: dict[tuple, pd.DataFrame] = {}
    last: dict[tuple, list[dict]] = {}

    def predictions(record: Record) -> list[dict]:
        key = record.row, record.seed
        if key not in last:
            while len(last) >= KEPT:
                last.pop(next(iter(last)))
            last[key] = record.predictions()
        return last[key]

    def observe(record: Record, seed: int, *what) -> pd.DataFrame:
        key = (record.row, record.seed, *what)
        if key not in cache:
            metric, sets, skills, chance = what
            chance = dict(chance) if chance else None
            cache[key] = observations(predictions(record), metric, record.seed, sets, skills, chance)
        return cache[key].assign(seed=seed)

    return observe


def usable(what: Compared, pairs: Pairs, evidence: Evidence) -> Compared:
    """Return the contrast as it is, or in the plain average where it needs chance levels that are not frozen.

    Raises UserError for a headline that no test set enters.
    """
    if what.metric != HEADLINE:
        return what
    if not evidence.sets:
        raise UserError("no test set enters the headline by results/PROTOCOL.md, so there is nothing to compare")
    records = [record for found in pairs.values() for record in found.values()]
    frozen = all(evidence.chance(what, record) for record in records)
    return what if frozen else what.model_copy(update={"metric": AVERAGE})


def tables(what: Compared, parts: Mapping[str, Pairs], evidence: Evidence) -> list[pd.DataFrame]:
    """Return one table for each row of a contrast, with a column `base` where `parts` names bases."""
    if list(parts) == [""]:
        return [table(what, parts[""][row], evidence) for row in what.rows]
    return [pd.concat([_on_base(what, base, own[row], evidence) for base, own in parts.items()]) for row in what.rows]


def _on_base(what: Compared, base: str, records: Mapping[int, Record], evidence: Evidence) -> pd.DataFrame:
    named = {seed_on(base, seed): record for seed, record in records.items()}
    return table(what, named, evidence).assign(base=base)


def table(what: Compared, records: Mapping[int, Record], evidence: Evidence) -> pd.DataFrame:
    """Return the observations of a row over its seeds; those of `less_skills` have negative weights and own strata."""
    found = [_observed(what, what.skills, seed, record, evidence) for seed, record in records.items()]
    if what.less_skills:
        less = [_observed(what, what.less_skills, seed, record, evidence) for seed, record in records.items()]
        found += [
            part.assign(weight=-part.weight, stratum="less " + part.stratum, qid="less " + part.qid) for part in less
        ]
    return pd.concat(found)


def _observed(what: Compared, skills: tuple, seed: int, record: Record, evidence: Evidence) -> pd.DataFrame:
    chance = evidence.chance(what, record) if what.metric == HEADLINE else {}
    return evidence.observe(record, seed, what.metric, what.sets, skills, tuple(chance.items()))


def comparable(what: Compared, evidence: Evidence) -> tuple[Pairs, str]:
    """Return the records of a contrast by row and seed, and a remark on decoding and on the seeds left out.

    Raises UserError that says why the rows cannot be compared.
    """
    for row in what.rows:
        if not evidence.records.get(row):
            raise UserError(f"needs row {row}, which has no record")
    seeds, remark = _seeds(what, evidence)
    pairs = {row: {seed: _record(row, seed, what, evidence.records) for seed in seeds} for row in what.rows}
    used = [record for records in pairs.values() for record in records.values()]
    check_alike(used, evidence)
    return pairs, "; ".join(filter(None, [_decoded(what, used), remark]))


def check_alike(records: list[Record], evidence: Evidence) -> None:
    """Raise UserError where records were scored on different data or, unless that is allowed, made by other code."""
    _check_same(records, "dataset_hash", "were scored on different data", "score them again on the same")
    if evidence.same_code:
        _check_same(records, "code_hash", "were made by different code", "redo the older with FRESH=1")


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


def _seeds(what: Compared, evidence: Evidence) -> tuple[list[int], str]:
    """Return the seeds that all rows have and a remark on others. Raises UserError where a planned one is missing."""
    all_records, planned = evidence.records, evidence.planned
    several = [row for row in what.rows if row not in what.once] or list(what.rows[:1])
    for row in several:
        if lacking := sorted(set(planned.get(row, ())) - set(all_records[row])):
            raise UserError(f"row {row} lacks its planned seed {', '.join(map(str, lacking))}, so it is incomplete")
    shared = set.intersection(*(set(all_records[row]) for row in several))
    if not shared:
        raise UserError(f"rows {' and '.join(several)} have no seed in common")
    return sorted(shared), unpaired(what, evidence)


def unpaired(what: Compared, evidence: Evidence) -> str:
    """Return in words which seeds of a contrast's rows have no counterpart and are left out, "" where none are."""
    several = [row for row in what.rows if row not in what.once]
    seeds = {row: set(evidence.records[row]) for row in several}
    shared = set.intersection(*seeds.values()) if seeds else set()
    return "; ".join(
        f"seed {', '.join(map(str, sorted(own - shared)))} of {row} has no counterpart and is left out"
        for row, own in seeds.items()
        if own - shared
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
