"""Readiness: each arm against chance, the letter of a stated option, and what is asked."""

import json
import shutil
import sys
import weakref
from types import SimpleNamespace

import pytest
from support.contract import ROOT

from o1lib.cli.app import app
from o1lib.minivqa import depth
from o1lib.minivqa.draw import split_of
from o1lib.records import Run, UserError, finish
from o1lib.scoring.policy_scores import chance_levels
from o1lib.study import readiness
from o1lib.study.readiness_criteria import NEEDED, above_chance, by_depth, criteria, log_entry


def item(k, depth=1, options=("dark", "red", "low", "big"), answer="A", template="t"):
    return SimpleNamespace(qid=str(k), depth=depth, options=options, answer=answer, template=template)


def lines(right, items, letter="A"):
    """Return predictions of which so many are right, with a chain that states the first option and this letter."""
    output = f"<REASONING> so the answer is dark, which is {letter}. </REASONING>"
    return [{"correct": k < right, "output": output} for k in range(len(items))]


ITEMS = [item(k) for k in range(700)]
RATES = {"follows_caption": {"value": 0.4, "low": 0.3, "high": 0.5, "n": 100}}


def found(direct=400, structured=500, items=ITEMS, chance=0.3, **how):
    both = lines(direct, items), lines(structured, items, **how)
    return criteria(items, *both, RATES, lambda some: chance)


def passed(criteria):
    return {name: one["passed"] for name, one in criteria.items() if one["passed"] is not None}


# ---------------------------------------------------------------- criteria


def test_three_criteria_are_required_and_three_reported():
    assert passed(found()) == {
        "direct above chance": True,
        "structured above chance": True,
        "structured gives the letter of its option": True,
    }
    assert [one["value"] for one in found().values() if one["passed"] is None] == [1.0, 0.4, None]


def test_the_lower_bound_decides_and_not_the_value():
    barely = found(direct=round(700 * (0.3 + 0.7 * 0.11)))["direct above chance"]
    assert barely["value"] > 0.10 > barely["low"] and barely["passed"] is False


def test_the_accuracy_is_corrected_for_chance():
    cell = above_chance([True] * 65 + [False] * 35, 0.3)
    assert cell["value"] == pytest.approx(0.5) and cell["low"] < 0.5 < cell["high"]
    assert above_chance([False] * 9, 0.25)["value"] == pytest.approx(-1 / 3, abs=1e-5)  # below chance stays negative


def test_only_depths_one_and_two_have_to_be_above_chance():
    deep = [item(k, depth=3 + k % 4) for k in range(900)]
    items = [*ITEMS, *deep]
    direct = [*lines(400, ITEMS), *lines(0, deep)]
    cell = criteria(items, direct, direct, {}, lambda some: 0.3)["direct above chance"]
    assert cell["n"] == 700 and cell["passed"]


def test_too_few_questions_meet_no_criterion():
    few = ITEMS[: NEEDED - 1]
    assert set(passed(found(direct=599, structured=599, items=few)).values()) == {False}


def test_a_letter_of_another_option_is_counted():
    cell = found(letter="B")["structured gives the letter of its option"]
    assert cell["value"] == 0 and cell["n"] == 700 and cell["passed"] is False


def test_a_chain_that_states_no_option_counts_for_no_letter():
    silent = [line | {"output": "no idea"} for line in lines(500, ITEMS)]
    cells = criteria(ITEMS, silent, silent, {}, lambda some: 0.3)
    assert cells["structured states an option"]["value"] == 0
    assert cells["structured gives the letter of its option"] == {
        "value": None,
        "low": None,
        "n": 0,
        "floor": 0.95,
        "passed": False,
    }


def test_accuracy_is_listed_by_depth():
    items = [item(0), item(1, depth=3), item(2, depth=3)]
    cells = by_depth(items, lines(2, items), lambda some: 0.25)
    assert {depth: cell["accuracy"]["value"] for depth, cell in cells.items()} == {"1": 1.0, "3": 0.5}
    assert cells["3"]["above_chance"]["value"] == pytest.approx(1 / 3, abs=1e-6)


def test_the_log_entry_names_every_criterion():
    table = log_entry(
        {"date": "2026-11-29", "scale": "mini", "passed": False, "criteria": found(direct=100)}, "second try"
    )
    assert table.startswith("## 2026-11-29: readiness of mini, second try: not met\n")
    assert table.count("\n|") == 2 + 6 and "| direct above chance | -0.224 |" in table and "| reported | - |" in table


def test_chance_is_that_of_the_best_fixed_policy_on_real_questions():
    training, asked = list(depth.mixture("train", 300)), list(depth.mixture("validation", 60))
    chance = readiness.counted_chance(training)
    assert 0.2 < chance(asked) < 0.6 and chance([one for one in asked if len(one.options) == 2]) >= 0.5
    assert chance([]) == 0.0


def test_training_drawings_are_counted_once_and_not_kept():
    """However many levels are asked for, and with one drawing in memory at a time."""
    drawn, pictures = [], []

    def drawing():
        for one in depth.mixture("train", 60):
            pictures.append(weakref.ref(one.image))
            drawn.append(sum(picture() is not None for picture in pictures))
            yield one

    chance = readiness.counted_chance(drawing())
    asked = list(depth.mixture("validation", 20))
    assert [chance(asked), chance(asked[:9])] and len(drawn) == 60 and max(drawn) <= 3


def test_the_chance_level_is_that_of_the_frozen_files():
    training, asked = list(depth.mixture("train", 200)), list(depth.mixture("validation", 60))
    assert readiness.counted_chance(training)(asked) == chance_levels(training, asked).of("accuracy").value


# ---------------------------------------------------------------- what is asked


def test_questions_are_validation_drawings_with_choices_to_spare():
    asked = readiness.questions(40)
    assert [one.qid for one in asked] == [one.qid for one in depth.mixture("validation", len(asked))]
    assert sum(one.depth in (1, 2) for one in asked) >= 40 and sum(bool(one.options) for one in asked) >= 64
    assert {one.qid.split("/")[1] for one in asked} == {"validation"} and split_of(200_000_000) == "validation"


def test_too_few_shallow_drawings_are_refused(monkeypatch):
    monkeypatch.setattr(readiness.depth, "mixture", lambda split, n: (item(k, depth=5) for k in range(n)))
    with pytest.raises(UserError, match="too few questions of depth 1 or 2: ask for fewer than 3"):
        readiness.questions(3)


@pytest.fixture
def project(tmp_path, monkeypatch, tiny_folder):
    """A checkout in which the arms of scale smoke were trained: random weights in place of what they learned."""
    for name in ("experiments.yaml", "notebooks"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    for row, format in (("direct", "direct"), ("structured", "tags")):
        folder = tmp_path / "work/smoke/runs" / row / "seed0"
        given = {"examples": 192, "base": "base", "learning_rate": 3e-3, "format": format, "schedule": "mixed"}
        run = Run(row, 0, "smoke", folder.parents[2], folder, given)
        shutil.copytree(tiny_folder, folder / "model")
        finish(run, {}, artifacts=[folder / "model"])
    return tmp_path


def command(*words):
    """Run the command in this process; return its exit code."""
    from typer.testing import CliRunner

    return CliRunner().invoke(app, ["readiness", *words], catch_exceptions=False)


@pytest.mark.slow
def test_the_command_prints_one_line_writes_the_try_and_goes_on(project, monkeypatch):
    monkeypatch.setattr(readiness, "TRAINING", 200)
    done = command("--scale", "smoke", "--n", "3", "--name", "first")
    assert done.exit_code == 1, done.output
    printed = json.loads(done.stdout)
    assert set(printed) == set(found()) and {tuple(one) for one in printed.values()} == {
        ("value", "low", "n", "floor", "passed")
    }
    folder = project / "work/smoke/readiness"
    table = json.loads((folder / "first.json").read_text())
    assert table["criteria"] == printed and not table["passed"] and set(table["arms"]) == {"direct", "structured"}
    assert "readiness of smoke, first: not met" in (folder / "first.md").read_text()

    monkeypatch.setattr("o1lib.inference.continuous_batch.ContinuousBatch.advance", None)  # nothing is answered again
    assert json.loads(command("--scale", "smoke", "--n", "3", "--name", "second").stdout) == printed


def test_a_try_is_not_overwritten_by_another_one(tmp_path, monkeypatch):
    """It is refused before a question is asked."""
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    path = tmp_path / "work/smoke/readiness/try.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    with pytest.raises(UserError, match="work/smoke/readiness/try.json is there.*another --name"):
        command("--scale", "smoke")
    assert path.read_text() == "{}"


def test_an_arm_of_another_budget_is_refused(project):
    path = project / "work/smoke/runs/direct/seed0/record.json"
    path.write_text(path.read_text().replace('"examples": 192', '"examples": 64'))
    with pytest.raises(UserError, match="row 'direct' was trained with examples 64 but scale smoke gives it 192"):
        readiness.measure("smoke")


@pytest.mark.parametrize(
    ("there", "told"),
    [
        ('"learning_rate": 0.001', "learning_rate 0.001 but scale smoke gives it 0.003"),
        ('"optimizer": "muon", "learning_rate": 0.003', "optimizer muon but scale smoke gives it None"),
    ],
)
def test_an_arm_of_another_rate_or_optimizer_is_refused(project, there, told):
    path = project / "work/smoke/runs/direct/seed0/record.json"
    path.write_text(path.read_text().replace('"learning_rate": 0.003', there))
    with pytest.raises(UserError, match=f"row 'direct' was trained with {told}"):
        readiness.measure("smoke")


def test_an_arm_that_names_the_default_optimizer_is_taken(project, monkeypatch):
    path = project / "work/smoke/runs/direct/seed0/record.json"
    path.write_text(path.read_text().replace('"learning_rate"', '"optimizer": "adamw", "learning_rate"'))
    asked = []
    monkeypatch.setattr(readiness, "questions", lambda n: asked.append(n) or [])
    monkeypatch.setattr(readiness, "drawn_items", lambda n: sys.exit())
    with pytest.raises(SystemExit):
        readiness.measure("smoke", n=3, chance=len)
    assert asked == [3]


def test_an_arm_that_was_not_trained_is_refused(project):
    with pytest.raises(UserError, match="needs row 'no_tags', seed 0"):
        readiness.measure("smoke", direct="no_tags")
