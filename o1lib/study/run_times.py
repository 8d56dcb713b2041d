"""Estimate the hours of a run from recorded run times, and split it into pieces of at most two hours.

    jobs = jobs_of(study, "mini", rows, seeds=8, questions=600, records=records)
    split_into_pieces(jobs)           # a table: piece, hours, names of its jobs

A job whose row has a record is estimated by that record, any other job by the mean of the most similar records.
Training time is proportional to the examples, scoring time to the questions. Fixed costs are scaled too, so the
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
PIECE = 2 * 3600.0  # seconds of a piece at most
SIMILAR = {TRAINING: (), SCORING: ("method", "n")}  # rows that agree in these parameters have similar costs


@dataclass(frozen=True)
class Timed:
    """A job's name, its seed (None if all seeds share it), its seconds, and whether its own row was measured."""

    name: str
    seed: int | None
    seconds: float
    measured: bool


def jobs_of(
    study: experiments.Study, scale: str, rows: Iterable[str], seeds: int, questions: int, records: list[Record]
) -> list[Timed]:
    """Return the jobs of a run, each after the jobs that it needs: first those that all seeds share, then by seed.

    `seeds` is the number of seeds. `questions` is the dataset's n_test, the number of items of a test set.
    """
    jobs = expand(study, scale, list(rows), list(range(seeds))).values()
    timed = [_timed(job, study, questions, records) for job in jobs]
    # sorted is stable, so the order within a seed stays
    return sorted(timed, key=lambda job: -1 if job.seed is None else job.seed)


def _timed(job: Job, study: experiments.Study, questions: int, records: list[Record]) -> Timed:
    own = [record for record in records if record.row == job.row]
    similar = own or [
        record
        for record in records
        if record.notebook == job.notebook
        and all(record.parameters.get(name) == job.parameters.get(name) for name in SIMILAR.get(job.notebook, ()))
    ]
    sizes = {record.row: record.parameters.get("n_test") for record in records}
    found = [
        record.provenance["seconds"] * _growth(job, record, questions, sizes)
        for record in similar
        if record.provenance.get("seconds")
    ]
    return Timed(
        job.row, None if study.rows[job.row].once else job.seed, fmean(found) if found else job.seconds, bool(own)
    )


def _growth(job: Job, record: Record, questions: int, sizes: dict) -> float:
    """Return the size of a job relative to that of a record."""
    if job.notebook == SCORING:
        return questions / (sizes.get(record.parameters.get("data")) or questions)
    if job.notebook == TRAINING and record.parameters.get("examples"):
        return job.parameters.get("examples", 0) / record.parameters["examples"]
    return 1.0


def hours(jobs: Iterable[Timed]) -> float:
    """Return the hours of all jobs when they run one after another."""
    return sum(job.seconds for job in jobs) / 3600


def split_into_pieces(jobs: list[Timed], limit: float = PIECE) -> pd.DataFrame:
    """Return a table of pieces of at most `limit` seconds, in the order of the jobs: piece, hours, what.

    A job that takes longer than `limit` is a piece of its own. If it is stopped, it continues from its checkpoint.
    """
    pieces: list[list[Timed]] = []
    for job in jobs:
        if not pieces or sum(one.seconds for one in pieces[-1]) + job.seconds > limit:
            pieces.append([])
        pieces[-1].append(job)
    return pd.DataFrame(
        [{"piece": k, "hours": f"{hours(piece):.1f}", "what": _named(piece)} for k, piece in enumerate(pieces, 1)],
        columns=["piece", "hours", "what"],
    )


def _named(piece: list[Timed]) -> str:
    by_seed: dict[int | None, list[str]] = {}
    for job in piece:
        by_seed.setdefault(job.seed, []).append(job.name + ("" if job.measured else "*"))
    return "; ".join(("" if seed is None else f"seed {seed}: ") + ", ".join(names) for seed, names in by_seed.items())
