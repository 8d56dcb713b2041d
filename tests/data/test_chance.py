"""Chance levels are frozen beside a dataset and in its record, the same by command and by notebook 01."""

import pytest
from support.toyrecords import leave

from o1lib.data.chance import counted_on, keep_levels, levels_of
from o1lib.data.dataset import read_items, write_items
from o1lib.minivqa import mixture
from o1lib.minivqa.testsets import test_set
from o1lib.records import UserError, need, sha256
from o1lib.scoring.chance_level import FILE, read_levels
from o1lib.scoring.policy_scores import chance_levels


@pytest.fixture
def root(tmp_path):
    """Two datasets: `data`, and `hard_data` with one training item, whose levels are counted on `data`."""
    for row, n, more in (("data", 40, {}), ("hard_data", 1, {"chance_from": "data"})):
        folder = leave(tmp_path, row, dataset_hash=row[0] * 64, **more).parent / "data"
        write_items(mixture("train", n), folder / "train")
        write_items(test_set("mini-MMStar", 6), folder / "test")
    return tmp_path


def test_a_dataset_has_the_levels_that_notebook_01_would_freeze(root):
    record = need(root, "data", 0)
    train, test = (read_items(record.folder / "data" / name) for name in ("train", "test"))
    assert levels_of(record, root) == chance_levels(train, test, "d" * 64)


def test_levels_are_counted_on_the_training_items_of_the_row_that_is_named(root):
    found = levels_of(need(root, "hard_data", 0), root)
    assert (found.training_items, found.training_hash, found.dataset_hash) == (40, "d" * 64, "h" * 64)
    assert len(counted_on(root, "data")[0]) == 40


def test_the_frozen_file_is_an_artifact_of_the_record(root):
    record = need(root, "data", 0)
    digest = keep_levels(record, levels_of(record, root))
    again = need(root, "data", 0)
    assert again.artifacts[FILE] == digest == sha256(record.folder / FILE) and again.changed() == []
    assert again.model_copy(update={"artifacts": {}}) == record.model_copy(update={"artifacts": {}})


def test_other_levels_are_refused_and_neither_file_nor_record_changes(root):
    record = need(root, "data", 0)
    found = levels_of(record, root)
    keep_levels(record, found)
    before = (record.folder / "record.json").read_bytes(), (record.folder / FILE).read_bytes()
    other = found.model_copy(update={"training_items": 7})
    with pytest.raises(UserError, match="frozen"):
        keep_levels(need(root, "data", 0), other)
    assert before == ((record.folder / "record.json").read_bytes(), (record.folder / FILE).read_bytes())
    keep_levels(need(root, "data", 0), other, replace=True)
    assert read_levels(record.folder / FILE) == other and need(root, "data", 0).changed() == []


def test_a_row_without_items_is_refused(root):
    leave(root, "published", dataset_hash="p" * 64)
    with pytest.raises(UserError, match="holds no test items"):
        levels_of(need(root, "published", 0), root)
