"""Rows on a cluster: what each asks of its scheduler, and a study that Slurm's commands run, here on this machine."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from support import toystudy
from support.slurm import calls, make_slurm

from o1lib.records import UserError, load
from o1lib.study import experiments, plan
from o1lib.study.resources import Resources, on_cluster, resources_of

PROFILE = "--profile profiles/slurm"
ASKED = "gpu: {resources: {work: {cpus: 3, mem_mb: 1500}, b: {gpus: 2, runtime: 17}}, "


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A toy project with the real profile, whose scale `gpu` needs more GPUs than any machine has."""
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    toystudy.make_project(tmp_path, toystudy.STUDY.replace("gpu: {", ASKED))
    shutil.copytree(toystudy.REPOSITORY / "profiles", tmp_path / "profiles")
    return tmp_path


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """The folder of Slurm's commands, at the front of PATH."""
    pytest.importorskip("snakemake_executor_plugin_slurm")
    folder = make_slurm(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_a_row_asks_for_its_own_then_its_notebooks_resources_then_the_defaults():
    given = {"work": Resources(cpus=3, gpus=1), "b": Resources(gpus=2)}
    assert resources_of(given, "work", "b") == Resources(cpus=3, gpus=2)
    assert resources_of(given, "report", "claims") == Resources()


def test_the_plan_holds_what_each_row_asks_for(project):
    made = toystudy.planned("", scale="gpu")
    asked = {entry.job.row: entry.job.resources for entry in made.jobs}
    assert asked["b"] == Resources(cpus=3, gpus=2, mem_mb=1500, runtime=17) and asked["claims"] == Resources()
    assert '"gpus": 2' in plan.write_plan(made).read_text(encoding="utf8")


def test_resources_change_no_fingerprint(project):
    before = [entry.job.fingerprint for entry in toystudy.planned("", scale="gpu").jobs]
    toystudy.edit(project, "gpus: 2, runtime: 17", "gpus: 1")
    assert [entry.job.fingerprint for entry in toystudy.planned("", scale="gpu").jobs] == before


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("gpus: 2", "gpsu: 2", "scales.gpu.resources.b.gpsu"),
        ("cpus: 3", "cpus: 0", "scales.gpu.resources.work.cpus"),
        ("b: {gpus", "bb: {gpus", "resources of 'bb', which is no row and no notebook"),
    ],
)
def test_a_mistake_in_the_resources_is_named(project, old, new, says):
    toystudy.edit(project, old, new)
    with pytest.raises(UserError, match=says):
        experiments.read_experiments()


def test_every_training_of_the_large_scales_asks_for_the_gpus_that_its_scale_needs(monkeypatch):
    monkeypatch.delenv("O1LIB_ROOT", raising=False)
    study = experiments.read_experiments()
    for name in ("gpu", "paper"):
        scale = study.scales[name]
        assert resources_of(scale.resources, "02_train_sft", "structured").gpus == scale.gpus


@pytest.mark.parametrize("options", ["--executor slurm", "-e slurm", "--executor=slurm --jobs 3", PROFILE])
def test_an_executor_or_a_profile_hands_the_rows_to_a_cluster(project, options):
    assert on_cluster(options.split())


@pytest.mark.parametrize("options", ["", "--executor local", "--keep-incomplete"])
def test_other_options_leave_the_rows_here(project, options):
    assert not on_cluster(options.split())


@pytest.mark.parametrize("options, says", [("--profile nosuch", "no Snakemake profile 'nosuch'"), ("-n", "make plan")])
def test_a_missing_profile_and_a_dry_run_are_refused_before_records_are_set_aside(project, options, says):
    folder = toystudy.record(toystudy.planned("a", scale="gpu").jobs[0].job, fingerprint="old")
    done = toystudy.o1lib(project, "study", "--scale", "gpu", f"--snakemake={options}")
    assert done.returncode == 2 and says in done.stderr
    assert (folder / "record.json").exists()


@pytest.mark.slow
def test_a_dry_run_of_the_profile_shows_what_slurm_would_be_asked_for(project, slurm):
    written = plan.write_plan(toystudy.planned("b", scale="gpu"))
    config = [f"plan={written}", "python=python", "scale=gpu", "threads=0"]
    command = [
        sys.executable,
        "-m",
        "snakemake",
        *PROFILE.split(),
        "--directory",
        "work/gpu",
        "--config",
        *config,
        "-n",
    ]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=240)
    shown = next(part for part in (done.stdout + done.stderr).split("rule row:") if "row=b" in part)
    assert done.returncode == 0 and all(asked in shown for asked in ("runtime=17", "gpu=2", "mem_mb=1500"))


def quick(rows):
    """Return the words of a study on Slurm that looks at its jobs every second."""
    often = "--slurm-init-seconds-before-status-checks 1 --seconds-between-status-checks 1"
    return "study", "--scale", "gpu", "--rows", rows, f"--snakemake={PROFILE} {often}"


@pytest.mark.slow
def test_slurm_runs_a_row_that_the_login_machine_could_not(project, slurm):
    """The login machine lacks the GPUs. Slurm is asked for the row's cores, memory, minutes and GPUs."""
    toystudy.record(toystudy.planned("a", scale="gpu").jobs[0].job)
    done = toystudy.o1lib(project, *quick("b"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert load(project / "work/gpu/runs/b/seed0").metrics["accuracy"].value == 0.25
    [words] = calls(slurm, "sbatch")
    asked = " ".join(word for word in words if not word.startswith("--wrap"))
    assert all(part in asked for part in ("-t 17", "--mem 1500", "--cpus-per-task=3", "--gpus=2"))


@pytest.mark.slow
def test_a_stopped_study_takes_its_jobs_from_the_queue(project, slurm):
    toystudy.edit(project, "a: {notebook: work,", "a: {notebook: work, parameters: {seconds: 60.0},")
    study = subprocess.Popen(
        [sys.executable, "-m", "o1lib", "study", "--scale", "gpu", "--rows", "a", f"--snakemake={PROFILE}"],
        env=toystudy.environment(project), cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    end = time.monotonic() + 200
    while not calls(slurm, "sbatch") and time.monotonic() < end:
        time.sleep(0.2)
    time.sleep(5)  # until Snakemake has read the job's number; it first looks at the job after 40 s
    study.send_signal(signal.SIGINT)
    assert study.wait(120) == 130
    assert calls(slurm, "scancel") == [["1"]]
