"""The search that other programs call: which settings go to the search and which to the decoder."""

import pytest
from support import tiny
from support.served import serve
from support.speaker import Speaker
from support.tiny import coloured

from o1lib.harness.searcher import Searcher, open_searcher, said
from o1lib.inference.decoder import Decoder
from o1lib.records import UserError


def test_a_search_is_the_one_of_the_answer_command(tiny_folder):
    from o1lib.evaluation.answer import answer, load_decoder

    how = {"seed": 3, "max_new_tokens": 8}
    searcher = open_searcher(tiny_folder, "tags", method="best_of_n", n=2, judge="random", **how)
    found = searcher.search(coloured("red"), "How many dots?")
    decoder, format = load_decoder(tiny_folder, "tags", **how)
    wanted = answer(decoder, coloured("red"), "How many dots?", format, method="best_of_n", n=2, judge="random")
    assert (found.text, found.rows(), found.usage) == (wanted.text, wanted.rows(), wanted.usage)
    assert said(found, whole=True) == wanted.text


@pytest.fixture
def decoders():
    """A decoder that answers and one that judges, of random weights, with nothing cached."""
    made = [Decoder(*tiny.model_and_processor(), temperature=1.0, max_new_tokens=6, replayed=False) for _ in range(2)]
    yield made
    assert not any(one.prefiller.cached for one in made), "a model still holds the question"


def test_each_question_has_draws_of_its_own_that_repeat(decoders):
    searcher = Searcher(decoders[0], "direct", {"method": "best_of_n", "n": 2, "judge": "random"})
    asked = [("red", "How many dots?"), ("blue", "How many dots?"), ("red", "Which?"), ("red", "How many dots?")]
    found = [searcher.search(coloured(name), question) for name, question in asked]
    assert len({one.task.qid for one in found}) == 3
    assert found[0].rows() == found[3].rows()


def test_another_model_judges_each_question_by_its_own_picture(decoders):
    decoder, judge = decoders
    how = {"method": "best_of_n", "n": 2, "judge": "preference", "judge_decoder": judge}
    searcher = Searcher(decoder, "direct", how)
    first, second = (searcher.search(coloured(name), "How many dots?") for name in ("red", "blue"))
    judge.forget()
    assert second.rounds[0].matches == searcher.search(coloured("blue"), "How many dots?").rounds[0].matches
    assert first.task.qid != second.task.qid


def test_a_question_whose_search_fails_is_forgotten(decoders, monkeypatch):
    def broken(*_):
        raise UserError("no verdict")

    monkeypatch.setattr(decoders[1], "likelihoods", broken)
    how = {"method": "best_of_n", "n": 2, "judge": "preference", "judge_decoder": decoders[1]}
    with pytest.raises(UserError, match="no verdict"):
        Searcher(decoders[0], "direct", how).search(coloured("red"), "How many dots?")


def test_settings_that_are_not_the_searchs_go_to_the_decoder(tiny_folder):
    made = open_searcher(tiny_folder, "tags", method="greedy", n=1, seed=3, max_new_tokens=8)
    assert made.settings == {"method": "greedy", "n": 1} and made.format == "tags"
    assert (made.decoder.seed, made.decoder.max_new_tokens) == (3, 8)


def test_an_address_among_the_settings_opens_a_served_model_and_its_judge(tmp_path, monkeypatch):
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    with serve(Speaker()) as writer, serve(Speaker()) as referee:
        given = {"endpoint": writer.url, "judge_model": "j", "judge_endpoint": referee.url, "n": 2, "seed": 3}
        found = open_searcher("m", **given).search(coloured("red"), "How many dots?")
    assert [len(one.candidates) for one in found.rounds] == [2] * 4
    assert {body["model"] for body in writer.bodies} == {"m"} and {body["model"] for body in referee.bodies} == {"j"}
    assert len(referee.bodies) == 8, "two orders of one comparison in each stage"


@pytest.mark.parametrize("more", [{}, {"endpoint": "http://127.0.0.1:1/v1"}])
def test_a_setting_that_the_decoder_does_not_have_is_an_error(tiny_folder, more):
    with pytest.raises(UserError, match="unknown setting of a .* model 'candidates'"):
        open_searcher(str(tiny_folder), "tags", candidates=4, **more)
