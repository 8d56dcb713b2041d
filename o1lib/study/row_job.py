"""Run one job of the study in its own process: execute its notebook with papermill and check its record.

    python -m o1lib run-row structured --seed 0 --scale smoke

The executed notebook stays in the run's folder, also if a cell failed. Checkpoints of a killed run of the same job are
kept, and the job goes on from them. Other files in the folder are deleted first.
"""

import json
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from o1lib.records import UserError, atomic_file, portable, project_root, shown, stack_hash
from o1lib.records.files import disk_errors
from o1lib.records.journals import DAMAGED, load_json
from o1lib.records.store import RECORD
from o1lib.study import states
from o1lib.study.jobs import Job

STUDY = "O1LIB_STUDY"  # host:pid of the study that started this row
EVENTS = "rows.jsonl"  # one JSON line for each row that ended


@contextmanager
def locked(path: Path, message: str, wait: float = 0.0):
    """Hold the lock file at `path`. The system releases it when the process ends, also after a kill.

    Raises UserError with `message` if another process still holds it after `wait` seconds.
    """
    lock = FileLock(path, timeout=wait)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise UserError(message) from None
    try:
        yield
    finally:
        lock.release()


def stop_tree(process: psutil.Process) -> None:
    """Kill a process and all its descendants. Every writer here is atomic, so no file is left half written."""
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for member in sorted(family, key=lambda member: member.pid == os.getpid()):  # this process last
        with suppress(psutil.NoSuchProcess):
            member.kill()
    psutil.wait_procs(family, timeout=10)


def _end_with_the_study() -> None:
    """Start a thread that stops this row and its kernel once the study that started it has ended (kill -9)."""
    host, _, pid = os.environ.get(STUDY, "").partition(":")
    if host != socket.gethostname():
        return  # started by hand, or on another machine of a cluster

    def stop_after_study():
        """Wait for the end of the study, then stop this process and its children."""
        while psutil.pid_exists(int(pid)):
            time.sleep(0.5)
        stop_tree(psutil.Process())

    threading.Thread(target=stop_after_study, daemon=True).start()


def find_job(row: str, seed: int, scale: str, plan_file: Path | None = None) -> Job:
    """Return a job of the plan that `make study` last wrote for a scale. Raises UserError if the plan lacks it."""
    path = plan_file or project_root() / "work" / scale / "plan.json"
    try:
        entry = load_json(path)[f"{row}/{seed}"]
        os.environ["O1LIB_PLAN"] = str(path.resolve())  # names the records that a report leaves out
        return Job(row, seed, entry["notebook"], entry["parameters"], (), 0.0, fingerprint=entry["fingerprint"])
    except (ValueError, KeyError, TypeError):
        remedy = f"run `make study SCALE={scale} ROWS={row}`"
        raise UserError(f"{row} seed {seed} is not in {shown(path)}: {remedy}") from None


def _prepare_folder(folder: Path, job: Job) -> None:
    """Delete the files of another attempt, and record the current one.

    Checkpoints and journals of an interrupted attempt are named. A finished row has no attempt, and its plan says why
    it is made again.
    """
    attempt, current = folder / states.ATTEMPT, f"{job.fingerprint} {stack_hash(job.notebook)}\n".encode()
    with disk_errors(folder):
        if attempt.is_file() and attempt.read_bytes() == current:
            return
        entries = [entry for entry in folder.iterdir() if DAMAGED not in entry.name]  # that is for the user to look at
        lost = sorted(entry.name for entry in entries if _holds_work(entry))
        if lost and attempt.is_file():
            why = "its code or its parameters have changed since it was interrupted"
            print(f"{job.name} starts anew, because {why}; deleted: {', '.join(lost)}", file=sys.stderr, flush=True)
        for entry in entries:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name not in (states.EARLIER, ".lock"):
                entry.unlink()
        attempt.write_bytes(current)


def _holds_work(entry: Path) -> bool:
    """Return whether an interrupted row could have gone on from a folder or journal."""
    return entry.is_dir() and not entry.is_symlink() or entry.suffix == ".jsonl"


def import_path() -> str:
    """Return a PYTHONPATH with this checkout first, also if the package is installed from another place.

    Raises UserError for a checkout whose path PYTHONPATH cannot hold.
    """
    if os.pathsep in str(project_root()):
        raise UserError(f"{project_root()} holds {os.pathsep!r}, which separates paths: rename or move the checkout")
    here, given = str(project_root()), os.environ.get("PYTHONPATH", "")
    return given if given.startswith(here) else os.pathsep.join(filter(None, [here, given]))


def _environment(job: Job, ipython: str) -> dict[str, str]:
    """Return the kernel's environment: this Python, the planned fingerprint, an empty folder for IPython's files."""
    kernels = [str(Path(sys.prefix) / "share" / "jupyter"), os.environ.get("JUPYTER_PATH", "")]
    return {
        "O1LIB_FINGERPRINT": job.fingerprint,
        "JUPYTER_PATH": os.pathsep.join(filter(None, kernels)),
        "PYTHONPATH": import_path(),
        "IPYTHONDIR": ipython,
        "TOKENIZERS_PARALLELISM": "false",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _papermill():
    """Import papermill without two optional packages that no row uses and that take seconds to import."""
    unused = {"rfc3987_syntax", "pyarrow"} - sys.modules.keys()
    sys.modules.update(dict.fromkeys(unused))  # None makes an import fail as if the package were not installed
    try:
        import papermill
    finally:
        for name in unused:
            del sys.modules[name]
    return papermill


def _execute(job: Job, folder: Path, log: Path) -> None:
    """Execute the notebook into `folder`/notebook.ipynb. The output of its cells also goes to `log`."""
    papermill = _papermill()
    source = project_root() / "notebooks" / f"{job.notebook}.ipynb"
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(log, "w", encoding="utf8") as output:
            papermill.execute_notebook(
                _literal(source),
                _literal(folder / "notebook.ipynb"),
                job.parameters,
                kernel_name="python3",
                progress_bar=False,
                coalesce_streams=True,
                stdout_file=output,
                stderr_file=output,
                cwd=source.parent,
            )
    finally:
        clean_notebook(folder / "notebook.ipynb")


def _literal(path: Path) -> str:
    """Return a path for papermill, which would replace a name in braces by a parameter's value."""
    return str(path).replace("{", "{{").replace("}", "}}")


def clean_notebook(path: Path) -> None:
    """Remove times and paths of this machine from an executed notebook, so that it can be compared and published."""
    import nbformat
    from nbconvert.preprocessors import ClearMetadataPreprocessor

    if not path.is_file():
        return
    keep = {"preserve_nb_metadata_mask": {"language_info", "kernelspec"}, "preserve_cell_metadata_mask": {"tags"}}
    cleaner = ClearMetadataPreprocessor(enabled=True, **keep)
    notebook, _ = cleaner.preprocess(nbformat.read(path, as_version=4), {})
    with atomic_file(path) as part:
        part.write_text(portable(nbformat.writes(notebook)), encoding="utf8")


def error_sentence(error: BaseException) -> str:
    """Return an error as one line: the message of a UserError, else the exception's name and first line."""
    name, message = getattr(error, "ename", type(error).__name__), str(getattr(error, "evalue", error)).strip()
    first = message.splitlines()[0] if message else "no message"
    if name == "DeadKernelError":
        return "the kernel died, probably because memory ran out: close other programs or use a smaller JOBS"
    return first if name == "UserError" else f"{name}: {first}"


def _run(job: Job) -> None:
    """Execute the job in its locked folder. Raises UserError if a cell failed or no record was written."""
    folder = states.folder_of(job)
    busy = f"row {job.name} is being run by another process: wait for it or stop it"
    with locked(folder / ".lock", busy, wait=15), tempfile.TemporaryDirectory() as ipython:
        os.environ.update(_environment(job, ipython))
        _prepare_folder(folder, job)
        try:
            _execute(job, folder, folder.parents[2] / "logs" / f"{job.row}.seed{job.seed}.log")
        except Exception as error:
            (folder / RECORD).unlink(missing_ok=True)  # a cell failed after the record was written
            place = shown(folder / "notebook.ipynb")
            raise UserError(f"{error_sentence(error)} (executed notebook: {place})") from error
        if not states.is_done(job):
            raise UserError(f"{job.notebook} ended without a record for {job.name}: end it with finish(run, ...)")
        with disk_errors(folder):
            (folder / states.EARLIER).unlink(missing_ok=True)


def run_row(job: Job) -> None:
    """Run one job until it has its record, and append how it ended to work/<scale>/logs/rows.jsonl.

    Raises UserError, one sentence with the path of the executed notebook, if the job failed.
    """
    _end_with_the_study()
    began, problem = time.monotonic(), ""
    try:
        _run(job)
    except BaseException as error:
        problem = error_sentence(error)
        raise
    finally:
        event = {"row": job.row, "seed": job.seed, "seconds": round(time.monotonic() - began, 1), "problem": problem}
        events = states.folder_of(job).parents[2] / "logs" / EVENTS
        events.parent.mkdir(parents=True, exist_ok=True)
        with open(events, "a", encoding="utf8") as file:
            file.write(json.dumps(event) + "\n")  # one write, so lines of parallel rows do not mix
