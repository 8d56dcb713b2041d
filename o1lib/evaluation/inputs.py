"""Who is asked what: an arm (a trained model with its format), and the questions of a test set.

subject = arm(run, "structured")                   # or a checkpoint's folder
items = test_items(run, "data", questions=0)       # or "MMStar@MMStar.tsv", or "" for fresh drawings
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from o1lib.data.benchmarks import load_benchmark
from o1lib.data.dataset import read_items
from o1lib.data.table_files import ENDINGS
from o1lib.formats.chat import FORMATS
from o1lib.minivqa import mixture
from o1lib.minivqa.testsets import TEST_SETS, test_set
from o1lib.models.presets import device_and_dtype, load, model_hash
from o1lib.records import UserError, need, project_root, sha256
from o1lib.records import load as load_record
from o1lib.training.arms import checkpoint_folder


@dataclass(frozen=True)
class Arm:
    """A trained model with the format it speaks and the schedule it learned by ("" where that is not known)."""

    model: Any
    processor: Any
    format: str
    schedule: str
    model_hash: str

    def placed(self) -> dict:
        """Return what the record says of where the model ran and which it was."""
        return {"device": self.model.device.type, "dtype": "float32", "model_hash": self.model_hash}

    def facts(self) -> dict:
        """Return what else the record says of it: nothing (a served model has a price and a ledger)."""
        return {}


def load_arm(run, name: str, format: str = "") -> Arm:
    """Return the arm called `name`, a row id or a checkpoint's folder, on the device that is there, in float32.

    `format` "" takes the one in the record beside the model (a base answers directly). Raises UserError for a missing
    model, an unknown format, or a checkpoint that does not say which format it speaks.
    """
    if "/" in name and not (project_root() / name / "config.json").is_file():
        raise UserError(f"there is no model at {name}: name another folder or row, or `make study` to train the rows")
    folder = checkpoint_folder(run, name)
    own, schedule = trained_as(folder)
    if (format or own) not in FORMATS:
        said = f"format '{format}' is unknown" if format else f"{name} does not say which format it was trained in"
        raise UserError(f"{said}: set format to one of {', '.join(FORMATS)}")
    model, processor = load(folder)
    return Arm(model.to(device_and_dtype()[0]), processor, format or own, schedule, model_hash(folder))


def trained_as(folder: Path) -> tuple[str, str]:
    """Return (format, schedule) from the record in the checkpoint's folder or beside it; ("", "") without one."""
    for place in (folder, folder.parent):
        if (place / "record.json").is_file():
            given = load_record(place).parameters
            return given.get("format", "direct"), given.get("schedule", "")
    return "", ""


def test_items(run, data: str, questions: int = 0) -> list:
    """Return test questions: of the dataset of row `data`, of a real benchmark ("MMStar@MMStar.tsv"; o1lib.data.benchmarks),
    or with "" freshly drawn ones; at most `questions` (0: all).

    The cap keeps test sets even and groups (rotations, twins) whole.
    """
    benchmark, named, source = data.partition("@")
    if named:
        items = load_benchmark(benchmark, _from_root(source), run.path("pictures")).items
    elif data:
        items = read_items(need(run.root, data, run.seed).folder / "data" / "test")
    else:
        items = [example for name in TEST_SETS for example in test_set(name, max(4, questions // 4 or 28))]
    return capped(items, questions) if questions else items


def _from_root(source: str) -> str:
    """Return a file's path as seen from the project's folder; the name of a Hub dataset stays."""
    path = project_root() / Path(source).expanduser()
    return str(path) if path.is_file() or path.suffix in ENDINGS else source


def capped(items: Sequence, most: int) -> list:
    """Return up to `most` items, their sets taking turns by whole groups, in the order they came in."""
    units = {}
    for item in items:
        units.setdefault(item.test_set, {}).setdefault(item.group or item.qid, []).append(item)
    turns = [list(groups.values()) for groups in units.values()]
    order = [groups[k] for k in range(max(map(len, turns), default=0)) for groups in turns if k < len(groups)]
    kept = []
    for unit in order:
        if len(kept) + len(unit) <= most:
            kept += [item.qid for item in unit]
    return [item for item in items if item.qid in set(kept)]


def validation_items(run, data: str, questions: int) -> list:
    """Return validation questions of the dataset of row `data`, or with "" freshly drawn ones."""
    if not data:
        return list(mixture("validation", questions))
    return read_items(need(run.root, data, run.seed).folder / "data" / "validation")[:questions]


def hashes(run, data: str, subject) -> dict:
    """Return what `records.finish` is told about the model and the dataset: of row `data`, or of a benchmark's file."""
    _, named, source = data.partition("@")
    if named:
        path = Path(_from_root(source))
        dataset = sha256(path) if path.is_file() else ""
    else:
        dataset = need(run.root, data, run.seed).provenance["dataset_hash"] if data else ""
    return subject.placed() | {"dataset_hash": dataset}
