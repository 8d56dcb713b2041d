"""Which checkpoint a training goes on from, when files of it are cut short, emptied or edited."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from support.odd import TEXTS, mutated

from o1lib.training.checkpoints import last_complete, opened, precision, seal

TASK = {"weights": 1.5, "examples": [24], "settings": [0.001, 4], "words": "ab", "bf16": False}


@pytest.fixture
def folder(tmp_path):
    """The checkpoints of a run, after steps 2 and 4."""
    opened(tmp_path / "checkpoints", TASK)
    for step in (2, 4):
        path = tmp_path / "checkpoints" / f"checkpoint-{step}"
        path.mkdir()
        for name in ("model.safetensors", "trainer_state.json"):
            (path / name).write_text(f"{name} {step}", encoding="utf8")
        seal(path)
    return tmp_path / "checkpoints"


def newest(folder):
    found = opened(folder, TASK)
    return found and int(found.rsplit("-", 1)[1])


def test_the_newest_checkpoint_is_taken(folder):
    assert newest(folder) == 4


@pytest.mark.parametrize("case", TEXTS)
def test_an_odd_task_starts_again_and_says_why(folder, case, capsys):
    (folder / "task.json").write_bytes(TEXTS[case])
    assert newest(folder) is None and "so training starts again" in capsys.readouterr().err
    assert json.loads((folder / "task.json").read_text(encoding="utf8")) == TASK


@pytest.mark.parametrize("case", TEXTS)
def test_a_checkpoint_with_an_odd_seal_is_passed_over_and_named(folder, case, capsys):
    (folder / "checkpoint-4" / "complete.json").write_bytes(TEXTS[case])
    assert newest(folder) == 2 and "checkpoint-4 was not complete and was removed" in capsys.readouterr().err


@pytest.mark.parametrize("sealed", [{}, {"model.safetensors": None}, {"gone": [1, ""]}, {"model.safetensors": [19]}])
def test_a_seal_that_does_not_fit_its_files_is_none(folder, sealed):
    """An empty one used to count as complete."""
    (folder / "checkpoint-4" / "complete.json").write_text(json.dumps(sealed), encoding="utf8")
    assert newest(folder) == 2


def test_a_checkpoint_changed_in_place_is_passed_over(folder):
    """Its size is the same, so loading it would fail again and again."""
    path = folder / "checkpoint-4" / "model.safetensors"
    path.write_bytes(path.read_bytes()[::-1])
    assert newest(folder) == 2


def test_a_large_file_is_compared_by_size(folder, monkeypatch):
    monkeypatch.setattr("o1lib.training.checkpoints.HASHED", 3)
    seal(folder / "checkpoint-4")
    path = folder / "checkpoint-4" / "model.safetensors"
    path.write_bytes(path.read_bytes()[::-1])
    assert newest(folder) == 4
    path.write_bytes(b"")
    assert newest(folder) == 2


def test_a_seal_of_sizes_alone_still_counts(folder):
    """Earlier versions wrote it."""
    path = folder / "checkpoint-4"
    sizes = {one.name: one.stat().st_size for one in path.iterdir() if one.name != "complete.json"}
    (path / "complete.json").write_text(json.dumps(sizes), encoding="utf8")
    assert newest(folder) == 4


@pytest.mark.parametrize(
    "name", ["checkpoint-", "checkpoint-x", "checkpoint-²", "checkpoint-9 (copy)", "checkpoint-09"]
)
def test_other_folders_are_left_alone(folder, name):
    (folder / name).mkdir()
    assert newest(folder) == 4 and (folder / name).is_dir()


def test_a_file_named_like_a_checkpoint_is_left_alone(folder):
    (folder / "checkpoint-9").write_text("")
    assert newest(folder) == 4


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sealed=mutated({"model.safetensors": [19, "0" * 64], "trainer_state.json": [20, "1" * 64]}))
def test_whatever_a_seal_holds_no_other_error_comes(folder, sealed):
    path = folder / "checkpoint-9"
    path.mkdir()
    (path / "model.safetensors").write_text("x")
    (path / "complete.json").write_text(json.dumps(sealed), encoding="utf8")
    assert last_complete(folder).endswith("checkpoint-4") and not path.exists()


def test_a_resumed_run_keeps_the_dtype_that_it_began_in(folder):
    task = {name: value for name, value in TASK.items() if name != "bf16"}
    assert precision(folder, task) is False
    assert precision(folder, task | {"words": "other"}) is None and precision(folder / "none", task) is None


@pytest.mark.parametrize("case", TEXTS)
def test_an_odd_task_names_no_dtype(folder, case):
    (folder / "task.json").write_bytes(TEXTS[case])
    assert precision(folder, {}) is None
