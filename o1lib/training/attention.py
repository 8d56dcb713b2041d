"""How Mllama attends while it is trained: rows without a picture to none, and on a CPU in the faster way.

with apart(model), attending(model, learns_by(model)):
    trainer.train()
"""

from contextlib import contextmanager


@contextmanager
def mask_textonly_cross_attention(model):
    """Inside, a row without a picture passes cross-attention layers unchanged, as in a batch of such rows alone.

    In a mixed batch Mllama lets it attend evenly to an empty picture: what is fully masked, transformers leaves open.
    It would learn in that setting and be asked in the other.
    """
    handles = []
    for layer in model.modules():
        if hasattr(layer, "cross_attn"):
            handles += _silence(layer)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def attention_for_training(model, way: str):
    """Inside, the model attends by `way` ("sdpa", "eager", ...), afterwards as before."""
    before = model.config._attn_implementation
    model.set_attn_implementation(way)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def learns_by(model) -> str:
    """Return the way of attending that a model learns by: its own, but for Mllama on a CPU plain matrix products.

    torch's fused attention walks back slowly there: on two cores with bf16 a step of the mini model takes 0.65 of its
    time without it (results/LOG.md).
    """
    on_cpu = model.config.model_type == "mllama" and model.device.type == "cpu"
    return "eager" if on_cpu else model.config._attn_implementation


def _silence(layer):
    """Multiply what a layer's rows see by 0 where no token of the row may look at a picture; return the hooks."""
    rows = {}

    def note(module, args, kwargs):
        rows["see"] = kwargs["full_text_row_masked_out_mask"].flatten(1).amax(1)[:, None, None]

    def mute(module, args, output):
        return (output[0] * rows["see"], *output[1:])

    return layer.register_forward_pre_hook(note, with_kwargs=True), layer.cross_attn.register_forward_hook(mute)
