"""mini-GeoQA+: triangles and lines with printed numbers; missing angle, perimeter, distance along a line.

The counterpart of GeoQA+ in Table 1 of LLaVA-o1 (arXiv:2411.10440). A scene is (kind, colors, angles, sides). Kind
"angles" is a triangle with two angles and one side printed, "sides" a triangle with three sides and one angle, "line" a
row of dots with the lengths between them. Angles are multiples of 10 degrees and lengths have one digit (finer and
longer if hard). Figures are not to scale, as in textbooks, but a triangle with the printed numbers exists: if three
sides and an angle are printed, the sides determine the angle, which is rounded.

Example:
    >>> from o1lib.minivqa import draw
    >>> draw("mini-GeoQA+", 0, template="perimeter").steps[-2].count("+")
    1
"""

from functools import partial
from math import acos, degrees

from o1lib.minivqa.canvas import COLOURS
from o1lib.minivqa.chance import like, wrong, yes_no
from o1lib.minivqa.family import Asked, Family, Template
from o1lib.minivqa.lengths import added

CORNERS = ("top", "bottom left", "bottom right")
SIDES = ("left", "right", "bottom")
_ANGLE_AT = ((32, 23), (22, 37), (43, 37))
_SIDE_AT = ((9, 17), (56, 17), (32, 52))


def _angles(rng, step=10):
    """Return three angles of a triangle, each 20 to 120 degrees and a multiple of `step`."""
    while True:
        one, two = rng.randrange(20, 121, step), rng.randrange(20, 121, step)
        if 20 <= 180 - one - two <= 120:
            return one, two, 180 - one - two


def _triangle(rng, hard):
    """Return ((corner, angle), three sides) of a triangle: an angle of 20 to 120 degrees, rounded, and its sides."""
    step, corner = 5 if hard else 10, rng.randrange(3)
    while True:
        left, right, bottom = sides = [_length(rng, hard) for _ in range(3)]
        facing, one, two = ((bottom, left, right), (right, left, bottom), (left, right, bottom))[corner]
        cosine = (one * one + two * two - facing * facing) / (2 * one * two)
        angle = step * round(degrees(acos(cosine)) / step) if -1 < cosine < 1 else 0
        if 20 <= angle <= 120:
            return (corner, angle), sides


def _length(rng, hard):
    return rng.randint(10, 15) if hard else rng.randint(2, 9)


def scene(rng, hard, kinds=("angles", "sides", "line")):
    """Return a triangle with angles, a triangle with sides, or a line of four dots (five if hard)."""
    kind = rng.choice(kinds)
    if kind == "line":
        dots = 5 if hard else 4
        lengths = tuple(enumerate(rng.randint(1, 9) for _ in range(dots - 1)))
        return kind, tuple(rng.sample(list(COLOURS), dots)), (), lengths
    colour = rng.choice(list(COLOURS))
    if kind == "sides":
        angle, sides = _triangle(rng, hard)
        return kind, (colour,), (angle,), tuple(enumerate(sides))
    kept = sorted(rng.sample(tuple(enumerate(_angles(rng, 5 if hard else 10))), 2))
    return kind, (colour,), tuple(kept), ((rng.randrange(3), _length(rng, hard)),)


def facts(drawn):
    """State the figure and every printed number: 'angle 50 at top', 'side 7 at left', 'red to blue is 4'."""
    kind, colours, angles, sides = drawn
    if kind == "line":
        return tuple(f"{colours[i]} to {colours[i + 1]} is {length}" for i, length in sides)
    return (f"{colours[0]} triangle", *(_angle(pair) for pair in angles), *(_side(pair) for pair in sides))


def _angle(pair):
    return f"angle {pair[1]} at {CORNERS[pair[0]]}"


def _side(pair):
    return f"side {pair[1]} at {SIDES[pair[0]]}"


def _centred(canvas, place, number):
    canvas.text(place[0] - 3 * len(str(number)) + 1, place[1], str(number))


def paint(canvas, drawn, rng, held_out):
    """Draw the triangle or the dots, and print the numbers."""
    kind, colours, angles, sides = drawn
    if kind == "line":
        gap = 52 // (len(colours) - 1)
        canvas.line([(6, 36), (6 + gap * (len(colours) - 1), 36)], width=2)
        for i, colour in enumerate(colours):
            canvas.shape("circle", 6 + gap * i, 36, 5, colour)
        for i, length in sides:
            _centred(canvas, (6 + gap * i + gap // 2, 17), length)
        return
    canvas.line([(32, 3), (4, 50), (60, 50), (32, 3)], colours[0], 2)
    for corner, value in angles:
        _centred(canvas, _ANGLE_AT[corner], value)
    for side, value in sides:
        _centred(canvas, _SIDE_AT[side], value)


def _third(drawn):
    """Return the steps to the angle that is not printed, and that angle."""
    (_, one), (_, two) = drawn[2]
    return (
        *map(_angle, drawn[2]),
        "all angles make 180",
        f"{one} + {two} = {one + two}",
        f"180 - {one + two} = {180 - one - two}",
    ), 180 - one - two


def _third_angle(drawn, rng):
    steps, angle = _third(drawn)
    step = 5 if any(value % 10 for _, value in drawn[2]) else 10
    missing = next(name for corner, name in enumerate(CORNERS) if corner not in dict(drawn[2]))
    return Asked(
        f"What is the angle at {missing}?",
        str(angle),
        like(str(angle), lambda: _angles(rng, step)[0]),
        "Add the two known angles and take them from 180",
        steps,
        depth=3,
        needed=steps[:2],
    )


def _right(drawn, rng):
    steps, angle = _third(drawn)
    found = 90 in (angle, *dict(drawn[2]).values())
    return Asked(
        "Is one of the three angles 90?",
        *yes_no(found),
        f"Find the third angle of the {drawn[1][0]} triangle and look for 90",
        (*steps, "one angle is 90" if found else "no angle is 90"),
        depth=4,
        needed=steps[:2],
    )


def _perimeter(drawn, rng):
    lengths = [length for _, length in drawn[3]]
    hard, total = max(lengths) > 9, str(sum(lengths))
    read = tuple(map(_side, drawn[3]))
    return Asked(
        "How long is the way around the triangle?",
        total,
        like(total, lambda: sum(_triangle(rng, hard)[1])),
        f"Read the three sides of the {drawn[1][0]} triangle and add them",
        (*read, *added(lengths)),
        depth=3,
        needed=read,
    )


def _read_side(drawn, rng):
    side, length = rng.choice(drawn[3])
    return Asked(
        f"How long is the side at {SIDES[side]}?",
        str(length),
        like(str(length), lambda: _length(rng, length > 9)),
        f"Read the number at {SIDES[side]}",
        (_side((side, length)),),
        needed=(_side((side, length)),),
    )


def _colour(drawn, rng):
    colour = drawn[1][0]
    return Asked(
        "What colour is the triangle?",
        colour,
        wrong(rng, colour, list(COLOURS)),
        "Look at the whole figure",
        (f"{colour} triangle",),
        needed=(),
    )


def _distance(drawn, rng):
    parts = rng.randint(2, len(drawn[3]))
    first = rng.randrange(len(drawn[1]) - parts)
    lengths = [length for _, length in drawn[3][first : first + parts]]
    one, two = rng.sample((drawn[1][first], drawn[1][first + parts]), 2)
    total = str(sum(lengths))
    return Asked(
        f"How far is it from {one} to {two}?",
        total,
        like(total, lambda: sum(rng.randint(1, 9) for _ in lengths)),
        f"Add the parts from {one} to {two}",
        (*facts(drawn)[first : first + parts], *added(lengths)),
        depth=parts,
    )


_ANGLES, _SIDES, _LINE = (partial(scene, kinds=(kind,)) for kind in ("angles", "sides", "line"))
_TRIANGLE = partial(scene, kinds=("angles", "sides"))
FAMILY = Family(
    "mini-GeoQA+",
    11.4,
    scene,
    facts,
    paint,
    {
        "third_angle": Template("math", _third_angle, scene=_ANGLES),
        "side": Template("fine-grained perception", _read_side, scene=_TRIANGLE),
        "colour": Template("coarse perception", _colour, scene=_TRIANGLE),
        "right": Template(
            "logical reasoning", _right, withheld=True, also=("math",), answers=("yes", "no"), scene=_ANGLES
        ),
        "perimeter": Template("math", _perimeter, withheld=True, scene=_SIDES),
        "distance": Template(
            "math",
            _distance,
            withheld=True,
            also=("fine-grained perception",),
            depths=(2, 3),
            hard_depths=(3, 4),
            scene=_LINE,
        ),
    },
    gist=lambda drawn: int(drawn[0] != "line"),
)
