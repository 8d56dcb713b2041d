"""Filler tokens: before the answer in training and at inference, never learned, never generated, as long as a chain."""

import copy
import re

import pytest

from o1lib.formats.chat import FORMATS, messages, target
from o1lib.inference.decoder import Decoder
from o1lib.minivqa import draw, mixture
from o1lib.models.presets import encode, load, save
from o1lib.records import UserError, portable
from o1lib.search.methods import task_for
from o1lib.search.types import Conversation, GenerationRequest
from o1lib.training import spans
from o1lib.training.filler import chain_length, filler_token, insert_filler, put_filler

EXAMPLE, TOKEN = draw("mini-CLEVR", 0), "<|python_tag|>"
HEADER = "assistant<|end_header_id|>\n\n"


@pytest.fixture
def filled(tiny):
    """(model, processor) with seven filler tokens in the chat template."""
    model, processor = copy.copy(tiny[0]), copy.deepcopy(tiny[1])
    insert_filler(processor, 7)
    return model, processor


def test_only_the_answer_after_the_filler_is_learned(filled):
    (before, first), (after, learned) = spans(filled[1], messages(EXAMPLE, "filler"), EXAMPLE.image)
    assert before.endswith(HEADER + TOKEN * 7) and not first
    assert after == EXAMPLE.answer + "<|eot_id|>" and learned


def test_the_prompt_of_training_is_the_prompt_of_inference(filled):
    (before, _), _ = spans(filled[1], messages(EXAMPLE, "filler"), EXAMPLE.image)
    asked = encode(filled[1], [(EXAMPLE.image, EXAMPLE.question)])["input_ids"][0]
    assert filled[1].tokenizer.decode(asked) == before


@pytest.mark.parametrize("engine", ["propose", "likelihoods"])
def test_a_decoder_reads_the_filler_and_never_writes_it(filled, engine):
    decoder = Decoder(*filled, max_new_tokens=3)
    task = task_for("q", EXAMPLE.question, EXAMPLE.image, "filler")
    plain = len(filled[1].tokenizer(decoder.chat.render((task.opening,)).replace(TOKEN, "")).input_ids)
    if engine == "propose":
        [[found]] = decoder.propose([GenerationRequest(task, None, task.stages, greedy=True)])
        assert found.cost.prefilled == plain + 7 and found.tokens <= 3
    else:
        [(_, cost)] = decoder.likelihoods([Conversation(task, (task.opening,))], [["A"]])
        shared = len(decoder.prefiller.cached["q"].head.ids)
        assert cost.judge == plain + 7 - shared


def test_the_count_is_the_mean_length_of_what_stands_before_a_structured_answer(tiny):
    items = list(mixture("train", 12))
    chains = [re.sub("(?<=<CONCLUSION>).*", "", target(item, "tags"), flags=re.S) for item in items]
    lengths = [len(tiny[1].tokenizer(chain, add_special_tokens=False).input_ids) for chain in chains]
    assert chain_length(tiny[1].tokenizer, items) == round(sum(lengths) / 12) > 40


def test_only_the_format_with_filler_gets_it(tiny):
    processor = copy.deepcopy(tiny[1])
    assert all(put_filler(processor, name, [EXAMPLE]) == {} for name in FORMATS if name != "filler")
    assert processor.chat_template == tiny[1].chat_template
    count = chain_length(processor.tokenizer, [EXAMPLE])
    found = put_filler(processor, "filler", [EXAMPLE])
    assert portable(found) == found == {"word": TOKEN, "count": count}  # a record refuses a key named token


def test_a_saved_arm_keeps_its_filler(filled, tmp_path):
    _, processor = load(save(*filled, tmp_path / "model"))
    assert processor.chat_template == filled[1].chat_template


def test_the_filler_is_one_token_whatever_the_answer_begins_with(filled):
    tokenizer = filled[1].tokenizer
    assert filler_token(tokenizer) == TOKEN
    for answer in ("-3", ".", " 7", "B"):
        alone = tokenizer(answer, add_special_tokens=False).input_ids
        assert tokenizer(TOKEN * 3 + answer, add_special_tokens=False).input_ids[3:] == alone


def test_another_familys_template_keeps_its_words_around_the_filler(tiny):
    """A template whose line breaks are plain text, as Qwen's are."""
    processor = copy.deepcopy(tiny[1])
    processor.chat_template = (
        "{% for m in messages %}<|start_header_id|>{{ m['role'] }}\n{% if m['role'] == 'assistant' %}{% generation %}"
        "{{ m['content'][0]['text'] }}<|eot_id|>{% endgeneration %}{% else %}{{ m['content'][0]['text'] }}<|eot_id|>"
        "{% endif %}\n{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant\n{% endif %}"
    )
    insert_filler(processor, 2)
    asked = [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}]
    prompt = processor.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
    assert prompt.endswith("<|start_header_id|>assistant\n" + TOKEN * 2)
    told = [*asked, {"role": "assistant", "content": [{"type": "text", "text": "So."}]}]
    assert processor.apply_chat_template(told, tokenize=False) == prompt + "So.<|eot_id|>"


def test_a_second_filler_and_a_tokenizer_without_one_are_refused(filled, tiny):
    with pytest.raises(UserError, match="has <|python_tag|> already: start the filler from a base without it"):
        insert_filler(filled[1], 3)

    def letters(text, **_):
        return {"input_ids": list(text)} and type("Read", (), {"input_ids": list(text)})

    with pytest.raises(UserError, match="the tokenizer has none of"):
        filler_token(letters)
