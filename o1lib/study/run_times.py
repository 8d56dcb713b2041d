"""Estimate the hours of a run from recorded run times, and split it into pieces of at most two hours.

    jobs = RunTimes(study, "mini", records).jobs({"direct.sample": 8}, {"mini-MM-Vet": 960, "mini-AI2D": 480})
    split_into_pieces(jobs)           # a table: piece, hours, names of its jobs

A job whose row has a record, here or on another base, is estimated by that record, any other job by the mean of the
most similar records. Training time is proportional to the examples, scoring time to the lines of the test sets that a
row is asked. Fixed costs are scaled too, so the estimate is rather too high.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

import pandas as pd

from o1lib.data.splits import set_sizes
from o1lib.minivqa.testsets import TEST_SETS
from o1lib.records import Record, UserError, load, project_root
from o1lib.records.store import RECORD
from o1lib.study import specs
from o1lib.study.experiments import BASE, parameters_of
from o1lib.study.jobs import Job, Key, expand

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


@dataclass(frozen=True)
class RunTimes:
    """Run times of a scale's jobs by the records of a study, for runs with other seeds and sizes of test sets."""

    study: specs.Study
    scale: str
    records: list[Record]

    def jobs(self, seeds: Mapping[str, int], sizes: Mapping[str, int]) -> list[Timed]:
        """Return the jobs of a run, each after the jobs that it needs: first those that all seeds share, then by seed.

        `seeds` is {row: number of seeds}. `sizes` is {test set: lines} of the run's dataset.
        """
        jobs = {}
        for row, count in seeds.items():
            jobs |= {key: job for key, job in self._expanded(row, count).items() if key not in jobs}
        return in_order([self._timed(job, sizes) for job in jobs.values()])

    @cached_property
    def _jobs(self) -> dict[tuple[str, int], dict[Key, Job]]:
        return {}

    def _expanded(self, row: str, count: int) -> dict[Key, Job]:
        if (row, count) not in self._jobs:
            self._jobs[row, count] = expand(self.study, self.scale, [row], list(range(count)))
        return self._jobs[row, count]

    def _timed(self, job: Job, sizes: Mapping[str, int]) -> Timed:
        seed = None if self.study.rows[job.row].once else job.seed
        return Timed(job.row, seed, self.seconds(job, sizes), self._of_row(job)[2])

    def seconds(self, job: Job, sizes: Mapping[str, int]) -> float:
        """Return the seconds of a job. `sizes` is {test set: lines} of its dataset."""
        seconds, by_line, _ = self._of_row(job)
        return by_line * _asked(job.parameters, sizes) if by_line else seconds

    @cached_property
    def _known(self) -> dict[str, tuple[float, float, bool]]:
        return {}

    def _of_row(self, job: Job) -> tuple[float, float, bool]:
        """Return a row's seconds, its seconds a line of a test set (0 if it asks none), and whether it was measured."""
        if job.row not in self._known:
            own = [record for record in self.records if record.row in (job.row, job.twin_of)]
            found = [record for record in own or self._similar(job) if record.provenance.get("seconds")]
            each = [record.provenance["seconds"] * _growth(job, record) for record in found]
            lines = [self._lines(record) if job.notebook == SCORING else 0 for record in found]
            rates = [seconds / most for seconds, most in zip(each, lines, strict=True) if most]
            by_line = fmean(rates) if rates else 0.0
            self._known[job.row] = fmean(each) if each else job.seconds, by_line, bool(own)
        return self._known[job.row]

    def _similar(self, job: Job) -> list[Record]:
        names = SIMILAR.get(job.notebook, ())
        return [
            record
            for record in self.records
            if record.notebook == job.notebook
            and all(record.parameters.get(name) == job.parameters.get(name) for name in names)
        ]

    def _lines(self, record: Record) -> int:
        """Return the number of lines that a record's row was asked, 0 if its dataset has no record."""
        name = record.parameters.get("data")
        data = next((one for one in self.records if one.row == name and "n_test" in one.parameters), None)
        # a set that is newer than the record has no metric there
        there = {one: size for one, size in sizes_of(data).items() if one in record.metrics} if data else {}
        return sum(there.values())


def in_order(jobs: Iterable[Timed]) -> list[Timed]:
    """Return the jobs that all seeds share first, then those of each seed; among these the order stays."""
    return sorted(jobs, key=lambda job: -1 if job.seed is None else job.seed)


def trainings_of_bases(study: specs.Study, scale: str, bases: Iterable[str]) -> list[Timed]:
    """Return the trainings of bases by `make base`, [] for a scale that trains none.

    A base takes the seconds of its own shipped record or else of the first base's, in proportion to the examples. Where
    a training was stopped and went on, the record counts the last part alone, and the speeds of its log count them all.
    Raises UserError if no base of the scale was shipped with a record.
    """
    block = study.scales[scale]
    wanted = study.scales[block.like or scale].base
    return [_training(study, scale, base, _examples(wanted)) for base in bases if wanted]


def _training(study: specs.Study, scale: str, base: str, examples: int) -> Timed:
    first = str(study.scales[scale].notebooks.get(BASE, {}).get("checkpoint", ""))
    own = str(parameters_of(study, scale, base).get("checkpoint", ""))
    folders = [project_root() / name for name in (own, first) if (project_root() / name / RECORD).is_file()]
    if not folders:
        raise UserError(
            f"{own} and {first} have no record, so the hours of training {base} are not known: "
            f"run `make base SCALE={study.scales[scale].like or scale}`"
        )
    from o1lib.analysis.learning_curves import timed  # imports statsmodels

    record = load(folders[0])
    logged = max((seconds for _, seconds in timed(record.extra.get("log", ()))), default=0.0)
    seconds = max(logged, record.provenance.get("seconds", 0.0)) * examples / _examples(record.parameters)
    return Timed(f"training of {base}", None, seconds, folders[0] == project_root() / own)


def _examples(parameters: Mapping) -> int:
    """Return how many examples the parameters of notebook 00 train on, in both of its parts."""
    return parameters.get("examples", 0) + parameters.get("lookups", 0)


def sizes_of(data: Record) -> dict[str, int]:
    """Return {test set: lines} of the record of a Mini-VQA dataset."""
    return set_sizes(data.parameters["n_test"], data.parameters.get("n_test_by_set", ""), TEST_SETS)


def _asked(parameters: Mapping, sizes: Mapping[str, int]) -> int:
    """Return how many lines of test sets with these sizes a row with these parameters is asked."""
    named = [name.strip() for name in parameters.get("sets", "").split(",") if name.strip()]
    return sum(sizes[name] for name in named or sizes)


def _growth(job: Job, record: Record) -> float:
    """Return the size of a job relative to that of a record, apart from its questions."""
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
