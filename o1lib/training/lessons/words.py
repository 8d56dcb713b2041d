"""The words of lookup lessons: known words, numbers and invented words, drawn anew for every lesson.

distinct_words(random.Random(0), 3, invented=0.5)       # ['tamo', '7', 'circle']
"""

from random import Random
from string import ascii_uppercase

from o1lib.minivqa.words import CLASSES
from o1lib.training.lessons import held_out

KNOWN = tuple(sorted({word for group in CLASSES.values() for word in group if word.isalpha() and len(word) > 1}))
RELATIONS = (
    "is", "costs", "likes", "has", "shows", "means", "gives", "points to", "stands at", "sees", "weighs", "belongs to",
    "needs", "wants", "follows", "holds",
)  # fmt: skip
_SMALL = (  # noqa: SIM905
    "please now then so the of a in this picture text list above here next one say tell me look at and find it for "
    "what which who word thing name give is that"
).split()  # fmt: skip
SYLLABLES = tuple(start + vowel for start in "bdfgklmnprtv" for vowel in "aeio")


def distinct_words(rng: Random, count: int, invented: float = 0.5) -> list[str]:
    """Return `count` different words. About a share `invented` of lists mix invented words with known ones."""
    mixed, found = rng.random() < invented, {}
    while len(found) < count:
        kind = rng.random()
        word = str(rng.randint(0, 9)) if kind < 0.1 else invent(rng) if mixed and kind > 0.4 else rng.choice(KNOWN)
        if word not in held_out.WORDS:
            found[word] = None
    return list(found)


def invent(rng: Random) -> str:
    """Return an invented word of two syllables."""
    return rng.choice(SYLLABLES) + rng.choice(SYLLABLES)


def letters(rng: Random, count: int) -> list[str]:
    """Return the letters of `count` options: the first of the alphabet in half of the cases, otherwise any."""
    while True:
        found = list(ascii_uppercase[:count]) if rng.random() < 0.5 else rng.sample(ascii_uppercase, count)
        if held_out.allowed(found):
            return found


def small_words(rng: Random, fewest: int, most: int) -> str:
    """Return a run of random small words, which means nothing."""
    return " ".join(rng.choice(_SMALL) for _ in range(rng.randint(fewest, most)))
