"""What a family of Mini-VQA is: functions that draw a scene, state its facts, paint it and ask about it.

A scene has the type that its family chooses (a tuple, a dict), and only the family's own functions look inside. The
functions are called by `o1lib.minivqa.draw`.

Example:
    Family("mini-CLEVR", 0.5, scene=..., facts=..., paint=..., templates={"count_colour": Template("math", ask)})
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A question about a scene with its answer and the steps to it.

    - others: wrong answers to offer as options, at least three (one if the question is yes/no), drawn so that without
      the picture no option is likelier; None rejects the scene
    - steps: the statements that lead to the answer; `draw` adds a closing step that states it
    - true: further true statements that steps may make, besides facts and `steps`
    - depth: number of dependent steps from the facts to the answer; a step depends on another if it reads its result
    - needed: the facts that the question makes relevant, None for all of them

    Depth counts the longest chain of steps that each need the result of the one before:

    - reading facts is the first step, however many of them are read side by side
    - going on to a thing that an earlier step found, and reading its fact, is one more step for each thing on the way
    - recalling a rule or a fact about the world is one step
    - counting, finding an extreme and comparing is one step over any number of values that are known
    - a sum adds one number after another, so a sum of k numbers has depth k (reading them, then k - 1 additions); its
      order does not matter, so such templates are parallel, not serial
    - saying the answer, and comparing it with a word of the question, adds nothing

    Relevance is decided by the question alone, never by the values in the picture. If the question names the things
    that it asks about, only their facts are relevant. If things must be found, counted or followed first, the facts of
    all things that it could be are relevant, because leaving out the others would be half of the answer.
    """

    question: str
    answer: str
    others: tuple[str, ...] | None
    summary: str
    steps: tuple[str, ...]
    true: frozenset[str] = frozenset()
    depth: int = 1
    needed: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Template:
    """One kind of question. `ask(scene, rng)` returns Asked, or None if the scene does not admit the question.

    `answers` must be equally frequent: one of them is drawn first, then scenes until it is right. `depths` are drawn
    first as well, in the proportions of `o1lib.minivqa.lengths`.
    """

    skill: str
    ask: Callable[[Any, Any], Asked | None]
    withheld: bool = False
    also: tuple[str, ...] = ()  # further skills needed (mini-MM-Vet asks for two or more)
    choice: bool | None = None  # True: always multiple choice, False: never, None: half of the time
    answers: tuple[str, ...] = ()
    hard_answers: tuple[str, ...] = ()  # the same for hard scenes; `answers` if empty
    depths: tuple[int, ...] = ()
    hard_depths: tuple[int, ...] = ()  # the same for hard scenes; `depths` if empty
    scene: Callable[[Any, bool], Any] | None = None  # its own scenes, if not all of the family's suit it


@dataclass(frozen=True)
class Family:
    """One family. `share` is the number of items of its source in Table 1 of LLaVA-o1 (arXiv:2411.10440), in thousands.

    `edit(scene, rng)` returns a scene that differs in exactly one fact, None if the attempt fails. Families without it
    have no twin pictures. The first `gist` facts say what kind of picture it is; every caption begins with them.
    """

    name: str
    share: float
    scene: Callable[[Any, bool], Any]  # (rng, hard) -> scene
    facts: Callable[[Any], tuple[str, ...]]  # scene -> the caption's statements
    paint: Callable[[Any, Any, Any, bool], None]  # (canvas, scene, rng, held_out) draws; held_out: test scans only
    templates: dict[str, Template] = field(default_factory=dict)
    paper: Callable[[Any], str] = lambda scene: "white"
    edit: Callable[[Any, Any], Any] | None = None
    gist: Callable[[Any], int] = lambda scene: 0
