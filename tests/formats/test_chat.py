"""Chat formats: the prompts, the trained targets, and the answers read from outputs."""

import random
from types import SimpleNamespace

import pytest

from o1lib.formats.chat import FORMATS, answer_text, messages, prompt_turns, target
from o1lib.formats.special_tags import SPECIAL_TAGS, from_special, to_special
from o1lib.formats.stages import STAGES, parse
from o1lib.formats.target_format import TargetFormat
from o1lib.records import UserError
from o1lib.scoring.short_form import well_formed
from o1lib.search.methods import task_for
from o1lib.training.curriculum import plan

ITEM = SimpleNamespace(
    question="How many dots?\nA. 2\nB. 3",
    answer="B",
    stages={
        "summary": "I will count the dots.",
        "caption": "There are three dots.",
        "reasoning": "One, two, three.",
        "conclusion": "B",
    },
)


def user_texts(chat):
    return [turn["content"][-1]["text"] for turn in chat if turn["role"] == "user"]


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "separate"])
def test_inference_asks_in_the_words_of_training(format):
    for seed in range(10):
        assert prompt_turns(ITEM.question, format) == user_texts(messages(ITEM, format, random.Random(seed)))


def test_separate_asks_for_the_conclusion_at_inference():
    """The prompt at inference equals that of the conclusion task in training."""
    assert prompt_turns(ITEM.question, "separate") == user_texts(messages(ITEM, "separate", stages=("conclusion",)))


@pytest.mark.parametrize("format", FORMATS)
def test_the_picture_is_in_the_first_user_turn_only(format):
    chat = messages(ITEM, format)
    assert [part["type"] for turn in chat for part in turn["content"]].count("image") == 1
    assert chat[0]["role"] == "user" and chat[0]["content"][0] == {"type": "image"}
    assert [turn["role"] for turn in chat] == ["user", "assistant"] * (len(chat) // 2)


@pytest.mark.parametrize("format", FORMATS)
def test_the_answer_is_found_again_in_every_target(format):
    assert answer_text(target(ITEM, format), format) == "B"


@pytest.mark.parametrize("format", ["no_tags", "tags", "special_tags", "four_turn"])
def test_a_first_phase_is_trained_on_summary_and_caption_only(format):
    text = target(ITEM, format, stages=("summary", "caption"))
    assert "I will count" in text and "three dots" in text and "One, two" not in text and "B" not in text


@pytest.mark.parametrize("format", ["no_tags", "tags", "special_tags", "shuffled", "four_turn"])
def test_half_an_answer_has_a_prompt_of_its_own(format):
    """Otherwise one prompt would have a whole answer in one example and half an answer in another."""
    half = ("summary", "caption")
    assert prompt_turns("q", format) != prompt_turns("q", format, half)
    assert prompt_turns(ITEM.question, format, half) == user_texts(messages(ITEM, format, stages=half))


def test_four_turn_uses_the_words_of_paper_b():
    chat = messages(ITEM, "four_turn")
    assert user_texts(chat)[0] == ITEM.question + " Please generate a summary of the picture."
    assert user_texts(chat)[3] == (
        "Please generate the final answer based on reasoning steps. Do not output anything else."
    )
    assert [turn["content"][0]["text"] for turn in chat[1::2]] == [ITEM.stages[stage] for stage in STAGES]


def test_special_tags_are_eight_tokens_that_translate_back():
    text = target(ITEM, "special_tags")
    assert [text.count(token) for token in SPECIAL_TAGS] == [1] * 8 and "<SUMMARY>" not in text
    assert from_special(text) == target(ITEM, "tags") and to_special(from_special(text)) == text


def test_shuffled_keeps_every_stage_and_varies_their_order():
    """Half of the examples start with the conclusion, the others have a random order."""
    orders = []
    for seed in range(200):
        text = target(ITEM, "shuffled", random.Random(seed))
        assert parse(text).stages == ITEM.stages
        orders.append(tuple(sorted(STAGES, key=lambda stage: text.index(f"<{stage.upper()}>"))))
    first = sum(order[0] == "conclusion" for order in orders) / 200
    assert 0.5 < first < 0.75 and len(set(orders)) > 15


def test_separate_draws_every_stage():
    """Only the reasoning task is given the caption."""
    chats = [messages(ITEM, "separate", random.Random(seed)) for seed in range(60)]
    assert {chat[1]["content"][0]["text"] for chat in chats} == set(ITEM.stages.values())
    reasoning = messages(ITEM, "separate", stages=("reasoning",))
    assert "Caption: There are three dots." in user_texts(reasoning)[0]


def test_an_output_without_a_conclusion_is_taken_whole():
    assert answer_text(" B ", "tags") == "B"
    assert answer_text(["a summary", "a caption", "steps", "B "], "four_turn") == "B"


@pytest.mark.parametrize(
    "format, stages, words",
    [
        ("xml", STAGES, "unknown format 'xml'"),
        ("tags", ("abstract",), "unknown stages abstract: choose among summary"),
        ("tags", (), "^no stages: choose among summary"),
        ("direct", ("summary",), "'direct' trains on conclusion together: train it on whole items"),
        ("caption_only", ("summary", "caption"), "'caption_only' trains on caption and conclusion together"),
    ],
)
def test_an_unknown_format_or_stage_is_named(format, stages, words):
    with pytest.raises(UserError, match=words):
        messages(ITEM, format, stages=stages)


@pytest.mark.parametrize("stage", ["caption", "reasoning"])
def test_one_stage_before_the_answer_is_tagged_and_ends_at_its_tag(stage):
    format, kept = f"{stage}_only", {name: ITEM.stages[name] for name in (stage, "conclusion")}
    assert parse(target(ITEM, format), tuple(kept)).stages == kept
    assert FORMATS[format].keeps_form(target(ITEM, format)) and not FORMATS[format].keeps_form(target(ITEM, "tags"))
    ends = [(one.stage, one.stop) for one in task_for("q", ITEM.question, None, format).stages]
    assert ends == [(name, (f"</{name.upper()}>",)) for name in kept]


@pytest.fixture
def arrow(monkeypatch):
    """A format of two stages: the caption, an arrow, and the answer."""
    entry = TargetFormat(
        "caption and answer",
        exchanges=lambda item, stages, rng: [(item.question, f"{item.stages['caption']} => {item.answer}")],
        prompts=lambda question, stages: [question],
        answer=lambda output: output.rpartition("=>")[2].strip(),
        keeps_form=lambda output: output.count("=>") == 1,
        stage_ends={"caption": "=>", "conclusion": ""},
    )
    monkeypatch.setitem(FORMATS, "arrow", entry)
    return "arrow"


def test_an_entry_is_enough_to_train_a_new_format(arrow):
    assert target(ITEM, arrow) == "There are three dots. => B"
    assert user_texts(messages(ITEM, arrow)) == prompt_turns(ITEM.question, arrow) == [ITEM.question]
    assert plan("mixed", arrow, [ITEM]) == [[(ITEM, STAGES)]]


def test_an_entry_is_enough_to_search_a_new_format(arrow):
    stages = task_for("q", ITEM.question, None, arrow).stages
    assert [(stage.stage, stage.stop, stage.turn) for stage in stages] == [
        ("caption", ("=>",), None),
        ("conclusion", (), None),
    ]


def test_an_entry_is_enough_to_score_a_new_format(arrow):
    assert answer_text(target(ITEM, arrow), arrow) == "B"
    assert well_formed(target(ITEM, arrow), arrow) and not well_formed("B", arrow)


def test_an_unknown_format_is_answered_with_the_nearest():
    with pytest.raises(UserError, match=r"unknown format 'tag' \(did you mean tags\?\): choose one of direct, no_tags"):
        prompt_turns("q", "tag")


def test_every_format_has_a_label_of_its_own():
    assert len({entry.label for entry in FORMATS.values()}) == len(FORMATS)
