"""One job of the study in a process of its own: a notebook through papermill, ending in a record or in one sentence.

    python -m o1lib run-row structured --seed 0 --scale smoke

The executed notebook stays in the run's folder, also when a cell failed. What a killed run of the very same job left
there (checkpoints) is kept for it to go on from; anything else is cleared away first.
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

from o1lib.records import UserError, atomic_file, code_hash, portable, project_root, shown
from o1lib.study import plan
from o1lib.study.jobs import Job

STUDY = "O1LIB_STUDY"  # host:pid of the study that started this row
EVENTS = "rows.jsonl"  # one line for each row that ended


@contextmanager
def locked(path: Path, message: str, wait: float = 0.0):
    """Hold the lock file at `path`; the system releases it when the process ends, however it ends.

    Raises UserError with `message` when another process still holds it after `wait` seconds.
    """
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf8") as file:
        end = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise UserError(message) from None
                time.sleep(0.1)
        yield


def stop_tree(process: psutil.Process) -> None:
    """Kill a process and all that it started; every writer here is atomic, so nothing is left half written."""
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for member in sorted(family, key=lambda member: member.pid == os.getpid()):  # oneself last
        with suppress(psutil.NoSuchProcess):
            member.kill()
    psutil.wait_procs(family, timeout=10)


def _end_with_the_study() -> None:
    """Watch the study that started this row: when it is gone (kill -9), the row and its kernel go too."""
    host, _, pid = os.environ.get(STUDY, "").partition(":")
    if host != socket.gethostname():
        return  # started by hand, or on another machine of a cluster

    def watch():
        while psutil.pid_exists(int(pid)):
            time.sleep(0.5)
        stop_tree(psutil.Process())

    threading.Thread(target=watch, daemon=True).start()


def find_job(row: str, seed: int, scale: str, plan_file: Path | None = None) -> Job:
    """Return a job of the plan that `make study` last wrote for a scale. Raises UserError when it is not there."""
    path = plan_file or project_root() / "work" / scale / "plan.json"
    try:
        entry = json.loads(path.read_text(encoding="utf8"))[f"{row}/{seed}"]
    except (OSError, ValueError, KeyError):
        remedy = f"run `make study SCALE={scale} ROWS={row}`"
        raise UserError(f"{row} seed {seed} is not in {shown(path)}: {remedy}") from None
    return Job(row, seed, entry["notebook"], entry["parameters"], (), 0.0, fingerprint=entry["fingerprint"])


def _make_room(folder: Path, job: Job) -> None:
    """Clear what another attempt left, and note which attempt this is."""
    attempt, this = folder / plan.ATTEMPT, f"{job.fingerprint} {code_hash(job.notebook)}\n"
    if not attempt.is_file() or attempt.read_text(encoding="utf8") != this:
        for entry in folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name not in (plan.EARLIER, ".lock"):
                entry.unlink()
        attempt.write_text(this, encoding="utf8")


def import_path() -> str:
    """Return a PYTHONPATH with this checkout first, wherever the package was installed from."""
    here, given = str(project_root()), os.environ.get("PYTHONPATH", "")
    return given if given.startswith(here) else os.pathsep.join(filter(None, [here, given]))


def _environment(job: Job, ipython: str) -> dict[str, str]:
    """What the kernel is to find around it: this very Python, the planned fingerprint, no user's own IPython files."""
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
    """Return the module, imported without what no row uses: seconds for a grammar of addresses and a Hadoop client."""
    unused = {"rfc3987_syntax", "pyarrow"} - sys.modules.keys()
    sys.modules.update(dict.fromkeys(unused))  # None: as if it were not installed, which papermill provides for
    try:
        import papermill
    finally:
        for name in unused:
            del sys.modules[name]
    return papermill


def _execute(job: Job, folder: Path, log: Path) -> None:
    """Run the notebook into `folder`/notebook.ipynb; what its cells print goes to `log` as well."""
    papermill = _papermill()
    source = project_root() / "notebooks" / f"{job.notebook}.ipynb"
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(log, "w", encoding="utf8") as words:
            papermill.execute_notebook(
                source,
                folder / "notebook.ipynb",
                job.parameters,
                kernel_name="python3",
                progress_bar=False,
                coalesce_streams=True,
                stdout_file=words,
                stderr_file=words,
                cwd=source.parent,
            )
    finally:
        clean_notebook(folder / "notebook.ipynb")


def clean_notebook(path: Path) -> None:
    """Take times and this machine's paths out of an executed notebook, so that it can be compared and published."""
    import nbformat

    if not path.is_file():
        return
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
    with atomic_file(path) as part:
        part.write_text(portable(nbformat.writes(notebook)), encoding="utf8")


def error_sentence(error: BaseException) -> str:
    """Return what went wrong in one line: a UserError's own words, else the exception's name and first line."""
    name, words = getattr(error, "ename", type(error).__name__), str(getattr(error, "evalue", error)).strip()
    first = words.splitlines()[0] if words else "no message"
    if name == "DeadKernelError":
        return "the kernel died, probably for want of memory: close other programs or use a smaller JOBS"
    return first if name == "UserError" else f"{name}: {first}"


def _run(job: Job) -> None:
    folder = plan.folder_of(job)
    busy = f"row {job.name} is being run by another process: wait for it or stop it"
    with locked(folder / ".lock", busy, wait=15), tempfile.TemporaryDirectory() as ipython:
        os.environ.update(_environment(job, ipython))
        _make_room(folder, job)
        try:
            _execute(job, folder, folder.parents[2] / "logs" / f"{job.row}.seed{job.seed}.log")
        except Exception as error:
            place = shown(folder / "notebook.ipynb")
            raise UserError(f"{error_sentence(error)} (executed notebook: {place})") from error
        if not plan.is_done(job):
            raise UserError(f"{job.notebook} ended without a record for {job.name}: it must end with finish(run, ...)")
        (folder / plan.EARLIER).unlink(missing_ok=True)


def run_row(job: Job) -> None:
    """Run one job; on return its record is there. Tells the study how it ended, in work/<scale>/logs/rows.jsonl.

    Raises UserError: one sentence, with the path of the executed notebook.
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
        events = plan.folder_of(job).parents[2] / "logs" / EVENTS
        events.parent.mkdir(parents=True, exist_ok=True)
        with open(events, "a", encoding="utf8") as file:
            file.write(json.dumps(event) + "\n")  # one short line in one write
