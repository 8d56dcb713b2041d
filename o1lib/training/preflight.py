"""The preflight report of a long training run: memory, hours, lengths of examples, and one example with its loss mask.

print(preflight("paper", *source_of("work/paper/data"), gpus=8))
"""

import random
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

from o1lib.records import UserError
from o1lib.training.collator import spans
from o1lib.training.memory import (
    USABLE,
    adapters,
    architecture,
    count,
    memory,
    operations,
    picture_tokens,
    what_would_fit,
)
from o1lib.training.positions import picture_size
from o1lib.training.recipes import RECIPES, Recipe

RATE = 4e14  # FLOP/s of a GPU, assumed: 40 % of the bf16 peak of an H100
SAMPLE = 1000  # items whose lengths are measured
AUTHORS_HOURS = 15  # on eight H100, as the author of LLaVA-o1 stated
AUTHORS_ITEMS = 99_000


@dataclass(frozen=True)
class LengthSample:
    """Lengths of examples: tokens, and patches of the picture in the vision tower; one example as spans; the source."""

    tokens: list[int]
    places: list[int]
    example: list[tuple[str, bool]]
    source: str


def preflight(
    scale: str,
    items: list,
    source: str,
    *,
    format: str = "tags",
    examples: int = AUTHORS_ITEMS,
    gpus: int = 0,
    gpu_gb: float = 80,
    at_once: int = 0,
    rate: float = RATE,
) -> str:
    """Return a report of what training on `examples` items like `items` would take.

    `gpus` and `at_once` 0 are the recipe's; `gpu_gb` is in 10^9 bytes, `rate` in FLOP/s of one GPU. Raises UserError
    for a scale without a large model, and when training does not fit; the message names changes with which it would.
    """
    recipe = RECIPES.get(scale, Recipe())
    recipe = replace(recipe, at_once=at_once or recipe.at_once)
    gpus = gpus or recipe.processes
    model = architecture(scale)
    sample = _measured(model, items, source, format)
    need = memory(model, recipe, gpus, max(sample.tokens), max(sample.places))
    lines = _about(model, recipe, scale) + _memory_lines(need, recipe, gpus, gpu_gb)
    lines += _work(model, recipe, sample, examples, gpus, rate) + _lengths(sample) + _example(sample)
    text = "\n".join(lines)
    if need.total > USABLE * gpu_gb * 1e9:
        print(text, flush=True)
        fitting = what_would_fit(model, recipe, gpus, gpu_gb * 1e9, max(sample.tokens), max(sample.places))
        raise UserError(
            f"scale {scale} needs {need.total / 1e9:.0f} GB on each of {gpus} GPU(s), but of {gpu_gb:g} GB only "
            f"about {USABLE * gpu_gb:.0f} are usable: it fits with {' or '.join(fitting) or 'more and larger GPUs'}"
        )
    return text


def _measured(model, items, source, format):
    """Return the lengths of up to SAMPLE items, by the tokenizer of the released model if it was downloaded."""
    from o1lib.data.images import picture_of
    from o1lib.formats.chat import messages
    from o1lib.models.processor import Unmarked
    from o1lib.training.filler import put_filler

    chosen = random.Random(0).sample(items, min(SAMPLE, len(items)))
    chats = [messages(item, format) for item in chosen]
    processor, how = _processor(model, chats)
    put_filler(processor, format, items)
    tokens, places, unmarked = [], [], Unmarked(processor)
    for item, chat in zip(chosen, chats, strict=True):
        patches, in_prompt = picture_tokens(model, *picture_size(item))
        text = processor.apply_chat_template(unmarked.chat(chat), tokenize=False)
        tokens.append(len(processor.tokenizer.encode(text, add_special_tokens=False)) - 1 + in_prompt)
        places.append(patches)
    return LengthSample(tokens, places, spans(processor, chats[0], picture_of(chosen[0])), f"{source}; {how}")


def _processor(model, chats):
    """Return (processor, a note on it): the released model's if it was downloaded, else one made from the chats."""
    from o1lib.models.checkpoint import load_processor
    from o1lib.models.presets import SCALES
    from o1lib.models.tokenizer import CHAT_TEMPLATE, build_processor, train_tokenizer

    kind = model.config.model_type
    hub_id = SCALES["paper" if kind == "mllama" else "gpu"].hub_id
    try:
        processor = load_processor(hub_id, kind, local_files_only=True)
        if kind == "mllama":
            processor.chat_template = CHAT_TEMPLATE
        return processor, f"tokens of {hub_id}"
    except (OSError, ValueError):
        texts = [part["text"] for chat in chats for turn in chat for part in turn["content"] if part["type"] == "text"]
        return build_processor(train_tokenizer(texts, 8000), 64), (
            f"an estimate by a tokenizer that was trained on these texts, since {hub_id} is not on this machine"
        )


def _about(model, recipe, scale):
    trained = adapters(model, recipe)
    method = f"LoRA of rank {recipe.lora.rank}" if recipe.lora else "full fine-tuning"
    decay = f"x{recipe.decay:g} an epoch" if recipe.decay else "falling linearly to zero"
    return [
        f"{scale}: {type(model).__name__}, {count([model]) / 1e9:.2f} billion parameters, "
        f"{trained / 1e9:.3g} billion trained ({method})",
        f"learning rate {recipe.learning_rate:g} {decay}, {recipe.epochs} epoch(s), {recipe.batch} examples per step",
    ]


def _memory_lines(need, recipe, gpus, gpu_gb):
    layout = f"sharded over {gpus} GPU(s) (FSDP2)" if recipe.wrap else f"copied to each of {gpus} GPU(s)"
    parts = (
        ("weights", need.weights),
        ("gradients", need.gradients),
        ("optimizer", need.optimizer),
        ("gathered layers", need.gathered),
        (f"activations of {recipe.at_once}", need.activations),
    )
    return [
        "",
        f"memory on a GPU, weights {layout}, about:",
        *(f"  {name:18}{size / 1e9:7.1f} GB" for name, size in parts),
        f"  {'total':18}{need.total / 1e9:7.1f} GB of {gpu_gb:g} GB, {USABLE:.0%} of which are usable",
    ]


def _work(model, recipe, sample, examples, gpus, rate):
    """Return lines on steps, tokens and hours. Padding makes all examples of a batch as long as its longest one."""
    rng = random.Random(0)
    padded = mean(max(rng.choices(sample.tokens, k=recipe.at_once)) for _ in range(500))
    passes = examples * recipe.epochs
    work = passes * operations(model, recipe, padded, mean(sample.places))
    lines = [
        "",
        f"{examples:,} examples: {-(-examples // recipe.batch) * recipe.epochs:,} steps, "
        f"{passes * mean(sample.tokens) / 1e6:,.0f} million tokens ({passes * padded / 1e6:,.0f} with padding)",
        f"{work:.2e} operations: {work / gpus / rate / 3600:.1f} hours on {gpus} GPU(s) at an assumed "
        f"{rate / 1e12:g} TFLOP/s each",
    ]
    if model.config.model_type == "mllama":
        speed = work / examples * AUTHORS_ITEMS / 8 / (AUTHORS_HOURS * 3600)
        lines.append(
            f"the author of LLaVA-o1 stated about {AUTHORS_HOURS} hours on 8 H100 for {AUTHORS_ITEMS:,} items: that is "
            f"{speed / 1e12:.0f} TFLOP/s on each GPU, if those items are as long as these"
        )
    return lines


def _lengths(sample):
    """Return a histogram of token lengths as text."""
    most = max(sample.tokens)
    width = max(1, -(-most // 10))
    bins = [sum(width * k < n <= width * (k + 1) for n in sample.tokens) for k in range(10)]
    bars = [
        f"  {width * k + 1:6}-{width * (k + 1):<6}{n:6} {'#' * -(-40 * n // max(bins))}" for k, n in enumerate(bins)
    ]
    return [
        "",
        f"tokens per example: n = {len(sample.tokens)}, mean {mean(sample.tokens):.0f}, longest {most}",
        f"source: {sample.source}",
        *bars,
    ]


def _example(sample):
    return [
        "",
        "one example; only the text between ⟦ and ⟧ is learned:",
        "".join(f"⟦{text}⟧" if learned else text for text, learned in sample.example),
    ]


def source_of(data: str) -> tuple[list, str]:
    """Return (items, description of the source): of the dataset in folder `data`, or with "" 200 Mini-VQA drawings."""
    from o1lib.data.dataset import read_items
    from o1lib.minivqa import mixture
    from o1lib.records import project_root

    if not data:
        return list(mixture("train", 200)), "200 Mini-VQA drawings, since no --data was given"
    folder = Path(project_root() / data)
    return read_items(folder), f"items of {data}"
