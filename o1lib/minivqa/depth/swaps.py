"""Swaps (serial): five shapes of mini-CLEVR in a cross change places; where is one of them in the end?

A step swaps two pairs of places. The fifteen double swaps of five places lead from each place to each of the five with
the same probability, so every state is independent of the one before it. Together they generate the alternating group
A5, whose word problem is complete for NC1 (Barrington 1989, doi:10.1016/0022-0000(89)90037-8).

Example:
    >>> import random
    >>> rng = random.Random(0)
    >>> run(rng, scene(rng), 3).pool
    ('top', 'left', 'centre', 'right', 'bottom')
"""

from itertools import pairwise

from o1lib.minivqa.canvas import COLOURS, SHAPES
from o1lib.minivqa.depth.program import Program, Task, Words, double_swaps, numbered, swapped, times
from o1lib.minivqa.families import clevr

PLACES = ("top", "left", "centre", "right", "bottom")  # in reading order


def scene(rng):
    """Return five shapes of different colors in mini-CLEVR's form."""
    colours = rng.sample(list(COLOURS), len(PLACES))
    return tuple((place, colour, rng.choice(SHAPES)) for place, colour in zip(PLACES, colours, strict=True))


def run(rng, objects, depth: int) -> Program:
    """Return a program of `depth` double swaps."""
    at = rng.randrange(len(PLACES))
    colour, pairs, states = objects[at][1], double_swaps(rng, PLACES, depth), [PLACES[at]]
    for step in pairs:
        states.append(swapped(step, states[-1]))

    def write() -> Words:
        """Return the question in words."""
        steps = (f"step {k} is {a} to {b}" for k, (a, b) in enumerate(pairwise(states), 1))
        return Words(
            "Places change: " + numbered(f"swaps {a} with {b}, {c} with {d}" for a, b, c, d in pairs),
            f"Where is the {colour} shape then?",
            f"Is the {colour} shape then at {{}}?",
            f"Find the {colour} shape and follow it through {times(depth, 'step')}",
            (clevr.facts(objects)[at], *steps),
        )

    return Program(objects, states, swapped(pairs[-1], states[0]), (), PLACES, write)


SWAPS = Task("swaps", clevr.FAMILY, True, scene, run)
