"""Predictions that a report reads again and again are read once, and hold all that metrics read."""

import pytest
from support import toyrecords

from o1lib.analysis import prediction_cache
from o1lib.analysis.observations import LINES, observations
from o1lib.records import UserError, load_all, store


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    found = tmp_path_factory.mktemp("kept")
    toyrecords.leave_study(found)
    return found


@pytest.fixture
def reads(monkeypatch):
    """The files that are read, one entry for each time."""
    found, usual = [], store._read_lines
    monkeypatch.setattr(store, "_read_lines", lambda raw: found.append(raw) or usual(raw))
    return found


def test_predictions_are_read_once_also_by_a_changed_copy(root, reads):
    record = prediction_cache.keeping(load_all(root))[0]
    copy = record.model_copy(update={"n_failed": 7})
    assert record.predictions() is copy.predictions() and len(reads) == 1


def test_metrics_are_those_of_whole_predictions(root):
    for plain, record in zip(load_all(root), prediction_cache.keeping(load_all(root)), strict=True):
        if not plain.has_predictions:
            continue
        for metric in ("mini-average", *LINES):
            try:
                wanted = observations(plain.predictions(), metric)
            except UserError:  # a row without this metric
                continue
            assert observations(record.predictions(), metric).equals(wanted)


def test_candidates_are_left_out_and_read_again_where_they_are_shown(root):
    [record] = [one for one in prediction_cache.keeping(load_all(root)) if one.row == "structured.stage_beam4.self"]
    assert not any(line["candidates"] for line in record.predictions())
    assert all(line["candidates"] for line in record.whole())


def test_what_was_not_asked_for_the_longest_time_makes_room(root, reads, monkeypatch):
    one, other, third = [record for record in prediction_cache.keeping(load_all(root)) if record.has_predictions][:3]
    monkeypatch.setattr(prediction_cache, "MOST", 2 * len(one.predictions()))
    for record in (other, one, third, one, other):
        record.predictions()
    assert len(reads) == 4  # `other` made room for `third` and was read again
