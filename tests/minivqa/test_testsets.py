"""The test sets hold what they promise, leak nothing and cannot be guessed."""

import hashlib
from collections import Counter, defaultdict
from functools import cache

import numpy as np
import pytest

from o1lib.minivqa import FAMILIES, draw, mixture, seeds
from o1lib.minivqa.draw import in_split
from o1lib.minivqa.facts import canonical, caption_score, check_steps, statements
from o1lib.minivqa.families.docvqa import scans
from o1lib.minivqa.testsets import CATEGORIES, TEST_SETS, test_set
from o1lib.minivqa.words import SKILLS
from o1lib.records import UserError
from o1lib.scoring.test_sets import hallusion

N = 192
drawn = cache(test_set)
EVERY = pytest.mark.parametrize("name", TEST_SETS)


def pixels(example):
    return hashlib.sha1(example.image.tobytes()).hexdigest()


def gold(example):
    return example.options["ABCD".index(example.answer)] if example.options else example.answer


def grouped(name, split="devtest"):
    groups = defaultdict(list)
    for example in drawn(name, N, split):
        groups[example.group].append(example)
    return groups


def template_of(example):
    return FAMILIES[example.family].templates[example.template]


@pytest.mark.slow
def test_the_sets_share_no_id_and_no_drawing():
    """Every question has the name of its set."""
    sets = [drawn(name, N) for name in TEST_SETS]
    assert [len(items) for items in sets] == [N] * len(TEST_SETS)
    assert all(example.test_set == name for name, items in zip(TEST_SETS, sets, strict=True) for example in items)
    assert len({example.qid for items in sets for example in items}) == len(TEST_SETS) * N
    pictures = [{pixels(example) for example in items} for items in sets]
    shared = sum(len(one & two) for k, one in enumerate(pictures) for two in pictures[:k])
    assert shared < 0.01 * sum(map(len, pictures))  # chance repeats of small drawings, not the same seeds


@pytest.mark.slow
@EVERY
def test_a_longer_set_begins_with_a_shorter_one(name):
    """A later start continues the same sequence."""
    rows = 4 if name in ("mini-MMBench", "mini-HallusionBench") else 1

    def shown(examples):
        return [(example.qid, example.question, pixels(example)) for example in examples]

    short = shown(test_set(name, 4 * rows))
    assert short == shown(drawn(name, N))[: 4 * rows]
    assert short[2 * rows :] == shown(test_set(name, 2 * rows, start=2))


def test_the_test_split_stays_undrawn_until_its_scoring_is_settled(tmp_path, monkeypatch):
    """There must be a protocol that names the sets of the headline, and frozen margins."""
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    (tmp_path / "results").mkdir()
    for name, text, message in (
        ("PROTOCOL.md", "as agreed", "until results/PROTOCOL.md says how"),
        ("PROTOCOL.md", "x\nSets in the headline: mini-MMStar.", "has a line 'Sets in the headline:'.*entering"),
        ("margins.json", "{}", "until results/margins.json is there.*margins --freeze"),
    ):
        with pytest.raises(UserError, match=f"split 'test' stays undrawn .*{message}"):
            test_set("mini-MMStar", 1, "test")
        (tmp_path / "results" / name).write_text(text, encoding="utf8")
    assert len(test_set("mini-MMStar", 1, "test")) == 1


@pytest.mark.slow
@EVERY
@pytest.mark.parametrize("split", ["devtest", "hard"])
def test_every_caption_and_step_of_a_set_holds(name, split):
    for example in drawn(name, N, split):
        relevant = statements(example.stages["caption"])
        assert caption_score(example.stages["caption"], example.facts, relevant)["exact"]
        checked = check_steps(example.stages["reasoning"], example.facts, example.true)
        assert all(holds for _, holds in checked), example.qid
        assert canonical(example.steps[-1]).startswith(canonical(f"so the answer is {gold(example)}"))


def test_mmstar_has_four_options_and_equal_skills_and_letters():
    items = drawn("mini-MMStar", N)
    assert all(len(set(example.options)) == 4 for example in items)
    assert Counter(example.skill for example in items) == dict.fromkeys(SKILLS, N // 6)
    assert Counter(example.answer for example in items) == dict.fromkeys("ABCD", N // 4)


def test_grouped_sets_hold_48_different_groups():
    for name in ("mini-MMBench", "mini-HallusionBench"):
        groups = grouped(name)
        assert len(groups) == 48 and len({group[0].key for group in groups.values()}) == 48


def test_mmbench_asks_every_question_in_its_four_rotations():
    for group in grouped("mini-MMBench").values():
        assert {example.answer for example in group} == set("ABCD")
        assert len({(gold(example), example.bare, pixels(example)) for example in group}) == 1
        assert all({example.options[place] for example in group} == set(group[0].options) for place in range(4))
        assert all(example.stages["conclusion"] == example.answer for example in group)


def test_mm_vet_is_open_and_needs_two_skills():
    for example in drawn("mini-MM-Vet", N):
        assert example.options == () and template_of(example).also and example.answer not in ("yes", "no")


def test_mathvista_mixes_charts_geometry_and_arithmetic():
    """About half of its questions are open."""
    items = drawn("mini-MathVista", N)
    assert {example.family for example in items[::3]} == {"mini-ChartQA"}
    assert {example.family for example in items[1::3]} == {"mini-GeoQA+"}
    assert {example.skill for example in items[2::3]} == {"math"}
    assert 0.3 < sum(bool(example.options) for example in items) / N < 0.7


def test_ai2d_asks_every_template_as_multiple_choice():
    items = drawn("mini-AI2D", N)
    assert {example.family for example in items} == {"mini-AI2D"} and all(example.options for example in items)
    assert len(set(Counter(example.template for example in items).values())) == 1


@pytest.mark.slow
@pytest.mark.parametrize("split", ["devtest", "hard"])
def test_hallusion_pairs_differ_in_one_fact_and_all_answers(split):
    for name, group in grouped("mini-HallusionBench", split).items():
        assert [example.qid for example in group] == [f"{name}{end}" for end in ("#0#0", "#0#1", "#1#0", "#1#1")]
        first, second, third, fourth = group
        assert first.bare == third.bare != second.bare == fourth.bare
        assert {first.answer, third.answer} == {second.answer, fourth.answer} == {"yes", "no"}
        assert len(set(first.facts) - set(third.facts)) == len(set(third.facts) - set(first.facts)) == 1
        assert pixels(first) == pixels(second) != pixels(third) == pixels(fourth)
        assert in_split(first.facts, split) and in_split(third.facts, split)


@pytest.mark.slow
def test_habit_gets_half_of_hallusion_and_no_question():
    """A model that always answers yes has aAcc 0.5 and qAcc 0."""
    rows = [{"qid": example.qid, "correct": example.answer == "yes"} for example in drawn("mini-HallusionBench", N)]
    counted = hallusion(rows)
    assert (counted["aAcc"]["value"], counted["qAcc"]["value"]) == (0.5, 0.0)


def test_vrc_bench_has_eight_equal_categories():
    """Every question has three reference steps or more."""
    items = drawn("mini-VRC-Bench", N)
    assert Counter(example.family for example in items) == dict.fromkeys(CATEGORIES.values(), N // 8)
    assert len(CATEGORIES) == 8 and min(len(example.steps) for example in items) >= 3


@EVERY
def test_withheld_templates_are_asked_as_well_as_known_ones(name):
    withheld = sum(example.withheld for example in drawn(name, N)) / N
    assert 0.25 < withheld < 0.85 or name == "mini-Depth"  # every template of mini-Depth is withheld


@cache
def trained_on():
    parts = {"base": 3000, "train": 3000, "validation": 1000}
    examples = [example for split, n in parts.items() for example in mixture(split, n)]
    return {example.key for example in examples}, {pixels(example) for example in examples}


@pytest.mark.slow
@EVERY
@pytest.mark.parametrize("split", ["devtest", "hard"])
def test_no_question_and_no_picture_of_a_set_is_trained_on(name, split):
    keys, pictures = trained_on()
    for example in drawn(name, N, split):
        assert example.key not in keys and pixels(example) not in pictures
        assert not in_split(example.facts, "train") and not in_split(example.facts, "validation")


@cache
def frequent(family, template):
    items = [draw(family, seed, template=template, choice=True) for seed in seeds("train", 150)]
    return Counter(map(gold, items)), Counter(option for example in items for option in example.options)


@pytest.mark.slow
def test_mmstar_without_the_picture_is_at_chance_level():
    hits = 0
    for example in (items := drawn("mini-MMStar", 600)):
        right, offered = frequent(example.family, example.template)
        hits += gold(example) == max(example.options, key=lambda option: right[option] / max(1, offered[option]))
    assert hits / len(items) < 0.25 + 0.05


def test_handwriting_in_scored_pictures_is_never_trained_on():
    held_out, known = ({scan.tobytes() for stack in scans(flag) for scan in stack} for flag in (True, False))
    assert not held_out & known and min(len(stack) for flag in (True, False) for stack in scans(flag)) > 10


@pytest.mark.slow
def test_hard_sets_have_more_facts_or_larger_numbers():
    def size(split):
        facts = [fact for example in drawn("mini-MMStar", N, split) for fact in example.facts]
        return len(facts) + np.mean([int(word) for fact in facts for word in fact.split() if word.isdigit()])

    assert size("hard") > 1.2 * size("devtest")


@pytest.mark.parametrize(
    "name, split, says",
    [
        ("mini-MMstar", "devtest", "did you mean mini-MMStar"),
        ("MathVista", "devtest", "did you mean mini-MathVista"),
        ("mini-AI2D", "dev", "devtest"),
    ],
)
def test_an_unknown_name_or_split_is_answered_with_the_nearest(name, split, says):
    with pytest.raises(UserError, match=says):
        test_set(name, 4, split)
