"""The sizes of the confirmatory run, computed from a pilot's records: the questions and seeds its family needs.

    found = plan("mini")              # from results/mini
    found.choice, found.n_test(found.choice)      # seeds, and items of a test set

The family is what claims.yaml marks `confirmatory`. A member that the pilot did not measure is planned with the largest
variance measured among the members of its kind. A variance between seeds that is unknown, or known from fewer than
five seeds, is planned with no less than the assumption below.
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

DETECT = {"arms": 0.03, "searches": 0.02}  # the true difference that must not be missed
WANTED = 0.8  # ... in so many of all such studies
SEEDS = (5, 6, 8, 10, 12)  # numbers of seeds that are considered
ENOUGH = 5  # seeds that say enough of the variance between seeds to do without ASSUMED
ASSUMED = 0.5  # standard deviation between seeds, as a share of what is to be detected
ROUND = 48  # sizes of test sets are multiples: six skills, four letters, rotations


@dataclass(frozen=True)
class FamilyMember:
    """A claim of the family: its kind, the variances it is planned with (None: nothing to plan by), whose they are.

    `why` says why its rows, which were run, could not be measured, "" where they were or were not run.
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
        """The standard deviation between seeds that is planned with."""
        known = 0.0 if self.found is None or self.found.seeds is None else math.sqrt(self.found.seeds)
        enough = self.found is not None and self.found.seeds is not None and self.found.count >= ENOUGH
        return known if enough else max(known, ASSUMED * self.detect)

    def questions(self, seeds: int, alpha: float) -> int | None:
        """Return the questions needed with so many seeds, None where no number is enough."""
        assumed = self.found.assuming(self.seeds_sd**2)
        return needed(assumed, seeds, self.detect, alpha, WANTED)


@dataclass(frozen=True)
class ConfirmatoryPlan:
    """The family with its variances, and what they come to at a scale."""

    scale: str
    members: tuple[FamilyMember, ...]
    records: tuple[Record, ...]
    root: Path

    @property
    def alpha(self) -> float:
        """The level of Holm's first step, which the least p must pass."""
        return ALPHA / len(self.members)

    def n_test(self, seeds: int) -> int | None:
        """Return the size of a test set that is enough for every member with so many seeds, None if none is."""
        sizes = [(member.questions(seeds, self.alpha), member.found.n) for member in self.members]
        if any(size is None for size, _ in sizes):
            return None
        now = next(record.parameters["n_test"] for record in self.records if record.row == "data")
        return ROUND * math.ceil(max(size / n for size, n in sizes) * now / ROUND)

    def jobs(self, seeds: int) -> list[Timed]:
        """Return the jobs of the run with so many seeds, with their seconds."""
        rows = list(dict.fromkeys(row for member in self.members for row in member.claim.contrast.rows))
        return jobs_of(experiments.read_experiments(), self.scale, rows, seeds, self.n_test(seeds), list(self.records))

    @cached_property
    def choice(self) -> int:
        """The number of seeds among SEEDS with which the run takes the fewest hours. Raises UserError for none."""
        able = [seeds for seeds in SEEDS if self.n_test(seeds)]
        if not able:
            raise UserError(
                f"with none of {', '.join(map(str, SEEDS))} seeds any number of questions is enough: the "
                f"records of {shown(self.root)} vary too much between seeds; allow more seeds"
            )
        return min(able, key=lambda seeds: hours(self.jobs(seeds)))


def plan_confirmatory(scale: str = "mini", root: str = "") -> ConfirmatoryPlan:
    """Return the plan by the records of `root`, by default what is published of the scale. Raises UserError."""
    study = experiments.read_experiments()
    scale_of(study, scale)
    place = project_root() / (root or f"results/{scale}")
    records = load_all(place)
    data = next((record for record in records if record.row == "data"), None)
    if data is None:
        raise UserError(
            f"{shown(place)} holds no dataset row to plan by: run `make study SCALE={scale}`, or name the "
            "study's folder with --root"
        )
    if not isinstance(data.parameters.get("n_test"), int):
        raise UserError(f"the record in {shown(data.folder)} does not tell n_test, the size of a test set: {data.redo}")
    claims = [claim for claim in load_claims() if claim.confirmatory]
    return ConfirmatoryPlan(
        scale, tuple(_planned([_member(claim, study, scale, records) for claim in claims])), tuple(records), place
    )


def _member(claim: Claim, study: experiments.Study, scale: str, records: list[Record]) -> FamilyMember:
    models = {experiments.parameters_of(study, scale, row).get("model") for row in claim.contrast.rows}
    kind = "searches" if len(models) == 1 else "arms"
    try:
        return FamilyMember(claim, kind, variances(*rests_on(claim, records)[1]), "its own")
    except UserError as error:
        run = set(claim.contrast.rows) <= {record.row for record in records}
        return FamilyMember(claim, kind, None, "", str(error) if run else "")


def _planned(members: list[FamilyMember]) -> list[FamilyMember]:
    """Give members without variances the largest of their kind. Raises UserError when none of the kind has any."""
    done = []
    for member in members:
        like = [one for one in members if one.kind == member.kind and one.found]
        if not like:
            alike = [one for one in members if one.kind == member.kind and one.why]
            told = "".join(f" ({one.claim.id} was run: {one.why})" for one in alike)
            raise UserError(
                f"no claim between {member.kind} is measured, so {member.claim.id} cannot be planned{told}:"
                f" run `make study ROWS={','.join(member.claim.contrast.rows)}`"
            )
        worst = max(like, key=lambda one: one.found.questions + one.found.both)
        source = f"not {'measured' if member.why else 'run'}, as {worst.claim.id}"
        done.append(member if member.found else replace(member, found=worst.found, source=source))
    return done
