"""Do shortcuts answer mini-Depth? Answerers that see all facts but do not run all steps, against their chance level.

| answerer | what it does |
|---|---|
| first two | runs the first two steps and answers with the state reached |
| last | runs the last step alone, from the start |
| no step | answers with the start |
| k alone | gives the answer that was commonest at this depth and form, counted on other questions |

If the answer is not among the options, an answerer picks one of them at random; a yes/no question is answered "yes" if
it asks about the answerer's answer. Chance is a uniform guess: among the options, between yes and no, or among all
answers of a task.

Example:
    >>> [cell.n for cell in cells(tasks=["swaps"], depths=[3], n=10) if cell.form == "open"]
    [10, 10, 10, 10]
"""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from o1lib.formats.answer_forms import CHOICE, FORMS, OPEN, YES_NO, YES_OR_NO
from o1lib.minivqa.depth.program import Program
from o1lib.minivqa.depth.questions import TASKS, program
from o1lib.minivqa.draw import seeds
from o1lib.minivqa.family import Asked

DEPTHS = range(3, 13)
STATES = {
    "first two": lambda program: program.states[2],
    "last": lambda program: program.last,
    "no step": lambda program: program.states[0],
}
K_ALONE = "k alone"


@dataclass(frozen=True)
class Cell:
    """The score of one answerer on n questions of one task, depth and form: `hits`, and `chance`, a share."""

    task: str
    depth: int
    form: str
    answerer: str
    hits: int
    n: int
    chance: float

    def interval(self) -> tuple[float, float]:
        """Return Wilson's 95 % interval (low, high) of the share of hits."""
        from scipy.stats import binomtest

        found = binomtest(self.hits, self.n).proportion_ci(method="wilson")
        return float(found.low), float(found.high)

    def at_chance(self) -> bool:
        """Return whether the interval contains chance."""
        low, high = self.interval()
        return low <= self.chance <= high

    def p_value(self) -> float:
        """Return the two-sided exact p of the hypothesis that the answerer is at chance."""
        from scipy.stats import binomtest

        return float(binomtest(self.hits, self.n, self.chance).pvalue)


def cells(
    tasks: Iterable[str] = tuple(TASKS), depths: Iterable[int] = DEPTHS, n: int = 400, split: str = "train"
) -> list[Cell]:
    """Return the cells of every answerer, with n questions for each task, depth (from 3 on) and form.

    `k alone` counts on a further n questions.
    """
    found = []
    for task in tasks:
        for depth in depths:
            for form in FORMS:
                asked = [_drawn(task, seed, depth, form) for seed in seeds(split, 2 * n)]
                found += _cells(task, depth, form, asked[:n], asked[n:])
    return found


def _drawn(task: str, seed: int, depth: int, form: str) -> tuple[Program, Asked, list[str]]:
    """Return a program, its question and its options, without drawing the picture."""
    rng = random.Random(f"shortcuts/{task}/{depth}/{form}/{seed}")
    found, asked = program(task, seed, depth, form, rng)
    return found, asked, [asked.answer, *rng.sample(asked.others, 3)] if form == CHOICE else []


def _cells(task: str, depth: int, form: str, asked: Sequence, others: Sequence) -> list[Cell]:
    rng = random.Random(f"shortcuts/{task}/{depth}/{form}")
    size = {CHOICE: 4, YES_OR_NO: 2, OPEN: len(asked[0][0].pool)}[form]
    common = Counter(question.answer for _, question, _ in others)
    hits = {name: sum(_right(*one, state(one[0]), rng) for one in asked) for name, state in STATES.items()}
    hits[K_ALONE] = sum(_commonest(options or common, common, rng) == one.answer for _, one, options in asked)
    return [Cell(task, depth, form, name, count, len(asked), 1 / size) for name, count in hits.items()]


def _right(program: Program, asked: Asked, options: list[str], state: str, rng) -> bool:
    """Return whether an answerer that believes in `state` is right."""
    if options:
        return asked.answer == (state if state in options else rng.choice(options))
    if asked.answer in YES_NO:
        return (asked.question == program.write().about(state)) == (asked.answer == "yes")
    return state == asked.answer


def _commonest(known: Iterable[str], common: Counter, rng) -> str:
    known = list(known)
    return max(rng.sample(known, len(known)), key=common.__getitem__)


def off_chance(found: Sequence[Cell], level: float = 0.05) -> list[Cell]:
    """Return the cells that differ from chance, up or down, after Holm's correction over all of them.

    `level` is the probability that any is named if all are at chance (Holm 1979, https://www.jstor.org/stable/4615733).
    """
    from statsmodels.stats.multitest import multipletests

    reject = multipletests([cell.p_value() for cell in found], level, method="holm")[0]
    return [cell for cell, out in zip(found, reject, strict=True) if out]


def table(found: Sequence[Cell]) -> str:
    """Return the cells as a Markdown table: a line for each task, depth and form, a column for each answerer.

    A star marks shares whose interval does not contain chance.
    """
    names = (*STATES, K_ALONE)
    lines = ["| task | depth | form | n | chance | " + " | ".join(names) + " |", "|---" * (5 + len(names)) + "|"]
    rows = {}
    for cell in found:
        rows.setdefault((cell.task, cell.depth, cell.form), []).append(cell)
    for (task, depth, form), row in rows.items():
        start = f"| {task} | {depth} | {form} | {row[0].n} | {row[0].chance:.3f} | "
        lines.append(f"{start}{' | '.join(map(_shown, row))} |")
    return "\n".join(lines)


def summarize(found: Sequence[Cell]) -> str:
    """Return one sentence: how many intervals miss chance, and which cells differ from it after Holm's correction."""
    missed = sum(not cell.at_chance() for cell in found)
    named = [f"{cell.answerer} on {cell.task} of depth {cell.depth} ({cell.form})" for cell in off_chance(found)]
    told = f"{missed} of {len(found)} intervals (95 %) miss chance (*), {0.05 * len(found):.0f} are expected to"
    return f"{told}; after Holm's correction {', '.join(named) or 'none'} differs from it."


def _shown(cell: Cell) -> str:
    low, high = cell.interval()
    star = "" if cell.at_chance() else " *"
    return f"{cell.hits / cell.n:.3f} [{low:.3f}, {high:.3f}]{star}"
