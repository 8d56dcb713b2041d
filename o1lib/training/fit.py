"""Supervised fine-tuning: phases of chat examples through TRL's SFTTrainer, with the loss on assistant tokens only.

Both papers fine-tune the whole model on staged answers (LLaVA-o1, arXiv:2411.10440, section 3.2; LlamaV-o1,
arXiv:2501.06186, section 3.2, in two phases). Every format and schedule goes through the same `fit`, with one
learning-rate schedule over all phases. So arms differ only in their examples and in the order of the examples.

    log = fit(model, processor, [phase_1, phase_2], "work/run", learning_rate=1e-3, batch=48, seed=0)
    log[-1]["loss"]
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from o1lib.models.checkpoint import quiet, save
from o1lib.records import UserError, atomic_file
from o1lib.training import checkpoints, launch
from o1lib.training.arguments import sft_config, step_intervals
from o1lib.training.attention import attention_for_training, attention_implementation, mask_textonly_cross_attention
from o1lib.training.batch_order import dataset, lay_out, token_length
from o1lib.training.collator import collator
from o1lib.training.lora import attach, merge
from o1lib.training.recipes import SMALL, Recipe


def fit(
    model,
    processor,
    phases: Sequence[Sequence],
    out,
    *,
    learning_rate: float,
    batch: int,
    seed: int = 0,
    resume: bool = True,
    save_steps: int = 500,
    keep: int = 2,
    log_steps: int = 0,
    warmup: float = 0.0,
    look: Callable | None = None,
    look_steps: int = 0,
    recipe: Recipe = SMALL,
    processes: int = 0,
    tracker: str = "",
    save_to: Path | None = None,
) -> list[dict]:
    """Train `model` in place on the phases (sequences of {"messages", "images"}), one after the other.

    Returns the log, which is also written to out/log.jsonl: dicts with step, examples, loss, learning_rate,
    samples_per_second, and whatever `look(model)` returned every `look_steps` steps. `batch` counts examples per step
    over all processes. `log_steps` 0 logs about a hundred times. `warmup` is a share of the steps. The last `keep`
    checkpoints are kept in out/checkpoints, and the same call resumes from them with bit-identical results. They are
    removed at the end. Of `recipe`, learning_rate, batch and processes are only defaults for callers. `save_to` is the
    folder for the trained model, the only way to keep one whose weights are sharded.

    Raises UserError for no examples, examples that cannot be learned from, a loss or weights that are not finite, a
    full disk, LoRA modules that do not exist, an unknown `tracker`, or other than `processes` processes (0: any).
    """
    length = token_length(processor) if recipe.by_length else None
    laid, out = lay_out(phases, batch, seed, recipe.epochs, length), Path(out)
    if not laid:
        raise UserError("nothing to train on: every phase is empty; raise the number of examples")
    quiet()
    intervals = step_intervals(sum(map(len, laid)), batch, save_steps, keep, log_steps, warmup)
    task = _task(model, processor, laid, (learning_rate, batch, seed, warmup, repr(recipe)))
    bf16 = checkpoints.precision(out / "checkpoints", task) if resume else None
    args = sft_config(out / "checkpoints", learning_rate, batch, seed, recipe, bf16, **intervals)
    task |= {"bf16": args.bf16}
    start_from = launch.first_decides(lambda: checkpoints.opened(out / "checkpoints", task, resume))
    learner = attach(model, recipe.lora, seed) if recipe.lora else model
    inspect = (_with_own_attention(look, model), look_steps)
    trainer = _trainer(learner, processor, laid, args, recipe, batch, out, inspect, tracker)
    launch.check(trainer.accelerator, processes, bool(recipe.wrap))
    _run(trainer, model, learner, start_from)
    return _close(trainer, model, processor, out, save_to)


def _run(trainer, model, learner, start_from):
    """Train to the end, merge adapters into the model, and leave it ready to generate."""
    with mask_textonly_cross_attention(model), attention_for_training(model, attention_implementation(model)):
        trainer.train(resume_from_checkpoint=start_from)
    model.__dict__.pop("forward", None)  # TRL's fused loss head: generation needs the model's own
    if learner is not model:
        merge(learner)
    model.eval()


def _with_own_attention(look, model):
    """Return `look` wrapped so that the model generates with its own attention, which needs less memory."""
    own = model.config._attn_implementation

    def wrapped(trained):
        with attention_for_training(model, own):
            return look(trained)

    return look and wrapped


def _trainer(learner, processor, laid, args, recipe, batch, out, inspect, tracker):
    from transformers import PrinterCallback

    from o1lib.training.callbacks import ProgressCallback, tracker_callback
    from o1lib.training.trainer import Trainer

    total, tracking = sum(map(len, laid)), tracker_callback(tracker, out)
    track = (lambda args, state, control, logs: tracking.on_log(args, state, control, logs=logs)) if tracking else None
    progress = ProgressCallback(batch, total, lambda lines: _write_log(out, lines), *inspect, track)
    trainer = Trainer(
        model=learner,
        args=args,
        train_dataset=dataset(laid, batch, args.world_size),
        processing_class=processor,
        data_collator=collator(processor, learner),
        callbacks=[progress, *filter(None, [tracking])],
    )
    trainer.decay, trainer.steps_an_epoch = recipe.decay, max(1, -(-total // batch) // recipe.epochs)
    trainer.steady, trainer.muon = recipe.steady, recipe.optimizer == "muon"
    trainer.remove_callback(PrinterCallback)
    return trainer


def _close(trainer, model, processor, out, save_to):
    """Save the model if asked to, write the log without the trainer's own last line, and remove the checkpoints."""
    from o1lib.training.trainer import weights

    lines = [line for line in trainer.state.log_history if "loss" in line or "train_loss" not in line]
    gathered = weights(trainer) if trainer.is_fsdp_enabled else None
    if trainer.is_world_process_zero():
        if save_to:
            save(model, processor, save_to, gathered)
        _write_log(out, lines)
        shutil.rmtree(out / "checkpoints")
    trainer.accelerator.wait_for_everyone()
    return lines


def _task(model, processor, phases, settings):
    """Return what identifies a training run, so that a checkpoint is never continued as another run."""
    import torch

    weights = float(torch.stack([p.detach().double().abs().sum() for p in model.parameters()]).sum())
    words = "".join(str(phase[k]["messages"]) for phase in phases for k in (0, len(phase) - 1))
    tokenizer = json.loads(processor.tokenizer.backend_tokenizer.to_str())
    words += json.dumps(tokenizer | {"padding": None, "truncation": None})  # these two change with the last batch
    return {
        "weights": weights,
        "examples": [len(phase) for phase in phases],
        "settings": list(settings),
        "words": hashlib.sha256(words.encode()).hexdigest(),
    }


def _write_log(out: Path, lines: list[dict]) -> None:
    with atomic_file(out / "log.jsonl") as part:
        part.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf8")
