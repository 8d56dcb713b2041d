"""The lines of predictions that belong together: of a question with its rotations, of a pair, of a test set.

accuracy(rows)                       # by questions: rotations of a question count as one
by(rows, "test_set")                 # {"mini-MMStar": its lines, ...}
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from statistics import fmean

from o1lib.scoring.intervals import score

OUTSIDE = ("mini-Depth",)  # sets that enter no average over questions of several sets


def accuracy(rows: Iterable[dict]) -> dict | None:
    """Return the share of correct answers, by questions: rotations of a question, or a pair, count as one."""
    return by_question(rows, lambda row: row["correct"])


def by_question(
    rows: Iterable[dict], value: Callable[[dict], float | None], of: Callable[[list[float]], dict | None] = score
) -> dict | None:
    """Return the mean over questions of the mean over their lines, None if no line has the value.

    Four rotations of a question, or a picture and its twin, were drawn together, so they weigh as much as one line of
    another set, and the interval is one over questions. `n` is the number of lines. `value` returns None for a line
    that does not have it. `of` makes a metric of one value a question.
    """
    values = [[float(found) for row in group if (found := value(row)) is not None] for group in questions_of(rows)]
    found = of([fmean(lines) for lines in values if lines])
    return found and found | {"n": sum(map(len, values))}


def questions_of(rows: Iterable[dict]) -> list[list[dict]]:
    """Return the lines of each question of each set: the rotations of it, the lines of its pair, or a single line."""
    return grouped(rows, lambda row: (row.get("test_set"), question_key(row)))


def averaged(rows: Iterable[dict]) -> list[dict]:
    """Return the lines that enter an average over questions: none of the sets OUTSIDE, unless there is nothing else."""
    rows = list(rows)
    return [row for row in rows if row.get("test_set") not in OUTSIDE] or rows


def grouped(rows: Iterable[dict], key: Callable[[dict], object]) -> list[list[dict]]:
    """Return the lines with the same key together, in the order of their first lines."""
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return list(groups.values())


def all_right(groups: Iterable[list[dict]]) -> list[bool]:
    """Return for every group of lines whether all of them are correct."""
    return [all(row["correct"] for row in group) for group in groups]


def question_key(row: dict) -> object:
    """Return what the rotations of a question share. A line without a group is a question of its own."""
    return row.get("group") or row["qid"]


def by(rows: Iterable[dict], key: str) -> dict[str, list[dict]]:
    """Return {value of `key`: its lines}, sorted by value. Lines without a value are left out."""
    groups = defaultdict(list)
    for row in rows:
        if row.get(key):
            groups[row[key]].append(row)
    return dict(sorted(groups.items()))
