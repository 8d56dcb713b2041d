"""The search that other programs call: which settings go to the search and which to the decoder."""

import pytest
from support.tiny import coloured

from o1lib.harness.searcher import open_searcher, said
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


def test_settings_that_are_not_the_searchs_go_to_the_decoder():
    given = {}

    def open_decoder(checkpoint, format, **settings):
        given.update(settings, checkpoint=checkpoint)
        return object(), "tags"

    made = open_searcher("name", open_decoder=open_decoder, endpoint="http://127.0.0.1:8000/v1", method="greedy", n=1)
    assert given == {"endpoint": "http://127.0.0.1:8000/v1", "checkpoint": "name"}
    assert made.settings == {"method": "greedy", "n": 1} and made.format == "tags"


def test_a_setting_that_the_decoder_does_not_have_is_an_error(tiny_folder):
    with pytest.raises((TypeError, UserError)):
        open_searcher(tiny_folder, "tags", candidates=4)
