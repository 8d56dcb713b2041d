"""The headline of a study: chance levels of its datasets, the sets that enter, and the headline as a metric of records.

    records = with_headline(load_all("results/mini"))
    records[0].metrics["mini-headline"]        # mean of the chance-corrected scores of the entering sets

A dataset whose record names no chance.json has no chance level: tables say "not frozen", and no headline is computed.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from o1lib.minivqa.testsets import PROTOCOL
from o1lib.minivqa.testsets import SETS_LINE as WRITTEN
from o1lib.records import Record, UserError, choose, need, project_root, sha256, shown
from o1lib.records.store import Metric
from o1lib.scoring import PAPER_SETS
from o1lib.scoring.chance_level import AVERAGE, FILE, HEADLINE, ChanceLevels, headline_metric, read_levels

NOT_FROZEN, NO_SET = "not frozen", "none"
_WRITTEN = re.compile(rf"^{WRITTEN}(.+?)\.?$", re.M)


def frozen_levels(records: Iterable[Record]) -> dict[str, ChanceLevels]:
    """Return {row of a dataset: its frozen chance levels}. Raises UserError if a file is not the recorded one."""
    found = {}
    for record in records:
        if digest := record.artifacts.get(FILE):
            if sha256(record.folder / FILE) != digest:
                raise UserError(f"{shown(record.folder / FILE)} is not the file that was frozen: {record.redo}")
            found[record.row] = read_levels(record.folder / FILE)
    return found


def levels_of_row(root: Path | str, data: str, seed: int) -> ChanceLevels | None:
    """Return the chance levels of dataset `data` under `root`, None for a benchmark's file or if none are frozen."""
    if not data or "@" in data:
        return None
    return next(iter(frozen_levels([need(root, data, seed)]).values()), None)


def levels_for(record: Record, frozen: dict[str, ChanceLevels]) -> ChanceLevels | None:
    """Return the chance levels of the dataset that a record was scored on, None where they are not frozen."""
    levels = frozen.get(record.parameters.get("data") or "")
    same = levels and record.provenance.get("dataset_hash") == levels.dataset_hash
    return levels if same else None


def written_sets(text: str) -> tuple[str, ...] | None:
    """Return the sets that the last line `WRITTEN` of a protocol names ("none": no set), None if there is no such line.

    Raises UserError for a name that is not one of the papers' sets.
    """
    lines = _WRITTEN.findall(text)
    names = [name.strip(" `") for name in lines[-1].split(",") if name.strip() != NO_SET] if lines else []
    found = tuple(choose(name, PAPER_SETS, "test set of the headline") for name in names)
    return found if lines else None


def headline_sets() -> tuple[str, ...]:
    """Return the sets that enter the headline by results/PROTOCOL.md, all six of the papers' until it names them."""
    path = project_root() / PROTOCOL
    named = written_sets(path.read_text(encoding="utf8")) if path.is_file() else None
    return PAPER_SETS if named is None else named


def headline_chance(
    record: Record, frozen: dict[str, ChanceLevels], sets: Sequence[str] | None = None
) -> dict[str, float]:
    """Return the chance levels of the entering sets for `observations(..., HEADLINE, chance=...)`.

    They are {} where a set has no frozen level. `sets` is by default `headline_sets`; `frozen` is the result of
    `frozen_levels`.
    """
    levels = levels_for(record, frozen)
    wanted, there = headline_sets() if sets is None else sets, levels.sets() if levels else {}
    return {name: there[name] for name in wanted} if set(wanted) <= there.keys() else {}


def with_headline(records: Sequence[Record], sets: Sequence[str] | None = None) -> list[Record]:
    """Return the records with the metric HEADLINE where all its sets were scored and have a frozen chance level.

    `sets` is by default `headline_sets`. Other records are returned unchanged.
    """
    frozen, sets = frozen_levels(records), headline_sets() if sets is None else sets
    return [_with_headline(record, headline_chance(record, frozen, sets)) for record in records]


def main_metric(records: Iterable[Record]) -> str:
    """Return the metric that figures of all sets show: HEADLINE where a record has it, else the plain AVERAGE."""
    return HEADLINE if any(HEADLINE in record.metrics for record in records) else AVERAGE


def _with_headline(record: Record, chance: dict[str, float]) -> Record:
    scored = {name: record.metrics[name].model_dump() for name in chance if name in record.metrics}
    found = headline_metric(scored, chance, list(chance))
    return record.model_copy(update={"metrics": record.metrics | {HEADLINE: Metric(**found)}}) if found else record
