"""Compare the jobs of the study with the records, and say which jobs have to run and why.

    plan = make_plan(read_experiments(), "mini", rows="core", seeds=(0,))
    [entry.job.name for entry in plan.due]       # jobs that have to run, each after the jobs that it needs

A row is redone if its record is missing, was made by hand or has another fingerprint than planned. It is also redone if
a file that it wrote is missing or has changed, or if a row that it needs is redone. A record made by other library code
is named and kept, unless `fresh` is set. File times do not matter.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from o1lib.records import Record, UserError, code_hash, load, project_root, stack_hash, write_json
from o1lib.study.experiments import EVERYTHING, Study
from o1lib.study.jobs import Job, Key, expand, fingerprinted, select

EARLIER = "earlier.json"  # the record of a row that is redone; the plan takes its parameters and seconds from it
ATTEMPT = "attempt"  # fingerprint and code hash of an unfinished run; only the same run may use its checkpoints
STARTING = 3.0  # seconds to start papermill and a kernel, which a record does not count


@dataclass(frozen=True)
class PlannedJob:
    """A job with the reason to run it ("" if it is up to date), a remark on its record, and its estimated seconds."""

    job: Job
    reason: str = ""
    remark: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class StudyPlan:
    """The planned jobs, each after the jobs that it needs, and all jobs that are out of date, planned or not."""

    scale: str
    jobs: tuple[PlannedJob, ...]
    outdated: tuple[PlannedJob, ...]

    @property
    def root(self) -> Path:
        """The folder of the scale's runs."""
        return project_root() / "work" / self.scale

    @property
    def due(self) -> list[PlannedJob]:
        """The planned jobs that have to run."""
        return [entry for entry in self.jobs if entry.reason]

    @property
    def needed(self) -> set[Key]:
        """The keys of the planned jobs that have to run."""
        return {entry.job.key for entry in self.due}


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
    """Return whether the job has a record with the planned fingerprint."""
    record = recorded(job)
    return record is not None and record.fingerprint == job.fingerprint


def _earlier(job: Job) -> dict:
    """Return the record that `set_aside` moved away when the job was last redone, {} if there is none."""
    try:
        return json.loads((folder_of(job) / EARLIER).read_text(encoding="utf8"))
    except (OSError, ValueError):
        return {}


def _changes(job: Job, made: Mapping) -> str:
    """Return how a record differs from the planned job in parameters or inputs, "" if it does not."""
    if not made or made["fingerprint"] == job.fingerprint:
        return ""
    if made["fingerprint"] == "by-hand":
        return "made by hand"
    old = made["parameters"]
    changed = [f"{name}: {old.get(name)} -> {new}" for name, new in job.parameters.items() if old.get(name) != new]
    return f"parameter {', '.join(changed)}" if changed else "its inputs or its entry in experiments.yaml changed"


def _reason(job: Job, record: Record | None, redone: list[Job], stale: bool) -> str:
    """Return why a job has to run, "" if it is up to date. `redone` holds the needed jobs that run again."""
    made = _earlier(job) if record is None else record.model_dump()
    missing = "missing" if record is None else ""
    if missing or record.fingerprint != job.fingerprint:
        changes = _changes(job, made)
        if redone and (not changes or changes.startswith("its inputs")):
            changes = f"needs {redone[0].name}, which is redone" if made else ""
        return changes or missing
    if spoilt := record.spoilt():
        return " ".join(next(iter(spoilt.items())))
    if redone:
        return f"needs {redone[0].name}, which is redone"
    return f"older library code (commit {record.commit[:10]})" if stale else ""


def _seconds(job: Job, root: Path) -> float:
    """Estimate a job's seconds from its earlier record, its record, another seed's record or experiments.yaml."""
    others = [replace(job, seed=seed) for seed in sorted(seeds_there(root, job.row))]
    records = [record for record in map(recorded, [job, *others]) if record]
    known = [_earlier(job).get("provenance", {}), *(record.provenance for record in records)]
    measured = [entry["seconds"] + STARTING for entry in known if "seconds" in entry]
    return measured[0] if measured else job.seconds


def seeds_there(root: Path, row: str = "*") -> set[int]:
    """Return the seeds at which `row` (any row by default) has a record under `root`."""
    names = (path.parent.name.removeprefix("seed") for path in root.glob(f"runs/{row}/seed*/record.json"))
    return {int(name) for name in names if name.isdigit()}


def make_plan(
    study: Study, scale: str, rows: str = "", seeds: tuple[int, ...] = (0,), fresh: bool = False
) -> StudyPlan:
    """Return the plan for the chosen rows and seeds. `fresh` also redoes rows that older library code made.

    Raises UserError for an unknown scale, group or row.
    """
    planned = expand(study, scale, select(study, scale, rows), list(seeds))
    root = project_root() / "work" / scale
    no_reports = [row for row in study.rows if EVERYTHING not in study.rows[row].needs]
    jobs = expand(study, scale, no_reports, sorted(set(seeds) | seeds_there(root)))
    hashes = lru_cache(code_hash), lru_cache(stack_hash)
    reasons: dict[Key, str] = {}
    entries = []

    def check(job: Job) -> None:
        record = recorded(job)
        old = record is not None and record.stale_by(*hashes)
        redone = [jobs[key] for key in job.needs if reasons[key]]
        reasons[job.key] = _reason(job, record, redone, old and fresh and job.key in planned)
        remark = f"commit {record.commit[:10]}" if old else ""
        if job.key in planned:
            entries.append(PlannedJob(job, reasons[job.key], remark, _seconds(job, root)))

    for job in jobs.values():
        check(job)
    known = tuple(key for key, job in jobs.items() if key in planned or (recorded(job) and not reasons[key]))
    for job in [job for job in planned.values() if job.report]:
        jobs[job.key] = fingerprinted(replace(job, needs=known), jobs)  # a report reads every current record
        check(jobs[job.key])
    outdated = tuple(PlannedJob(job, reasons[key]) for key, job in jobs.items() if reasons[key])
    return StudyPlan(scale, tuple(entries), outdated)


def check_reports(plan: StudyPlan) -> None:
    """Raise UserError for a planned report that would have no record to read."""
    empty = [entry.job.row for entry in plan.due if entry.job.report and not entry.job.needs]
    if empty:
        raise UserError(
            f"report {empty[0]!r} reads the records of other rows, and work/{plan.scale} has none: run "
            f"`make study SCALE={plan.scale}` first, or name rows with it, as in ROWS=core,{empty[0]}. "
            "The published reports are in results/mini/executed"
        )


def stale_records(plan: StudyPlan) -> list[PlannedJob]:
    """Return the jobs whose records `set_aside` moves away: all that are out of date.

    A record made by hand stays unless its row is planned.
    """
    found = [(entry, recorded(entry.job)) for entry in plan.outdated]
    return [
        entry
        for entry, record in found
        if entry.job.key in plan.needed or record is not None and record.fingerprint != "by-hand"
    ]


def set_aside(plan: StudyPlan) -> None:
    """Move records that are out of date to earlier.json, so that no report reads them; dependent rows come first.

    This is done before anything runs, so every remaining record is current even if the study is killed. It includes
    records of rows that are not planned, because a report reads every record (`plan_text` names them).
    """
    for entry in reversed(stale_records(plan)):
        folder = folder_of(entry.job)
        if (folder / "record.json").is_file():
            (folder / ATTEMPT).unlink(missing_ok=True)
            (folder / "record.json").replace(folder / EARLIER)


def write_plan(plan: StudyPlan, path: Path | None = None) -> Path:
    """Write the jobs that have to run to plan.json for Snakemake and return its path, by default in work/<scale>."""
    entries = {
        f"{entry.job.row}/{entry.job.seed}": {
            "notebook": entry.job.notebook,
            "parameters": entry.job.parameters,
            "fingerprint": entry.job.fingerprint,
            "needs": [f"{row}/{seed}" for row, seed in entry.job.needs if (row, seed) in plan.needed],
        }
        for entry in plan.due
    }
    return write_json(path or plan.root / "plan.json", entries)


def duration(seconds: float) -> str:
    """Return seconds as text in a suitable unit: 41 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
