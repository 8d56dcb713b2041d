"""What is seen of a training run while it goes on: a progress bar, its log, and what a look at the model found."""

import time

from tqdm import tqdm
from transformers import TrainerCallback


class ProgressCallback(TrainerCallback):
    """Progress bar, speed in the log, and `look(model) -> dict` every `every` steps, whose result joins the log.

    `write(lines)` keeps the log; `tell(args, state, control, line)` passes a look's line on to a tracker. Every process
    looks, since weights may be spread over them; the first one alone writes.
    """

    def __init__(self, batch, total, write, look=None, every=0, tell=None):
        self.batch, self.total, self.write, self.look, self.every, self.tell = batch, total, write, look, every, tell

    def on_train_begin(self, args, state, control, **kwargs):
        self.bar = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            desc="training",
            unit="step",
            mininterval=5,
            disable=not state.is_world_process_zero,
        )
        self.last = (time.monotonic(), state.global_step)

    def on_step_end(self, args, state, control, model=None, **kwargs):
        """Look at the model where a look is due; the time it takes counts in no speed."""
        self.bar.update(1)
        if self.look and self.every and state.global_step % self.every == 0:
            start = time.monotonic()
            model.eval()
            found = self.look(model)
            state.log_history.append({"step": state.global_step, "examples": self._seen(state), **found})
            model.train()
            self.last = (self.last[0] + time.monotonic() - start, self.last[1])
            if self.tell:
                self.tell(args, state, control, found)

    def on_log(self, args, state, control, logs=None, **kwargs):
        """Add examples seen and samples a second to the log line and write the log anew."""
        now, step = time.monotonic(), state.global_step
        line = state.log_history[-1]
        for name in ("num_tokens", "entropy", "epoch"):  # the first is counted anew after a resume
            line.pop(name, None)
        line["examples"] = self._seen(state)
        if "loss" in line and step > self.last[1]:
            line["samples_per_second"] = round((step - self.last[1]) * self.batch / max(now - self.last[0], 1e-9), 2)
            self.last = (now, step)
            self.bar.set_postfix(loss=f"{float(line['loss']):.3f}", refresh=False)
        if state.is_world_process_zero:
            self.write(state.log_history)

    def on_train_end(self, args, state, control, **kwargs):
        self.bar.close()

    def _seen(self, state):
        return min(self.total, state.global_step * self.batch)
