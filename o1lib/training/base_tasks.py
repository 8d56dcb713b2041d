"""What the mini study's base learns: to see, to answer briefly and to compare texts, but no staged answer.

The base stands where Llama-3.2-11B-Vision-Instruct stands for the papers. It learns captions that no question steers,
short answers to the question templates that are not withheld, and judging: pairs of stages, sentences and whole
responses in equal shares and in both orders, one of them altered, checks of a reasoning against a caption (in the
wording of LLaVA-o1's released search), and single statements that are true of the picture or not: the step that every
comparison rests on. Judging starts when captions have been practised, with pairs that differ in most statements, and
goes on to those that differ in one or two. No stage tag ever occurs.

    phases = base_phases(100_000, seed=0, judge_share=0.2)
    phases[0][0]["messages"]            # drawn when asked for
"""

import random
from collections.abc import Sequence

from o1lib.formats.judge_prompts import (
    CORRECT,
    INCORRECT,
    REASONS,
    VERDICT,
    check_prompt,
    judge_prompt,
    statement_prompt,
)
from o1lib.formats.stages import STAGES
from o1lib.minivqa import FAMILIES, draw, seeds
from o1lib.minivqa.facts import alter, statements
from o1lib.records import UserError
from o1lib.training import Lazy

DESCRIBE = "Describe the picture."
JUDGING_FROM = 0.4  # of training; before it a comparison would be guesswork
EASY_UNTIL = 0.6  # of training; until then the false text of a pair is false nearly everywhere
EASY, HARD = (4, 8), (1, 2)  # fewest and most statements that are altered in it
SINGLE = 0.4  # of judging: one statement, true of the picture or not
CAPTIONS = 0.75  # of captions and answers: a caption has ten times an answer's words to learn to see by
_STAGE_KINDS = ("caption", "reasoning", "conclusion")


def base_phases(examples: int, seed: int = 0, judge_share: float = 0.2) -> list[Sequence]:
    """Return three phases of training examples, drawn when asked for: captions and answers, then easy judging as well,
    then hard judging.

    `judge_share` is the share of judging over all phases, at most 0.6; the rest is captions and answers, three to one.
    Raises UserError for another share.
    """
    most = 1 - JUDGING_FROM
    if not 0 <= judge_share <= most:
        raise UserError(
            f"judge_share {judge_share} cannot be had when judging starts after {JUDGING_FROM:.0%} of the training: "
            f"choose a number from 0 to {most}"
        )
    bounds = [0, int(examples * JUDGING_FROM), int(examples * EASY_UNTIL), examples]
    lessons = ((0.0, HARD), (judge_share / most, EASY), (judge_share / most, HARD))
    return [
        Lazy(range(first, last), lambda k, lesson=lesson: base_example(seed, k, *lesson))
        for first, last, lesson in zip(bounds, bounds[1:], lessons)
    ]


def base_example(seed: int, k: int, judge_share: float, wrong: tuple[int, int] = HARD) -> dict:
    """Return the k-th example of the base's training: {"messages", "images"}; the same for the same numbers.

    `wrong`: the fewest and the most statements that are altered in the false text of a pair.
    """
    rng = random.Random(f"base/{seed}/{k}")
    draws = [rng.random(), rng.random()]
    kind = "judge" if draws[0] < judge_share else "caption" if draws[1] < CAPTIONS else "answer"
    example = drawn(rng, "base", seed * 10_000_000 + k)
    user, assistant, pictured = base_turn(example, rng, kind, wrong)
    picture = [{"type": "image"}] if pictured else []
    return {
        "messages": [
            {"role": "user", "content": [*picture, {"type": "text", "text": user}]},
            {"role": "assistant", "content": [{"type": "text", "text": assistant}]},
        ],
        "images": [example.image] if pictured else [],
    }


def drawn(rng, split: str, start: int, withheld: bool = False):
    """Return a drawing of a family chosen with the square root of its share in Table 1 (rare families are learned too).

    Its template is one that the base may see, or with `withheld` one that it may not (where the family has one).
    """
    names = list(FAMILIES)
    name = rng.choices(names, [FAMILIES[n].share ** 0.5 for n in names])[0]
    open_ones = [t for t, template in FAMILIES[name].templates.items() if template.withheld == withheld]
    return draw(name, seeds(split, 1, start)[0], template=rng.choice(open_ones) if open_ones else None)


def base_turn(example, rng, kind: str, wrong: tuple[int, int] = HARD) -> tuple[str, str, bool]:
    """Return (user text, assistant text, whether the picture is shown) for kind "caption", "answer" or "judge"."""
    if kind == "caption":
        return DESCRIBE, example.stages["caption"], True
    if kind == "answer":
        return example.question, example.answer, True
    if rng.random() < SINGLE:
        return (*single(example, rng), True)
    if rng.random() < 0.15:
        return _check(example, rng)
    group = rng.choice(("stage", "sentence", "all"))
    return (*pair(example, rng, rng.choice(_STAGE_KINDS) if group == "stage" else group, wrong), True)


def pair(example, rng, kind: str, wrong: tuple[int, int] = HARD) -> tuple[str, str]:
    """Return (user text, verdict) that compares a true text with an altered one of judge kind `kind`, in a drawn order.

    Half of the verdicts give the kind's fixed reason, as at inference; half name the statement that is wrong.
    """
    hint, good, bad, named = _texts(example, rng, kind, wrong)
    k = rng.choice((1, 2))
    first, second = (good, bad) if k == 1 else (bad, good)
    reason = REASONS[kind] if rng.random() < 0.5 or not named else f"the other says {named}"
    return (judge_prompt(kind, example.question, hint, first, second, short=True), VERDICT.format(reason=reason, k=k))


def single(example, rng):
    """Return a question whether one statement of the caption is true of the picture; half of the time it is not."""
    statement = rng.choice(statements(example.stages["caption"]))
    false = alter(statement, rng) if rng.random() < 0.5 else None
    return statement_prompt(false or statement), INCORRECT if false else CORRECT


def altered(text: str, rng, how_many: tuple[int, int] = HARD) -> tuple[str, str]:
    """Return (text with `how_many` statements altered, the first altered statement); ("", "") if none can be."""
    parts = statements(text)
    wrong = ""
    for position in sorted(rng.sample(range(len(parts)), min(len(parts), rng.randint(*how_many)))):
        changed = alter(parts[position], rng)
        if changed:
            parts[position], wrong = changed, wrong or changed
    return (". ".join(parts) + ".", wrong) if wrong else ("", "")


def _texts(example, rng, kind, how_many):
    """Return (hint, true text, false text, the false statement)."""
    stages = example.stages
    if kind == "conclusion":
        return f"{stages['caption']} {stages['reasoning']}", stages["conclusion"], _other_answer(example, rng), ""
    if kind == "sentence":
        return _sentence(example, rng)
    if kind == "all":
        changed = rng.choice(("caption", "reasoning"))
        text, wrong = altered(stages[changed], rng, how_many)
        texts = [
            " ".join(stages[s] for s in STAGES),
            " ".join(text if s == changed and text else stages[s] for s in STAGES),
        ]
        return (
            ("", texts[0], texts[1], wrong)
            if text
            else ("", texts[0], texts[0].replace(stages["conclusion"], _other_answer(example, rng)), "")
        )
    text, wrong = altered(stages[kind], rng, how_many)
    return ("" if kind == "caption" else stages["caption"], stages[kind], text or stages["summary"], wrong)


def _sentence(example, rng):
    """Return the texts of a comparison of next sentences, from the caption or the reasoning."""
    parts = statements(example.stages[rng.choice(("caption", "reasoning"))])
    place = rng.randrange(len(parts))
    wrong = alter(parts[place], rng)
    return (
        ". ".join(parts[:place]),
        parts[place] + ".",
        (wrong or example.stages["summary"].rstrip(".")) + ".",
        wrong or "",
    )


def _other_answer(example, rng):
    if example.options:
        return rng.choice([letter for letter in "ABCD"[: len(example.options)] if letter != example.answer])
    return alter(example.answer, rng) or f"not {example.answer}"


def _check(example, rng):
    """Return a text-only question whether a reasoning follows from a caption; half of the time it does not."""
    text = altered(example.stages["reasoning"], rng)[0] if rng.random() < 0.5 else ""
    reasoning, answer = (text, INCORRECT) if text else (example.stages["reasoning"], CORRECT)
    return check_prompt(example.stages["caption"], reasoning, short=True), answer, False
