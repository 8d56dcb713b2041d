"""The preflight report: exact parameter counts, memory, changes with which training fits, and one example."""

from dataclasses import replace

import pytest
import typer
import yaml
from typer.testing import CliRunner

from o1lib.minivqa import mixture
from o1lib.models import presets
from o1lib.records import SCALES, UserError, project_root
from o1lib.training import RECIPES, Recipe
from o1lib.training.command import train
from o1lib.training.memory import adapters, architecture, count, memory, operations, picture_tokens
from o1lib.training.preflight import preflight


@pytest.fixture(scope="module")
def paper():
    return architecture("paper")


@pytest.fixture(scope="module")
def gpu():
    return architecture("gpu")


@pytest.fixture(scope="module")
def items():
    return list(mixture("train", 30))


def test_the_kept_configs_are_those_of_the_released_models(paper, gpu):
    assert count([paper]) == 10_670_220_835 and count([gpu]) == 3_754_622_976
    assert next(paper.parameters()).is_meta


def test_lora_size_is_rank_times_both_sides_of_projections(gpu):
    text, rank = gpu.config.text_config, 16
    heads = 2 * text.num_key_value_heads * 128
    sides = 2 * (2048 + 2048) + 2 * 2048 + heads + 3 * (2048 + 11008)  # q and o, k and v, the three of the MLP
    assert adapters(gpu, RECIPES["gpu"]) == 36 * rank * sides


def test_sharding_divides_weights_gradients_and_optimizer(paper):
    eight, sixteen = (memory(paper, RECIPES["paper"], n, 500, 6432) for n in (8, 16))
    assert eight.weights == eight.gradients == pytest.approx(count([paper]) * 2 / 8)
    assert eight.optimizer == 2 * eight.weights
    assert sixteen.weights == eight.weights / 2 and sixteen.activations == eight.activations


def test_a_float32_optimizer_takes_twice_the_memory_of_bf16(paper):
    half, full = (memory(paper, replace(RECIPES["paper"], pure_bf16=pure), 8, 500, 6432) for pure in (True, False))
    assert full.weights + full.gradients + full.optimizer == 2 * (half.weights + half.gradients + half.optimizer)


def test_recomputing_activations_saves_most_of_them(gpu):
    kept, recomputed = (memory(gpu, replace(RECIPES["gpu"], recompute=again), 1, 1000, 1200) for again in (False, True))
    assert recomputed.activations < kept.activations / 4


def test_mllama_pads_pictures_to_all_tiles_and_qwen_does_not(paper, gpu):
    assert picture_tokens(paper, 300, 200) == (4 * 1608, 1)
    assert picture_tokens(gpu, 280, 560) == (20 * 40, 200)


def test_operations_are_six_per_weight_and_token_or_eight(gpu):
    """Recomputation adds a second forward pass, two operations per weight and token."""
    words = count([gpu.model.language_model]) - count([gpu.get_input_embeddings()])
    plain, again = (operations(gpu, Recipe(recompute=r), 1000, 0) / 1000 / words for r in (False, True))
    assert 6 < plain < 7.2 and again == pytest.approx(plain * 4 / 3)


@pytest.mark.slow
def test_the_report_names_memory_hours_lengths_and_an_example(items):
    text = preflight("paper", items, "thirty drawings")
    for words in (
        "10.67 billion parameters",
        "sharded over 8 GPU(s)",
        "9,282 steps",
        "assumed 400 TFLOP/s",
        "about 15 hours on 8 H100",
        "n = 30",
        "thirty drawings",
        "⟦<SUMMARY>",
    ):
        assert words in text


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings, words",
    [
        ({"scale": "paper", "gpus": 1, "gpu_gb": 24}, r"\d+ GB on each of 1 GPU.* with 8 such GPUs or GPUs of 141 GB"),
        (
            {"scale": "paper", "gpu_gb": 20, "at_once": 8},
            r"of 20 GB only about 18 are usable: .*\d example.s. .*\(--at-once \d\)",
        ),
        ({"scale": "gpu", "gpu_gb": 8}, r"scale gpu needs \d+ GB on each of 1 GPU.*GPUs of 16 GB"),
    ],
)
def test_a_training_that_does_not_fit_is_refused(items, settings, words):
    """The message names changes with which it would fit."""
    with pytest.raises(UserError, match=words):
        preflight(settings.pop("scale"), items, "", **settings)


def test_a_small_scale_needs_no_preflight_report(items):
    with pytest.raises(UserError, match="scale 'mini' needs no preflight report"):
        preflight("mini", items, "")


def test_experiments_use_the_rate_and_batch_of_the_recipes():
    scales = yaml.safe_load((project_root() / "experiments.yaml").read_text(encoding="utf8"))["scales"]
    for scale in ("gpu", "paper"):
        given, recipe = scales[scale]["notebooks"]["02_train_sft"], RECIPES[scale]
        assert (given["learning_rate"], given["batch"]) == (recipe.learning_rate, recipe.batch)


def test_a_mistake_in_the_command_is_one_sentence():
    app = typer.Typer()
    app.command()(train)
    done = CliRunner().invoke(app, ["--scale", "mini", "--dry-run"])
    assert isinstance(done.exception, UserError) and str(done.exception).startswith("scale 'mini' needs no preflight")


def test_every_scale_has_a_model_and_a_recipe():
    """The names of scales are in o1lib.records; each has an entry in SCALES (models) and RECIPES (training)."""
    assert set(SCALES) == set(presets.SCALES) == set(RECIPES)
