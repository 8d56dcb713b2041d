"""Compute the questions of each test set and the seeds that the confirmatory run needs, from a pilot's records.

    found = plan_confirmatory("mini")             # from results/mini
    found.choice, found.sizes(found.choice)       # seeds of each family of contrasts; {test set: lines}

A test set is as large as the claims that are tested on it need, so a claim on one set does not enlarge the others.
Claims that share a row have the same seeds; other claims may have others.
"""

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from o1lib.analysis.claims.family import ALPHA
from o1lib.minivqa.testsets import LINES_OF_A_GROUP
from o1lib.records import Record, UserError, load_all, project_root, shown
from o1lib.study import experiments
from o1lib.study.confirmatory_family import FamilyMember, by_priority, families, judging_rows, measured_family, rows_of
from o1lib.study.jobs import scale_of
from o1lib.study.run_times import RunTimes, Timed, hours, in_order, sizes_of, trainings_of_bases

SEEDS = (5, 6, 8, 10, 12)  # numbers of seeds to choose from, on one base
SEEDS_A_BASE = (5, 6, 8)  # the same with several bases; with 3 or 4 the rule misses its power by more than 3 points
FIRST = ("base",)  # the base of a run that names none
ROUND = 48  # sizes are multiples of it: six skills, four letters, rotations
LEAST = 48  # observations of a set at least: questions, or groups of lines that count together
Seeds = tuple[int, ...]  # a number of seeds for each family of contrasts


@dataclass(frozen=True)
class ConfirmatoryPlan:
    """The confirmatory family with its variances, and the sizes of the test sets and the jobs that follow at a scale.

    `sizes_now` are the pilot's test sets, {name: lines}. `bases` are those of the run. `left_out` are the claims of the
    family for which there are no hours.
    """

    scale: str
    members: tuple[FamilyMember, ...]
    records: tuple[Record, ...]
    root: Path
    sizes_now: Mapping[str, int]
    bases: tuple[str, ...] = FIRST
    left_out: tuple[str, ...] = ()

    @property
    def seed_numbers(self) -> Seeds:
        """The numbers of seeds, on each base, to choose from."""
        return SEEDS if len(self.bases) == 1 else SEEDS_A_BASE

    @property
    def alpha(self) -> float:
        """The level of the first step of Holm's correction, for the smallest p value."""
        return ALPHA / len(self.members)

    @cached_property
    def families(self) -> tuple[tuple[FamilyMember, ...], ...]:
        """The families of contrasts: members that share rows, and so seeds."""
        return families(self.members)

    def needs(self, member: FamilyMember, seeds: int) -> int | None:
        """Return the number of questions that a member needs at this number of seeds, None if no number is enough."""
        return self._needed[member.claim.id, seeds]

    @cached_property
    def _needed(self) -> dict[tuple[str, int], int | None]:
        return {
            (one.claim.id, k): one.questions(k, self.alpha, len(self.bases))
            for one in self.members
            for k in self.seed_numbers
        }

    def sizes(self, seeds: Seeds) -> dict[str, int] | None:
        """Return {test set: lines} with which each claim is decided, for a number of seeds of each family.

        A claim's sets grow by the same factor, so that its questions keep the shares with which they were measured.
        Sets that no claim is tested on keep their size. None if no size is enough.
        """
        growth: dict[str, float] = {}
        for family, count in zip(self.families, seeds, strict=True):
            for member in family:
                if (wanted := self.needs(member, count)) is None:
                    return None
                growth |= {name: max(growth.get(name, 0.0), wanted / member.found.n) for name in member.sets}
        return {name: _lines(name, growth.get(name, 1.0) * now) for name, now in self.sizes_now.items()}

    def seeds_of(self, member: FamilyMember) -> int:
        """Return the number of seeds of a member in the chosen run."""
        return next(count for family, count in zip(self.families, self.choice, strict=True) if member in family)

    def size(self, member: FamilyMember) -> int:
        """Return the number of questions of a claim's contrast in the chosen run.

        Where another claim makes some of its sets larger still, they count only in the shares that were measured.
        """
        chosen = self.sizes(self.choice)
        return math.floor(member.found.n * min(chosen[name] / self.sizes_now[name] for name in member.sets))

    def jobs(self, seeds: Seeds) -> list[Timed]:
        """Return the jobs of the run at a number of seeds of each family, with their seconds.

        These are the trainings of bases that the pilot did not have, the rows of the contrasts with all that they
        need, and the rows under other judges, which are asked the sets of their claims alone.
        """
        sizes, families = self.sizes(seeds), list(zip(self.families, seeds, strict=True))
        counts = {row: count for family, count in families for row in self.run_rows(rows_of(family))}
        jobs = self._new_bases + self._times.jobs(counts, sizes)
        for member, count in ((member, count) for family, count in families for member in family):
            beside = dict.fromkeys(self.run_rows(judging_rows([member])), count)
            there = {(job.name, job.seed) for job in jobs}
            own = self._times.jobs(beside, {name: sizes[name] for name in member.sets})
            jobs += [job for job in own if (job.name, job.seed) not in there]
        return in_order(jobs)

    def run_rows(self, rows: Iterable[str]) -> list[str]:
        """Return the names of rows on all bases of the run. Raises UserError as `on_bases`."""
        return [name for row in sorted(rows) for name in self.on_bases(row)]

    @cached_property
    def _new_bases(self) -> list[Timed]:
        """The trainings of the bases of the run that have no record in the pilot."""
        known = {record.row for record in self.records}
        return trainings_of_bases(self._times.study, self.scale, [base for base in self.bases if base not in known])

    def on_bases(self, row: str) -> list[str]:
        """Return a row's name on each base of the run. Raises UserError for a base without that row."""
        rows = self._times.study.rows
        names = {entry.on_base: name for name, entry in rows.items() if entry.twin_of == row} | {FIRST[0]: row}
        if lacking := [base for base in self.bases if base not in names]:
            raise UserError(f"experiments.yaml runs {row} on no base {lacking[0]!r}: add it to `twins`")
        return [names[base] for base in self.bases]

    @cached_property
    def _times(self) -> RunTimes:
        return RunTimes(experiments.read_experiments(), self.scale, list(self.records))

    @cached_property
    def choice(self) -> Seeds:
        """The number of seeds of each family, of those in SEEDS, with the fewest hours.

        Raises UserError if no number is possible.
        """
        numbers = self.seed_numbers
        possible = [seeds for seeds in itertools.product(numbers, repeat=len(self.families)) if self.sizes(seeds)]
        if not possible:
            raise UserError(
                f"no number of questions is enough with {', '.join(map(str, numbers))} seeds: the records of "
                f"{shown(self.root)} vary too much between seeds; add larger numbers to SEEDS in protocol.py"
            )
        return min(possible, key=lambda seeds: hours(self.jobs(seeds)))


def by_set(sizes: Mapping[str, int]) -> tuple[int, str]:
    """Return the parameters n_test and n_test_by_set of a dataset row with these test sets."""
    n_test = min(sizes.values())
    return n_test, ", ".join(f"{name}={size}" for name, size in sizes.items() if size != n_test)


def _lines(name: str, wanted: float) -> int:
    """Return the number of lines of a test set that holds `wanted` lines: a multiple of ROUND, LEAST observations."""
    return max(ROUND * math.ceil(wanted / ROUND), LEAST * LINES_OF_A_GROUP.get(name, 1))


def plan_confirmatory(
    scale: str = "mini", root: str = "", bases: tuple[str, ...] = FIRST, limit: float = math.inf
) -> ConfirmatoryPlan:
    """Return the plan from the records of `root`, by default the published ones of the scale.

    The run has these bases and takes at most `limit` hours: members enter in the order of their priority while it does,
    and the others are left out. Raises UserError if not even the first enters, if the scale is unknown, or if the
    records have no dataset row or no measured claim of some kind.
    """
    study = experiments.read_experiments()
    scale_of(study, scale)
    folder = project_root() / (root or f"results/{scale}")
    records = load_all(folder)
    data = next((record for record in records if record.row == "data"), None)
    if data is None:
        raise UserError(
            f"{shown(folder)} has no record of a dataset row: run `make study SCALE={scale}`, or give the folder of "
            "a study with --root"
        )
    if not isinstance(data.parameters.get("n_test"), int):
        raise UserError(f"the record in {shown(data.folder)} does not give n_test, the size of a test set: {data.redo}")
    members = measured_family(study, scale, records)
    ranked = by_priority(members)
    for count in range(len(ranked), 0, -1):
        out = tuple(one.claim.id for one in ranked[count:])
        chosen = tuple(one for one in members if one.claim.id not in out)
        found = ConfirmatoryPlan(scale, chosen, tuple(records), folder, sizes_of(data), bases, out)
        if math.isinf(limit) or _fits(found, limit):
            return found
    raise UserError(f"{limit:g} hours are too few even for {ranked[0].claim.id} alone: allow more with --hours")


def _fits(found: ConfirmatoryPlan, limit: float) -> bool:
    """Return whether a plan is possible within a number of hours."""
    try:
        return hours(found.jobs(found.choice)) <= limit
    except UserError:
        if len(found.members) == 1:
            raise
        return False
