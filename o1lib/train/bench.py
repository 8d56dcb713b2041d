"""How fast training is, against a bare loop and against the machine: `make bench-train` writes work/bench/train.json.

Ratios are taken within one run, rounds of both sides by turns, so that what else the machine does weighs on both.
`trainer_vs_bare_loop` compares `fit` with a plain PyTorch loop: same model, dtype, threads, shapes, and tensors that
were made beforehand. `tries` holds what else was tried, each against the usual configuration run beside it.

    python -m o1lib.train.bench --scale mini --rounds 3
"""
import copy
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median

import typer
from tqdm import tqdm

from ..records import project_root, write_json
from .order import dataset, lay_out

STEPS = 7                               # of a round; the first two warm up
WARM = 2


def bench(scale: str = typer.Option("mini", help="smoke or mini"),
          batch: int = typer.Option(48, help="examples a step"),
          rounds: int = typer.Option(3, min=1, help="of both sides, by turns"),
          tries: bool = typer.Option(True, help="also time other shapes, dtypes and a compiled model")) -> None:
    """Measure training, print the figures and write them to work/bench/train.json."""
    found = measure(scale, batch, rounds, tries)
    path = write_json(project_root() / "work" / "bench" / "train.json", found)
    print(path.read_text(encoding="utf8"))


def measure(scale: str, batch: int, rounds: int, tries: bool) -> dict:
    """Return the figures (see the module's words); seconds and samples a second are medians over steps."""
    import torch

    from ..model import build, device_and_dtype
    device, dtype = device_and_dtype()
    model, processor = build(scale)
    model.to(device)
    examples = _examples(batch * STEPS)
    collate_seconds, batches = _batches(processor, examples, batch)
    bare, ours = [], []
    for _ in tqdm(range(rounds), desc="fit and bare loop, by turns"):
        bare += _bare(model, batches, dtype)
        ours += _ours(model, processor, examples, batch)
    flops = _flops(model, batches[-1], dtype) / batch
    peak = _matmul_peak(dtype, device)
    rate = batch / median(ours)
    return {"scale": scale, "batch": batch, "steps": len(ours), "device": device.type,
            "dtype": str(dtype).removeprefix("torch."), "threads": torch.get_num_threads(),
            "load_average": round(os.getloadavg()[0], 2),
            "samples_per_second": round(rate, 2), "trainer_vs_bare_loop": round(median(bare) / median(ours), 3),
            "flops_a_sample": flops, "matmul_peak_flops": peak, "matmul_peak_fraction": round(flops * rate / peak, 3),
            "peak_memory_mb": round(_peak_memory() / 2**20),
            "seconds_by_part": {"batch made": collate_seconds, **_parts(model, batches, dtype)},
            "tries": _tries(model, processor, examples, batches, batch, dtype) if tries else {}}


def _examples(n):
    from ..formats import messages
    from ..minivqa import mixture
    return [{"messages": messages(e, "tags"), "images": [e.image]} for e in mixture("train", n)]


def _batches(processor, examples, batch, by_length=True, multiple=None):
    """Return (median seconds to make a batch, all batches as tensors) in the order and shapes of `fit`."""
    from .fit import collator
    collate = collator(processor)
    collate.pad_to_multiple_of = multiple
    rows = dataset(lay_out([examples], batch, 0, by_length=by_length), batch, 1)
    seconds, made = [], []
    for first in range(0, len(rows), batch):
        start = time.perf_counter()
        made.append(collate([rows[k] for k in range(first, first + batch)]))
        seconds.append(time.perf_counter() - start)
    return round(median(seconds), 4), made


def _bare(model, batches, dtype, each: Callable | None = None):
    """Return the seconds of each step of a plain loop over tensors made beforehand, warm-up left out."""
    import torch
    learner = copy.deepcopy(model).train()
    step = each(learner) if each else learner
    optimizer = torch.optim.AdamW(learner.parameters(), lr=1e-4, weight_decay=0.0)
    seconds = []
    for batch in batches:
        start = time.perf_counter()
        inputs = {name: value.to(model.device) for name, value in batch.items()}
        with torch.autocast(model.device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = step(**inputs, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss.item()                     # waits for the device
        seconds.append(time.perf_counter() - start)
    return seconds[WARM:]


def _ours(model, processor, examples, batch):
    """Return the seconds of each step of `fit`, making the batches included, warm-up left out."""
    from .fit import fit
    folder = tempfile.mkdtemp()
    try:
        log = fit(copy.deepcopy(model), processor, [examples], folder, learning_rate=1e-4, batch=batch, log_steps=1,
                  save_steps=10**6)
    finally:
        shutil.rmtree(folder)
    return [batch / line["samples_per_second"] for line in log if "samples_per_second" in line][WARM:]


def _parts(model, batches, dtype):
    """Return the median seconds of forward, backward and optimizer in a plain loop."""
    import torch
    learner = copy.deepcopy(model).train()
    optimizer = torch.optim.AdamW(learner.parameters(), lr=1e-4)
    times = []
    for batch in batches:
        marks = [time.perf_counter()]
        with torch.autocast(model.device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = learner(**batch.to(model.device), use_cache=False).loss
        for work in (loss.item, loss.backward, optimizer.step):
            work()
            marks.append(time.perf_counter())
        optimizer.zero_grad()
        times.append([late - early for early, late in pairwise(marks)])
    names = ("forward", "backward", "optimizer")
    return {name: round(median(t[k] for t in times[WARM:]), 4) for k, name in enumerate(names)}


def _flops(model, batch, dtype):
    """Return the floating-point operations of one step, counted by torch."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    learner = copy.deepcopy(model).train()
    with FlopCounterMode(display=False) as counter:
        with torch.autocast(model.device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = learner(**batch.to(model.device), use_cache=False).loss
        loss.backward()
    return counter.get_total_flops()


def _matmul_peak(dtype, device, size=1024, seconds=1.0):
    """Return the operations a second of large matrix products on this machine, in this dtype, with the same threads."""
    import torch
    left, right = (torch.ones(size, size, dtype=dtype, device=device) for _ in range(2))
    rates, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        (left @ right)[0, 0].item()
        rates.append(2 * size**3 / (time.perf_counter() - start))
    return max(rates)


def _tries(model, processor, examples, batches, batch, dtype):
    """Return {what was tried: samples a second over those of the usual way run beside it}, or why it failed."""
    import torch
    other = torch.float32 if dtype == torch.bfloat16 else torch.bfloat16

    def bare(size=batch, **shapes):
        return _bare(model, _batches(processor, examples, size, **shapes)[1], dtype)

    def compiled():                     # the first walk through the shapes compiles
        return _bare(model, 2 * batches, dtype, lambda learner: torch.compile(learner, dynamic=True))[len(batches):]

    ways = {"not grouped by length": lambda: bare(by_length=False),
            "half the batch": lambda: [2 * s for s in bare(batch // 2)],
            "lengths padded to multiples of 16": lambda: bare(multiple=16),
            str(other).removeprefix("torch."): lambda: _bare(model, batches, other), "compiled": compiled}
    found = {}
    for name, way in (bar := tqdm(ways.items())):
        bar.set_description(name)
        usual = median(_bare(model, batches, dtype))
        try:
            found[name] = round(usual / median(way()), 3)
        except Exception as error:      # whatever a compiler or a dtype may raise here is the finding
            found[name] = f"failed: {type(error).__name__}"
    return found


def _peak_memory():
    """Return the most bytes that this process held: on the GPU where there is one, else of the machine's memory."""
    import torch
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    typer.run(bench)
