"""Supervised fine-tuning: phases of chat examples through TRL's SFTTrainer, loss on the assistant's words only.

Both papers fine-tune the whole model on staged answers (LLaVA-o1 section 3.2; LlamaV-o1 section 3.2, in two phases).
Here every format and schedule goes through the same `fit`: examples in the given order, one linearly falling learning
rate over all phases, so that arms differ in nothing but their examples and the order of them.

    log = fit(model, processor, [phase_1, phase_2], "work/run", learning_rate=1e-3, batch=48, seed=0)
    everything, learned = supervised(processor, messages, picture)
"""
import hashlib
import json
import random
import shutil
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

from .checkpoint import quiet
from .model import device_and_dtype
from .records import UserError, atomic_file, write_json

WINDOW = 16                             # batches among which examples are sorted by length


class Lazy(Sequence):
    """A sequence whose k-th example is made by `make(keys[k])` when it is asked for: {"messages": [...], "images": [...]}."""

    def __init__(self, keys: Sequence, make: Callable):
        self.keys, self.make = keys, make

    def __len__(self):
        return len(self.keys)

    def __getitem__(self, index):
        return self.make(self.keys[index])


class Grouped(Sequence):
    """The same examples, sorted by length inside windows of 16 batches, so that a batch holds little padding.

    Batches of a window come in an order drawn from `seed`. A window is made as a whole when its first example is asked
    for, so any position can be had without those before it: a resumed run sees what an uninterrupted one sees.
    """

    def __init__(self, examples: Sequence, batch: int, seed: int):
        self.examples, self.batch, self.seed = examples, batch, seed
        self.size, self.number, self.window = WINDOW * batch, None, []

    def __len__(self):
        return len(self.examples)

    def __getitem__(self, index):
        number, offset = divmod(index, self.size)
        if number != self.number:
            self.number, self.window = number, self._make(number)
        return self.window[offset]

    def _make(self, number):
        first = number * self.size
        made = [self.examples[k] for k in range(first, min(first + self.size, len(self)))]
        made.sort(key=_characters)
        batches = [made[k:k + self.batch] for k in range(0, len(made), self.batch)]
        rest = [batches.pop()] if len(batches[-1]) < self.batch else []
        random.Random(f"{self.seed}/{number}").shuffle(batches)
        return [example for batch in batches + rest for example in batch]


def fit(model, processor, phases: Sequence[Sequence], out, *, learning_rate: float, batch: int, seed: int = 0,
        resume: bool = True, save_steps: int = 500, log_steps: int = 0, warmup: float = 0.0,
        look: Callable | None = None, look_steps: int = 0) -> list[dict]:
    """Train `model` in place, phase after phase, and return the log: dicts with step, examples, loss, learning_rate,
    samples_per_second (and whatever `look(model)` returned every `look_steps`). It also lands in out/log.jsonl.

    Phases are sequences of {"messages", "images"}. `log_steps` 0 logs about a hundred times. `warmup` is the share of
    steps over which the rate rises. Every `save_steps` a checkpoint is kept under out/checkpoints, from which the same
    call goes on after an interruption, with bit-identical results; they are removed at the end. Raises UserError for no
    example, one that is too long or has nothing to learn, a loss that is not finite, or a full disk.
    """
    phases = [Grouped(phase, batch, seed) for phase in phases if len(phase)]
    if not phases:
        raise UserError("nothing to train on: every phase is empty; raise the number of examples")
    from transformers import PrinterCallback
    from .sft import Trainer, Watch, apart
    quiet()
    out = Path(out)
    total = sum(map(len, phases))
    start_from = _open_checkpoints(out / "checkpoints", _task(model, processor, phases, (learning_rate, batch, seed, warmup)), resume)
    args = _config(out / "checkpoints", learning_rate, batch, seed, save_steps, log_steps or max(1, total // batch // 100),
                   warmup * total / batch)
    trainer = Trainer(model=model, args=args, train_dataset=_dataset(phases), processing_class=processor,
                      data_collator=_collator(processor, model),
                      callbacks=[Watch(batch, total, lambda lines: _write_log(out, lines), look, look_steps)])
    trainer.remove_callback(PrinterCallback)
    with apart(model):
        trainer.train(resume_from_checkpoint=start_from)
    model.__dict__.pop("forward", None)          # TRL's fused loss head: generation needs the model's own
    model.eval()
    lines = [line for line in trainer.state.log_history if "loss" in line or "train_loss" not in line]
    _write_log(out, lines)
    shutil.rmtree(out / "checkpoints")
    return lines


def spans(processor, messages: list[dict], image=None) -> list[tuple[str, bool]]:
    """Return one example as (text, whether it is learned) in order, decoded from the tokens that the trainer is given."""
    batch = _collator(processor)([{"messages": messages, "images": [] if image is None else [image]}])
    tokens = zip(batch["input_ids"][0].tolist(), (batch["labels"][0] != -100).tolist())
    groups = groupby(tokens, key=lambda pair: pair[1])
    return [(processor.tokenizer.decode([token for token, _ in group]), learned) for learned, group in groups]


def supervised(processor, messages: list[dict], image=None) -> tuple[str, str]:
    """Return (all text, the learned text) of one example; the latter is the assistant's words, each turn with its end mark."""
    parts = spans(processor, messages, image)
    return "".join(text for text, _ in parts), "".join(text for text, learned in parts if learned)


class _Lookup:
    """Positions to examples for datasets.Dataset.with_transform."""

    def __init__(self, phases):
        self.places = [(phase, k) for phase in phases for k in range(len(phase))]

    def __call__(self, rows):
        examples = [self.places[k][0][self.places[k][1]] for k in rows["position"]]
        return {name: [example[name] for example in examples] for name in ("messages", "images")}

    def __reduce__(self):               # datasets names the transformed set by a pickle: pictures need not be in it
        return _Lookup, ((),)


def _dataset(phases):
    from datasets import Dataset
    return Dataset.from_dict({"position": range(sum(map(len, phases)))}).with_transform(_Lookup(phases))


def _collator(processor, model=None):
    from .sft import CheckedCollator
    collator = CheckedCollator(processor=processor, max_length=None, assistant_only_loss=True)
    collator.context = getattr(model.config.get_text_config(), "max_position_embeddings", 0) if model is not None else 0
    return collator


def _config(folder, learning_rate, batch, seed, save_steps, log_steps, warmup_steps):
    import torch
    from trl import SFTConfig
    device, dtype = device_and_dtype()
    return SFTConfig(
        output_dir=str(folder), per_device_train_batch_size=batch, num_train_epochs=1, learning_rate=learning_rate,
        lr_scheduler_type="linear", warmup_steps=int(warmup_steps), seed=seed, data_seed=seed,
        train_sampling_strategy="sequential", assistant_only_loss=True, max_length=None, remove_unused_columns=False,
        use_cpu=device.type == "cpu", bf16=dtype == torch.bfloat16, activation_checkpointing=False, dataloader_pin_memory=False,
        logging_steps=log_steps, logging_nan_inf_filter=False, save_strategy="steps", save_steps=save_steps,
        save_total_limit=2, report_to="none", disable_tqdm=True)


def _task(model, processor, phases, settings):
    """Return what a checkpoint must have been made for, so that it is never continued as something else."""
    import torch
    weights = float(torch.stack([p.detach().double().abs().sum() for p in model.parameters()]).sum())
    words = "".join(str(phase[k]["messages"]) for phase in phases for k in (0, len(phase) - 1))
    words += processor.tokenizer.backend_tokenizer.to_str()
    return {"weights": weights, "examples": [len(phase) for phase in phases], "settings": list(settings),
            "words": hashlib.sha256(words.encode()).hexdigest()}


def _open_checkpoints(folder: Path, task: dict, resume: bool) -> str | None:
    """Return the last complete checkpoint of the same task, or None after emptying the folder for a new start."""
    note = folder / "task.json"
    if resume and note.is_file() and json.loads(note.read_text(encoding="utf8")) == task:
        return last_complete(folder)
    shutil.rmtree(folder, ignore_errors=True)
    write_json(note, task)
    return None


def last_complete(folder) -> str | None:
    """Return the newest checkpoint in which everything is present and readable, or None; its state is written last."""
    for path in sorted(Path(folder).glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]), reverse=True):
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf8"))
            return str(path)
        except (OSError, json.JSONDecodeError):
            shutil.rmtree(path)         # cut off while it was being written
    return None


def _write_log(out: Path, lines: list[dict]) -> None:
    with atomic_file(out / "log.jsonl") as part:
        part.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf8")


def _characters(example) -> int:
    parts = (part for message in example["messages"] for part in message["content"])
    return sum(len(part) if isinstance(part, str) else len(part.get("text", "")) for part in parts)
