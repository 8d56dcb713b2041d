"""How Mllama attends while it is trained: rows without a picture to none, and on a CPU in the faster way.

    with apart(model), plain(model):
        trainer.train()
"""
from contextlib import contextmanager


@contextmanager
def apart(model):
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
def plain(model):
    """Inside, a Mllama on the CPU attends by plain matrix products: torch's fused attention walks back slowly there.

    On two cores with bf16 a step of the mini model took 0.69 of its time (results/LOG.md); elsewhere nothing changes.
    """
    used = model.config._attn_implementation
    if model.config.model_type == "mllama" and model.device.type == "cpu":
        model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(used)


def _silence(layer):
    """Multiply what a layer's rows see by 0 where no token of the row may look at a picture; return the hooks."""
    rows = {}

    def note(module, args, kwargs):
        rows["see"] = kwargs["full_text_row_masked_out_mask"].flatten(1).amax(1)[:, None, None]

    def mute(module, args, output):
        return (output[0] * rows["see"], *output[1:])

    return layer.register_forward_pre_hook(note, with_kwargs=True), layer.cross_attn.register_forward_hook(mute)
