"""A scale names a model: small Mllama models built here, or released ones from the hub.

`smoke` and `mini` are MllamaForConditionalGeneration with the parts and id layout of Llama-3.2-11B-Vision-Instruct
(the base of LLaVA-o1 and LlamaV-o1), a few thousand times smaller. Cross-attention gates start open: the release's
start at zero, behind which a model trained from scratch never sees the picture. Saved and loaded through the Auto
classes, offline, as bf16 safetensors.

    model, processor = build("mini", seed=0)
    save(model, processor, "work/mini-base")
    model, processor = load("work/mini-base")
    greedy(model, processor, [(picture, "How many circles are there?")])      # ['2']
"""

import functools
import time
from dataclasses import dataclass

from o1lib.models.checkpoint import load, load_processor, model_hash, save
from o1lib.models.tokenizer import CHAT_TEMPLATE, build_processor, train_tokenizer, training_texts
from o1lib.records import UserError

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


WEIGHT_SPREAD = 0.07  # standard deviation of a small model's random matrices
POSITION_GAIN = 5.0  # of the vision tower's position embeddings over the library's


@dataclass(frozen=True)
class ModelPreset:
    """Sizes of a model. Widths in channels, `image_size` and `patch` in pixels, `context` and `vocabulary` in tokens."""

    name: str
    hub_id: str | None = None
    image_size: int = 64
    patch: int = 8
    vision_width: int = 0
    vision_layers: tuple[int, int] = (0, 0)  # local, global
    vision_taps: tuple[int, ...] = ()  # local layers whose output the text tower also sees
    text_width: int = 0
    text_layers: int = 0
    cross_attention: tuple[int, ...] = ()  # never layer 0: the cache counts its length there
    heads: int = 4
    context: int = 1024
    vocabulary: int = 800
    tokenizer_examples: int = 0  # drawings a family whose words train the tokenizer


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
        text_layers=6,
        cross_attention=(1, 4),
        tokenizer_examples=400,
    ),
    "gpu": ModelPreset("gpu", hub_id="Qwen/Qwen2.5-VL-3B-Instruct"),
    "paper": ModelPreset("paper", hub_id="meta-llama/Llama-3.2-11B-Vision-Instruct"),
}


def build(scale: str, seed: int = 0):
    """Return (model, processor): random weights for a small scale, the hub's for `gpu` and `paper`.

    Raises UserError for an unknown scale, or where the hub's files cannot be had.
    """
    if scale not in SCALES:
        raise UserError(f"unknown scale '{scale}': choose one of {', '.join(SCALES)}")
    sizes = SCALES[scale]
    if sizes.hub_id:
        return from_hub(sizes.hub_id)
    import torch
    from transformers import MllamaForConditionalGeneration

    tokenizer = train_tokenizer(training_texts(sizes.tokenizer_examples), sizes.vocabulary)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MllamaForConditionalGeneration(_config(sizes, tokenizer))
        _widen(model)
    _open_gates(model)
    return model, build_processor(tokenizer, sizes.image_size)


@functools.cache
def device_and_dtype():
    """Return (torch.device, dtype for autocast): CUDA, then MPS, then CPU; bf16 where it is known or measured to be faster.

    On a CPU one second of matrix products decides: with AVX-512 bf16 or AMX it wins clearly, without it is several times
    slower.
    """
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda"), torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if torch.backends.mps.is_available():
        return torch.device("mps"), torch.float32
    rates = {dtype: _products_a_second(dtype, 0.4) for dtype in (torch.float32, torch.bfloat16)}
    faster = rates[torch.bfloat16] > 1.5 * rates[torch.float32]  # noise must not decide what two arms are trained in
    return torch.device("cpu"), torch.bfloat16 if faster else torch.float32


def greedy(model, processor, asked, max_new_tokens: int = 200, batch: int = 64) -> list[str]:
    """Return the model's most likely words for each (picture or None, user text), end and padding marks removed.

    In place of the user text may stand a list of turns, user's and assistant's by turns, ending with the user's.
    """
    return _said(model, processor, asked, max_new_tokens, batch, do_sample=False)


def sampled(model, processor, asked, seed: int = 0, max_new_tokens: int = 200, batch: int = 64) -> list[str]:
    """Return words drawn from the model at temperature 1 for each (picture or None, user text); see `greedy`."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _said(model, processor, asked, max_new_tokens, batch, do_sample=True, temperature=1.0, top_k=0)


def _said(model, processor, asked, max_new_tokens, batch, **how):
    import torch

    texts, tokenizer = {}, processor.tokenizer
    marks = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}
    for rows in _batches([picture is None for picture, _ in asked], batch):
        inputs = encode(processor, [asked[k] for k in rows]).to(model.device)
        with torch.inference_mode():
            out = model.generate(**inputs, max_new_tokens=max_new_tokens, pad_token_id=tokenizer.pad_token_id, **how)
        said = out[:, inputs["input_ids"].shape[1] :].tolist()
        texts |= {
            k: tokenizer.decode([token for token in row if token not in marks])
            for k, row in zip(rows, said, strict=True)
        }
    return [texts[k] for k in range(len(asked))]


def encode(processor, asked, prefix: str = ""):
    """Return the processor's left-padded batch for `asked` (see `greedy`), ready for the assistant's next turn.

    `prefix` is what the assistant has already said in that turn.
    """
    chats = [_chat(picture, [turns] if isinstance(turns, str) else turns) for picture, turns in asked]
    pictures = [[picture] if picture is not None else [] for picture, _ in asked]
    prompts = [
        prompt + prefix for prompt in processor.apply_chat_template(chats, add_generation_prompt=True, tokenize=False)
    ]
    return processor(
        images=pictures if any(pictures) else None,
        text=prompts,
        padding=True,
        padding_side="left",
        add_special_tokens=False,
        return_tensors="pt",
    )


def _batches(kinds, size):
    """Yield positions in batches of one kind: beside a picture, a row without one attends to an empty one (o1lib.training.attention)."""
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


def _config(sizes, tokenizer):
    from transformers import MllamaConfig
    from transformers.models.mllama.configuration_mllama import MllamaTextConfig, MllamaVisionConfig

    picture = tokenizer.convert_tokens_to_ids(tokenizer.image_token)
    text = MllamaTextConfig(
        vocab_size=picture,
        hidden_size=sizes.text_width,
        num_hidden_layers=sizes.text_layers,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.heads // 2,
        intermediate_size=3 * sizes.text_width,
        cross_attention_layers=list(sizes.cross_attention),
        max_position_embeddings=sizes.context,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    vision = MllamaVisionConfig(
        hidden_size=sizes.vision_width,
        num_hidden_layers=sizes.vision_layers[0],
        num_global_layers=sizes.vision_layers[1],
        attention_heads=sizes.heads,
        intermediate_size=3 * sizes.vision_width,
        image_size=sizes.image_size,
        patch_size=sizes.patch,
        max_num_tiles=1,
        supported_aspect_ratios=[[1, 1]],
        intermediate_layers_indices=list(sizes.vision_taps),
        vision_output_dim=sizes.vision_width * (1 + len(sizes.vision_taps)),
    )
    return MllamaConfig(vision_config=vision, text_config=text, image_token_index=picture)


def _open_gates(model):
    """Set every gate to 1: at its initial zero the picture has exactly no effect, and gates move slowly."""
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "gate" in name and parameter.numel() == 1 and "embedding" not in name:
                parameter.fill_(1.0)


def _widen(model):
    """Draw weights again at a spread that suits a hundred channels, and let positions in the picture stand out.

    The library's 0.02 is made for thousands of channels. Here it leaves the picture two orders of magnitude below the
    words, and 7,000 captions later the model still describes what it cannot see (results/LOG.md).
    """
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() >= 2 and "embedding" not in name:
                parameter.normal_(0.0, WEIGHT_SPREAD)
            elif name.endswith("gated_positional_embedding.embedding"):
                parameter.mul_(POSITION_GAIN)


def from_hub(hub_id):
    """Return (model, processor) of a released model, in bfloat16. Raises UserError where its files cannot be had."""
    import torch
    from transformers import AutoModelForImageTextToText

    try:
        model = AutoModelForImageTextToText.from_pretrained(hub_id, dtype=torch.bfloat16)
        processor = load_processor(hub_id, model.config.model_type)
    except (OSError, ValueError) as error:
        raise UserError(
            f"the files of {hub_id} cannot be had here ({str(error).splitlines()[0]}): "
            "accept its licence, run `hf download` on a machine with network, or choose scale smoke or mini"
        ) from error
    if model.config.model_type == "mllama":
        processor.chat_template = CHAT_TEMPLATE  # its words for a picture and a question, marked for training
    return model, processor


def _products_a_second(dtype, seconds):
    import torch

    left, right = torch.ones(2048, 192, dtype=dtype), torch.ones(192, 576, dtype=dtype)
    for _ in range(3):
        left @ right
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        left @ right
        count += 1
    return count / (time.perf_counter() - start)
