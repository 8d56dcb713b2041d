"""Keep the finished rows of a study that is under way in the repository, so that another checkout goes on with it.

    print(keep("mini"))          # "12 rows are kept in results/unfinished/mini"; python -m o1lib keep
    fetch("mini")                # in the other checkout; python -m o1lib restore does this first

A kept row is its record, its small files and its predictions in short form. Models and datasets are left out. The row
counts as done without them, and they are made again where another row needs them.
"""

import shutil
from pathlib import Path

from o1lib.records import UserError, atomic_folder, load_all, project_root, shown
from o1lib.records.wording import counted
from o1lib.study import publish, states


def folder(scale: str) -> Path:
    """Return the folder of the rows that are kept of a study under way."""
    return project_root() / "results" / "unfinished" / scale


def keep(scale: str) -> str:
    """Copy the complete rows of work/<scale>, without reports, to results/unfinished/<scale>; return what was done.

    Raises UserError, before anything is copied, if no row is complete or a file is not the one of its record.
    """
    entries = [entry for entry in publish.planned(scale) if not entry.job.report]
    publish.check_files(entries)
    done = [entry.job for entry in entries if not entry.reason]
    if not done:
        raise UserError(f"no complete row in work/{scale}: run `make study SCALE={scale}` first")
    for job in done:
        publish.copy_row(states.folder_of(job), folder(scale) / "runs" / job.row / f"seed{job.seed}")
    return f"{counted(len(done), 'row')} are kept in {shown(folder(scale))}"


def fetch(scale: str) -> int:
    """Copy kept rows to work/<scale> where the row has no folder yet, and return their number."""
    work = project_root() / "work" / scale
    targets = {one.folder: work / one.folder.relative_to(folder(scale)) for one in load_all(folder(scale))}
    missing = {source: target for source, target in targets.items() if not target.exists()}
    for source, target in missing.items():
        with atomic_folder(target) as part:
            shutil.copytree(source, part, dirs_exist_ok=True)
    return len(missing)
