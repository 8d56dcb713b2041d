"""Draw the questions of mini-Depth: five tasks, each at every depth and in every form of answer.

A question is a pure function of (task, seed), as in `o1lib.minivqa.draw`, whose splits it shares: the seed gives the
split, and a scene is kept only if the hash of its facts belongs to it. Depths 1 to 8 occur in every split but "hard",
which has depths 9 to 12. The base is never taught with these questions, so all are withheld.

Example:
    >>> draw("arrows", 0, depth=3, form="open").depth
    3
"""

import random
from collections.abc import Iterator
from dataclasses import replace

from o1lib.formats.answer_forms import FORMS
from o1lib.minivqa.depth.arrows import ARROWS
from o1lib.minivqa.depth.counters import BRANCHES, SUMS
from o1lib.minivqa.depth.program import Program, Task, asked, balanced
from o1lib.minivqa.depth.swaps import SWAPS
from o1lib.minivqa.depth.turns import TURNS
from o1lib.minivqa.draw import Example, assemble, in_split, picture, seeds, split_of
from o1lib.minivqa.draw import mixture as table_1
from o1lib.minivqa.family import Asked, Family, Template
from o1lib.records import UserError, choose

NAME = "mini-Depth"
TASKS = {task.name: task for task in (ARROWS, SUMS, SWAPS, TURNS, BRANCHES)}
BINS = ((1,), (2,), (3, 4), (5, 6, 7, 8))
HARD_BINS = ((9,), (10,), (11,), (12,))
_PROGRAMS = 20  # programs proposed on one scene
SHARE = 0.2  # share of mini-Depth among the training items: every arm has met every task, depth and form


def bins(split: str) -> tuple[tuple[int, ...], ...]:
    """Return the four groups of depths of a split."""
    return HARD_BINS if split == "hard" else BINS


def program(name: str, seed: int, depth: int, form: str, rng) -> tuple[Program, Asked]:
    """Return a program on a scene of the seed's split, and its question. Raises UserError as `draw` does."""
    task = choose(name, TASKS, "task of mini-Depth")
    if not any(depth in some for some in (*BINS, *HARD_BINS)):
        raise UserError(f"depth {depth} is not asked for: choose one from 1 to 12")
    found = balanced(rng, _programs(task, split_of(seed), rng, depth))
    return found, asked(found, choose(form, FORMS, "form"), rng)


def draw(name: str, seed: int, *, depth: int = 0, form: str = "") -> Example:
    """Return the example of a task and seed.

    `depth` (0) and `form` ("") are drawn from the seed unless given; depths are drawn by bins, so that each of the four
    bins is equally frequent. Raises UserError for an unknown task or form and for a depth outside 1 to 12.
    """
    split, pick = split_of(seed), random.Random(f"{NAME}/{name}/{seed}")
    drawn_depth, drawn_form = pick.choice(pick.choice(bins(split))), pick.choice(FORMS)
    depth, form = depth or drawn_depth, form or drawn_form
    rng = random.Random(f"{NAME}/{name}/{seed}/{depth}/{form}")
    found, question = program(name, seed, depth, form, rng)
    kind, scene = _family(TASKS[name], form), found.scene
    image = picture(kind, scene, rng, split)
    return assemble(kind, name, split, seed, scene, question, image, rng, form == "choice")


def _family(task: Task, form: str) -> Family:
    """Return the family of one task and form of answer, whose pictures are those of the task's source."""

    def ask(scene, rng) -> Asked:
        """Return the question about one scene."""
        return asked(task.run(rng, scene, 1), form, rng)

    template = Template(task.kind, ask, withheld=True, choice=form == "choice")
    return replace(task.source, name=f"{NAME}-{task.name}", share=0.0, templates={task.name: template}, edit=None)


def _programs(task: Task, split: str, rng, depth: int) -> Iterator[Program]:
    """Yield programs without end. Scenes of the split are rare, so each is used for a few programs in a row."""
    while True:
        scene = task.scene(rng)
        if in_split(task.source.facts(scene), split):
            for _ in range(_PROGRAMS):
                yield task.run(rng, scene, depth)


def cell(k: int, seed: int) -> Example:
    """Return item k of the test set: the 60 cells of task, depth bin and form follow one another.

    The depths of a bin take turns from one round of the cells to the next.
    """
    names = tuple(TASKS)
    some = bins(split_of(seed))[k // len(names) % len(BINS)]
    form = FORMS[k // (len(names) * len(BINS)) % len(FORMS)]
    turn = k // (len(names) * len(BINS) * len(FORMS))
    return draw(names[k % len(names)], seed, depth=some[turn % len(some)], form=form)


def mixture(split: str, n: int, start: int = 0, share: float = SHARE) -> Iterator[Example]:
    """Yield n examples of a split, of which a share is mini-Depth's and the rest has the proportions of Table 1.

    Which item is one of mini-Depth depends on its seed alone; the others are those of `o1lib.minivqa.mixture` at the
    same places. Raises UserError for a share outside 0 to 1 and for an unknown split.
    """
    if not 0 <= share <= 1:
        raise UserError(f"depth_share {share} is not a share: give a number from 0 to 1")
    numbers = seeds(split, n, start)
    return (_mixed(split, seed, start + k, share) for k, seed in enumerate(numbers))


def _mixed(split: str, seed: int, place: int, share: float) -> Example:
    pick = random.Random(f"{NAME}/mixture/{seed}")
    if pick.random() < share:
        return draw(pick.choice(tuple(TASKS)), seed)
    return next(table_1(split, 1, place))
