"""Pairs of candidates with a known better side, to measure a judge's accuracy, position bias and ties.

One side is a stage of a drawing, the other the same stage with one or two altered statements (or another conclusion).
Whole answers have one altered stage. The pairs have the form in which searches ask judges. Pairs that a base is asked
about, which writes no stages, are in o1lib.training.lessons.judge_cases.

    pairs = known_pairs(drawings, decoder)
    accuracy_on_pairs(make_judge("self", decoder=decoder), pairs)         # o1lib.search.judges
"""

import random
from dataclasses import replace

from o1lib.data.images import picture_of
from o1lib.formats.stages import STAGES, close_tag, render
from o1lib.minivqa.facts import statements
from o1lib.search.methods import task_for
from o1lib.search.segments import Segment, hint
from o1lib.search.types import Candidate, Comparison, Conversation
from o1lib.training.lessons.judging import falsified, other_answer

KINDS = ("caption", "reasoning", "conclusion", "all")


def known_pairs(items, decoder, seed: int = 0) -> list[tuple[Comparison, int]]:
    """Return (comparison, better side) for each item, for a model of format `tags`. The better side is random, 0 or 1.

    The kinds rotate over the items. The candidates have the log-probability and the token count of their text under the
    model of `decoder`. Items in which no statement can be altered are left out.
    """
    pairs = [_pair(item, kind, random.Random(f"{seed}/{item.qid}")) for item, kind in zip(items, KINDS * len(items))]
    pairs = [pair for pair in pairs if pair]
    contexts = [
        Conversation(one.task, (one.task.opening,), prefix="".join(segment.text for segment in one.before))
        for one, _ in pairs
    ]
    texts = [[side.segments[0].text for side in (one.a, one.b)] for one, _ in pairs]
    likelihoods = decoder.likelihoods(contexts, texts)
    return [
        (_with_likelihoods(one, scores, [len(decoder.chat.ids(text)) for text in own]), better)
        for (one, better), (scores, _), own in zip(pairs, likelihoods, texts)
    ]


def _pair(item, kind, rng):
    """Return (comparison, better side) of an item, or None if no statement can be altered."""
    stages, task = item.stages, task_for(item.qid, item.question, picture_of(item), "tags")
    false = dict(stages)
    changed = rng.choice(("caption", "reasoning")) if kind == "all" else kind
    if changed == "conclusion":
        false[changed] = other_answer(item, rng)
    else:
        parts = falsified(statements(stages[changed]), item, rng, rng.choice((1, 2)))
        if not parts:
            return None
        false[changed] = ". ".join(parts) + "."
    earlier = () if kind == "all" else STAGES[: STAGES.index(kind)]
    before = tuple(Segment(stage, _written(stages, stage)) for stage in earlier)
    texts = [render(some) if kind == "all" else _written(some, kind) for some in (stages, false)]
    better = rng.randrange(2)
    sides = tuple(Candidate(k, (Segment(kind, text),)) for k, text in enumerate(texts[::-1] if better else texts))
    return Comparison(task, kind, hint(before, kind), *sides, sides, f"{kind}/known", before), better


def _written(stages, stage):
    """Return the text of a stage from the end of the previous closing tag to its own closing tag."""
    whole, number = render(stages), STAGES.index(stage)
    tag = close_tag(STAGES[number - 1]) if number else ""
    start = whole.index(tag) + len(tag)
    return whole[start : whole.index(close_tag(stage)) + len(close_tag(stage))]


def _with_likelihoods(comparison, scores, tokens):
    sides = tuple(
        replace(side, segments=(replace(side.segments[0], logprob=score, tokens=count),))
        for side, score, count in zip((comparison.a, comparison.b), scores, tokens)
    )
    return replace(comparison, a=sides[0], b=sides[1], pool=sides)
