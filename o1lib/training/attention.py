"""Attention patches for training Mllama: no cross-attention in text-only rows, and eager attention on a CPU.

with mask_textonly_cross_attention(model), attention_for_training(model, attention_implementation(model)):
    trainer.train()
"""

from contextlib import contextmanager


@contextmanager
def mask_textonly_cross_attention(model):
    """Context manager: text-only rows skip cross-attention, as in a batch without pictures.

    In a mixed batch transformers turns a fully masked row into an unmasked one, so that Mllama attends evenly to an
    empty picture. The model would then be trained in a setting that never occurs at inference.
    """
    handles = []
    for layer in model.modules():
        if hasattr(layer, "cross_attn"):
            handles += _mask_layer(layer)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def attention_for_training(model, implementation: str):
    """Context manager: switch to the attention `implementation`, then restore the model's own."""
    before = model.config._attn_implementation
    model.set_attn_implementation(implementation)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def attention_implementation(model) -> str:
    """Return the attention implementation to train with: "eager" for Mllama on a CPU, otherwise the model's own.

    The backward pass of torch's fused attention is slow on a CPU. On two cores with bf16 a step of the mini model takes
    0.65 of its time without it (results/LOG.md).
    """
    on_cpu = model.config.model_type == "mllama" and model.device.type == "cpu"
    return "eager" if on_cpu else model.config._attn_implementation


def _mask_layer(layer):
    """Multiply the cross-attention output of text-only rows by 0. Returns the hooks that do so."""
    rows = {}

    def read_mask(module, args, kwargs):
        """Keep 1 for each row with a token that may attend to a picture, else 0, as (rows, 1, 1).

        Without a mask every row has a picture, as when a decoder answers questions while an arm learns.
        """
        mask = kwargs.get("full_text_row_masked_out_mask")
        rows["pictured"] = 1 if mask is None else mask.flatten(1).amax(1)[:, None, None]

    def apply_mask(module, args, output):
        return (output[0] * rows["pictured"], *output[1:])

    return (
        layer.register_forward_pre_hook(read_mask, with_kwargs=True),
        layer.cross_attn.register_forward_hook(apply_mask),
    )
