"""Arrows (serial): start at a part of a mini-AI2D picture; a step goes along the arrow, then swaps letters as told.

The five parts of the picture lie on one way, so that each has one arrow out but the last, from which a step does not
move. The swaps are listed in the question. Each step has to look up its arrow by the part that the step before it
found, and can lead to each of the five parts.

Arrows alone would not do: on five parts, any two runs of one map meet again after a few steps, so that the first steps
give the answer away, or every way has ended before the eighth step.

Example:
    >>> import random
    >>> rng = random.Random(0)
    >>> run(rng, scene(rng), 2).steps[0].startswith("step 1 is ")
    True
"""

from o1lib.minivqa.depth.program import Program, Task, swapped
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
    pairs = [rng.sample(parts, 4) for _ in range(depth)]
    states, said = [rng.choice(parts)], []
    for k, step in enumerate(pairs, 1):
        before, reached = states[-1], along[states[-1]]
        states.append(swapped(step, reached))
        said.append(f"step {k} is {before} to {reached} to {states[-1]}")
    told = " ".join(f"Step {k}: {a} with {b}, {c} with {d}." for k, (a, b, c, d) in enumerate(pairs, 1))
    return Program(
        drawn,
        tuple(states),
        swapped(pairs[-1], along[states[0]]),
        parts,
        f"Start at {states[0]}. Each step goes along the arrow, if there is one, then swaps as told. {told}",
        "Where do you stop?",
        "Do you stop at {}?",
        f"Start at {states[0]} and take {depth} step{'s' if depth > 1 else ''}",
        tuple(said),
    )


ARROWS = Task("arrows", ai2d.FAMILY, True, "logical reasoning", scene, run, tuple(ai2d.LETTERS))
