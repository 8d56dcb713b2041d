"""Turns (parallel): a hand with four directions turns once for every shape of a kind, on a picture of five shapes.

The pictures are those of mini-CLEVR-Math. The direction is a sum of counts modulo four, so the steps commute. Turns by
no, one, two and three quarters are equally frequent, for colors as for forms, so that the words of a step say nothing
about its count.

Example:
    >>> import random
    >>> rng = random.Random(0)
    >>> run(rng, scene(rng), 3).pool
    ('top', 'right', 'bottom', 'left')
"""

from collections import Counter
from itertools import pairwise

from o1lib.minivqa.canvas import COLOURS, SHAPES
from o1lib.minivqa.depth.program import Program, Task, Words, cancels, numbered, times
from o1lib.minivqa.families import clevr_math
from o1lib.minivqa.words import CELLS

WAYS = ("top", "right", "bottom", "left")  # clockwise
_GROUPS = ((2, 2, 1), (3, 2))  # how many shapes look alike; the odd count is one or three
_OBJECTS = 5


def scene(rng):
    """Return five shapes in mini-CLEVR-Math's form. Kinds have no shape, two, or the odd count of the picture."""
    cells = sorted(rng.sample(range(len(CELLS)), _OBJECTS))
    looks = zip(cells, _looks(rng, COLOURS), _looks(rng, SHAPES), strict=True)
    return None, tuple((CELLS[cell], *look) for cell, *look in looks)


def _looks(rng, words) -> list[str]:
    """Return five words in random order, one for each shape."""
    sizes = rng.choice(_GROUPS)
    looks = [word for word, size in zip(rng.sample(list(words), len(sizes)), sizes, strict=True) for _ in range(size)]
    rng.shuffle(looks)
    return looks


def _kinds(objects) -> tuple[list[tuple[str, int]], list[float]]:
    """Return the (name, count) of every kind, and weights: colors and forms alike, none, two and odd as 1 : 1 : 2."""
    found, weights = [], []
    for index, words, name in ((1, COLOURS, "{} shape"), (2, SHAPES, "{}")):
        counts = Counter(shape[index] for shape in objects)
        alike = Counter(counts[word] for word in words)
        found += [(name.format(word), counts[word]) for word in words]
        weights += [(1 + counts[word] % 2) / alike[counts[word]] for word in words]
    return found, weights


def _steps(rng, objects, depth: int) -> list[tuple[str, int]]:
    """Return the (name, count) of a kind for each step."""
    kinds, weights = _kinds(objects)
    while True:
        found = rng.choices(kinds, weights, k=depth)
        if not cancels(found):
            return found


def run(rng, drawn, depth: int) -> Program:
    """Return a program of `depth` turns, each by the number of shapes of one color or form."""
    steps, states = _steps(rng, drawn[1], depth), [rng.randrange(len(WAYS))]
    for _, count in steps:
        states.append((states[-1] + count) % len(WAYS))
    shown = [WAYS[state] for state in states]
    told = shown[0], WAYS[states[0] - 2]  # the start and the opposite direction: two odd counts make half a turn

    def write() -> Words:
        """Return the question in words."""
        listed = numbered(f"counts each {name}" for name, _ in steps)
        counted = zip(steps, pairwise(shown), strict=True)
        return Words(
            f"A hand at {shown[0]} turns in the order {', '.join(WAYS)}, once for each shape of a kind: {listed}",
            "Where does it point then?",
            "Does it point to {} then?",
            f"Start at {shown[0]}, count the shapes and turn {times(depth, 'time')}",
            tuple(f"step {k} counts {count} from {a} to {b}" for k, ((_, count), (a, b)) in enumerate(counted, 1)),
        )

    return Program(drawn, shown, WAYS[(states[0] + steps[-1][1]) % len(WAYS)], told, WAYS, write)


TURNS = Task("turns", clevr_math.FAMILY, False, scene, run)
