"""What has to run, and why: the jobs of the study compared with the records that are there.

    plan = make(experiments.read(), "mini", rows="core", seeds=[0])
    [step.job.name for step in plan.due]         # what would run, in an order that can run

A row is redone when its record is missing, was made by hand or has another fingerprint than planned, when a file that
it wrote is missing or another than recorded, and when a row it needs is redone. A record made by other library code is
named and kept, unless `fresh`. File times never matter.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from o1lib.records import Record, UserError, code_hash, load, project_root, write_json
from o1lib.study.experiments import Study
from o1lib.study.jobs import Job, Key, expand, fingerprinted, select

EARLIER = "earlier.json"  # a record set aside because its row is being redone: tells why, and how long it took
ATTEMPT = "attempt"  # fingerprint and code of the run under way: only that very run may go on from its checkpoints
STARTING = 3.0  # seconds that a kernel and papermill add to what a record says


@dataclass(frozen=True)
class PlannedJob:
    """A planned job: why it has to run ("" when it need not), a remark on its record, the seconds it should take."""

    job: Job
    reason: str = ""
    remark: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class StudyPlan:
    """The planned steps in an order that can run, and all, planned or not, that have to run to be up to date."""

    scale: str
    steps: tuple[PlannedJob, ...]
    outdated: tuple[PlannedJob, ...]

    @property
    def root(self) -> Path:
        """Where the scale's runs are."""
        return project_root() / "work" / self.scale

    @property
    def due(self) -> list[PlannedJob]:
        """The steps that have to run."""
        return [step for step in self.steps if step.reason]

    @property
    def needed(self) -> set[Key]:
        """The keys of the steps that have to run."""
        return {step.job.key for step in self.due}


def folder_of(job: Job) -> Path:
    """Return the folder of a job's run."""
    return project_root() / str(job.parameters["root"]) / "runs" / job.row / f"seed{job.seed}"


def recorded(job: Job) -> Record | None:
    """Return the job's record, or None when it is missing or cannot be read."""
    try:
        return load(folder_of(job))
    except UserError:
        return None


def is_done(job: Job) -> bool:
    """Whether the job has a record with the fingerprint it should have."""
    record = recorded(job)
    return record is not None and record.fingerprint == job.fingerprint


def _earlier(job: Job) -> dict:
    """Return the record that was set aside when the job was last to be redone, {} if there is none."""
    try:
        return json.loads((folder_of(job) / EARLIER).read_text(encoding="utf8"))
    except (OSError, ValueError):
        return {}


def _changes(job: Job, made: Mapping) -> str:
    """Say how a record's parameters and fingerprint differ from what is planned, "" when they do not."""
    if not made or made["fingerprint"] == job.fingerprint:
        return ""
    if made["fingerprint"] == "by-hand":
        return "made by hand"
    old = made["parameters"]
    changed = [f"{name}: {old.get(name)} -> {new}" for name, new in job.parameters.items() if old.get(name) != new]
    return f"parameter {', '.join(changed)}" if changed else "its inputs or its entry in experiments.yaml changed"


def _reason(job: Job, record: Record | None, redone: list[Job], stale: bool) -> str:
    """Say why a job has to run, "" when it need not; `redone` are its needs that run again."""
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
    """Estimate a job's seconds: from its own record, an earlier one, another seed's, else experiments.yaml."""
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
    """Compare what is asked for with what is there. Raises UserError for an unknown scale, group or row."""
    planned = expand(study, scale, select(study, scale, rows), list(seeds))
    root = project_root() / "work" / scale
    plain = [row for row in study.rows if "*" not in study.rows[row].needs]
    jobs = expand(study, scale, plain, sorted(set(seeds) | seeds_there(root)))
    code = lru_cache(code_hash)
    reasons: dict[Key, str] = {}
    steps = []

    def judge(job: Job) -> None:
        record = recorded(job)
        old = record is not None and record.provenance.get("code_hash") != code(job.notebook)
        redone = [jobs[key] for key in job.needs if reasons[key]]
        reasons[job.key] = _reason(job, record, redone, old and fresh and job.key in planned)
        remark = f"commit {record.commit[:10]}" if old else ""
        if job.key in planned:
            steps.append(PlannedJob(job, reasons[job.key], remark, _seconds(job, root)))

    for job in jobs.values():
        judge(job)
    known = tuple(key for key, job in jobs.items() if key in planned or (recorded(job) and not reasons[key]))
    for job in [job for job in planned.values() if job.report]:
        jobs[job.key] = fingerprinted(replace(job, needs=known), jobs)  # a report reads all that is there
        judge(jobs[job.key])
    return StudyPlan(
        scale, tuple(steps), tuple(PlannedJob(job, reasons[key]) for key, job in jobs.items() if reasons[key])
    )


def stale_records(plan: StudyPlan) -> list[PlannedJob]:
    """Return the steps whose records `set_aside` takes away: all that are out of date.

    A record made by hand stays unless its row is planned.
    """
    found = [(step, recorded(step.job)) for step in plan.outdated]
    return [
        step
        for step, record in found
        if step.job.key in plan.needed or record is not None and record.fingerprint != "by-hand"
    ]


def set_aside(plan: StudyPlan) -> None:
    """Take the records that are out of date out of the reports' sight, descendants first.

    Done before anything runs: after a kill the records that are left are then true, whatever was being redone and why.
    Those of rows that are not planned go too, for a report reads whatever is recorded (`plan_text` says which).
    """
    for step in reversed(stale_records(plan)):
        folder = folder_of(step.job)
        if (folder / "record.json").is_file():
            (folder / ATTEMPT).unlink(missing_ok=True)
            (folder / "record.json").replace(folder / EARLIER)


def write_plan(plan: StudyPlan, path: Path | None = None) -> Path:
    """Write what Snakemake schedules (work/<scale>/plan.json) and return its path; only jobs that have to run."""
    entries = {
        f"{step.job.row}/{step.job.seed}": {
            "notebook": step.job.notebook,
            "parameters": step.job.parameters,
            "fingerprint": step.job.fingerprint,
            "needs": [f"{row}/{seed}" for row, seed in step.job.needs if (row, seed) in plan.needed],
        }
        for step in plan.due
    }
    return write_json(path or plan.root / "plan.json", entries)


def duration(seconds: float) -> str:
    """Return seconds as a person says them: 41 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
