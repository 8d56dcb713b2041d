"""mini-ScienceQA: magnets, a beam with loads, and lamps behind switches; always multiple choice.

The counterpart of ScienceQA in Table 1 of LLaVA-o1 (arXiv:2411.10440). A scene is (kind, rows): "magnets" has rows of
(color, pole, pole), "lamps" rows of (color, switch, supply), "beam" the beam's color and four loads.

Example:
    >>> from o1lib.minivqa import draw
    >>> draw("mini-ScienceQA", 0).answer in "ABCD"
    True
"""

from functools import partial

from o1lib.minivqa.canvas import COLOURS
from o1lib.minivqa.chance import like, wrong, yes_no
from o1lib.minivqa.family import Asked, Family, Template
from o1lib.minivqa.words import CLASSES

POLES = CLASSES["pole"]
_LAWS = {True: "unlike poles attract", False: "like poles repel"}
_NEEDS = "current needs closed with battery"
_LIT = ("closed", "battery")
_DARK = (("open", "battery"), ("open", "gap"), ("closed", "gap"))


def scene(rng, hard, kinds=("magnets", "lamps", "beam")):
    """Return three pairs of magnets or three lamps (four if hard), or a beam with four loads (up to 9, or 15)."""
    kind, rows = rng.choice(kinds), 4 if hard else 3
    if kind == "beam":
        return kind, (rng.choice(list(COLOURS)), *(rng.randint(1, 15 if hard else 9) for _ in range(4)))
    colours = rng.sample(list(COLOURS), rows)
    if kind == "magnets":
        return kind, tuple((colour, rng.choice(POLES), rng.choice(POLES)) for colour in colours)
    return kind, tuple((colour, *(_LIT if rng.random() < 0.5 else rng.choice(_DARK))) for colour in colours)


def facts(drawn):
    """State every row: 'row 1 red magnets N S', 'row 2 blue lamp open with gap', 'left loads 3 and 4'."""
    kind, rows = drawn
    if kind == "beam":
        return f"{rows[0]} beam", f"left loads {rows[1]} and {rows[2]}", f"right loads {rows[3]} and {rows[4]}"
    if kind == "magnets":
        return tuple(f"row {n} {colour} magnets {one} {two}" for n, (colour, one, two) in enumerate(rows, 1))
    return tuple(f"row {n} {colour} lamp {switch} with {supply}" for n, (colour, switch, supply) in enumerate(rows, 1))


def paint(canvas, drawn, rng, held_out):
    """Draw the rows from top to bottom, or the beam with its loads."""
    kind, rows = drawn
    if kind == "beam":
        return _paint_beam(canvas, *rows)
    height = 64 // len(rows)
    for number, row in enumerate(rows):
        (_paint_magnets if kind == "magnets" else _paint_lamp)(canvas, height * number + height // 2, *row)


def _paint_magnets(canvas, y, colour, one, two):
    for left, end, pole in ((3, 4, one), (36, 46, two)):
        canvas.box(left, y - 6, left + 24, y + 6, None, colour)
        canvas.box(end, y - 5, end + 13, y + 5, colour, colour)
        canvas.text(20 if left < 30 else 39, y - 6, pole)


def _paint_lamp(canvas, y, colour, switch, supply):
    canvas.line([(2, y), (9, y)], width=2)
    if supply == "battery":
        canvas.box(9, y - 5, 18, y + 5, "grey")
        canvas.box(18, y - 2, 20, y + 2, "ink")
        canvas.line([(20, y), (25, y)], width=2)
    canvas.line([(25, y), (38, y) if switch == "closed" else (36, y - 7)], width=2)
    canvas.line([(38, y), (46, y)], width=2)
    canvas.shape("circle", 53, y, 6, colour)


def _paint_beam(canvas, colour, *loads):
    canvas.line([(2, 40), (62, 40)], colour, 3)
    canvas.shape("triangle", 32, 49, 8, colour)
    for x, load in zip((2, 16, 34, 48), loads, strict=True):
        canvas.box(x, 26, x + 13, 38, "cream")
        canvas.text(x + 8 - 3 * len(str(load)), 27, str(load))


def _colours(rng, right, rows):
    return wrong(rng, right, list(COLOURS), [row[0] for row in rows])


def _listed(drawn):
    return ", ".join(row[0] for row in drawn[1])


def _which_magnets(drawn, rng):
    unlike = rng.random() < 0.5
    found = [colour for colour, one, two in drawn[1] if (one != two) == unlike]
    if len(found) != 1:
        return None
    verb = "attract" if unlike else "repel"
    return Asked(
        f"Which magnets {verb}?",
        found[0],
        _colours(rng, found[0], drawn[1]),
        f"Find the magnets that {verb} by the poles of {_listed(drawn)}",
        (*facts(drawn), _LAWS[unlike], f"{found[0]} magnets {verb}"),
        depth=2,
    )


def _magnets(drawn, rng):
    number = rng.randrange(len(drawn[1]))
    colour, one, two = drawn[1][number]
    return Asked(
        f"Do the {colour} magnets attract?",
        *yes_no(one != two),
        f"Read the poles of the {colour} magnets",
        (facts(drawn)[number], _LAWS[one != two], f"{colour} magnets {'attract' if one != two else 'repel'}"),
        depth=2,
        needed=(facts(drawn)[number],),
    )


def _lit(drawn):
    """Return the numbers of the rows whose lamp shines."""
    return [n for n, row in enumerate(drawn[1]) if row[1:] == _LIT]


def _which_lamp(drawn, rng):
    lit = _lit(drawn)
    if len(lit) != 1:
        return None
    colour = drawn[1][lit[0]][0]
    return Asked(
        "Which lamp shines?",
        colour,
        _colours(rng, colour, drawn[1]),
        f"Find a closed switch with a battery among {_listed(drawn)}",
        (*facts(drawn), _NEEDS, f"{colour} lamp shines"),
        depth=2,
    )


def _count_lamps(drawn, rng):
    lit = _lit(drawn)
    others = tuple(str(n) for n in (range(4) if len(drawn[1]) == 3 else range(1, 5)) if n != len(lit))
    return Asked(
        "How many lamps shine?",
        str(len(lit)),
        others,
        f"Count the closed switches with a battery among {_listed(drawn)}",
        (_NEEDS, *(facts(drawn)[n] for n in lit), f"{len(lit)} lamps shine"),
        depth=3,
    )


def _sums(drawn):
    """Return the steps to the sums of the left and the right loads, and the sums."""
    _, one, two, three, four = drawn[1]
    left, right = one + two, three + four
    return (*facts(drawn)[1:], f"{one} + {two} = {left}", f"{three} + {four} = {right}"), left, right


def _balance(drawn, rng):
    steps, left, right = _sums(drawn)
    if left == right:
        return None
    high, low, top = max(left, right), min(left, right), 15 if max(drawn[1][1:]) > 9 else 9

    def difference():
        """Draw the missing load of another beam, which is not 0."""
        loads = [rng.randint(1, top) for _ in range(4)]
        return abs(sum(loads[:2]) - sum(loads[2:])) or difference()

    return Asked(
        "How much must be added to balance the beam?",
        str(high - low),
        like(str(high - low), difference),
        f"Add the loads on each side of the {drawn[1][0]} beam and compare",
        (*steps, "a balanced beam needs equal sides", f"{high} - {low} = {high - low}"),
        depth=3,
    )


def _tilt(drawn, rng):
    steps, left, right = _sums(drawn)
    if left == right:
        return None
    verdict = f"left {left} is {'more' if left > right else 'fewer'} than right {right}"
    return Asked(
        "Does the left side go down?",
        *yes_no(left > right),
        f"Add the loads on each side of the {drawn[1][0]} beam and compare",
        (*steps, verdict),
        depth=3,
    )


_MAGNETS, _LAMPS, _BEAM = (partial(scene, kinds=(kind,)) for kind in ("magnets", "lamps", "beam"))
_TECH = "science & technology"
FAMILY = Family(
    "mini-ScienceQA",
    5.6,
    scene,
    facts,
    paint,
    {
        "which_magnets": Template(_TECH, _which_magnets, choice=True, scene=_MAGNETS),
        "magnets": Template(_TECH, _magnets, withheld=True, choice=True, answers=("yes", "no"), scene=_MAGNETS),
        "which_lamp": Template(
            _TECH, _which_lamp, withheld=True, also=("instance reasoning",), choice=True, scene=_LAMPS
        ),
        "count_lamps": Template(
            _TECH,
            _count_lamps,
            also=("math",),
            choice=True,
            answers=tuple("0123"),
            hard_answers=tuple("1234"),
            scene=_LAMPS,
        ),
        "balance": Template("math", _balance, withheld=True, also=(_TECH,), choice=True, scene=_BEAM),
        "tilt": Template(
            "logical reasoning", _tilt, also=(_TECH, "math"), choice=True, answers=("yes", "no"), scene=_BEAM
        ),
    },
    gist=lambda drawn: int(drawn[0] == "beam"),
)
