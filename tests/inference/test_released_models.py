"""The classes of released models in the trainer: tiny versions of Qwen2.5-VL, SmolVLM2 and Llama-3.2-Vision."""

import copy
import re
from dataclasses import replace

import pytest
import torch
from support import tinymodels

from o1lib.formats.chat import messages
from o1lib.minivqa import draw, mixture
from o1lib.models.checkpoint import load, save
from o1lib.models.presets import encode
from o1lib.records import UserError
from o1lib.training import RECIPES, Lora, fit, spans, supervised
from o1lib.training.lora import attach

pytestmark = pytest.mark.slow

EXAMPLE = draw("mini-CLEVR", 0)
PICTURE = EXAMPLE.image
TURNS = [("How many?", "There are 2."), ("Sure?", "Yes, 2.")]
PROJECTIONS = {"self_attn": "qkvo", "cross_attn": "qkvo", "mlp": ("gate", "up", "down")}
ADAPTED = {  # (the language model's layers, where they are, which look at the picture)
    "qwen": (2, "model.language_model.layers", ()),
    "smolvlm": (2, "model.text_model.layers", ()),
    "mllama": (3, "model.language_model.layers", (1,)),
}
CLASSES = list(ADAPTED)


@pytest.fixture
def released(request, tiny):
    """(model, processor) of the class that the test names; the model is a copy."""
    model, processor = tiny if request.param == "mllama" else getattr(tinymodels, request.param)()
    return copy.deepcopy(model), processor


each = pytest.mark.parametrize("released", CLASSES, indirect=True)


def chat(turns, pictured=True):
    """Return the messages of a dialog."""
    made = [
        {"role": role, "content": [{"type": "text", "text": text}]}
        for turn in turns
        for role, text in zip(("user", "assistant"), turn, strict=True)
    ]
    if pictured:
        made[0]["content"].insert(0, {"type": "image"})
    return made


def examples(n):
    """Return short examples, every fourth without a picture."""
    return [
        {"messages": chat([(e.question, e.answer)], k % 4 > 0), "images": [e.image] * (k % 4 > 0)}
        for k, e in enumerate(mixture("train", n))
    ]


def adapted_modules(name):
    layers, where, looking = ADAPTED[name]
    parts = [(layer, "cross_attn" if layer in looking else "self_attn") for layer in range(layers)]
    parts += [(layer, "mlp") for layer in range(layers)]
    return {f"{where}.{layer}.{part}.{letter}_proj" for layer, part in parts for letter in PROJECTIONS[part]}


def trained(model, processor, out, recipe, steps=6):
    """Train in place with a rate that moves even bf16 weights; return the names of the parameters that stayed."""
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    fit(model, processor, [examples(4 * steps)], out, learning_rate=2e-2, batch=4, log_steps=1, recipe=recipe)
    return {name for name, weight in model.named_parameters() if torch.equal(weight, before[name])}


@each
def test_only_the_assistant_s_words_in_every_turn_are_learned(released):
    text, learned = supervised(released[1], chat(TURNS), PICTURE)
    words = re.sub(r"<\|im_end\|>|<end_of_utterance>|<\|eot_id\|>", "|", learned)
    assert re.sub(r"\s*\|\s*", "|", words).strip() == "There are 2.|Yes, 2.|"
    assert "How many?" in text and "Sure?" in text


@each
def test_a_picture_s_tokens_are_given_and_never_learned(released):
    mark = released[1].image_token
    parts = spans(released[1], chat(TURNS), PICTURE)
    assert any(mark in text for text, learned in parts if not learned)
    assert not any(mark in text for text, learned in parts if learned)


@each
def test_a_record_without_a_picture_is_learned_from_too(released):
    learned = supervised(released[1], chat(TURNS[:1], pictured=False))[1]
    assert learned.startswith(("There are 2.", " There are 2."))


@pytest.mark.parametrize("released, name", [(name, name) for name in CLASSES], indirect=["released"])
def test_lora_adapts_only_the_projections_of_the_language_model(released, name):
    adapted = attach(released[0], RECIPES["gpu"].lora, seed=0)
    found = {
        re.sub(r"^base_model\.model\.", "", name.split(".lora_A")[0])
        for name, _ in adapted.named_parameters()
        if ".lora_A" in name
    }
    assert found == adapted_modules(name)
    assert all(("lora_" in name) == weight.requires_grad for name, weight in adapted.named_parameters())


@pytest.mark.slow
@each
def test_gpu_recipe_moves_every_adapted_weight_and_nothing_else(released, request, tmp_path):
    name = request.node.callspec.params["released"]
    stayed = trained(*released, tmp_path, replace(RECIPES["gpu"], at_once=2))
    moved = {weight for weight, _ in released[0].named_parameters()} - stayed
    assert moved == {f"{module}.weight" for module in adapted_modules(name)}


@pytest.mark.slow
@pytest.mark.parametrize("released", ["mllama"], indirect=True)
def test_paper_recipe_moves_every_weight_that_an_input_reaches(released, tmp_path):
    model, processor = released[0].bfloat16(), released[1]
    recipe = replace(RECIPES["paper"], wrap=(), at_once=2)
    stayed = [trained(copy.deepcopy(model), processor, tmp_path / str(steps), recipe, steps) for steps in (5, 6)]
    assert set.intersection(*stayed) == set()  # on bf16's coarse steps a gate may come back to where it was


@pytest.mark.slow
@pytest.mark.parametrize("released", ["mllama"], indirect=True)
def test_paper_recipe_keeps_weights_in_bf16(released, tmp_path):
    model = released[0].bfloat16()
    trained(model, released[1], tmp_path, replace(RECIPES["paper"], wrap=(), at_once=2), steps=2)
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}


@pytest.mark.slow
@each
def test_a_saved_model_says_the_same_after_reloading(released, tmp_path):
    model, processor = released
    trained(model, processor, tmp_path / "run", replace(RECIPES["gpu"], at_once=2), steps=2)
    for weight in model.parameters():
        weight.data = weight.data.bfloat16().float()
    again, reader = load(save(model, processor, tmp_path / "model"))
    with torch.inference_mode():
        said = [m(**encode(p, [(PICTURE, "How many?")])).logits for m, p in ((model, processor), (again, reader))]
    assert torch.equal(*said)


def test_lora_on_a_missing_module_names_the_existing_ones(tiny):
    words = "LoRA modules '.*query' match no linear layer of the mllama model: name layers of this model.*q_proj"
    with pytest.raises(UserError, match=words):
        attach(copy.deepcopy(tiny[0]), Lora(modules=".*query"), 0)


@pytest.mark.slow
def test_the_published_learning_rate_falls_after_each_epoch(tiny, tmp_path):
    recipe = replace(RECIPES["paper"], wrap=(), pure_bf16=False)
    log = fit(
        copy.deepcopy(tiny[0]),
        tiny[1],
        [[{"messages": messages(e, "direct"), "images": [e.image]} for e in mixture("train", 8)]],
        tmp_path,
        learning_rate=1e-5,
        batch=4,
        log_steps=1,
        recipe=recipe,
    )
    assert [line["learning_rate"] for line in log] == pytest.approx([1e-5, 1e-5, 8.5e-6, 8.5e-6, 7.225e-6, 7.225e-6])
