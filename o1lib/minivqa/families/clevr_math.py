"""mini-CLEVR-Math: the pictures of mini-CLEVR; questions add or remove shapes in thought, then count.

The counterpart of CLEVR-Math in Table 1 of LLaVA-o1 (arXiv:2411.10440). A scene is (kind, objects). `kind` is the
(index, value) that is asked for, such as (1, "red"); zero to three objects have it, equally often. `objects` are those
of mini-CLEVR.

Example:
    >>> from o1lib.minivqa import draw
    >>> draw("mini-CLEVR-Math", 0, template="take").steps[-2].count("-")
    1
"""

from itertools import accumulate

from o1lib.minivqa.canvas import COLOURS, SHAPES
from o1lib.minivqa.families import clevr
from o1lib.minivqa.families.clevr import PLURAL, tally
from o1lib.minivqa.family import Asked, Family, Template
from o1lib.minivqa.words import CELLS

MOST = 3
_MOST_CHANGES = 9
_COUNTS, _HARD_COUNTS = (4, 5), (7, 8)


def scene(rng, hard):
    """Return 4 or 5 objects (7 or 8 if hard), of which 0 to 3 share the color or shape that is asked for."""
    pools = ((), tuple(COLOURS), SHAPES)
    index, count, members = rng.randint(1, 2), rng.choice(_HARD_COUNTS if hard else _COUNTS), rng.randint(0, MOST)
    value = rng.choice(pools[index])
    looks = [["", rng.choice(pools[1]), rng.choice(pools[2])] for _ in range(count)]
    others = [word for word in pools[index] if word != value]
    for place, look in enumerate(looks):
        look[index] = value if place < members else rng.choice(others)
    rng.shuffle(looks)
    cells = sorted(rng.sample(range(9), count))
    return (index, value), tuple((CELLS[cell], colour, shape) for cell, (_, colour, shape) in zip(cells, looks))


def facts(drawn):
    """State every object: 'red circle at top left'."""
    return clevr.facts(drawn[1])


def paint(canvas, drawn, rng, held_out):
    """Draw every object as mini-CLEVR does."""
    clevr.paint(canvas, drawn[1], rng, held_out)


def _noun(kind):
    return f"{kind[1]} shapes" if kind[0] == 1 else PLURAL[kind[1]]


def _take(drawn, rng):
    kind, objects = drawn
    noun = _noun(kind)
    steps, number = tally(objects, *kind, noun)
    left = len(objects) - number
    steps = (*steps, f"{len(objects)} shapes", f"{len(objects)} - {number} = {left}")
    return Asked(
        f"Take away the {noun}. How many shapes are left?",
        str(left),
        _around(number, len(objects), -1),
        f"Count the {noun} and take them away",
        steps,
        frozenset(steps),
        depth=3,
    )


def _add(drawn, rng):
    kind, objects = drawn
    noun, more = _noun(kind), rng.randint(2, 5)
    steps, number = tally(objects, *kind, noun)
    steps = (*steps, f"add {more} {noun}", f"{number} + {more} = {number + more}")
    return Asked(
        f"Add {more} {noun}. How many {noun} are there?",
        str(number + more),
        _around(number, more, 1),
        f"Count the {noun} and add {more}",
        steps,
        frozenset(steps),
        depth=3,
    )


def _lack(drawn, rng):
    kind, objects = drawn
    noun, goal = _noun(kind), rng.randint(4, 7)
    steps, number = tally(objects, *kind, noun)
    steps = (*steps, f"wanted are {goal} {noun}", f"{goal} - {number} = {goal - number}")
    return Asked(
        f"How many {noun} must be added to have {goal}?",
        str(goal - number),
        _around(number, goal, -1),
        f"Count the {noun} and take them from {goal}",
        steps,
        frozenset(steps),
        depth=3,
    )


def _around(number, start, sign):
    """Return the answers that the other possible counts would give."""
    return tuple(str(start + sign * other) for other in range(MOST + 1) if other != number)


def _changes(rng, count):
    """Return `count` numbers of shapes to add, or to take if negative. No total occurs twice, so no step does."""
    while True:
        found = [rng.randint(2, 5), *(rng.choice((-4, -3, -2, -1, 1, 2, 3, 4, 5)) for _ in range(count - 1))]
        totals = list(accumulate(found, initial=0))
        if min(totals) == 0 and len(set(totals)) == len(totals):
            return found


def _swap(drawn, rng):
    kind, objects = drawn
    noun, changes = _noun(kind), _changes(rng, rng.randint(1, _MOST_CHANGES))
    steps, number = tally(objects, *kind, noun)
    now = len(objects) - number
    steps = [*steps, f"{len(objects)} shapes", f"{len(objects)} - {number} = {now}"]
    for change in changes:
        steps.append(f"{now} {'+' if change > 0 else '-'} {abs(change)} = {now + change}")
        now += change
    words = [f"{'add' if change > 0 else 'take'} {abs(change)}" for change in changes]
    return Asked(
        f"Take away the {noun}, then {', '.join(words)}. How many shapes are there?",
        str(now),
        _around(number, len(objects) + sum(changes), -1),
        f"Take away the {noun}, then {', '.join(words)}",
        tuple(steps),
        frozenset(steps),
        depth=3 + len(changes),
    )


FAMILY = Family(
    "mini-CLEVR-Math",
    0.5,
    scene,
    facts,
    paint,
    {
        "take": Template("math", _take),
        "add": Template("math", _add, withheld=True),
        "lack": Template("logical reasoning", _lack, also=("math",)),
        "swap": Template(
            "math",
            _swap,
            withheld=True,
            also=("logical reasoning",),
            depths=(4, 5, 6, 7, 8),
            hard_depths=(6, 7, 8, 9, 10, 11, 12),
        ),
    },
)
