"""No question can be answered without looking; the check finds a lean that is planted."""

import dataclasses

import pandas as pd
import pytest

from o1lib.minivqa import draw, seeds
from o1lib.minivqa.shortcuts import (
    CLASSIFIERS,
    cell,
    cells,
    chance_of,
    fingerprint,
    form_of,
    guessed,
    save,
    table,
    text_of,
)
from o1lib.records import UserError, project_root

FORM = pytest.mark.parametrize("asked", ["choice", "open"])


def drawn(family, template, n=400, choice=False):
    return [draw(family, seed, template=template, choice=choice) for seed in seeds("train", n)]


@pytest.mark.slow
@FORM
def test_nothing_tells_whether_a_way_is_left_when_a_part_is_removed(asked):
    """More arrows make a way likelier and a caption longer, so both answers have captions of all lengths."""
    assert all(row["low"] <= row["chance"] for row in cell("mini-AI2D", "removed", asked, 600))


@pytest.mark.slow
@FORM
def test_nothing_tells_what_two_people_would_be(asked):
    assert all(row["low"] <= row["chance"] for row in cell("mini-PISC", "what_if", asked, 600))


@pytest.mark.slow
@pytest.mark.parametrize("template", ["count_colour", "count_shape"])
def test_more_shapes_do_not_mean_more_of_the_kind_that_is_asked_for(template):
    assert all(row["low"] <= row["chance"] for row in cell("mini-CLEVR", template, "open", 600))


def test_a_word_that_gives_the_answer_away_is_found():
    items = [
        dataclasses.replace(
            item, bare=item.bare.replace("they", "they really" if item.answer == "yes" else "they ever")
        )
        for item in drawn("mini-PISC", "what_if", 200)
    ]
    assert guessed(items[:100], items[100:], "text") == 100
    assert guessed(items[:100], items[100:], "length") < 70


def test_two_words_that_give_the_answer_away_together_are_found():
    """Each of them alone tells nothing."""
    items = [
        dataclasses.replace(
            item, bare=f"Is {'abcd'[k % 4]} {'xyzw'[(k // 4) % 4]}?", answer=("no", "yes")[(k + k // 4) % 2]
        )
        for k, item in enumerate(drawn("mini-PISC", "what_if", 200))
    ]
    assert guessed(items[:100], items[100:], "text") > 95


def test_a_length_that_gives_the_answer_away_is_found():
    items = [
        dataclasses.replace(item, facts=(*item.facts, "a fact more") if item.answer == "yes" else item.facts)
        for item in drawn("mini-PISC", "what_if", 200)
    ]
    assert guessed(items[:100], items[100:], "length") == 100


def test_a_name_of_two_words_is_as_long_as_one():
    """Places have one word or two."""
    items = drawn("mini-ShareGPT4V", "locate", 400)
    assert guessed(items[:200], items[200:], "length") / 200 < chance_of(items[200:]) + 0.04


def test_chance_is_one_of_the_options_or_the_commonest_answer():
    assert chance_of(drawn("mini-AI2D", "next", 20, True)) == 0.25
    assert chance_of(drawn("mini-ChartQA", "sum", 200)) == 0.25
    removed = drawn("mini-AI2D", "removed", 40)
    assert chance_of(removed) == max(sum(text_of(item) == answer for item in removed) for answer in ("yes", "no")) / 40


def test_forms_are_told_apart():
    made = [("mini-AI2D", "next", True), ("mini-AI2D", "removed", False), ("mini-AI2D", "steps", False)]
    assert [form_of(draw(f, 0, template=t, choice=c)) for f, t, c in made] == ["choice", "yes_no", "number"]
    assert form_of(draw("mini-AI2D", 0, template="next", choice=False)) == "word"


def test_an_unknown_family_is_named():
    with pytest.raises(UserError, match="mini-PISC"):
        table(100, ("PISC",))


def test_the_published_table_has_every_cell_as_it_is_drawn_now_and_none_leans():
    """Made by `python -m o1lib shortcuts --out results/shortcuts.csv`."""
    published = pd.read_csv(project_root() / "results" / "shortcuts.csv")
    due = [(*one[:2], fingerprint(*one), classifier) for one in cells() for classifier in CLASSIFIERS]
    assert list(published[["family", "template", "drawings", "classifier"]].itertuples(index=False, name=None)) == due
    assert published.n.min() >= 400 and not published.leans.any()


def test_a_saved_table_keeps_its_rows(tmp_path):
    rows = table(20, ("mini-PISC",))
    save(rows, tmp_path / "a.csv")
    saved = pd.read_csv(tmp_path / "a.csv")
    assert saved.accuracy.tolist() == [row["accuracy"] for row in rows] and saved.leans.tolist() == [False] * len(rows)
    assert saved.drawings.nunique() == len(rows) / len(CLASSIFIERS)
