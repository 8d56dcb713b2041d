"""What is lost or damaged in a study's folder: which rows that redoes, what is set aside, and the way back."""

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from support import toystudy
from support.odd import TEXTS, VALUES, mutated
from support.toystudy import edit, planned, record

from o1lib.records import UserError, load_all, need, sha256
from o1lib.study import plan, plan_text, row_job, states
from o1lib.study.restore import restore


@pytest.fixture
def done(tmp_path, monkeypatch):
    """A toy project with a record and a model of every row."""
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    toystudy.make_project(tmp_path)
    for entry in planned("all").jobs:
        if not entry.job.report:
            model(entry.job)
    record(planned("all").jobs[-1].job)
    return tmp_path


def model(job, **changes):
    """Record a job with a model; return the model's folder."""
    folder = states.folder_of(job) / "model"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights").write_text(job.name, encoding="utf8")
    record(job, artifacts={"model": sha256(folder)}, **changes)
    return folder


def run_of(root, row):
    return root / "work/smoke/runs" / row / "seed0"


def due(rows="all", **more):
    return {entry.job.row: entry.reason for entry in planned(rows, **more).due}


def kept(root):
    return {path.parent.parent.name for path in root.glob("work/smoke/runs/*/seed0/record.json")}


def change(root, of, values):
    """Edit fields of a row's record by hand."""
    path = run_of(root, of) / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf8")) | values), encoding="utf8")


def empty(folder):
    (folder / "weights").unlink()


def remove(folder):
    shutil.rmtree(folder)


def cut(folder):
    (folder / "weights").write_bytes(b"")


LOSSES = [(remove, "model is missing"), (empty, "model is empty"), (cut, "model has changed")]


# ---------------------------------------------------------------- a lost model


@pytest.mark.parametrize(("lose", "what"), LOSSES)
def test_a_lost_model_counts_where_a_due_row_needs_it(done, lose, what):
    lose(run_of(done, "b") / "model")
    edit(done, "parameters: {model: b}", "parameters: {model: b, value: 0.9}")
    assert due("c") == {"b": what, "c": "parameter value: None -> 0.9"}


@pytest.mark.parametrize(("lose", "what"), LOSSES)
def test_a_lost_model_that_nothing_needs_redoes_nothing_and_is_named(done, lose, what):
    lose(run_of(done, "b") / "model")
    assert due("all") == due("claims") == due("c") == {}
    text = plan_text.describe(planned("all"))
    assert "\n1 row with a folder that is lost or has changed, and that nothing in this plan needs." in text
    assert f"  {what}: b seed 0" in text and "when ROWS names the row itself" in text


def test_naming_the_row_itself_makes_its_lost_model_again(done):
    empty(run_of(done, "b") / "model")
    assert due("b") == {"b": "model is empty"}


def test_a_large_folder_is_not_hashed_but_has_to_hold_a_file(done, monkeypatch):
    monkeypatch.setattr("o1lib.records.store.HASHED_BYTES", 3)
    cut(run_of(done, "b") / "model")
    (run_of(done, "b") / "model" / "more").write_bytes(b"12345")
    assert due("b") == {}
    shutil.rmtree(run_of(done, "b") / "model")
    (run_of(done, "b") / "model" / "sub").mkdir(parents=True)
    assert due("b") == {"b": "model is empty"}


# ---------------------------------------------------------------- a damaged record


def test_a_damaged_record_upstream_takes_no_descendant_with_it(done):
    (run_of(done, "a") / "record.json").write_bytes(b'{"row": "\xc3')
    report = planned("claims")
    assert [entry.job.row for entry in report.due] == ["claims"]
    plan.set_aside(report)
    assert kept(done) == {"a", "b", "c", "d"}  # the report's own record is the only one that makes room
    assert due("c") == {} and "  its record cannot be read: a seed 0" in plan_text.describe(planned("c"))


def test_a_damaged_record_is_redone_where_a_due_row_needs_it(done):
    (run_of(done, "a") / "record.json").write_text("{", encoding="utf8")
    edit(done, "parameters: {model: b}", "parameters: {model: b, value: 0.9}")
    assert set(due("c")) == {"c"}  # it needs b, which is whole
    edit(done, "value: 0.25", "value: 0.35")
    assert due("c")["a"] == "its record cannot be read" and set(due("c")) == {"a", "b", "c"}


def test_a_damaged_record_does_not_replace_the_one_set_aside_before(done):
    job = planned("b").jobs[-1].job
    (run_of(done, "b") / "record.json").rename(run_of(done, "b") / "earlier.json")
    (run_of(done, "b") / "record.json").write_text("{", encoding="utf8")
    plan.set_aside(planned("b"))
    assert states.restorable(job) == "" and (run_of(done, "b") / "record.json.damaged").is_file()


def test_a_folder_in_the_place_of_a_record_makes_room(done):
    (run_of(done, "b") / "record.json").unlink()
    (run_of(done, "b") / "record.json" / "mine").mkdir(parents=True)
    assert due("b") == {"b": "its record cannot be read"}
    plan.set_aside(planned("b"))
    assert (run_of(done, "b") / "record.json.damaged" / "mine").is_dir() and due("b") == {"b": "missing"}


@pytest.mark.parametrize("case", TEXTS)
def test_odd_records_are_redone_and_odd_earlier_ones_are_not_used(done, case):
    (run_of(done, "b") / "record.json").write_bytes(TEXTS[case])
    (run_of(done, "c") / "record.json").rename(run_of(done, "c") / "earlier.json")
    (run_of(done, "c") / "earlier.json").write_bytes(TEXTS[case])
    found = due("core")
    assert (found["b"], found["c"]) == ("its record cannot be read", "missing")
    plan.set_aside(planned("core"))
    assert "c seed 0 stays set aside: earlier.json cannot be read" in restore("smoke")
    with pytest.raises(UserError, match="needs row 'b'"):
        need(done / "work/smoke", "b", 0)


PROVENANCE = ["commit", "code_hash", "stack_hash", "started_at", "dataset_hash", "model_hash", "seconds"]


@pytest.mark.parametrize("name", PROVENANCE)
@pytest.mark.parametrize("value", [None, [1], -1])
def test_provenance_of_a_wrong_type_is_no_record(done, name, value):
    record(planned("b").jobs[-1].job, provenance={name: value})
    assert due("b") == {"b": "its record cannot be read"}
    with pytest.raises(UserError, match="is not a record of this version .provenance.: run that row again"):
        load_all(done / "work/smoke")


# ---------------------------------------------------------------- an edited record


EDITS = {
    "row": ({"row": "a"}, "its record says row 'a' in the folder of row 'b'"),
    "seed": ({"seed": 3}, "its record says seed 3 in the folder seed0"),
    "notebook": ({"notebook": "report"}, "its record was edited: notebook is 'report', not 'work'"),
    "parameters": ({"parameters": {}}, "its record was edited: model is None, not 'a'"),
}


@pytest.mark.parametrize("case", EDITS)
def test_an_edited_record_is_redone(done, case):
    values, reason = EDITS[case]
    change(done, "b", values)
    assert due("b") == {"b": reason}


@pytest.mark.parametrize("case", ["row", "seed"])
def test_an_edited_row_or_seed_is_refused_by_readers(done, case):
    change(done, "b", EDITS[case][0])
    for read in (lambda: load_all(done / "work/smoke"), lambda: need(done / "work/smoke", "b", 0)):
        with pytest.raises(UserError, match="record.json says .*: correct it there, or run that row again"):
            read()


@pytest.mark.parametrize("name", ["seed²", "seed٣", "seed00", "seed0 (copy)"])
def test_a_folder_with_another_name_is_named_and_not_read(done, name):
    shutil.copytree(run_of(done, "b"), run_of(done, "b").with_name(name))
    found = planned("all")
    assert found.due == [] and f"runs/b/{name} is no folder of a run (seed0" in plan_text.describe(found)
    with pytest.raises(UserError, match="is no folder of a run .*: rename or remove it"):
        load_all(done / "work/smoke")
    assert len(load_all(done / "work/smoke", leave=())) == 5


def test_a_row_made_from_another_model_than_there_is_now_is_redone(done):
    """A model that was lost and made again may differ, for example on another machine."""
    a, b = (entry.job for entry in planned("b").jobs)
    record(a, provenance={"model_hash": "one"})
    record(b, provenance={"model_hash": "one"})
    assert due("b") == {}
    record(a, provenance={"model_hash": "two"})
    assert due("b") == {"b": "was made from another model than a has now"}


# ---------------------------------------------------------------- a row that left experiments.yaml


def drop(root, of):
    path = root / "experiments.yaml"
    lines = path.read_text(encoding="utf8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(f"  {of}: ")), encoding="utf8")


@pytest.mark.parametrize("text", [None, "{"])
def test_a_record_of_a_row_that_left_the_file_is_named_and_read_by_no_report(done, text):
    drop(done, "d")
    if text:
        (run_of(done, "d") / "record.json").write_text(text, encoding="utf8")
    found = planned("all")
    assert "1 record of no row of this study: kept, read by no report, and never redone." in plan_text.describe(found)
    assert "  experiments.yaml has no such row: d seed 0" in plan_text.describe(found)
    record(found.jobs[-1].job, fingerprint="old")
    written = json.loads(plan.write_plan(planned("all")).read_text(encoding="utf8"))
    assert written["claims/0"]["leaves"] == ["d/0"]
    assert [one.row for one in load_all(done / "work/smoke", [("d", 0)])] == ["a", "b", "c", "claims"]


def test_a_record_at_another_seed_of_a_row_that_runs_once_is_named_too(done):
    shutil.copytree(run_of(done, "a"), run_of(done, "a").with_name("seed2"))
    assert "  its row runs once, as seed 0: a seed 2" in plan_text.describe(planned("all"))


def test_a_record_made_by_hand_of_no_row_is_left_to_its_maker(done):
    drop(done, "d")
    change(done, "d", {"fingerprint": "by-hand"})
    assert planned("all").gone == ()


# ---------------------------------------------------------------- the way back


def test_the_plan_offers_what_was_set_aside_and_one_command_restores_it(done):
    edit(done, "value: 0.25", "value: 0.35")
    plan.set_aside(planned("core"))
    assert kept(done) == {"a", "d"} and plan_text.remarks(planned("core")) == ""
    edit(done, "value: 0.35", "value: 0.25")
    assert set(due("core")) == {"b", "c", "claims"}
    text = plan_text.describe(planned("core"))
    assert (
        "3 records set aside can come back without a run: `.venv/bin/python -m o1lib restore --scale smoke` "
        "brings back b seed 0, c seed 0, claims seed 0" in text
    )
    assert restore("smoke") == "3 records brought back: b seed 0, c seed 0, claims seed 0"
    assert due("all") == {} and kept(done) == {"a", "b", "c", "d", "claims"}


def test_restoring_names_what_does_not_fit_the_plan(done):
    edit(done, "value: 0.25", "value: 0.35")
    plan.set_aside(planned("all"))
    text = restore("smoke")
    assert text.splitlines()[:2] == [
        "0 records brought back",
        "b seed 0 stays set aside: parameter value: 0.25 -> 0.35",
    ]
    assert kept(done) == {"a", "d"}


def test_restoring_refuses_a_record_whose_files_are_gone(done):
    job = planned("b").jobs[-1].job
    record(job, artifacts={"predictions.jsonl.gz": "0" * 64})
    (run_of(done, "b") / "record.json").rename(run_of(done, "b") / "earlier.json")
    assert "b seed 0 stays set aside: the files of that run are gone (predictions.jsonl.gz is missing)" in restore(
        "smoke"
    )


def start_anew(root, of):
    """Prepare the folder of a due row, as its run does, and write a model before the kill comes."""
    job = next(entry.job for entry in planned("all").due if entry.job.row == of)
    row_job._prepare_folder(states.folder_of(job), job)
    (run_of(root, of) / "model").mkdir()
    (run_of(root, of) / "model" / "weights").write_text("another run's", encoding="utf8")


def test_restoring_refuses_a_row_that_was_started_anew(done):
    """The folder would hold the model of the killed run beside the record of the earlier one."""
    edit(done, "value: 0.25", "value: 0.35")
    plan.set_aside(planned("core"))
    start_anew(done, "b")
    edit(done, "value: 0.35", "value: 0.25")
    assert "b seed 0" not in plan_text.describe(planned("core")).partition("brings back")[2]
    said = restore("smoke").splitlines()
    assert said[0] == "2 records brought back: c seed 0, claims seed 0" and kept(done) == {"a", "c", "d", "claims"}
    assert said[1] == "b seed 0 stays set aside: the row was started anew since, which removed the files of that run"


@pytest.mark.parametrize(("lose", "what"), LOSSES)
def test_restoring_names_a_folder_that_is_lost_or_changed(done, lose, what):
    (run_of(done, "b") / "record.json").rename(run_of(done, "b") / "earlier.json")
    lose(run_of(done, "b") / "model")
    said = restore("smoke", "b").splitlines()
    assert said[:2] == ["1 record brought back: b seed 0", f"b seed 0 is back, but its {what}"]
    assert said[2:] == ["such a folder is made again when a row needs it, or when ROWS names the row"]


def test_restoring_takes_the_place_of_a_damaged_record(done):
    (run_of(done, "b") / "record.json").rename(run_of(done, "b") / "earlier.json")
    (run_of(done, "b") / "record.json").write_text("{", encoding="utf8")
    assert restore("smoke", "b") == "1 record brought back: b seed 0" and due("b") == {}


def test_restoring_at_other_seeds_and_with_nothing_set_aside(done):
    assert restore("smoke") == "0 records brought back"
    job = planned("b", (3,)).jobs[-1].job
    record(job).joinpath("record.json").rename(states.folder_of(job) / "earlier.json")
    assert restore("smoke") == "1 record brought back: b seed 3"


def test_restoring_refuses_an_unknown_scale(done):
    with pytest.raises(UserError, match="unknown SCALE 'foo'"):
        restore("foo")


# ---------------------------------------------------------------- whatever is edited


WHOLE = {
    "row": "b",
    "seed": 0,
    "scale": "smoke",
    "notebook": "work",
    "parameters": {"model": "a", "value": 0.25},
    "fingerprint": "0" * 16,
    "metrics": {"accuracy": {"value": 0.5, "n": 2, "low": 0.0, "high": 1.0}},
    "n_failed": 0,
    "artifacts": {"model": "0" * 64, "x.csv": "1" * 64},
    "extra": {"base_hash": "x"},
    "provenance": {"commit": "c0ffee", "seconds": 1.0, "started_at": "2026", "model_hash": "y", "versions": {}},
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=mutated(WHOLE) | VALUES, other=mutated(WHOLE))
def test_whatever_a_record_holds_a_plan_is_made_and_told(done, value, other):
    """Only a UserError may reach the user."""
    for row, name, text in (("b", "record.json", value), ("c", "earlier.json", other)):
        (run_of(done, row) / name).write_text(json.dumps(text), encoding="utf8")
    (run_of(done, "c") / "record.json").unlink(missing_ok=True)
    found = planned("all")
    assert "b" in {entry.job.row for entry in found.due} and plan_text.describe(found)
    try:
        load_all(done / "work/smoke")
    except UserError as error:
        assert "\n" not in str(error)
