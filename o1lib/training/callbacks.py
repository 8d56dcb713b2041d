"""Trainer callbacks: a progress bar with the log, evaluation during training, and experiment trackers.

progress = ProgressCallback(48, 24_000, write=print, look=lambda model: {"exact": 0.5}, look_steps=100)
tracking = tracker_callback("tensorboard", Path("work/run"))
"""

import importlib.util
import time
from pathlib import Path

from transformers import TrainerCallback

from o1lib.records import UserError, choose
from o1lib.records.progress import progress_bar
from o1lib.training.recipes import TRACKERS


class ProgressCallback(TrainerCallback):
    """Progress bar, speed in the log, and `look(model) -> dict` every `look_steps` steps, whose result joins the log.

    `batch` and `total` count examples. `write(lines)` stores the log. `track(args, state, control, line)` sends the
    result of an evaluation to a tracker. Every process evaluates, since weights may be sharded; only the first process
    writes.
    """

    def __init__(self, batch, total, write, look=None, look_steps=0, track=None):
        self.batch, self.total, self.write, self.track = batch, total, write, track
        self.look, self.look_steps = look, look_steps

    def on_train_begin(self, args, state, control, **kwargs):
        """Open the progress bar, at the step from which a resumed run goes on."""
        self.bar = progress_bar(
            total=state.max_steps,
            initial=state.global_step,
            desc="training",
            unit="step",
            mininterval=5,
            disable=not state.is_world_process_zero,
        )
        self.last = (time.monotonic(), state.global_step)

    def on_step_end(self, args, state, control, model=None, **kwargs):
        """Evaluate the model when an evaluation is due. Its time is not counted in the speed."""
        self.bar.update(1)
        if self.look and self.look_steps and state.global_step % self.look_steps == 0:
            start = time.monotonic()
            model.eval()
            found = self.look(model)
            state.log_history.append({"step": state.global_step, "examples": self._seen(state), **found})
            model.train()
            self.last = (self.last[0] + time.monotonic() - start, self.last[1])
            if self.track:
                self.track(args, state, control, {name: v for name, v in found.items() if not isinstance(v, dict)})

    def on_log(self, args, state, control, logs=None, **kwargs):
        """Add the examples seen and the samples a second to the log line, and rewrite the log."""
        now, step = time.monotonic(), state.global_step
        line = state.log_history[-1]
        for name in ("num_tokens", "entropy", "epoch"):  # num_tokens starts from zero after a resume
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


def tracker_callback(tracker: str, out: Path):
    """Return the transformers callback of `tracker` ("" gives None), whose files go to out/tensorboard.

    Raises UserError for an unknown tracker or one that is not installed.
    """
    if not tracker:
        return None
    choose(tracker, TRACKERS, "tracker")
    if importlib.util.find_spec(tracker) is None:
        raise UserError(f"{tracker} is not installed: run `.venv/bin/pip install {tracker}`, or set another tracker")
    from transformers.integrations import TensorBoardCallback, TrackioCallback

    callback = TensorBoardCallback() if tracker == "tensorboard" else TrackioCallback()
    callback.logging_dir = str(out / "tensorboard")
    return callback
