"""Which test sets enter the headline: decided once, on validation drawings, before an arm is scored on devtest.

print(describe_entering("mini", ["direct.validation", "structured.validation"]))     # python -m o1lib entering

The last line of the text belongs in results/PROTOCOL.md, from which reports read it (`o1lib.analysis.headline`).
"""

from collections.abc import Sequence

from o1lib.analysis.headline import NO_SET, WRITTEN, frozen_levels, levels_for
from o1lib.records import Record, UserError, need, project_root
from o1lib.scoring import PAPER_SETS
from o1lib.scoring.chance_level import ChanceLevels, entering_sets

SPLIT = "validation"


def describe_entering(scale: str, rows: Sequence[str]) -> str:
    """Return each of the papers' sets with its chance level, the rows' scores, and whether it enters the headline.

    `rows` are rows of work/<scale> at seed 0. Raises UserError for a row that was not scored on validation drawings,
    has no frozen chance levels, or was scored on another dataset than the first one.
    """
    root = project_root() / "work" / scale
    records = [need(root, row, 0) for row in rows]
    found = [_levels(record, need(root, record.parameters.get("data") or "data", 0)) for record in records]
    if odd := [record.row for record, levels in zip(records, found, strict=True) if levels != found[0]]:
        raise UserError(f"{odd[0]} was scored on another dataset than {rows[0]}: name rows of one dataset")
    chance = found[0].sets()
    scores = {record.row: {name: (one.value, one.low) for name, one in record.metrics.items()} for record in records}
    enters = entering_sets(scores, chance)
    lines = [_line(name, chance[name], scores, name in enters) for name in PAPER_SETS]
    return "\n".join([*lines, "", f"{WRITTEN}{', '.join(enters) or NO_SET}."])


def _levels(record: Record, dataset: Record) -> ChanceLevels:
    if (split := dataset.parameters.get("test_split")) != SPLIT:
        raise UserError(
            f"{record.row} was scored on {split or 'questions of no split'}, and the sets of the headline are chosen "
            f"on {SPLIT} drawings: name a row whose dataset has test_split {SPLIT}"
        )
    levels = levels_for(record, frozen_levels([dataset]))
    if levels is None:
        raise UserError(
            f"the questions of {record.row} have no frozen chance levels: run `.venv/bin/python -m o1lib chance "
            f"--scale {dataset.scale} --data {dataset.row}`, or the row again if its dataset was replaced"
        )
    return levels


def _line(name: str, chance: float, scores: dict, enters: bool) -> str:
    arms = ", ".join(f"{row} {100 * own[name][0]:.1f} % (low {100 * own[name][1]:.1f})" for row, own in scores.items())
    return f"{name:<22}chance {100 * chance:5.1f} %, {arms}: {'enters' if enters else 'stays out'}"
