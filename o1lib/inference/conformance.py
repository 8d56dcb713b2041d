"""Does the batched engine compute what the model itself computes? Replays questions, and compares log-probabilities.

The batched engine assumes that a token sees all tokens before it and none after it. Sliding windows, prompts that are
read both ways, and whatever else a model does, break that without an error. So questions of unequal length about
unequal pictures are read by the engine in one batch and continued from its cache, and read by the model's own forward
pass, each alone and without a cache. Where a sliding window is configured, the questions are longer than the window.

    why_not(decoder)            # "" or the reason why the model has to be run one candidate at a time
"""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from o1lib.inference.kv_cache import BatchedCache
from o1lib.inference.model_runner import FORKABLE, CannotFork, out_of_memory
from o1lib.inference.plain import plain_logits
from o1lib.records import UserError, first_line
from o1lib.search.types import Task

EXACT = 1e-4  # difference of two log-probabilities that a small model computes in another order, in float32
LONGEST_WINDOW = 1024  # tokens; to replay a prompt beyond a longer window takes too long
SENTENCE = "How many dots are there in the picture? "
STEPS = 4  # tokens that are read from the cache after the prompt
SIZES = ((64, 64), (96, 64))  # width and height of the pictures in pixels
_ROUNDED = {"tf32": torch.float16, "bf16": torch.bfloat16}  # the types that have as many digits
_WINDOWS = ("sliding_window", "attention_window_size", "window_size", "attention_chunk_size")


@dataclass(frozen=True)
class Replay:
    """One question: log-probabilities (STEPS + 1, vocabulary) of the engine, and the model's own."""

    task: Task
    engine: torch.Tensor
    own: torch.Tensor

    @property
    def difference(self) -> float:
        """The largest absolute difference; infinite where only one of the two is finite."""
        same = (self.engine == self.own) | (self.engine.isnan() & self.own.isnan())
        return float((self.engine - self.own).abs().masked_fill(same, 0.0).nan_to_num(float("inf")).max())


def why_not(decoder) -> str:
    """Return why the batched `decoder` must not run its model, "" if it computes what the model computes.

    Raises UserError if the model itself cannot read a question about a picture, or one does not fit in memory.
    """
    window = sliding_window(decoder.runner.model, decoder.context)
    windowed = f"it sees only the last {window} tokens (a sliding window), and the batched engine lets it see all"
    if window > LONGEST_WINDOW or (window and _precision(decoder) != torch.float32):  # rounding could hide it
        return windowed
    tasks = questions(decoder, SIZES, window)
    own = alone(decoder, tasks)
    if max(len(ids) for ids, _ in own) <= window:
        return windowed
    if kinds := _kinds_that_count(decoder, tasks[0]):
        return (
            f"it reads parts of its prompt both ways ({kinds}), and the batched engine lets it see only what is before"
        )
    try:
        found = replay(decoder, tasks, own)
    except CannotFork as error:
        return error.reason
    except Exception as error:  # whatever a model raises that expects other inputs
        if isinstance(error, UserError) and "memory" in str(error):
            raise
        _check_memory(error, decoder)
        return f"the batched engine fails on it ({first_line(error)})"
    worst = max(one.difference for one in found)
    if worst <= allowed(decoder, found):
        return ""
    wrong = f"the batched engine's log-probabilities are off the model's own by up to {worst:.2g}"
    return f"{windowed}: {wrong}" if window else wrong


def sliding_window(model, context: int) -> int:
    """Return how many tokens back the model's text part sees, 0 if that is all that its context holds."""
    text = model.config.get_text_config()
    layers = getattr(text, "layer_types", None)  # where they are named, a window is that of the layers named so
    if getattr(text, "use_sliding_window", True) is False or (layers and set(layers) <= FORKABLE):
        return 0
    sizes = [getattr(text, name, None) for name in _WINDOWS]
    return min([size for size in sizes if isinstance(size, int) and 0 < size < context], default=0)


def questions(decoder, sizes, window: int = 0, longer: int = 2) -> list[Task]:
    """Return a question about a picture of noise of each size, each `longer` sentences longer than the one before.

    They are longer than `window` tokens, as far as the model's context allows.
    """
    words, first = len(decoder.chat.ids(SENTENCE)), noise(0, sizes[0])
    shortest = decoder.chat.inputs([Task("", SENTENCE, first, ())])["input_ids"].shape[1]
    most = 1 + max(0, (decoder.context - shortest - STEPS - 1) // words)
    least = window // words + 1 if window else 1
    times = [min(least + longer * k, most) for k in range(len(sizes))]
    return [Task(f"check {k}", SENTENCE * n, noise(k, size), ()) for k, (n, size) in enumerate(zip(times, sizes))]


def noise(seed: int, size) -> Image.Image:
    """Return a picture of noise, (width, height) in pixels."""
    width, height = size
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))


def alone(decoder, tasks: list[Task]) -> list[tuple[tuple[int, ...], torch.Tensor]]:
    """Return each prompt's tokens, and the model's own log-probabilities after it and after each token of its tail.

    Raises UserError if the model itself cannot read a question about a picture.
    """
    found, tail, model = [], _tail(decoder), decoder.runner.model
    try:
        with decoder.reading():
            for task in tasks:
                inputs = decoder.chat.inputs([task]).to(decoder.runner.device)
                ids = inputs["input_ids"][0].tolist()
                found.append((tuple(ids), _scores(plain_logits(model, inputs, [*ids, *tail], len(tail) + 1))))
    except Exception as error:
        _check_memory(error, decoder)
        raise UserError(
            f"{type(model).__name__} cannot read a question about a picture ({first_line(error)}): copy model, "
            "tokenizer and processor from the same checkpoint"
        ) from error
    return found


def replay(decoder, tasks: list[Task], own) -> list[Replay]:
    """Read the tasks' prompts in one batch, then a tail after each from the cache; `own` is what `alone` returned.

    Half of the tail is read at once, as a user's turn is, and the rest token by token, as candidates are decoded.
    """
    tail = _tail(decoder)
    with decoder.reading():
        try:
            decoder.prefiller.encode(tasks)
            states = [decoder.prefiller.cached[task.qid].prompt for task in tasks]
            later = _continued(BatchedCache(decoder.runner, states), tail, len(tasks))
        finally:
            decoder.forget([task.qid for task in tasks])
    if any(state.ids != ids for state, (ids, _) in zip(states, own)):
        raise ValueError("a question has other tokens in a batch than alone")
    said = [_scores(torch.cat([state.logits[None], rest])) for state, rest in zip(states, later)]
    return [Replay(task, engine, logits) for task, engine, (_, logits) in zip(tasks, said, own)]


def _continued(batch, tail, rows):
    """Return the logits (rows, tokens, vocabulary) after each token of the tail."""
    half = len(tail) // 2
    found = [batch.read([tail[:half]] * rows, keep=0)[:, -half:]] if half else []
    return torch.cat(found + [batch.read([[token]] * rows) for token in tail[half:]], 1)


def allowed(decoder, replays: list[Replay]) -> float:
    """Return the largest difference that rounding explains: EXACT, or more for a large model or a lower precision.

    A sum of n terms in another order differs by about the square root of n roundings, and each layer sums as many terms
    as it is wide. Below float32 the roundings of stored results outweigh those of sums, however wide a layer is.
    """
    spread = max(float(one.own.nan_to_num(0.0, 0.0, 0.0).std()) for one in replays)
    precision, text = _precision(decoder), decoder.runner.model.config.get_text_config()
    roundings = 4 * (text.hidden_size * text.num_hidden_layers) ** 0.5 if precision == torch.float32 else 16
    return max(EXACT, roundings * torch.finfo(precision).eps * spread)


def _check_memory(error, decoder):
    """Raise UserError if the error says that memory ran out."""
    if isinstance(error, RuntimeError) and out_of_memory(error):
        raise UserError(
            f"one question does not fit in the memory of {decoder.runner.device}: use a smaller model, or a machine "
            "with more memory"
        ) from error


def _precision(decoder):
    """Return the dtype whose precision the decoder's model multiplies in; torch may round float32 before it does."""
    device, dtype = decoder.runner.device.type, decoder.runner.dtype
    with decoder.reading():
        if torch.is_autocast_enabled(device):
            return torch.get_autocast_dtype(device)
    backend = torch.backends.cuda if device == "cuda" else torch.backends.mkldnn
    return _ROUNDED.get(backend.matmul.fp32_precision, dtype) if dtype == torch.float32 else dtype


def _kinds_that_count(decoder, task) -> str:
    """Return the setting, or the processor's tensor of token kinds, by which tokens see later ones; "" if none does.

    With equal shapes nothing is rounded differently, so this is exact in every precision.
    """
    inputs, model = dict(decoder.chat.inputs([task]).to(decoder.runner.device)), decoder.runner.model
    if getattr(model.config.get_text_config(), "use_bidirectional_attention", False):
        return "use_bidirectional_attention"
    names = {"token_type_ids"} if decoder.runner.spatial else {"token_type_ids", "mm_token_type_ids"}
    for name in sorted(names & set(inputs)):  # with `spatial`, mm_token_type_ids gives positions, which are kept
        without = {key: value for key, value in inputs.items() if key != name}
        with decoder.reading():
            pair = [model(**given, use_cache=False, logits_to_keep=1).logits for given in (inputs, without)]
        if not torch.equal(*pair):
            return name
    return ""


def _tail(decoder):
    return decoder.chat.ids(SENTENCE)[:STEPS]


def _scores(logits):
    return logits.float().log_softmax(-1)
