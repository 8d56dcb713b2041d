"""A schedule is a list of phases: which items, which of their stages, in which order.

LlamaV-o1 (arXiv:2501.06186, section 3.2) trains on summaries and captions first and on whole answers afterwards, but
changes data and order together. Here `mixed`, `two_phase` and `reversed` see the same multiset of (item, stages) pairs,
so that only the order differs; `b_recipe` is B's own, whose first phase has sources of its own.

    phases = plan("two_phase", "four_turn", items, seed=0, warm_share=0.25)
    phases[0][0]                        # (item, ("summary", "caption"))

The unit of comparison is the item: every format sees the same items. The format `separate` makes four small examples of
an item, one a stage, which together hold the same words; `per_item` says by how much to enlarge its batches, so that it
takes as many steps as the others.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from o1lib.formats.chat import FORMATS
from o1lib.formats.stages import STAGES
from o1lib.records import UserError

WARM, FULL = STAGES[:2], STAGES


@dataclass(frozen=True)
class Phase:
    """One part of a schedule. `learns`: the kinds of target it takes; `sources`: families and their shares, () for all."""

    name: str
    learns: tuple[tuple[str, ...], ...]
    sources: tuple[tuple[str, float], ...] = ()


SCHEDULES = {
    "mixed": (Phase("mixed", (WARM, FULL)),),
    "two_phase": (Phase("warm", (WARM,)), Phase("full", (FULL,))),
    "reversed": (Phase("full", (FULL,)), Phase("warm", (WARM,))),
    # B's first phase: 18k of PixMo's captions and 57k of Geo170K; Mini-VQA's nearest families stand for them.
    "b_recipe": (Phase("warm", (WARM,), (("mini-ShareGPT4V", 18), ("mini-GeoQA+", 57))), Phase("full", (FULL,))),
}


def plan(schedule: str, format: str, items: Sequence, seed: int = 0, warm_share: float = 0.0) -> list[list[tuple]]:
    """Return the phases of a training run as lists of (item, stages), in the order in which they are learned.

    `warm_share` of the items are learned as summary and caption only, the others whole; the order is drawn from `seed`
    and is the same for every format. Raises UserError for an unknown schedule or format, no items, a share outside
    [0, 1), phases without a share to fill them, `direct` with such a share, or sources that the data lacks.
    """
    _check(schedule, format, items, warm_share)
    order = random.Random(f"order/{seed}").sample(list(items), len(items))
    warm = round(warm_share * len(order))
    pairs = {WARM: [(item, WARM) for item in order[:warm]], FULL: [(item, FULL) for item in order[warm:]]}
    phases = []
    for phase in SCHEDULES[schedule]:
        found = [pair for kind in phase.learns for pair in pairs[kind]]
        if phase.sources:
            found = [(item, WARM) for item in _from_sources(order, phase.sources, warm)]
        phases.append(_split(random.Random(f"phase/{seed}").sample(found, len(found)), format))
    return [phase for phase in phases if phase]


def per_item(format: str) -> int:
    """Return how many examples a whole item makes in this format."""
    return len(STAGES) if format == "separate" else 1


def _split(pairs, format):
    if format != "separate":
        return pairs
    return [(item, (stage,)) for item, stages in pairs for stage in stages]


def _from_sources(order, sources, wanted):
    """Return `wanted` items of the given families in their shares; a family with too few leaves its place to the others."""
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
            f"schedule 'b_recipe' wants {wanted} items of {', '.join(name for name, _ in sources)} but the data has "
            f"{len(found)}: lower warm_share or choose another schedule"
        )
    return found[:wanted]


def _check(schedule, format, items, warm_share):
    if schedule not in SCHEDULES:
        raise UserError(f"unknown schedule '{schedule}': choose one of {', '.join(SCHEDULES)}")
    if format not in FORMATS:
        raise UserError(f"unknown format '{format}': choose one of {', '.join(FORMATS)}")
    if not items:
        raise UserError("there are no items to train on: build the dataset with n_train above 0")
    if not 0 <= warm_share < 1:
        raise UserError(f"warm_share {warm_share} is not a share: choose a number from 0 up to, but not, 1")
    if len(SCHEDULES[schedule]) > 1 and round(warm_share * len(items)) == 0:
        raise UserError(
            f"schedule '{schedule}' has a first phase but warm_share {warm_share} leaves it empty: give it a share"
        )
    if format == "direct" and warm_share > 0:
        raise UserError("format 'direct' has no summary or caption to learn first: set warm_share to 0")
