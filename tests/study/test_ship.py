"""Shipping models to results/checkpoints: the trained base, a run by hand, a row's model, each whole or not at all."""

import json
import shutil
from pathlib import Path

import pytest
from support import toystudy
from support.toystudy import o1lib

from o1lib.models.checkpoint import model_hash
from o1lib.records import UserError, load, sha256
from o1lib.study import ship

STUDY = """
rows:
  base: {notebook: 00_pretrain_base, once: true, groups: [core]}
  arm: {notebook: work, parameters: {model: base}, groups: [core]}
scales:
  mini:
    base: {examples: 64, learning_rate: 1.5e-3}
    notebooks: {00_pretrain_base: {checkpoint: results/checkpoints/mini-base}}
  smoke: {}
"""
PARAMETERS = toystudy.COMMON + 'examples: int = 8\nlearning_rate: float = 1.0e-3\ncheckpoint: str = ""'
BODY = """import shutil
from o1lib.records import finish, start
run = start(globals(), "00_pretrain_base")
assert not checkpoint and learning_rate
shutil.copytree("TINY", run.path("model"))
finish(run, {"answers": {"value": 0.5, "n": examples, "low": 0.0, "high": 1.0}}, [{"qid": "q"}], [run.path("model")])"""


@pytest.fixture
def project(tmp_path, monkeypatch, tiny_folder):
    """A toy project whose notebook 00 copies a tiny model instead of training one."""
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    toystudy.make_project(tmp_path, STUDY)
    toystudy.notebook(tmp_path / "notebooks/00_pretrain_base.ipynb", PARAMETERS, BODY.replace("TINY", str(tiny_folder)))
    return tmp_path


def run_folder(place: Path, tiny_folder, notebook="00_pretrain_base", **parameters) -> Path:
    """Write to `place` the files that a run of a notebook by hand writes."""
    shutil.copytree(tiny_folder, place / "model")
    given = {
        "row": "base",
        "seed": 0,
        "scale": "mini",
        "root": "",
        "examples": 64,
        "learning_rate": 1.5e-3,
        "checkpoint": "",
    } | parameters
    made = {
        "row": "base",
        "seed": 0,
        "scale": "mini",
        "notebook": notebook,
        "parameters": given,
        "fingerprint": "by-hand",
        "metrics": {},
        "n_failed": 0,
        "artifacts": {"model": sha256(place / "model")},
        "extra": {"log": [{"loss": 1.0}]},
        "provenance": {"commit": "c0ffee0000"},
    }
    (place / "record.json").write_text(json.dumps(made), encoding="utf8")
    return place


@pytest.mark.slow
def test_a_base_is_trained_once_and_shipped_with_its_record(project, tiny_folder):
    done = o1lib(project, "base", "--scale", "mini")
    assert done.returncode == 0, done.stderr
    shipped = load(project / "results/checkpoints/mini-base")
    assert shipped.parameters["examples"] == 64 and shipped.metrics["answers"].n == 64 and shipped.changed() == []
    assert len(shipped.predictions()) == 1 and model_hash(shipped.folder) == model_hash(tiny_folder)
    assert not list(project.glob("work/mini/runs/*"))  # no row of the study, so no report sees it
    again = o1lib(project, "base", "--scale", "mini")
    assert again.returncode == 0 and "was trained with the published parameters" in again.stdout


def test_a_run_by_hand_is_shipped_with_its_command(project, tiny_folder, tmp_path_factory, capsys):
    elsewhere = run_folder(tmp_path_factory.mktemp("elsewhere") / "base", tiny_folder)
    ship.ship_base("mini", str(elsewhere))
    shipped = load(project / "results/checkpoints/mini-base")
    assert shipped.extra["command"] == "make base SCALE=mini"
    assert shipped.extra["papermill"] == (
        ".venv/bin/papermill notebooks/00_pretrain_base.ipynb out.ipynb -p row base "
        "-p seed 0 -p scale mini -p examples 64 -p learning_rate 0.0015"
    )
    text = (shipped.folder / "record.json").read_text(encoding="utf8")
    assert str(elsewhere) not in text and str(project) not in text and str(Path.home()) not in text
    ship.ship_base("mini")
    assert "FRESH=1 trains it again" in capsys.readouterr().out


def test_a_base_of_another_seed_is_shipped_beside_the_first(project, tiny_folder):
    run_folder(project / "work/made", tiny_folder, seed=1)
    ship.ship_base("mini", "work/made", seed=1)
    shipped = load(project / "results/checkpoints/mini-base-1")
    assert shipped.parameters["seed"] == 1 and shipped.extra["command"] == "make base SCALE=mini SEEDS=1"
    with pytest.raises(UserError, match="seed: 1, not 0"):
        ship.ship_base("mini", "work/made")


def spoil(folder):
    (folder / "model/config.json").write_text("{}", encoding="utf8")


@pytest.mark.parametrize(
    "changes, then, message",
    [
        ({"examples": 8}, None, "examples: 8, not 64"),
        ({"checkpoint": "results/x"}, None, "checkpoint: 'results/x', not ''"),
        ({"notebook": "02_train_sft"}, None, "notebook 02_train_sft, not 00_pretrain_base"),
        ({}, spoil, "model in .* has changed since it was recorded"),
    ],
)
def test_a_run_with_other_parameters_is_refused(project, tiny_folder, changes, then, message):
    """The shipped base stays as it was."""
    target = project / "results/checkpoints/mini-base"
    target.mkdir(parents=True)
    (target / "old").write_text("as it was", encoding="utf8")
    folder = run_folder(project / "work/made", tiny_folder, **changes)
    if then:
        then(folder)
    with pytest.raises(UserError, match=message):
        ship.ship_base("mini", "work/made")
    assert [path.name for path in target.parent.rglob("*")] == ["mini-base", "old"]


def test_a_model_too_large_for_every_clone_is_refused(project, tiny_folder, monkeypatch):
    run_folder(project / "work/made", tiny_folder)
    monkeypatch.setattr(ship, "LARGEST", 1000)
    with pytest.raises(UserError, match="which every clone would download"):
        ship.ship_base("mini", "work/made")
    assert not list((project / "results/checkpoints").iterdir())


def test_a_row_s_model_is_shipped_when_the_row_is_up_to_date(project, tiny_folder):
    run_folder(project / "results/checkpoints/mini-base", tiny_folder)
    jobs = {entry.job.row: entry.job for entry in toystudy.planned("core", scale="mini").jobs}
    with pytest.raises(UserError, match="arm seed 0 is not up to date .missing.: run `make study SCALE=mini ROWS=arm"):
        ship.ship_row("mini", "arm")
    for job in jobs.values():
        folder = toystudy.record(job)
    shutil.copytree(tiny_folder, folder / "model")
    toystudy.record(jobs["arm"], artifacts={"model": sha256(folder / "model")})
    ship.ship_row("mini", "arm")
    shipped = load(project / "results/checkpoints/mini-arm")
    assert shipped.row == "arm" and shipped.extra["command"] == "make study SCALE=mini ROWS=arm SEEDS=0"
    with pytest.raises(UserError, match="'core' is a group of rows"):
        ship.ship_row("mini", "core")


def test_a_row_without_a_model_is_refused(project):
    (project / "results/checkpoints/mini-base").mkdir(parents=True)
    for entry in toystudy.planned("core", scale="mini").jobs:
        toystudy.record(entry.job)
    with pytest.raises(UserError, match="has no model"):
        ship.ship_row("mini", "base")


@pytest.mark.parametrize(
    "scale, message", [("mimi", "did you mean mini"), ("smoke", "ships no base of its own: use SCALE=mini")]
)
def test_a_scale_without_a_base_is_refused(project, scale, message):
    with pytest.raises(UserError, match=message):
        ship.ship_base(scale)
