"""Tiny random models of the released classes, a hundred thousand weights each, with their own processors."""

import functools

import torch

from o1lib.models.processor import without_video
from o1lib.models.tokenizer import train_tokenizer

WORDS = [
    "How many dots are there? <SUMMARY> Count the dots. </SUMMARY> There are 2 dots. user assistant system "
    "You are a helpful assistant."
] * 20
TEXT = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 512,
}


@functools.cache
def qwen():
    """Return (Qwen2.5-VL model, processor): two layers on each side, pictures of 4 to 16 tokens."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2VLImageProcessorPil
    from trl.chat_template_utils import qwen2_5_vl_chat_template as template

    tokenizer = _tokenizer(
        "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"
    )
    ids = tokenizer.convert_tokens_to_ids
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e4}
    config = Qwen2_5_VLConfig(
        text_config=TEXT | {"vocab_size": len(tokenizer), "rope_parameters": rope},
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": 32,
            "patch_size": 8,
            "window_size": 32,
            "fullatt_block_indexes": [1],
        },
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
    )
    pictures = Qwen2VLImageProcessorPil(patch_size=8, merge_size=2, min_pixels=32 * 32, max_pixels=64 * 64)
    return _model(Qwen2_5_VLForConditionalGeneration, config), without_video("Qwen2_5_VLProcessor")(
        pictures, tokenizer, chat_template=template
    )


@functools.cache
def smolvlm():
    """Return (SmolVLM model, processor): two layers on each side, pictures in up to five tiles of 4 tokens."""
    from transformers import SmolVLMConfig, SmolVLMForConditionalGeneration, SmolVLMImageProcessorPil
    from trl.chat_template_utils import smolvlm_chat_template as template

    places = [f"<row_{row}_col_{column}>" for row in (1, 2) for column in (1, 2)]
    tokenizer = _tokenizer(
        "<|im_start|>", "<end_of_utterance>", "<fake_token_around_image>", "<image>", "<global-img>", *places
    )
    config = SmolVLMConfig(
        text_config=TEXT
        | {"model_type": "llama", "vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id},
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 8,
        },
        scale_factor=2,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokenizer.pad_token_id,
    )
    pictures = SmolVLMImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    return _model(SmolVLMForConditionalGeneration, config), without_video("SmolVLMProcessor")(
        pictures, tokenizer, None, image_seq_len=4, chat_template=template
    )


def _tokenizer(*marks):
    from transformers import PreTrainedTokenizerFast

    raw = train_tokenizer(WORDS, 320).backend_tokenizer
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token=marks[1],
        pad_token="<|finetune_right_pad_id|>",
        clean_up_tokenization_spaces=False,
    )
    tokenizer.add_tokens(list(marks), special_tokens=True)
    return tokenizer


def _model(kind, config):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return kind(config).eval()
