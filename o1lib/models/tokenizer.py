"""The small models' tokenizer, chat template and processor, laid out like those of Llama 3.2 Vision.

Byte-level BPE trained on Mini-VQA's own words, so that any text survives the round trip and common words are one token.
A stage tag is three tokens ("<", "SUMMARY", ">"), because in the released tokenizer tags are ordinary text. Eight
reserved tokens serve the arm whose tags are single new tokens. The picture's token is the last id and equals the text
tower's vocabulary size; the model has an embedding but no output for it, as in Llama-3.2-11B-Vision.

    tokenizer = train_tokenizer(["How many red shapes are there?"], 600)
    tokenizer.tokenize("<SUMMARY>")           # ['<', 'SUMMARY', '>'] once the texts contain it
"""

from collections.abc import Iterable, Iterator

from o1lib.formats.chat import CONTROLS, FORMATS, FOUR_TURN_PROMPTS, prompt_turns
from o1lib.formats.judge_prompts import (
    KINDS,
    REASONS,
    VERDICT,
    check_prompt,
    judge_prompt,
    named_reason,
    reasoned_verdict,
    statement_prompt,
    verdict,
)
from o1lib.formats.special_tags import SPECIAL_TAGS
from o1lib.formats.stages import render

BOS, EOT, PAD, IMAGE = "<|begin_of_text|>", "<|eot_id|>", "<|finetune_right_pad_id|>", "<|image|>"
CONTROL = (BOS, "<|end_of_text|>", PAD, "<|start_header_id|>", "<|end_header_id|>", EOT, "<|python_tag|>")
# GPT-2's pattern, but each digit is a token of its own (with its space) and line ends stay together.
PATTERN = r"'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}|\s*[\r\n]+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

# Llama 3.2's layout; the generation blocks tell the trainer which words are the assistant's, end-of-turn included.
CHAT_TEMPLATE = """\
{{- bos_token }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}
    {%- set content = message['content'] if message['content'] is not string else \
[{'type': 'text', 'text': message['content']}] %}
    {%- if message['role'] == 'assistant' %}
        {%- generation %}
            {%- for part in content %}{{- part['text'] }}{%- endfor %}
            {{- '<|eot_id|>' }}
        {%- endgeneration %}
    {%- else %}
        {%- for part in content %}
            {%- if part['type'] == 'image' %}{{- '<|image|>' }}{%- else %}{{- part['text'] }}{%- endif %}
        {%- endfor %}
        {{- '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}
"""


def training_texts(per_family: int, phrases: Iterable[str] = ()) -> Iterator[str]:
    """Yield the texts a small model will see: questions and stages of `per_family` drawings per family, and prompts.

    `phrases` are further texts, which are repeated as often as prompts are.
    """
    from o1lib.minivqa import FAMILIES, depth, draw, seeds  # here, because a loaded model needs no drawings

    for family in FAMILIES:
        for seed in seeds("base", per_family):
            example = draw(family, seed)
            yield example.question
            yield render(example.stages)
    for task in depth.TASKS:
        for seed in seeds("base", per_family // 4):
            example = depth.draw(task, seed)
            yield example.question
            yield render(example.stages)
    spoken = [form for form in FORMATS if form not in CONTROLS]  # controls ask in the words of other formats
    users = [turn for form in spoken for turn in prompt_turns("", form)] + list(FOUR_TURN_PROMPTS)
    judging = [judge_prompt(kind, "", "x", "", "", short=True) for kind in KINDS] + [check_prompt("", "", short=True)]
    judging += [statement_prompt("")]
    verdicts = [verdict(kind, k) for kind in REASONS for k in (1, 2)] + ["correct", "incorrect", VERDICT]
    verdicts += [reasoned_verdict(named_reason(k, ""), k) for k in (1, 2)]
    prompts = [*users, *judging, *verdicts, *phrases]
    yield from ("user\n\nassistant\n\n" + text for text in prompts * (per_family // 4 + 1))


def train_tokenizer(texts, vocabulary: int):
    """Return a fast tokenizer of `vocabulary` text tokens and the picture's token; the texts alone determine it."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    raw.decoder = decoders.ByteLevel()
    raw.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=[*CONTROL, *SPECIAL_TAGS],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    raw.add_special_tokens([IMAGE])  # last, so that its id is the text vocabulary's size
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        bos_token=BOS,
        eos_token=EOT,
        pad_token=PAD,
        padding_side="left",
        extra_special_tokens={"image_token": IMAGE},
        model_max_length=1_000_000,
        clean_up_tokenization_spaces=False,
    )


def build_processor(tokenizer, image_size: int):
    """Return an MllamaProcessor for square pictures of `image_size` pixels in one tile, with the chat template."""
    from transformers import MllamaImageProcessorPil, MllamaProcessor

    pictures = MllamaImageProcessorPil(size={"height": image_size, "width": image_size}, max_image_tiles=1)
    return MllamaProcessor(image_processor=pictures, tokenizer=tokenizer, chat_template=CHAT_TEMPLATE)
