"""The numbers of steps of mini-Depth in groups, so that each line of a table by depth has enough questions.

    in_steps(3)         # "3-4": the groups are 1, 2, 3-4 and 5-8, and in the split `hard` 9, 10, 11 and 12
    several("5-8")      # "5-8 steps"

They are the groups in which the set is drawn (`o1lib.minivqa.depth`), each with as many questions as the others.
"""

from o1lib.minivqa.depth import BINS, HARD_BINS
from o1lib.records import UserError

STEPS = {f"{some[0]}-{some[-1]}" if len(some) > 1 else str(some[0]): some for some in (*BINS, *HARD_BINS)}


def in_steps(depth: int) -> str:
    """Return the name of the group of a depth. Raises UserError for a depth that mini-Depth does not have."""
    for name, some in STEPS.items():
        if depth in some:
            return name
    raise UserError(f"a question of mini-Depth has depth {depth}, and the set has 1 to 12: score its row again")


def ordered(names) -> list[str]:
    """Return the groups that occur among `names`, by rising number of steps."""
    there = set(names)
    return [name for name in STEPS if name in there]


def several(name: str, kind: str = "") -> str:
    """Return a group with its noun: "1 step", "3-4 serial steps"."""
    return f"{name} {kind}{' ' * bool(kind)}step{'' if name == '1' else 's'}"
