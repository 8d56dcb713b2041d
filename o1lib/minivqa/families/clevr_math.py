"""mini-CLEVR-Math: the pictures of mini-CLEVR; questions add or remove shapes in thought, then count.

The counterpart of CLEVR-Math in Table 1 of LLaVA-o1 (arXiv:2411.10440). A scene is (kind, objects). `kind` is the
(index, value) that is asked for, such as (1, "red"); zero to three objects have it, equally often. `objects` are those
of mini-CLEVR.

Example:
    >>> from o1lib.minivqa import draw
    >>> draw("mini-CLEVR-Math", 0, template="take").steps[-2].count("-")
    1
"""

from collections import Counter

from o1lib.minivqa.canvas import COLOURS, SHAPES
from o1lib.minivqa.chance import even, ring
from o1lib.minivqa.families import clevr
from o1lib.minivqa.families.clevr import PLURAL, tally
from o1lib.minivqa.family import Asked, Family, Template
from o1lib.minivqa.words import CELLS

MOST = 3
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


def _left(rng, objects, number):
    """Return the pool of counts that may be left once `number` shapes are gone, or None to keep them evenly spread."""
    counts = _COUNTS if len(objects) in _COUNTS else _HARD_COUNTS
    weights = Counter(count - gone for count in counts for gone in range(MOST + 1))
    return sorted(weights) if even(rng, len(objects) - number, weights) else None


def _take(drawn, rng):
    kind, objects = drawn
    noun = _noun(kind)
    steps, number = tally(objects, *kind, noun)
    pool, left = _left(rng, objects, number), len(objects) - number
    if pool is None:
        return None
    steps = (*steps, f"{len(objects)} shapes", f"{len(objects)} - {number} = {left}")
    return Asked(
        f"Take away the {noun}. How many shapes are left?",
        str(left),
        ring(rng, left, pool),
        f"Count the {noun} and take them away",
        steps,
        frozenset(steps),
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
    )


def _around(number, start, sign):
    """Return the answers that the other possible counts would give."""
    return tuple(str(start + sign * other) for other in range(MOST + 1) if other != number)


def _swap(drawn, rng):
    kind, objects = drawn
    noun, more = _noun(kind), rng.randint(2, 5)
    steps, number = tally(objects, *kind, noun)
    pool, left = _left(rng, objects, number), len(objects) - number
    if pool is None:
        return None
    steps = (
        *steps,
        f"{len(objects)} shapes",
        f"{len(objects)} - {number} = {left}",
        f"add {more} shapes",
        f"{left} + {more} = {left + more}",
    )
    return Asked(
        f"Take away the {noun} and add {more} shapes. How many shapes are there?",
        str(left + more),
        ring(rng, left + more, [count + more for count in pool]),
        f"Take away the {noun} and add {more}",
        steps,
        frozenset(steps),
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
        "swap": Template("math", _swap, withheld=True, also=("logical reasoning",)),
    },
)
