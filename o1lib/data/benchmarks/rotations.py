"""MMBench's circular evaluation: a question is asked once for every rotation of its options (arXiv:2307.06281, 4.1).

rotated(items)      # items whose questions stand alone come back with their rotations, one group a question
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from o1lib.data.benchmarks.known import prompt
from o1lib.data.dataset import Item
from o1lib.scoring.equality import LETTERS

ROTATION = 1_000_000  # VLMEvalKit's files hold the k-th rotation of question i under the index i + k * 1,000,000


def rotated(items: Iterable[Item]) -> list[Item]:
    """Return the items with the rotations of every question that has none yet; the options move up one at a time."""
    items = list(items)
    alone = Counter(item.group for item in items)
    return [turned for item in items for turned in (_turns(item) if alone[item.group] == 1 else [item])]


def _turns(item: Item) -> list[Item]:
    """Return the item and its further rotations, the right option followed to its new letter."""
    n, right = len(item.options), LETTERS.index(item.answer)
    made = []
    for k in range(1, n):
        options = item.options[k:] + item.options[:k]
        hint = item.question.partition(f"Question: {item.bare}\nOptions:")[0]
        made.append(
            replace(
                item,
                qid=f"{item.qid}+{k}",
                options=options,
                answer=LETTERS[(right - k) % n],
                question=prompt(item.bare, options, hint.removeprefix("Hint: ").strip()),
            )
        )
    return [item, *made]
