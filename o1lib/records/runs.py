"""One run of a template notebook: start it with checked parameters, finish it with a record.

run = start(globals(), "02_train_sft")            # right after the parameters cell
...
finish(run, metrics, predictions, device="cpu", dtype="float32")
"""

import gzip
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from o1lib.records.addresses import without_keys
from o1lib.records.errors import UserError, choose
from o1lib.records.files import (
    LONE_SURROGATES,
    atomic_file,
    disk_errors,
    expanded,
    portable,
    project_root,
    sha256,
    shown,
    to_json,
    write_json,
)
from o1lib.records.journals import put_away, read_json
from o1lib.records.parameters import check
from o1lib.records.progress import import_quietly
from o1lib.records.provenance import provenance
from o1lib.records.store import PREDICTIONS, RECORD, Metric, check_row

SCALES = ("smoke", "mini", "gpu", "paper")


@dataclass
class Run:
    """A started run: its row, seed and scale, the folders it reads (`root`) and writes (`folder`), its parameters.

    `started` is time.monotonic() at the start. `provenance` is taken then too, because files may change during a run.
    `leaves` are the (row, seed) of the records that a study found out of date, which a report does not read.
    """

    row: str
    seed: int
    scale: str
    root: Path
    folder: Path
    parameters: dict
    notebook: str = ""
    started: float = field(default_factory=time.monotonic)
    provenance: dict = field(default_factory=dict)
    leaves: frozenset[tuple[str, int]] | None = None

    def path(self, name: str) -> Path:
        """Return the path of `name` in the run's folder and create its parent folder.

        Links are not followed in it, so that no path outside the project is shown where work/ is a link. Raises
        UserError if the path is outside the run's folder or the parent cannot be created.
        """
        path = Path(os.path.normpath(self.folder / name))
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise UserError(f"{name!r} is outside the run's folder {shown(self.folder)}: name a path inside it")
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        return path


def places(row: str, seed: int, scale: str, root: str) -> tuple[Path, Path]:
    """Return (root, run folder) as absolute paths.

    A root under results/ is published and only read, so its runs are written under work/. Raises UserError for a row
    that cannot name a folder, a negative seed, an unknown scale, and a relative root outside the project.
    """
    check_row(row)
    if seed < 0:
        raise UserError(f"seed {seed} is negative: use 0, 1, 2, ...")
    choose(scale, SCALES, "scale")
    project, work = project_root(), project_root() / "work" / scale
    given = expanded(root)
    place = Path(os.path.normpath(project / given)) if root else work  # work/ may be a link to another disk
    if root and not given.is_absolute() and not place.is_relative_to(project):
        raise UserError(f"root {root!r} is outside the project: give a folder inside it, or an absolute path")
    published = project / "results"
    home = work if place.is_relative_to(published) or place.resolve().is_relative_to(published.resolve()) else place
    return place, home / "runs" / row / f"seed{seed}"


def start(namespace: dict, notebook: str = "") -> Run:
    """Start a run: `run = start(globals(), "<notebook>")` in the cell after the parameters.

    Checks the parameters (see `parameters.check`) and creates `<root>/runs/<row>/seed<seed>/`. An earlier record there
    is removed, because the row is being redone. A root under `results/` is published and only read: the run then writes
    under `work/<scale>/`. Raises UserError for wrong parameters, before any file changes.
    """
    values = check(namespace, notebook)
    import_quietly()
    root, folder = places(values["row"], values["seed"], values["scale"], values["root"])
    portable(values)  # refuse a secret now rather than after an hour
    if shows := [name for name, value in values.items() if isinstance(value, str) and without_keys(value) != value]:
        raise UserError(
            f"parameter {shows[0]!r} is an address with a password or key, which a record must not hold: put the key "
            "into the environment variable OPENAI_API_KEY, and give the address without it"
        )
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in (RECORD, PREDICTIONS):
            if (folder / name).is_dir():
                put_away(folder / name)
            (folder / name).unlink(missing_ok=True)
    return Run(
        values["row"],
        values["seed"],
        values["scale"],
        root,
        folder,
        values,
        notebook,
        provenance=provenance(notebook),
        leaves=_leaves(values["row"], values["seed"]),
    )


def _leaves(row: str, seed: int) -> frozenset[tuple[str, int]] | None:
    """Return the records that the study's plan, the file that O1LIB_PLAN names, calls out of date; None without one."""
    entry = (read_json(os.environ.get("O1LIB_PLAN") or os.devnull) or {}).get(f"{row}/{seed}", {})
    if "leaves" not in entry:
        return None
    return frozenset((name, int(k)) for name, k in (key.rsplit("/", 1) for key in entry["leaves"]))


def _checked(metrics: Mapping) -> dict[str, dict]:
    try:
        return {name: Metric.model_validate(metric).model_dump() for name, metric in metrics.items()}
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(
            f"a metric is not {{value, n, low, high}} in finite numbers ({place}: {first['msg']}): "
            "leave out a metric that was not measured"
        ) from error


def _write_predictions(path: Path, predictions: Iterable[dict]) -> None:
    # no file name and no time in the header: the same predictions give the same bytes
    with (
        atomic_file(path) as part,
        open(part, "wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
    ):
        for number, line in enumerate(predictions, 1):
            packed.write((to_json(line, f"prediction {number}") + "\n").encode("utf8", LONE_SURROGATES))


def _artifacts(run: Run, paths: Iterable[Path]) -> dict[str, str]:
    found = {}
    for path in map(Path, paths):
        inside = run.path(str(path))
        home = Path(os.path.normpath(run.folder))
        if not inside.is_relative_to(home):  # named by the folder that a link leads to
            inside, home = inside.resolve(), home.resolve()
        found[inside.relative_to(home).as_posix()] = sha256(inside)
    return found


def finish(
    run: Run,
    metrics: Mapping,
    predictions: Iterable[dict] | None = None,
    artifacts: Iterable[Path] = (),
    n_failed: int = 0,
    extra: Mapping | None = None,
    *,
    device: str = "",
    dtype: str = "",
    dataset_hash: str = "",
    model_hash: str = "",
) -> Path:
    """Write the run's predictions and then, atomically, its record. Return the record's path.

    `metrics` maps names to {value, n, low, high}. `artifacts` are files or folders inside the run's folder, recorded by
    hash. `extra` holds further facts. Raises UserError, and writes no record, for a metric that is not finite, an
    artifact that is missing or outside the folder, a key that names a secret, and a full disk.
    """
    record = {
        "row": run.row,
        "seed": run.seed,
        "scale": run.scale,
        "notebook": run.notebook,
        "parameters": portable(run.parameters),
        "fingerprint": os.environ.get("O1LIB_FINGERPRINT") or "by-hand",
        "metrics": _checked(metrics),
        "n_failed": n_failed,
        "artifacts": _artifacts(run, artifacts),
        "extra": portable(dict(extra or {})),
    }
    if predictions is not None:
        _write_predictions(run.folder / PREDICTIONS, predictions)
        record["artifacts"][PREDICTIONS] = sha256(run.folder / PREDICTIONS)
    record["provenance"] = run.provenance | {
        "device": device,
        "dtype": dtype,
        "seconds": round(time.monotonic() - run.started, 1),
        "dataset_hash": dataset_hash,
        "model_hash": model_hash,
    }
    return write_json(run.folder / RECORD, record)
