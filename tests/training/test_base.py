"""The training of the base: captions, short answers on open templates and judging, and never a stage tag."""

import random
import re

import pytest

from o1lib.formats.chat import SPECIAL_TAGS
from o1lib.formats.judge_prompts import CORRECT, INCORRECT, KINDS, judge_prompt, parse_verdict
from o1lib.formats.stages import STAGES, close_tag, open_tag
from o1lib.minivqa import FAMILIES, draw
from o1lib.minivqa.facts import check_steps, statements
from o1lib.records import UserError
from o1lib.training import base, base_tasks
from o1lib.training.base import base_metrics, questions
from o1lib.training.base_tasks import (
    CAPTIONS,
    DESCRIBE,
    EASY,
    EASY_UNTIL,
    HARD,
    JUDGING_FROM,
    base_example,
    base_phases,
    base_turn,
    drawn,
    pair,
    single,
)

TAGS = [tag(stage) for stage in STAGES for tag in (open_tag, close_tag)] + list(SPECIAL_TAGS)
JUDGING = [judge_prompt(kind, "", "", "", "", short=True).splitlines()[0] for kind in KINDS]
JUDGING += ["Is this reasoning correct", "Is this statement correct"]
JUDGED = ("caption", "reasoning", "conclusion", "sentence", "all")


def texts(example):
    """Return (user text, assistant text) of a training example."""
    return tuple(turn["content"][-1]["text"] for turn in example["messages"])


def judges(example):
    return texts(example)[0].startswith(tuple(JUDGING))


@pytest.fixture(scope="module")
def phases():
    """The three phases (no judging, easy judging, hard judging) as lists of 300 examples each."""
    return [[phase[k] for k in range(300)] for phase in base_phases(2000, seed=0, judge_share=0.3)]


def test_no_stage_tag_is_ever_said_or_learned(phases):
    assert not [tag for phase in phases for example in phase for text in texts(example) for tag in TAGS if tag in text]


def test_judging_starts_late_and_has_its_share_overall(phases):
    whole = base_phases(1000, seed=0, judge_share=0.3)
    assert [len(phase) for phase in whole] == [400, 200, 400] and (JUDGING_FROM, EASY_UNTIL) == (0.4, 0.6)
    assert not any(map(judges, phases[0]))
    for phase in phases[1:]:
        assert sum(map(judges, phase)) / 300 == pytest.approx(0.3 / (1 - JUDGING_FROM), abs=0.1)


def test_easy_pairs_differ_in_more_statements_than_hard_ones():
    def differing(wrong):
        counts = []
        for k in range(100):
            user, _ = pair(drawn(random.Random(k), "base", k), random.Random(k), "caption", wrong)
            two = re.search(r"Response 1: (.*)\nResponse 2: (.*)", user, re.S).groups()
            counts.append(sum(a != b for a, b in zip(*map(statements, two))))
        return counts

    assert max(differing(HARD)) <= 2 and sum(differing(EASY)) > 1.6 * sum(differing(HARD))


def test_single_statements_are_altered_in_about_half(phases):
    """The verdict on an altered statement is INCORRECT."""
    found = {CORRECT: [], INCORRECT: []}
    for example in [*phases[1], *phases[2]]:
        user, verdict = texts(example)
        if user.startswith(JUDGING[-1]):
            found[verdict].append(user)
    assert len(found[CORRECT]) > 30 and len(found[INCORRECT]) > 30
    for k in range(60):
        example = drawn(random.Random(k), "base", k)
        user, verdict = single(example, random.Random(k))
        assert verdict == CORRECT or user.split("\n")[1].rstrip(".") not in example.facts


def test_training_never_draws_withheld_templates(monkeypatch):
    seen = []
    monkeypatch.setattr(base_tasks, "drawn", lambda *args: seen.append(drawn(*args)) or seen[-1])
    for k in range(200):
        base_example(0, k, 0.3)
    assert len(seen) == 200 and not any(example.withheld for example in seen)


def test_withheld_drawings_cover_every_family():
    unseen = [drawn(random.Random(k), "validation", k, withheld=True) for k in range(200)]
    assert all(example.withheld for example in unseen) and {example.family for example in unseen} == set(FAMILIES)


def test_captions_hold_every_fact_and_ignore_the_question(phases):
    captions = [texts(example) for example in phases[0] if texts(example)[0] == DESCRIBE]
    assert len(captions) / 300 == pytest.approx(CAPTIONS, abs=0.1)
    example = draw("mini-ChartQA", 3)
    assert base_turn(example, random.Random(0), "caption") == (DESCRIBE, ". ".join(example.facts) + ".", True)


def test_only_checks_of_a_reasoning_have_no_picture(phases):
    for example in (example for phase in phases for example in phase):
        pictures = sum(part["type"] == "image" for turn in example["messages"] for part in turn["content"])
        assert pictures == len(example["images"]) == (not texts(example)[0].startswith(JUDGING[-2]))


@pytest.mark.parametrize("kind", JUDGED)
def test_the_better_text_comes_first_in_about_half(kind):
    examples = [drawn(random.Random(k), "base", k) for k in range(100)]
    verdicts = [parse_verdict(pair(e, random.Random(k), kind)[1], strict=True) for k, e in enumerate(examples)]
    assert set(verdicts) == {1, 2} and 30 < verdicts.count(1) < 70


@pytest.mark.parametrize("kind", ["caption", "reasoning"])
def test_the_preferred_text_is_true_and_the_other_is_not(kind):
    false = 0
    for k in range(100):
        example = drawn(random.Random(k), "base", k)
        user, verdict = pair(example, random.Random(k), kind)
        two = re.search(r"Response 1: (.*)\nResponse 2: (.*)", user, re.S).groups()
        better, other = two if parse_verdict(verdict) == 1 else two[::-1]
        assert all(right for _, right in check_steps(better, example.facts, example.true))
        false += not all(right for _, right in check_steps(other, example.facts, example.true))
    assert false >= 97  # an altered statement may by chance be true of the picture


def test_examples_are_fixed_by_seed_and_number():
    assert texts(base_example(1, 5, 0.2)) == texts(base_example(1, 5, 0.2))
    assert len({texts(base_example(seed, k, 0.2)) for seed in (0, 1) for k in range(20)}) > 35


@pytest.mark.parametrize("share", [-0.1, 0.7])
def test_a_judge_share_out_of_range_is_refused(share):
    with pytest.raises(UserError, match=f"judge_share {share} .*: choose a number from 0 to 0.6"):
        base_phases(100, judge_share=share)


def test_metrics_count_parts_families_and_leaked_tags():
    line = {"qid": "q", "template": "t", "family": "mini-PISC"}
    found = base_metrics(
        [
            line | {"part": "captions", "output": text, "correct": right}
            for text, right in (("a", True), ("b", False), ("<SUMMARY> c", False), ("d", False))
        ]
    )
    assert {name: (metric["value"], metric["n"]) for name, metric in found.items()} == {
        "captions": (0.25, 4),
        "captions/mini-PISC": (0.25, 4),
        "stage tags": (0.25, 4),
    }
    assert all(metric["low"] < metric["value"] < metric["high"] for metric in found.values())


def test_own_captions_are_compared_if_one_is_exact_and_one_not(tiny, monkeypatch):
    asked = questions(3)
    exact = [". ".join(e.facts) + "." for e in asked]
    monkeypatch.setattr(base, "sampled", lambda *_: [exact[0], "nothing.", exact[1], exact[1], "nothing.", "nothing."])
    asks = []
    monkeypatch.setattr(base, "_prefers", lambda model, processor, made, *_: asks.extend(made) or [True] * len(made))
    assert base.judged_own(*tiny, asked, samples=2) == [(asked[0], True)]
    ((_, user, right),) = asks
    assert user.split("Response ")[right + 1].split("\n")[0] == f"{right + 1}: {exact[0]}"


def test_a_preference_for_one_word_is_right_where_it_is(tiny):
    example = questions(1)[0]
    hits = [base._prefers(*tiny, [(example.image, "Which?", right)] * 2, (" 1", " 2")) for right in (0, 1)]
    assert hits[0][0] == hits[0][1] != hits[1][0] == hits[1][1]


def test_a_base_measured_on_no_question_is_refused():
    with pytest.raises(UserError, match="set questions to 1 or more"):
        questions(0)
