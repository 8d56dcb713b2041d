"""Checkpoints of a training run: each one complete or ignored, and only of the same run.

The trainer writes a checkpoint file by file, in several processes at once. A checkpoint counts only after `seal` has
recorded the size of every file. A checkpoint that a kill cut short has no such record, and the next start removes it.

    start_from = opened(folder, task)       # ".../checkpoint-200", or None after emptying the folder
"""

import json
import shutil
from pathlib import Path

from o1lib.records import write_json

SEAL = "complete.json"


def opened(folder: Path, task: dict, resume: bool = True) -> str | None:
    """Return the last complete checkpoint of the same task, or None after emptying the folder for a new start."""
    saved = folder / "task.json"
    if resume and saved.is_file() and json.loads(saved.read_text(encoding="utf8")) == task:
        return last_complete(folder)
    shutil.rmtree(folder, ignore_errors=True)
    write_json(saved, task)
    return None


def seal(folder: Path) -> None:
    """Record that the checkpoint in `folder` is complete: the size of each file, in bytes."""
    write_json(folder / SEAL, {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()})


def last_complete(folder) -> str | None:
    """Return the newest complete checkpoint, or None. Newer checkpoints, which are incomplete, are removed."""
    for path in sorted(Path(folder).glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]), reverse=True):
        if _complete(path):
            return str(path)
        shutil.rmtree(path)  # a kill cut it short
    return None


def _complete(folder):
    try:
        sizes = json.loads((folder / SEAL).read_text(encoding="utf8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False
