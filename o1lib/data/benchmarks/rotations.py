"""MMBench's circular evaluation: ask a question once per rotation of its options (arXiv:2307.06281, section 4.1).

rotated(items)      # each question followed by its rotations; all of them share the question's `group`
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from o1lib.data.benchmarks.known import prompt
from o1lib.data.dataset import Item
from o1lib.scoring.equality import LETTERS

ROTATION = 1_000_000  # in VLMEvalKit's files the k-th rotation of question i has the index i + k * 1,000,000


def rotated(items: Iterable[Item]) -> list[Item]:
    """Return the items; a question whose rotations are not among them is followed by its rotations.

    The k-th rotation starts with option k. A question without an answer stays as it is.
    """
    items = list(items)
    sizes = Counter(item.group for item in items)
    return [one for item in items for one in (_rotations(item) if item.answer and sizes[item.group] == 1 else [item])]


def _rotations(item: Item) -> list[Item]:
    """Return the item and its rotations; the answer is the new letter of the right option.

    A letter whose option is empty is not offered, so rotations are of the others.
    """
    offered = tuple(filter(None, item.options))
    n, right = len(offered), len(list(filter(None, item.options[: LETTERS.index(item.answer)])))
    rotations = []
    for k in range(1, n):
        options = offered[k:] + offered[:k]
        hint = item.question.partition(f"Question: {item.bare}\nOptions:")[0]
        rotations.append(
            replace(
                item,
                qid=f"{item.qid}+{k}",
                options=options,
                answer=LETTERS[(right - k) % n],
                question=prompt(item.bare, options, hint.removeprefix("Hint: ").strip()),
            )
        )
    return [item, *rotations]
