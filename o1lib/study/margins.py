"""Set the margin of each contrast from a pilot, and freeze the margins before they count.

    found = plan_margins("mini")            # from results/mini
    print(margins_text(found))              # python -m o1lib margins --scale mini
    freeze(found)                           # ... --freeze: writes results/margins.json, once

A margin is such that a true zero is called negligible with a probability of at least 0.8, and at most three points
(`o1lib.analysis.stats.margins`). The claims of the confirmatory family get theirs at the size of the confirmatory run,
all others at the size of the pilot, with which they are read. With few seeds a pilot does not know how far another one
moves a contrast: with one the margin would be that of the questions alone, and with two it is at the cap with a power
near zero. Such a contrast has no margin.
"""

import math
from dataclasses import dataclass, field

import pandas as pd

from o1lib.analysis.claims import Claim, Compared, load_claims, measured_as, rests_on
from o1lib.analysis.claims.margins import FILE
from o1lib.analysis.headline import WRITTEN, written_sets
from o1lib.analysis.stats.margins import CAP, POWER, Margin, planned_margin
from o1lib.analysis.stats.power import Variances, variances
from o1lib.minivqa.testsets import PROTOCOL
from o1lib.records import UserError, atomic_file, project_root, shown, to_json
from o1lib.study.confirmatory_family import OWN, FamilyMember
from o1lib.study.protocol import FIRST, ConfirmatoryPlan, plan_confirmatory

KINDS = ("difference", "equivalence")  # of claims: a ratio and a rate have no margin
LEAST_SEEDS = 4  # of a contrast in the pilot, over all its bases, each of which has two at least


@dataclass(frozen=True)
class ClaimMargin:
    """A claim's margin, the questions and seeds that it was set for, and the contrast that was measured for it.

    `measured` is None where the variances are those of another claim.
    """

    claim: Claim
    margin: Margin
    n: int
    seeds: int
    measured: Compared | None


@dataclass(frozen=True)
class MarginPlan:
    """Margins of all measured claims, the records that they rest on in words, and {claim: why it has no margin}.

    `too_small` says that no size is enough for the confirmatory run, so that the family has the pilot's.
    """

    found: tuple[ClaimMargin, ...]
    basis: str
    lacking: dict[str, str] = field(default_factory=dict)
    too_small: bool = False


def plan_margins(
    scale: str = "mini", root: str = "", bases: tuple[str, ...] = FIRST, limit: float = math.inf
) -> MarginPlan:
    """Return the margins from the records of `root`, by default the published ones of the scale.

    The confirmatory run has these bases and takes at most `limit` hours, as in `plan_confirmatory`.
    Raises UserError where `plan_confirmatory` does.
    """
    plan = plan_confirmatory(scale, root, bases, limit)
    found, lacking, remark = _of_family(plan)
    family = {one.claim.id for one in plan.members}
    for claim in load_claims():
        if claim.kind in KINDS and claim.scope == "mini" and claim.id not in family:
            try:
                pilot, used = variances(*rests_on(claim, plan.records)[1]), measured_as(claim, plan.records)
                check_seeds(pilot)
                margin = planned_margin(pilot, pilot.n, pilot.count, bases=pilot.bases)
                found.append(ClaimMargin(claim, margin, pilot.n, pilot.count, used))
            except UserError as problem:
                lacking[claim.id] = str(problem)
    commits = ", ".join(sorted({record.commit[:10] for record in plan.records if record.metrics}))
    basis = f"{len(plan.records)} records of {shown(plan.root)}, commit {commits}{remark}"
    return MarginPlan(tuple(found), basis, lacking, bool(remark))


def check_seeds(pilot: Variances) -> None:
    """Raise UserError for a contrast with too few seeds in the pilot for a margin."""
    if pilot.count < 2 or pilot.count * pilot.bases < LEAST_SEEDS:
        on = f" on each of {pilot.bases} bases" if pilot.bases > 1 else ""
        raise UserError(
            f"negligible cannot be reached: the pilot has {pilot.count} seed{'s' * (pilot.count > 1)}{on}, and a "
            f"margin needs {LEAST_SEEDS}"
        )


def _of_family(plan: ConfirmatoryPlan) -> tuple[list[ClaimMargin], dict[str, str], str]:
    """Return the family's margins at the size of the confirmatory run, at the pilot's if none is large enough.

    Also returns {claim: why it has no margin}, and a remark on the size.
    """
    found, lacking, remark = [], {}, ""
    try:
        sizes = {one.claim.id: (plan.size(one), plan.seeds_of(one)) for one in plan.members}
    except UserError:
        sizes = {one.claim.id: (one.found.n, one.found.count) for one in plan.members}
        remark = " (the family at the pilot's size, because no size is enough for the confirmatory run)"
    for member in plan.members:
        try:
            check_seeds(member.found)
            found.append(_of_member(member, *sizes[member.claim.id], plan))
        except UserError as problem:
            lacking[member.claim.id] = str(problem)
    return found, lacking, remark


def _of_member(member: FamilyMember, n: int, seeds: int, plan: ConfirmatoryPlan) -> ClaimMargin:
    margin = planned_margin(member.planned, n, seeds, bases=len(plan.bases))
    used = measured_as(member.claim, plan.records) if member.source == OWN else None
    return ClaimMargin(member.claim, margin, n, seeds, used)


def margins_text(plan: MarginPlan) -> str:
    """Return the margins in points as text for a terminal, and the claims without one."""
    lines = [
        {
            "claim": one.claim.id,
            "margin": f"{100 * one.margin.value:.1f}",
            "needed": f"{100 * one.margin.needed:.1f}",
            "power": f"{one.margin.power:.2f}",
            "questions": one.n,
            "seeds": one.seeds,
        }
        for one in plan.found
    ]
    head = f"Margins in points from {plan.basis}: power {POWER:g} for a true zero, at most {100 * CAP:g} points."
    without = [f"{name} has none: {why}" for name, why in plan.lacking.items()]
    table = [pd.DataFrame(lines).to_string(index=False)] if lines else []
    return "\n".join([head, *table, *without])


def freeze(plan: MarginPlan) -> None:
    """Write the margins into results/margins.json, once.

    Raises UserError if that file exists, if the protocol does not name the sets of the headline yet, if no size is
    enough for the confirmatory run, where the pilot measured another contrast than the claim's, and where a claim of
    the family has too few seeds in it for a margin.
    """
    path = project_root() / FILE
    if path.exists():
        raise UserError(f"{shown(path)} is frozen and must not change: margins are set once, before they count")
    _check_final(plan)
    margins = {
        one.claim.id: {"margin": one.margin.value, "needed": one.margin.needed, "power": one.margin.power} | _size(one)
        for one in plan.found
    }
    made = {"from": plan.basis, "wanted power": POWER, "cap": CAP, "margins": margins}
    with atomic_file(path) as part:
        part.write_text(to_json(made, FILE, indent=1) + "\n", encoding="utf8")


def _check_final(plan: MarginPlan) -> None:
    """Raise UserError where a margin would be frozen for sets or a contrast that are not those of the protocol."""
    protocol = project_root() / PROTOCOL
    if not protocol.is_file() or written_sets(protocol.read_text(encoding="utf8")) is None:
        raise UserError(
            f"{PROTOCOL} has no line {WRITTEN.strip()!r}, so margins would be set for other sets than enter: "
            "run `.venv/bin/python -m o1lib entering` and add its last line first"
        )
    if plan.too_small:
        raise UserError(
            "the family has the pilot's size, because no size is enough for the confirmatory run: give the bases and "
            "hours that it has with --bases and --hours, or measure more seeds in the pilot"
        )
    for claim in load_claims():
        if claim.confirmatory and claim.id in plan.lacking:
            rows = ",".join(claim.contrast.rows)
            raise UserError(f"{claim.id}: {plan.lacking[claim.id]}: run `make study ROWS={rows} SEEDS=0,1,2,3`")
    for one in plan.found:
        if one.measured != one.claim.contrast:
            told = "the variances of another claim" if one.measured is None else f"the metric {one.measured.metric}"
            raise UserError(
                f"the margin of {one.claim.id} rests on {told} and not on its own contrast in "
                f"{one.claim.contrast.metric}: freeze margins from a pilot with its rows and frozen chance levels"
            )


def _size(one: ClaimMargin) -> dict:
    return {"n": one.n, "seeds": one.seeds, "contrast": one.claim.contrast.model_dump(mode="json")}
