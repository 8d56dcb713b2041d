"""The base's lessons: what is learned, what is held out for the gate, and what never occurs."""

import random
import re
from collections import Counter

import pytest

from o1lib.formats.special_tags import SPECIAL_TAGS
from o1lib.formats.stages import STAGES, close_tag, open_tag
from o1lib.minivqa import FAMILIES
from o1lib.minivqa.facts import statements
from o1lib.models.presets import build
from o1lib.records import UserError
from o1lib.training import spans
from o1lib.training.base import phrases
from o1lib.training.lessons import held_out, lookups, plan, scenes
from o1lib.training.lessons.form import LESSON_TEMPLATE, raw

TAGS = [tag(stage) for stage in STAGES for tag in (open_tag, close_tag)] + list(SPECIAL_TAGS)


def texts(lesson):
    """Return the texts of a lesson's parts, in order."""
    return [part["text"] for turn in lesson["messages"] for part in turn["content"] if "text" in part]


@pytest.fixture(scope="module")
def drawn():
    """2,000 lookups over all of training, and 1,500 later lessons."""
    alone = [lookups.lookup_lesson(random.Random(k), k / 2000) for k in range(2000)]
    return alone, [plan.mixed_lesson(0, k, k / 1500) for k in range(1500)]


def test_a_raw_text_is_learned_only_where_words_are_looked_up(tiny):
    tiny[1].chat_template, usual = LESSON_TEMPLATE, tiny[1].chat_template
    try:
        found = spans(tiny[1], raw([(" cup is 7. cup is", False), (" 7.", True)])["messages"])
    finally:
        tiny[1].chat_template = usual
    assert [text for text, learned in found if learned] == [" 7."]
    assert "<|start_header_id|>" not in "".join(text for text, _ in found)


def test_the_lesson_template_leaves_chats_as_they_are(tiny):
    lesson = scenes.told_lesson(random.Random(0), 0)
    usual = tiny[1].chat_template
    as_usual = tiny[1].apply_chat_template(lesson["messages"], tokenize=False)
    tiny[1].chat_template = LESSON_TEMPLATE
    try:
        assert tiny[1].apply_chat_template(lesson["messages"], tokenize=False) == as_usual
    finally:
        tiny[1].chat_template = usual


def test_no_lesson_has_a_word_or_relation_of_the_gate(drawn):
    pattern = re.compile(rf"\b({'|'.join([*held_out.WORDS, *held_out.RELATIONS])})\b")
    assert not [text for lessons in drawn for lesson in lessons for text in texts(lesson) if pattern.search(text)]


def test_lessons_teach_every_token_of_the_gates_words():
    tokenizer = build("mini", 0, phrases())[1].tokenizer
    taught = Counter()
    for k in range(6000):
        lesson = lookups.lookup_lesson(random.Random(k), 0.2 + 0.8 * k / 6000)
        for message in lesson["messages"]:
            parts = [part["text"] for part in message["content"] if part["type"] == "text"]
            taught.update(
                token for text in parts if message["role"] == "assistant" for token in tokenizer.tokenize(text)
            )
    rare = {word: min(taught[token] for token in tokenizer.tokenize(word)) for word in spaced(held_out.WORDS)}
    assert {word: times for word, times in rare.items() if times < 5} == {}


def spaced(words):
    """Return the words as they begin a text and as they follow another word."""
    return [*words, *(f" {word}" for word in words)]


def test_no_lesson_has_a_phrasing_of_the_gate(drawn):
    phrasings = (*held_out.OPTION_OF_LETTER, *held_out.LETTER_OF_OPTION, held_out.FROM_END)
    pieces = [piece.strip() for text in phrasings for piece in re.split(r"\{\w\}", text) if len(piece.strip()) > 4]
    said = "\n".join(text for lessons in drawn for lesson in lessons for text in texts(lesson))
    assert not [piece for piece in pieces if piece in said]


def test_no_lesson_has_a_letter_set_of_the_gate(drawn):
    listed = [re.findall(r"(?:^|\W)\(?([A-Z])(?:\.|\)|:| )", text) for lesson in drawn[0] for text in texts(lesson)]
    assert sum(len(letters) > 1 for letters in listed) > 300
    assert all(held_out.allowed(letters) for letters in listed)


def test_no_lesson_has_a_stage_tag_or_the_four_stages_in_order(drawn):
    said = ["\n".join(texts(lesson)) for lessons in drawn for lesson in lessons]
    assert not [tag for text in said for tag in TAGS if tag in text]
    assert not [text for text in said if re.search(r"so the answer is [^.]+\.\s*\w+\s*$", text) and "then" in text]


def test_lookups_begin_with_lists_and_pairs_and_end_with_chats():
    first = [lookups.lookup_lesson(random.Random(k), 0.0) for k in range(100)]
    last = [lookups.lookup_lesson(random.Random(k), 1.0) for k in range(300)]
    assert all(lesson["messages"][0].get("raw") for lesson in first)
    assert 0.4 < sum(not lesson["messages"][0].get("raw") for lesson in last) / 300 < 0.6


def test_each_looked_up_word_stands_in_the_context(drawn):
    for lesson in drawn[0]:
        if not lesson["messages"][0].get("raw"):
            context = lesson["messages"][0]["content"][0]["text"]
            answers = [turn["content"][0]["text"] for turn in lesson["messages"] if turn["role"] == "assistant"]
            assert all(word in context for answer in answers for word in answer.split())


def test_captions_hold_every_fact_and_ignore_the_question():
    lesson = scenes.caption_lesson(random.Random(5), 5)
    example = scenes.drawn(random.Random(5), "base", 5)
    assert texts(lesson)[0] == scenes.DESCRIBE
    assert statements(texts(lesson)[1]) == list(example.facts) and lesson["images"] == [example.image]


def test_told_scenes_have_no_picture_and_start_with_one_step():
    lessons = [scenes.told_lesson(random.Random(k), k, 0.0) for k in range(100)]
    assert not any(lesson["images"] for lesson in lessons)
    asked = [scenes.questions_about_one_scene(random.Random(k), "base", k, 1) for k in range(100)]
    assert {one.depth for found in asked for one in found} == {1}


def test_questions_never_use_withheld_templates():
    found = [scenes.questions_about_one_scene(random.Random(k), "base", k) for k in range(200)]
    assert not any(one.withheld for some in found for one in some)
    assert {one.family for some in found for one in some} == set(FAMILIES)


def test_short_answers_come_in_every_form(drawn):
    said = {text for lesson in drawn[1] for text in texts(lesson)[1::2]}
    assert {"A", "B", "C", "D", "yes", "no"} <= said and any(text.isdigit() for text in said)


def test_judging_starts_after_some_practice():
    asked = [texts(plan.mixed_lesson(0, k, plan.JUDGING_FROM / 2))[0] for k in range(400)]
    assert not [text for text in asked if text.startswith("Which") and "Response 1" in text]


def test_lessons_are_fixed_by_seed_and_number():
    assert texts(plan.mixed_lesson(1, 5)) == texts(plan.mixed_lesson(1, 5)) != texts(plan.mixed_lesson(2, 5))


def test_the_phases_have_the_given_sizes():
    assert [len(phase) for phase in plan.base_phases(30, 20)] == [20, 30]
    with pytest.raises(UserError, match="lookups is -1"):
        plan.base_phases(30, -1)


@pytest.mark.slow
def test_words_of_lookup_questions_are_tokens_of_the_mini_base():
    from o1lib.training.base import phrases

    tokenizer = build("mini", phrases=phrases())[1].tokenizer
    assert len(tokenizer.tokenize(" costs")) == 1 and len(tokenizer.tokenize(" option")) == 1
