"""The confirmatory family as a pilot measured it: each claim with its variances and the test sets that they rest on.

    members = measured_family(read_experiments(), "mini", load_all("results/mini"))
    members[0].questions(seeds=8, alpha=0.05 / 6)      # how many questions it needs, 2713
    families(members)                                  # those that share rows: ((A4, A5), (A17, A20), (B8, B11))

The family is the claims that claims.yaml marks `confirmatory`. A claim that the pilot did not measure is planned with
the largest variance measured for a claim of its kind. If the variance between seeds is unknown, or comes from fewer
than five seeds, it is planned with at least the assumption below.
"""

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from o1lib.analysis.claims import Claim, load_claims, rests_on
from o1lib.analysis.stats.power import Variances, needed, variances
from o1lib.records import Record, UserError
from o1lib.study import experiments, specs

DETECT = {"arms": 0.03, "searches": 0.03}  # the smallest true difference to detect, a fraction
PRIORITY = ("A5", "A4", "A20", "A17", "B8", "B11")  # members enter in this order while there are hours
POWER = 0.8  # probability of detecting it
ENOUGH = 5  # seeds from which the variance between seeds is estimated without ASSUMED
ASSUMED = 0.5  # standard deviation between seeds, as a fraction of the difference to detect
OWN = "its own"  # source of variances that were measured for the claim


@dataclass(frozen=True)
class FamilyMember:
    """A claim of the family with its kind, the variances that it is planned with, their source and their test sets.

    `found` is None if there are no variances yet. `why` says why rows that were run could not be measured, else "".
    """

    claim: Claim
    kind: str
    found: Variances | None
    source: str
    why: str = ""
    sets: tuple[str, ...] = ()

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

    @property
    def planned(self) -> Variances:
        """The variances with the one between seeds that the plan uses."""
        return self.found.assuming(self.seeds_sd**2)

    def questions(self, seeds: int, alpha: float, bases: int = 1) -> int | None:
        """Return the number of questions, over its sets, that is needed with these seeds on each of `bases` bases.

        It is None if no number is enough.
        """
        return needed(self.planned, seeds, self.detect, alpha, POWER, bases)


def by_priority(members: Iterable["FamilyMember"]) -> list["FamilyMember"]:
    """Return members in the order in which they enter; those that PRIORITY does not name come last."""
    rank = {name: k for k, name in enumerate(PRIORITY)}
    return sorted(members, key=lambda one: rank.get(one.claim.id, len(rank)))


def measured_family(study: specs.Study, scale: str, records: list[Record]) -> tuple[FamilyMember, ...]:
    """Return the members of the family with the variances that records give them.

    Raises UserError if no claim of some kind was measured.
    """
    members = [_member(claim, study, scale, records) for claim in load_claims() if claim.confirmatory]
    return tuple(_fill_variances(members))


def rows_of(members: Iterable[FamilyMember]) -> set[str]:
    """Return the rows that members of the family compare."""
    return {row for member in members for row in member.claim.contrast.rows}


def judging_rows(members: Iterable[FamilyMember]) -> set[str]:
    """Return the rows of the same contrasts under other judges, which word the verdicts of members."""
    claims = [member.claim for member in members]
    return {row for claim in claims for other in claim.judges.values() for row in claim.varied(other).rows}


def families(members: Iterable[FamilyMember]) -> tuple[tuple[FamilyMember, ...], ...]:
    """Return the members in families of contrasts: those that share a row, directly or through others."""
    found: list[list[FamilyMember]] = []
    for member in members:
        linked = [one for one in found if rows_of(one) & rows_of([member])]
        found = [one for one in found if one not in linked] + [[*itertools.chain(*linked), member]]
    return tuple(map(tuple, found))


def _member(claim: Claim, study: specs.Study, scale: str, records: list[Record]) -> FamilyMember:
    models = {experiments.parameters_of(study, scale, row).get("model") for row in claim.contrast.rows}
    kind = "searches" if len(models) == 1 else "arms"
    try:
        tables = rests_on(claim, records)[1]
        return FamilyMember(claim, kind, variances(*tables), OWN, sets=tuple(sorted(set(tables[0].stratum))))
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
        done.append(member if member.found else replace(member, found=worst.found, source=source, sets=worst.sets))
    return done
