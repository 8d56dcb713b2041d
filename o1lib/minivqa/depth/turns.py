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

from o1lib.minivqa.canvas import COLOURS, SHAPES
from o1lib.minivqa.depth.program import Program, Task, cancels
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


def _kinds(objects, index: int, words, name: str) -> dict[int, list[str]]:
    """Return {count: names of the kinds with this count}."""
    found = {}
    for word in words:
        found.setdefault(sum(shape[index] == word for shape in objects), []).append(name.format(word))
    return found


def _steps(rng, objects, depth: int) -> list[tuple[str, int]]:
    """Return (name of a kind, its count) for each step; none, two and the odd count of a picture as 1 : 1 : 2."""
    kinds = _kinds(objects, 1, COLOURS, "{} shape"), _kinds(objects, 2, SHAPES, "{}")
    found = []
    while cancels([name for name, _ in found]):
        found = []
        for kind in rng.choices(kinds, k=depth):
            odd = [count for count in kind if count % 2]
            count = rng.choice([0, 2, *odd, *odd])
            found.append((rng.choice(kind[count]), count))
    return found


def run(rng, drawn, depth: int) -> Program:
    """Return a program of `depth` turns, each by the number of shapes of one color or form."""
    steps = _steps(rng, drawn[1], depth)
    states, said = [rng.randrange(len(WAYS))], []
    for k, (_, count) in enumerate(steps, 1):
        states.append((states[-1] + count) % len(WAYS))
        said.append(f"step {k} counts {count} from {WAYS[states[-2]]} to {WAYS[states[-1]]}")
    start, told = WAYS[states[0]], " ".join(f"Step {k}: each {name}." for k, (name, _) in enumerate(steps, 1))
    return Program(
        drawn,
        tuple(WAYS[state] for state in states),
        WAYS[(states[0] + steps[-1][1]) % len(WAYS)],
        WAYS,
        f"A hand at {start} turns in the order {', '.join(WAYS)}, once for each shape of a kind. {told}",
        "Where does it point then?",
        "Does it point to {} then?",
        f"Start at {start}, count the shapes and turn {depth} time{'s' if depth > 1 else ''}",
        tuple(said),
    )


TURNS = Task("turns", clevr_math.FAMILY, False, "math", scene, run, WAYS)
