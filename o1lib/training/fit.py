"""Supervised fine-tuning: phases of chat examples through TRL's SFTTrainer, loss on the assistant's words only.

Both papers fine-tune the whole model on staged answers (LLaVA-o1 section 3.2; LlamaV-o1 section 3.2, in two phases).
Here every format and schedule goes through the same `fit`: examples in the given order, one learning-rate schedule over
all phases, so that arms differ in nothing but their examples and the order of them.

    log = fit(model, processor, [phase_1, phase_2], "work/run", learning_rate=1e-3, batch=48, seed=0)
    everything, learned = supervised(processor, messages, picture)
"""

import hashlib
import importlib.util
import json
import shutil
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

from o1lib.models.checkpoint import quiet, save
from o1lib.models.presets import device_and_dtype
from o1lib.records import UserError, atomic_file
from o1lib.training import checkpoints, launch
from o1lib.training.attention import attention_for_training, learns_by, mask_textonly_cross_attention
from o1lib.training.batch_order import dataset, lay_out
from o1lib.training.recipes import SMALL, TRACKERS, Recipe


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
    """Train `model` in place, phase after phase, and return the log: dicts with step, examples, loss, learning_rate,
    samples_per_second (and whatever `look(model)` returned every `look_steps`). It also lands in out/log.jsonl.

    Phases are sequences of {"messages", "images"}. `batch` counts examples a step over all processes. `log_steps` 0
    logs about a hundred times. `warmup` is the share of steps over which the rate rises. Every `save_steps` a
    checkpoint goes to out/checkpoints, of which the last `keep` are kept and from which the same call goes on after an
    interruption, with bit-identical results; they are removed at the end. `recipe` says the rest (its rate, batch and
    processes are only defaults for callers). `tracker` "tensorboard" or "trackio" follows the run there as well.
    `save_to` is a folder for the trained checkpoint, the only way to have one when weights are sharded. Raises
    UserError for no example, one that is too long, has nothing to learn or other pictures than it speaks of, a loss or
    weights that are not finite, a full disk, LoRA on modules that do not exist, or other than `processes` processes
    (0: any number).
    """
    laid = lay_out(phases, batch, seed, recipe.epochs, recipe.by_length)
    if not laid:
        raise UserError("nothing to train on: every phase is empty; raise the number of examples")
    from o1lib.training.lora import attach, merge

    quiet()
    out, total = Path(out), sum(map(len, laid))
    args = _config(
        out / "checkpoints",
        learning_rate,
        batch,
        seed,
        recipe,
        save_steps=save_steps,
        save_total_limit=keep,
        logging_steps=log_steps or max(1, total // batch // 100),
        warmup_steps=int(warmup * total / batch),
    )
    task = _task(model, processor, laid, (learning_rate, batch, seed, warmup, repr(recipe)))
    start_from = launch.first_decides(lambda: checkpoints.opened(out / "checkpoints", task, resume))
    learner = attach(model, recipe.lora, seed) if recipe.lora else model
    trainer = _trainer(
        learner, processor, laid, args, recipe, batch, out, (_as_usual(look, model), look_steps), tracker
    )
    launch.check(trainer.accelerator, processes, bool(recipe.wrap))
    with mask_textonly_cross_attention(model), attention_for_training(model, learns_by(model)):
        trainer.train(resume_from_checkpoint=start_from)
    model.__dict__.pop("forward", None)  # TRL's fused loss head: generation needs the model's own
    if recipe.lora:
        merge(learner)
    model.eval()
    return _close(trainer, model, processor, out, save_to)


def spans(processor, messages: list[dict], image=None) -> list[tuple[str, bool]]:
    """Return one example as (text, whether it is learned) in order, decoded from the trainer's own tokens."""
    batch = collator(processor)([{"messages": messages, "images": [] if image is None else [image]}])
    tokens = zip(batch["input_ids"][0].tolist(), (batch["labels"][0] != -100).tolist(), strict=True)
    groups = groupby(tokens, key=lambda pair: pair[1])
    return [(processor.tokenizer.decode([token for token, _ in group]), learned) for learned, group in groups]


def supervised(processor, messages: list[dict], image=None) -> tuple[str, str]:
    """Return (all text, the learned text) of one example: the assistant's words, each turn with its end mark."""
    parts = spans(processor, messages, image)
    return "".join(text for text, _ in parts), "".join(text for text, learned in parts if learned)


def collator(processor, model=None):
    """Return what makes batches of {"messages", "images"}; with `model` it refuses examples longer than its context."""
    from trl.chat_template_utils import get_training_chat_template

    from o1lib.training.trainer import CheckedCollator

    made = CheckedCollator(
        processor=processor,
        max_length=None,
        assistant_only_loss=True,
        chat_template=get_training_chat_template(processor),
    )
    _as_lists(processor)
    made.context = getattr(model.config.get_text_config(), "max_position_embeddings", 0) if model is not None else 0
    return made


def _as_lists(processor):
    """Let the processor find the assistant's words in lists: its own walk over tensors took half of a batch's making."""
    find = getattr(type(processor), "_adjust_assistant_masks_indices", None)

    def quickly(made, spans):
        made["offset_mapping"] = getattr(made["offset_mapping"], "tolist", lambda: made["offset_mapping"])()
        return find(processor, made, spans)

    if find:
        processor._adjust_assistant_masks_indices = quickly


def _as_usual(look, model):
    """Return `look` made to see the model attend as it does when it is not learning: plainly, generation fills memory."""
    way = model.config._attn_implementation

    def looked(trained):
        with attention_for_training(model, way):
            return look(trained)

    return look and looked


def _trainer(learner, processor, laid, args, recipe, batch, out, look, tracker):
    from transformers import PrinterCallback

    from o1lib.training.callbacks import ProgressCallback
    from o1lib.training.trainer import Trainer

    total, follower = sum(map(len, laid)), _follower(tracker, out)
    tell = (lambda *known: follower.on_log(*known[:3], logs=known[3])) if follower else None
    watch = ProgressCallback(batch, total, lambda lines: _write_log(out, lines), *look, tell)
    trainer = Trainer(
        model=learner,
        args=args,
        train_dataset=dataset(laid, batch, args.world_size),
        processing_class=processor,
        data_collator=collator(processor, learner),
        callbacks=[watch, *filter(None, [follower])],
    )
    trainer.decay, trainer.steps_an_epoch = recipe.decay, max(1, -(-total // batch) // recipe.epochs)
    trainer.remove_callback(PrinterCallback)
    return trainer


def _close(trainer, model, processor, out, save_to):
    """Save where asked, write the log without the trainer's own last line, and let the checkpoints go."""
    from o1lib.training.trainer import weights

    lines = [line for line in trainer.state.log_history if "loss" in line or "train_loss" not in line]
    spread = weights(trainer) if trainer.is_fsdp_enabled else None
    if trainer.is_world_process_zero():
        if save_to:
            save(model, processor, save_to, spread)
        _write_log(out, lines)
        shutil.rmtree(out / "checkpoints")
    trainer.accelerator.wait_for_everyone()
    return lines


def _config(folder, learning_rate, batch, seed, recipe, **steps):
    import torch
    from trl import SFTConfig

    device, dtype = device_and_dtype()
    sharding = (
        {
            "fsdp": True,
            "fsdp_config": {
                "version": 2,
                "transformer_layer_cls_to_wrap": list(recipe.wrap),
                "activation_checkpointing": True,
                "state_dict_type": "SHARDED_STATE_DICT",
            },
        }
        if recipe.wrap
        else {}
    )
    at_once, rounds = _shares(batch, recipe.at_once)
    return SFTConfig(
        output_dir=str(folder),
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=rounds,
        num_train_epochs=1,
        learning_rate=learning_rate,
        lr_scheduler_type="linear",
        seed=seed,
        data_seed=seed,
        max_grad_norm=recipe.clip,
        train_sampling_strategy="sequential",
        assistant_only_loss=True,
        max_length=None,
        remove_unused_columns=False,
        use_cpu=device.type == "cpu",
        bf16=dtype == torch.bfloat16 and not recipe.pure_bf16,
        activation_checkpointing=recipe.recompute,
        dataloader_pin_memory=False,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        report_to="none",
        disable_tqdm=True,
        **sharding,
        **steps,
    )


def _shares(batch, at_once):
    """Return (examples that a process handles at a time, times it does so in a step)."""
    ranks = launch.world()
    at_once = at_once or max(1, batch // ranks)
    rounds = batch // (at_once * ranks)
    if rounds * at_once * ranks != batch:
        raise UserError(
            f"a batch of {batch} cannot be shared by {ranks} process(es) that take {at_once} examples at a "
            f"time: make it a multiple of {at_once * ranks}"
        )
    return at_once, rounds


def _task(model, processor, phases, settings):
    """Return what a checkpoint must have been made for, so that it is never continued as something else."""
    import torch

    weights = float(torch.stack([p.detach().double().abs().sum() for p in model.parameters()]).sum())
    words = "".join(str(phase[k]["messages"]) for phase in phases for k in (0, len(phase) - 1))
    tokenizer = json.loads(processor.tokenizer.backend_tokenizer.to_str())
    words += json.dumps(tokenizer | {"padding": None, "truncation": None})  # how its last batch was padded
    return {
        "weights": weights,
        "examples": [len(phase) for phase in phases],
        "settings": list(settings),
        "words": hashlib.sha256(words.encode()).hexdigest(),
    }


def _follower(tracker, out):
    """Return the callback that follows a run by `tracker`, None for none."""
    if not tracker:
        return None
    if tracker not in TRACKERS:
        raise UserError(f"unknown tracker '{tracker}': choose {' or '.join(TRACKERS)}, or none")
    if importlib.util.find_spec(tracker) is None:
        raise UserError(f"{tracker} is not installed here: run `.venv/bin/pip install {tracker}`, or take another one")
    from transformers.integrations import TensorBoardCallback, TrackioCallback

    callback = TensorBoardCallback() if tracker == "tensorboard" else TrackioCallback()
    callback.logging_dir = str(out / "tensorboard")
    return callback


def _write_log(out: Path, lines: list[dict]) -> None:
    with atomic_file(out / "log.jsonl") as part:
        part.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf8")
