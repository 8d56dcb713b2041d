"""The model of each scale: small Mllama models built here, or released models from the hub.

`smoke` and `mini` are small versions of Llama-3.2-11B-Vision-Instruct, the base of LLaVA-o1 and LlamaV-o1
(small_mllama.py). Models are saved and loaded through the Auto classes, offline, as bf16 safetensors.

    model, processor = build("mini", seed=0)
    save(model, processor, "work/mini-base")
    model, processor = load("work/mini-base")
    greedy(model, processor, [(picture, "How many circles are there?")])      # ['2']
"""

import functools
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from o1lib.models.checkpoint import load, load_processor, model_hash, save
from o1lib.models.processor import NOT_READ, Unmarked, check_chat, missing_package
from o1lib.models.small_mllama import small_mllama
from o1lib.models.tokenizer import CHAT_TEMPLATE, build_processor, train_tokenizer, training_texts
from o1lib.records import UserError, choose

__all__ = [
    "SCALES",
    "ModelPreset",
    "build",
    "device_and_dtype",
    "encode",
    "greedy",
    "load",
    "model_hash",
    "sampled",
    "save",
]


@dataclass(frozen=True)
class ModelPreset:
    """Sizes of a model: widths in channels, `image_size` and `patch` in pixels, `context` and `vocabulary` in tokens.

    `vision_layers` counts local and global layers. `vision_taps` are the local layers whose output the text tower also
    sees. `cross_attention` never holds layer 0, because the cache counts its length there. `tokenizer_examples` is the
    number of drawings per family whose words train the tokenizer.
    """

    name: str
    hub_id: str | None = None
    image_size: int = 64
    patch: int = 8
    vision_width: int = 0
    vision_layers: tuple[int, int] = (0, 0)
    vision_taps: tuple[int, ...] = ()
    text_width: int = 0
    text_layers: int = 0
    cross_attention: tuple[int, ...] = ()
    heads: int = 4
    context: int = 1024
    vocabulary: int = 800
    tokenizer_examples: int = 0


SCALES = {
    "smoke": ModelPreset(
        "smoke",
        vision_width=48,
        vision_layers=(1, 1),
        vision_taps=(0,),
        text_width=64,
        text_layers=3,
        cross_attention=(1,),
        tokenizer_examples=40,
    ),
    "mini": ModelPreset(
        "mini",
        vision_width=128,
        vision_layers=(4, 1),
        vision_taps=(2,),
        text_width=192,
        text_layers=8,
        cross_attention=(1, 5),
        vocabulary=1280,
        tokenizer_examples=400,
    ),
    "gpu": ModelPreset("gpu", hub_id="Qwen/Qwen2.5-VL-3B-Instruct"),
    "paper": ModelPreset("paper", hub_id="meta-llama/Llama-3.2-11B-Vision-Instruct"),
}


def build(scale: str, seed: int = 0, phrases: Sequence[str] = ()):
    """Return (model, processor): random weights for a small scale, the hub's for `gpu` and `paper`.

    The small models' tokenizer learns its words from Mini-VQA and from `phrases`. Raises UserError for an unknown
    scale, or if the hub's files are not available.
    """
    sizes = choose(scale, SCALES, "scale")
    if sizes.hub_id:
        return from_hub(sizes.hub_id)
    tokenizer = train_tokenizer(training_texts(sizes.tokenizer_examples, phrases), sizes.vocabulary)
    return small_mllama(sizes, tokenizer, seed), build_processor(tokenizer, sizes.image_size)


@functools.cache
def device_and_dtype():
    """Return (torch.device, dtype for autocast): CUDA, then MPS, then CPU; bf16 where the hardware multiplies it.

    On a CPU its instruction sets decide, never a measurement, so that a resumed run goes on in the dtype it began with.
    With AVX-512 bf16 or AMX bf16 is clearly faster, otherwise several times slower.
    """
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda"), torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if torch.backends.mps.is_available():
        return torch.device("mps"), torch.float32
    known = torch.cpu.get_capabilities()
    fast = any(known.get(name) for name in ("amx_bf16", "avx512_bf16"))
    return torch.device("cpu"), torch.bfloat16 if fast else torch.float32


def greedy(model, processor, asked, max_new_tokens: int = 200, batch: int = 64) -> list[str]:
    """Return the model's greedy reply to each (picture or None, user text), without end and padding tokens.

    Instead of a user text, a list of alternating user and assistant turns can be given that ends with a user turn.
    """
    return _replies(model, processor, asked, max_new_tokens, batch, do_sample=False)


def sampled(model, processor, asked, seed: int = 0, max_new_tokens: int = 200, batch: int = 64) -> list[str]:
    """Return a reply drawn at temperature 1 to each (picture or None, user text); see `greedy`."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _replies(model, processor, asked, max_new_tokens, batch, do_sample=True, temperature=1.0, top_k=0)


@contextmanager
def plain_generation(model):
    """Let `generate` inside the block leave out what the checkpoint adds by default, such as a repetition penalty."""
    from transformers import GenerationConfig

    own = model.generation_config
    kept = {name: getattr(own, name, None) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    model.generation_config = GenerationConfig(**kept)
    try:
        yield
    finally:
        model.generation_config = own


def _replies(model, processor, asked, max_new_tokens, batch, **how):
    import torch

    texts, tokenizer = {}, processor.tokenizer
    marks = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}
    for rows in _batches([picture is None for picture, _ in asked], batch):
        inputs = encode(processor, [asked[k] for k in rows]).to(model.device)
        with torch.inference_mode(), plain_generation(model):
            out = model.generate(**inputs, max_new_tokens=max_new_tokens, pad_token_id=tokenizer.pad_token_id, **how)
        tokens = out[:, inputs["input_ids"].shape[1] :].tolist()
        texts |= {
            k: tokenizer.decode([token for token in row if token not in marks])
            for k, row in zip(rows, tokens, strict=True)
        }
    return [texts[k] for k in range(len(asked))]


def encode(processor, asked, prefix: str = ""):
    """Return the processor's left-padded batch for `asked` (see `greedy`), ready for the assistant's next turn.

    `prefix` is the beginning of that turn.
    """
    unmarked = Unmarked(processor)
    chats = [_chat(picture, map(unmarked, [turns] if isinstance(turns, str) else turns)) for picture, turns in asked]
    pictures = [[picture] if picture is not None else [] for picture, _ in asked]
    prompts = [
        prompt + unmarked(prefix)
        for prompt in processor.apply_chat_template(chats, add_generation_prompt=True, tokenize=False)
    ]
    made = processor(
        images=pictures if any(pictures) else None,
        text=prompts,
        padding=True,
        padding_side="left",
        add_special_tokens=False,
        return_tensors="pt",
    )
    for name in NOT_READ:
        made.pop(name, None)
    return made


def _batches(kinds, size):
    """Yield positions in batches of one kind: rows with a picture, or rows without one.

    In a mixed batch a row without a picture would attend to an empty one (o1lib.training.attention).
    """
    for kind in sorted(set(kinds)):
        same = [k for k, other in enumerate(kinds) if other == kind]
        yield from (same[first : first + size] for first in range(0, len(same), size))


def _chat(picture, turns):
    chat = [
        {"role": ("user", "assistant")[k % 2], "content": [{"type": "text", "text": text}]}
        for k, text in enumerate(turns)
    ]
    if picture is not None:
        chat[0]["content"].insert(0, {"type": "image"})
    return chat


def from_hub(hub_id):
    """Return (model, processor) of a released model, in bfloat16. Raises UserError if its files are not available."""
    import torch
    from transformers import AutoModelForImageTextToText

    try:
        no_code = {"trust_remote_code": False}
        model = AutoModelForImageTextToText.from_pretrained(hub_id, dtype=torch.bfloat16, **no_code)
        processor = load_processor(hub_id, model.config.model_type, **no_code)
    except UserError:
        raise
    except ImportError as error:
        raise UserError(f"{hub_id} needs {missing_package(error)}") from error
    except (OSError, ValueError) as error:
        raise UserError(
            f"the files of {hub_id} are not available here ({str(error).strip().splitlines()[0]}): check the name "
            f"and the network, accept its license if it has one, or run `hf download {hub_id}` where there is a network"
        ) from error
    if model.config.model_type == "mllama":
        processor.chat_template = (
            CHAT_TEMPLATE  # the same text for a picture and a question, with the replies marked for training
        )
    check_chat(processor, hub_id)
    return model, processor
