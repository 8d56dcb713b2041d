"""mini-AI2D: arrows between lettered parts; follow them, count them, take a part away.

The counterpart of AI2D in Table 1 of LLaVA-o1 (arXiv:2411.10440). A scene is (places, outs): each letter's place in a
grid of two rows and three columns, and the neighbors that it points to. No two parts point to the same ones, so a
statement with one letter changed is never true. Letters and arrows fill whole patches of 8 pixels, and the color of an
arrow repeats its direction: a model of a few million parameters did not read thin blue arrows.

Example:
    >>> from o1lib.minivqa import draw
    >>> " points to " in draw("mini-AI2D", 0).facts[0]
    True
"""

from itertools import pairwise

from o1lib.minivqa.chance import wrong, yes_no
from o1lib.minivqa.families.arrow_graphs import BESIDE, connected_graphs, follow, paths
from o1lib.minivqa.family import Asked, Family, Template
from o1lib.minivqa.words import CLASSES

LETTERS = CLASSES["letter"]
_RIGHT, _LEFT, _DOWN, _UP = "red", "blue", "green", "purple"
_NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five"}


def scene(rng, hard):
    """Return five parts (six if hard) with arrows between some neighbors, all of them connected."""
    graph = rng.choice(connected_graphs(6 if hard else 5))
    names = dict(zip(graph, rng.sample(LETTERS, len(graph)), strict=True))
    return (
        {names[place]: place for place in graph},
        {names[place]: tuple([names[other] for other in others]) for place, others in graph.items()},
    )


def fact(outs, letter):
    """State a part's arrows: 'K points to L and M'."""
    return f"{letter} points to {' and '.join(outs[letter]) or 'nothing'}"


def facts(drawn):
    """State the arrows of every part, in reading order."""
    return tuple([f"{letter} points to {' and '.join(others) or 'nothing'}" for letter, others in drawn[1].items()])


def paint(canvas, drawn, rng, held_out):
    """Write the letters and draw the arrows between them."""
    for letter, place in drawn[0].items():
        row, column = divmod(place, 3)
        canvas.letter(8 + 24 * column, 16 + 32 * row, letter)
    for start, end in ((a, b) for a, others in drawn[1].items() for b in others):
        _paint_arrow(canvas, drawn[0][start], drawn[0][end])


def _paint_arrow(canvas, start, end):
    """Draw the arrow between two neighboring places: a head of 8 x 16 pixels, or head and shaft of 16 x 16."""
    row, column = divmod(min(start, end), 3)
    if abs(start - end) == 1:
        x, y, right = 24 * column + 16, 32 * row + 16, end > start
        tip, back = (x + 7, x) if right else (x, x + 7)
        canvas.polygon([(tip, y), (back, y - 7), (back, y + 7)], _RIGHT if right else _LEFT)
    else:
        x, y, down = 24 * column + 8, 24, end > start
        tip, back = (y + 15, y) if down else (y, y + 15)
        colour, middle = _DOWN if down else _UP, y + 8
        canvas.polygon([(x - 2, back), (x + 2, back), (x + 2, middle), (x - 2, middle)], colour)
        canvas.polygon([(x, tip), (x - 7, middle), (x + 7, middle)], colour)


def edit(drawn, rng):
    """Take one arrow away or add one between neighbors; None if no scene could have these arrows."""
    places, outs = drawn
    one, two = rng.sample(tuple(places), 2)
    if tuple(sorted((places[one], places[two]))) not in BESIDE or one in outs[two]:
        return None
    ends = [letter for letter in outs[one] if letter != two] + [two] * (two not in outs[one])
    changed = outs | {one: tuple(sorted(ends, key=places.get))}
    arrows = sorted(map(len, changed.values()))
    return (places, changed) if len(set(changed.values())) == len(outs) and arrows[-2] < 2 and arrows[-1] < 3 else None


def _wrong(drawn, rng, right, start=None):
    """Return three wrong letters, preferably in the picture, never the letter that the question names."""
    return wrong(rng, right, [x for x in LETTERS if x != start], [x for x in drawn[0] if x != start])


def _next(drawn, rng):
    start = rng.choice(tuple(drawn[0]))
    found = drawn[1][start]
    if len(found) != 1:
        return None
    return Asked(
        f"Which part does {start} point to?",
        found[0],
        _wrong(drawn, rng, found[0], start),
        f"Find {start} and follow its arrow",
        (fact(drawn[1], start),),
        needed=(fact(drawn[1], start),),
    )


def _end(drawn, rng):
    way = follow(drawn[1], rng.choice(tuple(drawn[0])))
    if len(way) < 2 or drawn[1][way[-1]]:
        return None
    return Asked(
        f"Where does the way from {way[0]} end?",
        way[-1],
        _wrong(drawn, rng, way[-1], way[0]),
        f"Follow the arrows from {way[0]} to the end",
        tuple(fact(drawn[1], letter) for letter in way),
        depth=len(way),
    )


def _after(drawn, rng):
    number, start = rng.choice(tuple(_NUMBERS)), rng.choice(tuple(drawn[0]))
    way = follow(drawn[1], start)[: number + 1]
    if len(way) <= number:
        return None
    return Asked(
        f"Which part is {_NUMBERS[number]} steps after {start}?",
        way[-1],
        _wrong(drawn, rng, way[-1], start),
        f"Follow {_NUMBERS[number]} arrows from {start}",
        tuple(fact(drawn[1], letter) for letter in way[:-1]),
        depth=number,
    )


def _steps(drawn, rng):
    one, two = rng.sample(tuple(drawn[0]), 2)
    ways = paths(drawn[1], [one], two)
    if len(ways) != 1:
        return None
    links = tuple(f"step {number} is {a} to {b}" for number, (a, b) in enumerate(pairwise(ways[0]), 1))
    others = tuple(str(n) for n in (range(1, 5) if len(drawn[0]) < 6 else range(2, 6)) if n != len(links))
    return Asked(
        f"How many steps from {one} to {two}?",
        str(len(links)),
        others,
        f"Follow the arrows from {one} to {two} and count",
        links,
        depth=len(links),
    )


def _source(drawn, rng):
    free = [letter for letter in drawn[0] if all(letter not in others for others in drawn[1].values())]
    if len(free) != 1:
        return None
    return Asked(
        "Which part has no arrow in?",
        free[0],
        _wrong(drawn, rng, free[0]),
        f"Look for the part that no arrow points to among {', '.join(drawn[0])}",
        (*facts(drawn), f"no arrow to {free[0]}"),
        depth=2,
    )


def _removed(drawn, rng):
    one, gone, two = rng.sample(tuple(drawn[0]), 3)
    if not paths(drawn[1], [one], two):
        return None
    left = {letter: tuple(b for b in others if gone not in (letter, b)) for letter, others in drawn[1].items()}
    met = {one: 1}  # letter: number of arrows to read one after another before it is known where they lead
    for letter in (queue := [one]):
        new = [b for b in left[letter] if b not in met and two not in met]
        met |= dict.fromkeys(new, met[letter] + 1)
        queue += new
    reached = two in met
    steps = (
        f"{gone} is removed",
        *(fact(drawn[1], letter) for letter in met if letter != two),
        f"{one} {'reaches' if reached else 'never reaches'} {two}",
    )
    return Asked(
        f"If {gone} is removed, can {one} still reach {two}?",
        *yes_no(reached),
        f"Follow the arrows from {one} without {gone}",
        steps,
        depth=met[two] - 1 if reached else max(met.values()),
    )


FAMILY = Family(
    "mini-AI2D",
    11.4,
    scene,
    facts,
    paint,
    {
        "next": Template("fine-grained perception", _next),
        "end": Template(
            "logical reasoning",
            _end,
            withheld=True,
            also=("fine-grained perception",),
            depths=(2, 3, 4),
            hard_depths=(4, 5, 6),
        ),
        "after": Template("instance reasoning", _after, depths=(2, 3, 4), hard_depths=(3, 4, 5)),
        "steps": Template(
            "math",
            _steps,
            withheld=True,
            also=("logical reasoning",),
            answers=("1", "2", "3", "4"),
            hard_answers=("2", "3", "4", "5"),
        ),
        "source": Template("instance reasoning", _source, withheld=True, also=("logical reasoning",)),
        "removed": Template("science & technology", _removed, also=("logical reasoning",), answers=("yes", "no")),
    },
    edit=edit,
)
