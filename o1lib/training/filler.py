"""Filler tokens before the answer: the control that computes as long as a chain does, without its words.

The filler is part of the model's chat template, between the header of the assistant's turn and its text. So it is never
a target of training, and never generated: every prompt for a reply ends with it, in training, validation, searches and
`python -m o1lib answer` alike. A trained checkpoint keeps it, because the template is saved with the tokenizer.

    filled = put_filler(processor, "filler", items)     # {"word": "<|python_tag|>", "count": 88}
    put_filler(processor, "direct", items)              # {}: this format has none

Lanham et al. (https://arxiv.org/abs/2307.13702) put dots in the place of a chain at inference. Here the model is also
trained with the filler, as in Pfau et al. (https://arxiv.org/abs/2404.15758) and Goyal et al.
(https://arxiv.org/abs/2310.02226), so that a low accuracy is not that of an unknown input.
"""

import json
import re
from collections.abc import Sequence
from statistics import fmean

from o1lib.formats.chat import FORMATS, target
from o1lib.formats.question import StagedQuestion
from o1lib.records import UserError

CHAIN = "tags"  # the format whose chain the filler is as long as
# The first of them that the tokenizer has as one token is used. A reserved token of Llama 3 comes first: no text of the
# study contains it, so it carries no meaning, and the tokenizer splits it off whatever the answer begins with. A dot
# would merge with an answer that begins with a mark. Tokenizers without it get a token of their own that is as unused.
TOKENS = ("<|python_tag|>", "<|fim_pad|>", "<jupyter_start>")
_GENERATION = re.compile(r"\{%(-?)\s*generation\s*-?%\}")
_PROMPT = re.compile(r"\{%-?\s*if add_generation_prompt\s*-?%\}.*?(?P<end>\{%(?P<trim>-?)\s*endif\s*-?%\})", re.DOTALL)


def put_filler(processor, format: str, items: Sequence[StagedQuestion]) -> dict:
    """Put the filler of `format` into the processor's chat template; return {"word", "count"}, {} for no filler.

    The count is `chain_length` of the training items, the same for every item. Raises UserError as `insert_filler`.
    """
    if not FORMATS[format].filled:
        return {}
    count = chain_length(processor.tokenizer, items)
    return {"word": insert_filler(processor, count), "count": count}


def chain_length(tokenizer, items: Sequence[StagedQuestion]) -> int:
    """Return the mean number of tokens before the answer in the structured targets of `items`, rounded.

    That is the three stages before the conclusion with their tags, and the tag that opens the conclusion.
    """
    before = [FORMATS[CHAIN].before_answer(target(item, CHAIN)) for item in items]
    return round(fmean(map(len, tokenizer(before, add_special_tokens=False).input_ids)))


def insert_filler(processor, count: int) -> str:
    """Insert `count` filler tokens before every assistant text of the processor's chat template; return the token.

    Raises UserError for a tokenizer without a filler token, a template that does not mark the assistant's text, and a
    template that has a filler already.
    """
    from trl.chat_template_utils import get_training_chat_template

    token = filler_token(processor.tokenizer)
    template = get_training_chat_template(processor) or processor.chat_template
    if token in template:
        raise UserError(f"the chat template has {token} already: start the filler from a base without it")
    if not (_GENERATION.search(template) and _PROMPT.search(template)):
        raise UserError(
            "the chat template marks no assistant text, so that no filler can be put before it: choose another scale"
        )
    text = json.dumps(token * count)
    marked = _GENERATION.sub(lambda mark: "{{" + mark[1] + " " + text + " }}" + mark[0], template)
    processor.chat_template = _PROMPT.sub(lambda prompt: _with_filler(prompt, text), marked)
    return token


def filler_token(tokenizer) -> str:
    """Return the filler token of a tokenizer. Raises UserError if it has none of TOKENS as one token."""
    known = [token for token in TOKENS if len(tokenizer(token, add_special_tokens=False).input_ids) == 1]
    if not known:
        raise UserError(f"the tokenizer has none of {', '.join(TOKENS)} as one token: choose a model that has one")
    return known[0]


def _with_filler(prompt: re.Match, text: str) -> str:
    """Return the generation prompt with the filler at its end."""
    split = prompt.start("end") - prompt.start()
    return prompt[0][:split] + "{{" + prompt["trim"] + " " + text + " }}" + prompt[0][split:]
