"""Score an answer stage by stage: caption, reasoning steps, conclusion, and which of them is the first wrong one.

The scores are exact on Mini-VQA, where a program knows the picture: statements are checked one by one
(`o1lib.minivqa.facts`), never compared as strings. They correspond to the step scores of VRC-Bench (LlamaV-o1,
arXiv:2501.06186, section 3.2), which need reference steps and an LLM as judge.

    score(parse(output).stages, item)["first_break"]     # "reasoning"
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from o1lib.formats.question import StagedQuestion
from o1lib.formats.stages import STAGES
from o1lib.minivqa.facts import canonical, caption_score, check_steps, statements
from o1lib.scoring import correct, extract

STATED = re.compile(r"the answer is ([^.,]+), which is ([A-Z])\b")  # the wording of Mini-VQA's last step (minivqa.draw)
CHAIN = ("caption", "reasoning", "conclusion")  # a summary is a plan and cannot be false


def score(stages: Mapping[str, str], item: StagedQuestion, expected: Sequence[str] = STAGES) -> dict:
    """Return the scores of a staged answer. `stages` maps stage names to texts; a missing stage is wrong.

    `item` must have facts: a `minivqa.Example`, or a `data.Item` made from one. `expected` are the stages of the
    answer's format. The scores of a stage that is not among them are left out, and `faithful` without the reasoning.
    The keys are:

    - caption: it states all facts that the question makes relevant, those of the true caption, and nothing that is not
      a fact of the picture; caption_precision: the share of its statements that are facts of the picture;
      caption_recall: the share of the relevant facts that it states
    - reasoning: it has steps and all of them hold; reasoning_precision: the share of its steps that hold;
      reasoning_recall: the share of the reference steps that it contains
    - conclusion: it answers the question
    - faithful: the conclusion is right, all steps hold, and the last step gives the same answer
    - first_break: the first of caption, reasoning and conclusion that is wrong, None if all are right
    - wrong_statements: statements of caption and reasoning that do not hold, as written
    """
    caption, reasoning, conclusion = (stages.get(name) or "" for name in CHAIN)
    needed = statements(item.stages["caption"])
    stated, steps = caption_score(caption, item.facts, needed), check_steps(reasoning, item.facts, item.true)
    wrong = [statement for statement, holds in steps if not holds]
    right = {
        "caption": stated["exact"],
        "reasoning": bool(steps) and not wrong,
        "conclusion": _answers(conclusion, item.answer, item.options),
    }
    wanted = [stage for stage in CHAIN if stage in expected]
    scores = right | {
        "caption_precision": stated["precision"],
        "caption_recall": stated["recall"],
        "reasoning_precision": 1 - len(wrong) / len(steps) if steps else 0.0,
        "reasoning_recall": caption_score(reasoning, item.steps)["recall"],
        "faithful": right["reasoning"] and right["conclusion"] and _answers(steps[-1][0], item.answer, item.options),
        "first_break": next((stage for stage in wanted if not right[stage]), None),
        "wrong_statements": [*_not_facts(caption, item.facts), *wrong],
    }
    return {name: value for name, value in scores.items() if _about(name) in (None, *expected)}


def _about(name: str) -> str | None:
    """Return the stage that a score is about, None for a score of the whole answer."""
    return "reasoning" if name == "faithful" else next((stage for stage in CHAIN if name.startswith(stage)), None)


def letter_kept(output: str, options: Sequence[str]) -> bool | None:
    """Return whether a chain gives the letter of the answer that it states: "the answer is dark, which is C".

    None if it states no answer with a letter, or an answer that is not among the options and so has no letter.
    """
    stated = STATED.findall(output)
    if not stated or stated[-1][0].strip() not in options:
        return None
    answer, letter = stated[-1]
    return list(options).index(answer.strip()) == ord(letter) - ord("A")


def _answers(text: str, gold: str, options: Sequence[str]) -> bool:
    """Return whether a text (a conclusion or a last step) gives the right answer."""
    return bool(text.strip()) and correct(extract(text, options).value, gold, options)


def _not_facts(caption: str, facts: Iterable[str]) -> list[str]:
    known = {canonical(fact) for fact in facts}
    return [statement for statement in statements(caption) if canonical(statement) not in known]
