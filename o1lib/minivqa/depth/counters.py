"""Two tasks on mini-ChartQA pictures: a counter from 1 to 8 moves on by the values of a chart with four colors.

- sums (parallel): each step adds a color's value. Sums commute, so the steps can be run in any order.
- branches (serial): each step adds one value to an even counter and another to an odd one.

After 8 the counter starts again at 1, so that the range of answers is the same at every depth.

Example:
    >>> import random
    >>> rng = random.Random(0)
    >>> add(rng, scene(rng), 3).write().stem.count("adds")
    3
"""

from itertools import pairwise, permutations

from o1lib.minivqa.canvas import COLOURS
from o1lib.minivqa.depth.program import Program, Task, Words, cancels, numbered, times
from o1lib.minivqa.families import chartqa
from o1lib.minivqa.words import CLASSES

TOP, COLUMNS = chartqa.TOP, 4
_NUMBERS = tuple(map(str, range(1, TOP + 1)))

Step = tuple[str, str]  # the colors whose values are added to an even and to an odd counter


def scene(rng):
    """Return a chart in mini-ChartQA's form with four different values."""
    values = zip(rng.sample(list(COLOURS), COLUMNS), rng.sample(range(1, TOP + 1), COLUMNS), strict=True)
    return rng.choice(CLASSES["chart"]), tuple(values)


def add(rng, chart, depth: int) -> Program:
    """Return a program of `depth` additions."""
    while True:
        colours = [rng.choice(chart[1])[0] for _ in range(depth)]
        if not cancels(colours):
            return _program(rng, chart, [(colour, colour) for colour in colours], "adds {0}")


def branch(rng, chart, depth: int) -> Program:
    """Return a program of `depth` additions of which each depends on the counter."""
    pairs = tuple(permutations(tuple([colour for colour, _ in chart[1]]), 2))
    return _program(rng, chart, [rng.choice(pairs) for _ in range(depth)], "adds {0} if even, {1} if odd")


def _program(rng, chart, steps: list[Step], words: str) -> Program:
    values, states = dict(chart[1]), [rng.randint(1, TOP)]
    for colours in steps:
        states.append(_after(values, colours, states[-1]))

    def write() -> Words:
        """Return the question in words."""
        told = numbered(words.format(*colours) for colours in steps)
        added = [values[colours[before % 2]] for before, colours in zip(states, steps, strict=False)]
        return Words(
            f"A counter goes from 1 to {TOP}, then starts again at 1. It shows {states[0]}: {told}",
            "What does it show then?",
            "Does it show {} then?",
            f"Start at {states[0]}, read the values and run {times(len(steps), 'step')}",
            tuple(
                f"step {k} adds {value} from {a} to {b}"
                for k, (value, (a, b)) in enumerate(zip(added, pairwise(states), strict=True), 1)
            ),
        )

    shown, last = [*map(str, states)], str(_after(values, steps[-1], states[0]))
    return Program(chart, shown, last, (shown[0],), _NUMBERS, write)


def _after(values: dict[str, int], colours: Step, counter: int) -> int:
    return (counter + values[colours[counter % 2]] - 1) % TOP + 1


SUMS = Task("sums", chartqa.FAMILY, False, scene, add)
BRANCHES = Task("branches", chartqa.FAMILY, True, scene, branch)
