"""Plan one arm: which items it learns in which order, with what filler, until which number of positions.

planned = plan_arm(run, model, processor, items)
planned.phases[0][0]                                # (item, ("summary", "caption", "reasoning", "conclusion"))
planned.facts                                       # {"filler": {"token": "<|python_tag|>", "count": 83}}
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from o1lib.data.images import picture_of
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


def plan_arm(run, model, processor, items: Sequence) -> PlannedArm:
    """Return what the arm of `run` will learn of `items`, and put the filler of its format into the chat template.

    With the parameter `match`, training goes on until as many positions are processed as that format would on these
    items; `more` says over which items. Raises UserError as `curriculum.plan`, `budget.check` and `put_filler` do.
    """
    given, seed = run.parameters, run.seed
    format, match, more = given["format"], given.get("match", ""), given.get("more", "fresh")
    facts = {"filler": put_filler(processor, format, items)}
    counter = PositionCounter(processor, model)
    if not match:
        phases = plan(given["schedule"], format, items, seed, given["warm_share"])
    else:
        budget.check(format, match, more, given["schedule"], given["warm_share"])
        lacking = budget.lacking_positions(items, counter, format, match, seed)
        facts["matched"] = {"format": match, "lacking_positions": lacking}
        if more == "repeat":
            phases = budget.plan_repeated(items, counter, format, lacking, seed)
        else:
            fresh = fresh_items(run, len(items), lambda found: budget.until(found, counter, format, lacking))
            phases = plan("mixed", format, [*items, *with_pictures(fresh, given.get("blind", False))], seed)
    counts = [one for phase in phases for one in counter.count(phase, format, seed)]
    return PlannedArm(phases, counts, facts)


def with_pictures(items: Sequence, blind: bool) -> Sequence:
    """Return the items, with gray pictures if `blind`."""
    return [replace(item, image=picture_of(item, blind)) for item in items] if blind else items
