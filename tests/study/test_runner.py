"""A study of toy notebooks, run by Snakemake and papermill."""

import json
import signal
import subprocess
import sys
import time

import psutil
import pytest
from support import toystudy
from support.toystudy import edit, o1lib

from o1lib.records import UserError, load
from o1lib.study import row_job, runner

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


def test_a_study_names_the_records_of_other_rows_it_sets_aside(project, monkeypatch):
    monkeypatch.setenv("O1LIB_ROOT", str(project))
    for entry in toystudy.planned("all").jobs:
        toystudy.record(entry.job)
    edit(project, "value: 0.25", "value: 0.35")
    done = o1lib(project, *RUN, "--rows", "b")
    assert "  needs b seed 0, which is redone: c seed 0\n" in done.stdout
    assert set(made(project)) == {"a", "b", "d", "claims"}


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
