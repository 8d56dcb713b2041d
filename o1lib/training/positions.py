"""Positions and supervised tokens: how much computation and how much teaching a training example is.

A **position** is one place of a sequence at which a layer computes: a text position is a token that the text tower
reads (prompt, picture token, filler, answer and marks of the chat; no padding), and a picture position is a place of
the vision tower for each pass of a picture (patches and class token, rounded up as the tower does). A **supervised
token** is one that the loss covers.

    counter = PositionCounter(processor, model)
    counter.count([(item, STAGES)], "tags")[0].positions        # 212

Arms are compared at equal positions, not at equal seconds, because seconds depend on the machine and the batches.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from o1lib.data.images import upright_size
from o1lib.formats.chat import messages
from o1lib.formats.question import StagedQuestion
from o1lib.models.processor import Unmarked
from o1lib.training.memory import picture_tokens

Pair = tuple[StagedQuestion, tuple[str, ...]]  # an item with the stages that are learned of it
AT_ONCE = 512  # chats that are tokenized together


@dataclass(frozen=True)
class Counts:
    """The counts of one training example."""

    text: int
    picture: int
    supervised: int

    @property
    def positions(self) -> int:
        """All positions: those of the text and those of the picture."""
        return self.text + self.picture


def chat(pair: Pair, format: str, seed: int = 0) -> list[dict]:
    """Return the chat of a training example. Random choices of a format depend only on `seed` and the item."""
    item, stages = pair
    return messages(item, format, random.Random(f"{seed}/{item.qid}") if len(stages) > 1 else None, stages)


def picture_size(item) -> tuple[int, int]:
    """Return width and height in pixels of an item's picture, which is only opened if it is a file."""
    return item.image.size if isinstance(item.image, Image.Image) else upright_size(item.image)


class PositionCounter:
    """Counts positions and supervised tokens by the chat template, tokenizer and picture size of a model."""

    def __init__(self, processor, model):
        from trl.chat_template_utils import get_training_chat_template

        self.processor, self.tokenizer, self.model = processor, processor.tokenizer, model
        self.unmarked = Unmarked(processor)
        self.of_size: dict[tuple[int, int], tuple[int, int]] = {}  # what `_processed` found, by width and height
        self.template = get_training_chat_template(processor) or processor.chat_template

    def count(self, pairs: Sequence[Pair], format: str, seed: int = 0) -> list[Counts]:
        """Return the counts of each pair as an example of this format, with one picture each."""
        parts = (pairs[first : first + AT_ONCE] for first in range(0, len(pairs), AT_ONCE))
        return [counts for part in parts for counts in self._counted(part, format, seed)]

    def _counted(self, pairs, format, seed):
        read = self.tokenizer.apply_chat_template(
            [self.unmarked.chat(chat(pair, format, seed)) for pair in pairs],
            chat_template=self.template,
            return_dict=True,
            return_assistant_tokens_mask=True,
        )
        for (item, _), ids, mask in zip(pairs, read["input_ids"], read["assistant_masks"], strict=True):
            places, in_prompt = self._picture(item)
            yield Counts(len(ids) - 1 + in_prompt, places, sum(mask))

    def _picture(self, item):
        """Return (places in the vision tower, tokens in the prompt). Mllama's do not depend on the picture's size."""
        config = self.model.config
        if config.model_type == "mllama" or hasattr(config.vision_config, "spatial_merge_size"):
            return picture_tokens(self.model, *((0, 0) if config.model_type == "mllama" else picture_size(item)))
        size = picture_size(item)
        if size not in self.of_size:
            self.of_size[size] = self._processed(Image.new("RGB", size))
        return self.of_size[size]

    def _processed(self, picture):
        """Return the same from what the model's processor makes of a picture, which may be cut into parts."""
        chat = [{"role": "user", "content": [{"type": "image"}]}]
        prompt = self.processor.apply_chat_template(chat, tokenize=False)
        how = {"add_special_tokens": False, "return_tensors": "pt"}
        made = self.processor(images=[[picture]], text=[prompt], **how)
        written = self.tokenizer(prompt, **how)["input_ids"].shape[1]  # with one mark for the picture
        *parts, _, height, width = made["pixel_values"].shape
        patch = self.model.config.vision_config.patch_size
        across, down = (patch, patch) if isinstance(patch, int) else patch
        return math.prod(parts) * (height // across) * (width // down), made["input_ids"].shape[1] - written + 1


def budget_metrics(counts: Sequence[Counts], items: int) -> dict[str, dict]:
    """Return the metrics of a training run with these examples, as {name: {value, n, low, high}}.

    `items` counts the items that were taken, each as often as it was taken. supervised_tokens, text_positions and
    picture_positions are means per item; training_positions and training_tokens are totals of the run. The values are
    exact counts and not estimates, so low and high equal the value.
    """
    names = {"supervised_tokens": "supervised", "text_positions": "text", "picture_positions": "picture"}
    totals = {name: sum(getattr(one, field) for one in counts) for name, field in names.items()}
    found = {name: total / items for name, total in totals.items()}
    found["training_positions"] = totals["text_positions"] + totals["picture_positions"]
    found["training_tokens"] = totals["supervised_tokens"]
    return {
        name: {"value": round(value, 6), "n": items, "low": round(value, 6), "high": round(value, 6)}
        for name, value in found.items()
    }
