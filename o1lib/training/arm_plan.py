"""Plan one arm: which items it learns in which order, with what filler, until which number of positions.

planned = plan_arm(run, model, processor, items, format="tags")
planned.phases[0][0]                                # (item, ("summary", "caption", "reasoning", "conclusion"))
planned.facts                                       # {"filler": {"word": "<|python_tag|>", "count": 83}}
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from o1lib.training import budget
from o1lib.training.curriculum import plan
from o1lib.training.filler import put_filler
from o1lib.training.fresh import fresh_items
from o1lib.training.positions import Counts, PositionCounter


@dataclass(frozen=True)
class PlannedArm:
    """What an arm will learn: phases of (item, stages), the counts of every example, and facts for the record."""

    phases: list[list[tuple]]
    counts: list[Counts]
    facts: dict = field(default_factory=dict)


def plan_arm(
    run,
    model,
    processor,
    items: Sequence,
    *,
    format: str,
    schedule: str = "mixed",
    warm_share: float = 0.0,
    match: str = "",
    more: str = "fresh",
) -> PlannedArm:
    """Return what the arm of `run` will learn of `items`, and put the filler of its format into the chat template.

    With `match`, training goes on until as many positions are processed as that format would on these items; `more`
    says over which items (`budget.MORE`). Raises UserError as `curriculum.plan`, `budget.check` and `put_filler` do.
    """
    if match:
        budget.check(format, match, more, schedule, warm_share)
    facts = {"filler": put_filler(processor, format, items)}
    counter, seed = PositionCounter(processor, model), run.seed
    if not match:
        phases = plan(schedule, format, items, seed, warm_share)
    else:
        lacking = budget.lacking_positions(items, counter, format, match, seed)
        facts["matched"] = {"format": match, "lacking_positions": lacking}
        if more == "repeat":
            phases = budget.plan_repeated(items, counter, format, lacking, seed)
        else:
            take = partial(budget.until, counter=counter, format=format, lacking=lacking)
            fresh = fresh_items(run, len(items), take, f"{format}-{lacking}")
            phases = plan("mixed", format, [*items, *fresh], seed)
    counts = [one for phase in phases for one in counter.count(phase, format, seed)]
    return PlannedArm(phases, counts, facts)
