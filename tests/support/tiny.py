"""A Mllama with a hundred thousand random weights and open gates, and tasks for it."""

import functools

import numpy as np
import torch
from PIL import Image

from o1lib.models.tokenizer import CHAT_TEMPLATE, train_tokenizer
from o1lib.search.segments import StageSpec
from o1lib.search.types import Task

WORDS = (
    "How many dots are there? <SUMMARY> Count the dots. </SUMMARY>\n\n<CAPTION> Two red dots, one blue. </CAPTION>\n\n"
    "<REASONING> 2 + 1 = 3. </REASONING>\n\n<CONCLUSION> 3 </CONCLUSION> user assistant Since it has fewer errors, "
    "I choose response 1. I choose response 2. correct incorrect Which caption is better? Question: Hint: Response 1: "
)


@functools.cache
def model_and_processor(tiles=1, seed=0):
    """Return (model, processor): 32 x 32 pixels in up to `tiles` tiles, four layers, one of them cross-attention."""
    from transformers import MllamaConfig, MllamaForConditionalGeneration, MllamaImageProcessorPil, MllamaProcessor
    from transformers.models.mllama.configuration_mllama import MllamaTextConfig, MllamaVisionConfig

    tokenizer = train_tokenizer([WORDS] * 20, 320)
    size = tokenizer.convert_tokens_to_ids("<|image|>")
    text = MllamaTextConfig(
        vocab_size=size,
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=64,
        cross_attention_layers=[1],
        max_position_embeddings=512,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    ratios = [[w, h] for w in range(1, tiles + 1) for h in range(1, tiles + 1) if w * h <= tiles]
    vision = MllamaVisionConfig(
        hidden_size=32,
        num_hidden_layers=1,
        num_global_layers=1,
        attention_heads=4,
        intermediate_size=64,
        image_size=32,
        patch_size=8,
        max_num_tiles=tiles,
        supported_aspect_ratios=ratios,
        intermediate_layers_indices=[0],
        vision_output_dim=64,
    )
    torch.manual_seed(seed)
    model = MllamaForConditionalGeneration(
        MllamaConfig(vision_config=vision, text_config=text, image_token_index=size)
    ).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("gate"):
                parameter.fill_(1.0)
            elif parameter.ndim > 1:
                parameter.mul_(4.0)  # far from uniform: texts differ, and greedy choices have margins
    pictures = MllamaImageProcessorPil(size={"height": 32, "width": 32}, max_image_tiles=tiles)
    return model, MllamaProcessor(image_processor=pictures, tokenizer=tokenizer, chat_template=CHAT_TEMPLATE)


def deep():
    """Return (model, processor): 24 layers, with log-probabilities that are as spread as a trained model's."""
    from transformers import MllamaForConditionalGeneration

    small, processor = model_and_processor()
    config = type(small.config).from_dict(small.config.to_dict())
    text = config.text_config
    text.hidden_size, text.intermediate_size, text.num_hidden_layers = 128, 384, 24
    text.cross_attention_layers = list(range(1, 24, 5))
    torch.manual_seed(0)
    model = MllamaForConditionalGeneration(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("gate"):
                parameter.fill_(1.0)
            elif parameter.ndim > 1:
                parameter.mul_(5.0)
        model.lm_head.weight.mul_(10.0)
    return model, processor


def picture(seed, width=32, height=32):
    """Return a picture of noise."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))


ALL = (StageSpec("all"),)


def tasks(n, steps=ALL, width=32, height=32):
    """Return `n` tasks with pictures and questions of different lengths."""
    return [
        Task(f"q{k}", "How many dots are there? " * (1 + k % 3), picture(k, width, height), tuple(steps))
        for k in range(n)
    ]


COLOURS = {"red": (230, 20, 20), "blue": (20, 20, 230), "green": (20, 200, 20)}
SAID = (
    "<SUMMARY> Count the dots. </SUMMARY>\n\n<CAPTION> Two {colour} dots, one {other}. </CAPTION>\n\n"
    "<REASONING> {n} + 1 = {sum}. </REASONING>\n\n<CONCLUSION> {sum} </CONCLUSION>"
)


def coloured(colour):
    """Return a picture of one color."""
    return Image.new("RGB", (32, 32), COLOURS[colour])


@functools.cache
def trained(steps=60):
    """Return (model, processor) after seconds of training: answers in tags that depend on the picture's color."""
    import copy

    model, processor = copy.deepcopy(model_and_processor(seed=1))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and not name.endswith("gate"):
                parameter.mul_(0.5)  # `model_and_processor` widens them too much for training
    rng = np.random.default_rng(0)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=6e-3)
    for _ in range(steps):
        batch = _lesson(processor, [list(COLOURS)[k] for k in rng.integers(3, size=12)], rng)
        loss = model(**batch).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model.eval(), processor


def _lesson(processor, colours, rng):
    chats, texts = [], []
    for colour in colours:
        n = int(rng.integers(1, 4))
        said = SAID.format(colour=colour, other=list(COLOURS)[rng.integers(3)], n=n, sum=n + 1)
        user = [{"type": "image"}, {"type": "text", "text": "How many dots are there? " * int(rng.integers(1, 4))}]
        chats.append(processor.apply_chat_template([{"role": "user", "content": user}], add_generation_prompt=True))
        texts.append(said + processor.tokenizer.eos_token)
    batch = processor(
        images=[[coloured(colour)] for colour in colours],
        text=[a + b for a, b in zip(chats, texts)],
        padding=True,
        padding_side="left",
        add_special_tokens=False,
        return_tensors="pt",
    )
    labels = batch["input_ids"].clone()
    for row, text in enumerate(texts):
        labels[row, : -len(processor.tokenizer(text, add_special_tokens=False).input_ids)] = -100
    return dict(batch) | {"labels": labels}


def coloured_tasks(n):
    """Return `n` questions in tags about colored pictures."""
    from o1lib.search.methods import task_for

    names = list(COLOURS)
    asked = ["How many dots are there? " * (1 + k % 3) for k in range(n)]
    return [task_for(f"c{k}", text, coloured(names[k % 3]), "tags") for k, text in enumerate(asked)]
