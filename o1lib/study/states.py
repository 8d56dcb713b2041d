"""The state of one job of the study: its record, why it would have to run again, and what was set aside.

    state = state_of(job, records)
    state.reason         # "parameter value: 0.25 -> 0.35"; "" if its record is what the plan asks for
    state.lost           # "model is missing"; such a folder is made again only where a row needs it

A record stays valid if the model or the record of a row that it was made from is lost. It is out of date only if that
row has another model or other data now.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from o1lib.records import Record, UserError, load, portable, project_root
from o1lib.records.journals import numbered, read_json
from o1lib.records.store import RECORD
from o1lib.study.jobs import Job, Key
from o1lib.study.specs import Study

ATTEMPT = "attempt"  # fingerprint and code hash of the run that last began; only the same run may use its checkpoints
EARLIER = "earlier.json"  # the record of a row that is redone; the plan takes its parameters and seconds from it
UNREADABLE, BY_HAND = "its record cannot be read", "made by hand"
# what a record says of the row that a parameter names: the field with that row's hash, and the hash in its own record
MADE_FROM = {
    "data": ("dataset_hash", "dataset_hash"),
    "model": ("model_hash", "model_hash"),
    "base": ("", "model_hash"),
}


@dataclass(frozen=True)
class State:
    """A job's record if there is one, why the job would have to run, and the folder that it lost."""

    record: Record | None = None
    reason: str = ""
    lost: str = ""


def folder_of(job: Job) -> Path:
    """Return the folder of a job's run."""
    return project_root() / str(job.parameters["root"]) / "runs" / job.row / f"seed{job.seed}"


def recorded(job: Job) -> Record | None:
    """Return the job's record, or None if it is missing or cannot be read."""
    try:
        return load(folder_of(job))
    except UserError:
        return None


def is_done(job: Job) -> bool:
    """Return whether the job has a record of its row and seed with the planned fingerprint."""
    record = recorded(job)
    return record is not None and not record.misplaced() and record.fingerprint == job.fingerprint


def earlier(job: Job) -> Record | None:
    """Return the record that was set aside when the job was last redone, None if there is none that can be read."""
    folder = folder_of(job)
    try:
        return Record.model_validate(read_json(folder / EARLIER)).model_copy(update={"folder": folder})
    except ValidationError:
        return None


def seeds_there(root: Path, row: str = "*", name: str = RECORD) -> set[int]:
    """Return the seeds at which `row` (any row by default) has a record, or another file `name`, under `root`."""
    seeds = (numbered(path.parent.name, "seed") for path in root.glob(f"runs/{row}/seed*/{name}"))
    return {seed for seed in seeds if seed is not None}


def odd_folders(root: Path) -> list[Path]:
    """Return the folders among the runs that hold a record but are not named after a seed, such as "seed0 (copy)"."""
    folders = (path.parent for path in root.glob(f"runs/*/*/{RECORD}"))
    return sorted(folder for folder in folders if numbered(folder.name, "seed") is None)


def left_over(study: Study, root: Path) -> list[tuple[Job, str]]:
    """Return a job for each record under `root` that no row of experiments.yaml asks for, and why none does.

    Records made by hand are not included, because only the user knows what they are for.
    """
    found = []
    for folder in sorted(path.parent for path in root.glob(f"runs/*/seed*/{RECORD}")):
        row, seed = folder.parent.name, numbered(folder.name, "seed")
        if seed is None or row in study.rows and not (study.rows[row].once and seed):
            continue
        job = Job(row, seed, "", {"root": root.relative_to(project_root()).as_posix()}, (), 0.0)
        record = recorded(job)
        why = "experiments.yaml has no such row" if row not in study.rows else "its row runs once, as seed 0"
        if record is None or record.fingerprint != "by-hand":
            found.append((job, why))
    return found


def state_of(job: Job, records: Mapping[Key, Record | None]) -> State:
    """Return a job's state. `records` holds its record, and those of the jobs that it needs."""
    record = records[job.key]
    if record is None:
        there = (folder_of(job) / RECORD).exists()
        return State(None, UNREADABLE if there else _changes(job, earlier(job)) or "missing")
    if problem := record.misplaced():
        return State(record, f"its record {problem}")
    if record.fingerprint != job.fingerprint:
        return State(record, _changes(job, record))
    if edited := _edited(job, record):
        return State(record, edited)
    spoilt = record.spoilt()
    files = [f"{name} {what}" for name, what in spoilt.items() if Path(name).suffix]
    folders = [f"{name} {what}" for name, what in spoilt.items() if not Path(name).suffix]
    return State(record, (files or [_other_inputs(job, record, records)])[0], (folders or [""])[0])


def _changes(job: Job, made: Record | None) -> str:
    """Return how a record differs from the planned job in parameters or inputs, "" if it does not."""
    if made is None or made.fingerprint == job.fingerprint:
        return ""
    if made.fingerprint == "by-hand":
        return BY_HAND
    old = made.parameters
    changed = [f"{name}: {old.get(name)} -> {new}" for name, new in job.parameters.items() if old.get(name) != new]
    return f"parameter {', '.join(changed)}" if changed else "its inputs or its entry in experiments.yaml changed"


def _edited(job: Job, record: Record) -> str:
    """Return how a record contradicts its fingerprint, which is the planned one: by an edit. "" if it does not."""
    planned = portable(job.parameters) | {"notebook": job.notebook}
    there = record.parameters | {"notebook": record.notebook}
    wrong = [
        f"{name} is {there.get(name)!r}, not {value!r}" for name, value in planned.items() if there.get(name) != value
    ]
    return f"its record was edited: {wrong[0]}" if wrong else ""


def _other_inputs(job: Job, record: Record, records: Mapping[Key, Record | None]) -> str:
    """Return which input was made again since with another result, "" if none was."""
    for link, (mine, theirs) in MADE_FROM.items():
        key = next((key for key in job.needs if key[0] == job.parameters.get(link)), None)
        made = records.get(key) if key else None
        own = record.provenance.get(mine) if mine else record.extra.get("base_hash")
        if made and own and made.provenance.get(theirs) not in (None, "", own):
            return f"was made from another {link} than {key[0]} has now"
    return ""


def restorable(job: Job) -> str | None:
    """Return why the record that was set aside cannot come back, "" if it can, None if there is none to bring back.

    A row that starts over removes the files of its earlier run.
    """
    folder = folder_of(job)
    if not (folder / EARLIER).exists() or recorded(job) is not None:
        return None
    made = earlier(job)
    if made is None:
        return f"{EARLIER} cannot be read"
    if changes := made.misplaced() or _changes(job, made):
        return changes
    if (folder / ATTEMPT).exists():  # set_aside removes it
        return "the row was started anew since, which removed the files of that run"
    files = [f"{name} {what}" for name, what in made.spoilt().items() if Path(name).suffix]
    return f"the files of that run are gone ({files[0]})" if files else ""


def lost_folders(job: Job) -> list[str]:
    """Return the folders of the job's record that are missing or changed, as in "model has changed"."""
    record = recorded(job)
    return [f"{name} {what}" for name, what in (record.spoilt() if record else {}).items() if not Path(name).suffix]
