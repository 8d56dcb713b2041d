"""Checkpoints of a training under way: whole or not at all, of this very task, the last few.

The trainer writes a folder file by file, on several processes at once. It counts only once `seal` has noted the size
of every file; what a kill cut off has no such note and is removed at the next start.

    start_from = opened(folder, task)       # "…/checkpoint-200", or None after emptying the folder
"""

import json
import shutil
from pathlib import Path

from o1lib.records import write_json

SEAL = "complete.json"


def opened(folder: Path, task: dict, resume: bool = True) -> str | None:
    """Return the last complete checkpoint of the same task, or None after emptying the folder for a new start."""
    note = folder / "task.json"
    if resume and note.is_file() and json.loads(note.read_text(encoding="utf8")) == task:
        return last_complete(folder)
    shutil.rmtree(folder, ignore_errors=True)
    write_json(note, task)
    return None


def seal(folder: Path) -> None:
    """Note that the checkpoint in `folder` is whole."""
    write_json(folder / SEAL, {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()})


def last_complete(folder) -> str | None:
    """Return the newest checkpoint in which everything is present in its full size, or None; others are removed."""
    for path in sorted(Path(folder).glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]), reverse=True):
        if _whole(path):
            return str(path)
        shutil.rmtree(path)  # cut off while it was being written
    return None


def _whole(folder):
    try:
        sizes = json.loads((folder / SEAL).read_text(encoding="utf8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False
