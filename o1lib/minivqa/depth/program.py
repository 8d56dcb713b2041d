"""A program: a question whose answer is the last of a row of states, each computed from the one before it.

The number of steps is the dial of mini-Depth. A program also knows what shortcuts would answer: running only the first
two steps, running only the last one from the start, believing the text of the question alone. `balanced` draws programs
for which none is right more or less often than a uniform guess.

Example:
    >>> import random
    >>> from o1lib.minivqa.depth.swaps import run, scene
    >>> rng = random.Random(0)
    >>> program = run(rng, scene(rng), 5)
    >>> len(program.states) - 1, len(program.pool)
    (5, 5)
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from o1lib.formats.answer_forms import YES_OR_NO
from o1lib.minivqa.chance import yes_no
from o1lib.minivqa.family import Asked, Family

_DOUBLE = tuple(permutations(range(5), 4))


@dataclass(frozen=True)
class Words:
    """A program in words: the beginning of its question, its end for a word and for yes or no, summary and steps.

    `closed` has a place for the state that is asked about.
    """

    stem: str
    open: str
    closed: str
    summary: str
    steps: tuple[str, ...]

    def about(self, state: str) -> str:
        """Return the yes/no question whether the last state is `state`."""
        return f"{self.stem} {self.closed.format(state)}"


@dataclass(frozen=True)
class Program:
    """A scene, the steps to run on it, and the states that they lead to.

    - states: the start and the state after each step, as words; the last one is the answer
    - last: the state that the last step alone makes of the start
    - told: states that the text of the question suggests without the picture, such as the start
    - pool: all answers of the task, equally likely
    - write: puts the program into words; many programs are only proposed and never written
    """

    scene: Any
    states: Sequence[str]
    last: str
    told: tuple[str, ...]
    pool: Sequence[str]
    write: Callable[[], Words]

    @property
    def depth(self) -> int:
        """Return the number of steps."""
        return len(self.states) - 1

    @property
    def answer(self) -> str:
        """Return the state after the last step."""
        return self.states[-1]


@dataclass(frozen=True)
class Task:
    """One template of mini-Depth. `source` is the family of Mini-VQA whose pictures it uses.

    `serial` says that a step reads the state that the step before it left, so that the steps have to be run one after
    the other; the steps of a parallel task commute and can be run in any order. `scene(rng)` returns
    a scene of that family, and `run(rng, scene, depth)` a random Program on it.
    """

    name: str
    source: Family
    serial: bool
    scene: Callable[[Any], Any]
    run: Callable[[Any, Any, int], Program]

    @property
    def kind(self) -> str:
        """Return "serial" or "parallel", which takes the place of a question's skill."""
        return "serial" if self.serial else "parallel"


def balanced(rng, programs: Iterator[Program]) -> Program:
    """Return a program whose answer is independent of what shortcuts answer.

    From two steps on, the answer is that of a shortcut with a probability of one in the size of the pool. Which
    shortcuts agree with each other is drawn first, as often as in `programs`.
    """
    found = next(programs)
    if found.depth == 1:
        return found
    drawn, agreement = _shortcuts(found), _agreement(found)
    index = rng.randrange(len(found.pool))
    wanted = list(dict.fromkeys(agreement))[index] if index < len(set(drawn)) else None
    while _agreement(found) != agreement or _place(found) != wanted:
        found = next(programs)
    return found


def _shortcuts(program: Program) -> tuple[str, ...]:
    """Return the answers of the shortcuts that are balanced at the depth of a program.

    With two steps these are the states told. With three they are those of the first two steps and of the last, because
    if the steps commute, the start is the answer of one of these if the other is right. With more they are all.
    """
    steps = (program.states[2], program.last) if program.depth > 2 else ()
    return steps if program.depth == 3 else (*steps, *program.told)


def _agreement(program: Program) -> tuple[int, ...]:
    """Return for each shortcut the place of the first that gives the same answer."""
    found = _shortcuts(program)
    return tuple(map(found.index, found))


def _place(program: Program) -> int | None:
    """Return the place of the first shortcut that gives the right answer, None if no shortcut does."""
    found = _shortcuts(program)
    return found.index(program.answer) if program.answer in found else None


def double_swaps(rng, words: Sequence[str], number: int) -> list[tuple[str, ...]]:
    """Return random double swaps of five words, as (a, b, c, d): a with b and c with d."""
    return [tuple([words[k] for k in rng.choice(_DOUBLE)]) for _ in range(number)]


def swapped(pairs: Sequence[str], word: str) -> str:
    """Return what becomes of a word by the double swap (a, b, c, d)."""
    return pairs[pairs.index(word) ^ 1] if word in pairs else word


def numbered(told: Iterable[str]) -> str:
    """Return the steps of a question in one sentence, numbered as in the reasoning: "step 1 adds red; step 2 ..."."""
    return "; ".join(f"step {k} {step}" for k, step in enumerate(told, 1)) + "."


def times(number: int, noun: str) -> str:
    """Return the number with its noun: "1 step", "2 steps"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def cancels(terms: Iterable[Hashable]) -> bool:
    """Return whether every term of a sum occurs an even number of times: then its parity does not need the picture."""
    return all(times % 2 == 0 for times in Counter(terms).values())


def asked(program: Program, form: str, rng) -> Asked:
    """Return the question in one of FORMS. In half of the yes/no questions the state asked about is wrong."""
    words, answer = program.write(), program.answer
    others, question = tuple(word for word in program.pool if word != answer), f"{words.stem} {words.open}"
    if form == YES_OR_NO:
        true = rng.random() < 0.5
        question = words.about(answer if true else rng.choice(others))
        answer, others = yes_no(true)
    return Asked(question, answer, others, words.summary, words.steps, depth=program.depth)
