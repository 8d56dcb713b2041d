"""Run the study: hand the plan to Snakemake, say one line a row, watch memory, sum up.

    run(plan, jobs=2)                      # -> exit code: 0 when every planned row has its record

Snakemake only schedules (see Snakefile); its own words go to work/<scale>/logs/study.log.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from o1lib.records import UserError, project_root, shown, write_json
from o1lib.study import experiments, plan_text
from o1lib.study import plan as planning
from o1lib.study.experiments import ScaleSpec
from o1lib.study.jobs import scale_of
from o1lib.study.plan import StudyPlan, duration
from o1lib.study.row_job import EVENTS, STUDY, import_path, locked, stop_tree

HUB = ("gpu", "paper")  # scales whose models and data come from the Hub
SOURCES = ".snakemake/sources"  # under work/<scale>: Snakemake's own copy of the Snakefile


@dataclass
class StudyProgress:
    """What the study sees while Snakemake works: rows that ended, and the peak memory of all its processes.

    Memory is the sum of the resident sets of Snakemake, the rows and their kernels, sampled twice a second, in MB;
    pages shared between processes count once for each, so the true peak is a little lower.
    """

    plan: StudyPlan
    events: Path
    read: int = 0
    ended: list[dict] = field(default_factory=list)
    peak_mb: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def look(self, process: psutil.Process) -> None:
        """Print the rows that ended since the last look and sample memory."""
        with open(self.events, "rb") as file:
            file.seek(self.read)
            lines = file.read()
        whole = lines[: lines.rfind(b"\n") + 1]
        self.read += len(whole)
        for line in whole.splitlines():
            self.ended.append(json.loads(line))
            self.say(self.ended[-1])
        self.peak_mb = max(self.peak_mb, _resident_mb(process))

    def say(self, event: dict) -> None:
        """Print one row's line."""
        total = len(self.plan.due)
        time_ = duration(event["seconds"])
        outcome = f"failed after {time_}: {event['problem']}" if event["problem"] else time_
        print(
            f"\r[{len(self.ended):{len(str(total))}} of {total}] {event['row']} seed {event['seed']} … {outcome}"
            f"{' ' * 20}".rstrip(),
            flush=True,
        )

    def tick(self) -> None:
        """On a terminal, show that something is going on."""
        if sys.stdout.isatty():
            seconds = duration(time.monotonic() - self.started)
            print(f"\r… {len(self.ended)} of {len(self.plan.due)} rows after {seconds} ", end="", flush=True)


def _resident_mb(process: psutil.Process) -> float:
    total = 0
    try:
        for member in [process, *process.children(recursive=True)]:
            try:
                total += member.memory_info().rss
            except psutil.NoSuchProcess:
                continue  # ended between listing and looking
    except psutil.NoSuchProcess:
        return 0.0
    return total / 2**20


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_for(jobs: int) -> int:
    """Return how many threads a row may use when `jobs` rows run side by side."""
    return max(1, cores() // jobs)


def environment(scale: str, jobs: int) -> dict[str, str]:
    """What every row finds: its share of the cores, no network where none is needed, this checkout first.

    Beside other rows threads sleep while they wait: spinning, which is the default and a fifth faster for one row alone,
    makes two threads slower than one on a busy machine.
    """
    offline = {} if scale in HUB else {"HF_HUB_OFFLINE": "1"}
    threads = {"OMP_NUM_THREADS": str(threads_for(jobs))} | ({"OMP_WAIT_POLICY": "PASSIVE"} if jobs > 1 else {})
    return (
        os.environ
        | offline
        | threads
        | {
            "PYTHONPATH": import_path(),
            "O1LIB_ROOT": str(project_root()),
            "PYTHONHASHSEED": "0",
            STUDY: f"{socket.gethostname()}:{os.getpid()}",
        }
    )


def _command(plan: StudyPlan, plan_file: Path, jobs: int, extra: list[str]) -> list[str]:
    config = [f"plan={plan_file}", f"python={sys.executable}", f"scale={plan.scale}", f"threads={threads_for(jobs)}"]
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
        "--cores",
        str(jobs),
        "--nolock",
        "--keep-going",
        "--rerun-incomplete",
        "--keep-incomplete",
        "--drop-metadata",
        "--scheduler",
        "greedy",
        "--runtime-source-cache-path",
        str(plan.root / SOURCES),
        "--latency-wait",
        "20",
        *extra,
    ]


def _stop_leftovers(note: Path) -> None:
    """Stop the Snakemake of a study that was itself killed, before it can touch what this study makes."""
    try:
        left = json.loads(note.read_text(encoding="utf8"))
        process = psutil.Process(left["pid"])
        if abs(process.create_time() - left["created"]) < 1:
            stop_tree(process)
    except (OSError, ValueError, KeyError, psutil.NoSuchProcess):
        return  # no study before this one, or it has long ended


def _schedule(plan: StudyPlan, jobs: int, extra: list[str]) -> StudyProgress:
    """Let Snakemake run the plan; return what was seen. Stops everything it started when interrupted."""
    logs = plan.root / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    note = logs / "snakemake.json"
    _stop_leftovers(note)
    planning.set_aside(plan)
    (logs / EVENTS).write_text("", encoding="utf8")
    shutil.rmtree(plan.root / SOURCES, ignore_errors=True)  # Snakemake would run the Snakefile of an earlier study
    command = _command(plan, planning.write_plan(plan), jobs, extra)
    watch = StudyProgress(plan, logs / EVENTS)
    with open(logs / "study.log", "w", encoding="utf8") as log:
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
                watch.look(process)
                watch.tick()
                time.sleep(0.5)
            watch.look(process)
        finally:
            stop_tree(process)
    return watch


def run(plan: StudyPlan, jobs: int = 1, extra: tuple[str, ...] = ()) -> int:
    """Run what the plan says; print a line a row and the summary; return 0 when every planned row has its record.

    Raises UserError when another study runs in the same folder, or Snakemake could not even start.
    """
    busy = f"another study is running in {shown(plan.root)}: wait for it, or stop it with Ctrl-C"
    with locked(plan.root / ".lock", busy):
        print("\n".join(filter(None, [plan_text.headline(plan, jobs), plan_text.describe_stale(plan)])), flush=True)
        watch = _schedule(plan, jobs, list(extra)) if plan.due else None
        return _sum_up(plan, watch)


def _sum_up(plan: StudyPlan, watch: StudyProgress | None) -> int:
    missing = [step.job for step in plan.steps if not planning.is_done(step.job)]
    summary = {
        "rows": len(plan.steps),
        "recorded": len(plan.steps) - len(missing),
        "failed": len(missing),
        "seconds": round(time.monotonic() - watch.started, 1) if watch else 0.0,
        "peak_memory_mb": round(watch.peak_mb) if watch else 0,
    }
    path = plan.root / "summary.json"
    if watch or not path.is_file():  # when nothing ran, the last real run's time and memory stay
        write_json(path, summary)
    ended = {(event["row"], event["seed"]) for event in watch.ended} if watch else set()
    if unheard := [job.name for job in missing if job.key not in ended]:
        print(f"{len(unheard)} rows did not run, for a row they need failed or they were killed: {', '.join(unheard)}")
    if watch and not watch.ended:
        raise UserError(f"no row ran: Snakemake's own words are in {shown(plan.root / 'logs' / 'study.log')}")
    print(f"{summary['recorded']} of {summary['rows']} rows recorded ({shown(path)})")
    for page in report_pages(plan):
        print(f"results: {shown(page)}")
    if words := _beside_published(plan):
        print(words)
    return 1 if missing else 0


def _beside_published(plan: StudyPlan) -> str:
    """Return what was found here beside what is published, "" where no report judged claims or none are published."""
    reports = [step.job for step in plan.steps if step.job.report and planning.is_done(step.job)]
    found = [path for job in reports if (path := planning.folder_of(job) / "tables" / "claims.json").is_file()]
    if not found:
        return ""
    from o1lib.analysis.claims import replication  # brings pandas

    ours = replication.published(plan.scale)
    return (
        replication.summarize_replication(replication.compare_with_published(replication.read_claims(found[-1]), ours))
        if ours
        else ""
    )


def report_pages(plan: StudyPlan) -> list[Path]:
    """Return the page to look at: what the last report wrote (HTML, else Markdown, else its executed notebook)."""
    reports = [step.job for step in plan.steps if step.job.report]
    if not reports or not planning.is_done(reports[-1]):
        return []
    folder = planning.folder_of(reports[-1])
    return [*folder.glob("*.html"), *folder.glob("*.md"), folder / "notebook.ipynb"][:1]


def summary(scale: str) -> str:
    """Return the text of work/<scale>/summary.json. Raises UserError for an unknown scale or where none ended."""
    scale_of(experiments.read_experiments(), scale)
    path = project_root() / "work" / scale / "summary.json"
    if not path.is_file():
        raise UserError(f"no study has ended at scale {scale} ({shown(path)}): run `make study SCALE={scale}`")
    return path.read_text(encoding="utf8").strip()


def check_hardware(scale: ScaleSpec, name: str) -> None:
    """Raise UserError when the scale needs GPUs that this machine has not."""
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
            f"has {len(fit)}: use SCALE=mini here, or run it where they are"
        )
