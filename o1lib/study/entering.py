"""Which test sets enter the headline: decided once, on validation drawings, before an arm is scored on devtest.

print(describe_entering("mini", ["direct.validation", "structured.validation"]))     # python -m o1lib entering
scored_too_early(study, plan)              # ["direct.sample: an arm of a new base would be scored ..."]

The last line of the text belongs in results/PROTOCOL.md, from which reports read it (`o1lib.analysis.headline`). The
study refuses to score an arm of a new base on devtest before it is there. The base of the first pilot is not new,
because it was scored before there was a headline.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from o1lib.analysis.headline import NO_SET, WRITTEN, frozen_levels, levels_for, written_sets
from o1lib.data.sources import SOURCES
from o1lib.minivqa.testsets import PROTOCOL
from o1lib.records import Record, UserError, load, need, project_root
from o1lib.records.store import RECORD
from o1lib.scoring import PAPER_SETS
from o1lib.scoring.chance_level import ChanceLevels, entering_sets
from o1lib.study.experiments import MAIN_SCALE, parameters_of
from o1lib.study.jobs import Job
from o1lib.study.plan import StudyPlan
from o1lib.study.run_times import SCORING
from o1lib.study.specs import Study

SPLIT, DEVTEST = "validation", "devtest"
FIRST_PILOT = "results/pilot1/runs/base/seed0"  # the record of its base


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


def scored_too_early(study: Study, plan: StudyPlan) -> list[str]:
    """Return a sentence on arms of a new base that a plan scores on devtest before the sets are written, else [].

    Only the published scale is asked, and only in a project with a protocol.
    """
    path = project_root() / PROTOCOL
    if plan.scale != MAIN_SCALE or not path.is_file() or written_sets(path.read_text(encoding="utf8")) is not None:
        return []
    scored = [entry.job for entry in plan.due if entry.job.notebook == SCORING]
    early = dict.fromkeys(job.row for job in scored if _on_devtest(study, job) and _of_new_base(study, job))
    if not early:
        return []
    return [
        f"{', '.join(early)}: an arm of a new base would be scored on {DEVTEST} before {PROTOCOL} has a line "
        f"{WRITTEN.strip()!r}: run `make study ROWS=entering`, then `.venv/bin/python -m o1lib entering`, and add its "
        f"last line to {PROTOCOL}"
    ]


def _on_devtest(study: Study, job: Job) -> bool:
    """Return whether a job is asked questions of Mini-VQA's split devtest."""
    data = str(job.parameters.get("data") or "")
    if data not in study.rows:
        return False
    given = parameters_of(study, MAIN_SCALE, data)
    drawn = SOURCES[given.get("source", "minivqa")].test_is_reserved
    return drawn and given.get("test_split", DEVTEST) == DEVTEST


def _of_new_base(study: Study, job: Job) -> bool:
    """Return whether a job scores an arm whose base is there and is not that of the first pilot."""
    model = str(job.parameters.get("model") or "")
    base = parameters_of(study, MAIN_SCALE, model).get("base") if model in study.rows else None
    if base not in study.rows:
        return False
    folder = project_root() / str(parameters_of(study, MAIN_SCALE, base).get("checkpoint") or "")
    return (folder / "config.json").is_file() and _weights(folder) != _first_pilot()


@cache
def _weights(folder: Path) -> str:
    from o1lib.models.checkpoint import model_hash  # loads more than a plan needs

    return model_hash(folder)


def _first_pilot() -> str:
    """Return the hash of the model that was the base of the first pilot, "" where its record is not kept."""
    folder = project_root() / FIRST_PILOT
    return load(folder).provenance.get("model_hash", "") if (folder / RECORD).is_file() else ""
