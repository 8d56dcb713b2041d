"""The training tasks of the base: captions, short answers and judging, but no staged answers.

The base has the role that Llama-3.2-11B-Vision-Instruct has in the papers. It learns captions that do not depend on a
question, short answers to the question templates that are not withheld, and judging. Judging consists of pairs with one
altered text (stages, sentences and whole responses in equal shares, in both orders), of checks of a reasoning against a
caption (in the wording of LLaVA-o1's released search), and of single statements that are true or false of the picture.
Judging starts after some practice with captions. Its pairs first differ in most statements, later in one or two. No
stage tag ever occurs.

    phases = base_phases(100_000, seed=0, judge_share=0.2)
    phases[0][0]["messages"]            # drawn on access
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
JUDGING_FROM = 0.4  # share of training after which judging starts; earlier the model could only guess
EASY_UNTIL = 0.6  # share of training until which the false text of a pair has many altered statements
EASY, HARD = (4, 8), (1, 2)  # fewest and most altered statements in the false text of a pair
SINGLE = 0.4  # share of single statements among judging examples
CAPTIONS = 0.75  # share of captions among captions and answers: a caption has ten times as many words to learn from
_STAGE_KINDS = ("caption", "reasoning", "conclusion")


def base_phases(examples: int, seed: int = 0, judge_share: float = 0.2) -> list[Sequence]:
    """Return three phases of training examples that are drawn on access: no judging, easy judging, hard judging.

    `judge_share` is the share of judging over all phases, at most 0.6. The other examples are captions and answers,
    three to one. Raises UserError for another share.
    """
    most = 1 - JUDGING_FROM
    if not 0 <= judge_share <= most:
        raise UserError(
            f"judge_share {judge_share} is out of range, since judging starts after {JUDGING_FROM:.0%} of training: "
            f"choose a number from 0 to {most}"
        )
    bounds = [0, int(examples * JUDGING_FROM), int(examples * EASY_UNTIL), examples]
    settings = ((0.0, HARD), (judge_share / most, EASY), (judge_share / most, HARD))
    return [
        Lazy(range(first, last), lambda k, own=own: base_example(seed, k, *own))
        for first, last, own in zip(bounds, bounds[1:], settings)
    ]


def base_example(seed: int, k: int, judge_share: float, wrong: tuple[int, int] = HARD) -> dict:
    """Return example k of the base's training, {"messages", "images"}. Equal arguments give equal examples.

    `wrong` is (fewest, most) altered statements in the false text of a pair.
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
    """Return a Mini-VQA drawing of a random family and template.

    Families are drawn by the square root of their share in Table 1 of LLaVA-o1, so that rare ones are learned too. The
    template is one that the base may see, or with `withheld` one that it may not see, if the family has one.
    """
    names = list(FAMILIES)
    name = rng.choices(names, [FAMILIES[n].share ** 0.5 for n in names])[0]
    open_ones = [t for t, template in FAMILIES[name].templates.items() if template.withheld == withheld]
    return draw(name, seeds(split, 1, start)[0], template=rng.choice(open_ones) if open_ones else None)


def base_turn(example, rng, kind: str, wrong: tuple[int, int] = HARD) -> tuple[str, str, bool]:
    """Return (user text, assistant text, whether there is a picture) for `kind` "caption", "answer" or "judge"."""
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
    """Return (user text, verdict) of a comparison of a true and an altered text of judge kind `kind`, in random order.

    Half of the verdicts give the fixed reason of the kind, as at inference; half name the wrong statement.
    """
    hint, good, bad, named = _texts(example, rng, kind, wrong)
    k = rng.choice((1, 2))
    first, second = (good, bad) if k == 1 else (bad, good)
    reason = REASONS[kind] if rng.random() < 0.5 or not named else f"the other says {named}"
    return (judge_prompt(kind, example.question, hint, first, second, short=True), VERDICT.format(reason=reason, k=k))


def single(example, rng):
    """Return (user text, verdict) on one statement of the caption, which is altered in half of the cases."""
    statement = rng.choice(statements(example.stages["caption"]))
    false = alter(statement, rng) if rng.random() < 0.5 else None
    return statement_prompt(false or statement), INCORRECT if false else CORRECT


def altered(text: str, rng, how_many: tuple[int, int] = HARD) -> tuple[str, str]:
    """Return (text with altered statements, the first altered one), or ("", "") if no statement can be altered.

    `how_many` is (fewest, most) altered statements.
    """
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
    """Return what `_texts` returns, for the next sentence of the caption or the reasoning."""
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
    """Return a text-only question on whether a reasoning follows from a caption. Half of them do not."""
    text = altered(example.stages["reasoning"], rng)[0] if rng.random() < 0.5 else ""
    reasoning, answer = (text, INCORRECT) if text else (example.stages["reasoning"], CORRECT)
    return check_prompt(example.stages["caption"], reasoning, short=True), answer, False
