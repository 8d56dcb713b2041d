"""What training a model takes: parameters, GPU memory and floating-point operations, from its config alone.

The architecture is built on torch's meta device without weights, so parameter counts are exact. Memory and operations
are estimates. Memory counts weights, gradients, optimizer and stored activations. Buffers, fragmentation and the CUDA
context have to fit into the share of a GPU that `USABLE` leaves free.

    model = architecture("paper")                   # 10.67 billion parameters that take no memory
    memory(model, RECIPES["paper"], gpus=8, tokens=600, places=6432).total      # bytes on one GPU
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from o1lib.records import UserError
from o1lib.training.recipes import Recipe

GPUS = (1, 2, 4, 8, 16, 32, 64)
USABLE = 0.9  # share of a GPU's memory; the rest is for the CUDA context, buffers and fragmentation
BF16 = 2  # bytes


@dataclass(frozen=True)
class Memory:
    """Bytes on one GPU. `gathered`: weights that FSDP has unsharded; `activations`: stored and recomputed ones."""

    weights: float
    gradients: float
    optimizer: float
    gathered: float
    activations: float

    @property
    def total(self) -> float:
        """The sum of all parts in bytes."""
        return self.weights + self.gradients + self.optimizer + self.gathered + self.activations


def architecture(scale: str):
    """Return the model of scale "gpu" or "paper" on the meta device, from the config in the repository.

    Raises UserError for another scale.
    """
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    path = Path(__file__).parent / "configs" / f"{scale}.json"
    if not path.is_file():
        raise UserError(f"scale '{scale}' needs no preflight report, since its model is small: choose gpu or paper")
    config = AutoConfig.for_model(**json.loads(path.read_text(encoding="utf8")))
    with torch.device("meta"):
        return AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16)


def count(modules) -> int:
    """Return the number of parameters of all modules together."""
    return sum(p.numel() for module in modules for p in module.parameters())


def adapters(model, recipe: Recipe) -> int:
    """Return the number of trained parameters: those of the adapters with LoRA, otherwise all."""
    if not recipe.lora:
        return count([model])
    import re

    chosen = [module for name, module in model.named_modules() if re.fullmatch(recipe.lora.modules, name)]
    return sum(recipe.lora.rank * (module.in_features + module.out_features) for module in chosen)


def picture_tokens(model, width: int, height: int) -> tuple[int, int]:
    """Return (patches in the vision tower, tokens in the prompt) of a picture; `width` and `height` are in pixels.

    Mllama pads every picture to all of its tiles, which the prompt attends to by cross-attention. Qwen2.5-VL keeps the
    size of the picture and puts its patches into the prompt.
    """
    vision = model.config.vision_config
    if model.config.model_type == "mllama":
        tile = (vision.image_size // vision.patch_size) ** 2 + 1
        return (tile + -tile % 8) * vision.max_num_tiles, 1
    side = vision.patch_size * vision.spatial_merge_size
    merged = max(1, round(width / side)) * max(1, round(height / side))
    return merged * vision.spatial_merge_size**2, merged


def memory(model, recipe: Recipe, gpus: int, tokens: int, places: int) -> Memory:
    """Return the memory on one of `gpus` GPUs for `at_once` examples of `tokens` tokens and `places` patches."""
    every, trained = count([model]), adapters(model, recipe)
    shards = gpus if recipe.wrap else 1
    if recipe.lora:  # frozen weights in bf16, adapters and their Adam states in float32
        weights, gradients, optimizer = BF16 * every + 4 * trained, 4 * trained, 8 * trained
    else:  # without pure_bf16 all three are float32
        size = BF16 if recipe.pure_bf16 else 4
        weights, gradients, optimizer = (size * every / shards, size * every / shards, 2 * size * every / shards)
    return Memory(
        weights,
        gradients,
        optimizer,
        _gathered(model) if recipe.wrap else 0.0,
        recipe.at_once * _activations(model, recipe, tokens, places),
    )


def operations(model, recipe: Recipe, tokens: float, places: float) -> float:
    """Return the floating-point operations of one example: forward, backward, and recomputation if there is any.

    The forward pass takes two operations for each weight and token, and the gradients of input and weight take two each
    (Kaplan et al. 2020, arXiv:2001.08361, section 2.1). Attention scores are added.
    """
    text, vision = model.config.get_text_config(), model.config.vision_config
    tower = count([_tower(model)])
    language = count([model]) - tower - count([model.get_input_embeddings()])
    vision_work = 2 * tower * places + 4 * _attended(model, places) * vision.hidden_size * _depth(vision)
    text_work = 2 * language * tokens + 4 * tokens**2 * text.hidden_size * text.num_hidden_layers
    if model.config.model_type == "mllama":  # keys and values of the picture in the cross-attention layers
        width = text.num_key_value_heads * (text.hidden_size // text.num_attention_heads)
        text_work += 2 * 2 * len(text.cross_attention_layers) * width * text.hidden_size * places
    if recipe.lora:  # the vision tower is frozen, and of the language model only adapters are trained
        return vision_work + text_work * (2 + recipe.recompute)
    return (vision_work + text_work) * (3 + bool(recipe.wrap or recipe.recompute))


def what_would_fit(model, recipe: Recipe, gpus: int, gpu_bytes: float, tokens: int, places: int) -> list[str]:
    """Return the smallest changes with which training fits, as phrases for a message; the list may be empty."""

    def fits(changed, number):
        """Return whether a changed recipe fits on a number of GPUs."""
        return memory(model, changed, number, tokens, places).total <= USABLE * gpu_bytes

    found = []
    more = [n for n in GPUS if n > gpus and recipe.wrap and fits(recipe, n)]
    if more:
        found.append(f"{more[0]} such GPUs")
    fewer = [n for n in range(recipe.at_once - 1, 0, -1) if fits(replace(recipe, at_once=n), gpus)]
    if fewer:
        found.append(f"{fewer[0]} example(s) at a time on a GPU (--at-once {fewer[0]})")
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
    """Return (layers of the vision tower, layers of the language model)."""
    names = {type(module).__name__: [] for module in model.modules()}
    for module in model.modules():
        names[type(module).__name__].append(module)
    units = [name for name in names if name in model._no_split_modules]
    return (
        [m for name in units if "Vision" in name for m in names[name]],
        [m for name in units if "Vision" not in name for m in names[name]],
    )


def _gathered(model):
    """Return the bytes of both embeddings and twice the largest layer, since FSDP prefetches the next one."""
    vision_layers, text_layers = _layers(model)
    embeddings = count([model.get_input_embeddings(), model.get_output_embeddings()])
    return BF16 * (2 * max(count([layer]) for layer in (*vision_layers, *text_layers)) + embeddings)


def _activations(model, recipe, tokens, places):
    """Return the bytes that one example stores for the backward pass.

    With recomputation these are the inputs of all layers and the activations of one layer, else those of all layers.
    """
    text, vision = model.config.get_text_config(), model.config.vision_config
    text_layer = tokens * BF16 * (12 * text.hidden_size + 4 * text.intermediate_size)
    vision_layer = places * BF16 * (12 * vision.hidden_size + 4 * vision.intermediate_size)
    logits = tokens * text.vocab_size * 4  # float32, an upper bound: TRL computes them in chunks
    if not (recipe.wrap or recipe.recompute):
        return text.num_hidden_layers * text_layer + _depth(vision) * vision_layer + logits
    inputs = BF16 * (tokens * text.hidden_size * text.num_hidden_layers + places * vision.hidden_size * _depth(vision))
    return inputs + max(text_layer, vision_layer) + logits


def _depth(vision):
    return vision.depth if hasattr(vision, "depth") else vision.num_hidden_layers + vision.num_global_layers


def _attended(model, places):
    """Return the mean number of attending patch pairs in a tower layer. Most layers of Qwen's tower use windows."""
    vision = model.config.vision_config
    if model.config.model_type == "mllama":
        return places**2
    window = (vision.window_size // vision.patch_size) ** 2
    full = len(vision.fullatt_block_indexes) / vision.depth
    return full * places**2 + (1 - full) * places * min(window, places)
