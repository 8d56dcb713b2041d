"""Lessons that teach the base to judge with a reason, at equal shares of four sizes of text.

A pair shows a true text and one with false statements, in random order. The verdict names the first false statement. A
third of the lessons shows one text alone and asks whether it is correct. The papers' base can judge before any
fine-tuning, so this one must learn it too. No kind of search is favored: each size is taught equally often, and so is
the wording of each kind of comparison. There is never a stage tag, and the four stages never follow each other.

    lesson = judging_lesson(example, random.Random(0), progress=1.0)
    lesson.user             # "Which caption is better?\\nQuestion: ...\\nResponse 1: ...\\nResponse 2: ..."
    lesson.assistant        # "Since response 2 says blue is 7, I choose response 1."
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from o1lib.formats.judge_prompts import (
    CORRECT,
    INCORRECT,
    REASONS,
    check_prompt,
    judge_prompt,
    named_reason,
    reasoned_verdict,
    statement_prompt,
)
from o1lib.minivqa.facts import alter, check_steps, statements

# The kinds of comparison by the size of the compared texts: one statement, several statements, facts mixed with steps,
# an answer given statements. Each size occurs three times and each kind twice, so all sizes and all kinds are equally
# frequent. A sentence of an answer may be a statement or the final answer.
KINDS_BY_SIZE = {
    "statement": ("summary", "summary", "sentence"),
    "statements": ("caption", "caption", "reasoning"),
    "mixed": ("all", "all", "reasoning"),
    "answer": ("conclusion", "conclusion", "sentence"),
}
SIZES = tuple(KINDS_BY_SIZE)
ALONE = 1 / 3  # share of lessons that show one text and ask whether it is correct
FIXED = 0.2  # share of verdicts with the fixed reason of the kind, after which the judge `preference` is asked
PLAN_WORDS = 9  # most words of a plan to be compared, so that a reason that names it has a dozen
TRIES = 50  # texts and alterations that are tried before an example is said to have nothing to alter


@dataclass(frozen=True)
class Lesson:
    """One turn of a chat: what the user asks, what the assistant should say, and whether the picture is shown.

    `size` is one of SIZES. `kind` is the kind of comparison (o1lib.formats.judge_prompts.KINDS), "single" for
    statements that are judged alone, or "check" for a reasoning that is checked against a caption.
    """

    user: str
    assistant: str
    pictured: bool
    size: str
    kind: str


def judging_lesson(example, rng: Random, progress: float = 1.0) -> Lesson:
    """Return a lesson about an example (o1lib.minivqa.draw) of random size and kind. Equal states of `rng` give equals.

    `progress` in [0, 1] is the share of training that is done: at 0 every statement of a false text is altered, at 1 a
    single one. Raises ValueError for another `progress` and for an example in which no statement can be altered.
    """
    size = rng.choice(SIZES)
    if rng.random() < ALONE:
        return alone_lesson(example, rng, size, progress)
    return pair_lesson(example, rng, size, rng.choice(KINDS_BY_SIZE[size]), progress)


def pair_lesson(example, rng: Random, size: str, kind: str, progress: float = 1.0) -> Lesson:
    """Return a comparison of a true and a false text of this size, asked as a comparison of this kind.

    Both texts have the same number of statements in the same order. Raises ValueError as `judging_lesson` does.
    """
    hint, true, false = _texts(example, rng, size, kind, progress)
    named = next(changed for changed, kept in zip(false, true) if changed != kept)
    k = rng.choice((1, 2))
    shown = [_text(texts, size) for texts in ((true, false) if k == 1 else (false, true))]
    reason = REASONS[kind] if rng.random() < FIXED else named_reason(3 - k, named)
    user = judge_prompt(kind, example.question, hint, *shown, short=True)
    return Lesson(user, reasoned_verdict(reason, k), True, size, kind)


def alone_lesson(example, rng: Random, size: str, progress: float = 1.0) -> Lesson:
    """Return a question on whether one text is correct; half of the texts are not.

    Statements are shown with the picture. Facts with steps and answers are checked against the caption, without it.
    Raises ValueError as `judging_lesson` does.
    """
    _, true, false = _texts(example, rng, size, "check" if size in ("mixed", "answer") else "caption", progress)
    wrong = rng.random() < 0.5
    text, answer = _text(false if wrong else true, size), INCORRECT if wrong else CORRECT
    if size in ("statement", "statements"):
        return Lesson(statement_prompt(text.rstrip(".")), answer, True, size, "single")
    if size == "answer":
        text = f"{_joined(_shuffled(example.steps, rng))} {text}"
    return Lesson(check_prompt(_joined(_shuffled(example.facts, rng)), text, short=True), answer, False, size, "check")


def falsified(texts: Sequence[str], example, rng: Random, count: int) -> list[str] | None:
    """Return statements with `count` of them altered so that they do not hold, fewer if fewer can be altered.

    A statement holds if it is true of the example (o1lib.minivqa.facts.check_steps). None if none can be altered.
    """
    changed = list(texts)
    for place in rng.sample(range(len(texts)), len(texts)):
        if count and (false := false_statement(texts[place], example, rng)):
            changed[place], count = false, count - 1
    return changed if changed != list(texts) else None


def false_statement(statement: str, example, rng: Random) -> str | None:
    """Return the statement with one value altered so that it is not true of the example, None if that fails."""
    for _ in range(8):
        changed = alter(statement, rng)
        if changed and not any(holds for _, holds in check_steps(changed, example.facts, example.true)):
            return changed
    return None


def other_answer(example, rng: Random) -> str:
    """Return a wrong answer: the letter of another option, or the answer with another value, "none" if it has none."""
    if example.options:
        return rng.choice([letter for letter in "ABCD"[: len(example.options)] if letter != example.answer])
    return alter(example.answer, rng) or "none"


def _texts(example, rng, size, kind, progress):
    """Return (hint, statements of the true text, statements of the false text)."""
    if not 0 <= progress <= 1:
        raise ValueError(f"progress is {progress}: give the share of training that is done, from 0 to 1")
    if size == "answer":
        return _joined(_shuffled(_all(example), rng)), [example.answer], [other_answer(example, rng)]
    for _ in range(TRIES):
        hint, true = _statement(example, rng, kind) if size == "statement" else _several(example, rng, size, kind)
        if false := falsified(true, example, rng, 1 + round((1 - progress) * (len(true) - 1))):
            return hint, true, false
    raise ValueError(f"no statement of {example.qid} can be altered: give its words a class in o1lib.minivqa.words")


def _statement(example, rng, kind):
    """Return (hint, [one statement]): a plan, a fact, or any statement after some of the others."""
    if kind == "summary":
        plan = statements(example.stages["summary"])
        fits = len(plan[0].split()) <= PLAN_WORDS and alter(plan[0], rng)
        return "", plan[:1] if fits else [rng.choice(example.facts)]
    if kind == "caption":
        return "", [rng.choice(example.facts)]
    chosen, *others = _shuffled(_all(example), rng)
    return _joined(others[: rng.randint(0, len(others))]), [chosen]


def _several(example, rng, size, kind):
    """Return (hint, statements): two or more facts or steps in order, or all facts and steps shuffled."""
    hint = "" if kind in ("caption", "all", "check") else _joined(_shuffled(example.facts, rng))
    if size == "mixed":
        return hint, _shuffled(example.steps if kind == "check" else _all(example), rng)
    own = example.facts if kind == "caption" else example.steps
    kept = sorted(rng.sample(range(len(own)), rng.randint(min(2, len(own)), len(own))))
    return hint, [own[place] for place in kept]


def _all(example):
    """Return every fact and step once."""
    return list(dict.fromkeys((*example.facts, *example.steps)))


def _shuffled(texts, rng):
    """Return the texts in random order, which is not the order of a caption or a reasoning."""
    texts = list(texts)
    mixed = rng.sample(texts, len(texts))
    return mixed if mixed != texts or len(texts) == 1 else _shuffled(texts, rng)


def _joined(texts):
    return ". ".join(texts) + "." if texts else ""


def _text(texts, size):
    """Return the statements as they are shown; an answer has no full stop."""
    return texts[0] if size == "answer" else _joined(texts)
