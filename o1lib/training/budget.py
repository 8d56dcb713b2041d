"""Train one format until it has processed as many positions as another format would: the control of equal computation.

A chain costs positions. So `direct` may lose to it because it computed less, not because it was taught less. Here it
goes on until the positions are equal (`o1lib.training.positions` defines them), over fresh items or over the same ones.
Seconds play no part: they are reported, and stop nothing.

    lacking = lacking_positions(items, counter, "direct", "tags")
    plan_repeated(items, counter, "direct", lacking)            # the same items, in epochs, the last one cut
    [*items, *until(fresh, counter, "direct", lacking)]         # further items, drawn one by one as long as needed
"""

from collections.abc import Iterable, Iterator, Sequence

from o1lib.formats.chat import FORMATS
from o1lib.records import UserError, choose
from o1lib.training.curriculum import plan
from o1lib.training.positions import PositionCounter

MORE = ("fresh", "repeat")


def check(format: str, match: str, more: str, schedule: str, warm_share: float) -> None:
    """Raise UserError for an unknown `match` or `more`, and for a training run whose positions cannot be matched."""
    choose(match, FORMATS, "format to match")
    choose(more, MORE, "kind of further items")
    if schedule != "mixed" or warm_share:
        raise UserError(
            "positions are matched for whole items in one phase only: set schedule to 'mixed' and warm_share to 0"
        )
    if FORMATS[format].filled:
        raise UserError(f"format '{format}' has as many positions as a chain already: leave match empty")


def lacking_positions(items: Sequence, counter: PositionCounter, format: str, match: str, seed: int = 0) -> int:
    """Return by how many positions one pass over `items` in `format` falls short of one pass in format `match`."""
    other, own = (_positions(plan("mixed", name, items, seed)[0], counter, name, seed) for name in (match, format))
    return sum(other) - sum(own)


def until(items: Iterable, counter: PositionCounter, format: str, lacking: int) -> Iterator:
    """Yield items, learned whole, until together they have at least `lacking` positions in this format."""
    for item in items if lacking > 0 else ():
        yield item
        lacking -= sum(_positions(plan("mixed", format, [item])[0], counter, format, 0))
        if lacking <= 0:
            return


def plan_repeated(items: Sequence, counter: PositionCounter, format: str, lacking: int, seed: int = 0) -> list[list]:
    """Return the phases of training on the same items in epochs until `lacking` positions more were processed.

    The first epoch is that of `plan`. Each later one has an order of its own, which depends on `seed`, and the last one
    ends with the example that reaches the positions. Raises UserError for no items.
    """
    phases = plan("mixed", format, items, seed)
    while lacking > 0:
        [pairs] = plan("mixed", format, items, f"{seed}/epoch{len(phases)}")
        taken = 0
        for positions in _positions(pairs, counter, format, seed):
            taken, lacking = taken + 1, lacking - positions
            if lacking <= 0:
                break
        phases.append(pairs[:taken])
    return phases


def _positions(pairs, counter, format, seed):
    return [one.positions for one in counter.count(pairs, format, seed)]
