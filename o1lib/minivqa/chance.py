"""Draws that keep a question fair: without the picture, no answer and no option is likelier than another.

Options are fair if, given the set of options, each is equally often the right one. That holds when answers are spread
evenly over a pool (`even`) and wrong ones come from the same pool (`ring` for numbers, `wrong` for words).

Example:
    >>> import random
    >>> sorted(ring(random.Random(0), 5, range(1, 9)))
    ['4', '6', '7']
"""

from collections import Counter
from functools import cache
from itertools import combinations


def ring(rng, right, pool):
    """Return three wrong numbers, as text, that stand in a row with the right one; the pool's ends are joined."""
    values = list(pool)
    start = values.index(right) - rng.randint(0, 3)
    return tuple(str(v) for v in (values[(start + k) % len(values)] for k in range(4)) if v != right)


def wrong(rng, right, pool, shown=()):
    """Return three wrong words of the pool; those in `shown` (seen in the picture) come first."""
    near = [word for word in shown if word != right]
    far = [word for word in pool if word != right and word not in near]
    near = rng.sample(near, min(3, len(near)))
    return (*near, *rng.sample(far, 3 - len(near)))


def even(rng, value, weights):
    """Accept a value with a chance inverse to its weight, so that accepted values are spread evenly."""
    return rng.random() * weights[value] < min(weights.values())


@cache
def totals(low, high, terms):
    """Return how many sets of `terms` different numbers low .. high have each sum."""
    return Counter(sum(numbers) for numbers in combinations(range(low, high + 1), terms))


def yes_no(answer):
    """Return (answer, wrong answers) of a yes/no question from a truth value."""
    return ("yes", ("no",)) if answer else ("no", ("yes",))


def like(right, propose):
    """Return three wrong answers, as text, from `propose()`, which draws as right answers are drawn.

    None if they are not different: where right answers are not spread evenly, drawing again would favour frequent ones,
    so the scene is given up.
    """
    found = tuple(str(propose()) for _ in range(3))
    return found if len({right, *found}) == 4 else None
