"""LlamaV-o1's beam search: beams over tokens inside one stage or turn, by the library's own generate.

As its eval/inference.py runs it: prefix and picture are encoded again for every stage, once a beam; with a
temperature it is beam-multinomial sampling. Draws are seeded by question and stage, one question at a time.

    tokens = beam_tokens(decoder, Propose(task, None, task.steps[:1], beams=4), before)
"""

import torch

from .tree import keyed


def beam_tokens(decoder, request, before: list[int]) -> list[int]:
    """Return the tokens of the best beam behind `before` (picture and prompt included), up to what ended it."""
    model, step = decoder.engine.model, request.steps[0]
    inputs = decoder.inputs([request.task]).to(model.device)
    cross, ids = inputs["cross_attention_mask"], torch.tensor([before], device=model.device)
    grown = cross[:, -1:].expand(-1, len(before) - cross.shape[1], -1, -1)
    inputs |= {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    inputs |= {"cross_attention_mask": torch.cat([cross, grown], 1)}
    with torch.random.fork_rng():
        torch.manual_seed(int(keyed(decoder.seed, request.task.qid, step.stage, "beams").integers(2**62)))
        out = model.generate(**inputs, **_settings(decoder, step), num_beams=request.beams)
    tokens = out[0, len(before):].tolist()
    ends = [k for k, token in enumerate(tokens) if token in decoder.eos]
    return tokens[:ends[0] + 1] if ends else tokens


def _settings(decoder, step):
    found = {"max_new_tokens": decoder.max_new_tokens * step.stages, "eos_token_id": sorted(decoder.eos),
             "pad_token_id": decoder.engine.pad, "do_sample": decoder.temperature > 0}
    if decoder.temperature > 0:
        found |= {"temperature": decoder.temperature, "top_p": decoder.top_p}
    if step.stop:
        found |= {"stop_strings": list(step.stop), "tokenizer": decoder.tokenizer}
    return found
