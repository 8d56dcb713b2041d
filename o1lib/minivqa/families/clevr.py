"""mini-CLEVR: colored shapes on a three by three grid; count, compare, relate.

The counterpart of CLEVR in Table 1 of LLaVA-o1 (arXiv:2411.10440). A scene is a tuple of (cell, color, shape).

Example:
    >>> from o1lib.minivqa import draw
    >>> draw("mini-CLEVR", 0).facts[0].count(" at ")
    1
"""

from o1lib.minivqa.canvas import COLOURS, SHAPES
from o1lib.minivqa.family import Asked, Family, Template
from o1lib.minivqa.words import CELLS

PLURAL = {"circle": "circles", "square": "squares", "triangle": "triangles", "star": "stars"}
EASY, HARD = ("0", "1", "2", "3"), ("1", "2", "3", "4")  # counts asked for


def scene(rng, hard):
    """Return 3 to 5 objects (6 to 8 if hard) in reading order, of few colors and shapes, so that counts vary."""
    count = rng.randint(6, 8) if hard else rng.randint(3, 5)
    colours, shapes = rng.sample(list(COLOURS), 3), rng.sample(SHAPES, 3)
    cells = sorted(rng.sample(range(9), count))
    return tuple((CELLS[cell], rng.choice(colours), rng.choice(shapes)) for cell in cells)


def facts(objects):
    """State every object: 'red circle at top left'."""
    return tuple(f"{colour} {shape} at {cell}" for cell, colour, shape in objects)


def paint(canvas, objects, rng, held_out):
    """Draw every object near the middle of its cell."""
    for cell, colour, shape in objects:
        row, column = divmod(CELLS.index(cell), 3)
        canvas.shape(
            shape, 11 + 21 * column + rng.randint(-1, 1), 11 + 21 * row + rng.randint(-1, 1), rng.randint(6, 7), colour
        )


def edit(objects, rng):
    """Change the shape of one object."""
    at = rng.randrange(len(objects))
    cell, colour, shape = objects[at]
    return (
        *objects[:at],
        (cell, colour, rng.choice([other for other in SHAPES if other != shape])),
        *objects[at + 1 :],
    )


def counts(objects, right):
    """Return the three counts that are wrong answers."""
    return tuple(count for count in (HARD if len(objects) > 5 else EASY) if count != str(right))


def _some(objects, index, words, rng):
    """Return a word that objects have at `index` or, sometimes, one that no object has."""
    shown = sorted({o[index] for o in objects})
    return rng.choice(
        [*shown, *rng.sample([word for word in words if word not in shown], min(1, len(words) - len(shown)))]
    )


def tally(objects, index, value, noun):
    """Return the steps that list the objects with `value` at `index`, ending in their count: '2 red shapes'."""
    named = [f for f, o in zip(facts(objects), objects) if o[index] == value]
    return (*named, f"{len(named)} {noun}"), len(named)


def _count_colour(objects, rng):
    colour = _some(objects, 1, COLOURS, rng)
    steps, number = tally(objects, 1, colour, f"{colour} shapes")
    return Asked(
        f"How many {colour} shapes are there?",
        str(number),
        counts(objects, number),
        f"Find the {colour} shapes and count them",
        steps,
        frozenset(steps),
        depth=2,
    )


def _count_shape(objects, rng):
    shape = _some(objects, 2, SHAPES, rng)
    steps, number = tally(objects, 2, shape, PLURAL[shape])
    return Asked(
        f"How many {PLURAL[shape]} are there?",
        str(number),
        counts(objects, number),
        f"Find the {PLURAL[shape]} and count them",
        steps,
        frozenset(steps),
        depth=2,
    )


def _compare(objects, rng):
    one, two = rng.sample(SHAPES, 2)
    steps_one, first = tally(objects, 2, one, PLURAL[one])
    steps_two, second = tally(objects, 2, two, PLURAL[two])
    if first == second:
        return None
    answer = "yes" if first > second else "no"
    verdict = f"{PLURAL[one]} {'more' if first > second else 'fewer'} than {PLURAL[two]}"
    steps = (*steps_one, *steps_two, verdict)
    return Asked(
        f"Are there more {PLURAL[one]} than {PLURAL[two]}?",
        answer,
        ("no" if answer == "yes" else "yes",),
        f"Count the {PLURAL[one]} and the {PLURAL[two]} and compare",
        steps,
        frozenset(steps),
        depth=3,
    )


def _relate(objects, rng):
    cell, colour, shape = rng.choice(objects)
    if sum(o[0] == cell for o in objects) != 1:
        return None
    others = rng.sample([c for c in COLOURS if c != colour], 3)
    step = f"{colour} {shape} at {cell}"
    return Asked(
        f"What colour is the shape at {cell}?",
        colour,
        tuple(others),
        f"Look at {cell} and name the colour",
        (step,),
        needed=(step,),
    )


FAMILY = Family(
    "mini-CLEVR",
    0.5,
    scene,
    facts,
    paint,
    {
        "count_colour": Template("math", _count_colour, answers=EASY, hard_answers=HARD),
        "count_shape": Template("math", _count_shape, withheld=True, answers=EASY, hard_answers=HARD),
        "compare": Template("logical reasoning", _compare, withheld=True, also=("math",)),
        "relate": Template("fine-grained perception", _relate),
    },
    edit=edit,
)
