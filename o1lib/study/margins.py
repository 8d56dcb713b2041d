"""Set the margin of each contrast from a pilot, and freeze the margins before they count.

    found = plan_margins("mini")            # from results/mini
    print(margins_text(found))              # python -m o1lib margins --scale mini
    freeze(found)                           # ... --freeze: writes results/margins.json, once

A margin is such that a true zero is called negligible with a probability of at least 0.8, and at most three points
(`o1lib.analysis.stats.margins`). The claims of the confirmatory family get theirs at the size of the confirmatory run,
all others at the size of the pilot, with which they are read.
"""

from dataclasses import dataclass, field

import pandas as pd

from o1lib.analysis.claims import Claim, Compared, load_claims, measured_as, rests_on
from o1lib.analysis.claims.margins import FILE
from o1lib.analysis.headline import WRITTEN, written_sets
from o1lib.analysis.stats.margins import CAP, POWER, Margin, planned_margin
from o1lib.analysis.stats.power import variances
from o1lib.minivqa.testsets import PROTOCOL
from o1lib.records import UserError, atomic_file, project_root, shown, to_json
from o1lib.study.confirmatory_family import OWN, FamilyMember
from o1lib.study.protocol import ConfirmatoryPlan, plan_confirmatory

KINDS = ("difference", "equivalence")  # of claims: a ratio and a rate have no margin


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
    """Margins of all measured claims, the records that they rest on in words, and {claim: why it has no margin}."""

    found: tuple[ClaimMargin, ...]
    basis: str
    lacking: dict[str, str] = field(default_factory=dict)


def plan_margins(scale: str = "mini", root: str = "") -> MarginPlan:
    """Return the margins from the records of `root`, by default the published ones of the scale.

    Raises UserError where `plan_confirmatory` does.
    """
    plan = plan_confirmatory(scale, root)
    found, remark = _of_family(plan)
    lacking, family = {}, {one.claim.id for one in found}
    for claim in load_claims():
        if claim.kind in KINDS and claim.scope == "mini" and claim.id not in family:
            try:
                pilot, used = variances(*rests_on(claim, plan.records)[1]), measured_as(claim, plan.records)
                margin = planned_margin(pilot, pilot.n, pilot.count, bases=pilot.bases)
                found.append(ClaimMargin(claim, margin, pilot.n, pilot.count, used))
            except UserError as problem:
                lacking[claim.id] = str(problem)
    commits = ", ".join(sorted({record.commit[:10] for record in plan.records if record.metrics}))
    basis = f"{len(plan.records)} records of {shown(plan.root)}, commit {commits}{remark}"
    return MarginPlan(tuple(found), basis, lacking)


def _of_family(plan: ConfirmatoryPlan) -> tuple[list[ClaimMargin], str]:
    """Return the family's margins at the size of the confirmatory run, at the pilot's if none is large enough."""
    try:
        return [_of_member(member, plan.size(member), plan.seeds_of(member), plan) for member in plan.members], ""
    except UserError:
        found = [_of_member(member, member.found.n, member.found.count, plan) for member in plan.members]
        return found, " (the family at the pilot's size, because no size is enough for the confirmatory run)"


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
    return "\n".join([head, pd.DataFrame(lines).to_string(index=False), *without])


def freeze(plan: MarginPlan) -> None:
    """Write the margins into results/margins.json, once.

    Raises UserError if that file exists, if the protocol does not name the sets of the headline yet, and where the
    pilot measured another contrast than the claim's.
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
    for one in plan.found:
        if one.measured != one.claim.contrast:
            told = "the variances of another claim" if one.measured is None else f"the metric {one.measured.metric}"
            raise UserError(
                f"the margin of {one.claim.id} rests on {told} and not on its own contrast in "
                f"{one.claim.contrast.metric}: freeze margins from a pilot with its rows and frozen chance levels"
            )


def _size(one: ClaimMargin) -> dict:
    return {"n": one.n, "seeds": one.seeds, "contrast": one.claim.contrast.model_dump(mode="json")}
