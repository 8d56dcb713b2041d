"""accelerate's launcher reads profiles/accelerate as the recipe of scale paper asks. No GPU is needed to read them."""

import pytest
from support.toystudy import REPOSITORY

from o1lib.training.arguments import _sharding, _split_batch
from o1lib.training.recipes import RECIPES

FOLDER = REPOSITORY / "profiles" / "accelerate"
CONFIGS = {"fsdp2.yaml": (8, 32), "fsdp2_two_machines.yaml": (16, 64)}  # processes and batch
each = pytest.mark.parametrize("name", CONFIGS)


def environment(name):
    """Return the environment that accelerate's launcher would give the processes of a configuration."""
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils.launch import prepare_multi_gpu_env

    there = ["--main_process_ip", "127.0.0.1", "--main_process_port", "29500", "--machine_rank", "0"]
    words = ["--config_file", str(FOLDER / name), *there, "-m", "o1lib.train", "--scale", "paper"]
    given, *_ = _validate_launch_command(launch_command_parser().parse_args(words))
    return given, prepare_multi_gpu_env(given)


def test_every_configuration_is_checked():
    assert {path.name for path in FOLDER.iterdir()} == set(CONFIGS)


@each
def test_accelerate_shards_the_layers_of_the_recipe_with_fsdp2(name):
    given, env = environment(name)
    wanted = _sharding(RECIPES["paper"])["fsdp_config"]
    assert given.use_fsdp and env["FSDP_VERSION"] == str(wanted["version"])
    assert env["FSDP_TRANSFORMER_CLS_TO_WRAP"].split(",") == wanted["transformer_layer_cls_to_wrap"]
    assert env["FSDP_STATE_DICT_TYPE"] == wanted["state_dict_type"]
    assert env["FSDP_ACTIVATION_CHECKPOINTING"] == str(wanted["activation_checkpointing"]).lower()


@each
def test_the_batch_of_the_documented_command_fits_its_processes(name, monkeypatch):
    given, _ = environment(name)
    processes, batch = CONFIGS[name]
    assert given.num_processes == processes and given.num_machines * 8 == processes
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    assert _split_batch(batch, RECIPES["paper"].at_once) == (4, 1)


@each
def test_the_file_shows_the_command_that_uses_it(name):
    text = (FOLDER / name).read_text(encoding="utf8")
    assert f"--config_file profiles/accelerate/{name}" in text and "-m o1lib.train --scale paper" in text
