"""Finished rows are kept in the repository, and another checkout goes on from them."""

import gzip
import json
import shutil

import pytest
from support import toystudy
from support.toyrecords import answers
from support.toystudy import edit, planned, record

from o1lib.records import UserError, load, sha256
from o1lib.scoring import metrics
from o1lib.study import states
from o1lib.study.kept import fetch, keep
from o1lib.study.restore import restore


@pytest.fixture
def done(tmp_path, monkeypatch):
    """A toy project in which rows a, b and c are recorded: a with a model, b with predictions."""
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    toystudy.make_project(tmp_path)
    jobs = {entry.job.row: entry.job for entry in planned("core").jobs}
    model = states.folder_of(jobs["a"]) / "model"
    model.mkdir(parents=True)
    (model / "weights").write_text("w", encoding="utf8")
    record(jobs["a"], artifacts={"model": sha256(model)})
    lines = "\n".join(map(json.dumps, answers("b", "tags", "mixed", "sample", 1, "", 0.6)))
    path = states.folder_of(jobs["b"]) / "predictions.jsonl.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(lines.encode()))
    record(jobs["b"], artifacts={path.name: sha256(path)})
    record(jobs["c"])
    return tmp_path


def due(rows="core"):
    return {entry.job.row: entry.reason for entry in planned(rows).due}


def move(root):
    """Lose what a fresh checkout does not have."""
    shutil.rmtree(root / "work")


def test_another_checkout_goes_on_with_kept_rows(done):
    measured = metrics(load(done / "work/smoke/runs/b/seed0").predictions())
    assert keep("smoke") == "3 rows are kept in results/unfinished/smoke"
    move(done)
    assert restore("smoke").splitlines()[0] == "3 rows copied from results/unfinished/smoke"
    assert due() == {"claims": "missing"}
    assert metrics(load(done / "work/smoke/runs/b/seed0").predictions()) == measured


def test_models_are_not_kept_and_are_made_again_where_a_row_needs_them(done):
    keep("smoke")
    move(done)
    restore("smoke")
    assert not list((done / "results/unfinished").rglob("weights"))
    assert due("d") == {"a": "model is missing", "d": "missing"}


def test_rows_kept_in_pieces_come_back_together(done):
    keep("smoke")
    move(done)
    fetch("smoke")
    record(planned("d").jobs[-1].job)
    assert keep("smoke") == "4 rows are kept in results/unfinished/smoke"
    move(done)
    assert fetch("smoke") == 4


def test_a_kept_row_does_not_replace_one_that_is_there(done):
    keep("smoke")
    edit(done, "value: 0.25", "value: 0.35")
    job = next(entry.job for entry in planned("b").jobs if entry.job.row == "b")
    record(job)
    assert fetch("smoke") == 0 and due("b") == {}


def test_a_kept_row_that_the_plan_no_longer_asks_for_is_redone(done):
    keep("smoke")
    move(done)
    edit(done, "value: 0.25", "value: 0.35")
    fetch("smoke")
    assert due()["b"] == "parameter value: 0.25 -> 0.35"


def test_short_predictions_that_changed_are_redone(done):
    keep("smoke")
    move(done)
    fetch("smoke")
    (done / "work/smoke/runs/b/seed0/predictions.parquet").write_bytes(b"PAR1")
    assert due()["b"] == "predictions.parquet has changed"


def test_nothing_is_kept_of_a_study_without_a_complete_row(done):
    move(done)
    with pytest.raises(UserError, match="no complete row in work/smoke: run `make study SCALE=smoke` first"):
        keep("smoke")
