"""Check statements about a picture.

A caption is a list of facts and a reasoning is a list of steps; both are short sentences. A statement holds if it is
among the facts of the picture or the further statements that the drawing program lists as true. It also holds if it is
a correct sum of numbers that were stated before. So a model's own wording is scored statement by statement, in any
order, instead of by string equality.

Example:
    >>> caption_score("A red circle at top left.", ("red circle at top left",))["exact"]
    True
    >>> check_steps("2 + 3 = 5. 2 + 4 = 6", ("2 cups", "3 jugs"), frozenset())
    [('2 + 3 = 5', True), ('2 + 4 = 6', False)]
"""

import re
from collections import Counter
from functools import cache

from o1lib.minivqa.words import CLASSES

_BREAK = re.compile(r"(?:[.;!?](?=\s|$)|\n)+")
_FILLER = re.compile(
    r"^An? (?=[a-z])|\b(?:an?|[Tt]he|[Tt]here (?:is|are)|[Ss]o|[Tt]hen|[Tt]herefore)\b"
)  # not the label A
_SUM = re.compile(r"^(\d{1,40})((?: [+-] \d{1,40})+) = (-?\d{1,40})$")  # Python refuses integers of 4,301 digits
_NUMBER = re.compile(r"\d+")


def canonical(statement):
    """Return a statement in lower case without articles, connectives and repeated spaces."""
    bare = _FILLER.sub(" ", statement.strip().replace(",", " ").replace(":", " "))
    return " ".join(bare.lower().split()).rstrip(".")


def statements(text):
    """Return the statements of a text, in order, as written."""
    return [part.strip() for part in _BREAK.split(text) if part.strip()]


def caption_score(text, facts, needed=None):
    """Return {"exact": bool, "precision": float, "recall": float} of a caption against the facts of the picture.

    `needed` are the facts that the caption must state, by default all. Precision is the share of its statements that
    are facts, recall the share of the needed facts that it states; it is exact if both are 1. Order and filler words do
    not matter. A repeated statement counts as wrong.
    """
    stated = Counter(canonical(s) for s in statements(text))
    known, wanted = (Counter(map(canonical, some)) for some in (facts, facts if needed is None else needed))
    true, found = (sum((stated & some).values()) for some in (known, wanted))
    return {
        "exact": true == stated.total() and found == wanted.total(),
        "precision": true / max(1, stated.total()),
        "recall": found / max(1, wanted.total()),
    }


def check_steps(text, facts, true):
    """Return [(statement, holds)] for every statement of a reasoning, in order.

    A repeated statement does not hold, because it would be counted twice.
    """
    known = {canonical(s) for s in (*facts, *true)}
    numbers, seen, checked = set(_NUMBER.findall(" ".join(facts))), set(), []
    for statement in statements(text):
        bare = canonical(statement)
        holds = bare not in seen and (bare in known or _adds_up(bare, numbers))
        seen.add(bare)
        if holds:
            numbers.update(_NUMBER.findall(bare))
        checked.append((statement, holds))
    return checked


def _adds_up(bare, numbers):
    match = _SUM.match(bare)
    if not match:
        return False
    first, rest, result = match.groups()
    terms = rest.split()
    operands = [first, *terms[1::2]]
    value = int(first) + sum(int(n) * (1 if sign == "+" else -1) for sign, n in zip(terms[::2], terms[1::2]))
    return set(operands) <= numbers and value == int(result)


def alter(statement, rng):
    """Return the statement with one value word or number replaced by another of its class, None if it has none.

    `rng` is a random.Random. The tests of the checker and the wrong answers of judging pairs use this mutation.
    """
    spots = _spots(statement)
    if not spots:
        return None
    start, end, choices = rng.choice(spots)
    return statement[:start] + rng.choice(choices) + statement[end:]


@cache
def _words():
    """Return (pattern that finds value words, longer ones first, and numbers; {word: the others of its class})."""
    others = {word: [other for other in group if other != word] for group in CLASSES.values() for word in group}
    longest_first = sorted(others, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))}|\d+)(?!\w)"), others


def _spots(statement):
    """Return (start, end, replacements) for every value word and number of a statement."""
    pattern, others = _words()
    return [
        (*match.span(), others.get(match.group()) or _nearby(int(match.group())))
        for match in pattern.finditer(statement)
    ]


def _nearby(value):
    return [str(v) for v in (value + 1, value + 2, value - 1) if v >= 0]
