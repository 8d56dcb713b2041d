"""Chat formats: how one question with its four stages becomes what a model is trained to say.

An arm of the study is a format and a schedule. The formats are those of paper A's ablations (Table 2 of version 1,
Table 7 of version 6) and paper B's four-turn dialog; `prompt_turns` asks at inference in training's own words.

    messages(item, "tags")                    [user turn with the picture and the question, assistant turn in tags]
    prompt_turns(item.question, "four_turn")  the four human turns of paper B
    answer_text(output, "tags")               what stands in the conclusion

An item is anything with `question`, `answer` and `stages` (a dict of the four texts). Text only: nothing is tokenised.
"""

import random
from collections.abc import Sequence

from o1lib.formats.stages import STAGES, close_tag, open_tag, parse, parse_plain, plain, render
from o1lib.records import UserError

FORMATS = ("direct", "no_tags", "tags", "special_tags", "shuffled", "separate", "four_turn")

# Human turns of the training example printed in paper B (arXiv:2501.06186); the first follows the question.
FOUR_TURN_PROMPTS = (
    "Please generate a summary of the picture.",
    "Please generate a detailed caption for the image.",
    "Please generate a detailed reasoning to answer the question given the caption.",
    "Please generate the final answer based on reasoning steps. Do not output anything else.",
)
# The separate tasks use the same words; the last is that of B's first code commit: there are no steps to base it on.
SEPARATE_PROMPTS = dict(zip(STAGES, FOUR_TURN_PROMPTS, strict=True)) | {
    "conclusion": "Please generate the final answer. Do not output anything else."
}

SPECIAL_TAGS = tuple(f"<|stage_{k}|>" for k in range(2 * len(STAGES)))
_PLAIN_TAGS = tuple(tag(stage) for stage in STAGES for tag in (open_tag, close_tag))


def messages(item, format: str, rng: random.Random | None = None, stages: Sequence[str] = STAGES) -> list[dict]:
    """Return the chat of one training example: user and assistant turns, the picture in the first user turn.

    `stages` keeps only these stages in the target, in their usual order (a curriculum's first phase). `rng` draws the
    order of `shuffled` and the task of `separate`; without it they are conclusion first and the last stage.
    Raises UserError for an unknown format or stage, and for `direct` without the conclusion.
    """
    chat = []
    for user, assistant in _pairs(item, format, rng, stages):
        picture = [] if chat else [{"type": "image"}]
        chat.append({"role": "user", "content": picture + [{"type": "text", "text": user}]})
        chat.append({"role": "assistant", "content": [{"type": "text", "text": assistant}]})
    return chat


def target(item, format: str, rng: random.Random | None = None, stages: Sequence[str] = STAGES) -> str:
    """Return all that the assistant says in `messages`, turns joined by blank lines."""
    return "\n\n".join(assistant for _, assistant in _pairs(item, format, rng, stages))


def prompt_turns(question: str, format: str, stages: Sequence[str] = STAGES) -> list[str]:
    """Return the user turns that ask for an answer: four for `four_turn`, otherwise one.

    They equal training's. `separate` asks for the conclusion alone, for its tasks form no chain (paper A, version 6,
    Table 7). When only some stages are wanted a one-turn prompt says so; otherwise the same prompt would be followed
    now by a whole answer and now by half of one, and the trained model would stop early at inference.
    """
    stages = _known(format, stages)
    if format == "four_turn":
        first, *rest = (prompt for stage, prompt in zip(STAGES, FOUR_TURN_PROMPTS, strict=True) if stage in stages)
        return [f"{question} {first}", *rest]
    if format == "separate":
        return [_task(question, "conclusion")]
    if stages == STAGES or format == "direct":
        return [question]
    return [f"{question}\nPlease generate only the {' and the '.join(stages)}."]


def answer_text(output: str | Sequence[str], format: str) -> str:
    """Return the part of a model's output in which the answer stands; the gold answer is never seen.

    The conclusion for tagged formats (the whole output when there is none), the last paragraph for `no_tags`, the last
    turn for `four_turn` (given as a list of turns, or as one text of turns joined by blank lines), otherwise all of it.
    """
    _known(format, STAGES)
    if not isinstance(output, str):
        return output[-1].strip() if output else ""
    if format in ("tags", "shuffled", "special_tags"):
        text = from_special(output) if format == "special_tags" else output
        return parse(text).stages.get("conclusion", text).strip()
    if format in ("no_tags", "four_turn"):
        return parse_plain(output).get("conclusion", "")
    return output.strip()


def to_special(text: str) -> str:
    """Return the text with each stage tag replaced by its reserved token, `<|stage_0|>` to `<|stage_7|>`."""
    for tag, token in zip(_PLAIN_TAGS, SPECIAL_TAGS, strict=True):
        text = text.replace(tag, token)
    return text


def from_special(text: str) -> str:
    """Return the text with each reserved token replaced by its stage tag, the inverse of `to_special`."""
    for tag, token in zip(_PLAIN_TAGS, SPECIAL_TAGS, strict=True):
        text = text.replace(token, tag)
    return text


def _pairs(item, format, rng, stages):
    """Return the (user text, assistant text) turns of one training example."""
    stages = _known(format, stages)
    if format == "separate":
        stage = rng.choice(stages) if rng else stages[-1]
        return [(_task(item.question, stage, item.stages["caption"]), item.stages[stage])]
    users = prompt_turns(item.question, format, stages)
    if format == "four_turn":
        return list(zip(users, (item.stages[stage] for stage in stages), strict=True))
    return [(users[0], _whole(item, format, rng, stages))]


def _whole(item, format, rng, stages):
    if format == "direct":
        return item.answer
    if format == "no_tags":
        return plain({stage: item.stages[stage] for stage in stages})
    order = _order(stages, rng) if format == "shuffled" else stages
    text = render({stage: item.stages[stage] for stage in order}, order)
    return to_special(text) if format == "special_tags" else text


def _order(stages, rng):
    """Return the stages conclusion first, or in every second example in a random order."""
    if rng and rng.random() < 0.5:
        return tuple(rng.sample(stages, len(stages)))
    return tuple(sorted(stages, key=lambda stage: stage != "conclusion"))


def _task(question, stage, caption=""):
    """Return the one user turn that asks for one stage; reasoning is given the caption that it reasons from."""
    context = f"\nCaption: {caption}" if stage == "reasoning" else ""
    return f"{question}{context}\n{SEPARATE_PROMPTS[stage]}"


def _known(format, stages):
    """Return `stages` as a tuple in their usual order, having checked them and the format."""
    if format not in FORMATS:
        raise UserError(f"unknown format '{format}': choose one of {', '.join(FORMATS)}")
    unknown = [stage for stage in stages if stage not in STAGES]
    if unknown or not stages:
        raise UserError(f"unknown or no stages {unknown}: choose among {', '.join(STAGES)}")
    if format == "direct" and "conclusion" not in stages:
        raise UserError("format 'direct' has nothing but the answer: train it on the conclusion, with schedule 'mixed'")
    return tuple(stage for stage in STAGES if stage in stages)
