"""Depths are what the reasoning shows, lengths follow the released outputs, both template halves have every form."""

import random
from collections import Counter, defaultdict
from functools import cache

import pytest

from o1lib.minivqa import FAMILIES, draw, seeds
from o1lib.minivqa.lengths import STEPS, added, length
from o1lib.minivqa.shortcuts import FORMS, form_of

EVERY = pytest.mark.parametrize("family", list(FAMILIES))


@cache
def asked(family, template, n=60, split="train"):
    return [draw(family, seed, template=template) for seed in seeds(split, n)]


@EVERY
def test_every_question_states_a_depth_that_its_steps_can_have(family):
    """A chain is at most as long as the reasoning; none for training is deeper than eight."""
    for name in FAMILIES[family].templates:
        for example in asked(family, name):
            assert 1 <= example.depth <= min(8, len(example.steps)), example


def test_a_sum_is_as_deep_as_its_terms():
    for family, name, terms in (
        ("mini-ChartQA", "sum", lambda e: e.bare.count("plus") + 1),
        ("mini-DocVQA", "total", lambda e: e.bare.count("and") + 1),
        ("mini-CLEVR-Math", "swap", lambda e: e.bare.count(",") + 3),
    ):
        found = {(example.depth, terms(example)) for example in asked(family, name)}
        assert len(found) > 1 and all(depth == number for depth, number in found), found


def test_a_way_is_as_deep_as_its_arrows():
    for example in asked("mini-AI2D", "after"):
        number = ("one", "two", "three", "four").index(example.bare.split()[3]) + 1
        assert example.depth == number == len(example.steps) - 1
    assert {example.depth for example in asked("mini-AI2D", "end")} == {2, 3, 4}


@pytest.mark.slow
@pytest.mark.parametrize("family, name", [("mini-ChartQA", "sum"), ("mini-AI2D", "end"), ("mini-CLEVR-Math", "swap")])
def test_lengths_follow_the_released_outputs(family, name):
    examples = asked(family, name, 400)
    depths = FAMILIES[family].templates[name].depths
    counts, total = Counter(example.depth for example in examples), sum(STEPS[depth] for depth in depths)
    assert all(abs(counts[depth] / 400 - STEPS[depth] / total) < 0.08 for depth in depths), counts


def test_hard_questions_are_deeper_where_a_family_can():
    for family, name in (("mini-AI2D", "end"), ("mini-ChartQA", "sum"), ("mini-CLEVR-Math", "swap")):
        deepest = [max(example.depth for example in asked(family, name, 40, split)) for split in ("train", "hard")]
        assert deepest[0] < deepest[1], (family, deepest)


def test_a_drawn_length_is_one_of_those_allowed():
    rng = random.Random(0)
    assert {length(rng, (2, 9)) for _ in range(200)} == {2, 9}


def test_a_sum_is_written_as_one_addition_after_another():
    assert added([2, 3, 4]) == ("2 + 3 = 5", "5 + 4 = 9") and added([2]) == ()


@cache
def forms():
    """Return {(withheld, family): counts of answer forms}, n = 60 a template."""
    found = defaultdict(Counter)
    for family, kind in FAMILIES.items():
        for name, template in kind.templates.items():
            found[template.withheld, family].update(form_of(example) for example in asked(family, name))
    return found


@pytest.mark.parametrize("withheld", [False, True])
def test_each_half_of_the_templates_has_every_answer_form(withheld):
    """Families count by their share of the training mixture."""
    weights = Counter()
    for (half, family), counts in forms().items():
        for form, n in counts.items():
            weights[form] += (half == withheld) * FAMILIES[family].share * n / counts.total()
    assert all(weights[form] > 0.05 * weights.total() for form in FORMS), weights


@EVERY
def test_a_form_of_several_templates_is_in_both_halves_of_a_family(family):
    kinds = {name: bool(template.withheld) for name, template in FAMILIES[family].templates.items()}
    halves = defaultdict(set)
    for name, half in kinds.items():
        bare = next((example for example in asked(family, name) if not example.options), asked(family, name)[0])
        text = bare.options["ABCD".index(bare.answer)] if bare.options else bare.answer
        halves[form_of(text)].add((half, name))
    for form, found in halves.items():
        assert len(found) < 2 or {half for half, _ in found} == {False, True}, (form, found)
