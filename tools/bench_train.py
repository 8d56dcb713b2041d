"""Benchmark training against a bare loop and the peak of the machine: `make bench-train` writes work/bench/train.json.

Compared variants alternate step by step, so that other load affects both equally. `trainer_vs_bare_loop` compares `fit`
with a PyTorch loop with the same model, dtype, threads and shapes over finished tensors, in wall-clock time and in
processor seconds. `tries` compares other settings with the usual ones, in processor seconds if there is no GPU.

    python tools/bench_train.py --scale mini
"""

import copy
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median

import typer
from bench_load import quiet, said_plainly
from tqdm import tqdm

from o1lib.records import project_root, write_json
from o1lib.training.attention import attention_implementation
from o1lib.training.batch_order import dataset, lay_out, token_length

FLOORS = {"trainer_vs_bare_loop": 0.95, "matmul_peak_fraction": 0.45}
WARM = 2  # warm-up steps, not counted


def bench(
    scale: str = typer.Option("mini", help="smoke or mini"),
    batch: int = typer.Option(48, help="examples per step"),
    steps: int = typer.Option(12, min=WARM + 1, help="steps of each side of a comparison"),
    tries: bool = typer.Option(True, help="also time other batch shapes and another dtype"),
    compiled: bool = typer.Option(False, help="also time a compiled model, which takes about a minute for each shape"),
    loaded: bool = typer.Option(False, help="measure on a loaded machine too, and mark the figures"),
) -> None:
    """Measure training, print the figures and write them to work/bench/train.json."""
    with said_plainly("bench_train"), quiet(loaded) as load:
        found = {"floors": FLOORS} | measure(scale, batch, steps, tries, compiled)
    path = write_json(project_root() / "work" / "bench" / "train.json", load.facts() | found)
    print(path.read_text(encoding="utf8"))


def measure(scale: str, batch: int, steps: int, tries: bool, compiled: bool = False) -> dict:
    """Return the figures (see the module docstring). Seconds are medians over steps."""
    import torch

    from o1lib.models.presets import build, device_and_dtype

    (device, dtype), (model, processor) = device_and_dtype(), build(scale)
    model.to(device)
    examples = _examples(batch * steps)
    collate_seconds, batches = _batches(processor, examples, batch)
    ours, bare = _side_by_side(model, processor, examples, batches, batch, dtype)
    by_clock, by_work = ([b[k] / o[k] for o, b in zip(ours, bare, strict=True)] for k in (0, 1))
    rate = batch / median(wall for wall, _ in ours)
    flops = _flops(model, batches[-1], dtype) / batch
    peak = _matmul_peak(dtype, device)
    return {
        "scale": scale,
        "batch": batch,
        "steps": len(ours),
        "device": device.type,
        "dtype": str(dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "samples_per_second": round(rate, 2),
        "trainer_vs_bare_loop": round(median(by_clock), 3),
        "trainer_vs_bare_loop_processor_seconds": round(median(by_work), 3),
        "flops_a_sample": flops,
        "matmul_peak_flops": peak,
        "matmul_peak_fraction": round(flops * rate / peak, 3),
        "peak_memory_mb": round(_peak_memory() / 2**20),
        "seconds_by_part": {"batch made": collate_seconds, **_parts(model, batches, dtype)},
        "tries": _tries(model, processor, examples, batches, batch, dtype, compiled) if tries else {},
    }


def _examples(n):
    from o1lib.formats.chat import messages
    from o1lib.minivqa import mixture

    return [{"messages": messages(e, "tags"), "images": [e.image]} for e in mixture("train", n)]


def _batches(processor, examples, batch, by_length=True, multiple=None):
    """Return (median seconds to collate a batch, all batches as tensors) in the order and shapes of `fit`."""
    from o1lib.training.collator import collator

    collate = collator(processor)
    collate.pad_to_multiple_of = multiple
    length = token_length(processor) if by_length else None
    rows = dataset(lay_out([examples], batch, 0, length=length), batch, 1)
    seconds, made = [], []
    for first in range(0, len(rows), batch):
        start = time.perf_counter()
        made.append(collate([rows[k] for k in range(first, first + batch)]))
        seconds.append(time.perf_counter() - start)
    return round(median(seconds), 4), made


def _timed(work: Callable) -> tuple[float, float]:
    """Return (wall-clock seconds, processor seconds) of `work()`."""
    before = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - before[0], time.process_time() - before[1]


def _bare(model, dtype, compiled=False, attention="") -> Callable:
    """Return a function that takes one training step with a batch of tensors, on its own copy of the model."""
    import torch

    learner = _as_trained(model, attention)
    forward = torch.compile(learner, dynamic=False) if compiled else learner
    optimizer = torch.optim.AdamW(learner.parameters(), lr=1e-4, weight_decay=0.0)

    def step(batch):
        """Forward, backward, clip, update."""
        inputs = {name: value.to(model.device) for name, value in batch.items()}
        with torch.autocast(model.device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = forward(**inputs, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss.item()  # waits for the device

    return step


def _as_trained(model, attention=""):
    """Return a copy of the model with this attention implementation, "" for that of `fit`."""
    learner = copy.deepcopy(model).train()
    learner.set_attn_implementation(attention or attention_implementation(model))
    return learner


def _side_by_side(model, processor, examples, batches, batch, dtype):
    """Return the times of each step of `fit`, collation included, and of the step of a bare loop right after it."""
    from o1lib.training.fit import fit

    step, ours, bare, marks = _bare(model, dtype), [], [], []

    def look(_):
        now = time.perf_counter(), time.process_time()
        if marks:
            ours.append(tuple(late - early for early, late in zip(marks[-1], now, strict=True)))
            bare.append(_timed(lambda: step(batches[len(marks)])))
        marks.append((time.perf_counter(), time.process_time()))
        return {}

    with tempfile.TemporaryDirectory() as folder:
        settings = {"learning_rate": 1e-4, "batch": batch, "save_steps": 10**6, "look": look, "look_steps": 1}
        fit(copy.deepcopy(model), processor, [examples], folder, **settings)
    return ours[WARM - 1 :], bare[WARM - 1 :]


def _parts(model, batches, dtype):
    """Return the median seconds of forward pass, backward pass and optimizer in a plain loop."""
    import torch

    learner = _as_trained(model)
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
    parts = enumerate(("forward", "backward", "optimizer"))
    return {name: round(median(t[k] for t in times[WARM:]), 4) for k, name in parts}


def _flops(model, batch, dtype):
    """Return the floating-point operations of one step, counted by torch."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    learner = _as_trained(model)
    with FlopCounterMode(display=False) as counter:
        with torch.autocast(model.device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = learner(**batch.to(model.device), use_cache=False).loss
        loss.backward()
    return counter.get_total_flops()


def _matmul_peak(dtype, device, size=1024, seconds=1.0):
    """Return the peak FLOP/s of large matrix products in this dtype, with the same threads."""
    import torch

    left, right = (torch.ones(size, size, dtype=dtype, device=device) for _ in range(2))
    rates, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        (left @ right)[0, 0].item()
        rates.append(2 * size**3 / (time.perf_counter() - start))
    return max(rates)


def _tries(model, processor, examples, batches, batch, dtype, compiled):
    """Return {setting: its speed relative to the usual settings}, or the error class of a failure."""
    import torch

    other = torch.float32 if dtype == torch.bfloat16 else torch.bfloat16

    def shaped(size=batch, **shapes):
        return _batches(processor, examples, size, **shapes)[1]

    halves = shaped(batch // 2)
    settings = {
        "not grouped by length": (_bare(model, dtype), [[b] for b in shaped(by_length=False)]),
        "half the batch": (_bare(model, dtype), [halves[k : k + 2] for k in range(0, len(halves), 2)]),
        "lengths padded to multiples of 16": (_bare(model, dtype), [[b] for b in shaped(multiple=16)]),
        "fused attention": (_bare(model, dtype, attention="sdpa"), [[b] for b in batches]),
        str(other).removeprefix("torch."): (_bare(model, other), [[b] for b in batches]),
    }
    if compiled:
        settings["compiled"] = _bare(model, dtype, compiled=True), [[b] for b in shaped(multiple=32)]  # fewer shapes
    usual, found, clock = _bare(model, dtype), {}, int(model.device.type == "cpu")
    for name, (step, turns) in (bar := tqdm(settings.items())):
        bar.set_description(name)
        try:
            if name == "compiled":  # the first pass over the shapes compiles
                for turn in turns:
                    step(turn[0])
            times = [
                (_timed(lambda b=b: usual(b))[clock], _timed(lambda t=turn, s=step: [s(b) for b in t])[clock])
                for b, turn in zip(batches, turns, strict=True)
            ][WARM:]
            found[name] = round(sum(one for one, _ in times) / sum(two for _, two in times), 3)
        except Exception as error:  # any error of a compiler or a dtype is the result
            found[name] = f"failed: {type(error).__name__}"
    return found


def _peak_memory():
    """Return the peak memory of this process in bytes: on the GPU if there is one, else in main memory."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    typer.run(bench)
