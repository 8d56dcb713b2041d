"""Simulate the whole decision rule: intervals, verdicts, bases, Holm's correction, over a family of contrasts.

    found = simulate(members, effect=0.0, runs=2000)       # SimulatedMember for each member of the family
    found.wrong                                            # share of runs with a false verdict on a sign, at most 0.05
    found.table                                            # one line for each member: power found and promised

A run draws the paired differences of every member from its variance components and then decides with the functions
that decide the study. Under the null all true differences are zero. The promised power is that of
`o1lib.analysis.stats.power` at the first step of Holm's procedure, so the whole rule finds at least as much. A contrast
of many questions is drawn as one of LARGEST with smaller variances, since the degrees of freedom of so many questions
decide nothing.

On two bases, with 0.79 promised and a standard deviation of 0.8 or 1.1 points between seeds, 0.73 to 0.75 were found at
the first step with three seeds on each base, 0.78 with four and with five (24,000 draws each). With 1.5 points four
seeds found 0.76. The whole rule found 0.89 or more each time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from o1lib.analysis.claims.bases import verdict_over_bases
from o1lib.analysis.claims.family import ALPHA, corrected
from o1lib.analysis.stats import NEGLIGIBLE, OPPOSITE, SUPPORTED, Sample, verdict
from o1lib.analysis.stats.intervals import decide
from o1lib.analysis.stats.margins import planned_margin
from o1lib.analysis.stats.power import Variances, power

LARGEST = 200  # questions of a simulated contrast


@dataclass(frozen=True)
class SimulatedMember:
    """A contrast of a family: its variances, its size in questions, seeds and bases, and the difference to detect."""

    name: str
    variances: Variances
    n: int
    seeds: int
    bases: int
    detect: float


@dataclass(frozen=True)
class Simulated:
    """What a simulation found. `wrong` is the share of runs in which some member got a false verdict on a sign.

    `table` has one line for each member, in shares of runs: found (the right sign, by the whole rule), first_step (the
    right sign, at the level of Holm's first step), promised, negligible, and negligible_promised (for a true zero).
    """

    wrong: float
    table: pd.DataFrame
    runs: int


def smaller(member: SimulatedMember) -> SimulatedMember:
    """Return a contrast with at most LARGEST questions whose mean varies as much."""
    if member.n <= LARGEST:
        return member
    share, known = LARGEST / member.n, member.variances
    return replace(
        member,
        n=LARGEST,
        variances=replace(known, questions=share * known.questions, both=share * known.both),
    )


def simulate(members: Sequence[SimulatedMember], effect: float = 0.0, runs: int = 2000, seed: int = 0) -> Simulated:
    """Return what the rule decides where each member's true difference is `effect` times what it is to detect."""
    rng, level = np.random.default_rng(seed), ALPHA / len(members)
    members = [smaller(one) for one in members]
    margins = {one.name: planned_margin(one.variances, one.n, one.seeds, bases=one.bases).value for one in members}
    decided = [[_decided(one, effect * one.detect, margins[one.name], rng) for one in members] for _ in range(runs)]
    final = [corrected(lines, len(members)) for lines in decided]
    false = [any(_false(line["verdict"], effect) for line in lines) for lines in final]
    table = [_line(one, [lines[k] for lines in decided], [lines[k] for lines in final], effect, level)
             for k, one in enumerate(members)]  # fmt: skip
    return Simulated(float(np.mean(false)), pd.DataFrame(table), runs)


def _false(given: str, effect: float) -> bool:
    """Return whether a verdict on the sign is false; every such verdict is where there is no difference."""
    return given in (SUPPORTED, OPPOSITE) and (effect == 0 or (given == SUPPORTED) != (effect > 0))


def _decided(member: SimulatedMember, effect: float, margin: float, rng: np.random.Generator) -> dict:
    """Return the line of one member in one run, before Holm's correction, with what the correction reads."""
    found = drawn(member, effect, rng)
    whole = decide(found, None)
    parts = [decide(part, None) for part in found.of_bases()]
    given = verdict(whole["low"], whole["high"], 1, margin=margin)
    return {
        "id": member.name,
        "confirmatory": True,
        "p": whole["p"],
        "value": whole["value"],
        "verdict": verdict_over_bases(given, parts),
        "why": "",
    }


def drawn(member: SimulatedMember, effect: float, rng: np.random.Generator) -> Sample:
    """Return paired differences of one run: effect + question + seed + both, a line for each seed of each base."""
    known, lines = member.variances, member.seeds * member.bases
    values = effect + rng.normal(0, np.sqrt(known.questions), member.n)
    values = values + rng.normal(0, np.sqrt(known.seeds or 0.0), (lines, 1))
    values = values + rng.normal(0, np.sqrt(known.both), (lines, member.n))
    rows = tuple(np.arange(k * member.seeds, (k + 1) * member.seeds) for k in range(member.bases))
    strata = ((1.0, np.arange(member.n)),)
    return Sample(values, strata, tuple(range(lines)), tuple(map(str, range(member.n))), rows * (member.bases > 1))


def _line(member: SimulatedMember, decided: list, final: list, effect: float, level: float) -> dict:
    right = SUPPORTED if effect >= 0 else OPPOSITE
    margin = planned_margin(member.variances, member.n, member.seeds, bases=member.bases)
    return {
        "claim": member.name,
        "found": _share(line["verdict"] == right for line in final),
        "first_step": _share(line["verdict"] == right and line["p"] <= level for line in decided),
        "promised": power(member.variances, member.n, member.seeds, abs(effect) * member.detect, level, member.bases)
        if effect
        else level / 2,
        "negligible": _share(line["verdict"] == NEGLIGIBLE for line in final),
        "negligible_promised": margin.power if not effect else float("nan"),
    }


def _share(flags) -> float:
    return float(np.mean(list(flags)))
