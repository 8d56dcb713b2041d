"""The training recipe of each scale: trained weights, precision, processes, batch and learning rate.

`paper` is the recipe of LLaVA-o1 (arXiv:2411.10440 version 6, Table 6, and the llama-recipes code that its command
calls): learning rate 1e-5, three epochs, 4 examples on each of 8 GPUs, the rate times 0.85 after every epoch, no
warm-up, no clipping, no weight decay, bf16 weights and optimizer. LlamaV-o1 gives no numbers in its text; its authors
name the same recipe.

    RECIPES["gpu"].lora.rank            # 16
"""

from dataclasses import dataclass

# All linear layers of the language model, cross-attention included, and none of the vision tower.
LANGUAGE_SIDE = (
    r".*(language_model|text_model)\.layers\.\d+\.(self_attn|cross_attn|mlp)"
    r"\.(q|k|v|o|gate|up|down)_proj"
)

TRACKERS = ("tensorboard", "trackio")


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters in the modules whose full name matches the pattern `modules`."""

    rank: int = 16
    alpha: int = 32
    modules: str = LANGUAGE_SIDE


@dataclass(frozen=True)
class Recipe:
    """The settings of a training run. `batch` counts examples per step over all processes.

    `at_once`: examples in one forward pass of a process, 0 for its whole share of the batch. `decay`: factor of the
    learning rate after every epoch, 0 for a linear decay to zero. `clip`: the largest gradient norm, 0 for no clipping.
    `by_length`: examples of similar length share a batch. `pure_bf16`: weights, gradients and optimizer in bf16,
    without a float32 copy. `wrap`: class names of the layers that FSDP gathers one at a time, with recomputed
    activations; () for no FSDP. `recompute`: gradient checkpointing, all activations are recomputed. `optimizer`:
    "adamw", or "muon" for Muon on matrices and AdamW on the rest (o1lib.training.muon). `steady`: share of the steps
    until which the learning rate stays at its peak before the linear decay.
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
    optimizer: str = "adamw"
    steady: float = 0.0


OPTIMIZERS = ("adamw", "muon")
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
