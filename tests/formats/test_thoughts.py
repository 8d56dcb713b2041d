"""Thoughts are left out of replies, and the answer marks and the conclusion are found in what remains."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1lib.formats.chat import FORMATS, answer_text
from o1lib.formats.judge_prompts import parse_check, parse_statement, parse_verdict
from o1lib.formats.stages import STAGES, render
from o1lib.formats.thoughts import answer_part, conclusion, unfenced, without_thoughts

CHAIN = dict.fromkeys(STAGES, "x") | {"conclusion": "B"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("B", "B"),
        ("<think>A</think>B", "B"),
        ("<thinking>A</thinking>B", "B"),
        ("< Think >A</ think >B", "B"),
        ("A</think>B", "B"),
        ("<think>A", ""),
        ("C<think>A</think>B", "CB"),
        ("<think>A<think>A</think>A</think>B", "B"),
        ("<think>A</think>C<think>D", "C"),
        ("<think>A<answer>B</answer>", "<answer>B</answer>"),
        ("<think>A <CONCLUSION> B </CONCLUSION>\n", "<CONCLUSION> B </CONCLUSION>"),
        ("<think>so <answer>A</answer> or else", ""),
        ("<think>A<answer>B", ""),
        ("I think B", "I think B"),
        ("a <thing> and </thing>", "a <thing> and </thing>"),
    ],
)
def test_thoughts_end_at_their_mark_or_with_the_text(text, said):
    assert without_thoughts(text) == said


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("B", "B"),
        ("<answer>B</answer>", "B"),
        ("A <answer>B</answer> C", "B"),
        ("<answer>A</answer><answer>B</answer>", "B"),
        ("<answer>B", "B"),
        ("B</answer>", "B"),
        ("<answer></answer>", ""),
        ("<think><answer>A</answer></think><answer>B</answer>", "B"),
        ("<|begin_of_box|>B<|end_of_box|>", "B"),
    ],
)
def test_the_last_answer_marks_count(text, part):
    assert answer_part(text) == part


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (render(CHAIN), "B"),
        (render(CHAIN, STAGES[:3]), ""),
        (render(CHAIN, STAGES[:3]) + " B", "B"),
        ("B </CONCLUSION>", "B"),
        ("<REASONING> A </CONCLUSION>", ""),
        ("<CONCLUSION> </CONCLUSION>", ""),
        ("no tags", "no tags"),
    ],
)
def test_a_staged_text_says_its_conclusion_or_nothing(text, said):
    assert conclusion(text).strip() == said


@given(st.text(st.sampled_from("<>/ thinkanswerTHINK[]|\nAB")))
def test_no_text_makes_a_reader_raise(text):
    assert all(isinstance(reader(text), str) for reader in (without_thoughts, answer_part, conclusion, unfenced))
    assert without_thoughts(text + "</think>B") == "B"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_reads_its_answer_without_thoughts(name):
    target = "\n\n".join(CHAIN[stage] for stage in STAGES) if FORMATS[name].staged else "B"
    thought = f"<think>\n\n{render(CHAIN | {'conclusion': 'A'})}\n\nA\n\n</think>\n\n"
    for text in (render(CHAIN), target) if FORMATS[name].staged and "tag" in name else (target,):
        assert answer_text(thought + text, name) == answer_text(text, name)


def test_a_turn_of_a_dialog_is_read_without_thoughts():
    assert answer_text(["x", "<think>A</think> B"], "four_turn") == "B"


def test_a_verdict_is_read_without_thoughts():
    thought = "<think>I choose response 2. It is incorrect.</think>"
    assert parse_verdict(f"{thought} Since it is true, I choose response 1.", strict=True) == 1
    assert parse_verdict(f"{thought} Since it is true, I choose response 1.") == 1
    assert parse_verdict("<think>I choose response 1.", strict=True) is None
    assert parse_check(f"{thought} correct") and parse_statement(f"{thought} Correct.") is True
    assert not parse_check("<think>correct</think> incorrect")


@pytest.mark.parametrize("text", ['{"a": 1}', '```json\n{"a": 1}\n```', '```\n{"a": 1}```', ' {"a": 1} \n'])
def test_a_code_fence_is_taken_off(text):
    assert unfenced(text) == '{"a": 1}'
