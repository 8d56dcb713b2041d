"""Arrows (serial): start at a part of a mini-AI2D picture; a step goes along the arrow, then swaps letters as told.

The five parts of the picture lie on one way, so that each has one arrow out but the last, from which a step does not
move. The swaps are listed in the question. Each step has to look up its arrow by the part that the step before it
found, and can lead to each of the five parts.

Arrows alone would not do: on five parts, any two runs of one map meet again after a few steps, so that the first steps
give the answer away, or every way has ended before the eighth step.

Example:
    >>> import random
    >>> rng = random.Random(0)
    >>> run(rng, scene(rng), 2).write().steps[0].startswith("step 1 is ")
    True
"""

from itertools import pairwise

from o1lib.minivqa.depth.program import Program, Task, Words, double_swaps, numbered, swapped, times
from o1lib.minivqa.families import ai2d


def scene(rng):
    """Return a picture of mini-AI2D in which no part has two arrows out."""
    while True:
        drawn = ai2d.scene(rng, False)
        if max(map(len, drawn[1].values())) == 1:
            return drawn


def run(rng, drawn, depth: int) -> Program:
    """Return a program of `depth` steps along an arrow and through a double swap."""
    parts = tuple(drawn[1])
    along = {part: ends[0] if ends else part for part, ends in drawn[1].items()}
    pairs, states = double_swaps(rng, parts, depth), [rng.choice(parts)]
    for step in pairs:
        states.append(swapped(step, along[states[-1]]))

    def write() -> Words:
        told = numbered(f"{a} with {b}, {c} with {d}" for a, b, c, d in pairs)
        return Words(
            f"Start at {states[0]}. Each step goes along the arrow, if there is one, then swaps as told: {told}",
            "Where do you stop?",
            "Do you stop at {}?",
            f"Start at {states[0]} and take {times(depth, 'step')}",
            tuple(f"step {k} is {a} to {along[a]} to {b}" for k, (a, b) in enumerate(pairwise(states), 1)),
        )

    return Program(drawn, states, swapped(pairs[-1], along[states[0]]), parts, write)


ARROWS = Task("arrows", ai2d.FAMILY, True, scene, run, tuple(ai2d.LETTERS))
