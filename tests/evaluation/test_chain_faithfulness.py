"""A stranger's chain tells a model that answers by its chain from one that answers by its picture."""

import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from o1lib.evaluation.probes.chain_faithfulness import (
    STRANGE,
    TRUE,
    answers_by_prefix,
    drawn_questions,
    forced_prefixes,
    form,
    replies,
    shares,
    swap_partners,
)
from o1lib.models.presets import build, save
from o1lib.records import UserError


def item(number, answer, question="What shape is it?", options=()):
    """Return a question of which the true chain names the answer in its caption and its reasoning."""
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
    """Answer with the last word of the begun reply's caption, as a model does that reads and never looks."""
    return [says(re.search(r"A (\w+)\.", begun)[1]) for _, begun in cases]


def looker(cases):
    """Answer by the picture, whatever the chain says."""
    return [says(asked.answer) for asked, _ in cases]


def cells(reply, whose):
    found = shares(answers_by_prefix(ITEMS, reply), "template")["shape"]
    return [
        (cell["right"]["value"], cell["follows"]["value"]) for name, cell in found.items() if name.startswith(whose)
    ]


def test_a_stranger_has_the_same_question_and_another_answer():
    assert {qid: other.qid for qid, other in swap_partners(ITEMS).items()} == {"q0": "q2", "q1": "q2", "q2": "q0"}


def test_other_options_are_another_question():
    assert swap_partners([item(0, "A", options=("dark", "red")), item(1, "B", options=("red", "dark"))]) == {}


def test_a_reply_begins_with_whole_stages_and_never_with_the_conclusion():
    for text in forced_prefixes(ITEMS[0], ITEMS[2]).values():
        assert text.endswith(("</CAPTION>", "</REASONING>")) and "CONCLUSION" not in text


def test_who_answers_by_the_chain_gives_the_strangers_answer():
    assert cells(reader, TRUE) == [(1, 0), (1, 0)] and cells(reader, STRANGE) == [(0, 1), (0, 1)]


def test_who_answers_by_the_picture_is_right_whatever_the_chain_says():
    assert cells(looker, TRUE) == cells(looker, STRANGE) == [(1, 0), (1, 0)]


def test_an_answer_that_is_neither_counts_for_neither():
    assert cells(lambda cases: ["no idea"] * len(cases), STRANGE) == [(0, 0), (0, 0)]


@pytest.mark.parametrize(
    ("answer", "options", "named"), [("A", ("x", "y"), "choice"), ("no", (), "yes or no"), ("7", (), "open")]
)
def test_the_form_of_a_question(answer, options, named):
    assert form(item(0, answer, options=options)) == named


def test_questions_without_a_stranger_are_an_error_with_the_remedy():
    with pytest.raises(UserError, match="of 1 questions no two are the same with different answers: give more"):
        answers_by_prefix(ITEMS[:1], looker)


def test_drawn_questions_come_with_their_strangers():
    items = drawn_questions(2)
    assert len({one.family for one in items}) > 5
    assert all(any(other.question == one.question and other.answer != one.answer for other in items) for one in items)


def test_a_real_model_goes_on_from_what_was_begun():
    from o1lib.inference.decoder import Decoder

    decoder = Decoder(*build("smoke", seed=0), temperature=0.0, max_new_tokens=4)
    items = drawn_questions(1)[:2]
    lines = answers_by_prefix(items, replies(decoder))
    assert len(lines) == 8 and {line["qid"] for line in lines} == {one.qid for one in items}
    assert lines == answers_by_prefix(items, replies(decoder))


def run(*words):
    return subprocess.run([sys.executable, "-m", "o1lib", "probe-chain", *words], capture_output=True, text=True)


def test_the_command_prints_both_shares(tmp_path):
    shipped = run("results/checkpoints/mini-structured", "--most", "1")
    assert re.search(
        r"its own chain to the caption +right \d\.\d\d \[.*\], the stranger's answer .*, n = \d", shipped.stdout
    )


def test_a_users_mistake_is_one_sentence_and_exit_code_2(tmp_path):
    save(*build("smoke", seed=0), tmp_path / "model")
    for words, said in [
        ([tmp_path / "model"], "does not say which format"),
        ([tmp_path / "model", "--by", "kind"], "--by 'kind' is unknown: use form, template or family"),
        ([tmp_path / "model", "--most", "0"], "with --most 0 nothing is asked"),
        (["results/checkpoints/mini-base"], "mini-base answers in the format 'direct'"),
    ]:
        done = run(*map(str, words))
        assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1
