"""The wording of judgments and the reading of verdicts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1lib.formats import judge_prompts


@pytest.mark.parametrize("kind", judge_prompts.KINDS)
def test_the_long_form_keeps_the_released_literals(kind):
    text = judge_prompts.judge_prompt(kind, "How many?", "two dots", "left", "right")
    for literal in (
        "Question: How many?",
        "Hint about the Question: two dots",
        "Repsonse 1: left",
        "Repsonse 2: right",
        "Since [reason], I choose response [1/2].",
    ):
        assert literal in text


@pytest.mark.parametrize("short", [True, False])
def test_without_a_hint_no_hint_is_mentioned(short):
    assert "Hint" not in judge_prompts.judge_prompt("caption", "q", "", "a", "b", short)


@pytest.mark.parametrize("kind", judge_prompts.KINDS)
def test_the_short_form_adds_a_dozen_words_at_most(kind):
    words = judge_prompts.judge_prompt(kind, "", "", "", "", short=True).replace(":", " ").split()
    assert len(words) <= 12


@pytest.mark.parametrize("kind", judge_prompts.KINDS)
@pytest.mark.parametrize("k", [1, 2])
def test_a_written_verdict_is_read_back_by_both_rules(kind, k):
    text = judge_prompts.verdict(kind, k)
    assert text.startswith(judge_prompts.verdict_prefix(judge_prompts.REASONS[kind]))
    assert text.removeprefix(judge_prompts.verdict_prefix(judge_prompts.REASONS[kind])) == f" {k}."
    assert judge_prompts.parse_verdict(text) == judge_prompts.parse_verdict(text, strict=True) == k


@pytest.mark.parametrize("text", ["", "neither", "I choose both", "I choose response 3"])
def test_an_unreadable_verdict_favors_the_second_response(text):
    """That is the rule of the release; the strict rule gives None."""
    assert judge_prompts.parse_verdict(text) == 2
    assert judge_prompts.parse_verdict(text, strict=True) is None


def test_a_verdict_that_names_both_is_unreadable_when_strict():
    assert judge_prompts.parse_verdict("I choose response 1 ... I choose response 2", strict=True) is None


@pytest.mark.slow
@given(st.text())
def test_reading_a_verdict_never_raises(text):
    assert judge_prompts.parse_verdict(text) in (1, 2)
    assert judge_prompts.parse_verdict(text, strict=True) in (1, 2, None)


def test_a_check_fails_only_on_incorrect():
    assert judge_prompts.parse_check("The reasoning is Correct.")
    assert not judge_prompts.parse_check("It is INCORRECT")
    assert judge_prompts.parse_check("hard to say")


@pytest.mark.parametrize("short", [True, False])
def test_a_check_shows_caption_and_reasoning(short):
    text = judge_prompts.check_prompt("two dots", "2 + 2 = 4", short)
    assert "two dots" in text and "2 + 2 = 4" in text and "incorrect" in text


def test_a_reason_names_a_statement_and_its_verdict_is_read_back():
    text = judge_prompts.reasoned_verdict(judge_prompts.named_reason(2, "blue is 7"), 1)
    assert text == "Since response 2 says blue is 7, I choose response 1."
    assert judge_prompts.parse_verdict(text, strict=True) == 1


@pytest.mark.parametrize(
    "text, said",
    [("correct", True), (" Incorrect.", False), ("it is correct", None), ("", None), ("correct incorrect", None)],
)
def test_an_answer_on_a_statement_is_one_word(text, said):
    assert judge_prompts.parse_statement(text) is said
