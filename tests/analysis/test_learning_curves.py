"""Validations become shares with intervals, and a sentence says where staged answers overtake direct ones."""

import pytest
from support.toyrecords import leave

from o1lib.analysis.learning_curves import summarize_learning, validation_curve
from o1lib.records import load_all

ROWS = {"direct training": "direct", "structured": "structured"}


def train(root, row, exact, seed=0, asked=None, speed=10.0):
    """Leave a fine-tuning record with a validation every 100 examples."""
    log = []
    for number, share in enumerate(exact, 1):
        log.append({"loss": 1.0, "examples": 100 * number, "samples_per_second": speed})
        log.append({"examples": 100 * number, "well_formed": 1.0, "exact": share} | ({"asked": asked} if asked else {}))
    leave(root, row, seed, extra={"log": log})


def means(root):
    found = validation_curve(load_all(root), ROWS)
    return found[found.seed.isna()].set_index(["label", "examples"])


def test_a_validation_is_a_share_with_wilsons_interval(tmp_path):
    train(tmp_path, "direct", [0.25, 0.5], asked=400)
    line = means(tmp_path).loc[("direct training", 200)]
    assert (line.value, line.n, line.seeds) == (0.5, 400, 1)
    assert (line.low, line.high) == pytest.approx((0.4512, 0.5488), abs=1e-3)


def test_a_log_without_a_number_of_items_had_64(tmp_path):
    train(tmp_path, "direct", [0.25])
    assert means(tmp_path).n.tolist() == [64]


def test_seconds_are_those_of_training_added_up(tmp_path):
    train(tmp_path, "direct", [0.1, 0.2, 0.3], speed=50.0)
    assert means(tmp_path).seconds.tolist() == pytest.approx([2, 4, 6])


def test_several_seeds_are_averaged_and_kept_one_by_one(tmp_path):
    for seed, share in enumerate((0.2, 0.3, 0.4)):
        train(tmp_path, "direct", [share], seed=seed, asked=100)
    found = validation_curve(load_all(tmp_path), ROWS)
    assert found[found.seed.notna()].value.tolist() == [0.2, 0.3, 0.4]
    line = means(tmp_path).loc[("direct training", 100)]
    assert line.value == pytest.approx(0.3) and line.seeds == 3 and line.high - line.low > 0.4


def test_records_without_validation_are_left_out_and_named(tmp_path):
    leave(tmp_path, "direct", extra={"log": [{"loss": 1.0, "examples": 100, "samples_per_second": 9.0}]})
    found = validation_curve(load_all(tmp_path), ROWS)
    assert (
        found.empty
        and "there is no accuracy against the number of examples" in summarize_learning(found, "direct training")[0]
    )


@pytest.mark.parametrize(
    ("staged", "words"),
    [
        ([0.1, 0.3, 0.6], "overtakes **direct training** between 100 and 200 examples and stays above"),
        ([0.3, 0.1, 0.1], "is not above **direct training** at the last validation (300 examples)"),
        ([0.3, 0.1, 0.6], "between 200 and 300 examples"),
        ([0.3, 0.3, 0.6], "is above **direct training** from the first validation on (100 examples)"),
    ],
)
def test_where_stages_overtake_for_good_is_named(tmp_path, staged, words):
    train(tmp_path, "direct", [0.2, 0.2, 0.2], asked=600)
    train(tmp_path, "structured", staged, asked=600)
    [sentence] = summarize_learning(validation_curve(load_all(tmp_path), ROWS), "direct training")
    assert words in sentence and "points [" in sentence


def test_a_last_difference_that_may_be_chance_is_called_so(tmp_path):
    train(tmp_path, "direct", [0.25])
    train(tmp_path, "structured", [0.28125])
    assert (
        "and its interval includes zero"
        in summarize_learning(validation_curve(load_all(tmp_path), ROWS), "direct training")[0]
    )


@pytest.mark.parametrize("staged", [[0.2, 0.3, 0.3], [0.3, 0.3, 0.3]])
def test_a_curve_above_by_less_than_its_interval_overtakes_nothing(tmp_path, staged):
    train(tmp_path, "direct", [0.25, 0.25, 0.25])
    train(tmp_path, "structured", staged)
    [sentence] = summarize_learning(validation_curve(load_all(tmp_path), ROWS), "direct training")
    assert ", but the last interval includes zero. At 300 the difference is" in sentence
    assert "overtakes" not in sentence and "stays above" not in sentence


def test_the_sentence_says_which_answers_are_compared_and_how(tmp_path):
    for row, exact in (("direct", [0.2]), ("structured", [0.3])):
        train(tmp_path, row, exact, asked=600)
    [sentence] = summarize_learning(validation_curve(load_all(tmp_path), ROWS), "direct training")
    assert "(validation answers 600 and 600, unpaired, seeds not told apart)" in sentence


def test_arms_without_a_common_validation_are_not_compared(tmp_path):
    train(tmp_path, "direct", [0.2])
    leave(tmp_path, "structured", extra={"log": [{"examples": 150, "exact": 0.5}]})
    assert (
        "no validation after an equal number"
        in summarize_learning(validation_curve(load_all(tmp_path), ROWS), "direct training")[0]
    )
