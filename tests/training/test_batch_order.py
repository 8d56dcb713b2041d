"""The order of examples: grouping by length keeps every example and does not depend on where training starts."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1lib.minivqa import mixture
from o1lib.training import Grouped
from o1lib.training.arms import dialogs
from o1lib.training.batch_order import lay_out, token_length
from o1lib.training.curriculum import plan
from o1lib.training.lessons.form import LESSON_TEMPLATE
from o1lib.training.lessons.plan import base_phases


def characters(example):
    """Return the number of characters of an example's one message."""
    return len(example["messages"][0]["content"][0])


@given(st.lists(st.integers(0, 40), min_size=1, max_size=200), st.integers(1, 5), st.integers(0, 9))
def test_grouping_keeps_all_examples_and_can_start_anywhere(lengths, batch, seed):
    examples = [{"messages": [{"content": ["x" * length]}], "k": k} for k, length in enumerate(lengths)]
    order = [example["k"] for example in Grouped(examples, batch, seed, characters)]
    assert sorted(order) == list(range(len(lengths)))
    late = Grouped(examples, batch, seed, characters)
    assert [late[k]["k"] for k in range(len(order) // 2, len(order))] == order[len(order) // 2 :]


def test_grouping_puts_examples_of_like_length_into_a_batch():
    rng = random.Random(0)
    examples = [{"messages": [{"content": ["x" * rng.randrange(1000)]}]} for _ in range(64)]
    lengths = [len(example["messages"][0]["content"][0]) for example in Grouped(examples, 8, 0, characters)]
    assert max(max(lengths[k : k + 8]) - min(lengths[k : k + 8]) for k in range(0, 64, 8)) < 300


def test_a_batch_of_invented_words_holds_little_padding(tiny, monkeypatch):
    monkeypatch.setattr(tiny[1], "chat_template", LESSON_TEMPLATE)
    length = token_length(tiny[1])
    [laid] = lay_out(base_phases(0, 256), batch=8, seed=0, length=length)
    tokens = list(map(length, laid))
    padded = sum(8 * max(tokens[k : k + 8]) for k in range(0, len(tokens), 8))
    assert sum(tokens) > 0.85 * padded


@pytest.mark.parametrize("format", ["direct", "four_turn", "filler", "reasoning_only"])
def test_every_format_learns_the_items_in_the_same_order(format, tiny):
    """The batches of similar length must not be those of similar targets, which differ between formats."""
    items = list(mixture("train", 96))

    def order(name):
        [phase] = lay_out(dialogs(plan("mixed", name, items), name), batch=8, seed=0, length=token_length(tiny[1]))
        return [example["images"][0].tobytes() for example in phase]

    assert order(format) == order("tags")
