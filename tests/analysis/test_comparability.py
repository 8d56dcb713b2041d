"""A pilot is recognized from its records, and every gap of a comparison is named."""

import pytest
from support.toyrecords import leave

from o1lib.analysis.comparability import is_pilot, mismatches, missing_for_comparison
from o1lib.records import load_all

ACCURACY = {"accuracy": {"value": 0.5, "n": 100, "low": 0.4, "high": 0.6}}
PAIR = ["a.sample", "b.sample"]


def scored(root, row, seed=0, **more):
    leave(root, row, seed, ACCURACY, **{"data": "data"} | more)


def alter(root, row, seed, old, new):
    """Change one text of a record on disk."""
    path = root / "runs" / row / f"seed{seed}" / "record.json"
    text = path.read_text(encoding="utf8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf8")


@pytest.fixture
def root(tmp_path):
    """A dataset and two rows with two seeds each, all of it as it should be."""
    leave(tmp_path, "data", source="minivqa", n_test=8, test_split="devtest")
    for row in PAIR:
        for seed in (0, 1):
            scored(tmp_path, row, seed)
    return tmp_path


@pytest.mark.parametrize(("split", "expected"), [("devtest", True), ("test", False), ("hard", False)])
def test_what_is_scored_on_devtest_drawings_is_a_pilot(tmp_path, split, expected):
    leave(tmp_path, "data", source="minivqa", n_test=8, test_split=split)
    scored(tmp_path, "a.sample")
    assert is_pilot(load_all(tmp_path)) is expected


def test_one_row_on_devtest_makes_a_pilot_of_the_whole(tmp_path):
    leave(tmp_path, "data", source="minivqa", n_test=8, test_split="test")
    leave(tmp_path, "early", source="minivqa", n_test=8, test_split="devtest")
    scored(tmp_path, "a.sample")
    scored(tmp_path, "b.sample", data="early")
    assert is_pilot(load_all(tmp_path))


def test_drawings_of_which_no_record_tells_the_split_are_a_pilot(tmp_path):
    scored(tmp_path, "a.sample", data="elsewhere")
    assert is_pilot(load_all(tmp_path))


def test_sets_that_others_made_are_no_pilot(tmp_path):
    leave(tmp_path, "easy_data", source="easy_vqa", test_split="devtest")
    scored(tmp_path, "a.sample", data="easy_data")
    scored(tmp_path, "b.sample", data="MMStar@MMStar.tsv")
    assert not is_pilot(load_all(tmp_path))


def test_records_that_belong_together_lack_nothing(root):
    assert missing_for_comparison(load_all(root), PAIR) == []


def test_a_row_without_a_record_is_named(root):
    assert missing_for_comparison(load_all(root), ["a.sample", "c.sample"]) == ["row c.sample has no record"]


def test_a_seed_that_one_side_lacks_is_named(root):
    scored(root, "a.sample", 2)
    assert missing_for_comparison(load_all(root), PAIR) == ["b.sample lacks seed 2"]


def test_a_row_that_runs_once_lacks_no_seed(root):
    scored(root, "base.greedy")
    assert missing_for_comparison(load_all(root), ["a.sample", "base.greedy"], once=("base.greedy",)) == []


@pytest.mark.slow
def test_an_unscored_seed_of_the_model_is_named(root):
    scored(root, "base.greedy")
    for seed in (0, 1):
        leave(root, "direct", seed)
    scored(root, "direct.sample", model="direct")
    found = missing_for_comparison(load_all(root), ["direct.sample", "base.greedy"], once=("base.greedy",))
    assert found == ["direct.sample lacks seed 1, with which direct was trained"]
    scored(root, "direct.sample", 1, model="direct")
    assert missing_for_comparison(load_all(root), ["direct.sample", "base.greedy"], once=("base.greedy",)) == []


def test_a_replaced_model_is_named(root):
    leave(root, "direct")
    alter(root, "direct", 0, '"model_hash": ""', '"model_hash": "new"')
    scored(root, "direct.sample", model="direct")
    alter(root, "direct.sample", 0, '"model_hash": ""', '"model_hash": "old"')
    found = missing_for_comparison(load_all(root), ["direct.sample"])
    assert found == ["direct.sample seed 0 used a model that row direct no longer holds"]


def test_a_seed_that_was_begun_and_left_no_record_is_named(root):
    (root / "runs" / "b.sample" / "seed1" / "record.json").unlink()
    assert missing_for_comparison(load_all(root), PAIR) == [
        "seed 1 of b.sample was begun and left no record",
        "b.sample lacks seed 1",
    ]


def test_rows_on_different_data_are_named_with_their_hashes(root):
    scored(root, "b.sample", 1, dataset_hash="e" * 64)
    found = "; ".join(missing_for_comparison(load_all(root), PAIR))
    assert "scored on different data (" in found and "eeeeeeeeee" in found and "b.sample seed 1" in found


def test_a_replaced_dataset_is_named(root):
    leave(root, "data", source="minivqa", n_test=8, test_split="devtest", dataset_hash="f" * 64)
    assert (
        missing_for_comparison(load_all(root), ["a.sample"])[0]
        == "a.sample seed 0 used data that row data no longer holds"
    )


def test_records_of_different_code_are_named_with_their_commits(root):
    alter(root, "b.sample", 0, '"stack_hash": "', '"stack_hash": "0')
    alter(root, "b.sample", 0, '"commit": "', '"commit": "abcdef')
    [found] = missing_for_comparison(load_all(root), PAIR)
    assert found.startswith("made by different code") and "commit abcdef" in found and "b.sample seed 0" in found


def test_rows_not_run_are_no_mismatch(root):
    assert mismatches(load_all(root), ["a.sample", "c.sample"]) == []
