"""TRL's SFTTrainer with what Mllama needs: exact resume, checked batches, a stop at the first bad loss.

Imported only when training starts, since TRL takes seconds to import. Two repairs: the stock
`resume_from_checkpoint` restores the optimizer but silently not the weights of Mllama (transformers issue 43701), so
weights are reloaded here through `from_pretrained`; and an example whose loss would be empty or silently cut is refused.
A third, `apart`, keeps examples without a picture from looking at an empty one.

Example:
    trainer = Trainer(model=model, args=SFTConfig(...), train_dataset=dataset, processing_class=processor, data_collator=...)
    trainer.train(resume_from_checkpoint=last_complete("out/checkpoints"))
"""
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from tqdm import tqdm
from transformers import PreTrainedModel, TrainerCallback
from transformers import Trainer as PlainTrainer
from trl import SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

from .records import UserError


class CheckedCollator(DataCollatorForVisionLanguageModeling):
    """The stock collator; refuses an example longer than the context or with no word to learn."""
    context: int = 0                    # tokens; 0: not checked

    def torch_call(self, examples):
        """Return the batch of the stock collator, or raise UserError naming the example that cannot be learned from."""
        batch = super().torch_call(examples)
        lengths, learned = batch["attention_mask"].sum(1), (batch["labels"] != -100).sum(1)
        for example, length, words in zip(examples, lengths.tolist(), learned.tolist()):
            said = str(example["messages"][0]["content"])[-80:]
            if self.context and length > self.context:
                raise UserError(f"an example has {length} tokens but the model's context holds {self.context}: "
                                f"shorten it or take a larger scale (its first turn ends {said!r})")
            if words < 2:
                raise UserError(f"an example has no assistant words to learn from (its first turn ends {said!r}): "
                                "give every example an assistant turn that is not empty")
        return batch


class Trainer(SFTTrainer):
    """SFTTrainer whose resumed runs equal uninterrupted ones bit for bit. `meter` supplies what a log line adds."""

    def _load_from_checkpoint(self, resume_from_checkpoint, model=None):
        model = model if model is not None else self.model
        if not isinstance(model, PreTrainedModel):
            return super()._load_from_checkpoint(resume_from_checkpoint, model)
        saved = type(model).from_pretrained(resume_from_checkpoint, dtype=model.dtype)
        model.load_state_dict(saved.state_dict(), strict=True)

    def training_step(self, *args, **kwargs):
        loss = super().training_step(*args, **kwargs)
        if not torch.isfinite(loss):
            raise UserError(f"the loss became {loss.item()} at step {self.state.global_step + 1}: lower the learning rate "
                            f"and run again; checkpoints up to then are kept in {Path(self.args.output_dir).name}/")
        return loss

    def _save_checkpoint(self, model, trial):
        """Save whole or not at all, and never weights that are not finite; no model card beside them."""
        step = self.state.global_step
        if not all(torch.isfinite(p).all() for p in model.parameters()):
            raise UserError(f"weights are no longer finite at step {step}: lower the learning rate and run again")
        try:
            PlainTrainer._save_checkpoint(self, model, trial)
        except (OSError, RuntimeError, SafetensorError) as error:
            shutil.rmtree(Path(self.args.output_dir) / f"checkpoint-{step}", ignore_errors=True)
            raise UserError(f"the checkpoint of step {step} could not be written ({error}): free some disk space and run "
                            "again; training goes on from the checkpoint before it") from error


@contextmanager
def apart(model):
    """Inside, a row without a picture passes cross-attention layers unchanged, as it does in a batch of such rows alone.

    In a mixed batch Mllama lets it attend evenly to an empty picture: what is fully masked, transformers leaves open.
    It would learn in that setting and be asked in the other.
    """
    handles = []
    for layer in model.modules():
        if hasattr(layer, "cross_attn"):
            handles += _silence(layer)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _silence(layer):
    """Multiply what a layer's rows see by 0 where no token of the row may look at a picture; return the hooks."""
    rows = {}

    def note(module, args, kwargs):
        rows["see"] = kwargs["full_text_row_masked_out_mask"].flatten(1).amax(1)[:, None, None]

    def mute(module, args, output):
        return (output[0] * rows["see"], *output[1:])

    return layer.register_forward_pre_hook(note, with_kwargs=True), layer.cross_attn.register_forward_hook(mute)


class Watch(TrainerCallback):
    """Progress bar, speed in the log, and `look(model) -> dict` every `every` steps, whose result joins the log."""

    def __init__(self, batch, total, write, look=None, every=0):
        self.batch, self.total, self.write, self.look, self.every = batch, total, write, look, every

    def on_train_begin(self, args, state, control, **kwargs):
        self.bar = tqdm(total=state.max_steps, initial=state.global_step, desc="training", unit="step", mininterval=5)
        self.last = (time.monotonic(), state.global_step)

    def on_step_end(self, args, state, control, model=None, **kwargs):
        self.bar.update(1)
        if self.look and self.every and state.global_step % self.every == 0:
            start = time.monotonic()
            model.eval()
            state.log_history.append({"step": state.global_step, "examples": self._seen(state), **self.look(model)})
            model.train()
            self.last = (self.last[0] + time.monotonic() - start, self.last[1])

    def on_log(self, args, state, control, logs=None, **kwargs):
        """Add examples seen and samples a second to the log line and write the log anew."""
        now, step = time.monotonic(), state.global_step
        line = state.log_history[-1]
        for name in ("num_tokens", "entropy", "epoch"):     # the first is counted anew after a resume
            line.pop(name, None)
        line["examples"] = self._seen(state)
        if "loss" in line and step > self.last[1]:
            line["samples_per_second"] = round((step - self.last[1]) * self.batch / max(now - self.last[0], 1e-9), 2)
            self.last = (now, step)
            self.bar.set_postfix(loss=f"{float(line['loss']):.3f}", refresh=False)
        self.write(state.log_history)

    def on_train_end(self, args, state, control, **kwargs):
        self.bar.close()

    def _seen(self, state):
        return min(self.total, state.global_step * self.batch)
