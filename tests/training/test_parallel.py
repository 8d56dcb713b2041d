"""Two processes train what one trains, go on where they were stopped, and run as they were asked to or not at all."""

import json
from pathlib import Path

import pytest
from support import parallel

from o1lib.models.presets import load
from o1lib.records import UserError
from o1lib.training.launch import launch


@pytest.fixture(scope="module")
def found(tiny_folder, tmp_path_factory):
    """What two processes found, started once by the project's own launcher."""
    out = tmp_path_factory.mktemp("parallel")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(parallel.__file__).parent))
        launch(2, [str(tiny_folder), str(out)], module="parallel")
    return json.loads((out / "found.json").read_text(encoding="utf8"))


def test_two_processes_have_the_losses_of_one_with_the_same_batch(found, tiny_folder, tmp_path):
    alone, _ = parallel.train(load(tiny_folder), tmp_path)
    assert len(alone) == 3 and found["unbroken"][0] == pytest.approx(alone, rel=2e-3)


@pytest.mark.parametrize("kind", ["", "lora"])
def test_two_stopped_processes_end_in_the_weights_and_losses_of_unbroken_ones(found, kind):
    unbroken, resumed = (found["unbroken"], found["resumed"]) if not kind else (found["lora"], found["lora_resumed"])
    assert resumed == unbroken


def test_lora_stopped_in_one_process_ends_in_the_weights_of_an_unbroken_run(tiny_folder, tmp_path):
    loaded = load(tiny_folder)
    unbroken = parallel.train(loaded, tmp_path / "a", recipe=parallel.LORA)
    assert parallel.stopped(loaded, tmp_path / "b", recipe=parallel.LORA) == unbroken


def test_fewer_processes_than_asked_for_are_refused(found):
    assert "3 processes were asked for but 2 came: start it by `python -m o1lib.train --processes 3`" in found["three"]


def test_one_process_where_several_were_asked_for_is_refused(tiny_folder, tmp_path):
    with pytest.raises(UserError, match="2 processes were asked for but 1 came"):
        parallel.train(load(tiny_folder), tmp_path, processes=2)


def test_sharding_that_would_silently_become_copies_is_refused(found):
    assert "sharded over 2 process(es) but would be copied to each (MULTI_CPU): FSDP needs GPUs" in found["copied"]


def test_a_batch_that_cannot_be_shared_evenly_is_refused(found):
    assert "a batch of 4 cannot be shared by 2 process(es) that take 3 examples at a time" in found["odd"]


def test_the_layers_of_the_published_recipe_can_be_sharded_and_gathered(found):
    loss, whole, same, _ = found["sharded"]
    assert loss == pytest.approx(whole, rel=1e-4) and same


def test_a_checkpoint_saved_from_shards_is_the_model(found):
    _, whole, _, saved = found["sharded"]
    assert saved == pytest.approx(whole, rel=1e-6)


def test_a_worker_that_fails_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"training in 1 processes failed \(exit code 1\): see what is printed above"):
        launch(1, [], module="o1lib.no_such_module")
