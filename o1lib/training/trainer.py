"""TRL's SFTTrainer with exact resume, checked batches, and a stop at the first bad loss.

This module is imported only when training starts, since TRL takes seconds to import. It repairs two faults. The stock
`resume_from_checkpoint` restores the optimizer of Mllama but silently not its weights (transformers issue 43701), so
they are reloaded here with `from_pretrained`. And the stock collator accepts examples without a learned token.

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
from transformers.optimization import get_wsd_schedule
from trl import SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

from o1lib.models.processor import Unmarked
from o1lib.records import UserError
from o1lib.training.checkpoints import seal
from o1lib.training.muon import MuonAdamW

EXPLODED = 3.0  # times the loss of a uniform guess, which only a diverged model exceeds


class CheckedCollator(DataCollatorForVisionLanguageModeling):
    """The stock collator, which also refuses examples that cannot be learned from and masks "padding" examples.

    A picture's mark in the words of an example is written with a space, as it is when a model answers.
    """

    context: int = 0  # tokens; 0 for no check

    def torch_call(self, examples):
        """Return the batch of the stock collator.

        Raises UserError for an example that is longer than the context, has no assistant text, or has another number of
        pictures than its turns. The message quotes the example.
        """
        for example in examples:
            _check_pictures(example)
        padding = [example.pop("padding", False) for example in examples]
        unmarked = Unmarked(self.processor)
        batch = super().torch_call([one | {"messages": unmarked.chat(one["messages"])} for one in examples])
        batch["labels"][torch.tensor(padding)] = -100
        lengths, learned = batch["attention_mask"].sum(1), (batch["labels"] != -100).sum(1)
        for example, length, tokens, filler in zip(examples, lengths.tolist(), learned.tolist(), padding, strict=True):
            if self.context and length > self.context:
                raise UserError(
                    f"an example has {length} tokens but the model's context is {self.context}: "
                    f"shorten it or choose a larger scale (its first turn ends with {_end(example)!r})"
                )
            if tokens < 2 and not filler:  # the end token alone is no answer
                raise UserError(
                    f"an example has no assistant text to learn (its first turn ends with {_end(example)!r}): "
                    "give every example an assistant turn that is not empty"
                )
        return batch


class Trainer(SFTTrainer):
    """SFTTrainer whose resumed runs equal uninterrupted ones bit for bit.

    The learning rate is multiplied by `decay` after every `steps_an_epoch` steps. 0 keeps the arguments' schedule, or
    with `steady` stays at its peak for that share of the steps before it falls linearly to zero. `muon` trains matrices
    with Muon (o1lib.training.muon).
    """

    decay, steps_an_epoch, steady, muon = 0.0, 1, 0.0, False
    ahead = None  # (iterator over the examples, future of its next batches)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.prefetcher = ThreadPoolExecutor(1)

    def get_batch_samples(self, epoch_iterator, num_batches, device):
        """Return the next batches, and collate the batches after them in a thread while the model computes.

        Several processes do not prefetch: they count their tokens together, which must happen in the same order.
        """
        make = partial(super().get_batch_samples, epoch_iterator, num_batches, device)
        if self.args.world_size > 1:
            return make()
        iterator, future = self.ahead or (None, None)
        batches = future.result() if iterator is epoch_iterator else make()
        self.ahead = epoch_iterator, self.prefetcher.submit(make)
        return batches

    def create_optimizer(self, model=None):
        """Return Muon for matrices and AdamW for the rest with `muon`, otherwise the stock optimizer."""
        if self.muon and self.optimizer is None:
            self.optimizer = MuonAdamW((model or self.model).named_parameters(), self.args.learning_rate)
        return super().create_optimizer(model)

    def create_scheduler(self, num_training_steps, optimizer=None):
        """Return the schedule of `decay` or `steady`, otherwise that of the arguments."""
        optimizer = optimizer or self.optimizer
        if self.decay:
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
                optimizer, lambda step: self.decay ** (step // self.steps_an_epoch)
            )
        elif self.steady:
            falling = round((1 - self.steady) * num_training_steps)
            warmup = self.args.get_warmup_steps(num_training_steps)
            self.lr_scheduler = get_wsd_schedule(optimizer, warmup, falling, num_training_steps, decay_type="linear")
        else:
            return super().create_scheduler(num_training_steps, optimizer)
        self._created_lr_scheduler = True
        return self.lr_scheduler

    def _load_from_checkpoint(self, resume_from_checkpoint, model=None):
        model = model if model is not None else self.model
        if self.is_fsdp_enabled or not isinstance(model, PreTrainedModel):  # the stock code loads shards and adapters
            return super()._load_from_checkpoint(resume_from_checkpoint, model)
        saved = type(model).from_pretrained(resume_from_checkpoint, dtype=model.dtype)
        model.load_state_dict(saved.state_dict(), strict=True)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Return the loss; on a CPU from whole logits, since TRL's chunked loss does not help small vocabularies."""
        if self.args.device.type != "cpu":
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        return PlainTrainer.compute_loss(self, model, inputs | {"use_cache": False}, return_outputs, num_items_in_batch)

    def training_step(self, model, inputs, *args, **kwargs):
        """Return the loss of a step. Raises UserError, naming the batch, if it is not finite or has exploded."""
        loss = super().training_step(model, inputs, *args, **kwargs)
        if self.ahead:
            self.ahead[1].exception()  # waits for it: callbacks between steps use the same tokenizer
        vocabulary = self.model.config.get_text_config().vocab_size
        if not loss * self.args.gradient_accumulation_steps < EXPLODED * math.log(vocabulary):  # also true of nan
            raise UserError(
                f"the loss became {loss.item():.3g} at step {self.state.global_step + 1} "
                f"({self._describe(inputs)}): lower the learning rate and run again; "
                f"earlier checkpoints are kept in {Path(self.args.output_dir).name}/"
            )
        return loss

    def _describe(self, inputs):
        """Return the positions of a batch's examples and the end of the first example's prompt, for a message."""
        batch = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        first = self.state.global_step * batch
        prompt = inputs["input_ids"][0][inputs["labels"][0] == -100]
        text = self.processing_class.tokenizer.decode(prompt, skip_special_tokens=True)
        return f"examples {first + 1} to {first + batch}, one of which asks {' '.join(text.split())[-80:]!r}"

    def _save_checkpoint(self, model, trial):
        """Save a complete checkpoint or none. Raises UserError for weights that are not finite, or a full disk."""
        step = self.state.global_step
        folder = Path(self.args.output_dir) / f"checkpoint-{step}"
        if not all(torch.isfinite(getattr(p, "to_local", lambda p=p: p)()).all() for p in model.parameters()):
            raise UserError(f"the weights are not finite at step {step}: lower the learning rate and run again")
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
                "run again; training resumes from the checkpoint before it"
            ) from error


def weights(trainer) -> dict:
    """Return the state dict of the whole model. Sharded weights are gathered on the CPU.

    Every process must call it. With sharded weights all processes except the first get an empty dict.
    """
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    if not trainer.is_fsdp_enabled:
        return trainer.model.state_dict()
    return get_model_state_dict(trainer.model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))


def _check_pictures(example):
    parts = [part for turn in example["messages"] for part in turn["content"] if isinstance(part, dict)]
    wanted = sum(part["type"] == "image" for part in parts)
    if wanted != len(example["images"]):
        raise UserError(
            f"an example has {wanted} image part(s) in its turns but {len(example['images'])} picture(s): "
            f"give it one picture for each {{'type': 'image'}} part (its first turn ends with {_end(example)!r})"
        )


def _end(example):
    return str(example["messages"][0]["content"])[-80:]
