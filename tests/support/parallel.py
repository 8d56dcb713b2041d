"""The script of two processes for test_parallel.py: `torchrun --nproc_per_node 2 -m parallel CHECKPOINT OUT`."""

import copy
import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from o1lib.formats.chat import messages
from o1lib.minivqa import mixture
from o1lib.models.presets import load, save
from o1lib.records import UserError
from o1lib.training import RECIPES, Lora, Recipe, fit

EXAMPLES = 10  # in batches of 4, so the last one is half full
LORA = Recipe(lora=Lora(rank=2), recompute=True)


def examples():
    """Return short examples, one of them without a picture."""
    found = [{"messages": messages(e, "direct"), "images": [e.image]} for e in mixture("train", EXAMPLES)]
    found[3]["messages"][0]["content"].pop(0)
    found[3]["images"] = []
    return found


def train(loaded, out, **settings):
    """Train a copy of the loaded model. Returns its losses and the hash of its weights."""
    model, processor = copy.deepcopy(loaded[0]), loaded[1]
    log = fit(model, processor, [examples()], out, learning_rate=1e-2, batch=4, save_steps=1, log_steps=1, **settings)
    digest = hashlib.sha256(b"".join(weight.numpy().tobytes() for weight in model.state_dict().values())).hexdigest()
    return [line["loss"] for line in log if "loss" in line], digest


def stopped(loaded, out, **settings):
    """Train, stop in the second step, and resume. Returns what `train` returns."""

    def stop(model):
        raise KeyboardInterrupt

    try:
        train(loaded, out, look=stop, look_steps=2, **settings)
    except KeyboardInterrupt:
        return train(loaded, out, **settings)
    raise AssertionError("training was not stopped")


def refused(loaded, out, **settings):
    """Return the message of the UserError of `train`, "" if there is none."""
    try:
        train(loaded, out, **settings)
    except UserError as error:
        return str(error)
    return ""


def sharded(loaded, out):
    """Shard the layers of the paper's recipe over the processes.

    Returns [the loss of the sharded model, of the whole model, whether gathered weights are equal, the loss of the
    checkpoint that is saved from the shards].
    """
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
    from torch.distributed.fsdp import fully_shard

    from o1lib.training.collator import collator

    model = copy.deepcopy(loaded[0])
    inputs = collator(loaded[1])(examples()[:2])
    whole = model(**inputs).loss.item()
    for layer in list(model.modules()):
        if type(layer).__name__ in RECIPES["paper"].wrap:
            fully_shard(layer)
    fully_shard(model)
    loss = model(**inputs).loss
    loss.backward()
    gathered = get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    before = loaded[0].state_dict()
    same = all(
        torch.equal(value, before[name]) for name, value in gathered.items()
    )  # the dict is empty in all processes but the first
    saved = whole
    if torch.distributed.get_rank() == 0:
        save(model, loaded[1], out, gathered)
        saved = load(out)[0](**inputs).loss.item()
    return [loss.item(), whole, same, saved]


def main(checkpoint, out):
    """Write the results to OUT/found.json in the first process."""
    loaded, out = load(checkpoint), Path(out)
    found = {
        "unbroken": train(loaded, out / "a", processes=2),
        "resumed": stopped(loaded, out / "b"),
        "lora": train(loaded, out / "c", recipe=LORA),
        "lora_resumed": stopped(loaded, out / "d", recipe=LORA),
        "three": refused(loaded, out / "e", processes=3),
        "copied": refused(loaded, out / "f", recipe=replace(RECIPES["paper"], at_once=2)),
        "odd": refused(loaded, out / "g", recipe=Recipe(at_once=3)),
        "sharded": sharded(loaded, out / "h"),
    }
    if torch.distributed.get_rank() == 0:
        (out / "found.json").write_text(json.dumps(found), encoding="utf8")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
