"""Which engine is right for a model? Every assumption that the engines make, checked on the model itself.

found = check_model(model, processor)
print(found.text())                 # a line for each check, then the engine to use
found.engine                        # "batched", "one_at_a_time", or "" if neither is right
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from o1lib.inference import conformance
from o1lib.inference.decoder import Decoder
from o1lib.inference.lean_mllama import step_of
from o1lib.inference.model_runner import CannotFork
from o1lib.inference.sequential import SequentialDecoder
from o1lib.models.presets import plain_generation
from o1lib.records import first_line
from o1lib.search.segments import StageSpec
from o1lib.search.types import GenerationRequest, Task

WORDS = 6  # tokens of half a greedy reply
_UNEQUAL = ((64, 64), (96, 64), (64, 128))  # width and height of pictures in one batch, in pixels


@dataclass(frozen=True)
class Check:
    """One check of one engine; `detail` gives the figures, or why it could not be made."""

    engine: str
    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class ModelCheck:
    """All checks of a model. `engine` is the fastest engine that is right for it ("": none).

    `step` says how the batched engine decodes it: "lean", or "general: " and why.
    """

    model: str
    engine: str
    why: str
    checks: tuple[Check, ...]
    step: str = ""

    def text(self) -> str:
        """Return a line for each check, one with the decoding step, and one with the engine to use."""
        lines = [
            f"{'ok  ' if one.passed else 'FAIL'} {one.engine:14} {one.name:17} {one.detail}" for one in self.checks
        ]
        if self.engine == "batched":
            lines.append(f"decoding step: {self.step}")
        said = f"engine for {self.model}: {self.engine or 'none'}"
        return "\n".join([*lines, said + (f", because {self.why}" if self.why else "")])


def check_model(model, processor) -> ModelCheck:
    """Check both engines on a model: replayed logits, greedy replies, order and sizes of pictures, left padding.

    Takes about as long as answering ten short questions. Raises UserError if the model itself cannot read a question
    about a picture.
    """
    slow = SequentialDecoder(model, processor, temperature=0.0, max_new_tokens=WORDS)
    try:
        fast = Decoder(model, processor, temperature=0.0, max_new_tokens=WORDS, replayed=False)
        why = conformance.why_not(fast)
    except CannotFork as error:
        fast, why = None, error.reason
    checks = _batched(fast) if fast else []
    checks += [_made("one_at_a_time", "greedy replies", lambda: _greedy(slow, model))]
    if all(one.passed for one in checks) and not why:
        engine = "batched"
    else:
        engine = "one_at_a_time" if checks[-1].passed else ""
        why = why or next(f"the check '{one.name}' fails: {one.detail}" for one in checks if not one.passed)
    return ModelCheck(type(model).__name__, engine, why, tuple(checks), step_of(model))


def _batched(decoder) -> list[Check]:
    """Return the checks of the batched engine."""
    window = conformance.sliding_window(decoder.runner.model, decoder.context)
    window = window if window <= conformance.LONGEST_WINDOW else 0
    same = conformance.SIZES[:1] * 2
    made: dict[str, Callable[[], tuple[bool, str]]] = {
        "replayed logits": lambda: _replayed(decoder, conformance.questions(decoder, same, window, longer=0)),
        "greedy replies": lambda: _greedy(decoder, decoder.runner.model),
        "picture order": lambda: _order(decoder, conformance.questions(decoder, same, window, longer=0)),
        "left padding": lambda: _replayed(decoder, conformance.questions(decoder, same, window, longer=4)),
        "unequal pictures": lambda: _replayed(decoder, conformance.questions(decoder, _UNEQUAL, window, longer=0)),
    }
    return [_made("batched", name, make) for name, make in made.items()]


def _made(engine, name, make) -> Check:
    try:
        return Check(engine, name, *make())
    except Exception as error:  # whatever a model raises that expects other inputs: it is what the check found
        return Check(engine, name, False, first_line(error))


def _replayed(decoder, tasks) -> tuple[bool, str]:
    found = conformance.replay(decoder, tasks, conformance.alone(decoder, tasks))
    worst, limit = max(one.difference for one in found), conformance.allowed(decoder, found)
    return worst <= limit, f"log-probabilities differ by up to {worst:.1g}; rounding explains {limit:.1g}"


def _order(decoder, tasks) -> tuple[bool, str]:
    """Ask the same question about two pictures in both orders: each row has to see its own picture."""
    own = conformance.alone(decoder, tasks)
    found = [*conformance.replay(decoder, tasks, own), *conformance.replay(decoder, tasks[::-1], own[::-1])]
    worst, limit = max(one.difference for one in found), conformance.allowed(decoder, found)
    moved = float((own[0][1] - own[1][1]).abs().max())
    blind = "" if moved > limit else "; the picture hardly matters to this model, so its order cannot be seen"
    return worst <= limit, f"another picture moves log-probabilities by {moved:.1g}, its place by {worst:.1g}{blind}"


def _greedy(decoder, model) -> tuple[bool, str]:
    """Compare greedy replies, continued once from the engine's state, with those of the library's `generate`."""
    spec, states, shared = (StageSpec("reply"),), {}, []
    tasks = [
        Task(f"greedy {k}", conformance.SENTENCE * (k + 1), conformance.noise(k, conformance.SIZES[0]), spec)
        for k in range(2)
    ]
    for _ in range(2):
        requests = [GenerationRequest(task, states.get(task.qid), spec, greedy=True) for task in tasks]
        states |= {task.qid: own.state for task, [own] in zip(tasks, decoder.propose(requests))}
    decoder.forget()
    for task in tasks:
        inputs = decoder.chat.inputs([task]).to(model.device)
        with torch.inference_mode(), plain_generation(model):
            pad = decoder.chat.tokenizer.pad_token_id or 0
            made = model.generate(**inputs, max_new_tokens=2 * WORDS, do_sample=False, pad_token_id=pad)[0].tolist()
        said, prompt = states[task.qid].ids, inputs["input_ids"].shape[1]
        alike = next((k for k, (a, b) in enumerate(zip(said, made)) if a != b), min(len(said), len(made)))
        shared.append((alike - prompt, len(made) - prompt))
    equal = sum(alike == all_ for alike, all_ in shared)
    return equal == len(tasks), f"the first {' and '.join(f'{a} of {b}' for a, b in shared)} tokens are `generate`'s"
