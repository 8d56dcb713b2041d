"""Mini-VQA: drawing is pure, splits share nothing, statements can be checked, and no answer can be guessed unseen."""

import math
import random
import subprocess
import sys
from collections import Counter
from functools import cache

import pytest

from o1lib.formats.stages import STAGES
from o1lib.minivqa import FAMILIES, SPLITS, draw, mixture, seeds
from o1lib.minivqa.contact_sheet import board, sheet, write
from o1lib.minivqa.facts import alter, caption_score, check_steps, statements
from o1lib.minivqa.words import CLASSES, SKILLS
from o1lib.records import UserError, project_root

EVERY = pytest.mark.parametrize("family", list(FAMILIES))
TABLE_1 = {
    "ShareGPT4V": 31.3,
    "ChartQA": 17.2,
    "A-OKVQA": 16.1,
    "AI2D": 11.4,
    "GeoQA+": 11.4,
    "ScienceQA": 5.6,
    "DocVQA": 4.0,
    "PISC": 1.0,
    "CLEVR": 0.5,
    "CLEVR-Math": 0.5,
}


@cache
def drawn(family, split="train", n=1000, choice=None):
    return [draw(family, seed, choice=choice) for seed in seeds(split, n)]


def needed(example):
    return statements(example.stages["caption"])


def text_of(example):
    return example.options["ABCD".index(example.answer)] if example.options else example.answer


def test_the_ten_families_have_the_shares_of_table_1():
    assert {name: family.share for name, family in FAMILIES.items()} == {
        f"mini-{name}": share for name, share in TABLE_1.items()
    }


def test_skills_have_templates_and_families_withhold_half():
    """Every skill has at least four templates, and every family withholds about half of its own."""
    templates = [template for family in FAMILIES.values() for template in family.templates.values()]
    skills = Counter(template.skill for template in templates)
    assert set(skills) == set(SKILLS) and min(skills.values()) >= 4
    assert all(set(template.also) < set(SKILLS) - {template.skill} for template in templates)
    for family in FAMILIES.values():
        assert 4 <= len(family.templates) <= 6
        assert abs(sum(t.withheld for t in family.templates.values()) - len(family.templates) / 2) <= 0.5


def test_a_word_that_carries_a_value_belongs_to_one_class():
    words = Counter(word for group in CLASSES.values() for word in group)
    assert [word for word, times in words.items() if times > 1] == []


@EVERY
def test_drawing_is_a_pure_function_of_the_seed(family):
    """It leaves the global random state alone."""
    state = random.getstate()
    one, two = draw(family, 7), draw(family, 7)
    assert one == two and one.image.tobytes() == two.image.tobytes()
    assert random.getstate() == state


@pytest.mark.slow
def test_examples_do_not_depend_on_the_order_of_sets():
    code = (
        "import hashlib; from o1lib.minivqa import mixture\n"
        "drawn = [(e.question, e.stages, e.image.tobytes()) for e in mixture('train', 60)]\n"
        "print(hashlib.sha1(repr(drawn).encode()).hexdigest())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(project_root())},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


@pytest.mark.slow
def test_the_mixture_keeps_its_order_and_the_shares_of_table_1():
    """A shorter mixture is the beginning of a longer one."""
    assert [e.qid for e in mixture("train", 20)] == [e.qid for e in mixture("train", 30)][:20]
    counts = Counter(e.family for e in mixture("train", 1500))
    assert all(abs(counts[name] / 15 - family.share) < 4 for name, family in FAMILIES.items())


@pytest.mark.slow
@EVERY
def test_no_facts_are_shared_between_splits(family):
    split_facts = {
        split: {tuple(sorted(e.facts)) for e in drawn(family, split, 300)}
        for split in ("train", "validation", "devtest")
    }
    assert not split_facts["train"] & split_facts["devtest"]
    assert not split_facts["train"] & split_facts["validation"]
    assert not split_facts["validation"] & split_facts["devtest"]


@EVERY
def test_fact_sets_are_many(family):
    kind, rng = FAMILIES[family], random.Random(0)
    assert len({kind.facts(kind.scene(rng, False)) for _ in range(2000)}) > 1850


@pytest.mark.slow
@EVERY
def test_hard_scenes_have_more_facts_or_other_numbers(family):
    """Scenes for training never have as many facts, or lack some of the words."""
    usual, hard = drawn(family), drawn(family, "hard", 60)
    longer = max(len(e.facts) for e in hard) > max(len(e.facts) for e in usual)
    words = [{word for e in examples for fact in e.facts for word in fact.split()} for examples in (hard, usual)]
    assert longer or words[0] - words[1]


@pytest.mark.slow
@EVERY
def test_no_true_caption_or_step_is_flagged(family):
    for example in drawn(family):
        assert caption_score(example.description, example.facts)["exact"], example.qid
        assert caption_score(example.stages["caption"], example.facts, needed(example))["exact"], example.qid
        assert all(holds for _, holds in check_steps(example.stages["reasoning"], example.facts, example.true)), (
            example.qid
        )


@pytest.mark.slow
@EVERY
def test_99_percent_of_altered_captions_and_steps_are_flagged(family):
    """One statement is altered in each of 1,000 captions and step lists."""
    rng, captions, reasonings = random.Random(1), 0, 0
    for example in drawn(family):
        wanted = needed(example)
        captions += not caption_score(_altered(wanted, rng), example.facts, wanted)["exact"]
        reasonings += not all(
            holds for _, holds in check_steps(_altered(example.steps, rng), example.facts, example.true)
        )
    assert captions >= 990 and reasonings >= 990


@EVERY
def test_a_caption_holds_the_facts_that_its_reasoning_uses_in_the_order_of_the_picture(family):
    for example in drawn(family, n=300):
        kept = needed(example)
        assert kept == [fact for fact in example.facts if fact in kept], example.qid
        assert {step for step in example.steps if step in example.facts} <= set(kept), example.qid


@EVERY
def test_some_questions_need_a_part_of_the_facts_and_some_all(family):
    """Every question of mini-CLEVR-Math counts all shapes; none of mini-PISC needs cues and clothes."""
    parts = {len(needed(example)) < len(example.facts) for example in drawn(family, n=300)}
    assert parts == {"mini-CLEVR-Math": {False}, "mini-PISC": {True}}.get(family, {False, True})


@EVERY
def test_summaries_differ_between_the_questions_of_a_template(family):
    for name in FAMILIES[family].templates:
        assert len({draw(family, seed, template=name).stages["summary"] for seed in seeds("train", 20)}) > 1, name


def _altered(said, rng):
    at = rng.randrange(len(said))
    return ". ".join((*said[:at], alter(said[at], rng) or said[at], *said[at + 1 :])) + "."


@pytest.mark.slow
@EVERY
def test_options_are_different_and_include_the_answer(family):
    """There are four of them, or yes and no."""
    for example in drawn(family, n=300, choice=True):
        assert len(set(example.options)) == len(example.options)
        assert len(example.options) == 4 or set(example.options) == {"yes", "no"}
        assert example.answer in "ABCD"[: len(example.options)] and example.stages["conclusion"] == example.answer
        assert all(f" {letter}. {option}" in example.question for letter, option in zip("ABCD", example.options))
        assert example.steps[-1] == f"so the answer is {text_of(example)}, which is {example.answer}"


@EVERY
def test_about_half_of_the_questions_are_open(family):
    """Open questions have no options."""
    examples = drawn(family)
    assert all(e.options == () and e.bare == e.question for e in examples if e.answer not in tuple("ABCD"))
    assert family == "mini-ScienceQA" or 400 < sum(not e.options for e in examples) < 600


@pytest.mark.slow
@EVERY
def test_the_most_frequent_option_is_no_better_than_chance(family):
    """The policy picks the option that was most often right for the template."""
    examples = drawn(family, "base", 2000, True)
    known = Counter((e.template, text_of(e)) for e in examples[:1000])
    scored = examples[1000:]
    right = sum(max(e.options, key=lambda option: known[e.template, option]) == text_of(e) for e in scored)
    assert right / 1000 <= sum(1 / len(e.options) for e in scored) / 1000 + 0.05


@pytest.mark.slow
@EVERY
def test_yes_and_no_and_the_letters_are_equally_frequent(family):
    examples = drawn(family, "base", 2000, True)
    asked = [text_of(e) for e in examples if len(e.options) == 2]
    letters = Counter(e.answer for e in examples if len(e.options) == 4)
    assert not asked or abs(asked.count("yes") / len(asked) - 0.5) < 0.08
    assert all(abs(letters[letter] / letters.total() - 0.25) < 0.06 for letter in "ABCD")


def test_printed_sides_make_a_triangle_with_the_printed_angle():
    places = {
        "top": ("bottom", "left", "right"),
        "bottom left": ("right", "left", "bottom"),
        "bottom right": ("left", "right", "bottom"),
    }
    seen = 0
    for example in drawn("mini-GeoQA+"):
        sides = {fact.split()[3]: int(fact.split()[1]) for fact in example.facts if fact.startswith("side")}
        if len(sides) == 3:
            [(corner, angle)] = [
                (" ".join(fact.split()[3:]), int(fact.split()[1])) for fact in example.facts if "angle " in fact[:6]
            ]
            facing, one, two = (sides[name] for name in places[corner])
            assert facing < one + two and one < two + facing and two < one + facing, example.facts
            true = math.degrees(math.acos((one**2 + two**2 - facing**2) / (2 * one * two)))
            seen += abs(true - angle) <= 5.01 or pytest.fail(f"{example.facts}: {true}")
    assert seen > 150


@EVERY
def test_an_example_has_a_small_picture_and_a_short_staged_answer(family):
    for example in drawn(family, n=300):
        assert example.image.size == (64, 64) and example.image.mode == "RGB" and len(example.image.getcolors()) > 2
        assert tuple(example.stages) == STAGES and statements(example.stages["reasoning"]) == list(example.steps)
        assert 2 <= len(example.facts) <= 7 and len(" ".join(example.stages.values()).split()) <= 110


def test_a_sum_of_numbers_that_were_not_stated_does_not_hold():
    assert check_steps("2 + 3 = 5. 2 + 4 = 6", ("2 cups", "3 jugs"), frozenset()) == [
        ("2 + 3 = 5", True),
        ("2 + 4 = 6", False),
    ]
    assert check_steps("2 + 3 = 5. 5 - 2 = 3. 5 + 3 = 9", ("2 cups", "3 jugs"), frozenset())[-1] == ("5 + 3 = 9", False)


def test_a_statement_said_twice_holds_once():
    assert [holds for _, holds in check_steps("Red is 5. red is 5", ("red is 5",), frozenset())] == [True, False]


def test_a_caption_may_reorder_facts_but_not_repeat_them():
    """Articles do not matter either."""
    facts = ("red cup at left", "blue car at top")
    assert caption_score("There is a blue car at top. A red cup at left.", facts)["exact"]
    assert not caption_score("Red cup at left. Red cup at left. Blue car at top.", facts)["exact"]
    assert caption_score("Red cup at left.", facts) == {"exact": False, "precision": 1.0, "recall": 0.5}


def test_alter_changes_one_value_and_says_when_there_is_none():
    rng = random.Random(0)
    assert {alter("red cup", rng).split()[1] for _ in range(50)} >= {"cup", "key"}
    assert alter("nothing to see", rng) is None


@pytest.mark.parametrize(
    "call, says", [(lambda: draw("mini-Chart", 0), "mini-ChartQA"), (lambda: seeds("dev", 3), "devtest")]
)
def test_an_unknown_name_is_answered_with_the_known_ones(call, says):
    with pytest.raises(UserError, match=says):
        call()


def test_splits_have_seeds_of_their_own():
    ranges = [seeds(split, 1000) for split in SPLITS]
    assert len({seed for numbers in ranges for seed in numbers}) == 1000 * len(SPLITS)


def test_a_sheet_shows_an_example_and_escapes_every_text():
    from dataclasses import replace

    example = replace(draw("mini-CLEVR", 0), question="<script>?", answer="<b>")
    page = sheet([example])
    assert "<script>" not in page and "&lt;script&gt;?" in page and "&lt;b&gt;" in page
    assert all(stage in page for stage in STAGES) and "data:image/png;base64," in page


@pytest.mark.slow
def test_a_sheet_is_written_as_page_and_picture(tmp_path):
    examples = [draw(family, 0) for family in FAMILIES]
    page, picture = write(examples, tmp_path / "new")
    assert page.read_text(encoding="utf8").count("<img") == len(examples) and "http" not in page.read_text(
        encoding="utf8"
    )
    assert picture.stat().st_size > 10_000 and board(examples).width > 4 * 256
    assert sorted(path.name for path in page.parent.iterdir()) == ["sheet.html", "sheet.png"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words, says", [(["--family", "nope"], "choose one of"), (["--split", "test"], "stays undrawn")]
)
def test_the_command_reports_bad_input_and_writes_nothing(tmp_path, words, says):
    done = subprocess.run(
        [sys.executable, "-m", "o1lib.minivqa", "--out", str(tmp_path / "out"), *words],
        cwd=project_root(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
