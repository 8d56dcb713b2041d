"""TargetFormat: the type of the entries of `FORMATS`.

brief = TargetFormat("answer in one word", exchanges=lambda item, stages, rng: [(item.question, item.answer)])
brief.answer(" B ")     # "B"
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from o1lib.formats.question import StagedQuestion
from o1lib.formats.stages import STAGES

Stages = tuple[str, ...]
Exchange = tuple[str, str]  # (user text, assistant text)


def one_prompt(question: str, stages: Stages) -> list[str]:
    """Return the one user turn, which names the wanted stages unless all are wanted.

    Otherwise the same prompt would be followed by a whole answer in one example and by half an answer in another, and
    the trained model would stop early at inference.
    """
    return [question if stages == STAGES else f"{question}\nPlease generate only the {' and the '.join(stages)}."]


@dataclass(frozen=True)
class TargetFormat:
    """One target format: its label in tables, its prompts and targets, and how its outputs are read.

    - exchanges(item, stages, rng): the (user, assistant) texts of one training example
    - prompts(question, stages): the user turns at inference
    - answer(output): the part of an output that gives the answer
    - before_answer(output): the output up to the place of the answer, "" if the answer comes first
    - keeps_form(output): whether an output has the four stages; None for a format that writes no stages, or one per
      task
    - stage_ends: {stage: the text that ends it, "" for the end of the turn} for a search stage by stage; empty if an
      output cannot be stopped after a stage
    - stages: the stages that a whole target has, in their order
    - staged: an output holds these stages; stage_tasks: each stage of a question is a training example of its own;
      by_turn: one stage a turn; filled: filler tokens precede the answer (`o1lib.training.filler` puts them into
      the model's chat template, so that prompts and targets here hold none)
    """

    label: str
    exchanges: Callable[[StagedQuestion, Stages, Random | None], list[Exchange]]
    prompts: Callable[[str, Stages], list[str]] = one_prompt
    answer: Callable[[str], str] = str.strip
    before_answer: Callable[[str], str] = lambda output: ""
    keeps_form: Callable[[str], bool] | None = None
    stage_ends: Mapping[str, str] = field(default_factory=dict)
    stages: Stages = STAGES
    staged: bool = True
    stage_tasks: bool = False
    by_turn: bool = False
    filled: bool = False

    @property
    def answer_only(self) -> bool:
        """Whether the target is the answer alone."""
        return self.stages == ("conclusion",)
