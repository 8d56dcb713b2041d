"""Chat formats: how one question with its four stages becomes what a model is trained to say.

An arm of the study is a target format and a schedule. The formats are those of LLaVA-o1's ablations (Table 2 of
version 1, Table 7 of version 6), LlamaV-o1's four-turn dialog, and three controls of this study: filler tokens in the
place of the chain, and one stage alone before the answer. `prompt_turns` gives the inference prompts, worded as in
training.

    messages(item, "tags")                    [user turn with the picture and the question, assistant turn in tags]
    prompt_turns(item.question, "four_turn")  the four human turns of LlamaV-o1
    answer_text(output, "tags")               the text of the conclusion

`FORMATS` is the only list of formats. To add one, add an entry here, a test and a row of experiments.yaml. This module
handles text only: nothing is tokenized.
"""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from o1lib.formats.question import StagedQuestion
from o1lib.formats.special_tags import SPECIAL_TAGS as SPECIAL_TAGS  # offered here with the formats
from o1lib.formats.special_tags import from_special, to_special
from o1lib.formats.stages import STAGES, close_tag, open_tag, parse, parse_plain, plain, render
from o1lib.formats.target_format import Exchange, Stages, TargetFormat, one_prompt
from o1lib.formats.thoughts import conclusion, without_thoughts
from o1lib.records import UserError, choose

# Human turns of the training example printed in LlamaV-o1 (arXiv:2501.06186); the first follows the question.
FOUR_TURN_PROMPTS = (
    "Please generate a summary of the picture.",
    "Please generate a detailed caption for the image.",
    "Please generate a detailed reasoning to answer the question given the caption.",
    "Please generate the final answer based on reasoning steps. Do not output anything else.",
)
# The separate tasks use the same words, except that their last prompt cannot refer to reasoning steps. It is the prompt
# of LlamaV-o1's first code commit.
SEPARATE_PROMPTS = dict(zip(STAGES, FOUR_TURN_PROMPTS, strict=True)) | {
    "conclusion": "Please generate the final answer. Do not output anything else."
}


def _one_reply(write: Callable[[StagedQuestion, Stages, Random | None], str]):
    """Return the `exchanges` of a format whose whole target is one reply, the text that `write` returns."""
    return lambda item, stages, rng: [(one_prompt(item.question, stages)[0], write(item, stages, rng))]


def _tagged(label: str, stages: Stages) -> TargetFormat:
    """Return the format whose target has these stages in tags."""
    return TargetFormat(
        label,
        exchanges=_one_reply(lambda item, wanted, rng: render(_texts(item, [s for s in stages if s in wanted]))),
        answer=_tagged_answer,
        before_answer=partial(_up_to, open_tag("conclusion")),
        keeps_form=lambda output: parse(output, expected=stages).well_formed,
        stage_ends={stage: close_tag(stage) for stage in stages},
        stages=stages,
    )


def _bare(label: str, filled: bool = False) -> TargetFormat:
    """Return the format whose target is the answer alone."""
    return TargetFormat(
        label,
        exchanges=lambda item, stages, rng: [(item.question, item.answer)],
        prompts=lambda question, stages: [question],
        stages=("conclusion",),
        staged=False,
        filled=filled,
    )


def _texts(item: StagedQuestion, stages: Sequence[str]) -> dict[str, str]:
    return {stage: item.stages[stage] for stage in stages}


def _shuffled(item: StagedQuestion, stages: Stages, rng: Random | None) -> str:
    """Return the tagged stages with the conclusion first or, in every second example, in a random order."""
    if rng and rng.random() < 0.5:
        order = tuple(rng.sample(stages, len(stages)))
    else:
        order = tuple(sorted(stages, key=lambda stage: stage != "conclusion"))
    return render(_texts(item, order), order)


def _in_any_order(output: str) -> bool:
    found = parse(output)
    return parse(output, expected=tuple(found.stages)).well_formed and not found.missing


def _task(question: str, stage: str, caption: str = "") -> str:
    """Return the user turn that asks for one stage alone; the reasoning task is given the caption."""
    context = f"\nCaption: {caption}" if stage == "reasoning" else ""
    return f"{question}{context}\n{SEPARATE_PROMPTS[stage]}"


def _one_task(item: StagedQuestion, stages: Stages, rng: Random | None) -> list[Exchange]:
    stage = rng.choice(stages) if rng else stages[-1]
    return [(_task(item.question, stage, item.stages["caption"]), item.stages[stage])]


def _dialog_prompts(question: str, stages: Stages) -> list[str]:
    first, *rest = (prompt for stage, prompt in zip(STAGES, FOUR_TURN_PROMPTS, strict=True) if stage in stages)
    return [f"{question} {first}", *rest]


def _dialog(item: StagedQuestion, stages: Stages, rng: Random | None) -> list[Exchange]:
    return list(zip(_dialog_prompts(item.question, stages), _texts(item, stages).values(), strict=True))


def _tagged_answer(output: str) -> str:
    return conclusion(output).strip()


def _last_paragraph(output: str) -> str:
    return parse_plain(output).get("conclusion", "")


def _before_last_paragraph(output: str) -> str:
    before, blank, _ = output.rstrip().rpartition("\n\n")
    return before + blank


def _up_to(tag: str, output: str) -> str:
    """Return the output up to the end of `tag`, which is appended if it is missing."""
    text, found, _ = output.partition(tag)
    return text + ("" if found else "\n\n") + tag


def _four_paragraphs(output: str) -> bool:
    return len(parse_plain(output)) == len(STAGES)


FORMATS: dict[str, TargetFormat] = {
    "direct": _bare("direct training"),
    "no_tags": TargetFormat(
        "without tags",
        exchanges=_one_reply(lambda item, stages, rng: plain(_texts(item, stages))),
        answer=_last_paragraph,
        before_answer=_before_last_paragraph,
        keeps_form=_four_paragraphs,
        stage_ends=dict(zip(STAGES, ("\n\n", "\n\n", "\n\n", ""), strict=True)),
    ),
    "tags": _tagged("structured", STAGES),
    "special_tags": TargetFormat(
        "tags as special tokens",
        exchanges=_one_reply(lambda item, stages, rng: to_special(render(_texts(item, stages)))),
        answer=lambda output: _tagged_answer(from_special(output)),
        before_answer=partial(_up_to, to_special(open_tag("conclusion"))),
        keeps_form=lambda output: parse(from_special(output)).well_formed,
        stage_ends={stage: to_special(close_tag(stage)) for stage in STAGES},
    ),
    # The order is the model's own choice, so a search cannot know which stage comes next.
    "shuffled": TargetFormat(
        "stages shuffled",
        exchanges=_one_reply(_shuffled),
        answer=_tagged_answer,
        before_answer=partial(_up_to, open_tag("conclusion")),
        keeps_form=_in_any_order,
    ),
    # The tasks form no chain (LLaVA-o1, version 6, Table 7): inference asks for the conclusion alone.
    "separate": TargetFormat(
        "stages as separate tasks",
        exchanges=_one_task,
        prompts=lambda question, stages: [_task(question, "conclusion")],
        staged=False,
        stage_tasks=True,
    ),
    "four_turn": TargetFormat(
        "four turns",
        exchanges=_dialog,
        prompts=_dialog_prompts,
        answer=_last_paragraph,
        keeps_form=_four_paragraphs,
        stage_ends=dict.fromkeys(STAGES, ""),
        by_turn=True,
    ),
    # As many positions before the answer as a chain has, but none of its words (arXiv:2404.15758 trains on such dots).
    "filler": _bare("filler tokens, then the answer", filled=True),
    "caption_only": _tagged("caption, then the answer", ("caption", "conclusion")),
    "reasoning_only": _tagged("reasoning, then the answer", ("reasoning", "conclusion")),
}

CONTROLS = ("filler", "caption_only", "reasoning_only")  # formats of neither paper


def messages(
    item: StagedQuestion, format: str, rng: Random | None = None, stages: Sequence[str] = STAGES
) -> list[dict]:
    """Return the chat of one training example: user and assistant turns, the picture in the first user turn.

    `stages` keeps only these stages in the target, in their usual order (a curriculum's first phase). `rng` draws the
    order of `shuffled` and the task of `separate`; without `rng`, `shuffled` puts the conclusion first and
    `separate` uses the last stage.
    Raises UserError for an unknown format or stage, and for a part of a format that is learned whole (`direct` without
    the conclusion).
    """
    chat = []
    for user, assistant in _exchanges(item, format, rng, stages):
        picture = [] if chat else [{"type": "image"}]
        chat.append({"role": "user", "content": picture + [{"type": "text", "text": user}]})
        chat.append({"role": "assistant", "content": [{"type": "text", "text": assistant}]})
    return chat


def target(item: StagedQuestion, format: str, rng: Random | None = None, stages: Sequence[str] = STAGES) -> str:
    """Return all that the assistant says in `messages`, turns joined by blank lines. Raises as `messages` does."""
    return "\n\n".join(assistant for _, assistant in _exchanges(item, format, rng, stages))


def prompt_turns(question: str, format: str, stages: Sequence[str] = STAGES) -> list[str]:
    """Return the user turns that ask for an answer, equal to those of training: four for `four_turn`, otherwise one.

    `separate` asks for the conclusion alone. Raises UserError as `messages` does.
    """
    wanted = _checked(format, stages)
    return FORMATS[format].prompts(question, wanted)


def answer_text(output: str | Sequence[str], format: str) -> str:
    """Return the part of a model's output that gives the answer; the gold answer is never seen.

    It is the conclusion for tagged formats (the whole output if there are no tags), the last paragraph for `no_tags`,
    the last turn for `four_turn` (given as a list of turns, or as one text of turns joined by blank lines), otherwise
    the whole output, always without thoughts. Raises UserError for an unknown format.
    """
    entry = choose(format, FORMATS, "format")
    if not isinstance(output, str):
        return without_thoughts(output[-1]).strip() if output else ""
    return entry.answer(without_thoughts(output))


def _exchanges(item: StagedQuestion, format: str, rng: Random | None, stages: Sequence[str]) -> list[Exchange]:
    wanted = _checked(format, stages)
    return FORMATS[format].exchanges(item, wanted, rng)


def _checked(format: str, stages: Sequence[str]) -> Stages:
    """Return `stages` as a tuple in their usual order. Raises UserError for an unknown format or stage."""
    entry = choose(format, FORMATS, "format")
    unknown = [stage for stage in stages if stage not in STAGES]
    if unknown:
        raise UserError(f"unknown stages {', '.join(map(str, unknown))}: choose among {', '.join(STAGES)}")
    if not stages:
        raise UserError(f"no stages: choose among {', '.join(STAGES)}")
    if entry.stages != STAGES and not set(entry.stages) <= set(stages):
        raise UserError(
            f"format '{format}' trains on {' and '.join(entry.stages)} together: train it on whole items, with "
            "schedule 'mixed'"
        )
    return tuple(stage for stage in STAGES if stage in stages)
