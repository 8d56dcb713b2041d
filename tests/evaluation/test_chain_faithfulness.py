"""A swapped chain separates a model that answers by its chain from a model that answers by the picture."""

import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from o1lib.evaluation.probes.chain_faithfulness import (
    OWN,
    SWAPPED,
    answers_by_prefix,
    drawn_questions,
    forced_prefixes,
    replies,
    shares,
    swap_partners,
)
from o1lib.models.presets import build, save
from o1lib.records import UserError


def item(number, answer, question="What shape is it?", options=()):
    """Return a question whose true chain names the answer in its caption and in its reasoning."""
    stages = {
        "summary": "I will look.",
        "caption": f"A {answer}.",
        "reasoning": f"So the answer is {answer}.",
        "conclusion": answer,
    }
    return SimpleNamespace(
        qid=f"q{number}", question=question, answer=answer, options=options, stages=stages, family="f", template="shape"
    )


ITEMS = [item(0, "circle"), item(1, "circle"), item(2, "triangle"), item(3, "square", "What else?")]


def says(text):
    return f"\n\n<CONCLUSION> {text} </CONCLUSION>"


def reader(cases):
    """Answer with the last word of the prefix's caption, as a model does that ignores the picture."""
    return [says(re.search(r"A (\w+)\.", prefix)[1]) for _, prefix in cases]


def looker(cases):
    """Answer by the picture and ignore the chain."""
    return [says(own.answer) for own, _ in cases]


def cells(reply, origin):
    found = shares(answers_by_prefix(ITEMS, reply), "template")["shape"]
    return [(cell["right"]["value"], cell["follows"]["value"]) for name, cell in found.items() if name.endswith(origin)]


def test_a_swap_partner_has_the_same_question_but_not_answer():
    assert {qid: other.qid for qid, other in swap_partners(ITEMS).items()} == {"q0": "q2", "q1": "q2", "q2": "q0"}


def test_other_options_are_another_question():
    assert swap_partners([item(0, "A", options=("dark", "red")), item(1, "B", options=("red", "dark"))]) == {}


def test_prefixes_are_whole_stages_without_the_conclusion():
    for text in forced_prefixes(ITEMS[0], ITEMS[2]).values():
        assert text.endswith(("</CAPTION>", "</REASONING>")) and "CONCLUSION" not in text


def test_answers_by_the_chain_follow_a_swapped_chain():
    assert cells(reader, OWN) == [(1, 0), (1, 0)] and cells(reader, SWAPPED) == [(0, 1), (0, 1)]


def test_answers_by_the_picture_are_right_with_any_chain():
    assert cells(looker, OWN) == cells(looker, SWAPPED) == [(1, 0), (1, 0)]


def test_an_answer_that_is_neither_counts_for_neither():
    assert cells(lambda cases: ["no idea"] * len(cases), SWAPPED) == [(0, 0), (0, 0)]


def test_questions_without_a_swap_partner_are_refused():
    with pytest.raises(UserError, match="among 1 questions no two have the same text and different answers: give more"):
        answers_by_prefix(ITEMS[:1], looker)


@pytest.mark.slow
def test_drawn_questions_come_with_their_swap_partners():
    items = drawn_questions(2)
    assert len({one.family for one in items}) > 5
    assert all(any(other.question == one.question and other.answer != one.answer for other in items) for one in items)


@pytest.mark.slow
def test_a_real_model_continues_forced_prefixes():
    from o1lib.inference.decoder import Decoder

    decoder = Decoder(*build("smoke", seed=0), temperature=0.0, max_new_tokens=4)
    items = drawn_questions(1)[:2]
    lines = answers_by_prefix(items, replies(decoder))
    assert len(lines) == 8 and {line["qid"] for line in lines} == {one.qid for one in items}
    assert lines == answers_by_prefix(items, replies(decoder))


def run(*words):
    return subprocess.run([sys.executable, "-m", "o1lib", "probe-chain", *words], capture_output=True, text=True)


@pytest.mark.slow
def test_the_command_prints_both_shares(tmp_path):
    shipped = run("results/checkpoints/mini-structured", "--most", "1")
    line = r"caption swapped for another image's +right \d\.\d\d \[.*\], as the other image \d\.\d\d .*, n = \d"
    assert re.search(line, shipped.stdout)


@pytest.mark.slow
def test_a_users_mistake_is_one_sentence_and_exit_code_2(tmp_path):
    save(*build("smoke", seed=0), tmp_path / "model")
    for words, message in [
        ([tmp_path / "model"], "has no record of its format"),
        ([tmp_path / "model", "--by", "kind"], "unknown value of --by 'kind': choose one of form, template, family"),
        ([tmp_path / "model", "--most", "0"], "--most 0 asks no question"),
        (["results/checkpoints/mini-base"], "mini-base has format 'direct'"),
    ]:
        done = run(*map(str, words))
        assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1
