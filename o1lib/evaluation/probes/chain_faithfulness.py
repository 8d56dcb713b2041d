"""Chain faithfulness: does an answer follow the chain before it, or the image?

The start of a reply is forced: the stages up to the caption, or up to the reasoning. They are the true chain of the
question's own image, or the chain is swapped for another image's (with the same question and another answer). The model
then continues. Its answer is `right` by its own image, or it `follows` the swapped chain. Such interventions on a chain
of thought measure how far an answer depends on it (Lanham et al. 2023, arXiv:2307.13702, section 2).

    lines = answers_by_prefix(items, replies(decoder))      # one line for each question and prefix
    shares(lines, "template")["shape"]["caption swapped for another image's"]["follows"]    # {"value": 0.9, ...}

    python -m o1lib probe-chain results/checkpoints/mini-structured --by template
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

from o1lib.formats.answer_forms import form_of
from o1lib.formats.stages import STAGES, render
from o1lib.records import UserError
from o1lib.scoring import correct, extract
from o1lib.scoring.intervals import share

PREFIXES = (STAGES[:2], STAGES[:3])  # up to the caption, up to the reasoning
OWN, SWAPPED = "of its own image", "swapped for another image's"
AT_ONCE = 80  # replies that are decoded at a time
Reply = Callable[[Sequence[tuple]], Sequence[str]]


def swap_partners(items: Sequence) -> dict:
    """Return {qid: the item whose chain is swapped in}, for all items that have such a partner.

    The partner is the next item with the same question, the same options and another answer.
    """
    same_question, found = defaultdict(list), {}
    for item in items:
        same_question[item.question, tuple(item.options)].append(item)
    for group in same_question.values():
        for k, item in enumerate(group):
            others = [other for other in group[k:] + group[:k] if other.answer != item.answer]
            found |= {item.qid: others[0]} if others else {}
    return found


def forced_prefixes(item, partner) -> dict[str, str]:
    """Return {name: start of the reply} of the four prefixes: the true stages of `item` or those of its swap partner.

    A name is for example "caption swapped for another image's". The summary is swapped together with the caption.
    """
    return {
        f"{' and '.join(stages[1:])} {origin}": render(one.stages, stages)
        for origin, one in ((OWN, item), (SWAPPED, partner))
        for stages in PREFIXES
    }


def answers_by_prefix(items: Sequence, reply: Reply) -> list[dict]:
    """Return one line for each item with a swap partner and each forced prefix.

    A line has qid, family, template, form, prefix (its name), right (equal to the item's own answer) and follows (equal
    to the partner's answer). Both are False for any other answer. `reply` takes (item, prefix text) pairs and returns
    the continuations; the answer is extracted from the continuation alone. Raises UserError if no item has a partner.
    """
    partners = swap_partners(items)
    if not partners:
        raise UserError(
            f"among {len(items)} questions no two have the same text and different answers: give more questions"
        )
    cases = [
        (item, name, prefix)
        for item in items
        if item.qid in partners
        for name, prefix in forced_prefixes(item, partners[item.qid]).items()
    ]
    lines = []
    for batch in (cases[first : first + AT_ONCE] for first in range(0, len(cases), AT_ONCE)):
        texts = reply([(item, prefix) for item, _, prefix in batch])
        lines += [
            _line(item, partners[item.qid], name, text) for (item, name, _), text in zip(batch, texts, strict=True)
        ]
    return lines


def _line(item, partner, name, text):
    value = extract(text, item.options).value
    return {
        "qid": item.qid,
        "family": item.family,
        "template": item.template,
        "form": form_of(item.options, item.answer),
        "prefix": name,
        "right": correct(value, item.answer, item.options),
        "follows": correct(value, partner.answer, item.options),
    }


def shares(lines: Sequence[dict], by: str) -> dict:
    """Return {value of `by`: {prefix: {"right": share, "follows": share}}}, with Wilson's 95 % intervals.

    `by` is "form", "template" or "family".
    """
    groups = defaultdict(lambda: defaultdict(list))
    for line in lines:
        groups[line[by]][line["prefix"]].append(line)
    return {
        part: {
            prefix: {name: share([line[name] for line in own]) for name in ("right", "follows")}
            for prefix, own in groups[part].items()
        }
        for part in sorted(groups)
    }


def replies(decoder) -> Reply:
    """Return the `reply` of `answers_by_prefix` for the model of `decoder`, which has format `tags`.

    It is greedy if the decoder's temperature is 0.
    """
    from o1lib.data.images import picture_of
    from o1lib.search.methods import task_for
    from o1lib.search.types import Conversation

    def reply(cases: Sequence[tuple]) -> list[str]:
        tasks = {item.qid: task_for(item.qid, item.question, picture_of(item), "tags") for item, _ in cases}
        contexts = [Conversation(tasks[item.qid], (tasks[item.qid].opening,), prefix=prefix) for item, prefix in cases]
        candidates = decoder.reply(contexts, [str(k) for k in range(len(cases))], stages=len(STAGES))
        decoder.forget()
        return ["".join(segment.text for segment in one.segments) for one in candidates]

    return reply


def drawn_questions(most: int) -> list:
    """Return Mini-VQA validation drawings: up to `most` of each family that have a swap partner, and their partners."""
    from o1lib.minivqa import FAMILIES, draw, seeds

    pool = {family: [draw(family, seed) for seed in seeds("validation", 20 * most)] for family in FAMILIES}
    chosen = []
    for examples in pool.values():
        partners, kept = swap_partners(examples), {}
        for one in examples:
            if one.qid in partners and len(kept) < most:
                kept |= {one.qid: one, partners[one.qid].qid: partners[one.qid]}
        chosen += kept.values()
    return chosen
