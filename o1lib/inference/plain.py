"""The model's own forward pass over a whole text, without a cache: what every engine has to agree with.

inputs = chat.inputs([task]).to(model.device)
grown(model, inputs, [*prompt, *reply])             # the processor's tensors for the prompt and a reply after it
plain_logits(model, inputs, [*prompt, *reply], 3)   # (3, vocabulary)
"""

import torch
from transformers.utils import ModelOutput


def grown(model, inputs, ids: list[int]) -> dict:
    """Return the processor's tensors for one question whose prompt is extended to the tokens `ids`.

    Tokens after the prompt are marked as the library's `generate` would mark them.
    """
    inputs, more = dict(inputs), len(ids) - inputs["input_ids"].shape[1]
    ids = torch.tensor([ids], device=model.device)
    if "cross_attention_mask" in inputs:
        cross = inputs["cross_attention_mask"]
        inputs["cross_attention_mask"] = torch.cat([cross, cross[:, -1:].expand(-1, more, -1, -1)], 1)
    if "mm_token_type_ids" in inputs:
        inputs["mm_token_type_ids"] = torch.nn.functional.pad(inputs["mm_token_type_ids"], (0, more))
    if "token_type_ids" in inputs and more:
        kinds = {"token_type_ids": inputs["token_type_ids"]}  # PaliGemma reads its prompt both ways, a reply one way
        said = model._update_model_kwargs_for_generation(ModelOutput(), kinds)["token_type_ids"][:, -1:]
        inputs["token_type_ids"] = torch.cat([inputs["token_type_ids"], said.expand(-1, more)], 1)
    return inputs | {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def plain_logits(model, inputs, ids: list[int], keep: int) -> torch.Tensor:
    """Return the logits (keep, vocabulary) after the last `keep` tokens of `ids`, from one pass over all of them."""
    return model(**grown(model, inputs, ids), use_cache=False, logits_to_keep=keep).logits[0]
