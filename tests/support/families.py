"""Tiny random models of further released families, each with its own processor and chat template.

model, processor = FAMILIES["internvl"]()
"""

import functools

import torch
from support import tiny

from o1lib.models.processor import without_video
from o1lib.models.tokenizer import train_tokenizer

SIDE = 32  # pixels of the pictures that the fixed-size processors make
TEXT = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "intermediate_size": 64,
    "max_position_embeddings": 512,
}
VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": SIDE,
    "patch_size": 8,
}
CHAT = (
    "<|begin_of_text|>{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}PICTURE"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
MROPE = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 2]}


def _tokenizer(picture="<|image|>", **named):
    """Return the small models' tokenizer with further special tokens, each under a name such as `boi_token`."""
    from transformers import PreTrainedTokenizerFast

    base = train_tokenizer([tiny.WORDS] * 20, 320)
    base.add_special_tokens({"additional_special_tokens": [picture, *named.values()]})
    return PreTrainedTokenizerFast(
        tokenizer_object=base.backend_tokenizer,
        bos_token=base.bos_token,
        eos_token=base.eos_token,
        pad_token=base.pad_token,
        extra_special_tokens={"image_token": picture, **named},
        clean_up_tokenization_spaces=False,
    )


def _text(tokenizer, **more):
    ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    return TEXT | {"vocab_size": len(tokenizer), "tie_word_embeddings": False} | ids | more


def _built(kind, config):
    """Return the model with weights far from uniform, so that words and pictures matter and greedy words have margins.

    The token of a picture is never generated.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        model = kind(config)
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.mul_(2.0 if "vis" in name else 4.0)
        head = torch.nn.Linear(model.lm_head.in_features, model.lm_head.out_features)
        head.weight.copy_(model.lm_head.weight)
        head.bias.zero_()
        head.bias[config.image_token_id] = -100.0
        model.lm_head = head
    model.generation_config.eos_token_id = config.get_text_config().eos_token_id
    return model.eval()


@functools.cache
def qwen3():
    """Return a Qwen3-VL: the picture also enters the first layers of the text (deepstack)."""
    from transformers import Qwen2VLImageProcessorPil, Qwen3VLConfig, Qwen3VLForConditionalGeneration

    tokenizer = _tokenizer(vision_start_token="<|vision_start|>", vision_end_token="<|vision_end|>", video_token="<v>")
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 4, "patch_size": 4}
    config = Qwen3VLConfig(
        text_config=_text(tokenizer, rope_parameters=MROPE | {"mrope_interleaved": True}),
        vision_config=vision
        | {"out_hidden_size": 32, "num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1]},
        image_token_id=tokenizer.image_token_id,
        video_token_id=tokenizer.video_token_id,
        vision_start_token_id=tokenizer.vision_start_token_id,
        vision_end_token_id=tokenizer.vision_end_token_id,
    )
    pictures = Qwen2VLImageProcessorPil(
        patch_size=4, merge_size=2, size={"shortest_edge": 16 * 16, "longest_edge": 64 * 64}
    )
    chat = CHAT.replace("PICTURE", "<|vision_start|><|image|><|vision_end|>")
    processor = without_video("Qwen3VLProcessor")(pictures, tokenizer, chat_template=chat)
    return _built(Qwen3VLForConditionalGeneration, config), processor


@functools.cache
def glm4v():
    """Return a GLM-4V."""
    from transformers import Glm4vConfig, Glm4vForConditionalGeneration, Glm4vImageProcessorPil

    names = {"image_start": "<|begin_of_image|>", "image_end": "<|end_of_image|>", "video": "<|video|>"}
    names |= {"video_start": "<|begin_of_video|>", "video_end": "<|end_of_video|>"}
    tokenizer = _tokenizer(**{f"{name}_token": token for name, token in names.items()})
    config = Glm4vConfig(
        text_config=_text(tokenizer, rope_parameters=MROPE | {"partial_rotary_factor": 1.0}),
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "num_heads": 4,
            "image_size": SIDE,
            "patch_size": 4,
            "out_hidden_size": 32,
            "intermediate_size": 64,
        },
        image_token_id=tokenizer.image_token_id,
        **{f"{name}_token_id": tokenizer.convert_tokens_to_ids(token) for name, token in names.items()},
    )
    pictures = Glm4vImageProcessorPil(
        patch_size=4, merge_size=2, size={"shortest_edge": 16 * 16, "longest_edge": 2 * 64 * 64}
    )
    chat = CHAT.replace("PICTURE", "<|begin_of_image|><|image|><|end_of_image|>")
    processor = without_video("Glm4vProcessor")(pictures, tokenizer, chat_template=chat)
    return _built(Glm4vForConditionalGeneration, config), processor


@functools.cache
def internvl():
    """Return an InternVL: pictures in up to four tiles and a small version of the whole."""
    from transformers import GotOcr2ImageProcessorPil, InternVLConfig, InternVLForConditionalGeneration

    names = {"start_image": "<img>", "end_image": "</img>", "context_image": "<IMG_CONTEXT>", "video": "<video>"}
    tokenizer = _tokenizer("<IMG_CONTEXT>", **{f"{name}_token": token for name, token in names.items()})
    config = InternVLConfig(
        text_config=_text(tokenizer, model_type="qwen2"),
        vision_config=VISION | {"image_size": [SIDE, SIDE], "patch_size": [8, 8]},
        image_token_id=tokenizer.context_image_token_id,
        image_seq_length=4,
    )
    pictures = GotOcr2ImageProcessorPil(
        size={"height": SIDE, "width": SIDE}, crop_to_patches=True, min_patches=1, max_patches=4
    )
    processor = without_video("InternVLProcessor")(
        pictures, tokenizer, image_seq_length=4, chat_template=CHAT.replace("PICTURE", "<IMG_CONTEXT>")
    )
    return _built(InternVLForConditionalGeneration, config), processor


@functools.cache
def onevision():
    """Return a LLaVA-OneVision: pictures in tiles of any aspect ratio."""
    from transformers import (
        LlavaOnevisionConfig,
        LlavaOnevisionForConditionalGeneration,
        LlavaOnevisionImageProcessorPil,
    )

    tokenizer, points = _tokenizer(video_token="<video>"), [[SIDE, 2 * SIDE], [2 * SIDE, SIDE], [2 * SIDE, 2 * SIDE]]
    config = LlavaOnevisionConfig(
        text_config=_text(tokenizer, model_type="qwen2"),
        vision_config=VISION | {"model_type": "siglip_vision_model", "vision_use_head": False},
        image_token_index=tokenizer.image_token_id,
        video_token_index=tokenizer.video_token_id,
        image_grid_pinpoints=points,
    )
    pictures = LlavaOnevisionImageProcessorPil(size={"height": SIDE, "width": SIDE}, image_grid_pinpoints=points)
    processor = without_video("LlavaOnevisionProcessor")(
        pictures,
        tokenizer,
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        chat_template=CHAT.replace("PICTURE", "<|image|>"),
    )
    return _built(LlavaOnevisionForConditionalGeneration, config), processor


def _llava(**text):
    """Return a LLaVA with a text model of the given config."""
    from transformers import CLIPImageProcessorPil, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

    tokenizer = _tokenizer()
    config = LlavaConfig(
        text_config=_text(tokenizer, **text),
        vision_config=VISION | {"model_type": "clip_vision_model"},
        image_token_index=tokenizer.image_token_id,
        image_seq_length=16,
    )
    size = {"height": SIDE, "width": SIDE}
    processor = LlavaProcessor(
        CLIPImageProcessorPil(size=size, crop_size=size),
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=CHAT.replace("PICTURE", "<|image|>"),
    )
    return _built(LlavaForConditionalGeneration, config), processor


@functools.cache
def llava():
    """Return a LLaVA with a Llama as its text model."""
    return _llava(model_type="llama")


@functools.cache
def mistral(window=24):
    """Return a LLaVA with a Mistral, whose sliding window stands in `sliding_window` alone (None: no window)."""
    return _llava(model_type="mistral", sliding_window=window)


@functools.cache
def gemma3(windowed=False):
    """Return a Gemma 3, which reads the tokens of a picture both ways; `windowed` gives two layers sliding windows."""
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration, Gemma3ImageProcessorPil, Gemma3Processor

    tokenizer = _tokenizer("<image_soft_token>", boi_token="<start_of_image>", eoi_token="<end_of_image>")
    layers = ["sliding_attention" if windowed and k < 2 else "full_attention" for k in range(3)]
    config = Gemma3Config(
        text_config=_text(tokenizer, layer_types=layers, sliding_window=16, query_pre_attn_scalar=8),
        vision_config=VISION | {"model_type": "siglip_vision_model", "vision_use_head": False},
        mm_tokens_per_image=4,
        image_token_index=tokenizer.image_token_id,
        boi_token_index=tokenizer.boi_token_id,
        eoi_token_index=tokenizer.eoi_token_id,
    )
    processor = Gemma3Processor(
        Gemma3ImageProcessorPil(size={"height": SIDE, "width": SIDE}),
        tokenizer,
        image_seq_length=4,
        chat_template=CHAT.replace("PICTURE", "<start_of_image>"),
    )
    model = _built(Gemma3ForConditionalGeneration, config)
    projection = model.model.multi_modal_projector.mm_input_projection_weight
    with torch.no_grad():  # zero in a new model, which would not see its pictures
        projection.copy_(torch.linspace(-1, 1, projection.numel()).sin().reshape(projection.shape))
    return model, processor


@functools.cache
def paligemma():
    """Return a PaliGemma, which reads its whole prompt both ways and whose processor returns labels."""
    from transformers import (
        PaliGemmaConfig,
        PaliGemmaForConditionalGeneration,
        PaliGemmaProcessor,
        SiglipImageProcessorPil,
    )

    tokenizer = _tokenizer("<image>")
    pictures = SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    pictures.image_seq_length = 16
    processor = PaliGemmaProcessor(pictures, tokenizer, chat_template=CHAT.replace("PICTURE", "<image>"))
    config = PaliGemmaConfig(
        text_config=_text(tokenizer, model_type="gemma"),
        vision_config=VISION | {"model_type": "siglip_vision_model", "vision_use_head": False},
        image_token_index=tokenizer.image_token_id,
        projection_dim=32,
    )
    return _built(PaliGemmaForConditionalGeneration, config), processor


FAMILIES = {
    "qwen3": qwen3,
    "glm4v": glm4v,
    "internvl": internvl,
    "onevision": onevision,
    "llava": llava,
    "mistral": mistral,
    "gemma3": gemma3,
    "paligemma": paligemma,
}
