"""The base's lessons in order: lookups alone first, then everything together; never a stage tag.

The base has the role that Llama-3.2-11B-Vision-Instruct has in the papers. It learns to find words in its context, to
describe pictures, to answer briefly in every form, to answer about scenes told in words, and to judge with a reason.

    phases = base_phases(examples=100_000, lookups=100_000, seed=0)
    phases[1][0]["messages"]            # drawn on access
"""

import random
from collections.abc import Sequence

from o1lib.records import UserError
from o1lib.training import Lazy
from o1lib.training.lessons.form import chat
from o1lib.training.lessons.judging import judging_lesson
from o1lib.training.lessons.lookups import lookup_lesson
from o1lib.training.lessons.scenes import answers_lesson, caption_lesson, drawn, told_lesson

# Shares of the lessons after the lookups. A caption has more tokens to learn from than any other lesson. With half as
# many lookups as these, words were no longer found as often as before (results/LOG.md).
SHARES = {"caption": 0.38, "answers": 0.13, "told": 0.13, "lookup": 0.27, "judging": 0.09}
JUDGING_FROM = 0.3  # share of these lessons after which judging starts; before it the model could only guess
_SEEDS = 10_000_000  # drawings between two seeds of a base


def base_phases(examples: int, lookups: int, seed: int = 0) -> list[Sequence]:
    """Return two phases of examples that are drawn on access: `lookups` lookups, then `examples` lessons of all kinds.

    Raises UserError for a negative number.
    """
    for name, number in (("examples", examples), ("lookups", lookups)):
        if number < 0:
            raise UserError(f"{name} is {number}: set it to 0 or more")
    alone = Lazy(range(lookups), lambda k: lookup_lesson(random.Random(f"lookup/{seed}/{k}"), k / lookups))
    mixed = Lazy(range(examples), lambda k: mixed_lesson(seed, k, k / examples))
    return [alone, mixed]


def mixed_lesson(seed: int, k: int, progress: float = 1.0) -> dict:
    """Return lesson k after the lookups. `progress` in 0..1 is the share of these lessons that are done."""
    rng, start = random.Random(f"base/{seed}/{k}"), seed * _SEEDS + k
    kind = rng.choices(list(SHARES), list(SHARES.values()))[0]
    if kind == "judging" and progress < JUDGING_FROM:
        kind = "caption"
    if kind == "lookup":
        return lookup_lesson(rng, 1.0)
    if kind == "told":
        return told_lesson(rng, start, progress)
    if kind != "judging":
        return (caption_lesson if kind == "caption" else answers_lesson)(rng, start)
    example = drawn(rng, "base", start)
    lesson = judging_lesson(example, rng, (progress - JUDGING_FROM) / (1 - JUDGING_FROM))
    return chat([(lesson.user, lesson.assistant)], example.image if lesson.pictured else None)
