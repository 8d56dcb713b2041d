"""Compare the jobs of the study with the records, and say which jobs have to run and why.

    plan = make_plan(read_experiments(), "mini", rows="core", seeds=(0,))
    [entry.job.name for entry in plan.due]       # jobs that have to run, each after the jobs that it needs

A chosen row is redone if its record is missing, cannot be read, was made by hand or has another fingerprint than
planned, or if a file that it wrote has changed (o1lib.study.states). A row that is not chosen is redone only if a row
that has to run needs it. The same holds for a lost model or dataset, unless ROWS names its row. A record made by other
library code is named and kept, unless `fresh` is set, and so is one of a row that experiments.yaml no longer has. File
times do not matter.

Only the records of rows that are redone are set aside. A report leaves out those that the plan calls out of date.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from o1lib.records import Record, UserError, code_hash, project_root, stack_hash, write_json
from o1lib.records.files import disk_errors
from o1lib.records.journals import put_away
from o1lib.records.store import RECORD
from o1lib.study.estimates import Estimates
from o1lib.study.experiments import EVERYTHING
from o1lib.study.jobs import Job, Key, expand, fingerprinted, select
from o1lib.study.specs import Study
from o1lib.study.states import (
    ATTEMPT,
    BY_HAND,
    EARLIER,
    State,
    earlier,
    folder_of,
    left_over,
    odd_folders,
    recorded,
    restorable,
    seeds_there,
    state_of,
)


@dataclass(frozen=True)
class PlannedJob:
    """A job with the reason to run it ("" if it does not run), remarks on its code and its files, estimated seconds."""

    job: Job
    reason: str = ""
    remark: str = ""
    seconds: float = 0.0
    lost: str = ""

    @property
    def complete(self) -> bool:
        """Whether its record is what the plan asks for. It stays so if a model or dataset of it is lost."""
        return self.reason in ("", self.lost)


@dataclass(frozen=True)
class StudyPlan:
    """The planned jobs, each after the jobs that it needs, and what the plan leaves as it is.

    `others` are jobs with a record that is out of date or incomplete but does not run, with the reason; `gone` are
    those with a record of a row that experiments.yaml lacks. `odd` are folders that hold a record but are no run's.
    `restorable` are jobs whose record was set aside and can come back. `basis` names the published records that
    estimate jobs which never ran here.
    """

    scale: str
    jobs: tuple[PlannedJob, ...]
    others: tuple[PlannedJob, ...] = ()
    gone: tuple[PlannedJob, ...] = ()
    odd: tuple[Path, ...] = ()
    restorable: tuple[Job, ...] = ()
    basis: str = ""

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


def make_plan(
    study: Study, scale: str, rows: str = "", seeds: tuple[int, ...] = (0,), fresh: bool = False
) -> StudyPlan:
    """Return the plan for the chosen rows and seeds. `fresh` also redoes rows that older library code made.

    Without `seeds` each row runs with those that the scale gives it (`jobs.seeds_to_run`). Raises UserError for
    an unknown scale, group or row.
    """
    chosen = select(study, scale, rows)
    planned = expand(study, scale, chosen, list(seeds), rows.split(","))
    root, about = project_root() / "work" / scale, Estimates(study, scale)
    no_reports = [row for row in study.rows if EVERYTHING not in study.rows[row].needs]
    seeds_now = set(seeds) | {seed for _, seed in planned}
    jobs = expand(study, scale, no_reports, sorted(seeds_now | seeds_there(root) | seeds_there(root, name=EARLIER)))
    records = {key: recorded(job) for key, job in jobs.items()}
    stale = _stale({key: record for key, record in records.items() if record})
    states = _states(jobs, records, stale & planned.keys() if fresh else set())
    due = _due(jobs, states, set(chosen), set(rows.split(",")), planned)
    current = tuple(key for key, state in states.items() if key in due or state.record and not state.reason)
    for job in [job for job in planned.values() if job.report]:
        jobs[job.key] = job = fingerprinted(replace(job, needs=current), jobs)  # a report reads every current record
        records[job.key] = recorded(job)
        state = _waiting(job, state_of(job, records), [jobs[key] for key in current if key in due])
        old = _stale({job.key: state.record}) if state.record else set()
        states[job.key] = state = _older(state) if old and fresh and not state.reason else state
        stale |= old
        due |= {job.key: state.reason} if state.reason else {}
    entries = {
        key: PlannedJob(
            job, due.get(key, ""), _code(states[key], key in stale), about.seconds(job, root), states[key].lost
        )
        for key, job in jobs.items()
        if key in planned and (key in due or not states[key].reason)
    }
    gone = tuple(PlannedJob(job, why) for job, why in left_over(study, root))
    waiting = tuple(job for job in jobs.values() if restorable(job) == "")
    others, odd = _others(jobs, states, due), tuple(odd_folders(root))
    return StudyPlan(scale, tuple(entries.values()), others, gone, odd, waiting, about.basis)


def _stale(records: Mapping[Key, Record]) -> set[Key]:
    """Return the keys of the records that other library code made."""
    hashes = lru_cache(code_hash), lru_cache(stack_hash)
    return {key for key, record in records.items() if record.stale_by(*hashes)}


def _code(state: State, stale: bool) -> str:
    return f"commit {state.record.commit[:10]}" if stale and state.record else ""


def _older(state: State) -> State:
    return replace(state, reason=f"older library code ({_code(state, True)})")


def _states(jobs: Mapping[Key, Job], records: Mapping[Key, Record | None], fresh: set[Key]) -> dict[Key, State]:
    """Return the state of each job. The rows in `fresh` are redone for their code, and so are those made from them."""
    states: dict[Key, State] = {}
    for key, job in jobs.items():
        state = state_of(job, records)
        if state.record and not state.reason:
            redone = [jobs[need] for need in job.needs if need in fresh]
            if redone or key in fresh:
                waiting = replace(state, reason=f"needs {redone[0].name}, which is redone") if redone else None
                state, fresh = waiting or _older(state), fresh | {key}
        states[key] = state
    redone = {key: [jobs[need] for need in job.needs if states[need].reason] for key, job in jobs.items()}
    return {key: _waiting(jobs[key], state, redone[key]) for key, state in states.items()}


def _waiting(job: Job, state: State, redone: list[Job]) -> State:
    """Return the state with the needed row that is redone as the reason, if the job has no reason of its own."""
    made = state.record or earlier(job)
    inherited = state.reason == "missing" or state.reason.startswith("its inputs")
    if redone and made and (inherited or job.report and not state.reason):
        return replace(state, reason=f"needs {redone[0].name}, which is redone")
    return state


def _due(
    jobs: Mapping[Key, Job], states: Mapping[Key, State], chosen: set[str], named: set[str], planned: Mapping[Key, Job]
) -> dict[Key, str]:
    """Return {key: reason} of the jobs that have to run: what they need is asked for by them, the rest by the user."""
    due: dict[Key, str] = {}
    wanted: set[Key] = set()
    for key, job in reversed(jobs.items()):
        state = states[key]
        if key not in planned:
            continue
        reason = state.reason if key in wanted or job.row in chosen else ""
        reason = reason or (state.lost if key in wanted or job.row in named else "")
        if reason:
            due[key] = reason
            wanted |= set(job.needs)
    return due


def _others(jobs: Mapping[Key, Job], states: Mapping[Key, State], due: Mapping[Key, str]) -> tuple[PlannedJob, ...]:
    """Return the jobs that do not run although their record is out of date or something of theirs is lost."""
    left = [(job, states[key]) for key, job in jobs.items() if key not in due]
    return tuple(
        PlannedJob(job, state.reason, lost=state.lost)
        for job, state in left
        if state.lost or state.reason and (folder_of(job) / RECORD).exists()
    )


def check_reports(plan: StudyPlan) -> None:
    """Raise UserError for a planned report that would have no record to read."""
    empty = [entry.job.row for entry in plan.due if entry.job.report and not entry.job.needs]
    if empty:
        raise UserError(
            f"report {empty[0]!r} reads the records of other rows, and work/{plan.scale} has none: run "
            f"`make study SCALE={plan.scale}` first, or name rows with it, as in ROWS=core,{empty[0]}. "
            "The published reports are in results/mini/executed"
        )


def set_aside(plan: StudyPlan) -> None:
    """Move the records of the rows that are redone to earlier.json; dependent rows come first.

    This is done before anything runs, so a killed study leaves no record of a row that it meant to redo. A record that
    cannot be read gets another name. Raises UserError if a folder cannot be written.
    """
    for entry in reversed(plan.due):
        folder = folder_of(entry.job)
        if not (folder / RECORD).exists():
            continue
        with disk_errors(folder):
            (folder / ATTEMPT).unlink(missing_ok=True)
            if recorded(entry.job) is None:
                put_away(folder / RECORD)
                continue
            if (folder / EARLIER).is_dir():
                put_away(folder / EARLIER)
            (folder / RECORD).replace(folder / EARLIER)


def write_plan(plan: StudyPlan, path: Path | None = None) -> Path:
    """Write the jobs that have to run to plan.json for Snakemake and return its path, by default in work/<scale>."""
    left = [f"{one.job.row}/{one.job.seed}" for one in plan.others + plan.gone if one.reason and one.reason != BY_HAND]
    entries = {
        f"{entry.job.row}/{entry.job.seed}": {
            "notebook": entry.job.notebook,
            "parameters": entry.job.parameters,
            "fingerprint": entry.job.fingerprint,
            "resources": entry.job.resources.model_dump(),
            "needs": [f"{row}/{seed}" for row, seed in entry.job.needs if (row, seed) in plan.needed],
        }
        | ({"leaves": left} if entry.job.report else {})
        for entry in plan.due
    }
    return write_json(path or plan.root / "plan.json", entries)
