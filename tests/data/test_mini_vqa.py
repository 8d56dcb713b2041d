"""Mini-VQA as a data source: what the splits hold."""

from o1lib.data.mini_vqa import load
from o1lib.data.splits import SourceOptions
from o1lib.minivqa import depth


def test_training_and_validation_hold_the_share_of_mini_depth():
    splits = load(SourceOptions(n_train=200, n_validation=100, n_test=4))
    found = [item.family.startswith(depth.NAME) for split in (splits.train, splits.validation) for item in split]
    assert abs(sum(found) / 300 - depth.SHARE) < 0.07
