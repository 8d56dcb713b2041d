"""What a run would take, from the seconds of records: jobs, hours, and pieces that fit into an evening.

    jobs = jobs_of(study, "mini", rows, seeds=8, questions=600, records=records)
    pieces(jobs)                      # a table: piece, hours, what it holds

A job whose row is recorded takes what its record took, one that is not what the records most like it took on average.
Training grows with the examples, scoring with the questions; what else a job does is taken to grow alike, so the
estimate is rather too high.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

import pandas as pd

from o1lib.records import Record
from o1lib.study import experiments
from o1lib.study.jobs import Job, expand

TRAINING, SCORING = "02_train_sft", "03_search_and_score"
PIECE = 2 * 3600.0  # seconds that a piece may take
ALIKE = {TRAINING: (), SCORING: ("method", "n")}  # parameters that make two rows cost alike


@dataclass(frozen=True)
class Timed:
    """A job by name, the seed it belongs to (None: for all), its seconds, and whether its own row was measured."""

    name: str
    seed: int | None
    seconds: float
    measured: bool


def jobs_of(
    study: experiments.Study, scale: str, rows: Iterable[str], seeds: int, questions: int, records: list[Record]
) -> list[Timed]:
    """Return the jobs of a run in an order that can run: what all seeds share, then what each seed needs.

    `questions` is the dataset's n_test, the size of a test set.
    """
    jobs = expand(study, scale, list(rows), list(range(seeds))).values()
    timed = [_timed(job, study, questions, records) for job in jobs]
    return sorted(timed, key=lambda job: -1 if job.seed is None else job.seed)  # keeps the order inside a seed


def _timed(job: Job, study: experiments.Study, questions: int, records: list[Record]) -> Timed:
    own = [record for record in records if record.row == job.row]
    like = own or [
        record
        for record in records
        if record.notebook == job.notebook
        and all(record.parameters.get(name) == job.parameters.get(name) for name in ALIKE.get(job.notebook, ()))
    ]
    sizes = {record.row: record.parameters.get("n_test") for record in records}
    found = [
        record.provenance["seconds"] * _growth(job, record, questions, sizes)
        for record in like
        if record.provenance.get("seconds")
    ]
    return Timed(
        job.row, None if study.rows[job.row].once else job.seed, fmean(found) if found else job.seconds, bool(own)
    )


def _growth(job: Job, record: Record, questions: int, sizes: dict) -> float:
    """Return how many times as much a job has to do as a record did."""
    if job.notebook == SCORING:
        return questions / (sizes.get(record.parameters.get("data")) or questions)
    if job.notebook == TRAINING and record.parameters.get("examples"):
        return job.parameters.get("examples", 0) / record.parameters["examples"]
    return 1.0


def hours(jobs: Iterable[Timed]) -> float:
    """Return the hours of all jobs, one after another."""
    return sum(job.seconds for job in jobs) / 3600


def split_into_pieces(jobs: list[Timed], limit: float = PIECE) -> pd.DataFrame:
    """Return the jobs in order, cut into pieces of at most `limit` seconds: piece, hours, what.

    A job that takes longer than a piece alone is one of its own; stopped, it goes on where it was.
    """
    cut: list[list[Timed]] = []
    for job in jobs:
        if not cut or sum(one.seconds for one in cut[-1]) + job.seconds > limit:
            cut.append([])
        cut[-1].append(job)
    return pd.DataFrame(
        [{"piece": k, "hours": f"{hours(piece):.1f}", "what": _named(piece)} for k, piece in enumerate(cut, 1)],
        columns=["piece", "hours", "what"],
    )


def _named(piece: list[Timed]) -> str:
    by_seed: dict[int | None, list[str]] = {}
    for job in piece:
        by_seed.setdefault(job.seed, []).append(job.name + ("" if job.measured else "*"))
    return "; ".join(("" if seed is None else f"seed {seed}: ") + ", ".join(names) for seed, names in by_seed.items())
