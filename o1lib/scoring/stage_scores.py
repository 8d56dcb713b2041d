"""Stage by stage: is the caption exact, does every step hold, does the conclusion follow, and what breaks first?

Exact on Mini-VQA, where a program knows the picture: statements are checked one by one (`o1lib.minivqa.facts`), never
compared as strings. It stands for the step scores of VRC-Bench (LlamaV-o1, arXiv:2501.06186, section 3.2), which need
reference steps and an LLM as judge.

    score(parse(output).stages, item)["first_break"]     # "reasoning"

`item` is a `minivqa.Example` or a `data.Item` with facts.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from o1lib.minivqa.facts import canonical, caption_score, check_steps, statements
from o1lib.scoring import correct, extract

STATED = re.compile(r"the answer is ([^.,]+), which is ([A-Z])\b")  # how Mini-VQA's last step reads (minivqa.draw)
CHAIN = ("caption", "reasoning", "conclusion")  # what can break; a summary is a plan and cannot be false


def score(stages: Mapping[str, str], item) -> dict:
    """Return how far a staged answer is right; `stages` maps stage names to texts, a missing one counts as broken.

    - caption: says all facts of the picture and nothing else; caption_precision, caption_recall: by statement
    - reasoning: has a step, and all its steps hold; reasoning_precision: the share of its steps that hold;
      reasoning_recall: the share of the reference steps that it takes
    - conclusion: answers the question
    - faithful: the conclusion is right, all steps hold, and the last one gives the same answer
    - first_break: the first of caption, reasoning, conclusion that is not right, None for a whole chain
    - wrong_statements: statements of caption and reasoning that do not hold, as written
    """
    caption, reasoning, conclusion = (stages.get(name) or "" for name in CHAIN)
    said, steps = caption_score(caption, item.facts), check_steps(reasoning, item.facts, item.true)
    wrong = [statement for statement, holds in steps if not holds]
    right = {
        "caption": said["exact"],
        "reasoning": bool(steps) and not wrong,
        "conclusion": _answers(conclusion, item.answer, item.options),
    }
    return right | {
        "caption_precision": said["precision"],
        "caption_recall": said["recall"],
        "reasoning_precision": 1 - len(wrong) / len(steps) if steps else 0.0,
        "reasoning_recall": caption_score(reasoning, item.steps)["recall"],
        "faithful": right["reasoning"] and right["conclusion"] and _answers(steps[-1][0], item.answer, item.options),
        "first_break": next((stage for stage in CHAIN if not right[stage]), None),
        "wrong_statements": [*_not_facts(caption, item.facts), *wrong],
    }


def letter_kept(output: str, options: Sequence[str]) -> bool | None:
    """Tell whether a chain's letter is that of the answer it states: "the answer is dark, which is C".

    None where it states no answer with a letter, or one that is not among the options: then there was nothing to look up.
    """
    stated = STATED.findall(output)
    if not stated or stated[-1][0].strip() not in options:
        return None
    said, letter = stated[-1]
    return list(options).index(said.strip()) == ord(letter) - ord("A")


def _answers(text: str, gold: str, options: tuple[str, ...]) -> bool:
    """Tell whether a text gives the right answer; of a last step, whether a right conclusion follows from it."""
    return bool(text.strip()) and correct(extract(text, options).value, gold, options)


def _not_facts(caption: str, facts: Iterable[str]) -> list[str]:
    known = {canonical(fact) for fact in facts}
    return [statement for statement in statements(caption) if canonical(statement) not in known]
