"""A study of toy notebooks, run by Snakemake and papermill."""

import json
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest
from support import toystudy
from support.odd import TEXTS
from support.toystudy import edit, o1lib

from o1lib.records import UserError, load
from o1lib.study import progress, row_job, runner, states
from o1lib.study.progress import StudyProgress

pytestmark = pytest.mark.slow
RUN = ("study", "--scale", "smoke")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A toy project whose study has run with two parallel rows, and the finished process."""
    root = toystudy.make_project(tmp_path_factory.mktemp("finished"))
    return root, o1lib(root, *RUN, "--rows", "all", "--jobs", "2")


@pytest.fixture
def project(tmp_path):
    return toystudy.make_project(tmp_path)


def record_of(root, row):
    return load(root / "work/smoke/runs" / row / "seed0")


def made(root):
    records = root.glob("work/smoke/runs/*/seed0/record.json")
    return {path.parent.parent.name: path.stat().st_mtime_ns for path in records}


def wait_for(condition, seconds=240.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not true after {seconds:.0f} s"
        time.sleep(0.05)


def start(root):
    return subprocess.Popen(
        [sys.executable, "-m", "o1lib", *RUN],
        env=toystudy.environment(root),
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def running(root):
    """Return the processes, kernels included, whose environment names this project."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("O1LIB_ROOT") == str(root) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def test_every_planned_row_is_recorded_printed_and_summed_up(finished):
    """One line is printed for each row; the summary has the promised keys."""
    root, done = finished
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(made(root)) == {"a", "b", "c", "d", "claims"}
    lines = [line[:8] for line in done.stdout.splitlines() if line.startswith("[")]
    assert lines == [f"[{k} of 5]" for k in range(1, 6)]
    summary = json.loads((root / "work/smoke/summary.json").read_text(encoding="utf8"))
    assert list(summary) == ["rows", "recorded", "failed", "seconds", "peak_memory_mb"]
    assert (summary["rows"], summary["recorded"], summary["failed"]) == (5, 5, 0) and summary["peak_memory_mb"] > 50


@pytest.fixture
def recorded(project, monkeypatch):
    """A toy project with a record of every row."""
    monkeypatch.setenv("O1LIB_ROOT", str(project))
    for entry in toystudy.planned("all").jobs:
        toystudy.record(entry.job)
    return project


def test_a_study_names_the_outdated_records_of_other_rows_and_keeps_them(recorded):
    edit(recorded, "value: 0.25", "value: 0.35")
    done = o1lib(recorded, *RUN, "--rows", "b")
    assert "  needs b seed 0, which is redone: c seed 0\n" in done.stdout
    assert set(made(recorded)) == {"a", "b", "c", "d", "claims"}


def test_a_report_is_made_from_what_is_left_and_takes_no_record_away(recorded):
    """With a damaged record upstream, a lost model, a changed parameter and a copy of a folder."""
    runs = recorded / "work/smoke/runs"
    toystudy.record(toystudy.planned("c").jobs[-1].job, artifacts={"model": "0" * 64})
    edit(
        recorded, "d: {notebook: work, parameters: {model: a}", "d: {notebook: work, parameters: {model: a, value: 9.0}"
    )
    (runs / "a/seed0/record.json").write_bytes(b'{"row": "\xc3')
    shutil.copytree(runs / "b/seed0", runs / "b/seed0²")
    done = o1lib(recorded, *RUN, "--rows", "claims")
    assert done.returncode == 0, done.stdout + done.stderr
    assert record_of(recorded, "claims").metrics["rows"].value == 2  # b and c
    assert set(made(recorded)) == {"a", "b", "c", "d", "claims"} and not list(runs.glob("[a-d]/*/earlier.json"))
    assert "work/smoke/runs/b/seed0² is no folder of a run" in done.stdout
    assert "  its record cannot be read: a seed 0\n" in done.stdout and "  model is missing: c seed 0\n" in done.stdout


@pytest.mark.parametrize("name", ["a b ü'$x", 'p;touch $(touch pwned) {c} %(d)s "q" `x` *?[1]'])
def test_a_study_runs_in_a_folder_of_any_name(tmp_path, name):
    root = toystudy.make_project(tmp_path / name)
    done = o1lib(root, *RUN, "--rows", "b")
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(made(root)) == {"a", "b"} and not list(tmp_path.rglob("pwned"))


def test_a_study_runs_where_work_is_a_link_to_another_disk(project, tmp_path_factory):
    disk = tmp_path_factory.mktemp("disk")
    (project / "work").symlink_to(disk)
    done = o1lib(project, *RUN, "--rows", "b")
    assert done.returncode == 0 and (disk / "smoke/runs/b/seed0/record.json").is_file(), done.stdout + done.stderr
    kept = [path for path in disk.glob("smoke/runs/*/*/*.*") if str(disk) in path.read_text(encoding="utf8")]
    assert kept == []


def test_a_study_without_a_home_says_what_takes_its_place(project, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "home"))
    done = o1lib(project, *RUN, "--rows", "a")
    assert done.returncode == 0 and set(made(project)) == {"a"}, done.stdout + done.stderr
    assert "is no folder that can be written, so work/smoke/.home takes its place" in done.stdout


def no_folder(work):
    work.symlink_to("/nowhere/at all")


def a_file(work):
    work.write_text("")


def a_folder_as_lock(work):
    (work / "smoke/.lock").mkdir(parents=True)


def read_only(work):
    work.symlink_to("/proc/sys")  # also for root


@pytest.mark.parametrize("spoil", [no_folder, a_file, a_folder_as_lock, read_only])
def test_a_work_folder_that_cannot_be_written_is_one_sentence(project, spoil):
    spoil(project / "work")
    done = o1lib(project, *RUN, "--rows", "a")
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("o1lib: cannot write work/smoke") and "writable, then run again" in done.stderr


def test_a_checkout_whose_path_cannot_be_imported_from_is_one_sentence(tmp_path):
    root = toystudy.make_project(tmp_path / "a:b")
    done = o1lib(root, *RUN, "--rows", "a")
    assert done.returncode == 2 and "holds ':', which separates paths: rename or move the checkout" in done.stderr


def test_odd_lines_among_the_events_do_not_stop_a_study(project, monkeypatch, capsys):
    monkeypatch.setenv("O1LIB_ROOT", str(project))
    events = project / "rows.jsonl"
    whole = b'{"row": "a", "seed": 0, "seconds": 1.5, "problem": ""}'
    odd = [*TEXTS.values(), b'{"row": 1}', b'{"row": "a", "seed": 0, "seconds": "x", "problem": ""}']
    events.write_bytes(b"\n".join([*odd, whole, b""]))
    shown = progress.StudyProgress(toystudy.planned(), events)
    shown.update(psutil.Process())
    assert [one["row"] for one in shown.ended] == ["a"] and capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize("text", [*TEXTS.values(), b'{"pid": "x", "created": 1}', b'{"pid": -1, "created": null}'])
def test_an_odd_note_of_an_earlier_study_is_passed_over(tmp_path, text):
    (tmp_path / "snakemake.json").write_bytes(text)
    runner._stop_leftovers(tmp_path / "snakemake.json")


@pytest.mark.parametrize("text", [*TEXTS.values(), b'{"a/0": 5}', b'{"a/0": {"notebook": "work"}}'])
def test_an_odd_plan_is_one_sentence(tmp_path, text):
    (tmp_path / "plan.json").write_bytes(text)
    with pytest.raises(UserError, match="a seed 0 is not in .*plan.json: run `make study SCALE=smoke ROWS=a`"):
        row_job.find_job("a", 0, "smoke", tmp_path / "plan.json")


@pytest.mark.parametrize("text", TEXTS.values())
def test_an_odd_summary_is_one_sentence(project, monkeypatch, text):
    monkeypatch.setenv("O1LIB_ROOT", str(project))
    (project / "work/smoke").mkdir(parents=True)
    (project / "work/smoke/summary.json").write_bytes(text)
    with pytest.raises(UserError, match="summary.json: it .*: run `make study SCALE=smoke`, which writes it again"):
        progress.read_summary("smoke")


@pytest.mark.parametrize("text", TEXTS.values())
def test_an_odd_mark_of_an_attempt_starts_the_row_anew(recorded, text):
    job = toystudy.planned("b").jobs[-1].job
    folder = recorded / "work/smoke/runs/b/seed0"
    (folder / "attempt").write_bytes(text)
    for name in ("checkpoint", "record.json.damaged"):
        (folder / name).mkdir()
    row_job._prepare_folder(folder, job)
    assert not (folder / "checkpoint").exists() and (folder / "record.json.damaged").is_dir()


def test_rows_get_the_planned_parameters_and_fingerprint(finished):
    record = record_of(finished[0], "b")
    assert record.parameters["value"] == 0.25 and record.parameters["root"] == "work/smoke"
    assert len(record.fingerprint) == 16 and record_of(finished[0], "claims").metrics["rows"].value == 4


def test_executed_notebooks_hold_no_path_of_this_machine(finished):
    root, _ = finished
    text = (root / "work/smoke/runs/b/seed0/notebook.ipynb").read_text(encoding="utf8")
    assert "from a in" in text and str(root) not in text and "papermill" not in json.loads(text)["metadata"]


def test_a_second_study_does_nothing_and_keeps_the_summary(finished):
    root, _ = finished
    before, summary = made(root), (root / "work/smoke/summary.json").read_text(encoding="utf8")
    done = o1lib(root, *RUN)
    assert done.returncode == 0 and "0 to run" in done.stdout and made(root) == before
    assert (root / "work/smoke/summary.json").read_text(encoding="utf8") == summary


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """A toy project whose study ran one row at a time and whose row b failed, and the finished process."""
    root = toystudy.make_project(tmp_path_factory.mktemp("failed"))
    edit(root, "value: 0.25", "value: 0.25, fail: true")
    return root, o1lib(root, *RUN, "--rows", "all")


@pytest.mark.parametrize(("fixture", "jobs"), [("failed", 1), ("finished", 2)])
def test_a_row_gets_its_share_of_the_cores(request, fixture, jobs):
    root, _ = request.getfixturevalue(fixture)
    text = (root / "work/smoke/runs/a/seed0/notebook.ipynb").read_text(encoding="utf8")
    assert f"on {runner.threads_for(jobs)} threads" in text


def test_snakemake_gets_the_cores_of_all_parallel_rows(project, monkeypatch):
    monkeypatch.setenv("O1LIB_ROOT", str(project))
    monkeypatch.setattr(runner, "cores", lambda: 2)
    found = {}
    for jobs in (1, 2, 3):
        command = runner._command(toystudy.planned(), project / "plan.json", jobs, [])
        found[jobs] = (command[command.index("--cores") + 1], next(word for word in command if "threads=" in word))
    assert found == {1: ("2", "threads=2"), 2: ("2", "threads=1"), 3: ("3", "threads=1")}


def test_a_failed_row_is_one_sentence_and_other_rows_go_on(failed):
    project, done = failed
    line = next(line for line in done.stdout.splitlines() if "b seed 0 …" in line)
    assert "AssertionError: this row was set to fail" in line
    assert "(executed notebook: work/smoke/runs/b/seed0/notebook.ipynb)" in line
    assert done.returncode == 1 and set(made(project)) == {"a", "d"}
    assert "2 rows did not run" in done.stdout and "c seed 0, claims seed 0" in done.stdout
    assert "set to fail" in (project / "work/smoke/runs/b/seed0/notebook.ipynb").read_text(encoding="utf8")


def test_an_error_after_finish_removes_the_record(project, monkeypatch):
    """The row is due again; its checkpoints, its executed notebook and the mark of its attempt stay."""
    edit(project, "value: 0.25", "value: 0.25, fail_late: true")
    done = o1lib(project, *RUN, "--rows", "b")
    assert done.returncode == 1 and "AssertionError: this row was set to fail after its record" in done.stdout
    assert set(made(project)) == {"a"} and "1 of 2 rows recorded" in done.stdout
    folder = project / "work/smoke/runs/b/seed0"
    assert all((folder / name).exists() for name in ("checkpoint", "notebook.ipynb", "attempt"))
    monkeypatch.setenv("O1LIB_ROOT", str(project))
    assert [entry.job.row for entry in toystudy.planned("b").due] == ["b"]


def test_a_changed_snakefile_is_read_again(project):
    copied = project / "work/smoke" / runner.SOURCES / "file" / str(project / "Snakefile").lstrip("/")
    copied.parent.mkdir(parents=True)
    copied.write_text("raise SystemExit('an older Snakefile')")
    done = o1lib(project, *RUN, "--rows", "a")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_kill_loses_one_row_and_leaves_no_process(project):
    edit(project, "value: 0.25", "value: 0.25, seconds: 300.0")
    study = start(project)
    wait_for(lambda: (project / "work/smoke/runs/b/seed0/attempt").exists())
    study.kill()
    study.wait()
    before = made(project)
    wait_for(lambda: not running(project), 60)
    edit(project, "seconds: 300.0", "seconds: 0.0")
    done = o1lib(project, *RUN)
    assert done.returncode == 0 and "1 up to date, 3 to run" in done.stdout
    assert made(project)["a"] == before["a"] and set(made(project)) == {"a", "b", "c", "claims"}


def test_ctrl_c_stops_every_process_and_keeps_finished_rows(project):
    """The same command works afterwards, although Snakemake could not release its own lock."""
    edit(project, "value: 0.25", "value: 0.25, seconds: 300.0")
    study = start(project)
    wait_for(lambda: (project / "work/smoke/runs/b/seed0/attempt").exists())
    other = o1lib(project, *RUN)
    study.send_signal(signal.SIGINT)
    _, error = study.communicate(timeout=120)
    assert study.returncode == 130 and "the same command goes on from there" in error and "Traceback" not in error
    assert other.returncode == 2 and "another study is running in work/smoke" in other.stderr
    assert not running(project) and set(made(project)) == {"a"}
    edit(project, "seconds: 300.0", "seconds: 0.0")
    again = o1lib(project, *RUN)
    assert again.returncode == 0 and set(made(project)) == {"a", "b", "c", "claims"}, again.stdout + again.stderr


def test_a_study_whose_time_is_over_ends_the_running_row_and_starts_no_other(project, monkeypatch, capsys):
    monkeypatch.setenv("O1LIB_ROOT", str(project))
    began = project / "work/smoke/runs/a/seed0/attempt"
    monkeypatch.setattr(StudyProgress, "seconds", property(lambda self: 3600.0 * began.exists()))
    assert runner.run(toystudy.planned("core"), minutes=1) == 0
    assert set(made(project)) == {"a"}
    said = capsys.readouterr().out
    assert "3 rows did not run (the time is over, and the same command goes on): b seed 0, c seed 0, claims" in said
    summary = json.loads((project / "work/smoke/summary.json").read_text(encoding="utf8"))
    assert (summary["rows"], summary["recorded"], summary["failed"]) == (4, 1, 0)
    assert runner.run(toystudy.planned("core")) == 0 and set(made(project)) == {"a", "b", "c", "claims"}


def test_only_the_same_attempt_keeps_its_files(project, monkeypatch):
    """Files of an attempt with another fingerprint or other code are deleted."""
    monkeypatch.setenv("O1LIB_ROOT", str(project))
    job = toystudy.planned().jobs[0].job
    folder = toystudy.record(job)
    (folder / "checkpoint").mkdir()
    row_job._prepare_folder(folder, job)
    assert not (folder / "checkpoint").exists()
    (folder / "checkpoint").mkdir()
    row_job._prepare_folder(folder, job)
    assert (folder / "checkpoint").exists()


def test_work_of_another_attempt_is_named_when_it_is_deleted(project, monkeypatch, capsys):
    monkeypatch.setenv("O1LIB_ROOT", str(project))
    job = toystudy.planned().jobs[0].job
    folder = toystudy.record(job)
    (folder / states.ATTEMPT).write_text("another attempt\n")
    (folder / "checkpoint-20").mkdir()
    (folder / "searched.jsonl").write_text("{}\n")
    row_job._prepare_folder(folder, job)
    said = capsys.readouterr().err
    assert said.startswith(f"{job.name} starts anew, because its code or its parameters have changed")
    assert "checkpoint-20" in said and "searched.jsonl" in said
    row_job._prepare_folder(folder, job)
    assert capsys.readouterr().err == ""


def test_a_finished_row_that_is_made_again_was_not_interrupted(project, monkeypatch, capsys):
    monkeypatch.setenv("O1LIB_ROOT", str(project))
    job = toystudy.planned().jobs[0].job
    folder = toystudy.record(job)
    (folder / "model").mkdir()
    row_job._prepare_folder(folder, job)
    assert capsys.readouterr().err == "" and not (folder / "model").exists()


def test_a_lock_is_refused_while_held_and_free_afterwards(tmp_path):
    again = row_job.locked(tmp_path / ".lock", "busy")
    with row_job.locked(tmp_path / ".lock", "busy"), pytest.raises(UserError, match="busy"), again:
        pass
    with row_job.locked(tmp_path / ".lock", "busy"):
        pass


@pytest.mark.parametrize(
    "name, value, message",
    [("UserError", "no such row: run it", "no such row: run it"), ("ValueError", "bad\nmore", "ValueError: bad")],
)
def test_an_error_in_a_cell_becomes_one_line(name, value, message):
    error = Exception()
    error.ename, error.evalue = name, value
    assert row_job.error_sentence(error) == message


def test_a_dead_kernel_is_reported_as_lack_of_memory():
    from nbclient.exceptions import DeadKernelError

    assert "memory" in row_job.error_sentence(DeadKernelError("Kernel died"))
