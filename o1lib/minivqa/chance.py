"""Draw answers and options so that a question is fair: without the picture, no option is likelier than another.

Options are fair if each member of a set of options is equally often the right one. This holds if right answers are
spread evenly over a pool (`even`) and wrong ones come from the same pool (`ring` for numbers, `wrong` for words).

Example:
    >>> import random
    >>> sorted(ring(random.Random(0), 5, range(1, 9)))
    ['4', '6', '7']
"""

from collections import Counter
from functools import cache
from itertools import combinations


def ring(rng, right, pool):
    """Return three wrong numbers as text: with the right one, four neighbors in the pool, whose ends are joined."""
    values = list(pool)
    start = values.index(right) - rng.randint(0, 3)
    return tuple(str(v) for v in (values[(start + k) % len(values)] for k in range(4)) if v != right)


def wrong(rng, right, pool, shown=()):
    """Return three wrong words of the pool. Words in `shown` (those in the picture) are preferred."""
    near = [word for word in shown if word != right]
    far = [word for word in pool if word != right and word not in near]
    near = rng.sample(near, min(3, len(near)))
    return (*near, *rng.sample(far, 3 - len(near)))


def even(rng, value, weights):
    """Accept a value with a probability inverse to its weight, so that accepted values are spread evenly."""
    return rng.random() * weights[value] < min(weights.values())


@cache
def totals(low, high, terms):
    """Return {sum: number of sets of `terms` different numbers from low to high with this sum}."""
    return Counter(sum(numbers) for numbers in combinations(range(low, high + 1), terms))


def yes_no(answer):
    """Return (answer, wrong answers) of a yes/no question from a truth value."""
    return ("yes", ("no",)) if answer else ("no", ("yes",))


def like(right, propose):
    """Return three wrong answers, as text, from `propose()`, which draws from the distribution of right answers.

    Returns None, which rejects the scene, if the four answers are not all different. Drawing again instead would favor
    frequent answers, because right answers need not be spread evenly.
    """
    found = tuple(str(propose()) for _ in range(3))
    return found if len({right, *found}) == 4 else None
