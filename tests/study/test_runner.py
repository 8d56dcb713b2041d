"""The study as it runs: rows through papermill under Snakemake, on toy notebooks."""

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

RUN = ("study", "--scale", "smoke")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A toy project whose study has run, rows side by side, and what the run printed."""
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
        assert time.monotonic() < end, "waited in vain"
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
    """The processes, kernels included, whose environment names this project."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("O1LIB_ROOT") == str(root) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def test_every_planned_row_is_recorded_with_one_line_each_and_a_summary(finished):
    root, done = finished
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(made(root)) == {"a", "b", "c", "d", "claims"}
    lines = [line[:8] for line in done.stdout.splitlines() if line.startswith("[")]
    assert lines == [f"[{k} of 5]" for k in range(1, 6)]
    summary = json.loads((root / "work/smoke/summary.json").read_text(encoding="utf8"))
    assert list(summary) == ["rows", "recorded", "failed", "seconds", "peak_memory_mb"]
    assert (summary["rows"], summary["recorded"], summary["failed"]) == (5, 5, 0) and summary["peak_memory_mb"] > 50


def test_a_study_tells_which_records_of_other_rows_it_sets_aside(project, monkeypatch):
    monkeypatch.setenv("O1LIB_ROOT", str(project))
    for step in toystudy.planned("all").steps:
        toystudy.record(step.job)
    edit(project, "value: 0.25", "value: 0.35")
    done = o1lib(project, *RUN, "--rows", "b")
    assert "  needs b seed 0, which is redone: c seed 0\n" in done.stdout
    assert set(made(project)) == {"a", "b", "d", "claims"}


def test_rows_get_the_planned_parameters_and_fingerprint(finished):
    record = record_of(finished[0], "b")
    assert record.parameters["value"] == 0.25 and record.parameters["root"] == "work/smoke"
    assert len(record.fingerprint) == 16 and record_of(finished[0], "claims").metrics["rows"].value == 4


def test_executed_notebooks_name_no_place_of_this_machine(finished):
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
    """A toy project in whose study, one row after another, row b failed, and what the run printed."""
    root = toystudy.make_project(tmp_path_factory.mktemp("failed"))
    edit(root, "value: 0.25", "value: 0.25, fail: true")
    return root, o1lib(root, *RUN, "--rows", "all")


def test_a_row_that_runs_alone_has_all_cores(failed):
    text = (failed[0] / "work/smoke/runs/a/seed0/notebook.ipynb").read_text(encoding="utf8")
    assert f"on {runner.cores()} threads" in text


def test_a_failed_row_is_one_sentence_and_independent_rows_go_on(failed):
    project, done = failed
    line = next(line for line in done.stdout.splitlines() if "b seed 0 …" in line)
    assert "AssertionError: this row was told to fail" in line
    assert "(executed notebook: work/smoke/runs/b/seed0/notebook.ipynb)" in line
    assert done.returncode == 1 and set(made(project)) == {"a", "d"}
    assert "2 rows did not run" in done.stdout and "c seed 0, claims seed 0" in done.stdout
    assert "told to fail" in (project / "work/smoke/runs/b/seed0/notebook.ipynb").read_text(encoding="utf8")


def test_a_mended_snakefile_is_heeded(project):
    copied = project / "work/smoke" / runner.SOURCES / "file" / str(project / "Snakefile").lstrip("/")
    copied.parent.mkdir(parents=True)
    copied.write_text("raise SystemExit('an older Snakefile')")
    done = o1lib(project, *RUN, "--rows", "a")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_kill_loses_one_row_at_most_and_leaves_no_process(project):
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


def test_ctrl_c_stops_every_process_and_leaves_finished_rows(project):
    edit(project, "value: 0.25", "value: 0.25, seconds: 300.0")
    study = start(project)
    wait_for(lambda: (project / "work/smoke/runs/b/seed0/attempt").exists())
    other = o1lib(project, *RUN)
    study.send_signal(signal.SIGINT)
    _, error = study.communicate(timeout=120)
    assert study.returncode == 130 and "the same command goes on from there" in error and "Traceback" not in error
    assert other.returncode == 2 and "another study is running in work/smoke" in other.stderr
    assert not running(project) and set(made(project)) == {"a"}


def test_what_another_attempt_left_is_cleared_and_what_the_same_left_is_kept(project, monkeypatch):
    monkeypatch.setenv("O1LIB_ROOT", str(project))
    job = toystudy.planned().steps[0].job
    folder = toystudy.record(job)
    (folder / "checkpoint").mkdir()
    row_job._make_room(folder, job)
    assert not (folder / "checkpoint").exists()
    (folder / "checkpoint").mkdir()
    row_job._make_room(folder, job)
    assert (folder / "checkpoint").exists()


def test_a_lock_is_refused_while_held_and_free_afterwards(tmp_path):
    again = row_job.locked(tmp_path / ".lock", "busy")
    with row_job.locked(tmp_path / ".lock", "busy"), pytest.raises(UserError, match="busy"), again:
        pass
    with row_job.locked(tmp_path / ".lock", "busy"):
        pass


@pytest.mark.parametrize(
    "name, value, said",
    [("UserError", "no such row: run it", "no such row: run it"), ("ValueError", "bad\nmore", "ValueError: bad")],
)
def test_a_cells_error_becomes_one_line(name, value, said):
    error = Exception()
    error.ename, error.evalue = name, value
    assert row_job.error_sentence(error) == said


def test_a_dead_kernel_is_told_as_want_of_memory():
    from nbclient.exceptions import DeadKernelError

    assert "memory" in row_job.error_sentence(DeadKernelError("Kernel died"))
