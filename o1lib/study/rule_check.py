"""Check by simulation that the planned confirmatory run keeps what its protocol promises.

    print(describe(plan_confirmatory("mini"), runs=2000))     # python -m o1lib power --runs 2000

Under the null, a false verdict on a sign in at most 5 % of runs. Under the differences to detect, power within three
points of the promised one.
"""

from collections.abc import Sequence

from o1lib.analysis.claims.rule_simulation import SimulatedMember, simulate
from o1lib.study.protocol import ConfirmatoryPlan

WORST = 0.05  # share of runs with a false verdict
NEAR = 0.03  # of the promised power


def simulated_members(found: ConfirmatoryPlan) -> list[SimulatedMember]:
    """Return the members of a plan as the simulation takes them, at the size of the chosen run."""
    return [
        SimulatedMember(one.claim.id, one.planned, found.size(one), found.seeds_of(one), len(found.bases), one.detect)
        for one in found.members
    ]


def describe(found: ConfirmatoryPlan, runs: int) -> str:
    """Return what simulations of the whole rule found, as text: under the null, and under the differences to detect."""
    return told(simulated_members(found), runs)


def told(members: Sequence[SimulatedMember], runs: int) -> str:
    """Return the same for these members."""
    null, there = simulate(members, 0.0, runs), simulate(members, 1.0, runs)
    short = [line.claim for line in there.table.itertuples() if min(line.found, line.first_step) < line.promised - NEAR]
    kept = "kept" if not short else f"not kept by {', '.join(short)}"
    return "\n".join(
        [
            f"The whole rule, {runs} simulated runs each.",
            f"No effect: a false verdict on a sign in {null.wrong:.1%} of runs (at most {WORST:.0%} promised).",
            null.table[["claim", "negligible", "negligible_promised"]].round(3).to_string(index=False),
            f"The differences to detect: the promised power is {kept} within {100 * NEAR:.0f} points.",
            there.table[["claim", "found", "first_step", "promised"]].round(3).to_string(index=False),
        ]
    )
