"""Pairs of which one side is known to be better: what a judge's accuracy, its bias for a position and its ties show on.

A drawing's own stage against the same with one or two statements altered (a conclusion against another answer), in the
form in which searches ask judges. Whole answers have one altered stage.

    pairs = known_pairs(drawings, decoder)
    accuracy_on_pairs(make("self", decoder=decoder), pairs)         # o1lib.search.judges
"""

import random
from dataclasses import replace

from o1lib.formats.stages import STAGES, close_tag, render
from o1lib.search.methods import task_for
from o1lib.search.segments import Segment, hint
from o1lib.search.types import Candidate, Comparison, Conversation
from o1lib.training.base_tasks import altered

KINDS = ("caption", "reasoning", "conclusion", "all")


def known_pairs(items, decoder, seed: int = 0) -> list[tuple[Comparison, int]]:
    """Return (match, better side) for each item, kinds by turns, in a drawn order, for a model that speaks tags.

    The candidates carry the log-probability that the decoder's model gives their words. Items without a pair (nothing
    in them can be altered) are left out.
    """
    pairs = [_pair(item, kind, random.Random(f"{seed}/{item.qid}")) for item, kind in zip(items, KINDS * len(items))]
    pairs = [pair for pair in pairs if pair]
    contexts = [
        Conversation(match.task, (match.task.opening,), prefix="".join(segment.text for segment in match.before))
        for match, _ in pairs
    ]
    texts = [[side.segments[0].text for side in (match.a, match.b)] for match, _ in pairs]
    weighed = decoder.likelihoods(contexts, texts)
    return [
        (_weighed(match, scores, [len(decoder.ids(text)) for text in own]), better)
        for (match, better), (scores, _), own in zip(pairs, weighed, texts)
    ]


def _pair(item, kind, rng):
    """Return (match, better side) of an item, None where nothing can be altered."""
    stages, task = item.stages, task_for(item.qid, item.question, item.image, "tags")
    false = dict(stages)
    changed = rng.choice(("caption", "reasoning")) if kind == "all" else kind
    if changed == "conclusion":
        others = [letter for letter in "ABCD"[: len(item.options)] if letter != item.answer]
        false[changed] = rng.choice(others or ["none"])
    else:
        false[changed] = altered(stages[changed], rng)[0]
    if not false[changed]:
        return None
    earlier = () if kind == "all" else STAGES[: STAGES.index(kind)]
    before = tuple(Segment(stage, _written(stages, stage)) for stage in earlier)
    texts = [render(some) if kind == "all" else _written(some, kind) for some in (stages, false)]
    better = rng.randrange(2)
    sides = tuple(Candidate(k, (Segment(kind, text),)) for k, text in enumerate(texts[::-1] if better else texts))
    return Comparison(task, kind, hint(before, kind), *sides, sides, f"{kind}/known", before), better


def _written(stages, stage):
    """Return a stage as a model writes it behind the one before: from behind that one's closing tag to its own."""
    whole, number = render(stages), STAGES.index(stage)
    tag = close_tag(STAGES[number - 1]) if number else ""
    start = whole.index(tag) + len(tag)
    return whole[start : whole.index(close_tag(stage)) + len(close_tag(stage))]


def _weighed(match, scores, tokens):
    sides = tuple(
        replace(side, segments=(replace(side.segments[0], logprob=score, tokens=count),))
        for side, score, count in zip((match.a, match.b), scores, tokens)
    )
    return replace(match, a=sides[0], b=sides[1], pool=sides)
