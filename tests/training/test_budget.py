"""Direct training until as many positions are processed as by another format, over fresh items or the same ones."""

import pytest

from o1lib.data.dataset import write_items
from o1lib.minivqa import depth
from o1lib.records import Run, UserError, write_json
from o1lib.training.arm_plan import plan_arm
from o1lib.training.arms import training_items
from o1lib.training.positions import PositionCounter

N = 12


def planned(tiny, folder, **changes):
    data = changes.pop("data", "")
    run = Run("arm", 0, "smoke", folder, folder / "arm", {"data": data})
    how = {"format": "direct", "match": "tags"} | changes
    return plan_arm(run, *tiny, training_items(run, data, N), **how)


def ids(phases):
    return [[item.qid for item, _ in phase] for phase in phases]


@pytest.fixture
def structured(tiny):
    """The positions of one structured pass."""
    pairs = [(item, tuple(item.stages)) for item in depth.mixture("train", N)]
    return sum(one.positions for one in PositionCounter(tiny[1], tiny[0]).count(pairs, "tags"))


@pytest.mark.parametrize("more", ["fresh", "repeat"])
def test_training_ends_with_the_example_that_reaches_the_positions(tiny, tmp_path, structured, more):
    found = planned(tiny, tmp_path, more=more)
    read = [one.positions for one in found.counts]
    assert structured <= sum(read) < structured + max(read)
    assert len(read) == sum(map(len, found.phases)) > N


def test_fresh_items_are_new_drawings_after_the_datasets_own(tiny, tmp_path):
    [found] = ids(planned(tiny, tmp_path).phases)
    assert len(set(found)) == len(found)
    assert set(found) == {item.qid for item in depth.mixture("train", len(found))}


def test_repeated_items_come_in_whole_epochs_of_other_orders_and_a_cut_one(tiny, tmp_path):
    first, *later = ids(planned(tiny, tmp_path, more="repeat").phases)
    [once] = ids(planned(tiny, tmp_path, match="").phases)
    assert first == once and all(set(epoch) <= set(first) for epoch in later)
    assert all(len(set(epoch)) == len(epoch) for epoch in later) and len(later[-1]) < N
    assert later[0] != first[: len(later[0])]


@pytest.mark.parametrize("more", ["fresh", "repeat"])
def test_a_second_start_plans_the_same(tiny, tmp_path, more):
    """A resumed run reads the items that the first start has drawn."""
    assert ids(planned(tiny, tmp_path, more=more).phases) == ids(planned(tiny, tmp_path, more=more).phases)


def dataset(root, n, **parameters):
    """Leave a dataset of `n` drawings as the row `data` of a study."""
    folder = root / "runs" / "data" / "seed0"
    write_items(depth.mixture("train", n), folder / "data" / "train")
    record = {
        "row": "data",
        "seed": 0,
        "scale": "smoke",
        "notebook": "01_build_dataset",
        "fingerprint": "",
        "extra": {},
    }
    given = {"parameters": {"n_train": n} | parameters, "metrics": {}, "n_failed": 0, "artifacts": {}, "provenance": {}}
    write_json(folder / "record.json", record | given)


def test_the_rest_of_the_dataset_is_taken_before_new_drawings(tiny, tmp_path):
    dataset(tmp_path, N + 3)
    [found] = ids(planned(tiny, tmp_path, data="data").phases)
    assert set(found) == {item.qid for item in depth.mixture("train", len(found))} and len(found) > N + 3


def test_a_source_that_cannot_be_drawn_further_is_refused(tiny, tmp_path):
    dataset(tmp_path, N, source="easy_vqa")
    with pytest.raises(UserError, match="'data' has too few items .* set more to 'repeat'"):
        planned(tiny, tmp_path, data="data")


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"match": "tag"}, "unknown format to match 'tag'"),
        ({"more": "new"}, "unknown kind of further items 'new'"),
        ({"format": "tags", "warm_share": 0.5}, "one phase only: set schedule to 'mixed' and warm_share to 0"),
        ({"format": "filler"}, "'filler' has as many positions as a chain already: leave match empty"),
    ],
)
def test_positions_that_cannot_be_matched_are_refused(tiny, tmp_path, changes, words):
    with pytest.raises(UserError, match=words):
        planned(tiny, tmp_path, **changes)


def test_an_arm_with_more_positions_already_takes_no_further_items(tiny, tmp_path):
    [found] = ids(planned(tiny, tmp_path, format="tags", match="direct").phases)
    assert len(found) == N
