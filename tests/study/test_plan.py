"""Reading experiments.yaml, fingerprints of jobs, plans, and publishing what is up to date."""

import gzip
import json
import os
import re
import shutil
import subprocess

import pytest
from support import toystudy
from support.toystudy import edit, planned, record

from o1lib import cli
from o1lib.records import UserError, sha256
from o1lib.study import copies, experiments, plan, plan_text, progress, publish, states
from o1lib.study import jobs as study


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A toy project in place of the checkout."""
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    return toystudy.make_project(tmp_path)


@pytest.fixture
def done(project):
    """The toy project with a record of every row."""
    record_all("all")
    return project


def record_all(rows="", seeds=(0,)):
    for entry in planned(rows, seeds).jobs:
        record(entry.job)


def names(entries):
    return [entry.job.name for entry in entries]


BROKEN = {
    "an unknown key": ("once: true, groups", "onec: true, groups", "rows.a.onec"),
    "an unknown need": ('needs: ["*"]', "needs: [zzz]", "row claims needs the unknown row 'zzz'"),
    "an unknown model": ("model: b}", "model: bb}", "row c needs 'bb', which is neither row nor folder"),
    "a cycle": ("work, once: true", "work, needs: [c], once: true", "in a cycle"),
    "a report as a need": ("{model: b}", "{model: b}, needs: [claims]", "row c needs 'claims', a report"),
    "a repeated key": ("  d: {notebook", "  b: {notebook", "line 6: 'b' is there twice: correct that line"),
    "an unknown notebook": ("d: {notebook: work", "d: {notebook: wrok", "no notebooks/wrok.ipynb"),
    "an unknown parameter": ("value: 0.25", "vlaue: 0.25", "notebook work has no parameter 'vlaue': did you mean"),
    "a number that YAML reads as text": ("value: 0.25", "value: 1e-4", "write it as 1.0e-4"),
    "a group with the name of a row": ("d: {notebook", "d: {groups: [c], notebook", "'c' names a group and a row"),
    "an unknown row at a scale": ("smoke: {", "smoke: {rows: {bb: {}}, ", "the unknown row 'bb'"),
    "seeds of an unknown row": ("smoke: {", "smoke: {seeds: {bb: 2}, ", "seeds of 'bb', which is no row and no group"),
    "a row that cannot name a folder": ("  d: {", "  d/x: {", "'d/x' cannot name a row"),
    "a scale like an unknown one": (
        "smoke: {",
        "smoke: {like: smol, ",
        "scale smoke is like 'smol', which is not one of gpu",
    ),
    "a scale like itself": ("smoke: {", "smoke: {like: smoke, ", "which is not one of gpu"),
    "something that is not YAML": ("rows:", "rows: [", "correct that line"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", BROKEN)
def test_broken_file_is_refused_with_place_and_remedy(project, case):
    old, new, words = BROKEN[case]
    edit(project, old, new)
    with pytest.raises(UserError, match="experiments.yaml") as caught:
        experiments.read_experiments()
    assert words in str(caught.value) and "\n" not in str(caught.value).strip()


def test_missing_file_is_refused(project):
    (project / "experiments.yaml").unlink()
    with pytest.raises(UserError, match="there is no experiments.yaml"):
        experiments.read_experiments()


def test_rows_are_chosen_by_group_and_by_name(project):
    read = experiments.read_experiments()
    assert study.select(read, "smoke") == ["a", "b", "c", "claims"]
    assert study.select(read, "smoke", "all") == ["a", "b", "c", "d", "claims"]
    assert study.select(read, "smoke", "d,core") == ["d", "a", "b", "c", "claims"]


def test_the_curriculum_report_can_be_planned_without_training():
    read = experiments.read_experiments()
    assert study.select(read, "mini", "curriculum") == ["curriculum"]
    assert {"tags_mixed", "b_recipe.sample"} < set(study.select(read, "mini", "orders"))


@pytest.mark.parametrize(
    "scale, rows, words",
    [("smok", "", "did you mean smoke"), ("smoke", "foo", "unknown ROWS 'foo'"), ("smoke", "a,,b", "empty name")],
)
def test_unknown_choice_is_refused(project, scale, rows, words):
    with pytest.raises(UserError, match=words):
        study.select(experiments.read_experiments(), scale, rows)


def test_needs_come_first_and_rows_that_run_once_have_seed_0(project):
    jobs = study.expand(experiments.read_experiments(), "smoke", ["c"], [1, 2])
    assert list(jobs) == [("a", 0), ("b", 1), ("c", 1), ("b", 2), ("c", 2)]
    assert jobs["c", 2].needs == (("b", 2),)


def test_a_report_needs_every_other_planned_row(project):
    jobs = study.expand(experiments.read_experiments(), "smoke", ["claims", "b", "d"], [0])
    assert list(jobs)[-1] == ("claims", 0) and set(jobs["claims", 0].needs) == {("a", 0), ("b", 0), ("d", 0)}


def test_particular_parameters_win_over_general_ones(project):
    edit(project, "rows:", "defaults: {work: {seconds: 1.0, value: 0.1}}\nrows:")
    edit(project, "smoke: {", "smoke: {notebooks: {work: {seconds: 2.0}}, rows: {b: {value: 0.75}}, ")
    read = experiments.read_experiments()
    assert experiments.parameters_of(read, "smoke", "b") == {"model": "a", "seconds": 2.0, "value": 0.75}
    assert experiments.parameters_of(read, "gpu", "d") == {"model": "a", "seconds": 1.0, "value": 0.1}


def test_a_scale_like_another_differs_in_its_settings_and_folder(project):
    edit(project, "smoke: {", "again: {like: smoke, rows: {b: {value: 0.9}}}\n  smoke: {rows: {b: {seconds: 2.0}}, ")
    read = experiments.read_experiments()
    again, smoke = (study.expand(read, scale, ["d", "b"], [1]) for scale in ("again", "smoke"))
    places = {"root": "work/again", "scale": "smoke"}
    assert again["d", 1].parameters == smoke["d", 1].parameters | places and again["d", 1].seconds == 50
    assert again["b", 1].parameters == smoke["b", 1].parameters | places | {"value": 0.9}
    assert states.folder_of(again["b", 1]) == project / "work/again/runs/b/seed1"


def test_a_scale_plans_the_seeds_of_rows_and_groups(project):
    """A row that runs once has no seeds of its own; of two numbers the larger counts."""
    edit(project, "d: {notebook", "d: {groups: [late], notebook")
    edit(project, "smoke: {", "smoke: {seeds: {late: 3, d: 5, c: 2, a: 4}, ")
    assert experiments.planned_seeds(experiments.read_experiments(), "smoke") == {"c": range(2), "d": range(5)}


def test_the_confirmatory_scale_plans_the_seeds_of_its_family():
    read = experiments.read_experiments()
    found = experiments.planned_seeds(read, "confirmatory")
    repeated = {row for row in study.select(read, "confirmatory") if not read.rows[row].once}
    assert set(found) == repeated and set(found.values()) == {range(10, 15)}
    assert experiments.planned_seeds(read, "mini") == {}


def test_a_changed_parameter_changes_fingerprints_downstream(project):
    """The fingerprints of the row and of its descendants change, and no others."""
    before = study.expand(experiments.read_experiments(), "smoke", ["a", "b", "c", "d", "claims"], [0])
    edit(project, "value: 0.25", "value: 0.35")
    after = study.expand(experiments.read_experiments(), "smoke", ["a", "b", "c", "d", "claims"], [0])
    changed = {row for (row, seed) in before if before[row, seed].fingerprint != after[row, seed].fingerprint}
    assert changed == {"b", "c", "claims"}


def test_the_content_of_a_published_file_counts_as_a_parameter(project):
    (project / "results" / "base").mkdir(parents=True)
    weights = project / "results" / "base" / "weights"
    weights.write_text("1", encoding="utf8")
    edit(project, "a: {notebook: work", "a: {notebook: work, parameters: {model: results/base}")
    before = study.expand(experiments.read_experiments(), "smoke", ["c"], [0])
    weights.write_text("2", encoding="utf8")
    assert (
        study.expand(experiments.read_experiments(), "smoke", ["c"], [0])["c", 0].fingerprint
        != before["c", 0].fingerprint
    )


def test_everything_is_missing_at_first(project):
    due = planned().due
    assert names(due) == ["a seed 0", "b seed 0", "c seed 0", "claims seed 0"]
    assert {entry.reason for entry in due} == {"missing"}


def test_recorded_rows_are_up_to_date_whatever_the_file_times(done):
    for path in [*done.rglob("*.ipynb"), *done.rglob("record.json"), done / "experiments.yaml"]:
        os.utime(path, (2e9, 2e9))
    assert planned("all").due == []


def test_a_changed_parameter_redoes_the_row_and_its_descendants(done):
    """Each has its reason."""
    edit(done, "value: 0.25", "value: 0.35")
    due = planned("all").due
    assert names(due) == ["b seed 0", "c seed 0", "claims seed 0"]
    assert due[0].reason == "parameter value: 0.25 -> 0.35" and due[1].reason == "needs b seed 0, which is redone"


def test_after_a_kill_descendants_are_still_redone(done):
    edit(done, "value: 0.25", "value: 0.35")
    plan.set_aside(planned("all"))
    record(planned("all").jobs[1].job)  # b was finished, then came the kill
    due = planned("all").due
    assert names(due) == ["c seed 0", "claims seed 0"] and "missing" not in due[0].reason


def test_after_a_kill_with_fresh_descendants_are_still_redone(done):
    job = planned("all").jobs[1].job
    record(job, provenance={"code_hash": "old"})
    plan.set_aside(planned("all", fresh=True))
    record(job)
    assert names(planned("all").due) == ["c seed 0", "claims seed 0"]


def test_a_row_of_older_code_is_named_and_redone_with_fresh_only(done):
    record(planned().jobs[2].job, provenance={"code_hash": "old"})
    assert planned().due == [] and re.search(r"c seed 0 +commit c0ffee0000", plan_text.describe(planned()))
    due = planned(fresh=True).due
    assert names(due) == ["c seed 0", "claims seed 0"] and due[0].reason == "older library code (commit c0ffee0000)"


def test_a_record_made_by_hand_is_redone_only_if_planned(done):
    by_hand = [record(entry.job, fingerprint="by-hand") for entry in planned("all").jobs if entry.job.row in "cd"]
    assert "made by hand" in [entry.reason for entry in planned().due]
    plan.set_aside(planned())
    assert [(folder / "record.json").exists() for folder in by_hand] == [False, True]


def test_a_damaged_record_of_a_chosen_row_is_redone_alone(done):
    jobs = planned().jobs
    (states.folder_of(jobs[0].job) / "record.json").write_text("{", encoding="utf8")
    assert {entry.job.row: entry.reason for entry in planned().due} == {
        "a": "its record cannot be read",
        "claims": "needs a seed 0, which is redone",
    }


def test_a_report_sets_no_record_aside(done):
    edit(done, "d: {notebook: work, parameters: {model: a}", "d: {notebook: work, parameters: {model: a, value: 0.9}")
    due = planned()
    plan.set_aside(due)
    assert names(due.due) == ["claims seed 0"] and (done / "work/smoke/runs/d/seed0/record.json").is_file()
    written = json.loads(plan.write_plan(due).read_text(encoding="utf8"))
    assert written["claims/0"]["leaves"] == ["d/0"]


def predictions_of(job, text="{}"):
    """Give a recorded job predictions that its record knows; return their file."""
    path = states.folder_of(job) / "predictions.jsonl.gz"
    path.write_bytes(gzip.compress(text.encode()))
    record(job, artifacts={path.name: sha256(path)})
    return path


def test_a_row_whose_predictions_were_changed_is_redone(done):
    path = predictions_of(planned().jobs[2].job)
    assert planned().due == []
    path.write_bytes(gzip.compress(b"[]"))
    assert {entry.job.row: entry.reason for entry in planned().due}["c"] == "predictions.jsonl.gz has changed"


def test_the_plan_names_outdated_records_of_unplanned_rows(done):
    edit(done, "value: 0.25", "value: 0.35")
    text = plan_text.describe(planned("b"))
    assert "1 record out of date: kept, read by no report of this study, and redone when" in text
    assert text.splitlines()[-1] == "  needs b seed 0, which is redone: c seed 0"
    assert plan_text.remarks(planned("all")) == ""


def test_a_smaller_choice_after_a_larger_one_redoes_nothing(done):
    record_all("all", (0, 1))
    assert planned("", (0,)).due == []


def test_the_slowest_rows_are_named_with_their_seconds(project):
    assert progress.slowest_rows(planned("all")) == ""
    took = {"b": 90.0, "d": 30.0}
    for entry in planned("all").jobs:
        record(entry.job, provenance={"seconds": took.get(entry.job.row, 1.0)})
    assert progress.slowest_rows(planned("all"), 2) == (
        "slowest rows: b seed 0 90 s, d seed 0 30 s; by notebook: work 122 s, report 1 s"
    )


def test_seconds_come_from_records_and_else_from_the_file(done):
    (done / "work/smoke/runs/d/seed0/record.json").unlink()
    edit(done, "value: 0.25", "value: 0.35")
    assert [(entry.job.row, entry.seconds) for entry in planned("all").due] == [
        ("b", 10.0),
        ("c", 10.0),
        ("d", 50.0),
        ("claims", 10.0),
    ]
    assert plan_text.headline(planned("all"), jobs=2).endswith("1 up to date, 4 to run, about 50 s with JOBS=2")


@pytest.mark.slow
@pytest.mark.parametrize(
    "words, message",
    [
        ("plan --scale smoke --seeds a", "SEEDS='a' must be whole numbers from 0 up, as in SEEDS=0,1,2"),
        ("plan --scale smoke --jobs 0", "JOBS='0' must be whole numbers from 1 up"),
        ("plan --scale smoke --jobs 1,2", "JOBS='1,2' must be one whole number"),
        ("plan --scale smoke --fresh yes", "FRESH='yes' must be 1 or 0"),
        ("plan --scale foo", "unknown SCALE 'foo': choose one of smoke, gpu"),
        ("plan --scale smoke --rows foo", "unknown ROWS 'foo'"),
        ("study --scale gpu --rows a", "scale gpu needs 64 GPU(s) with 16 GB each"),
        ("run-row zzz --scale smoke", "zzz seed 0 is not in work/smoke/plan.json"),
        ("summary --scale foo", "unknown SCALE 'foo': choose one of smoke, gpu"),
        ("compare --scale foo", "unknown SCALE 'foo': choose one of smoke, gpu"),
        ("power --scale foo", "unknown SCALE 'foo': choose one of smoke, gpu"),
        ("publish --scale foo", "unknown SCALE 'foo': choose one of smoke, gpu"),
        ("summary --scale smoke", "no study has ended at scale smoke"),
        ("publish --scale smoke", "smoke rows show that the pipeline works"),
        ("compare --scale smoke", "nothing is published at results/smoke/executed/report.ipynb"),
    ],
)
def test_a_users_mistake_is_one_sentence_and_exit_code_2(project, monkeypatch, capsys, words, message):
    monkeypatch.setattr("sys.argv", ["o1lib", *words.split()])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    error = capsys.readouterr().err
    assert caught.value.code == 2 and message in error and error.count("\n") == 1


def test_publishing_copies_complete_rows_and_no_large_files(done, capsys):
    folder = done / "work/smoke/runs/b/seed0"
    (folder / "loss.csv").write_text("step,loss\n", encoding="utf8")
    (folder / "large.csv").write_bytes(b"0" * 500_000)
    (folder / "model").mkdir()
    edit(done, "c: {notebook: work, parameters: {", "c: {notebook: work, parameters: {value: 0.9, ")
    for row in ("claims", "a"):
        (done / f"work/smoke/runs/{row}/seed0/notebook.ipynb").write_text("{}", encoding="utf8")
    publish.publish("smoke", force=True)
    assert sorted(path.name for path in (done / "results/smoke/runs/b/seed0").iterdir()) == ["loss.csv", "record.json"]
    assert sorted(path.name for path in (done / "results/smoke/runs").iterdir()) == ["a", "b", "claims", "d"]
    assert [path.name for path in (done / "results/smoke/executed").iterdir()] == ["report.ipynb"]


def test_publishing_copies_all_tries_of_readiness_and_finished_probes(done, capsys, monkeypatch):
    """Tries are those of the scale; probes are published with the main scale."""
    for name in ("readiness/first.json", "readiness/first.md", "readiness/direct.jsonl"):
        (done / "work/smoke" / name).parent.mkdir(exist_ok=True)
        (done / "work/smoke" / name).write_text("{}", encoding="utf8")
    for name in ("a/record.json", "a/table.md", "a/predictions.jsonl.gz", "a/replies.jsonl", "unfinished/table.md"):
        (done / "work/probes" / name).parent.mkdir(exist_ok=True, parents=True)
        (done / "work/probes" / name).write_text("{}", encoding="utf8")
    (done / "work/smoke/runs/claims/seed0/notebook.ipynb").write_text("{}", encoding="utf8")
    publish.publish("smoke", force=True)
    assert "published with them: 1 try\n" in capsys.readouterr().out
    results = done / "results/smoke"
    assert sorted(path.name for path in (results / "readiness").iterdir()) == ["first.json", "first.md"]
    assert not (results / "probes").exists()
    monkeypatch.setattr(experiments, "MAIN_SCALE", "smoke")
    assert copies.copy_tries("smoke", copies.of_work("smoke"), copies.of_results(results)) == "1 try, 1 suite of probes"
    assert sorted(path.name for path in (results / "probes/a").iterdir()) == [
        "predictions.jsonl.gz", "record.json", "table.md"
    ]  # fmt: skip
    assert not (results / "probes/unfinished").exists()


def test_publishing_refuses_a_report_older_than_its_rows(done):
    record(planned().jobs[1].job, provenance={"started_at": "2026-02-01T00:00:00+00:00"})
    with pytest.raises(UserError, match="report claims is older than b seed 0"):
        publish.publish("smoke", force=True)


@pytest.fixture
def executed(done):
    """The toy project, recorded, with the executed notebook that a report leaves."""
    (done / "work/smoke/runs/claims/seed0/notebook.ipynb").write_text("{}", encoding="utf8")
    return done


@pytest.mark.parametrize(
    "spoil, what",
    [(lambda path: path.write_bytes(gzip.compress(b"[]")), "has changed"), (lambda path: path.unlink(), "is missing")],
)
def test_publishing_refuses_changed_or_missing_predictions(executed, spoil, what):
    spoil(predictions_of(planned().jobs[2].job))
    with pytest.raises(
        UserError,
        match=f"nothing is published, because work/smoke/runs/c/seed0/predictions.jsonl.gz of "
        f"c seed 0 {what} since .*: `make study SCALE=smoke ROWS=c SEEDS=0`",
    ):
        publish.publish("smoke", force=True)
    assert not (executed / "results").exists()


def test_publishing_refuses_a_report_whose_table_was_changed(executed):
    path = executed / "work/smoke/runs/claims/seed0/tables/claims.json"
    path.parent.mkdir()
    path.write_text("[]", encoding="utf8")
    record(planned().jobs[-1].job, artifacts={"tables/claims.json": "0" * 64})
    with pytest.raises(UserError, match="tables/claims.json of claims seed 0 has changed"):
        publish.publish("smoke", force=True)


def test_publishing_names_what_it_left_out_and_why(done, capsys):
    edit(done, "value: 0.25", "value: 0.35")
    for row, spoil in {"claims": lambda path: path.unlink(), "d": lambda path: path.write_text("{")}.items():
        spoil(done / f"work/smoke/runs/{row}/seed0/record.json")
    publish.publish("smoke", force=True)
    assert capsys.readouterr().out.splitlines() == [
        "1 row and 0 reports published in results/smoke",
        "left out: b seed 0 (parameter value: 0.25 -> 0.35), c seed 0 (needs b seed 0, which is redone), d seed 0 "
        "(work/smoke/runs/d/seed0/record.json cannot be read: run it again), claims seed 0 (no record: it failed, or "
        "is running)",
    ]


def test_publishing_says_which_rows_stay_as_published_before(executed, capsys):
    publish.publish("smoke", force=True)
    shutil.rmtree(executed / "work/smoke/runs/d")
    capsys.readouterr()
    publish.publish("smoke", force=True)
    assert capsys.readouterr().out.splitlines()[1:] == ["left as published before: d seed 0"]


@pytest.mark.slow
def test_comparing_shows_only_what_differs_in_reports(done, capsys):
    for place, message in (
        ("work/smoke/runs/claims/seed0/notebook.ipynb", "42 rows"),
        ("results/smoke/executed/report.ipynb", "41 rows"),
    ):
        toystudy.notebook(done / place, toystudy.COMMON, f"print('{message}')")
    publish.compare("smoke")
    shown = capsys.readouterr().out
    assert "+  print('42 rows')" in shown and re.findall(r"cells/\d+/\w+", shown) == ["cells/2/source"]


@pytest.mark.parametrize(
    "words, message",
    [
        ("study SCLAE=smoke", "unknown variable SCLAE"),
        ("plan ROW=all", "unknown variable ROW"),
        ("study PYTHON=", "no Python of 3.11 or later"),
    ],
)
def test_make_refuses_what_it_does_not_know(words, message):
    done = subprocess.run(["make", "-n", *words.split()], cwd=toystudy.REPOSITORY, capture_output=True, text=True)
    assert done.returncode != 0 and message in done.stderr


@pytest.mark.slow
def test_make_help_names_every_target():
    shown = subprocess.run(["make", "help"], cwd=toystudy.REPOSITORY, capture_output=True, text=True).stdout
    assert {"study", "plan", "test", "lab", "compare", "why", "publish"} <= set(re.findall(r"^make (\w+)", shown, re.M))


@pytest.mark.slow
def test_a_report_without_records_to_read_is_refused(project):
    done = toystudy.o1lib(project, "plan", "--scale", "smoke", "--rows", "claims")
    assert done.returncode == 2 and "reads the records of other rows, and work/smoke has none" in done.stderr


def test_a_failed_report_is_not_compared(project):
    """Its notebook was executed up to the error, and nbdime would show the error as a difference."""
    for path in ("results/smoke/executed/report.ipynb", "work/smoke/runs/claims/seed0/notebook.ipynb"):
        (project / path).parent.mkdir(parents=True)
        shutil.copyfile(project / "notebooks" / "report.ipynb", project / path)
    with pytest.raises(UserError, match="report claims has no record, so it failed"):
        publish.compare("smoke")


def test_make_lab_serves_the_whole_checkout():
    """A folder as an argument would become the served root, so that reports and the claims page could not be opened."""
    outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    env = {name: value for name, value in os.environ.items() if name not in outer}
    command = ["make", "--no-print-directory", "-n", "lab"]
    shown = subprocess.run(command, cwd=toystudy.REPOSITORY, env=env, capture_output=True, text=True).stdout
    words = shown.replace("\\\n", " ").partition("jupyter lab ")[2].split()
    assert f"--ServerApp.root_dir={toystudy.REPOSITORY}" in [word.replace("'", "") for word in words]
    assert [word for word in words if not word.startswith("--")] == []
