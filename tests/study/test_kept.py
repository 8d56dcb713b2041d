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
from o1lib.study import experiments, publish, readiness, states
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
    assert fetch("smoke") == "4 rows"


def test_a_kept_row_does_not_replace_one_that_is_there(done):
    keep("smoke")
    edit(done, "value: 0.25", "value: 0.35")
    job = next(entry.job for entry in planned("b").jobs if entry.job.row == "b")
    record(job)
    assert fetch("smoke") == "" and due("b") == {}


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


def record_report():
    """Record the report, as a study with an unfinished row that reports leave out does."""
    folder = record(next(entry.job for entry in planned("core").jobs if entry.job.report))
    (folder / "notebook.ipynb").write_text("{}", encoding="utf8")


def test_a_row_whose_model_is_lost_is_kept_although_an_unfinished_row_needs_it(done):
    """d has no record and needs a, so the plan makes a's model again."""
    shutil.rmtree(done / "work/smoke/runs/a/seed0/model")
    assert due("all")["a"] == "model is missing"
    assert keep("smoke") == "3 rows are kept in results/unfinished/smoke"
    assert (done / "results/unfinished/smoke/runs/a/seed0/record.json").is_file()


def test_a_row_whose_model_is_lost_is_published_although_an_unfinished_row_needs_it(done, capsys):
    record_report()
    shutil.rmtree(done / "work/smoke/runs/a/seed0/model")
    publish.publish("smoke", force=True)
    assert (done / "results/smoke/runs/a/seed0/record.json").is_file()
    assert "a seed 0" not in capsys.readouterr().out


def write(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("{}", encoding="utf8")


def test_tries_of_readiness_come_back_and_keep_their_names(done):
    write(done, "work/smoke/readiness/first.json", "work/smoke/readiness/first.md", "work/smoke/readiness/direct.jsonl")
    assert keep("smoke") == "3 rows are kept in results/unfinished/smoke, with 1 try"
    move(done)
    assert restore("smoke").splitlines()[0] == "3 rows, 1 try copied from results/unfinished/smoke"
    with pytest.raises(UserError, match="first.json is there, and every try is kept"):
        readiness.check_new("smoke", "first")
    record_report()
    publish.publish("smoke", force=True)
    assert sorted(path.name for path in (done / "results/smoke/readiness").iterdir()) == ["first.json", "first.md"]


def test_a_kept_try_does_not_replace_one_that_is_there(done):
    write(done, "work/smoke/readiness/first.json", "work/smoke/readiness/first.md")
    keep("smoke")
    (done / "work/smoke/readiness/first.json").write_text("[]", encoding="utf8")
    assert fetch("smoke") == ""
    assert (done / "work/smoke/readiness/first.json").read_text(encoding="utf8") == "[]"


@pytest.mark.parametrize("command, kept", [(keep, "unfinished/smoke"), (publish.publish, "smoke")])
def test_another_try_of_the_same_name_is_not_overwritten(done, command, kept):
    """It was made without the kept one, whose name it would have been refused."""
    record_report()
    write(
        done, f"results/{kept}/readiness/first.json", "work/smoke/readiness/first.json", "work/smoke/readiness/first.md"
    )
    (done / "work/smoke/readiness/first.json").write_text("[]", encoding="utf8")
    forced = {"force": True} if command is publish.publish else {}
    with pytest.raises(UserError, match=f"results/{kept}/readiness/first.json is another try than work/smoke/.* name"):
        command("smoke", **forced)
    assert (done / f"results/{kept}/readiness/first.json").read_text(encoding="utf8") == "{}"
    assert not (done / f"results/{kept}/runs").exists()


def test_finished_suites_of_probes_come_back_with_the_main_scale(done, monkeypatch):
    monkeypatch.setattr(experiments, "MAIN_SCALE", "smoke")
    write(done, "work/probes/one/record.json", "work/probes/one/table.md", "work/probes/unfinished/table.md")
    assert keep("smoke") == "3 rows are kept in results/unfinished/smoke, with 1 suite of probes"
    move(done)
    assert fetch("smoke") == "3 rows, 1 suite of probes"
    assert sorted(path.name for path in (done / "work/probes/one").iterdir()) == ["record.json", "table.md"]
    assert not (done / "work/probes/unfinished").exists()


def ship(root, name, weights="w", **others):
    """Write a shipped checkpoint: the toy model of row a, and files beside it."""
    for file, text in {"weights": weights, **others}.items():
        path = root / "results/checkpoints" / name / file.replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf8")
    return root / "results/checkpoints" / name


def test_a_row_gets_its_shipped_model_back(done):
    """The record and the card that a shipped model has beside it are no part of the row's model."""
    ship(done, "smoke-a", record__json="{}", README__md="card")
    keep("smoke")
    move(done)
    fetch("smoke")
    assert [path.name for path in (done / "work/smoke/runs/a/seed0/model").iterdir()] == ["weights"]
    assert due("d") == {"d": "missing"}


def test_a_base_gets_the_checkpoint_back_that_notebook_00_copied_with_its_record(done):
    shipped = ship(done, "the-base", record__json="{}", README__md="card")
    toystudy.notebook(done / "notebooks/work.ipynb", toystudy.WORK + '\ncheckpoint: str = ""', toystudy.WORK_BODY)
    edit(done, "a: {notebook: work,", "a: {notebook: work, parameters: {checkpoint: results/checkpoints/the-base},")
    (job,) = [entry.job for entry in planned("a").jobs if entry.job.row == "a"]
    model = states.folder_of(job) / "model"
    shutil.copytree(shipped, model, dirs_exist_ok=True)
    record(job, artifacts={"model": sha256(model)})
    keep("smoke")
    move(done)
    fetch("smoke")
    assert sha256(model) == sha256(shipped) and (model / "record.json").is_file()


def test_a_shipped_model_with_other_weights_is_not_taken_for_the_row_s(done):
    ship(done, "smoke-a", weights="other")
    keep("smoke")
    move(done)
    fetch("smoke")
    assert due("d") == {"a": "model is missing", "d": "missing"}
