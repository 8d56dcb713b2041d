"""The words of lookup lessons: known words, numbers and invented words, drawn afresh for every lesson.

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
_HELD_VERBS = {word for relation in held_out.RELATIONS for word in relation.split()}
SYLLABLES = tuple(start + vowel for start in "bdfgklmnprtv" for vowel in "aeio")


def distinct_words(rng: Random, count: int, invented: float = 0.5) -> list[str]:
    """Return `count` different words. A share `invented` of lists has invented words, half of them no others."""
    share = 0.0 if rng.random() >= invented else rng.choice((0.6, 1.0))
    found = {}
    while len(found) < count:
        found[invent(rng) if rng.random() < share else _known(rng)] = None
    return list(found)


def _known(rng):
    return str(rng.randint(0, 9)) if rng.random() < 0.1 else rng.choice(KNOWN)


def any_relation(rng: Random, invented: float = 0.6) -> str:
    """Return the verb of a statement: a known one, or in a share `invented` of cases one to three words of any kind.

    They teach to find a word at any distance from its key, whatever the tokens in between.
    """
    if rng.random() >= invented:
        return rng.choice(RELATIONS)
    kinds = (odd_word, odd_word, invent, lambda rng: rng.choice(KNOWN), lambda rng: rng.choice(_SMALL))
    return " ".join(rng.choice(kinds)(rng) for _ in range(rng.randint(1, 3)))


def odd_word(rng: Random) -> str:
    """Return one to four consonants with a vowel after some of them and often an ending, but no word of the gate.

    The tokenizer splits most of them into pieces of one or two letters.
    """
    while True:
        parts = [rng.choice("bcdfghjklmnprstvwz") + rng.choice(("", *"aeiouy")) for _ in range(rng.randint(1, 4))]
        word = "".join(parts) + rng.choice(("", "s", "es", "ed"))
        if word not in held_out.WORDS and word not in _HELD_VERBS:
            return word


def invent(rng: Random) -> str:
    """Return an invented word of two syllables that is none of the gate's."""
    while True:
        word = rng.choice(SYLLABLES) + rng.choice(SYLLABLES)
        if word not in held_out.WORDS:
            return word


def letters(rng: Random, count: int) -> list[str]:
    """Return the letters of `count` options: the first of the alphabet in half of the cases, otherwise any."""
    while True:
        found = list(ascii_uppercase[:count]) if rng.random() < 0.5 else rng.sample(ascii_uppercase, count)
        if held_out.allowed(found):
            return found


def small_words(rng: Random, fewest: int, most: int) -> str:
    """Return a run of random small words, which means nothing."""
    return " ".join(rng.choice(_SMALL) for _ in range(rng.randint(fewest, most)))
