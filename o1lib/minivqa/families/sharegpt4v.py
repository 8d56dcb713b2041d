"""mini-ShareGPT4V: toys in a landscape; describe the scene, say what is where.

The counterpart of ShareGPT4V in Table 1 of LLaVA-o1 (arXiv:2411.10440). A scene is (ground, sky mark, its cell, toys),
where toys is a tuple of (cell, color, thing) without repeated things.

Example:
    >>> from o1lib.minivqa import draw
    >>> draw("mini-ShareGPT4V", 0).facts[0].startswith("ground is ")
    True
"""

from o1lib.minivqa.canvas import COLOURS
from o1lib.minivqa.chance import wrong, yes_no
from o1lib.minivqa.family import Asked, Family, Template
from o1lib.minivqa.icons import icon
from o1lib.minivqa.words import CELLS, CLASSES

PLACES = dict(zip(CLASSES["ground"], CLASSES["place"]))
WEATHERS = dict(zip(CLASSES["sky"], CLASSES["weather"]))
TOYS = ("bird", "cat", "tree", "flower", "car", "boat", "plane", "cup")
_TONES = {"sun": "day", "cloud": "dull", "rain": "dull", "moon": "night"}
_SIDES = {"left of": -1, "right of": 1, "above": -3, "below": 3}


def scene(rng, hard):
    """Return a landscape with 2 to 4 toys (5 or 6 if hard); the sky mark takes one of the upper cells."""
    mark = rng.randrange(3)
    count = rng.randint(5, 6) if hard else rng.randint(2, 4)
    cells = sorted(rng.sample([c for c in range(9) if c != mark], count))
    things, colours = rng.sample(TOYS, count), list(COLOURS)
    toys = tuple((CELLS[cell], rng.choice(colours), thing) for cell, thing in zip(cells, things))
    return rng.choice(CLASSES["ground"]), rng.choice(CLASSES["sky"]), CELLS[mark], toys


def facts(landscape):
    """State ground and sky, then every toy: 'red car at left'."""
    ground, sky, mark, toys = landscape
    return (f"ground is {ground}", f"{sky} at {mark}", *(_fact(toy) for toy in toys))


def _fact(toy):
    return f"{toy[1]} {toy[2]} at {toy[0]}"


def paint(canvas, landscape, rng, held_out):
    """Draw ground, sky and the toys near the middle of their cells."""
    ground, sky, mark, toys = landscape
    canvas.box(0, 0, 63, 63, _TONES[sky], None)
    canvas.box(-1, rng.randint(36, 42), 64, 64, ground)
    _paint_sky(canvas, sky, 11 + 21 * CELLS.index(mark), 10)
    for cell, colour, thing in toys:
        row, column = divmod(CELLS.index(cell), 3)
        icon(canvas, thing, 11 + 21 * column + rng.randint(-1, 1), 11 + 21 * row + rng.randint(-1, 1), 9, colour)


def _paint_sky(canvas, sky, x, y):
    if sky == "sun":
        for across, down in ((0, 9), (9, 0), (6, 6), (6, -6)):
            canvas.line([(x - across, y - down), (x + across, y + down)], "orange")
        canvas.oval(x - 6, y - 6, x + 6, y + 6, "yellow", "orange")
    elif sky == "moon":
        canvas.oval(x - 8, y - 8, x + 8, y + 8, "cream", None)
        canvas.oval(x - 3, y - 9, x + 11, y + 5, "night", None)
    else:
        y -= 3 if sky == "rain" else 0
        for left, top, right, bottom in ((-9, -2, 1, 6), (-1, -2, 9, 6), (-5, -6, 5, 5)):
            canvas.oval(x + left, y + top, x + right, y + bottom, "white", None)
        for across in (-6, 0, 6) if sky == "rain" else ():
            canvas.line([(x + across, y + 7), (x + across - 2, y + 13)], "blue", 2)


def edit(landscape, rng):
    """Move one toy to a free cell."""
    ground, sky, mark, toys = landscape
    moved = rng.choice(toys)
    free = [cell for cell in CELLS if cell != mark and all(cell != toy[0] for toy in toys)]
    toys = [toy for toy in toys if toy != moved] + [(rng.choice(free), *moved[1:])]
    return ground, sky, mark, tuple(sorted(toys, key=lambda toy: CELLS.index(toy[0])))


def _weather(landscape, rng):
    _, sky, mark, _ = landscape
    steps = (f"{sky} at {mark}", f"{sky} means {WEATHERS[sky]}")
    return Asked(
        "How is the sky?",
        WEATHERS[sky],
        wrong(rng, WEATHERS[sky], CLASSES["weather"]),
        "Look at the sky",
        steps,
        frozenset(steps),
        depth=2,
        needed=(),
    )


def _describe(landscape, rng):
    ground, sky, mark, _ = landscape
    answer = f"{WEATHERS[sky]} {PLACES[ground]}"
    steps = (
        f"ground is {ground}",
        f"{ground} means {PLACES[ground]}",
        f"{sky} at {mark}",
        f"{sky} means {WEATHERS[sky]}",
    )
    scenes = [f"{weather} {place}" for weather in CLASSES["weather"] for place in CLASSES["place"]]
    return Asked(
        "What scene is this?",
        answer,
        wrong(rng, answer, scenes),
        "Look at the ground and the sky",
        steps,
        frozenset(steps),
        depth=2,
        needed=(),
    )


def _locate(landscape, rng):
    _, _, mark, toys = landscape
    toy = rng.choice(toys)
    others = wrong(rng, toy[0], [c for c in CELLS if c != mark], [t[0] for t in toys])
    step = (_fact(toy),)
    return Asked(f"Where is the {toy[2]}?", toy[0], others, f"Find the {toy[2]} and name its place", step, needed=step)


def _name(landscape, rng):
    toys = landscape[3]
    toy = rng.choice(toys)
    return Asked(
        f"What is at {toy[0]}?",
        toy[2],
        wrong(rng, toy[2], TOYS, [t[2] for t in toys]),
        f"Look at {toy[0]} and name the thing",
        (_fact(toy),),
        needed=(_fact(toy),),
    )


def _neighbours(toys):
    """Return (toy, side, toy next to it on that side) for all pairs in touching cells of a row or column."""
    by_cell = {CELLS.index(toy[0]): toy for toy in toys}
    found = []
    for cell, toy in by_cell.items():
        for side, jump in _SIDES.items():
            other = by_cell.get(cell + jump)
            if other and (abs(jump) == 3 or cell // 3 == (cell + jump) // 3):
                found.append((toy, side, other))
    return found


def _beside(landscape, rng):
    """Ask what is next to a toy, or next to that neighbor."""
    toys = landscape[3]
    pairs = _neighbours(toys)
    if not pairs:
        return None
    way = [rng.choice(pairs)]
    onward = [pair for pair in pairs if pair[0] == way[0][2] and pair[2] != way[0][0]]
    if onward and rng.random() < 0.5:
        way.append(rng.choice(onward))
    toy, last = way[0][0], way[-1][2]
    steps = [_fact(toy)]
    for start, side, other in way:
        steps += [f"{side} {start[0]} is {other[0]}", _fact(other)]
    sides = " what is just ".join(side for _, side, _ in reversed(way))
    return Asked(
        f"What is just {sides} the {toy[2]}?",
        last[2],
        wrong(rng, last[2], [t for t in TOYS if t != toy[2]], [t[2] for t in toys if t != toy]),
        f"Find the {toy[2]} and look {way[0][1]} it" + "".join(f", then {side} that" for _, side, _ in way[1:]),
        tuple(steps),
        frozenset(steps),
        depth=1 + 2 * len(way),
    )


def _higher(landscape, rng):
    one, two = rng.sample(landscape[3], 2)
    first, second = (CELLS.index(toy[0]) // 3 for toy in (one, two))
    if first == second:
        return None
    word = "higher" if first < second else "lower"
    answer, others = yes_no(first < second)
    steps = (_fact(one), _fact(two), f"{one[0]} is {word} than {two[0]}")
    return Asked(
        f"Is the {one[2]} higher than the {two[2]}?",
        answer,
        others,
        f"Find the {one[2]} and the {two[2]} and compare",
        steps,
        frozenset(steps),
        depth=2,
        needed=(_fact(one), _fact(two)),
    )


FAMILY = Family(
    "mini-ShareGPT4V",
    31.3,
    scene,
    facts,
    paint,
    {
        "weather": Template("coarse perception", _weather),
        "describe": Template("coarse perception", _describe, withheld=True),
        "locate": Template("fine-grained perception", _locate),
        "name": Template("fine-grained perception", _name, withheld=True),
        "beside": Template(
            "instance reasoning", _beside, withheld=True, also=("fine-grained perception",), depths=(3, 5)
        ),
        "higher": Template("logical reasoning", _higher),
    },
    edit=edit,
    gist=lambda landscape: 2,
)
