"""Groups of groups, rows on another base, and the seeds and times that a plan gives to rows."""

import pytest
from support import toystudy
from support.toystudy import edit
from typer.testing import CliRunner

from o1lib.analysis.claims import load_claims
from o1lib.cli import app
from o1lib.records import UserError
from o1lib.study import experiments, missing_bases, plan, plan_text
from o1lib.study.jobs import expand, select

STUDY = """
defaults: {work: {model: base}}
groups: {whole: [part, d], part: [c]}
twins: [{base: base1, rows: [part], groups: [second]}]
rows:
  base: {notebook: work, parameters: {model: ""}, once: true, groups: [core]}
  base1: {notebook: work, parameters: {model: ""}, once: true}
  b: {notebook: work, parameters: {value: 0.25}}
  c: {notebook: work, parameters: {model: b}}
  b.late: {notebook: work, parameters: {model: b}, groups: [part]}
  base.greedy: {notebook: work, once: true, groups: [part]}
  d: {notebook: work, parameters: {model: ""}}
scales:
  smoke: {seconds: {b: 7}, rows: {b: {seconds: 2.0}}, repeats: {whole: {second: 3, d: 2}}}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A toy project whose group `part` also runs on the base of row base1."""
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    return toystudy.make_project(tmp_path, STUDY)


def test_a_group_holds_the_rows_of_the_groups_in_it(project):
    read = experiments.read_experiments()
    assert select(read, "smoke", "part") == ["c", "b.late", "base.greedy"]
    assert select(read, "smoke", "whole") == ["c", "b.late", "base.greedy", "d"]


@pytest.mark.parametrize(
    "new, words",
    [
        ("part: [whole]", "groups hold each other"),
        ("part: [cc]", "group part names the unknown row or group 'cc'"),
    ],
)
def test_a_group_that_cannot_be_resolved_is_refused(project, new, words):
    edit(project, "part: [c]", new)
    with pytest.raises(UserError, match=words):
        experiments.read_experiments()


def test_a_twin_uses_the_other_base_wherever_its_row_uses_the_first(project):
    read = experiments.read_experiments()
    found = {row: entry for row, entry in read.rows.items() if entry.twin_of}
    assert {row: entry.twin_of for row, entry in found.items()} == {
        "b.base1": "b",
        "c.base1": "c",
        "b.base1.late": "b.late",
        "base1.greedy": "base.greedy",
    }
    models = {row: experiments.parameters_of(read, "smoke", row)["model"] for row in found}
    assert models == {"b.base1": "base1", "c.base1": "b.base1", "b.base1.late": "b.base1", "base1.greedy": "base1"}
    assert all(entry.groups == ["second"] for entry in found.values()) and found["base1.greedy"].once


def test_a_twin_has_its_rows_parameters_and_seconds_at_every_scale(project):
    read = experiments.read_experiments()
    assert experiments.parameters_of(read, "smoke", "b.base1") == {"model": "base1", "value": 0.25, "seconds": 2.0}
    assert read.scales["smoke"].seconds["b.base1"] == 7


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("base: base1", "base: base2", "twins name the unknown base 'base2'"),
        ("rows: [part]", "rows: [parts]", "twins on base1 name the unknown row 'parts'"),
        ("rows: [part]", "rows: [d]", "row d does not use 'base'"),
        ("  d: {", "  b.base1: {", "'b.base1' is a row and a twin"),
        ("  d: {", "  d: {twin_of: b, ", "rows.d.twin_of"),
    ],
)
def test_a_twin_that_cannot_be_made_is_refused(project, old, new, words):
    edit(project, old, new)
    edit(project, "part, d]", "part]")
    edit(project, "{second: 3, d: 2}", "{second: 3}")
    with pytest.raises(UserError, match=words):
        experiments.read_experiments()


def test_without_seeds_rows_run_with_those_of_their_scale(project):
    read = experiments.read_experiments()
    jobs = expand(read, "smoke", ["base.greedy", "b", "d", "c.base1"], [], ["whole", "second"])
    seeds = {row: [seed for one, seed in jobs if one == row] for row, _ in jobs}
    assert seeds == {
        "base": [0],
        "base.greedy": [0],
        "b": [0],
        "d": [0, 1],
        "base1": [0],
        "b.base1": [0, 1, 2],
        "c.base1": [0, 1, 2],
    }
    assert set(expand(read, "smoke", ["d"], [4], ["whole"])) == {("d", 4)}
    assert set(expand(read, "smoke", ["d"], [], ["d"])) == {("d", 0)}  # repeats belong to the group that ROWS names


def test_a_scale_begins_at_its_first_seed(project):
    edit(project, "smoke: {", "smoke: {first_seed: 5, seeds: {d: 2}, ")
    read = experiments.read_experiments()
    assert experiments.planned_seeds(read, "smoke") == {"d": range(5, 7)}
    assert {seed for _, seed in expand(read, "smoke", ["b", "d"], [])} == {0, 5, 6}  # the base runs once


def test_a_plan_says_which_rows_run_on_another_base(project):
    text = plan_text.describe(plan.make_plan(experiments.read_experiments(), "smoke", "whole,second", ()))
    assert "4 rows are rows on another base, by `twins` in experiments.yaml: " in text
    assert "b.base1 seed 2" in text


def test_the_second_pilot_is_one_group_on_both_bases():
    read = experiments.read_experiments()
    rows = set(select(read, "mini", "pilot"))
    both = set(select(read, "mini", "both_bases"))
    assert both < rows and {row.twin_of for row in read.rows.values()} - {""} <= rows | set(read.rows)
    assert {"structured.base1.stage_beam4.oracle", "base1.greedy", "easy_direct_tokens_repeat.sample"} <= rows
    assert {"structured.hard", "four_turn_two_phase.token_beam3", "claims", "b_recipe.sample"} <= rows


def test_the_family_of_the_second_pilot_has_two_seeds_on_each_base():
    read = experiments.read_experiments()
    jobs = expand(read, "mini", select(read, "mini", "pilot"), [], ["pilot"])
    family = select(read, "mini", "family")
    twins = [row for row, entry in read.rows.items() if entry.twin_of in family and entry.on_base == "base1"]
    assert len(twins) == len(family) == 9
    assert all({(row, 0), (row, 1)} <= jobs.keys() for row in family + twins)
    assert ("special_tags.sample", 1) not in jobs


def test_every_curve_of_judges_of_known_accuracy_has_its_ends_in_the_pilot():
    """The gain of a judge is counted from a coin to an oracle."""
    read = experiments.read_experiments()
    given = {row: experiments.parameters_of(read, "mini", row) for row in select(read, "mini", "accuracy")}
    curves = {row.rpartition(".")[0] for row, one in given.items() if one["judge"] == "synthetic"}
    assert len(curves) == 3
    ends = {f"{curve}.{judge}" for curve in curves for judge in ("random", "oracle")}
    assert ends <= set(select(read, "mini", "pilot"))


def test_the_arms_on_easy_vqa_have_two_seeds_in_the_pilot():
    """In the first pilot the arm that learns the same words as separate tasks had one."""
    read = experiments.read_experiments()
    jobs = expand(read, "mini", select(read, "mini", "pilot"), [], ["pilot"])
    own = [row for row in select(read, "mini", "easy") if not read.rows[row].once]
    assert {"easy_direct_tokens_repeat.sample", "easy_separate.sample"} <= set(own)
    assert {key for key in jobs if key[0] in own} == {(row, seed) for row in own for seed in (0, 1)}


def test_the_confirmatory_run_has_two_bases_and_seeds_that_no_pilot_used():
    """It holds the family, and beside it the judges of known accuracy, asked the set of A17 alone."""
    read = experiments.read_experiments()
    jobs = expand(read, "confirmatory", select(read, "confirmatory"), [])
    scored = {key for key in jobs if jobs[key].notebook == "03_search_and_score"}
    family, judges = select(read, "mini", "family"), select(read, "mini", "family_judges")
    seeds = {seed for _, seed in scored}
    assert len(seeds) >= 3 and not seeds & {seed for _, seed in expand(read, "mini", family, [], ["pilot"])}
    twins = {
        row: entry.twin_of
        for row, entry in read.rows.items()
        if entry.twin_of in family + judges and entry.on_base in ("base1", "base2")
    }
    assert scored == {(row, seed) for row in twins for seed in seeds} and len(twins) == 2 * len(family + judges)
    assert {twins[row] for row, _ in scored if jobs[row, min(seeds)].parameters.get("sets")} == set(judges)
    assert ("base", 0) not in jobs and {("base1", 0), ("base2", 0)} <= jobs.keys()
    assert set(experiments.planned_seeds(read, "confirmatory")["structured.base2.sample"]) == seeds


def test_the_judges_of_known_accuracy_beside_the_family_are_those_of_its_claims():
    wanted = {
        row
        for claim in load_claims()
        if claim.confirmatory
        for by in claim.judges.values()
        for row in claim.varied(by).rows
    }
    assert set(select(experiments.read_experiments(), "mini", "family_judges")) == wanted


def test_a_plan_names_the_bases_that_have_to_be_trained_first(monkeypatch, tmp_path):
    read = experiments.read_experiments()
    made = plan.make_plan(read, "confirmatory", "", ())
    monkeypatch.setattr(missing_bases, "project_root", lambda: tmp_path)
    assert missing_bases.missing_bases(read, made) == [
        f"results/checkpoints/mini-base-{seed} is not there: run `make base SCALE=mini SEEDS={seed}` first"
        for seed in (1, 2)
    ]
    (tmp_path / "results/checkpoints/mini-base-1").mkdir(parents=True)
    (tmp_path / "results/checkpoints/mini-base-1/config.json").write_text("{}")
    assert [one.partition(" ")[0] for one in missing_bases.missing_bases(read, made)] == [
        "results/checkpoints/mini-base-2"
    ]


def test_a_study_without_its_bases_does_not_start(monkeypatch):
    missing = "results/checkpoints/mini-base-9 is not there: run `make base SCALE=mini SEEDS=9` first"
    monkeypatch.setattr(missing_bases, "missing_bases", lambda study, made: [missing])
    asked = CliRunner().invoke(app, ["plan", "--scale", "mini", "--rows", "base1"])
    assert missing in asked.output and asked.exit_code == 0
    begun = CliRunner().invoke(app, ["study", "--scale", "mini", "--rows", "base1"])
    assert isinstance(begun.exception, UserError) and missing in str(begun.exception)


def test_rows_that_never_ran_are_estimated_from_published_records():
    made = plan.make_plan(experiments.read_experiments(), "mini", "pilot", ())
    seconds = {entry.job.row: entry.seconds for entry in made.jobs}
    assert made.basis.startswith("the records of results/")
    assert seconds["structured.base1"] == seconds["structured"] > 2 * seconds["direct"]
    assert seconds["structured.best_of_n10.self"] > 2 * seconds["structured.sample"]
