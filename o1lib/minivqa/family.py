"""What a family of Mini-VQA is: a way to make scenes, to state and paint them, and to ask about them.

A scene is whatever its family likes (a tuple, a dict); only the family's own functions look inside. Nothing here
draws by itself: `o1lib.minivqa.draw` runs the functions.

Example:
    Family("mini-CLEVR", 0.5, scene=..., facts=..., paint=..., templates={"count_colour": Template("math", ask)})
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A question about a scene with its answer and the way to it.

    `others`: wrong answers to offer as options, at least three unless the question is yes/no (then one), drawn so that
    without the picture no option is likelier; None gives the scene up. `steps` lead to the answer; a closing step that
    states it is added by `draw`. `true`: statements other than facts that steps may make, `steps` left out.
    """

    question: str
    answer: str
    others: tuple[str, ...] | None
    summary: str
    steps: tuple[str, ...]
    true: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Template:
    """One kind of question. `ask(scene, rng)` returns Asked, or None where the scene does not admit the question.

    `answers` are answers that must be equally frequent: one is drawn first, then scenes until it is right.
    """

    skill: str
    ask: Callable[[Any, Any], Asked | None]
    withheld: bool = False
    also: tuple[str, ...] = ()  # further skills needed (mini-MM-Vet asks for two or more)
    choice: bool | None = None  # True: always multiple choice, False: never, None: half of the time
    answers: tuple[str, ...] = ()
    hard_answers: tuple[str, ...] = ()  # the same for hard scenes; `answers` if empty
    scene: Callable[[Any, bool], Any] | None = None  # scenes that suit this question, if not any of the family's


@dataclass(frozen=True)
class Family:
    """`share` is the source's thousands of items in Table 1 of LLaVA-o1 (arXiv:2411.10440).

    `edit(scene, rng)` returns a scene that differs in exactly one fact (None where the try fails); families without it
    have no twin pictures.
    """

    name: str
    share: float
    scene: Callable[[Any, bool], Any]  # (rng, hard) -> scene
    facts: Callable[[Any], tuple[str, ...]]  # scene -> the caption's statements
    paint: Callable[[Any, Any, Any, bool], None]  # (canvas, scene, rng, held_out) draws; held_out: test scans only
    templates: dict[str, Template] = field(default_factory=dict)
    paper: Callable[[Any], str] = lambda scene: "white"
    edit: Callable[[Any, Any], Any] | None = None
