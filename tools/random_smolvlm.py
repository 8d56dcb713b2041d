"""A SmolVLM of the released size with random weights, to measure speed without a download.

model, processor = random_smolvlm()
"""

import torch
from transformers import Idefics3ImageProcessorPil, Idefics3Processor, SmolVLMConfig
from transformers import SmolVLMForConditionalGeneration as Model

from o1lib.models.tokenizer import train_tokenizer, training_texts


def random_smolvlm():
    """Return (model, processor) with the sizes of SmolVLM-256M-Instruct, random weights and a small tokenizer."""
    tokenizer = train_tokenizer(training_texts(4), 800)
    marks = ["<fake_token_around_image>", "<image>", "<global-img>"]
    tokenizer.add_special_tokens({"additional_special_tokens": marks})
    chat = (
        "{% for message in messages %}{{ message['role'] }}:{% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}<image>{% else %} {{ part['text'] }}{% endif %}{% endfor %}<|eot_id|>\n"
        "{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
    )
    side = {"longest_edge": 512}
    pictures = Idefics3ImageProcessorPil(size=side, max_image_size=side, do_image_splitting=False)
    processor = Idefics3Processor(pictures, tokenizer, image_seq_len=64, chat_template=chat)
    ids = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    text = {
        "model_type": "llama",
        "vocab_size": 49280,
        "hidden_size": 576,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "intermediate_size": 1536,
        "max_position_embeddings": 8192,
        **ids,
    }
    vision = {
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "image_size": 512,
        "patch_size": 16,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Model(
            SmolVLMConfig(
                text_config=text,
                vision_config=vision,
                scale_factor=4,
                image_token_id=processor.image_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        )
    return model.eval(), processor
