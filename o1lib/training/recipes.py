"""How each scale is trained, as data: what of the model, in which precision, over how many processes, at which rate.

`paper` is the recipe of LLaVA-o1 (arXiv:2411.10440 version 6, Table 6, and the llama-recipes code that its command
calls): rate 1e-5, three epochs, 4 examples on each of 8 GPUs, the rate times 0.85 after every epoch, no warm-up, no
clipping, no weight decay, bf16 weights and optimizer. LlamaV-o1's text gives no numbers; its authors name the same.

    RECIPES["gpu"].lora.rank            # 16
"""

from dataclasses import dataclass

# The language model's own linear layers, attention to the picture included; nothing of the vision tower.
LANGUAGE_SIDE = (
    r".*(language_model|text_model)\.layers\.\d+\.(self_attn|cross_attn|mlp)"
    r"\.(q|k|v|o|gate|up|down)_proj"
)

TRACKERS = ("tensorboard", "trackio")


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters in the modules whose full name matches `modules`, merged into the weights at the end."""

    rank: int = 16
    alpha: int = 32
    modules: str = LANGUAGE_SIDE


@dataclass(frozen=True)
class Recipe:
    """What `fit` does beside learning examples in order. `batch` counts examples a step over all processes.

    `at_once`: examples a process handles at a time, 0 for its whole share of the batch. `decay`: the rate is multiplied
    by it after every epoch; 0 lets it fall linearly to zero. `clip`: the largest gradient norm, 0 for none.
    `by_length`: examples of like length share a batch. `pure_bf16`: weights, gradients and optimizer in bf16, no
    float32 copy. `wrap`: the layers whose weights FSDP gathers one at a time, () for no FSDP; their activations are
    recomputed. `recompute`: every layer's activations are (gradient checkpointing).
    """

    learning_rate: float = 1e-3
    batch: int = 32
    epochs: int = 1
    processes: int = 1
    at_once: int = 0
    decay: float = 0.0
    clip: float = 1.0
    by_length: bool = True
    pure_bf16: bool = False
    recompute: bool = False
    lora: Lora | None = None
    wrap: tuple[str, ...] = ()


SMALL = Recipe()
RECIPES = {
    "smoke": SMALL,
    "mini": SMALL,
    "gpu": Recipe(learning_rate=1e-4, at_once=4, recompute=True, lora=Lora()),
    "paper": Recipe(
        learning_rate=1e-5,
        epochs=3,
        processes=8,
        at_once=4,
        decay=0.85,
        clip=0.0,
        by_length=False,
        pure_bf16=True,
        wrap=("MllamaSelfAttentionDecoderLayer", "MllamaCrossAttentionDecoderLayer", "MllamaVisionEncoderLayer"),
    ),
}
