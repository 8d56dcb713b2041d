"""Tiny random Qwen2.5-VL and SmolVLM (Idefics3) models, whose picture is a run of tokens in the prompt."""

import functools

import torch
from support import tiny

from o1lib.models.tokenizer import train_tokenizer

QWEN_CHAT = (
    "{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<|vision_start|><|image|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
SMOL_CHAT = (
    "<|begin_of_text|>{% for message in messages %}{{ message['role'] }}:"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>{% else %} {{ part['text'] }}"
    "{% endif %}{% endfor %}<|eot_id|>\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
)


def _spread(model):
    """Move weights far from uniform: texts differ, greedy choices have margins, no picture token is generated."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.mul_(2.0 if "visual" in name or "vision" in name else 4.0)
        head = torch.nn.Linear(model.lm_head.in_features, model.lm_head.out_features)  # with a bias, unlike theirs
        head.weight.copy_(model.lm_head.weight)
        head.bias.zero_()
        head.bias[model.config.image_token_id] = -100.0
        model.lm_head = head
    return model.eval()


@functools.cache
def qwen(seed=0):
    """Return (model, processor) of a Qwen2.5-VL with three-part rotary positions."""
    from transformers import (
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessorPil,
    )

    class StillsOnly(Qwen2_5_VLProcessor):
        """The library's processor without its video part, which needs torchvision."""

        def check_argument_for_proper_class(self, name, argument):
            return (
                type(argument) if name == "video_processor" else super().check_argument_for_proper_class(name, argument)
            )

    tokenizer = train_tokenizer([tiny.WORDS] * 20, 320)
    extra = ["<|vision_start|>", "<|vision_end|>", "<|video_pad|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": extra})
    start, end, video, image = tokenizer.convert_tokens_to_ids([*extra, tokenizer.image_token])
    config = _qwen_config(tokenizer, start, end, video, image)
    torch.manual_seed(seed)
    pictures = Qwen2VLImageProcessorPil(
        patch_size=4, merge_size=2, size={"shortest_edge": 16 * 16, "longest_edge": 64 * 64}
    )
    return _spread(Qwen2_5_VLForConditionalGeneration(config)), StillsOnly(
        pictures, tokenizer, None, chat_template=QWEN_CHAT
    )


def _qwen_config(tokenizer, start, end, video, image):
    from transformers import Qwen2_5_VLConfig

    return Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "tie_word_embeddings": False,
            "hidden_size": 32,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "intermediate_size": 64,
            "max_position_embeddings": 512,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]},
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 4,
            "patch_size": 4,
            "out_hidden_size": 32,
            "window_size": 16,
            "fullatt_block_indexes": [1],
            "tokens_per_second": 2,
        },
        image_token_id=image,
        video_token_id=video,
        vision_start_token_id=start,
        vision_end_token_id=end,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


@functools.cache
def smol(seed=0):
    """Return (model, processor) of a SmolVLM; larger pictures are split into parts and a small version of the whole."""
    from transformers import (
        Idefics3ImageProcessorPil,
        Idefics3Processor,
        SmolVLMConfig,
        SmolVLMForConditionalGeneration,
    )

    tokenizer = train_tokenizer([tiny.WORDS] * 20, 320)
    parts = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    tokenizer.add_special_tokens(
        {"additional_special_tokens": ["<fake_token_around_image>", "<image>", "<global-img>", *parts]}
    )
    pictures = Idefics3ImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    processor = Idefics3Processor(pictures, tokenizer, image_seq_len=4, chat_template=SMOL_CHAT)
    config = SmolVLMConfig(
        text_config={
            "model_type": "llama",
            "vocab_size": len(tokenizer),
            "hidden_size": 32,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "intermediate_size": 64,
            "max_position_embeddings": 512,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": 32,
            "patch_size": 8,
        },
        scale_factor=2,
        image_token_id=processor.image_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(seed)
    return _spread(SmolVLMForConditionalGeneration(config)), processor
