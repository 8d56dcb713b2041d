"""Keep the finished rows of a study that is under way in the repository, so that another checkout goes on with it.

    print(keep("mini"))          # "12 rows are kept in results/unfinished/mini"; python -m o1lib keep
    fetch("mini")                # in the other checkout; python -m o1lib restore does this first

A kept row is its record, its small files and its predictions in short form. Tries of readiness and, of the main scale,
finished suites of probes are kept with them. Models and datasets are left out. The row counts as done without them, and
they are made again where another row needs them. The model of a row comes back where results/checkpoints holds it.
"""

import shutil
from pathlib import Path

from o1lib.records import Record, UserError, atomic_folder, load_all, project_root, sha256, shown
from o1lib.records.files import CARD
from o1lib.records.store import PREDICTIONS, RECORD
from o1lib.records.wording import counted
from o1lib.study import copies, publish, states

MODEL = "model"
SHIPPED_WITH = ((CARD,), (CARD, RECORD, PREDICTIONS))  # files beside a model: notebook 00 copies a base with its record


def folder(scale: str) -> Path:
    """Return the folder of the rows that are kept of a study under way."""
    return project_root() / "results" / "unfinished" / scale


def keep(scale: str) -> str:
    """Copy the complete rows, the tries and the suites of work/<scale> to results/unfinished/<scale>, without reports.

    Returns what was done. Raises UserError, before anything is copied, if no row is complete, if a file is not the one
    of its record, and if another try of the same name is kept.
    """
    entries = [entry for entry in publish.planned(scale) if not entry.job.report]
    publish.check_files(entries)
    done = [entry.job for entry in entries if entry.complete]
    if not done:
        raise UserError(f"no complete row in work/{scale}: run `make study SCALE={scale}` first")
    tries = copies.of_work(scale), copies.of_results(folder(scale))
    copies.check_tries(*tries)
    for job in done:
        copies.copy_row(states.folder_of(job), folder(scale) / "runs" / job.row / f"seed{job.seed}")
    beside = copies.copy_tries(scale, *tries)
    with_them = f", with {beside}" if beside else ""
    return f"{counted(len(done), 'row')} are kept in {shown(folder(scale))}{with_them}"


def fetch(scale: str) -> str:
    """Copy kept rows to work/<scale> where the row has no folder yet, and tries and suites that are not there.

    A row gets its model if results/checkpoints holds it. Returns what was copied in words, "" for nothing.
    """
    work = project_root() / "work" / scale
    found = [(one, work / one.folder.relative_to(folder(scale))) for one in load_all(folder(scale))]
    missing = [(record, target) for record, target in found if not target.exists()]
    for record, target in missing:
        with atomic_folder(target) as part:
            shutil.copytree(record.folder, part, dirs_exist_ok=True)
            _fetch_model(record, part / MODEL)
    beside = copies.copy_tries(scale, copies.of_results(folder(scale)), copies.of_work(scale), new=True)
    return ", ".join(filter(None, [counted(len(missing), "row") if missing else "", beside]))


def _fetch_model(record: Record, target: Path) -> None:
    """Copy the shipped model of a row to `target` if one has the hash of the record."""
    shipped = record.parameters.get("checkpoint") or f"results/checkpoints/{record.scale}-{record.row}"
    source = project_root() / str(shipped)
    if MODEL not in record.artifacts or not source.is_dir():
        return
    for others in SHIPPED_WITH:
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*others))
        if sha256(target) == record.artifacts[MODEL]:
            return
        shutil.rmtree(target)
