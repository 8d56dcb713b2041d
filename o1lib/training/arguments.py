"""The arguments of TRL's trainer for a recipe: precision, batch split, sharding, and when to log and to save.

intervals = step_intervals(examples=24_000, batch=48, save_steps=500, keep=2, log_steps=0, warmup=0.02)
args = sft_config("work/run/checkpoints", 1e-3, 48, seed=0, recipe=RECIPES["mini"], **intervals)
"""

from o1lib.models.presets import device_and_dtype
from o1lib.records import UserError
from o1lib.training import launch
from o1lib.training.recipes import Recipe


def sft_config(
    folder, learning_rate: float, batch: int, seed: int, recipe: Recipe, bf16: bool | None = None, **intervals
):
    """Return the trl.SFTConfig of one training run whose checkpoints go to `folder`.

    `batch` counts examples per step over all processes. `bf16` None is what is faster on this machine. Raises UserError
    when the batch cannot be split evenly.
    """
    import torch
    from trl import SFTConfig

    device, dtype = device_and_dtype()
    at_once, accumulation = _split_batch(batch, recipe.at_once)
    return SFTConfig(
        output_dir=str(folder),
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=accumulation,
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
        bf16=(dtype == torch.bfloat16 and not recipe.pure_bf16) if bf16 is None else bf16,
        activation_checkpointing=recipe.recompute,
        dataloader_pin_memory=False,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        report_to="none",
        disable_tqdm=True,
        **_sharding(recipe),
        **intervals,
    )


def step_intervals(examples: int, batch: int, save_steps: int, keep: int, log_steps: int, warmup: float) -> dict:
    """Return when to save, log and warm up, in steps. `log_steps` 0 logs about a hundred times."""
    return {
        "save_steps": save_steps,
        "save_total_limit": keep,
        "logging_steps": log_steps or max(1, examples // batch // 100),
        "warmup_steps": int(warmup * examples / batch),
    }


def _sharding(recipe):
    """Return the FSDP2 arguments, {} for a recipe without sharding."""
    if not recipe.wrap:
        return {}
    settings = {
        "version": 2,
        "transformer_layer_cls_to_wrap": list(recipe.wrap),
        "activation_checkpointing": True,
        "state_dict_type": "SHARDED_STATE_DICT",
    }
    return {"fsdp": True, "fsdp_config": settings}


def _split_batch(batch, at_once):
    """Return (examples in one forward pass of a process, gradient accumulation steps)."""
    ranks = launch.world()
    at_once = at_once or max(1, batch // ranks)
    accumulation = batch // (at_once * ranks)
    if accumulation * at_once * ranks != batch:
        raise UserError(
            f"a batch of {batch} cannot be split over {ranks} process(es) with {at_once} examples at a time: "
            f"set batch to a multiple of {at_once * ranks}"
        )
    return at_once, accumulation
