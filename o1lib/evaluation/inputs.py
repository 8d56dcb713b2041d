"""The inputs of an evaluation run: an arm (a trained model with its format), and the questions of a test set.

subject = load_arm(run, "structured")              # or the folder of a checkpoint
items = test_items(run, "data", questions=0)       # or "MMStar@MMStar.tsv", or "" for Mini-VQA drawings
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from o1lib.data.benchmarks import load_benchmark
from o1lib.data.dataset import read_items
from o1lib.data.hub import local_path
from o1lib.data.table_files import ENDINGS
from o1lib.formats.chat import FORMATS
from o1lib.inference.lean_mllama import step_of
from o1lib.minivqa import mixture
from o1lib.minivqa.testsets import TEST_SETS, test_set
from o1lib.models.checkpoint import load, model_hash, trained_as
from o1lib.models.presets import device_and_dtype
from o1lib.records import UserError, choose, need, project_root, sha256
from o1lib.training.arms import checkpoint_folder

MOST = 1_000_000  # questions of an evaluation; drawing as many takes hours


@dataclass(frozen=True)
class Arm:
    """A trained model with its format and the schedule of its training ("" if that is not known)."""

    model: Any
    processor: Any
    format: str
    schedule: str
    model_hash: str

    def provenance(self) -> dict:
        """Return device, dtype and model hash for the record."""
        dtype = str(self.model.dtype).removeprefix("torch.")
        return {"device": self.model.device.type, "dtype": dtype, "model_hash": self.model_hash}

    def facts(self) -> dict:
        """Return a further fact for the record: which step the batched engine decodes with."""
        return {"decoding_step": step_of(self.model)}


def load_arm(run, name: str, format: str = "") -> Arm:
    """Return the arm `name`, a row id or the folder of a checkpoint, in float32 on the best available device.

    `format` "" takes the format from the record of the model (a base has format `direct`). Raises UserError for a
    missing model, an unknown format, or a checkpoint without a record of its format.
    """
    if "/" in name and not (project_root() / name / "config.json").is_file():
        raise UserError(f"there is no model in {name}: give another folder or row id, or run `make study` to train it")
    folder = checkpoint_folder(run, name)
    own, schedule = trained_as(folder)
    if format:
        choose(format, FORMATS, "format")
    elif own not in FORMATS:
        raise UserError(f"{name} has no record of its format: set format to one of {', '.join(FORMATS)}")
    model, processor = load(folder)
    return Arm(model.to(device_and_dtype()[0]), processor, format or own, schedule, model_hash(folder))


def test_items(run, data: str, questions: int = 0, sets: str = "") -> list:
    """Return at most `questions` test questions (0: all) of the test sets `sets`, names between commas ("": all).

    They are those of the dataset of row `data`, of a real benchmark ("MMStar@MMStar.tsv", see o1lib.data.benchmarks),
    or with "" Mini-VQA drawings. The cap takes equally many of each test set and keeps groups (rotations, twins) whole.
    Raises UserError for a test set that is not among them, and a number of questions below 0 or above MOST.
    """
    if not 0 <= questions <= MOST:
        raise UserError(f"questions={questions} is invalid: give 0 for all questions, or a number up to {MOST:,}")
    benchmark, named, source = data.partition("@")
    if named:
        items = load_benchmark(benchmark, from_root(source), run.path("pictures")).items
    elif data:
        items = read_items(need(run.root, data, run.seed).folder / "data" / "test")
    else:
        names = _named(sets, TEST_SETS) or TEST_SETS
        each = max(4, questions // min(4, len(names)) or 28)
        items = [example for name in names for example in test_set(name, each)]
    items = _of_sets(items, sets)
    return capped(items, questions) if questions else items


def _of_sets(items: list, sets: str) -> list:
    """Return the items of the named test sets. Raises UserError for a name that no item has."""
    named = _named(sets, tuple(dict.fromkeys(item.test_set for item in items if item.test_set)))
    return [item for item in items if item.test_set in named] if named else items


def _named(sets: str, there: Sequence[str]) -> tuple[str, ...]:
    return tuple(choose(name.strip(), there, "test set in sets") for name in sets.split(",") if name.strip())


def from_root(source: str) -> str:
    """Return the path of a file relative to the project's folder; the name of a Hub dataset is returned unchanged."""
    path = project_root() / local_path(source)
    return str(path) if path.is_file() or path.suffix in ENDINGS else source


def folder_of(model: str, endpoint: str = "") -> str:
    """Return the name of a folder for the results of a model, which no other model's results have.

    It is the path of a checkpoint (in the project: from its folder), or the name on the hub or on a server, with the
    server's host and port: "results--checkpoints--mini-structured", "Qwen--Qwen2.5-VL-3B-Instruct@127.0.0.1--8000".
    """
    place = next((one for one in (Path(model).expanduser(), project_root() / model) if one.is_dir()), None)
    if place and not endpoint:
        whole, root = place.resolve(), project_root().resolve()
        model = str(whole.relative_to(root) if whole.is_relative_to(root) else whole)
    server = urlsplit(endpoint).netloc.rpartition("@")[2]
    return re.sub(r"[^\w.@-]+", "--", f"{model}@{server}" if server else model).strip("-") or "model"


def capped(items: Sequence, most: int) -> list:
    """Return up to `most` items in their given order. Test sets give one whole group after the other in rotation."""
    by_set = {}
    for item in items:
        by_set.setdefault(item.test_set, {}).setdefault(item.group or item.qid, []).append(item)
    sets = [list(groups.values()) for groups in by_set.values()]
    order = [groups[k] for k in range(max(map(len, sets), default=0)) for groups in sets if k < len(groups)]
    kept = []
    for group in order:
        if len(kept) + len(group) <= most:
            kept += [item.qid for item in group]
    return [item for item in items if item.qid in set(kept)]


def validation_items(run, data: str, questions: int) -> list:
    """Return up to `questions` validation questions of the dataset of row `data`, or with "" Mini-VQA drawings."""
    if not data:
        return list(mixture("validation", questions))
    return read_items(need(run.root, data, run.seed).folder / "data" / "validation")[:questions]


def hashes(run, data: str, subject) -> dict:
    """Return the arguments of `records.finish` on the model and the dataset (of row `data` or a benchmark's file)."""
    _, named, source = data.partition("@")
    if named:
        path = Path(from_root(source))
        dataset = sha256(path) if path.is_file() else ""
    else:
        dataset = need(run.root, data, run.seed).provenance["dataset_hash"] if data else ""
    return subject.provenance() | {"dataset_hash": dataset}
