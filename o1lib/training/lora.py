"""Low-rank adapters (LoRA, arXiv:2106.09685): attached to named modules, merged into the weights after training.

adapted = attach(model, Lora(rank=16), seed=0)
merge(adapted)                                  # `model` now has the trained weights and no adapters
"""

import re

from o1lib.records import UserError
from o1lib.training.recipes import Lora


def attach(model, lora: Lora, seed: int):
    """Return `model` as a PeftModel whose only trainable weights are adapters, initialized with `seed`.

    Raises UserError when `lora.modules` matches the full name of no linear layer.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    linear = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    chosen = [name for name in linear if re.fullmatch(lora.modules, name)]
    if not chosen:
        last = sorted({name.rsplit(".", 1)[-1] for name in linear})
        raise UserError(
            f"LoRA modules '{lora.modules}' match no linear layer of the {model.config.model_type} model: "
            f"name layers of this model, which end in {', '.join(last)}"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return get_peft_model(model, LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=chosen))


def merge(adapted) -> None:
    """Add the adapters to the weights of the model that was given to `attach`, and remove them."""
    adapted.merge_and_unload()
