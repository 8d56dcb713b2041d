"""mini-Depth: an interpreter that reads only question and caption agrees with every answer, at every depth and form."""

import hashlib
import random
import re
from collections import Counter, defaultdict
from functools import cache

import pytest

from o1lib import minivqa
from o1lib.analysis.observations import observations
from o1lib.minivqa import depth
from o1lib.minivqa.__main__ import show
from o1lib.minivqa.depth import BINS, FORMS, HARD_BINS, TASKS
from o1lib.minivqa.draw import in_split, seeds
from o1lib.minivqa.facts import alter, caption_score, check_steps
from o1lib.minivqa.testsets import test_set as drawn_set
from o1lib.records import UserError
from o1lib.scoring import averaged, metrics
from o1lib.scoring.groups import OUTSIDE
from o1lib.scoring.test_sets import PAPER_SETS, of_sets

EVERY = pytest.mark.parametrize("task", list(TASKS))
WAYS = ("top", "right", "bottom", "left")
ANSWERS = {
    "arrows": set("KLMPR"),
    "swaps": {*WAYS, "centre"},
    "turns": set(WAYS),
    "sums": set("12345678"),
    "branches": set("12345678"),
}


@cache
def drawn(task, split="train", n=240):
    return [depth.draw(task, seed) for seed in seeds(split, n)]


def form_of(example):
    return "choice" if example.options else "yes_no" if example.answer in ("yes", "no") else "open"


def gold(example):
    return example.options["ABCD".index(example.answer)] if example.options else example.answer


# ---------------------------------------------------------------- an interpreter that knows texts alone


def parsed(example):
    """Return (start, [what each step says]) of a question, read from its text and the caption."""
    told = re.findall(r"step \d+ (.*?)[;.]", example.bare)
    if example.template == "swaps":
        colour = re.search(r"(?:is the|Is the) (\w+) shape then", example.bare)[1]
        [start] = [fact.rpartition(" at ")[2] for fact in example.facts if fact.startswith(colour)]
        return start, told
    shown = {"arrows": r"Start at (\w+)", "turns": r"A hand at (\w+)"}.get(example.template, r"It shows (\d)")
    return re.search(shown, example.bare)[1], told


def stepped(example, state, told):
    """Return the state after one step."""
    facts = example.facts
    if example.template in ("swaps", "arrows"):
        if example.template == "arrows":
            ends = dict(fact.split(" points to ") for fact in facts)[state]
            state = state if ends == "nothing" else ends
        pairs = [pair.split(" with ") for pair in told.removeprefix("swaps ").split(", ")]
        return next((b if state == a else a for a, b in pairs if state in (a, b)), state)
    if example.template == "turns":
        kind = told.removeprefix("counts each ").split()
        at = 0 if len(kind) == 2 else 1
        count = sum(fact.split()[at] == kind[0] for fact in facts)
        return WAYS[(WAYS.index(state) + count) % 4]
    words = re.findall(r"red|green|blue|yellow|purple|orange", told)
    colour = words[int(state) % 2] if len(words) == 2 else words[0]
    value = int(dict(fact.split(" is ") for fact in facts[1:])[colour])
    return str((int(state) + value - 1) % 8 + 1)


def run(example, order=None):
    """Return the last state, with the steps in the given order."""
    state, told = parsed(example)
    for k in order or range(len(told)):
        state = stepped(example, state, told[k])
    return state


@EVERY
def test_an_interpreter_of_question_and_caption_finds_every_answer(task):
    for example in [*drawn(task), *drawn(task, "hard", 60)]:
        found = run(example)
        if form_of(example) == "yes_no":
            claim = re.search(r"(?:at|show|to) (\w+)(?: then)?\?$", example.bare)[1]
            found = "yes" if claim == found else "no"
        assert found == gold(example), example.qid


@EVERY
def test_depth_is_the_number_of_steps_and_each_starts_where_the_last_one_ended(task):
    for example in drawn(task):
        said = [step.split() for step in example.steps if step.startswith("step ")]
        assert len(said) == example.depth == len(parsed(example)[1])
        states = [(words[words.index("to") - 1], words[-1]) for words in said]
        assert all(one[1] == two[0] for one, two in zip(states, states[1:], strict=False))


@EVERY
def test_steps_of_a_parallel_task_commute_and_those_of_a_serial_one_do_not(task):
    changed = []
    for example in drawn(task):
        if example.depth >= 3:
            order = random.Random(example.qid).sample(range(example.depth), example.depth)
            changed.append(run(example, order) != run(example))
    assert sum(changed) > 0.3 * len(changed) if TASKS[task].serial else not any(changed)


def test_three_tasks_are_serial():
    assert Counter(task.kind for task in TASKS.values()) == {"serial": 3, "parallel": 2}
    assert {example.skill for example in drawn("swaps", n=3)} == {"serial"}


# ---------------------------------------------------------------- depth is the only dial


@EVERY
def test_objects_and_answers_are_the_same_at_every_depth(task):
    facts, answers = defaultdict(set), defaultdict(set)
    for k in (1, 2, 4, 8, 12):
        for seed in seeds("train", 120):
            example = depth.draw(task, seed, depth=k, form="open")
            facts[k].add(len(example.facts))
            answers[k].add(example.answer)
    assert len(set(map(frozenset, facts.values()))) == 1 and all(len(sizes) == 1 for sizes in facts.values())
    assert set(map(frozenset, answers.values())) == {frozenset(ANSWERS[task])}


@EVERY
def test_statements_hold_and_altered_ones_do_not(task):
    rng, flagged = random.Random(0), 0
    for example in drawn(task):
        assert caption_score(example.stages["caption"], example.facts)["exact"]
        assert all(holds for _, holds in check_steps(example.stages["reasoning"], example.facts, example.true))
        at = rng.randrange(len(example.steps))
        said = [*example.steps[:at], alter(example.steps[at], rng) or "", *example.steps[at + 1 :]]
        flagged += not all(holds for _, holds in check_steps(". ".join(said), example.facts, example.true))
    assert flagged >= 0.99 * len(drawn(task))


@EVERY
def test_four_options_hold_the_answer_and_yes_is_as_frequent_as_no(task):
    examples = [depth.draw(task, seed, form=form) for form in ("choice", "yes_no") for seed in seeds("train", 200)]
    for example in examples[:200]:
        assert len(set(example.options)) == 4 and example.answer in tuple("ABCD")
        assert set(example.options) <= ANSWERS[task]
    assert 70 < sum(example.answer == "yes" for example in examples[200:]) < 130


# ---------------------------------------------------------------- the set and the mixture


@pytest.mark.parametrize("split, bins", [("devtest", BINS), ("hard", HARD_BINS)])
def test_the_set_crosses_tasks_depths_and_forms(split, bins):
    items = drawn_set("mini-Depth", 240, split)
    group = {k: place for place, depths in enumerate(bins) for k in depths}
    cells = Counter((item.template, group[item.depth], form_of(item)) for item in items)
    assert len(cells) == len(TASKS) * len(bins) * len(FORMS) and set(cells.values()) == {4}
    assert Counter(item.answer for item in items if item.options) == dict.fromkeys("ABCD", 20)
    assert all(len({item.depth for item in items if group[item.depth] == k}) == len(bins[k]) for k in range(4))


def test_the_set_enters_no_average():
    rows = [
        {"qid": f"{name}/0#0#{k}", "test_set": name, "correct": k < right, "skill": "math"}
        for name, right in [*((name, 2) for name in PAPER_SETS), ("mini-Depth", 0)]
        for k in range(4)
    ]
    with_depth, without = of_sets(rows), of_sets([row for row in rows if row["test_set"] != "mini-Depth"])
    assert with_depth["mini-Depth"]["value"] == 0.0
    assert with_depth["mini-average"] == without["mini-average"]
    assert OUTSIDE == (depth.NAME,) and metrics(rows)["accuracy"] == metrics(averaged(rows))["accuracy"]
    assert observations(rows, "accuracy").value.mean() == 0.5


def test_the_set_counts_where_it_is_named_or_asked_alone():
    rows = [{"qid": str(k), "test_set": name, "correct": name == "b"} for k, name in enumerate(["b", "mini-Depth"])]
    assert metrics(rows)["mini-Depth"]["value"] == metrics(rows[1:])["accuracy"]["value"] == 0.0
    assert observations(rows, "mini-Depth").value.tolist() == [0.0]
    assert observations(rows, "accuracy", sets=("b", "mini-Depth")).value.tolist() == [1.0, 0.0]


def test_the_base_never_meets_a_question_of_the_set():
    """Its lessons draw from the ten families, and every template is withheld all the same."""
    assert not set(minivqa.FAMILIES) & {example.family for task in TASKS for example in drawn(task, n=2)}
    assert all(example.withheld for task in TASKS for example in drawn(task, n=20))


def test_training_holds_every_task_depth_and_form():
    examples = [example for task in TASKS for example in drawn(task, n=600)]
    cells = Counter((example.template, example.depth, form_of(example)) for example in examples)
    assert len(cells) == len(TASKS) * 8 * len(FORMS)
    bins = Counter(next(k for k, some in enumerate(BINS) if example.depth in some) for example in examples)
    assert all(abs(times / len(examples) - 0.25) < 0.05 for times in bins.values())


def test_the_mixture_holds_the_share_and_leaves_the_other_items_as_they_are():
    mixed, plain = list(depth.mixture("train", 300, share=0.2)), list(minivqa.mixture("train", 300))
    deep = [one.family.startswith("mini-Depth") for one in mixed]
    assert 0.14 < sum(deep) / 300 < 0.26
    assert all(one.qid == two.qid for one, two, ours in zip(mixed, plain, deep, strict=True) if not ours)
    assert len({example.qid for example in mixed}) == 300


def test_a_later_part_of_the_mixture_is_the_same_as_in_the_whole():
    whole = list(depth.mixture("validation", 40, share=0.5))
    assert [one.qid for one in depth.mixture("validation", 15, 25, share=0.5)] == [one.qid for one in whole[25:]]


@pytest.mark.parametrize("share, expected", [(0.0, 0), (1.0, 20)])
def test_a_share_of_none_or_all_is_kept(share, expected):
    found = list(depth.mixture("train", 20, share=share))
    assert sum(example.family.startswith("mini-Depth") for example in found) == expected


@EVERY
def test_drawing_is_a_pure_function_of_the_seed(task):
    state = random.getstate()
    assert depth.draw(task, 7) == depth.draw(task, 7) and random.getstate() == state


# ---------------------------------------------------------------- splits


@cache
def known():
    """Return keys and pictures of what is trained on: mini-Depth in base, train and validation, and the mixtures."""
    items = [example for split in ("base", "train", "validation") for task in TASKS for example in drawn(task, split)]
    items += [example for split in ("base", "train", "validation") for example in minivqa.mixture(split, 300)]
    return {example.key for example in items}, {hashlib.sha1(example.image.tobytes()).hexdigest() for example in items}


@EVERY
@pytest.mark.parametrize("split", ["devtest", "hard"])
def test_no_question_and_no_scene_is_shared_with_training(task, split):
    keys, pictures = known()
    for example in drawn(task, split, 60):
        assert example.key not in keys and hashlib.sha1(example.image.tobytes()).hexdigest() not in pictures
        assert in_split(example.facts, split)
        assert not any(in_split(example.facts, other) for other in ("base", "train", "validation"))


def test_a_sheet_of_one_task_is_written_by_the_command(tmp_path):
    show(tmp_path, 4, "mini-Depth-arrows", "devtest")
    page = (tmp_path / "sheet.html").read_text(encoding="utf8")
    assert page.count("<img") == 4 and "mini-Depth-arrows/devtest/0" in page


def test_ids_are_unique_beside_the_ten_families():
    ids = [example.qid for task in TASKS for example in drawn(task)]
    ids += [example.qid for example in minivqa.mixture("train", 240)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: depth.draw("cups", 0), "swaps"),
        (lambda: depth.draw("swaps", 0, form="letter"), "yes_no"),
        (lambda: depth.draw("swaps", 0, depth=13), "from 1 to 12"),
        (lambda: depth.mixture("train", 1, share=1.5), "from 0 to 1"),
        (lambda: depth.mixture("dev", 1), "devtest"),
    ],
)
def test_a_mistake_is_answered_with_the_remedy(call, says):
    with pytest.raises(UserError, match=says):
        call()
