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
import copy
import functools
import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

from .records import UserError, atomic_folder, shown
from .tokens import build_processor, train_tokenizer, training_texts


@dataclass(frozen=True)
class Scale:
    """Sizes of a model. Widths in channels, `image_size` and `patch` in pixels, `context` and `vocabulary` in tokens."""
    name: str
    hub_id: str | None = None
    image_size: int = 64
    patch: int = 8
    vision_width: int = 0
    vision_layers: tuple[int, int] = (0, 0)             # local, global
    vision_taps: tuple[int, ...] = ()                   # local layers whose output the text tower also sees
    text_width: int = 0
    text_layers: int = 0
    cross_attention: tuple[int, ...] = ()               # never layer 0: the cache counts its length there
    heads: int = 4
    context: int = 1024
    vocabulary: int = 800
    tokenizer_examples: int = 0                         # drawings a family whose words train the tokenizer


SCALES = {
    "smoke": Scale("smoke", vision_width=48, vision_layers=(1, 1), vision_taps=(0,), text_width=64, text_layers=3,
                   cross_attention=(1,), tokenizer_examples=40),
    "mini": Scale("mini", vision_width=96, vision_layers=(3, 1), vision_taps=(1,), text_width=128, text_layers=5,
                  cross_attention=(1, 3), tokenizer_examples=400),
    "gpu": Scale("gpu", hub_id="Qwen/Qwen2.5-VL-3B-Instruct"),
    "paper": Scale("paper", hub_id="meta-llama/Llama-3.2-11B-Vision-Instruct"),
}


def build(scale: str, seed: int = 0):
    """Return (model, processor): random weights for a small scale, the hub's for `gpu` and `paper`.

    Raises UserError for an unknown scale, or where the hub's files cannot be had.
    """
    if scale not in SCALES:
        raise UserError(f"unknown scale '{scale}': choose one of {', '.join(SCALES)}")
    sizes = SCALES[scale]
    if sizes.hub_id:
        return _from_hub(sizes.hub_id)
    import torch
    from transformers import MllamaForConditionalGeneration
    tokenizer = train_tokenizer(training_texts(sizes.tokenizer_examples), sizes.vocabulary)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MllamaForConditionalGeneration(_config(sizes, tokenizer))
    _open_gates(model)
    return model, build_processor(tokenizer, sizes.image_size)


def save(model, processor, folder) -> Path:
    """Write the model (weights rounded to bf16) and its processor to `folder`, whole or not at all; return the folder."""
    import torch
    quiet()
    rounded = model if model.dtype == torch.bfloat16 else copy.deepcopy(model).to(torch.bfloat16)
    with atomic_folder(folder) as part:
        rounded.save_pretrained(part)
        processor.save_pretrained(part)
    return Path(folder)


def load(folder):
    """Return (model, processor) from a folder that `save` wrote, weights in float32, in evaluation mode.

    Raises UserError for missing files, another architecture, or a tokenizer that is not the model's.
    """
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor
    quiet()
    folder = Path(folder)
    for name in ("config.json", "tokenizer.json", "processor_config.json"):
        if not (folder / name).is_file():
            raise UserError(f"{shown(folder)} is not a model checkpoint: {name} is missing; name a folder written by notebook 00 or 02")
    if not list(folder.glob("*.safetensors")):
        raise UserError(f"{shown(folder)} has no weights (*.safetensors): train the row again, or copy the whole checkpoint")
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        model, loading = AutoModelForImageTextToText.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, output_loading_info=True)
        processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
    except (ValueError, OSError, KeyError, RuntimeError) as error:
        raise UserError(f"{shown(folder)} cannot be loaded as an image-and-text model: {str(error).splitlines()[0]}") from error
    odd = sorted(map(str, [*loading["missing_keys"], *loading["unexpected_keys"], *loading["mismatched_keys"]]))
    if odd:
        raise UserError(f"{shown(folder)} holds weights of another architecture than its config says ({len(odd)} tensors, first {odd[0]})")
    _check_tokenizer(folder, config, processor.tokenizer)
    return model.eval(), processor


def model_hash(folder) -> str:
    """Return the sha256 of a checkpoint: its weights, config and tokenizer, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(Path(folder).iterdir()):
        if path.suffix == ".safetensors" or path.name in ("config.json", "tokenizer.json"):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


@functools.cache
def device_and_dtype():
    """Return (torch.device, dtype for autocast): CUDA, then MPS, then CPU; bf16 where it is known or measured to be faster.

    On a CPU one second of matrix products decides: with AVX-512 bf16 or AMX it wins, without it is several times slower.
    """
    import torch
    if torch.cuda.is_available():
        return torch.device("cuda"), torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if torch.backends.mps.is_available():
        return torch.device("mps"), torch.float32
    rates = {dtype: _products_a_second(dtype, 0.4) for dtype in (torch.float32, torch.bfloat16)}
    return torch.device("cpu"), max(rates, key=rates.get)


def greedy(model, processor, asked, max_new_tokens: int = 200, batch: int = 64) -> list[str]:
    """Return the model's most likely words for each (picture or None, user text), end and padding marks removed.

    In place of the user text may stand a list of turns, user's and assistant's by turns, ending with the user's.
    """
    import torch
    texts, tokenizer = [], processor.tokenizer
    marks = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}
    for first in range(0, len(asked), batch):
        inputs = encode(processor, asked[first:first + batch]).to(model.device)
        with torch.inference_mode():
            out = model.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False, pad_token_id=tokenizer.pad_token_id)
        said = out[:, inputs["input_ids"].shape[1]:].tolist()
        texts += [tokenizer.decode([token for token in row if token not in marks]) for row in said]
    return texts


def encode(processor, asked, prefix: str = ""):
    """Return the processor's left-padded batch for `asked` (see `greedy`), ready for the assistant's next turn.

    `prefix` is what the assistant has already said in that turn.
    """
    chats = [_chat(picture, [turns] if isinstance(turns, str) else turns) for picture, turns in asked]
    pictures = [[picture] if picture is not None else [] for picture, _ in asked]
    prompts = [prompt + prefix for prompt in processor.apply_chat_template(chats, add_generation_prompt=True, tokenize=False)]
    return processor(images=pictures if any(pictures) else None, text=prompts, padding=True, padding_side="left",
                     add_special_tokens=False, return_tensors="pt")


def _chat(picture, turns):
    chat = [{"role": ("user", "assistant")[k % 2], "content": [{"type": "text", "text": text}]} for k, text in enumerate(turns)]
    if picture is not None:
        chat[0]["content"].insert(0, {"type": "image"})
    return chat


def _config(sizes, tokenizer):
    from transformers import MllamaConfig
    from transformers.models.mllama.configuration_mllama import MllamaTextConfig, MllamaVisionConfig
    picture = tokenizer.convert_tokens_to_ids(tokenizer.image_token)
    text = MllamaTextConfig(
        vocab_size=picture, hidden_size=sizes.text_width, num_hidden_layers=sizes.text_layers, num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.heads // 2, intermediate_size=3 * sizes.text_width, cross_attention_layers=list(sizes.cross_attention),
        max_position_embeddings=sizes.context, rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    vision = MllamaVisionConfig(
        hidden_size=sizes.vision_width, num_hidden_layers=sizes.vision_layers[0], num_global_layers=sizes.vision_layers[1],
        attention_heads=sizes.heads, intermediate_size=3 * sizes.vision_width, image_size=sizes.image_size, patch_size=sizes.patch,
        max_num_tiles=1, supported_aspect_ratios=[[1, 1]], intermediate_layers_indices=list(sizes.vision_taps),
        vision_output_dim=sizes.vision_width * (1 + len(sizes.vision_taps)))
    return MllamaConfig(vision_config=vision, text_config=text, image_token_index=picture)


def _open_gates(model):
    """Set every gate to 1: at its initial zero the picture has exactly no effect, and gates move slowly."""
    import torch
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "gate" in name and parameter.numel() == 1 and "embedding" not in name:
                parameter.fill_(1.0)


def _from_hub(hub_id):
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor
    try:
        return AutoModelForImageTextToText.from_pretrained(hub_id, dtype=torch.bfloat16), AutoProcessor.from_pretrained(hub_id)
    except (OSError, ValueError) as error:
        raise UserError(f"the files of {hub_id} cannot be had here ({str(error).splitlines()[0]}): "
                        "accept its licence, run `hf download` on a machine with network, or choose scale smoke or mini") from error


def _check_tokenizer(folder, config, tokenizer):
    rows, picture = config.get_text_config().vocab_size, getattr(config, "image_token_id", None)
    if config.model_type == "mllama" and (tokenizer.convert_tokens_to_ids("<|image|>") != picture or len(tokenizer) - 1 != rows):
        raise UserError(f"the tokenizer in {shown(folder)} has {len(tokenizer) - 1} text tokens but the model knows {rows}: "
                        "it belongs to another model, copy the checkpoint again with its own tokenizer")


def quiet() -> None:
    """Switch off transformers' own progress bars, which only say that a few megabytes were read or written."""
    from transformers.utils import logging
    logging.disable_progress_bar()


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
