"""The probes read every true chain of Mini-VQA: each family, template and form, and each task of mini-Depth."""

import random
from collections import defaultdict
from dataclasses import replace
from functools import cache

import pytest

from o1lib.evaluation.probes.cases import Setting, steps_of
from o1lib.evaluation.probes.corrupted import STATED, corrupted_cases, stated_otherwise
from o1lib.evaluation.probes.forced import CHAIN, answering, ask, continued, fresh, read_answer
from o1lib.evaluation.probes.pairs import disjoint_pairs
from o1lib.evaluation.probes.questions import with_own_chains
from o1lib.formats.chat import target
from o1lib.formats.special_tags import from_special, to_special
from o1lib.minivqa import FAMILIES, depth, seeds
from o1lib.minivqa.draw import LETTERS, assemble, sample
from o1lib.minivqa.facts import check_steps
from o1lib.scoring import correct
from o1lib.scoring.stage_scores import letter_kept

SEEDS = 6  # of each template and form
FORMATS = ("tags", "no_tags", "special_tags", "four_turn")
EVERY = pytest.mark.parametrize("source", [*FAMILIES, *depth.TASKS])


@cache
def drawn(source):
    """Return drawings of a family, without their pictures, or of a task of mini-Depth. Each has an id of its own."""
    found = of_family(source, SEEDS) if source in FAMILIES else of_task(source)
    return [replace(one, qid=f"{source}/{k}") for k, one in enumerate(found)]


def of_family(family, n, choices=(True, False)):
    return [
        without_picture(family, name, seed, choice)
        for name in FAMILIES[family].templates
        for choice in choices
        for seed in seeds("train", n)
    ]


def of_task(task):
    return [
        depth.draw(task, seed, depth=steps, form=form)
        for steps in (1, 2, 5, 8, 12)
        for form in depth.FORMS
        for seed in seeds("train", 2)
    ]


def without_picture(family, name, seed, choice):
    rng = random.Random(f"{family}/{name}/{seed}/{choice}")
    scene, asked = sample(FAMILIES[family], name, "train", False, rng)
    return assemble(FAMILIES[family], name, "train", seed, scene, asked, None, rng, choice)


def wrong_answers(one, items):
    """Return the other letters, the other of yes and no, or the answers to the same template."""
    if one.options:
        return set(LETTERS[: len(one.options)]) - {one.answer}
    if one.answer in ("yes", "no"):
        return {"yes", "no"} - {one.answer}
    return {other.answer for other in items if other.template == one.template and not other.options} - {one.answer}


def last_step(one, answer):
    letter = f", which is {answer}" if one.options else ""
    return f"so the answer is {one.options[LETTERS.index(answer)] if one.options else answer}{letter}"


@EVERY
def test_the_steps_of_every_chain_are_read(source):
    for one in drawn(source):
        assert steps_of(one) == list(one.steps) and len(one.steps) > 1
        assert one.steps[-1] == last_step(one, one.answer)


@EVERY
def test_the_stated_answer_of_every_chain_can_be_another(source):
    for one in drawn(source):
        others = wrong_answers(one, drawn(source))
        assert others
        for other in others:
            assert stated_otherwise(one, other) == ". ".join([*one.steps[:-1], last_step(one, other)]) + "."


@EVERY
def test_an_earlier_step_of_every_chain_can_be_made_false(source):
    for one in drawn(source):
        cases = [case for case in corrupted_cases(Setting([one], {}, "four_turn")) if case.condition != STATED]
        kept, changed = (check_steps(case.request.prefix, one.facts, one.true) for case in cases)
        assert all(holds for _, holds in kept) and not changed[-1][1]
        assert changed[:-1] == kept[:-1]


@EVERY
@pytest.mark.parametrize("format", FORMATS)
def test_the_answer_after_every_chain_is_read(source, format):
    close = {"tags": " </CONCLUSION>", "special_tags": to_special(" </CONCLUSION>")}.get(format, "")
    for one in drawn(source):
        request = ask(one, answering(one.question, one.stages, format))
        assert correct(read_answer(request, f" {one.answer}{close}", format, one.options), one.answer, one.options)
        free = ask(one, fresh(one.question, format))
        assert correct(read_answer(free, target(one, format), format, one.options), one.answer, one.options)
        assert letter_kept(target(one, format), one.options) is (True if one.options else None)


@EVERY
@pytest.mark.parametrize("format", FORMATS)
def test_every_chain_can_be_forced_and_read_back(source, format):
    for one in drawn(source):
        start = continued(one, format, CHAIN[:2], steps_of(one)[:-1])
        forced = from_special("\n\n".join((*start.replies, start.prefix)))
        assert all(one.stages[stage] in forced for stage in CHAIN[:2]) and "so the answer" not in forced
        assert forced.endswith(". ".join(one.steps[:-1]) + ".")
    texts = [target(one, format) for one in drawn(source)]
    own, _, left_out = with_own_chains(drawn(source), {}, lambda requests: texts, format)
    assert not left_out and [one.stages for one in own] == [one.stages for one in drawn(source)]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_question_and_its_caption_have_one_answer(family):
    """So a swapped caption can be followed. A caption alone cannot: "title menu" is B among some options."""
    items, answers = of_family(family, 40, (False,)), defaultdict(set)
    for one in items:
        answers[one.question, one.stages["caption"]].add(one.answer)
    assert disjoint_pairs(items) and {len(found) for found in answers.values()} == {1}
