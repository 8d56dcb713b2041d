"""Pairs of items with the same question and different answers, whose pictures and chains can be swapped.

    found = disjoint_pairs(items)           # [(item, partner), ...]; no item is in two pairs
    drawn_pairs(100)                        # Mini-VQA validation drawings, equally many of each family

Pairs are disjoint, so that intervals over them are those of independent units.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, zip_longest

from o1lib.minivqa import FAMILIES, draw, seeds
from o1lib.records import UserError

_POOL = 24  # drawings of a family for each pair that is wanted of it


def disjoint_pairs(items: Sequence) -> list[tuple]:
    """Return pairs of items with the same question, the same options and different answers, in the items' order."""
    waiting, found = defaultdict(list), []
    for item in items:
        others = waiting[item.question, tuple(item.options)]
        partner = next((other for other in others if other.answer != item.answer), None)
        if partner is None:
            others.append(item)
        else:
            others.remove(partner)
            found.append((partner, item))
    return found


def drawn_pairs(n: int, split: str = "validation") -> list[tuple]:
    """Return n pairs of Mini-VQA drawings, in turn from each family, with and without options in turn.

    Where a family has too few pairs, the others give more. Raises UserError if there are fewer than n.
    """
    each = -(-n // len(FAMILIES))
    families = [_in_turn(_pairs_of(family, each, split)) for family in FAMILIES]
    found = [pair for pair in chain(*zip_longest(*families)) if pair]
    if len(found) < n:
        raise UserError(f"only {len(found)} pairs of drawings have the same question: ask for {len(found)} or fewer")
    return found[:n]


def _pairs_of(family, n, split):
    """Return the pairs among the drawings of a family, of which more are made if they hold fewer than n."""
    first = _POOL * n + 100
    drawings = [draw(family, seed) for seed in seeds(split, first)]
    if len(disjoint_pairs(drawings)) < n:
        drawings += [draw(family, seed) for seed in seeds(split, 3 * first, first)]
    return disjoint_pairs(drawings)


def _in_turn(pairs):
    """Return the pairs, with and without options in turn."""
    kinds = ([pair for pair in pairs if bool(pair[0].options) == choice] for choice in (True, False))
    return [pair for pair in chain(*zip_longest(*kinds)) if pair]
