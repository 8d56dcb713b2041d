"""Compute the chance levels of a finished dataset, and freeze them next to it and in its record.

    record = need("work/mini", "data", 0)
    levels = levels_of(record, "work/mini")
    keep_levels(record, levels)               # UserError if other levels of this dataset are frozen

The policies and their scores are those of `o1lib.scoring.policy_scores`.
"""

import json
from pathlib import Path

from o1lib.data.dataset import Item, read_items
from o1lib.records import Record, UserError, need, sha256, shown, write_json
from o1lib.records.store import RECORD
from o1lib.scoring.chance_level import FILE, ChanceLevels, freeze
from o1lib.scoring.policy_scores import chance_levels

COUNTED_ON = "chance_from"  # the parameter of a dataset's row that names the row whose training items are counted


def counted_on(root: Path | str, row: str, seed: int = 0) -> tuple[list[Item], str]:
    """Return the training items of dataset `row` under `root`, and the hash of that dataset.

    Raises UserError if the row has no record or its items are not there, as in published results.
    """
    record = need(root, row, seed)
    return read_items(record.folder / "data" / "train"), record.provenance["dataset_hash"]


def levels_of(record: Record, root: Path | str) -> ChanceLevels:
    """Return the chance levels of the dataset of a record. Raises UserError if its items are not there."""
    if not (record.folder / "data" / "test").is_dir():
        raise UserError(f"{shown(record.folder)} holds no test items: name the row of a dataset that was built here")
    train, training_hash = counted_on(root, record.parameters.get(COUNTED_ON) or record.row, record.seed)
    test = read_items(record.folder / "data" / "test")
    return chance_levels(train, test, record.provenance["dataset_hash"], training_hash)


def keep_levels(record: Record, levels: ChanceLevels, replace: bool = False) -> str:
    """Freeze the levels next to the dataset, add the file to its record, and return the file's SHA-256.

    Raises UserError, and changes nothing, where other levels of the dataset are frozen and not to be replaced.
    """
    digest = sha256(freeze(record.folder / FILE, levels, replace))
    if record.artifacts.get(FILE) != digest:
        path = record.folder / RECORD
        written = json.loads(path.read_text(encoding="utf8"))
        written["artifacts"][FILE] = digest
        write_json(path, written)
    return digest
