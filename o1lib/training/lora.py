"""Low-rank adapters: put into exactly the modules that were named, merged into the weights when training has ended."""

import re

from o1lib.records import UserError
from o1lib.training.recipes import Lora


def attach(model, lora: Lora, seed: int):
    """Return `model` as a PeftModel whose only trainable weights are adapters drawn from `seed`.

    Raises UserError when no linear layer has a name that matches `lora.modules`.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    linear = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    chosen = [name for name in linear if re.fullmatch(lora.modules, name)]
    if not chosen:
        last = sorted({name.rsplit(".", 1)[-1] for name in linear})
        raise UserError(
            f"LoRA is to sit on '{lora.modules}' but the {model.config.model_type} model has no such "
            f"linear layer: name some of its own, which end in {', '.join(last)}"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return get_peft_model(model, LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=chosen))


def merge(adapted) -> None:
    """Add the adapters to the weights of the model that `attach` was given, and take them away."""
    adapted.merge_and_unload()
