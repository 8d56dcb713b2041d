"""Measure how well a model judges in words: single statements, pairs of each kind, pairs of its own captions.

A case is a question about an example with the answer that would be right. The model is a function from (picture, user
text) pairs to replies, so that any decoder can be measured and tests need none.

    cases = single_cases(examples) + pair_cases(examples, "caption")
    judge_accuracy(reply, cases)          # [True, None, False, ...]: right, unreadable, wrong
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from o1lib.formats.judge_prompts import (
    CORRECT,
    INCORRECT,
    judge_prompt,
    parse_statement,
    parse_verdict,
    statement_prompt,
)
from o1lib.minivqa.facts import caption_score
from o1lib.training.lessons.judging import KINDS_BY_SIZE, false_statement, pair_lesson

Reply = Callable[[list[tuple[Any, str]]], list[str]]
SIZE_OF = {kind: size for size, kinds in reversed(KINDS_BY_SIZE.items()) for kind in kinds}  # the first size with it


@dataclass(frozen=True)
class Case:
    """A question about an example, and the right answer: "correct" or "incorrect", or the better response, 1 or 2."""

    example: Any
    user: str
    right: str | int


def single_cases(examples: Sequence, seed: int = 0) -> list[Case]:
    """Return for each example one fact of its picture, true or altered with equal chance, to be judged alone."""
    return [_single(example, Random(f"single/{seed}/{example.qid}")) for example in examples]


def pair_cases(examples: Sequence, kind: str, seed: int = 0) -> list[Case]:
    """Return for each example a true text and one with a single false statement, to be compared as `kind`.

    Their size is the one in which searches compare the kind: see KINDS_BY_SIZE. Raises KeyError for an unknown kind.
    """
    found = []
    for example in examples:
        lesson = pair_lesson(example, Random(f"pair/{kind}/{seed}/{example.qid}"), SIZE_OF[kind], kind)
        found.append(Case(example, lesson.user, parse_verdict(lesson.assistant)))
    return found


def own_cases(examples: Sequence, captions: Sequence[Sequence[str]], seed: int = 0) -> list[Case]:
    """Return comparisons of a model's own captions: an exact one with one that is not, in random order.

    `captions` holds several samples for each example, descriptions of the whole picture. Examples without both an exact
    caption and another one are left out.
    """
    found = []
    for example, texts in zip(examples, captions, strict=True):
        exact = [caption_score(text, example.facts)["exact"] for text in texts]
        if any(exact) and not all(exact):
            right = Random(f"own/{seed}/{example.qid}").choice((1, 2))
            two = [texts[exact.index(True)].strip(), texts[exact.index(False)].strip()]
            shown = two if right == 1 else two[::-1]
            found.append(Case(example, judge_prompt("caption", example.question, "", *shown, short=True), right))
    return found


def judge_accuracy(reply: Reply, cases: Sequence[Case]) -> list[bool | None]:
    """Return for each case whether the reply to it is right, None if it cannot be read. Verdicts are read strictly.

    `reply` takes (picture, user text) pairs and returns the model's replies, which should be greedy.
    """
    replies = reply([(case.example.image, case.user) for case in cases])
    return [_right(text, case.right) for text, case in zip(replies, cases, strict=True)]


def _single(example, rng):
    fact = rng.choice(example.facts)
    false = false_statement(fact, example, rng) if rng.random() < 0.5 else None
    return Case(example, statement_prompt(false or fact), INCORRECT if false else CORRECT)


def _right(text, right):
    """Return whether a reply gives the right answer, None if it gives none."""
    if right in (CORRECT, INCORRECT):
        said = parse_statement(text)
        return None if said is None else said == (right == CORRECT)
    chosen = parse_verdict(text, strict=True)
    return None if chosen is None else chosen == right
