"""Fixed policies answer from training counts alone."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.asked import Asked

from o1lib.formats.answer_forms import YES_NO
from o1lib.minivqa import depth, mixture
from o1lib.minivqa.draw import seeds
from o1lib.minivqa.testsets import TEST_SETS, test_set
from o1lib.scoring.fixed_policies import POLICIES, TrainingCounts

FOUR = ("red", "blue", "green", "gray")


def says(policy, item, train):
    counts = TrainingCounts(train)
    return POLICIES[policy].answer(counts.seen(item), counts)


def choice(answer, options=FOUR, **more):
    return Asked("q", "ABCD"[options.index(answer)], options, **more)


def test_uniform_gives_every_option_the_same_probability():
    assert says("uniform", choice("red"), []) == dict.fromkeys(FOUR, 0.25)


def test_the_commonest_letter_is_counted_among_questions_with_as_many_options():
    train = [choice("green"), choice("green"), choice("yes", ("yes", "no")), choice("yes", ("yes", "no"))] * 3
    assert says("letter", choice("red"), train) == {"green": 1.0}
    assert says("letter", choice("no", ("no", "yes")), train) == {"no": 1.0}


def test_the_commonest_option_is_a_text_and_not_a_place():
    train = [choice("blue"), choice("blue"), choice("red")]
    turned = choice("red", ("gray", "green", "blue", "red"))
    assert says("commonest", turned, train) == {"blue": 1.0}


def test_an_even_count_is_split_evenly():
    assert says("commonest", choice("red"), [choice("blue"), choice("gray")]) == {"blue": 0.5, "gray": 0.5}


def test_options_that_were_never_right_get_the_same_probability():
    assert says("commonest", choice("red"), [choice("7", ("7", "8", "9", "10"))]) == dict.fromkeys(FOUR, 0.25)


def test_answers_are_counted_by_template_form_and_depth():
    train = [
        Asked("a", "3", template="t", depth=2),
        Asked("b", "4", template="t", depth=1),
        Asked("c", "4", template="t", depth=1),
        Asked("d", "9", template="other", depth=2),
        Asked("e", "9", template="other", depth=2),
        choice("blue", depth=2),
    ]
    assert says("commonest", Asked("q", "", template="t", depth=2), train) == {"3": 1.0}


def test_a_depth_without_training_items_falls_back_to_its_template():
    train = [Asked("a", "4", depth=1), Asked("b", "9", template="other", depth=9), Asked("c", "9", template="other")]
    assert says("commonest", Asked("q", "", depth=9), train) == {"4": 1.0}


def test_a_new_template_falls_back_to_its_form():
    train = [Asked("a", "4"), Asked("b", "4"), choice("blue")]
    assert says("commonest", Asked("q", "", template="new"), train) == {"4": 1.0}


def test_a_template_is_closed_if_all_its_training_answers_are_yes_or_no():
    counts = TrainingCounts([Asked("a", "yes"), Asked("b", "no"), Asked("c", "yes", template="mixed"),
                             Asked("d", "4", template="mixed")])  # fmt: skip
    forms = [counts.seen(Asked("q", "", template=template)).form for template in ("t", "mixed", "new")]
    assert forms == ["yes_no", "open", "open"]


def test_the_form_of_a_mini_depth_question_is_read_off_the_question():
    train = [depth.draw(name, seed) for name in depth.TASKS for seed in seeds("train", 40)]
    counts, asked = TrainingCounts(train), [*train, *test_set(depth.NAME, 60)]
    for item in asked:
        right = "choice" if item.options else "yes_no" if item.answer in YES_NO else "open"
        assert counts.seen(item).form == right == counts.seen(replace(item, answer="")).form


@pytest.mark.parametrize("policy", ["yes", "no"])
def test_a_constant_answer_is_given_as_an_option_where_it_is_one(policy):
    assert says(policy, choice("no", ("no", "yes")), []) == {policy: 1.0}
    assert says(policy, choice("red"), []) == dict.fromkeys(FOUR, 0.25)


def test_every_policy_gives_probabilities_that_add_up_to_one():
    train = list(mixture("train", 200))
    counts = TrainingCounts(train)
    for item in test_set("mini-MathVista", 12):
        seen = counts.seen(item)
        for policy in POLICIES.values():
            if seen.form in policy.forms:
                assert sum(policy.answer(seen, counts).values()) == pytest.approx(1)


TRAIN = list(mixture("train", 300))
TEST = [item for name in TEST_SETS for item in test_set(name, 8)]


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_no_policy_sees_the_picture_or_the_right_answer(rng):
    """Neither changes what a policy knows, so shuffling them over the items of a template changes no answer."""
    counts, by_kind = TrainingCounts(TRAIN), {}
    for item in TEST:
        by_kind.setdefault((item.family, item.template, len(item.options)), []).append(item)
    for items in by_kind.values():
        answers = rng.sample([item.answer for item in items], len(items))
        pictures = rng.sample([item.image for item in items], len(items))
        for item, answer, picture in zip(items, answers, pictures, strict=True):
            hidden = replace(item, answer=answer, image=picture, stages={}, facts=(), steps=(), true=frozenset())
            assert counts.seen(hidden) == counts.seen(item)
            for policy in POLICIES.values():
                if counts.seen(item).form in policy.forms:
                    assert policy.answer(counts.seen(hidden), counts) == policy.answer(counts.seen(item), counts)


def test_the_order_of_the_training_items_changes_no_answer():
    turned = random.Random(0).sample(TRAIN, len(TRAIN))
    one, other = TrainingCounts(TRAIN), TrainingCounts(turned)
    for item in TEST:
        for policy in POLICIES.values():
            if one.seen(item).form in policy.forms:
                assert policy.answer(one.seen(item), one) == policy.answer(other.seen(item), other)
