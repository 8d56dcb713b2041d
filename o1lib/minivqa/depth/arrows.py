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

from functools import reduce
from itertools import pairwise

from o1lib.minivqa.depth.program import Program, Task, Words, double_swaps, numbered, swapped, times
from o1lib.minivqa.families import ai2d

PARTS = ai2d.LETTERS[:5]  # always the same, because the question names all letters of the picture


def scene(rng):
    """Return a picture of mini-AI2D in which no part has two arrows out, with the letters PARTS."""
    while True:
        places, outs = ai2d.scene(rng, False)
        if max(map(len, outs.values())) == 1:
            names = dict(zip(places, rng.sample(PARTS, len(PARTS)), strict=True))
            return (
                {names[part]: place for part, place in places.items()},
                {names[part]: tuple([names[end] for end in ends]) for part, ends in outs.items()},
            )


def run(rng, drawn, depth: int) -> Program:
    """Return a program of `depth` steps along an arrow and through a double swap."""
    along = {part: ends[0] if ends else part for part, ends in drawn[1].items()}
    pairs, states = double_swaps(rng, PARTS, depth), [rng.choice(PARTS)]
    for step in pairs:
        states.append(swapped(step, along[states[-1]]))
    unmoved = reduce(lambda part, step: swapped(step, part), pairs, states[0])  # without a look at the arrows

    def write() -> Words:
        """Return the question in words."""
        told = numbered(f"{a} with {b}, {c} with {d}" for a, b, c, d in pairs)
        return Words(
            f"Start at {states[0]}. Each step goes along the arrow, if there is one, then swaps as told: {told}",
            "Where do you stop?",
            "Do you stop at {}?",
            f"Start at {states[0]} and take {times(depth, 'step')}",
            tuple(f"step {k} is {a} to {along[a]} to {b}" for k, (a, b) in enumerate(pairwise(states), 1)),
        )

    return Program(drawn, states, swapped(pairs[-1], along[states[0]]), (unmoved, states[0]), PARTS, write)


ARROWS = Task("arrows", ai2d.FAMILY, True, scene, run)
