"""Training schedules: which items are learned in which phase, with which of their stages, in which order.

LlamaV-o1 (arXiv:2501.06186, section 3.2) trains on summaries and captions first and on whole answers afterwards, but
changes data and order together. Here `mixed`, `two_phase` and `reversed` use the same multiset of (item, stages) pairs,
so that only the order differs. `b_recipe` is LlamaV-o1's own schedule, whose first phase has its own data sources.

    phases = plan("two_phase", "four_turn", items, seed=0, warm_share=0.25)
    phases[0][0]                        # (item, ("summary", "caption"))

The unit of comparison is the item: every format uses the same items. The format `separate` makes four small examples of
an item, one for each stage, with the same text in total. `per_item` is the factor by which its batches are larger, so
that it takes as many steps as the other formats.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from o1lib.formats.chat import FORMATS
from o1lib.formats.stages import STAGES
from o1lib.records import UserError, choose

WARM, FULL = STAGES[:2], STAGES


@dataclass(frozen=True)
class Phase:
    """One phase. `targets`: the stages of the pairs it takes; `sources`: (family, share) of its items, () for all."""

    targets: tuple[tuple[str, ...], ...]
    sources: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Schedule:
    """The phases in their order, and a description for help texts."""

    description: str
    phases: tuple[Phase, ...]


SCHEDULES = {
    "mixed": Schedule("one phase", (Phase((WARM, FULL)),)),
    "two_phase": Schedule("summaries and captions first", (Phase((WARM,)), Phase((FULL,)))),
    "reversed": Schedule("summaries and captions last", (Phase((FULL,)), Phase((WARM,)))),
    # LlamaV-o1's first phase has 18k captions of PixMo and 57k items of Geo170K; these families are the nearest ones.
    "b_recipe": Schedule(
        "LlamaV-o1's own", (Phase((WARM,), (("mini-ShareGPT4V", 18), ("mini-GeoQA+", 57))), Phase((FULL,)))
    ),
}


def plan(
    schedule: str, format: str, items: Sequence, seed: int | str = 0, warm_share: float = 0.0
) -> list[list[tuple]]:
    """Return the phases of a training run as lists of (item, stages), in the order in which they are learned.

    The share `warm_share` of the items is learned as summary and caption only, the other items whole. The order depends
    on `seed` and is the same for every format. Raises UserError for an unknown schedule or format, no items, a share
    outside [0, 1), several phases with an empty first one, `direct` with a share, or sources that the data lacks.
    """
    phases = choose(schedule, SCHEDULES, "schedule").phases
    choose(format, FORMATS, "format")
    _check(schedule, format, items, warm_share)
    order = random.Random(f"order/{seed}").sample(list(items), len(items))
    warm = round(warm_share * len(order))
    pairs = {WARM: [(item, WARM) for item in order[:warm]], FULL: [(item, FULL) for item in order[warm:]]}
    planned = []
    for phase in phases:
        found = [pair for stages in phase.targets for pair in pairs[stages]]
        if phase.sources:
            found = [(item, WARM) for item in _from_sources(schedule, order, phase.sources, warm)]
        planned.append(_split(random.Random(f"phase/{seed}").sample(found, len(found)), format))
    return [phase for phase in planned if phase]


def per_item(format: str) -> int:
    """Return the number of examples that an item makes in this format when all of its stages are learned."""
    return len(STAGES) if FORMATS[format].stage_tasks else 1


def _split(pairs, format):
    if not FORMATS[format].stage_tasks:
        return pairs
    return [(item, (stage,)) for item, stages in pairs for stage in stages]


def _from_sources(schedule, order, sources, wanted):
    """Return `wanted` items of the families in their shares. If a family has too few, the others fill up."""
    total = sum(share for _, share in sources)
    found, spare = [], []
    for family, share in sources:
        own = [item for item in order if item.family == family]
        quota = round(wanted * share / total)
        found += own[:quota]
        spare += own[quota:]
    found += spare[: wanted - len(found)]
    if len(found) < wanted:
        raise UserError(
            f"schedule '{schedule}' needs {wanted} items of {', '.join(name for name, _ in sources)} but the data has "
            f"{len(found)}: lower warm_share or choose another schedule"
        )
    return found[:wanted]


def _check(schedule, format, items, warm_share):
    if not items:
        raise UserError("there are no items to train on: build the dataset with n_train above 0")
    if not 0 <= warm_share < 1:
        raise UserError(f"warm_share {warm_share} is out of range: choose a number from 0 up to, but not including, 1")
    if len(SCHEDULES[schedule].phases) > 1 and round(warm_share * len(items)) == 0:
        raise UserError(
            f"schedule '{schedule}' has a phase of summaries and captions, but warm_share {warm_share} of "
            f"{len(items)} items is none: raise warm_share"
        )
    if FORMATS[format].stages != STAGES and warm_share > 0:
        raise UserError(f"format '{format}' has no summary and caption to learn first: set warm_share to 0")
