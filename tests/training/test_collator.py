"""The loss mask: assistant text and turn ends are learned, prompts and pictures are not."""

import random
from dataclasses import replace

import pytest

from o1lib.formats.chat import FORMATS, FOUR_TURN_PROMPTS, messages
from o1lib.formats.stages import STAGES
from o1lib.inference.chat import ChatTokenizer
from o1lib.minivqa import draw
from o1lib.training import spans, supervised
from o1lib.training.collator import collator
from o1lib.training.positions import PositionCounter

EXAMPLE = draw("mini-CLEVR", 0)
S, CAP, R, C = EXAMPLE.stages.values()
END = "<|eot_id|>"
LEARNED = {
    "direct": C + END,
    "no_tags": f"{S}\n\n{CAP}\n\n{R}\n\n{C}{END}",
    "tags": f"<SUMMARY> {S} </SUMMARY>\n\n<CAPTION> {CAP} </CAPTION>\n\n<REASONING> {R} </REASONING>\n\n"
    f"<CONCLUSION> {C} </CONCLUSION>{END}",
    "special_tags": f"<|stage_0|> {S} <|stage_1|>\n\n<|stage_2|> {CAP} <|stage_3|>\n\n<|stage_4|> {R} <|stage_5|>\n\n"
    f"<|stage_6|> {C} <|stage_7|>{END}",
    "shuffled": f"<CONCLUSION> {C} </CONCLUSION>\n\n<SUMMARY> {S} </SUMMARY>\n\n<CAPTION> {CAP} </CAPTION>\n\n"
    f"<REASONING> {R} </REASONING>{END}",
    "separate": C + END,
    "four_turn": S + END + CAP + END + R + END + C + END,
    "filler": C + END,
    "caption_only": f"<CAPTION> {CAP} </CAPTION>\n\n<CONCLUSION> {C} </CONCLUSION>{END}",
    "reasoning_only": f"<REASONING> {R} </REASONING>\n\n<CONCLUSION> {C} </CONCLUSION>{END}",
}


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_exactly_assistant_text_and_turn_ends_are_learned(tiny, format):
    text, learned = supervised(tiny[1], messages(EXAMPLE, format), EXAMPLE.image)
    assert learned == LEARNED[format]
    assert text.startswith("<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n<|image|>" + EXAMPLE.question)


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_the_image_token_occurs_once_and_is_never_learned(tiny, format):
    parts = spans(tiny[1], messages(EXAMPLE, format, random.Random(0)), EXAMPLE.image)
    assert sum(text.count("<|image|>") for text, learned in parts if not learned) == 1
    assert not any("<|image|>" in text for text, learned in parts if learned)


@pytest.mark.slow
def test_later_user_turns_of_a_dialog_are_not_learned(tiny):
    parts = spans(tiny[1], messages(EXAMPLE, "four_turn"), EXAMPLE.image)
    assert [learned for _, learned in parts] == [False, True] * 4
    assert all(prompt in given for prompt, (given, _) in zip(FOUR_TURN_PROMPTS, parts[::2], strict=True))


def test_a_mark_of_a_picture_in_an_example_is_read_as_it_is_in_an_answer(tiny):
    """Its prompt has the tokens of the same question at inference, and asks for one picture."""
    model, processor = tiny
    stages = EXAMPLE.stages | {"conclusion": "the mark <|image|>"}
    item = replace(EXAMPLE, question="What does <|image|> mean?", stages=stages)
    example = {"messages": messages(item, "direct"), "images": [item.image]}
    batch = collator(processor)([example])
    ids, learned = batch["input_ids"][0].tolist(), (batch["labels"][0] != -100).tolist()
    prompt = [token for token, own in zip(ids, learned, strict=True) if not own]
    tokenizer = ChatTokenizer(processor, set())
    assert prompt == tokenizer.ids(tokenizer.render((item.question,)))
    assert ids.count(processor.image_token_id) == 1 and example["messages"] == messages(item, "direct")
    [counts] = PositionCounter(processor, model).count([(item, STAGES)], "direct")
    assert (counts.text, counts.supervised) == (len(ids), sum(learned))
