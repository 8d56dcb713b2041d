"""Training in two processes: equal to one process, exact resume, and refusal of launchers that do something else."""

import json
from pathlib import Path

import pytest
from support import parallel

from o1lib.models.presets import load
from o1lib.records import UserError
from o1lib.training.launch import launch

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found(tiny_folder, tmp_path_factory):
    """The results of two processes, which are started once by the project's own launcher."""
    out = tmp_path_factory.mktemp("parallel")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(parallel.__file__).parent))
        launch(2, [str(tiny_folder), str(out)], module="parallel")
    return json.loads((out / "found.json").read_text(encoding="utf8"))


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one_process(found, tiny_folder, tmp_path):
    alone, _ = parallel.train(load(tiny_folder), tmp_path)
    assert len(alone) == 3 and found["unbroken"][0] == pytest.approx(alone, rel=2e-3)


@pytest.mark.parametrize("kind", ["", "lora"])
def test_stopped_processes_end_like_uninterrupted_ones(found, kind):
    unbroken, resumed = (found["unbroken"], found["resumed"]) if not kind else (found["lora"], found["lora_resumed"])
    assert resumed == unbroken


@pytest.mark.slow
def test_stopped_lora_ends_like_an_uninterrupted_run(tiny_folder, tmp_path):
    loaded = load(tiny_folder)
    unbroken = parallel.train(loaded, tmp_path / "a", recipe=parallel.LORA)
    assert parallel.stopped(loaded, tmp_path / "b", recipe=parallel.LORA) == unbroken


def test_fewer_processes_than_requested_are_refused(found):
    said = "3 processes were requested but 2 started: use `.venv/bin/python -m o1lib.train --processes 3`"
    assert said in found["three"]


def test_one_process_instead_of_several_is_refused(tiny_folder, tmp_path):
    with pytest.raises(UserError, match="2 processes were requested but 1 started"):
        parallel.train(load(tiny_folder), tmp_path, processes=2)


def test_copies_instead_of_shards_are_refused(found):
    words = (
        "shards the weights over 2 process(es), but the launcher would copy them to each (MULTI_CPU): FSDP needs GPUs"
    )
    assert words in found["copied"]


def test_a_batch_that_cannot_be_split_evenly_is_refused(found):
    assert "a batch of 4 cannot be split over 2 process(es) with 3 examples at a time" in found["odd"]


def test_layers_of_the_paper_recipe_are_sharded_and_gathered(found):
    loss, whole, same, _ = found["sharded"]
    assert loss == pytest.approx(whole, rel=1e-4) and same


def test_a_checkpoint_saved_from_shards_is_the_model(found):
    _, whole, _, saved = found["sharded"]
    assert saved == pytest.approx(whole, rel=1e-6)


@pytest.mark.slow
def test_a_failing_worker_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"training in 1 process\(es\) failed with exit code 1: see the message above"):
        launch(1, [], module="o1lib.no_such_module")
