"""TRL's SFTTrainer with what Mllama needs: exact resume, checked batches, a stop at the first bad loss.

Imported only when training starts, since TRL takes seconds to import. Two repairs: the stock
`resume_from_checkpoint` restores the optimizer but silently not the weights of Mllama (transformers issue 43701), so
weights are reloaded here through `from_pretrained`; and an example whose loss would be empty or silently cut is
refused.

Example:
    trainer = Trainer(model=model, args=SFTConfig(...), train_dataset=dataset, data_collator=CheckedCollator(...), ...)
    trainer.train(resume_from_checkpoint=last_complete("out/checkpoints"))
"""

import math
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import PreTrainedModel
from transformers import Trainer as PlainTrainer
from trl import SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

from o1lib.records import UserError
from o1lib.training.checkpoints import seal

EXPLODED = 3.0  # times the loss of a uniform guess: only a broken model is so sure


class CheckedCollator(DataCollatorForVisionLanguageModeling):
    """The stock collator; refuses an example that cannot be learned from. "padding" examples have no word to learn."""

    context: int = 0  # tokens; 0: not checked

    def torch_call(self, examples):
        """Return the batch of the stock collator. Raises UserError naming the example that is too long, has no word to
        learn, or other pictures than its turns speak of."""
        for example in examples:
            _check_pictures(example)
        padding = [example.pop("padding", False) for example in examples]
        batch = super().torch_call(examples)
        batch["labels"][torch.tensor(padding)] = -100
        lengths, learned = batch["attention_mask"].sum(1), (batch["labels"] != -100).sum(1)
        for example, length, words, filler in zip(examples, lengths.tolist(), learned.tolist(), padding, strict=True):
            if self.context and length > self.context:
                raise UserError(
                    f"an example has {length} tokens but the model's context holds {self.context}: "
                    f"shorten it or take a larger scale (its first turn ends {_end(example)!r})"
                )
            if words < 2 and not filler:
                raise UserError(
                    "an example has no assistant words to learn from "
                    f"(its first turn ends {_end(example)!r}): "
                    "give every example an assistant turn that is not empty"
                )
        return batch


class Trainer(SFTTrainer):
    """SFTTrainer whose resumed runs equal uninterrupted ones bit for bit.

    `decay` multiplies the rate after every `steps_an_epoch` steps, 0 leaves it to the arguments' schedule.
    """

    decay, steps_an_epoch = 0.0, 1
    ahead = None  # (walk through the examples, its next batches under way)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.maker = ThreadPoolExecutor(1)

    def get_batch_samples(self, epoch_iterator, num_batches, device):
        """Return the next batches, and let those after them be made while the model, not Python, is at work.

        Not where several processes count their words together: they must do so in one order.
        """
        make = partial(super().get_batch_samples, epoch_iterator, num_batches, device)
        if self.args.world_size > 1:
            return make()
        walk, coming = self.ahead or (None, None)
        batches = coming.result() if walk is epoch_iterator else make()
        self.ahead = epoch_iterator, self.maker.submit(make)
        return batches

    def create_scheduler(self, num_training_steps, optimizer=None):
        if not self.decay:
            return super().create_scheduler(num_training_steps, optimizer)
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer or self.optimizer, lambda step: self.decay ** (step // self.steps_an_epoch)
        )
        self._created_lr_scheduler = True
        return self.lr_scheduler

    def _load_from_checkpoint(self, resume_from_checkpoint, model=None):
        model = model if model is not None else self.model
        if self.is_fsdp_enabled or not isinstance(model, PreTrainedModel):  # shards and adapters load well
            return super()._load_from_checkpoint(resume_from_checkpoint, model)
        saved = type(model).from_pretrained(resume_from_checkpoint, dtype=model.dtype)
        model.load_state_dict(saved.state_dict(), strict=True)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Return the loss from whole logits on a CPU, whose small vocabularies gain nothing by TRL's loss in chunks."""
        if self.args.device.type != "cpu":
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        return PlainTrainer.compute_loss(self, model, inputs | {"use_cache": False}, return_outputs, num_items_in_batch)

    def training_step(self, model, inputs, *args, **kwargs):
        """Return the loss of a step. Raises UserError, naming the batch, where it is not finite or has exploded."""
        loss = super().training_step(model, inputs, *args, **kwargs)
        if self.ahead:
            self.ahead[1].exception()  # waits: what looks at the model between steps uses the same tokenizer
        words = self.model.config.get_text_config().vocab_size
        if not loss * self.args.gradient_accumulation_steps < EXPLODED * math.log(words):  # nan is not less either
            raise UserError(
                f"the loss became {loss.item():.3g} at step {self.state.global_step + 1} "
                f"({self._named(inputs)}): lower the learning rate and run again; "
                f"checkpoints up to then are kept in {Path(self.args.output_dir).name}/"
            )
        return loss

    def _named(self, inputs):
        """Say which examples a batch holds: their places in the order, and how the first one's given words end."""
        batch = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        first = self.state.global_step * batch
        given = inputs["input_ids"][0][inputs["labels"][0] == -100]
        words = self.processing_class.tokenizer.decode(given, skip_special_tokens=True)
        return f"examples {first + 1} to {first + batch}, one of which asks {' '.join(words.split())[-80:]!r}"

    def _save_checkpoint(self, model, trial):
        """Save whole or not at all, and never weights that are not finite; no model card beside them."""
        step = self.state.global_step
        folder = Path(self.args.output_dir) / f"checkpoint-{step}"
        if not all(torch.isfinite(getattr(p, "to_local", lambda p=p: p)()).all() for p in model.parameters()):
            raise UserError(f"weights are no longer finite at step {step}: lower the learning rate and run again")
        try:
            PlainTrainer._save_checkpoint(self, model, trial)
            self.accelerator.wait_for_everyone()
            if self.is_world_process_zero():
                seal(folder)
            self.accelerator.wait_for_everyone()
        except (OSError, RuntimeError, SafetensorError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise UserError(
                f"the checkpoint of step {step} could not be written ({error}): free some disk space and "
                "run again; training goes on from the checkpoint before it"
            ) from error


def weights(trainer) -> dict:
    """Return the trained weights of the whole model on the CPU, gathered where they are spread over processes.

    Every process must call it; all but the first get an empty dict where weights were spread.
    """
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    if not trainer.is_fsdp_enabled:
        return trainer.model.state_dict()
    return get_model_state_dict(trainer.model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))


def _check_pictures(example):
    parts = [part for turn in example["messages"] for part in turn["content"] if isinstance(part, dict)]
    spoken = sum(part["type"] == "image" for part in parts)
    if spoken != len(example["images"]):
        raise UserError(
            f"an example's turns speak of {spoken} picture(s) but {len(example['images'])} came with it: "
            f"give it one picture for each {{'type': 'image'}} part "
            f"(its first turn ends {_end(example)!r})"
        )


def _end(example):
    return str(example["messages"][0]["content"])[-80:]
