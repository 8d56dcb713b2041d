"""mini-ChartQA: bar and line charts on a value grid; read, combine, compare.

The counterpart of ChartQA in Table 1 of LLaVA-o1 (arXiv:2411.10440). A scene is (chart, values), values a tuple of
(color, number), from left to right, all different.

Example:
    >>> from o1lib.minivqa import draw
    >>> draw("mini-ChartQA", 0).facts[0].endswith(" chart")
    True
"""

from o1lib.minivqa.canvas import COLOURS
from o1lib.minivqa.chance import even, ring, totals, wrong, yes_no
from o1lib.minivqa.family import Asked, Family, Template
from o1lib.minivqa.lengths import added
from o1lib.minivqa.words import CLASSES

TOP = 8
_BASE, _UNIT, _LEFT = 60, 7, 8


def scene(rng, hard):
    """Return a chart of 3 or 4 values from 1 to 8 (5 or 6 values if hard); a third of them rise."""
    count = rng.randint(5, 6) if hard else rng.randint(3, 4)
    numbers = rng.sample(range(1, TOP + 1), count)
    if rng.random() < 1 / 3:
        numbers.sort()
    return rng.choice(CLASSES["chart"]), tuple(zip(rng.sample(list(COLOURS), count), numbers))


def facts(chart):
    """State the kind of chart, then every value: 'red is 5'."""
    return (chart[0], *map(_value, chart[1]))


def _value(pair):
    return f"{pair[0]} is {pair[1]}"


def paint(canvas, chart, rng, held_out):
    """Draw the grid, labeled at 4 and 8, and the bars, or dots joined by a line."""
    kind, values = chart
    for number in range(TOP + 1):
        canvas.line([(_LEFT, _y(number)), (63, _y(number))], "ink" if number == 0 else "grey" if number % 4 else "dull")
    canvas.text(1, _y(4) - 6, "4")
    canvas.text(1, max(-2, _y(8) - 6), "8")
    wide = 54 / len(values)
    spots = [_LEFT + 2 + wide * (k + 0.5) for k in range(len(values))]
    if kind == "bar chart":
        half = wide * 0.5 - rng.choice((1, 2))
        for x, (colour, number) in zip(spots, values):
            canvas.box(x - half, _y(number), x + half, _BASE, colour)
    else:
        canvas.line([(x, _y(number)) for x, (_, number) in zip(spots, values)], "ink", 1)
        for x, (colour, number) in zip(spots, values):
            canvas.shape("circle", x, _y(number), 4, colour)


def _y(number):
    return _BASE - _UNIT * number


def edit(chart, rng):
    """Change one value to a number that no other has."""
    kind, values = chart
    at = rng.randrange(len(values))
    free = [number for number in range(1, TOP + 1) if all(number != other for _, other in values)]
    return kind, (*values[:at], (values[at][0], rng.choice(free)), *values[at + 1 :])


def _read(chart, rng):
    colour, number = rng.choice(chart[1])
    return Asked(
        f"What is the value of {colour}?",
        str(number),
        ring(rng, number, range(1, TOP + 1)),
        f"Read the value of {colour}",
        (_value((colour, number)),),
        needed=(_value((colour, number)),),
    )


def _extreme(chart, rng):
    word = rng.choice(CLASSES["extreme"])
    pick = max if word == "largest" else min
    colour, number = pick(chart[1], key=lambda value: value[1])
    steps = (*facts(chart)[1:], f"{word} is {number}")
    return Asked(
        f"Which colour is the {word}?",
        colour,
        wrong(rng, colour, COLOURS, [c for c, _ in chart[1]]),
        f"Read all values and find the {word}",
        steps,
        frozenset(steps),
        depth=2,
    )


def _sum(chart, rng):
    chosen = rng.sample(chart[1], rng.randint(2, len(chart[1])))
    total, weights = sum(n for _, n in chosen), totals(1, TOP, len(chosen))
    if not even(rng, total, weights):
        return None
    read = tuple(map(_value, chosen))
    steps = (*read, *added([number for _, number in chosen]))
    words = " plus ".join(colour for colour, _ in chosen)
    return Asked(
        f"What is {words}?",
        str(total),
        ring(rng, total, sorted(weights)),
        f"Read {words} and add",
        steps,
        frozenset(steps),
        depth=len(chosen),
        needed=read,
    )


def _difference(chart, rng):
    (one, more), (two, less) = sorted(rng.sample(chart[1], 2), key=lambda value: -value[1])
    gap = more - less
    if not even(rng, gap, {n: TOP - n for n in range(1, TOP)}):
        return None
    steps = (f"{one} is {more}", f"{two} is {less}", f"{more} - {less} = {gap}")
    return Asked(
        f"What is {one} minus {two}?",
        str(gap),
        ring(rng, gap, range(1, TOP)),
        f"Read {one} and {two} and subtract",
        steps,
        frozenset(steps),
        depth=2,
        needed=steps[:2],
    )


def _exceeds(chart, rng):
    (one, a), (two, b), (three, c) = rng.sample(chart[1], 3)
    word = "more than" if a + b > c else "fewer than" if a + b < c else "equal to"
    answer, others = yes_no(a + b > c)
    steps = (f"{one} is {a}", f"{two} is {b}", f"{a} + {b} = {a + b}", f"{three} is {c}", f"{a + b} is {word} {c}")
    return Asked(
        f"Is {one} plus {two} more than {three}?",
        answer,
        others,
        f"Add {one} and {two} and compare with {three}",
        steps,
        frozenset(steps),
        depth=3,
        needed=(steps[0], steps[1], steps[3]),
    )


def _rises(chart, rng):
    numbers = [number for _, number in chart[1]]
    rising = numbers == sorted(numbers)
    steps = list(facts(chart)[1:])
    for before, after in zip(numbers, numbers[1:]):
        steps.append(f"{after} is {'more' if after > before else 'fewer'} than {before}")
        if after < before:
            break
    answer, others = yes_no(rising)
    return Asked(
        "Do the values rise from left to right?",
        answer,
        others,
        f"Read {', '.join(colour for colour, _ in chart[1])} in order and compare",
        tuple(steps),
        frozenset(steps),
        depth=2,
    )


FAMILY = Family(
    "mini-ChartQA",
    17.2,
    scene,
    facts,
    paint,
    {
        "read": Template("fine-grained perception", _read),
        "extreme": Template("instance reasoning", _extreme, withheld=True),
        "sum": Template(
            "math", _sum, withheld=True, also=("fine-grained perception",), depths=(2, 3, 4), hard_depths=(3, 4, 5, 6)
        ),
        "difference": Template("math", _difference),
        "exceeds": Template("logical reasoning", _exceeds, withheld=True, also=("math",), answers=("yes", "no")),
        "rises": Template("coarse perception", _rises, also=("logical reasoning",), answers=("yes", "no")),
    },
    edit=edit,
    gist=lambda chart: 1,
)
