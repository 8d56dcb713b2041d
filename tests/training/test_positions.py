"""Positions and supervised tokens are those that the trainer computes with."""

import random

import pytest
from support import tinymodels

from o1lib.formats.chat import FORMATS
from o1lib.formats.stages import STAGES
from o1lib.minivqa import mixture
from o1lib.training.collator import collator
from o1lib.training.positions import Counts, PositionCounter, budget_metrics, chat

ITEMS = list(mixture("train", 6))


@pytest.mark.parametrize("format", FORMATS)
def test_text_and_supervised_tokens_are_those_of_the_collated_batch(tiny, format):
    pairs = [(item, STAGES) for item in ITEMS]
    examples = [{"messages": chat(pair, format), "images": [pair[0].image]} for pair in pairs]
    batch = collator(tiny[1])(examples)
    counted = PositionCounter(tiny[1], tiny[0]).count(pairs, format)
    assert [one.text for one in counted] == batch["attention_mask"].sum(1).tolist()
    assert [one.supervised for one in counted] == (batch["labels"] != -100).sum(1).tolist()


def test_picture_positions_are_the_length_of_the_vision_towers_sequence(tiny):
    """The tower's layers see this many places, patches and class token rounded up to eight."""
    model, processor = tiny
    seen = []
    hook = model.model.vision_model.transformer.layers[0].register_forward_pre_hook(
        lambda layer, args, kwargs: seen.append(kwargs["hidden_states"].shape[1]),
        with_kwargs=True,
    )
    batch = collator(processor)([{"messages": chat((ITEMS[0], STAGES), "direct"), "images": [ITEMS[0].image]}])
    model(**batch)
    hook.remove()
    [counts] = PositionCounter(processor, model).count([(ITEMS[0], STAGES)], "direct")
    assert seen == [counts.picture] and counts.positions == counts.text + counts.picture


@pytest.mark.parametrize("name, patch", [("qwen", 1), ("smolvlm", 8 * 8 * 3)])
def test_a_picture_in_the_prompt_is_counted_as_the_models_processor_makes_it(name, patch):
    """Qwen's processor gives patches, SmolVLM's gives parts of the picture with all their pixels."""
    model, processor = getattr(tinymodels, name)()
    batch = collator(processor, model)([{"messages": chat((ITEMS[0], STAGES), "tags"), "images": [ITEMS[0].image]}])
    [counts] = PositionCounter(processor, model).count([(ITEMS[0], STAGES)], "tags")
    values = batch["pixel_values"]
    assert counts.text == batch["attention_mask"].sum() and counts.supervised == (batch["labels"] != -100).sum()
    assert counts.picture == (values.shape[0] if patch == 1 else values.numel() / patch)


def test_random_choices_are_those_of_training(tiny):
    """`separate` draws one of four tasks from seed and item."""
    pairs = [(item, STAGES) for item in ITEMS]
    counted = [PositionCounter(tiny[1], tiny[0]).count(pairs, "separate", seed) for seed in (0, 0, 1)]
    assert counted[0] == counted[1] != counted[2]


def test_metrics_are_exact_counts_per_item_and_in_all():
    counts = [Counts(10, 72, 3), Counts(20, 72, 5), Counts(random.Random(0).randrange(5), 72, 0)]
    found = budget_metrics(counts, 2)
    assert found["supervised_tokens"] == {"value": 4.0, "n": 2, "low": 4.0, "high": 4.0}
    assert found["picture_positions"]["value"] == 108
    assert found["training_positions"]["value"] == sum(one.positions for one in counts)
    assert found["training_tokens"]["value"] == 8
