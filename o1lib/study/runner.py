"""Run a plan with Snakemake, print one line for each row, sample memory and write a summary.

run(make_plan(read_experiments(), "smoke"), jobs=2)      # exit code: 0 if every planned row has its record

Snakemake only schedules (docs/architecture.md says why). Its output is in work/<scale>/logs/study.log.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from o1lib.records import UserError, project_root, shown, write_json
from o1lib.records.files import disk_errors, expanded
from o1lib.records.journals import read_json
from o1lib.study import plan as planning
from o1lib.study import plan_text
from o1lib.study.allocator import preload
from o1lib.study.plan import StudyPlan
from o1lib.study.progress import StudyProgress, summarize
from o1lib.study.resources import on_cluster
from o1lib.study.row_job import EVENTS, STUDY, import_path, locked, stop_tree
from o1lib.study.specs import ScaleSpec

HUB = ("gpu", "paper")  # scales whose models and data come from the Hub
LOG, NOTE = "study.log", "snakemake.json"  # in the logs: Snakemake's output, and its process
CANCELLING = 60.0  # seconds that Snakemake gets to cancel its jobs on a cluster
SOURCES = ".snakemake/sources"  # under work/<scale>: where Snakemake caches the Snakefile


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_for(jobs: int) -> int:
    """Return the number of threads of each row when `jobs` rows run in parallel."""
    return max(1, cores() // jobs)


def environment(scale: str, jobs: int) -> dict[str, str]:
    """Return the environment of the rows: threads, allocator, no network unless the scale needs it, this checkout.

    Waiting OpenMP threads spin by default. That is a fifth faster for a row that runs alone, and makes two threads
    slower than one on a busy machine. So parallel rows use passive waiting.
    """
    offline = {} if scale in HUB else {"HF_HUB_OFFLINE": "1"}
    threads = {"OMP_NUM_THREADS": str(threads_for(jobs))} | ({"OMP_WAIT_POLICY": "PASSIVE"} if jobs > 1 else {})
    return (
        os.environ
        | offline
        | threads
        | preload(os.environ)
        | {
            "PYTHONPATH": import_path(),
            "O1LIB_ROOT": str(project_root()),
            "PYTHONHASHSEED": "0",
            STUDY: f"{socket.gethostname()}:{os.getpid()}",
        }
        | _home(project_root() / "work" / scale)
    )


def _home(root: Path) -> dict[str, str]:
    """Return a HOME under `root` if the user's cannot be written, and say so; {} if it can.

    Jupyter, Snakemake and matplotlib write small files there, and would fail without a sentence that says why.
    """
    home = expanded("~")
    if home.is_dir() and os.access(home, os.W_OK | os.X_OK):
        return {}
    instead = root / ".home"
    with disk_errors(instead):
        instead.mkdir(parents=True, exist_ok=True)
    print(f"HOME ({home}) is no folder that can be written, so {shown(instead)} takes its place", flush=True)
    return {"HOME": str(instead)}


def _command(plan: StudyPlan, plan_file: Path, jobs: int, extra: list[str]) -> list[str]:
    remote = on_cluster(extra)
    threads = 0 if remote else threads_for(jobs)  # 0: as many cores as the row asks for
    config = [f"plan={plan_file}", f"python={sys.executable}", f"scale={plan.scale}", f"threads={threads}"]
    return [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(project_root() / "Snakefile"),
        "--directory",
        str(plan.root),
        "--config",
        *config,
        *([] if remote else ["--cores", str(jobs * threads)]),  # on a cluster it would bound the cores of all machines
        "--nolock",  # a killed Snakemake leaves its lock behind; run() holds a lock that the system releases
        "--keep-going",
        "--rerun-incomplete",  # a killed Snakemake leaves its rows marked as incomplete
        "--scheduler",
        "greedy",
        "--runtime-source-cache-path",
        str(plan.root / SOURCES),
        *([] if remote else ["--latency-wait", "20"]),  # a profile says how long its file system takes
        *extra,
    ]


def _stop_leftovers(note: Path) -> None:
    """Stop the Snakemake of an earlier study that was killed, before it changes files of this study."""
    earlier = read_json(note) or {}
    try:
        process = psutil.Process(earlier["pid"])
        if abs(process.create_time() - earlier["created"]) < 1:  # else the system gave its number to another process
            stop_tree(process)
    except (ValueError, KeyError, TypeError, OverflowError, psutil.Error):
        return  # there was no earlier study, or it has ended


def _empty_logs(root: Path) -> Path:
    """Return the folder of the logs, in which those of this study are empty. Raises UserError."""
    logs = root / "logs"
    with disk_errors(logs):
        logs.mkdir(parents=True, exist_ok=True)
        for name in (EVENTS, LOG):
            (logs / name).write_text("", encoding="utf8")
    return logs


def _schedule(plan: StudyPlan, jobs: int, extra: list[str], minutes: float) -> StudyProgress:
    """Run the plan with Snakemake and return the progress. Stops every started process when interrupted."""
    logs = _empty_logs(plan.root)
    note = logs / NOTE
    _stop_leftovers(note)
    planning.set_aside(plan)
    shutil.rmtree(plan.root / SOURCES, ignore_errors=True)  # else Snakemake may run a cached older Snakefile
    command = _command(plan, planning.write_plan(plan), jobs, extra)
    progress = StudyProgress(plan, logs / EVENTS)
    with open(logs / LOG, "w", encoding="utf8") as log:
        child = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            cwd=project_root(),
            env=environment(plan.scale, jobs),
            start_new_session=True,
        )
        process = psutil.Process(child.pid)
        write_json(note, {"pid": child.pid, "created": process.create_time()})
        try:
            while child.poll() is None:
                progress.update(process)
                progress.print_elapsed()
                if minutes and not progress.stopped and progress.seconds > 60 * minutes:
                    progress.stopped = True
                    child.terminate()  # Snakemake then waits for the rows that run, and starts no other
                time.sleep(0.5)
            progress.update(process)
        finally:
            if on_cluster(extra) and child.poll() is None:
                _cancel(child)
            stop_tree(process)
    return progress


def _cancel(child: subprocess.Popen) -> None:
    """Let Snakemake take its jobs from a cluster's queue, for which killing it would leave no time."""
    child.send_signal(signal.SIGINT)  # after SIGTERM it would wait until its jobs end
    try:
        child.wait(CANCELLING)
    except subprocess.TimeoutExpired:
        print("Snakemake did not cancel its jobs in time: look for them in the cluster's queue", flush=True)


def run(plan: StudyPlan, jobs: int = 1, extra: tuple[str, ...] = (), minutes: float = 0) -> int:
    """Run the rows that are due, print a line for each, and write the summary.

    `jobs` is the number of parallel rows, `extra` holds further options of Snakemake. After `minutes` (0: no limit) no
    further row starts. Returns the exit code: 1 if a planned row has no record, unless it only waits for more time.
    Raises UserError if another study runs in the same folder, or no row ran.
    """
    busy = f"another study is running in {shown(plan.root)}: wait for it, or stop it with Ctrl-C"
    with locked(plan.root / ".lock", busy):
        print("\n".join(filter(None, [plan_text.headline(plan, jobs), plan_text.remarks(plan)])), flush=True)
        progress = _schedule(plan, jobs, list(extra), minutes) if plan.due else None
        return summarize(plan, progress)


def check_hardware(scale: ScaleSpec, name: str) -> None:
    """Raise UserError if the scale needs more or larger GPUs than this machine has."""
    if not scale.gpus:
        return
    import torch

    fit = [
        k
        for k in range(torch.cuda.device_count())
        if torch.cuda.get_device_properties(k).total_memory >= scale.gpu_memory_gb * 0.9e9
    ]
    if len(fit) < scale.gpus:
        raise UserError(
            f"scale {name} needs {scale.gpus} GPU(s) with {scale.gpu_memory_gb:g} GB each and this machine "
            f"has {len(fit)}: use SCALE=mini here, or run it on a machine that has them"
        )
