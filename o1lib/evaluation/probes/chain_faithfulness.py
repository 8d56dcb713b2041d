"""Does an answer follow the chain before it, or the picture? A chain of another picture, put into the model's mouth.

Each question is asked with its own picture and with its reply begun for the model: by its true chain, or by the true chain
of a *stranger* (another picture, the same question, another answer), up to the caption or up to the reasoning. What the
model says then is right by its own picture or by the stranger's. Such interventions on a chain of thought measure how far
an answer rests on it (Lanham et al. 2023, arXiv:2307.13702).

    lines = followed(items, replies(decoder))            # one line a question and beginning
    shares(lines, "template")["shape"]["a stranger's chain to the caption"]["follows"]     # {"value": 0.9, "n": 80, ...}
    python -m o1lib.evaluation.probes.chain_faithfulness results/checkpoints/mini-structured --by template
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

from o1lib.formats.stages import STAGES, render
from o1lib.records import UserError
from o1lib.scoring import correct, extract
from o1lib.scoring.equality import YES_NO
from o1lib.scoring.intervals import share

CAPTION, REASONING = STAGES[:2], STAGES[:3]
TRUE, STRANGE = "its own chain", "a stranger's chain"
AT_ONCE = 80  # replies
Reply = Callable[[Sequence[tuple]], Sequence[str]]


def swap_partners(items: Sequence) -> dict:
    """Return {qid: the next item with the same question and options and another answer}, where there is one."""
    asked, found = defaultdict(list), {}
    for item in items:
        asked[item.question, tuple(item.options)].append(item)
    for same in asked.values():
        for k, item in enumerate(same):
            others = [other for other in same[k:] + same[:k] if other.answer != item.answer]
            found |= {item.qid: others[0]} if others else {}
    return found


def forced_prefixes(item, other) -> dict[str, str]:
    """Return {what a reply begins with, in words: its text}."""
    return {
        f"{whose} to the {stages[-1]}": render(one.stages, stages)
        for whose, one in ((TRUE, item), (STRANGE, other))
        for stages in (CAPTION, REASONING)
    }


def answers_by_prefix(items: Sequence, reply: Reply) -> list[dict]:
    """Return one line for each beginning of each item that has a stranger: what it was, right and follows (bools).

    `reply` returns for each (item, begun reply) what comes next. `right` is by the item's own answer, `follows` by the
    stranger's: both are False for an answer that is neither. Raises UserError when no item has a stranger.
    """
    others = swap_partners(items)
    if not others:
        raise UserError(f"of {len(items)} questions no two are the same with different answers: give more of them")
    cases = [
        (item, name, begun)
        for item in items
        if item.qid in others
        for name, begun in forced_prefixes(item, others[item.qid]).items()
    ]
    lines = []
    for part in (cases[first : first + AT_ONCE] for first in range(0, len(cases), AT_ONCE)):
        said = reply([(item, begun) for item, _, begun in part])
        for (item, name, _), text in zip(part, said, strict=True):
            value = extract(text, item.options).value  # never read from what was put into its mouth
            right, follows = (correct(value, one.answer, item.options) for one in (item, others[item.qid]))
            lines.append(
                {
                    "qid": item.qid,
                    "family": item.family,
                    "template": item.template,
                    "form": form(item),
                    "begun": name,
                    "right": right,
                    "follows": follows,
                }
            )
    return lines


def form(item) -> str:
    """Return whether a question is a "choice", one with "yes or no", or "open"."""
    return "choice" if item.options else "yes or no" if item.answer in YES_NO else "open"


def shares(lines: Sequence[dict], by: str) -> dict:
    """Return {value of `by` (form, template, family): {beginning: {"right": cell, "follows": cell}}}, Wilson's intervals."""
    groups = defaultdict(lambda: defaultdict(list))
    for line in lines:
        groups[line[by]][line["begun"]].append(line)
    return {
        part: {
            begun: {name: share([line[name] for line in own]) for name in ("right", "follows")}
            for begun, own in groups[part].items()
        }
        for part in sorted(groups)
    }


def replies(decoder) -> Reply:
    """Return what lets a model that speaks tags go on from a begun reply, greedily where the decoder's temperature is 0."""
    from o1lib.data.images import picture_of
    from o1lib.search.methods import task_for
    from o1lib.search.types import Conversation

    def reply(cases: Sequence[tuple]) -> list[str]:
        tasks = {item.qid: task_for(item.qid, item.question, picture_of(item), "tags") for item, _ in cases}
        contexts = [Conversation(tasks[item.qid], (tasks[item.qid].opening,), prefix=begun) for item, begun in cases]
        said = decoder.reply(contexts, [str(k) for k in range(len(cases))])
        decoder.forget()
        return ["".join(segment.text for segment in one.segments) for one in said]

    return reply


def drawn_questions(most: int) -> list:
    """Return up to `most` validation drawings a family that have a stranger among them, with their strangers."""
    from o1lib.minivqa import FAMILIES, draw, seeds

    pool = {family: [draw(family, seed) for seed in seeds("validation", 20 * most)] for family in FAMILIES}
    chosen = []
    for examples in pool.values():
        others, kept = swap_partners(examples), {}
        for one in examples:
            if one.qid in others and len(kept) < most:
                kept |= {one.qid: one, others[one.qid].qid: others[one.qid]}
        chosen += kept.values()
    return chosen
