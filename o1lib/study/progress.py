"""Progress and summary of a study: one line for each row that ended, peak memory, totals, and the pages to read.

progress = StudyProgress(plan, plan.root / "logs" / "rows.jsonl")
progress.update(psutil.Process(pid))                     # prints the rows that ended since the last call
summarize(plan, progress)                                # writes work/<scale>/summary.json, returns the exit code
"""

import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from o1lib.records import UserError, project_root, shown, write_json
from o1lib.records.journals import load_json, parse
from o1lib.records.wording import counted
from o1lib.study import experiments, states
from o1lib.study.jobs import Job, scale_of
from o1lib.study.plan import StudyPlan
from o1lib.study.plan_text import duration

EVENT = {"row": str, "seed": int, "seconds": float, "problem": str}  # of a line in rows.jsonl


@dataclass
class StudyProgress:
    """Progress of a running study: the rows that ended, and the peak memory of all its processes.

    `peak_mb` is the sum of the resident sets of Snakemake, the rows and their kernels in MB, sampled twice a second.
    It counts a page once for each process that shares it, so the true peak is a little lower.
    """

    plan: StudyPlan
    events: Path
    read: int = 0  # bytes of `events` that were read
    ended: list[dict] = field(default_factory=list)
    peak_mb: float = 0.0
    started: float = field(default_factory=time.monotonic)
    stopped: bool = False  # whether the time was over, so that no further row started

    @property
    def seconds(self) -> float:
        """The seconds since the study started."""
        return time.monotonic() - self.started

    def update(self, process: psutil.Process) -> None:
        """Print the rows that ended since the last call and sample the memory of `process` and its children."""
        with open(self.events, "rb") as file:
            file.seek(self.read)
            lines = file.read()
        complete = lines[: lines.rfind(b"\n") + 1]  # a row may still be writing the last line
        self.read += len(complete)
        for line in complete.splitlines():
            event = _event(line)
            if event:
                self.ended.append(event)
                self.print_row(event)
        self.peak_mb = max(self.peak_mb, _resident_mb(process))

    def print_row(self, event: dict) -> None:
        """Print the line of a row that ended."""
        total = len(self.plan.due)
        spent = duration(event["seconds"])
        outcome = f"failed after {spent}: {event['problem']}" if event["problem"] else spent
        print(
            f"\r[{len(self.ended):{len(str(total))}} of {total}] {event['row']} seed {event['seed']} … {outcome}"
            f"{' ' * 20}".rstrip(),
            flush=True,
        )

    def print_elapsed(self) -> None:
        """Print the elapsed time, on a terminal only."""
        if sys.stdout.isatty():
            seconds = duration(self.seconds)
            print(f"\r… {len(self.ended)} of {len(self.plan.due)} rows after {seconds} ", end="", flush=True)


def _event(line: bytes) -> dict | None:
    """Return how a row ended, or None for a line that a kill or a full disk cut short."""
    with suppress(ValueError):
        event = parse(line)
        if {name: type(value) for name, value in event.items()} in (EVENT, EVENT | {"seconds": int}):
            return event
    return None


def _resident_mb(process: psutil.Process) -> float:
    total = 0
    try:
        for member in [process, *process.children(recursive=True)]:
            try:
                total += member.memory_info().rss
            except psutil.NoSuchProcess:
                continue  # it ended after it was listed
    except psutil.NoSuchProcess:
        return 0.0
    return total / 2**20


def summarize(plan: StudyPlan, progress: StudyProgress | None) -> int:
    """Write and print the summary, print the pages to read, and return the exit code."""
    missing = [entry.job for entry in plan.jobs if not states.is_done(entry.job)]
    ended = {(event["row"], event["seed"]) for event in progress.ended} if progress else set()
    idle = [job for job in missing if job.key not in ended]
    failed = len(missing) - len(idle) if progress and progress.stopped else len(missing)
    totals = {
        "rows": len(plan.jobs),
        "recorded": len(plan.jobs) - len(missing),
        "failed": failed,
        "seconds": round(progress.seconds, 1) if progress else 0.0,
        "peak_memory_mb": round(progress.peak_mb) if progress else 0,
    }
    path = plan.root / "summary.json"
    if progress or not path.is_file():  # if nothing ran, the summary of the last run stays
        write_json(path, totals)
    _print_idle(plan, progress, idle)
    print(f"{totals['recorded']} of {totals['rows']} rows recorded ({shown(path)})")
    if slowest := slowest_rows(plan):
        print(slowest)
    for page in report_pages(plan):
        print(f"results: {shown(page)}")
        published = project_root() / "results" / experiments.MAIN_SCALE / "runs" / page.relative_to(plan.root / "runs")
        if published.is_file():
            print(f"published results, at scale {experiments.MAIN_SCALE}: {shown(published)}")
    if comparison := _compare_with_published(plan):
        print(comparison)
    return 1 if failed else 0


def slowest_rows(plan: StudyPlan, most: int = 5) -> str:
    """Return in words which rows took longest by their records, and how long each notebook took; "" without records."""
    rows: dict[str, float] = {}
    notebooks: dict[str, float] = {}
    for record in filter(None, (states.recorded(entry.job) for entry in plan.jobs)):
        seconds = record.provenance.get("seconds") or 0.0
        rows[f"{record.row} seed {record.seed}"] = seconds
        notebooks[record.notebook] = notebooks.get(record.notebook, 0.0) + seconds
    return f"slowest rows: {_longest(rows, most)}; by notebook: {_longest(notebooks)}" if rows else ""


def _longest(seconds: dict[str, float], most: int | None = None) -> str:
    """Return the longest times in words, the longest first."""
    ordered = sorted(seconds.items(), key=lambda one: one[1], reverse=True)
    return ", ".join(f"{name} {took:,.0f} s" for name, took in ordered[:most])


def _print_idle(plan: StudyPlan, progress: StudyProgress | None, idle: list[Job]) -> None:
    """Name the rows that did not start or were killed, and why. Raises UserError if none ended at all."""
    if idle:
        over = "the time is over, and the same command goes on"
        why = over if progress and progress.stopped else "a row that it needs failed, or it was killed"
        print(f"{counted(len(idle), 'row')} did not run ({why}): {', '.join(job.name for job in idle)}")
    if progress and not progress.ended and not progress.stopped:
        raise UserError(f"no row ran: read Snakemake's output in {shown(plan.root / 'logs' / 'study.log')}")


def _compare_with_published(plan: StudyPlan) -> str:
    """Return the comparison of the claims here with the published ones, "" if there are none of either."""
    reports = [entry.job for entry in plan.jobs if entry.job.report and states.is_done(entry.job)]
    found = [path for job in reports if (path := states.folder_of(job) / "tables" / "claims.json").is_file()]
    if not found:
        return ""
    from o1lib.analysis.claims import replication  # imports pandas

    published = replication.published(plan.scale)
    if not published:
        return ""
    comparison = replication.compare_with_published(replication.read_claims(found[-1]), published)
    return replication.summarize_replication(comparison)


def report_pages(plan: StudyPlan) -> list[Path]:
    """Return the page to open, in a list: HTML, Markdown or the executed notebook of the last planned report.

    The list is empty if no report is planned or the last one has no record.
    """
    reports = [entry.job for entry in plan.jobs if entry.job.report]
    if not reports or not states.is_done(reports[-1]):
        return []
    folder = states.folder_of(reports[-1])
    return [*folder.glob("*.html"), *folder.glob("*.md"), folder / "notebook.ipynb"][:1]


def read_summary(scale: str) -> str:
    """Return the text of work/<scale>/summary.json. Raises UserError if the scale is unknown or has no summary."""
    scale_of(experiments.read_experiments(), scale)
    path = project_root() / "work" / scale / "summary.json"
    if not path.is_file():
        raise UserError(f"no study has ended at scale {scale} ({shown(path)}): run `make study SCALE={scale}`")
    try:
        load_json(path)
    except ValueError as error:
        raise UserError(f"{shown(path)}: {error}: run `make study SCALE={scale}`, which writes it again") from None
    return path.read_text(encoding="utf8").strip()
