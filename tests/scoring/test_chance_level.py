"""Chance levels are frozen once; scores are corrected for them and averaged."""

import pytest
from support.asked import Asked

from o1lib.records import UserError
from o1lib.scoring import PAPER_SETS
from o1lib.scoring.chance_level import (
    corrected,
    entering_sets,
    freeze,
    headline,
    headline_metric,
    headline_weights,
    read_levels,
)
from o1lib.scoring.chance_text import describe_cells, describe_levels
from o1lib.scoring.policy_scores import chance_levels

CHANCE = {"mini-MMStar": 0.25, "mini-AI2D": 0.5}


def levels(answer="A", dataset="d" * 64):
    return chance_levels([], [Asked("q", answer, ("x", "y")), Asked("r", "A", ("x", "y"))], dataset)


@pytest.mark.parametrize("accuracy, chance, expected", [(0.4, 0.25, 0.2), (0.25, 0.25, 0), (1, 0.5, 1), (0, 0.5, -1)])
def test_a_score_is_corrected_for_chance_and_may_be_negative(accuracy, chance, expected):
    assert corrected(accuracy, chance) == pytest.approx(expected)


def test_a_chance_level_of_one_leaves_nothing_to_gain():
    with pytest.raises(UserError, match="no room above it"):
        corrected(1.0, 1.0)


def test_the_headline_is_the_mean_of_corrected_scores():
    scores = {"mini-MMStar": 0.40, "mini-AI2D": 0.25, "mini-MMBench": 0.9}
    assert headline(scores, CHANCE, list(CHANCE)) == pytest.approx((0.2 - 0.5) / 2)


def test_weights_turn_a_gain_in_accuracy_into_a_gain_of_the_headline():
    weights = headline_weights(list(CHANCE), CHANCE)
    assert weights == pytest.approx({"mini-MMStar": 1 / (2 * 0.75), "mini-AI2D": 1 / (2 * 0.5)})
    before, after = {"mini-MMStar": 0.3, "mini-AI2D": 0.5}, {"mini-MMStar": 0.4, "mini-AI2D": 0.7}
    gain = headline(after, CHANCE, list(CHANCE)) - headline(before, CHANCE, list(CHANCE))
    assert gain == pytest.approx(0.1 * weights["mini-MMStar"] + 0.2 * weights["mini-AI2D"])


def test_a_set_without_a_chance_level_is_named():
    with pytest.raises(UserError, match="mini-MMBench has no chance level"):
        headline_weights(["mini-MMBench"], CHANCE)


def test_the_interval_of_the_headline_combines_those_of_the_sets():
    scored = {name: {"value": 0.5, "low": 0.4, "high": 0.6, "n": 50} for name in CHANCE}
    found = headline_metric(scored, CHANCE, list(CHANCE))
    half = ((0.1 / 1.5) ** 2 + 0.1**2) ** 0.5
    assert (found["value"], found["n"]) == (pytest.approx(1 / 6, abs=1e-6), 100)
    assert (found["low"], found["high"]) == pytest.approx((1 / 6 - half, 1 / 6 + half), abs=1e-5)


@pytest.mark.parametrize(
    "sets, chance", [([], CHANCE), (["mini-MMBench"], CHANCE), (["mini-MMStar"], {"mini-MMStar": 1})]
)
def test_there_is_no_headline_without_sets_scores_or_room_above_chance(sets, chance):
    assert headline_metric({"mini-MMStar": {"value": 0.5, "low": 0.4, "high": 0.6, "n": 50}}, chance, sets) is None


def test_a_set_enters_if_the_lower_bound_of_either_arm_is_five_points_above_chance():
    chance = dict.fromkeys(PAPER_SETS, 0.25)
    out = dict.fromkeys(PAPER_SETS, (0.32, 0.29))
    direct = out | {"mini-MMStar": (0.36, 0.30), "mini-MMBench": (0.20, 0.10)}
    structured = out | {"mini-AI2D": (0.40, 0.33)}
    found = entering_sets({"direct": direct, "structured": structured}, chance)
    assert found == ("mini-MMStar", "mini-AI2D")
    assert entering_sets({"structured": structured, "direct": direct}, chance) == found


def test_an_arm_that_was_not_scored_on_a_set_is_named():
    with pytest.raises(UserError, match="direct has no score or no chance level on mini-MMBench"):
        entering_sets({"direct": {"mini-MMStar": (0.4, 0.3)}}, {"mini-MMStar": 0.25}, ["mini-MMStar", "mini-MMBench"])


def test_frozen_levels_are_read_back_as_they_were(tmp_path):
    path = freeze(tmp_path / "chance.json", levels())
    assert read_levels(path) == levels()
    before = path.read_bytes()
    assert freeze(path, levels()).read_bytes() == before


def test_other_levels_of_the_same_dataset_are_refused_and_the_file_is_kept(tmp_path):
    path = freeze(tmp_path / "chance.json", levels())
    before = path.read_bytes()
    with pytest.raises(UserError, match="is frozen and holds other chance levels"):
        freeze(path, levels("B"))
    assert path.read_bytes() == before
    assert read_levels(freeze(path, levels("B"), replace=True)) == levels("B")


def test_levels_of_another_dataset_replace_the_file(tmp_path):
    path = freeze(tmp_path / "chance.json", levels())
    assert read_levels(freeze(path, levels("B", "e" * 64))).dataset_hash == "e" * 64


def test_a_file_without_levels_names_the_command_that_writes_it(tmp_path):
    (tmp_path / "chance.json").write_text("{}", encoding="utf8")
    for name in ("chance.json", "none.json"):
        with pytest.raises(UserError, match="python -m o1lib chance"):
            read_levels(tmp_path / name)


def test_levels_are_shown_with_n_and_the_best_policy():
    text = describe_levels(levels(), "abc" * 20)
    assert "counted on 0 training items, sha256 abcabcabcabc" in text
    assert "mini-MMStar" in text and "100.0 %  n = 2     choice: letter" in text
    assert "mini-MMStar, depth 1, choice" in describe_cells(levels())
