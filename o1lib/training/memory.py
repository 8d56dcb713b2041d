"""What training a model takes: parameters, memory on a GPU, arithmetic; from its config alone, no weights.

The architecture is built on torch's meta device, so counts are exact. Memory and arithmetic are estimates: weights,
gradients, optimizer and the activations that are kept are counted; buffers, fragmentation and the CUDA context are
what `usable` leaves free.

    model = architecture("paper")                   # about 10.67 billion parameters that take no memory
    memory(model, RECIPES["paper"], gpus=8, tokens=600).total       # bytes a GPU
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from o1lib.records import UserError
from o1lib.training.recipes import Recipe

GPUS = (1, 2, 4, 8, 16, 32, 64)
USABLE = 0.9  # of a GPU's memory; the rest goes to the context, buffers, fragmentation
HALF = 2  # bytes of a bf16 number


@dataclass(frozen=True)
class Memory:
    """Bytes on one GPU. `gathered`: weights that FSDP holds whole at a time; `activations`: kept and recomputed."""

    weights: float
    gradients: float
    optimizer: float
    gathered: float
    activations: float

    @property
    def total(self) -> float:
        return self.weights + self.gradients + self.optimizer + self.gathered + self.activations


def architecture(scale: str):
    """Return the scale's real model on the meta device, from the config kept in the repository."""
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    path = Path(__file__).parent / "configs" / f"{scale}.json"
    if not path.is_file():
        raise UserError(f"scale '{scale}' needs no pre-flight, its model fits anywhere: choose gpu or paper")
    config = AutoConfig.for_model(**json.loads(path.read_text(encoding="utf8")))
    with torch.device("meta"):
        return AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16)


def count(modules) -> int:
    """Return how many parameters the modules have together."""
    return sum(p.numel() for module in modules for p in module.parameters())


def adapters(model, recipe: Recipe) -> int:
    """Return how many parameters are trained: the adapters' where the recipe has LoRA, else all."""
    if not recipe.lora:
        return count([model])
    import re

    chosen = [module for name, module in model.named_modules() if re.fullmatch(recipe.lora.modules, name)]
    return sum(recipe.lora.rank * (module.in_features + module.out_features) for module in chosen)


def picture_tokens(model, width: int, height: int) -> tuple[int, int]:
    """Return (places in the vision tower, tokens among the words) of a picture of that size in pixels.

    Mllama pads every picture to all its tiles and its words look at them from the side; Qwen2.5-VL takes it as it is.
    """
    vision = model.config.vision_config
    if model.config.model_type == "mllama":
        tile = (vision.image_size // vision.patch_size) ** 2 + 1
        return (tile + -tile % 8) * vision.max_num_tiles, 1
    side = vision.patch_size * vision.spatial_merge_size
    merged = max(1, round(width / side)) * max(1, round(height / side))
    return merged * vision.spatial_merge_size**2, merged


def memory(model, recipe: Recipe, gpus: int, tokens: int, places: int) -> Memory:
    """Return what one of `gpus` GPUs holds for `at_once` examples of `tokens` tokens and `places` of picture."""
    every, trained = count([model]), adapters(model, recipe)
    shared = gpus if recipe.wrap else 1
    if recipe.lora:  # frozen weights in bf16, adapters and their Adam in float32
        weights, gradients, optimizer = HALF * every + 4 * trained, 4 * trained, 8 * trained
    else:  # without pure_bf16 all three are float32
        size = HALF if recipe.pure_bf16 else 4
        weights, gradients, optimizer = (size * every / shared, size * every / shared, 2 * size * every / shared)
    return Memory(
        weights,
        gradients,
        optimizer,
        _gathered(model) if recipe.wrap else 0.0,
        recipe.at_once * _activations(model, recipe, tokens, places),
    )


def operations(model, recipe: Recipe, tokens: float, places: float) -> float:
    """Return the floating-point operations of one example, forward and backward, recomputation included.

    Two a weight and place forward, as many again for the gradient of the input and of the weight; attention besides.
    """
    text, vision = model.config.get_text_config(), model.config.vision_config
    tower = count([_tower(model)])
    words = count([model]) - tower - count([model.get_input_embeddings()])
    if model.config.model_type == "mllama":  # the picture's keys and values are made in the words' layers
        places_work = (
            2
            * 2
            * len(text.cross_attention_layers)
            * text.num_key_value_heads
            * (text.hidden_size // text.num_attention_heads)
            * text.hidden_size
            * places
        )
    else:
        places_work = 0
    seen = 2 * tower * places + 4 * _attended(model, places) * vision.hidden_size * _depth(vision)
    said = 2 * words * tokens + 4 * tokens**2 * text.hidden_size * text.num_hidden_layers + places_work
    if recipe.lora:  # nothing of the tower is trained, of the rest only adapters
        return seen + said * (2 + recipe.recompute)
    return (seen + said) * (3 + bool(recipe.wrap or recipe.recompute))


def what_would_fit(model, recipe: Recipe, gpus: int, gpu_bytes: float, tokens: int, places: int) -> list[str]:
    """Return the smallest changes under which training fits, in words; there may be none."""

    def fits(changed, number):
        return memory(model, changed, number, tokens, places).total <= USABLE * gpu_bytes

    found = []
    more = [n for n in GPUS if n > gpus and recipe.wrap and fits(recipe, n)]
    if more:
        found.append(f"{more[0]} such GPUs")
    fewer = [n for n in range(recipe.at_once - 1, 0, -1) if fits(replace(recipe, at_once=n), gpus)]
    if fewer:
        found.append(f"{fewer[0]} example(s) a GPU at a time (--at-once {fewer[0]})")
    larger = [
        size
        for size in (16, 24, 40, 48, 80, 141, 192)
        if size * 1e9 > gpu_bytes and memory(model, recipe, gpus, tokens, places).total <= USABLE * size * 1e9
    ]
    if larger:
        found.append(f"GPUs of {larger[0]} GB")
    return found


def _tower(model):
    return model.model.vision_model if model.config.model_type == "mllama" else model.model.visual


def _layers(model):
    """Return (the vision tower's layers, the language model's)."""
    names = {type(module).__name__: [] for module in model.modules()}
    for module in model.modules():
        names[type(module).__name__].append(module)
    units = [name for name in names if name in model._no_split_modules]
    return (
        [m for name in units if "Vision" in name for m in names[name]],
        [m for name in units if "Vision" not in name for m in names[name]],
    )


def _gathered(model):
    """Return the bytes of the largest layer, twice (the next one is fetched meanwhile), and of both embeddings."""
    seen, said = _layers(model)
    ends = count([model.get_input_embeddings(), model.get_output_embeddings()])
    return HALF * (2 * max(count([layer]) for layer in (*seen, *said)) + ends)


def _activations(model, recipe, tokens, places):
    """Return the bytes that one example keeps for the backward pass: layers' inputs, and one layer recomputed."""
    text, vision = model.config.get_text_config(), model.config.vision_config
    said = tokens * HALF * (12 * text.hidden_size + 4 * text.intermediate_size)  # of one layer
    seen = places * HALF * (12 * vision.hidden_size + 4 * vision.intermediate_size)
    logits = tokens * text.vocab_size * 4  # float32, as if not in tiles
    if not (recipe.wrap or recipe.recompute):
        return text.num_hidden_layers * said + _depth(vision) * seen + logits
    inputs = HALF * (tokens * text.hidden_size * text.num_hidden_layers + places * vision.hidden_size * _depth(vision))
    return inputs + max(said, seen) + logits


def _depth(vision):
    return vision.depth if hasattr(vision, "depth") else vision.num_hidden_layers + vision.num_global_layers


def _attended(model, places):
    """Return how many pairs of places attend to one another in a layer of the tower; most of Qwen's have windows."""
    vision = model.config.vision_config
    if model.config.model_type == "mllama":
        return places**2
    window = (vision.window_size // vision.patch_size) ** 2
    whole = len(vision.fullatt_block_indexes) / vision.depth
    return whole * places**2 + (1 - whole) * places * min(window, places)
