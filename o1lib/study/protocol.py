"""Compute the number of questions and seeds that the confirmatory run needs, from a pilot's records.

    found = plan_confirmatory("mini")             # from results/mini
    found.choice, found.n_test(found.choice)      # number of seeds, and of items of a test set

The confirmatory family is the claims that claims.yaml marks `confirmatory`. A claim that the pilot did not measure is
planned with the largest variance measured for a claim of its kind. If the variance between seeds is unknown, or comes
from fewer than five seeds, it is planned with at least the assumption below.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from o1lib.analysis.claims import Claim, load_claims, rests_on
from o1lib.analysis.claims.family import ALPHA
from o1lib.analysis.stats.power import Variances, needed, variances
from o1lib.records import Record, UserError, load_all, project_root, shown
from o1lib.study import experiments
from o1lib.study.jobs import scale_of
from o1lib.study.run_times import Timed, hours, jobs_of

DETECT = {"arms": 0.03, "searches": 0.02}  # the smallest true difference to detect, a fraction
POWER = 0.8  # probability of detecting it
SEEDS = (5, 6, 8, 10, 12)  # numbers of seeds to choose from
ENOUGH = 5  # seeds from which the variance between seeds is estimated without ASSUMED
ASSUMED = 0.5  # standard deviation between seeds, as a fraction of the difference to detect
OWN = "its own"  # source of variances that were measured for the claim
ROUND = 48  # test sets have multiples of it: six skills, four letters, rotations


@dataclass(frozen=True)
class FamilyMember:
    """A claim of the family with its kind, the variances that it is planned with, and their source.

    `found` is None if there are no variances yet. `why` says why rows that were run could not be measured, else "".
    """

    claim: Claim
    kind: str
    found: Variances | None
    source: str
    why: str = ""

    @property
    def detect(self) -> float:
        """The difference to detect, a fraction."""
        return DETECT[self.kind]

    @property
    def seeds_sd(self) -> float:
        """The standard deviation between seeds that the plan uses, a fraction."""
        known = 0.0 if self.found is None or self.found.seeds is None else math.sqrt(self.found.seeds)
        enough = self.found is not None and self.found.seeds is not None and self.found.count >= ENOUGH
        return known if enough else max(known, ASSUMED * self.detect)

    def questions(self, seeds: int, alpha: float) -> int | None:
        """Return the number of questions needed at this number of seeds, None if no number is enough."""
        assumed = self.found.assuming(self.seeds_sd**2)
        return needed(assumed, seeds, self.detect, alpha, POWER)


@dataclass(frozen=True)
class ConfirmatoryPlan:
    """The confirmatory family with its variances, and the test-set sizes and jobs that follow at a scale."""

    scale: str
    members: tuple[FamilyMember, ...]
    records: tuple[Record, ...]
    root: Path

    @property
    def alpha(self) -> float:
        """The level of the first step of Holm's correction, for the smallest p value."""
        return ALPHA / len(self.members)

    def n_test(self, seeds: int) -> int | None:
        """Return the test-set size that every claim needs at this number of seeds, None if no size is enough."""
        sizes = [(member.questions(seeds, self.alpha), member.found.n) for member in self.members]
        if any(size is None for size, _ in sizes):
            return None
        return ROUND * math.ceil(max(size / n for size, n in sizes) * self.n_test_now / ROUND)

    @property
    def n_test_now(self) -> int:
        """The test-set size of the pilot."""
        return next(record.parameters["n_test"] for record in self.records if record.row == "data")

    def size(self, member: FamilyMember) -> int:
        """Return the number of questions of a claim's contrast in the chosen run."""
        return round(member.found.n * self.n_test(self.choice) / self.n_test_now)

    def jobs(self, seeds: int) -> list[Timed]:
        """Return the jobs of the run at this number of seeds, with their seconds."""
        rows = list(dict.fromkeys(row for member in self.members for row in member.claim.contrast.rows))
        return jobs_of(experiments.read_experiments(), self.scale, rows, seeds, self.n_test(seeds), list(self.records))

    @cached_property
    def choice(self) -> int:
        """The number of seeds in SEEDS with the fewest hours. Raises UserError if no number is possible."""
        possible = [seeds for seeds in SEEDS if self.n_test(seeds)]
        if not possible:
            raise UserError(
                f"no number of questions is enough with {', '.join(map(str, SEEDS))} seeds: the records of "
                f"{shown(self.root)} vary too much between seeds; add larger numbers to SEEDS in protocol.py"
            )
        return min(possible, key=lambda seeds: hours(self.jobs(seeds)))


def plan_confirmatory(scale: str = "mini", root: str = "") -> ConfirmatoryPlan:
    """Return the plan from the records of `root`, by default the published ones of the scale.

    Raises UserError if the scale is unknown, or the records have no dataset row or no measured claim of some kind.
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
    members = [_member(claim, study, scale, records) for claim in load_claims() if claim.confirmatory]
    return ConfirmatoryPlan(scale, tuple(_fill_variances(members)), tuple(records), folder)


def _member(claim: Claim, study: experiments.Study, scale: str, records: list[Record]) -> FamilyMember:
    models = {experiments.parameters_of(study, scale, row).get("model") for row in claim.contrast.rows}
    kind = "searches" if len(models) == 1 else "arms"
    try:
        return FamilyMember(claim, kind, variances(*rests_on(claim, records)[1]), OWN)
    except UserError as error:
        run = set(claim.contrast.rows) <= {record.row for record in records}
        return FamilyMember(claim, kind, None, "", str(error) if run else "")


def _fill_variances(members: list[FamilyMember]) -> list[FamilyMember]:
    """Give members without variances the largest of their kind. Raises UserError if their kind has none."""
    done = []
    for member in members:
        same_kind = [one for one in members if one.kind == member.kind]
        measured = [one for one in same_kind if one.found]
        if not measured:
            failures = "".join(f" ({one.claim.id} was run: {one.why})" for one in same_kind if one.why)
            raise UserError(
                f"no claim between {member.kind} is measured, so {member.claim.id} cannot be planned{failures}:"
                f" run `make study ROWS={','.join(member.claim.contrast.rows)}`"
            )
        worst = max(measured, key=lambda one: one.found.questions + one.found.both)
        source = f"not {'measured' if member.why else 'run'}, as {worst.claim.id}"
        done.append(member if member.found else replace(member, found=worst.found, source=source))
    return done
