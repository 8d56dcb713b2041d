"""The reading gate of a base: it finds words in its context, answers in the asked form and describes pictures.

Every question uses words, letter sets and phrasings that occur in no lesson (`o1lib.training.lessons.held_out`), or
drawings of the validation split. A gate passes if the lower 95 % bound reaches its floor. Reported gates have a hoped
value in place of a floor and stop nothing.

    found = measure(model, processor, 1000)
    found["letter of option"]           # {"value": 0.99, "low": 0.98, "n": 1000, "floor": 0.95, "passed": True}
    passed(found)                       # whether every needed gate passed

No gate compares two arms: it looks at the base alone.
"""

import re
from collections.abc import Callable, Sequence
from random import Random

from o1lib.formats.answer_forms import YES_NO
from o1lib.minivqa import FAMILIES, draw, seeds
from o1lib.minivqa.facts import caption_score
from o1lib.models.presets import greedy, sampled
from o1lib.scoring.intervals import share
from o1lib.training.lessons import held_out
from o1lib.training.lessons.judge_cases import judge_accuracy, own_cases, single_cases
from o1lib.training.lessons.scenes import DESCRIBE, questions_about_one_scene, templates

FLOORS = {
    "letter of option": 0.95,
    "option of letter": 0.95,
    "statement from key": 0.95,
    "statement from end": 0.95,
    "asked form": 0.99,
}
HOPED = {"told, one step": 0.90, "told, one step, withheld": 0.60, "told, two steps": 0.75, "statements judged": 0.85,
         "own captions judged": 0.75}  # fmt: skip
CAPTIONS, FAMILIES_NEEDED = 0.90, 8  # exact captions, and the number of families that need them
OPTIONS, STATEMENTS = 4, 5  # in the context of a question
_FRESH = 5_000_000  # validation seeds from here on are the gate's own
VERDICT_TOKENS, CAPTION_TOKENS, ANSWER_TOKENS = 48, 160, 16  # most tokens of a reply
_ROUND = 64  # questions between two steps of the progress bar


def measure(model, processor, n: int = 1000, per_family: int = 300, step: Callable[[int], object] = lambda k: None):
    """Return {gate: {value, low, n, floor, passed}}; `step(k)` is called after every k replies.

    `n` is the number of questions of a gate and `per_family` that of captions of a family. Reported gates have
    `passed` None and the hoped value as `floor`.
    """

    def reply(asked, most=VERDICT_TOKENS):
        """Return greedy replies to questions, in rounds of one batch."""
        texts = []
        for first in range(0, len(asked), _ROUND):
            texts += greedy(model, processor, asked[first : first + _ROUND], most)
            step(len(asked[first : first + _ROUND]))
        return texts

    found = {name: _needed(flags, FLOORS[name]) for name, flags in _reading(model, processor, n, reply, step).items()}
    found["asked form"] = _needed(_asked_form(n, reply), FLOORS["asked form"])
    found |= _captions(per_family, lambda asked: reply(asked, CAPTION_TOKENS))
    for name, flags in (_told(n, reply) | _judging(model, processor, n, reply, step)).items():
        found[name] = _needed(flags, HOPED[name]) | {"passed": None}
    return found


def reading(model, processor, n: int) -> float:
    """Return the share of right answers to n questions each in both directions on options and statements."""
    found = _reading(model, processor, n, lambda asked: greedy(model, processor, asked, 24), lambda k: None)
    flags = [flag for group in found.values() for flag in group]
    return sum(flags) / len(flags)


def passed(found: dict[str, dict]) -> bool:
    """Return whether every needed gate passed."""
    return all(gate["passed"] is not False for gate in found.values())


def replies_needed(n: int, per_family: int) -> int:
    """Return about how many replies `measure` asks for, the total of a progress bar."""
    return 12 * n + per_family * len(FAMILIES)


def option_questions(rng: Random, to_letter: bool) -> tuple[str, str]:
    """Return (question, answer) on four options: the letter of one, or the text at a letter."""
    letters, words = rng.choice(held_out.LETTER_SETS), rng.sample(held_out.WORDS, OPTIONS)
    letters = rng.sample(letters, OPTIONS)
    k = rng.randrange(OPTIONS)
    phrasing = rng.choice(held_out.LETTER_OF_OPTION if to_letter else held_out.OPTION_OF_LETTER)
    options = " ".join(f"{letter}. {word}" for letter, word in zip(letters, words, strict=True))
    return f"{options}\n{phrasing.format(l=letters[k], w=words[k])}", letters[k] if to_letter else words[k]


def statement_beginning(rng: Random, from_end: bool) -> tuple[str, str]:
    """Return (text that ends in an open statement, the word that completes it)."""
    words, relation = rng.sample(held_out.WORDS, 2 * STATEMENTS), rng.choice(held_out.RELATIONS)
    facts = list(zip(words[::2], words[1::2], strict=True))
    text, (x, y) = "".join(f" {a} {relation} {b}." for a, b in facts), rng.choice(facts)
    return (f"{text} {held_out.FROM_END.format(v=relation, y=y)}", x) if from_end else (f"{text} {x} {relation}", y)


def completions(model, processor, texts: Sequence[str], most: int = 12) -> list[str]:
    """Return the model's greedy continuations of raw texts, without chat marks."""
    import torch

    tokenizer, found = processor.tokenizer, []
    for first in range(0, len(texts), _ROUND):
        rows = [tokenizer.bos_token + text for text in texts[first : first + _ROUND]]
        inputs = tokenizer(rows, padding=True, padding_side="left", add_special_tokens=False, return_tensors="pt")
        inputs = {name: inputs[name].to(model.device) for name in ("input_ids", "attention_mask")}
        with torch.inference_mode():
            out = model.generate(**inputs, max_new_tokens=most, do_sample=False, pad_token_id=tokenizer.pad_token_id)
        found += tokenizer.batch_decode(out[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return found


def in_asked_form(example, text: str) -> bool:
    """Return whether a reply has the form of the question: one of its letters, yes or no, a number, or a word."""
    text = text.strip()
    if example.options:
        return text in tuple("ABCD"[: len(example.options)])
    if example.answer in YES_NO:
        return text in YES_NO
    return text.isdigit() if example.answer.isdigit() else bool(re.fullmatch(r"[A-Za-z][a-z ]*", text))


def _reading(model, processor, n, reply, step):
    """Return {gate: flags} of options in chat form and of statements in raw form."""
    found = {}
    for name, to_letter in (("letter of option", True), ("option of letter", False)):
        asked = [option_questions(Random(f"gate/{name}/{k}"), to_letter) for k in range(n)]
        texts = reply([(None, question) for question, _ in asked])
        found[name] = [text.strip() == answer for text, (_, answer) in zip(texts, asked, strict=True)]
    for name, from_end in (("statement from key", False), ("statement from end", True)):
        begun = [statement_beginning(Random(f"gate/{name}/{k}"), from_end) for k in range(n)]
        texts = completions(model, processor, [text for text, _ in begun])
        step(n)
        found[name] = [bool(re.match(rf" {answer}(?!\w)", text)) for text, (_, answer) in zip(texts, begun)]
    return found


def _asked_form(n, reply):
    """Return for closed questions of withheld templates whether the reply has the asked form."""
    names = list(FAMILIES)
    drawn, k = [], 0
    while len(drawn) < n:
        rng, family = Random(f"gate/form/{k}"), names[k % len(names)]
        example = draw(family, seeds("validation", 1, _FRESH + k)[0], template=rng.choice(templates(family, True)))
        k += 1
        if example.options or example.answer in YES_NO:
            drawn.append(example)
    texts = reply([(e.image, e.question) for e in drawn])
    return [in_asked_form(e, text) for e, text in zip(drawn, texts, strict=True)]


def _captions(per_family, reply):
    """Return the gate of each family's captions and that of the number of families that pass."""
    found = {}
    for family in FAMILIES:
        drawn = [draw(family, seed) for seed in seeds("validation", per_family, _FRESH)]
        texts = reply([(e.image, DESCRIBE) for e in drawn])
        exact = [caption_score(text, e.facts)["exact"] for text, e in zip(texts, drawn, strict=True)]
        found[f"captions, {family}"] = _needed(exact, CAPTIONS) | {"passed": None}
    good = sum(gate["low"] >= CAPTIONS for gate in found.values())
    whole = {"value": good, "low": good, "n": len(found), "floor": FAMILIES_NEEDED, "passed": good >= FAMILIES_NEEDED}
    return found | {"families with captions": whole}


def _told(n, reply):
    """Return {gate: flags} of questions on scenes that are told in words."""
    found = {}
    for name, depth, withheld in (
        ("told, one step", 1, False), ("told, one step, withheld", 1, True), ("told, two steps", 2, False),
    ):  # fmt: skip
        asked, k = [], 0
        while len(asked) < n:
            scene = questions_about_one_scene(Random(f"gate/{name}/{k}"), "validation", _FRESH + k, depth, withheld)
            fitting = [one for one in scene if one.depth == depth]
            asked, k = asked + fitting[:1], k + 1
        texts = reply([(None, f"{one.description}\n{one.question}") for one in asked])
        found[name] = [text.strip() == one.answer for text, one in zip(texts, asked, strict=True)]
    return found


def _judging(model, processor, n, reply, step):
    """Return {gate: flags} of judging single statements and pairs of the model's own captions."""
    names = list(FAMILIES)
    drawn = [draw(names[k % len(names)], seed) for k, seed in enumerate(seeds("validation", n, _FRESH + 1_000_000))]
    found = {"statements judged": judge_accuracy(reply, single_cases(drawn))}
    # two captions of each: the only place that samples, so the base's report need not do so again
    own = [sampled(model, processor, [(e.image, DESCRIBE) for e in drawn], seed, CAPTION_TOKENS) for seed in (0, 1)]
    step(2 * n)
    cases = own_cases(drawn, list(zip(*own, strict=True)))
    return found | {"own captions judged": judge_accuracy(reply, cases)}


def _needed(flags, floor) -> dict:
    """Return the gate of some flags; without flags nothing is measured and the gate fails."""
    found = share(bool(flag) for flag in flags) or {"value": 0.0, "low": 0.0, "n": 0}
    low = found["low"]
    return {"value": found["value"], "low": low, "n": found["n"], "floor": floor, "passed": low >= floor}
