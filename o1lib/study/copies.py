"""Copy rows, tries of readiness and suites of probes between work/ and results/.

    copy_row(folder_of(job), results / "runs" / job.row / "seed0")
    copy_tries("mini", of_work("mini"), of_results(results))     # "2 tries, 1 suite of probes"

work/<scale>/readiness/<try>.{json,md}          results/.../readiness/
work/probes/<checkpoint>/                       results/.../probes/<checkpoint>/
"""

import shutil
from pathlib import Path
from typing import NamedTuple

from o1lib.records import UserError, atomic_folder, load, project_root, shown
from o1lib.records.store import PREDICTIONS, RECORD
from o1lib.study import experiments, texts

SMALL = 400_000  # bytes; larger files of a row (a model, images) stay in work/, and the record has their hashes
PUBLISHED = {".json", ".csv", ".md", ".html", ".svg", ".png"}


class Places(NamedTuple):
    """The folder of the tries of readiness, and that of the suites of probes."""

    readiness: Path
    probes: Path


def of_work(scale: str) -> Places:
    """Return where a study writes the tries of a scale and all suites."""
    return Places(project_root() / "work" / scale / "readiness", project_root() / "work" / "probes")


def of_results(folder: Path) -> Places:
    """Return where they are in a folder of published or kept rows."""
    return Places(folder / "readiness", folder / "probes")


def copy_row(source: Path, target: Path) -> None:
    """Copy the record and the small files of a run, and its predictions in short form (`o1lib.study.texts`)."""
    with atomic_folder(target) as part:
        for path in sorted(source.iterdir()):
            if path.is_file() and path.suffix in PUBLISHED and path.stat().st_size <= SMALL and path.name != RECORD:
                shutil.copyfile(path, part / path.name)
        texts.copy_short(load(source), part)


def check_tries(source: Places, target: Places) -> None:
    """Raise UserError for a try of readiness that the target holds with other content, because every try is kept.

    Nobody changes a try, so two different ones of a name are two tries.
    """
    for path in sorted(source.readiness.glob("*.json")):
        there = target.readiness / path.name
        if there.exists() and there.read_bytes() != path.read_bytes():
            raise UserError(
                f"{shown(there)} is another try than {shown(path)}, and every try is kept: give the latter another "
                f"name, in it and in {path.stem}.md beside it too, and run this again"
            )


def copy_tries(scale: str, source: Places, target: Places, new: bool = False) -> str:
    """Copy all tries of readiness and, for the main scale, the finished suites of probes. Return in words how many.

    With `new`, only those that the target lacks are copied.
    """
    tries = sorted(source.readiness.glob("*.json"))
    tries = [path for path in tries if not (new and (target.readiness / path.name).exists())]
    for path in tries:
        target.readiness.mkdir(parents=True, exist_ok=True)
        for kind in (path.with_suffix(".md"), path):
            shutil.copyfile(kind, target.readiness / kind.name)
    suites = (
        [path.parent for path in sorted(source.probes.glob(f"*/{RECORD}"))] if scale == experiments.MAIN_SCALE else []
    )
    suites = [suite for suite in suites if not (new and (target.probes / suite.name).exists())]
    for suite in suites:
        _copy_suite(suite, target.probes / suite.name)
    found = [(tries, "try", "tries"), (suites, "suite of probes", "suites of probes")]
    return ", ".join(f"{len(some)} {one if len(some) == 1 else many}" for some, one, many in found if some)


def _copy_suite(source: Path, target: Path) -> None:
    with atomic_folder(target) as part:
        for path in source.iterdir():
            if path.suffix in PUBLISHED or path.name == PREDICTIONS:
                shutil.copyfile(path, part / path.name)
