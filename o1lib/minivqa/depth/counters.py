"""Two tasks on mini-ChartQA pictures: a counter from 1 to 8 moves on by the values of a chart with four colors.

- sums (parallel): each step adds a color's value. Sums commute, so the steps can be run in any order.
- branches (serial): each step adds one value to an even counter and another to an odd one.

After 8 the counter starts again at 1, so that the range of answers is the same at every depth.

Example:
    >>> import random
    >>> rng = random.Random(0)
    >>> add(rng, scene(rng), 3).stem.count("add")
    3
"""

from o1lib.minivqa.canvas import COLOURS
from o1lib.minivqa.depth.program import Program, Task, cancels
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
            return _program(rng, chart, [(colour, colour) for colour in colours], "add {0}")


def branch(rng, chart, depth: int) -> Program:
    """Return a program of `depth` additions of which each depends on the counter."""
    steps = [rng.sample([colour for colour, _ in chart[1]], 2) for _ in range(depth)]
    return _program(rng, chart, [(even, odd) for even, odd in steps], "add {0} if even, {1} if odd")


def _program(rng, chart, steps: list[Step], words: str) -> Program:
    values, depth = dict(chart[1]), len(steps)
    states, said = [rng.randint(1, TOP)], []
    for k, colours in enumerate(steps, 1):
        before = states[-1]
        states.append(_after(values, colours, before))
        said.append(f"step {k} adds {values[colours[before % 2]]} from {before} to {states[-1]}")
    told = " ".join(f"Step {k}: {words.format(*colours)}." for k, colours in enumerate(steps, 1))
    return Program(
        chart,
        tuple(map(str, states)),
        str(_after(values, steps[-1], states[0])),
        _NUMBERS,
        f"A counter goes from 1 to {TOP}, then starts again at 1. It shows {states[0]}. {told}",
        "What does it show then?",
        "Does it show {} then?",
        f"Start at {states[0]}, read the values and run {depth} step{'s' if depth > 1 else ''}",
        tuple(said),
    )


def _after(values: dict[str, int], colours: Step, counter: int) -> int:
    return (counter + values[colours[counter % 2]] - 1) % TOP + 1


SUMS = Task("sums", chartqa.FAMILY, False, "math", scene, add, _NUMBERS)
BRANCHES = Task("branches", chartqa.FAMILY, True, "logical reasoning", scene, branch, _NUMBERS)
