"""Checkpoints of a training run: each one complete or ignored, and only of the same run.

The trainer writes a checkpoint file by file, in several processes at once. A checkpoint counts only after `seal` has
recorded the size of every file, and of small files the hash. A checkpoint that a kill cut short has no such record, and
the next start removes it, as one whose files or record are damaged.

    start_from = opened(folder, task)       # ".../checkpoint-200", or None after emptying the folder
"""

import shutil
import sys
from pathlib import Path

from o1lib.records import sha256, shown, write_json
from o1lib.records.journals import Unreadable, load_json, numbered, read_json

SEAL = "complete.json"
HASHED = 64_000_000  # bytes; of larger files only the size is compared, because hashing them would take long


def precision(folder: Path, task: dict) -> bool | None:
    """Return whether the run of the same task that was begun in `folder` trains in bf16, None if there is none.

    The hardware chooses the dtype. A run that is resumed on another machine must go on in the one it began in.
    """
    began = read_json(folder / "task.json") or {}
    bf16 = began.pop("bf16", None)
    return bf16 if began == task and isinstance(bf16, bool) else None


def opened(folder: Path, task: dict, resume: bool = True) -> str | None:
    """Return the last complete checkpoint of the same task, or None after emptying the folder for a new start."""
    saved = folder / "task.json"
    try:
        if resume and load_json(saved) == task:
            return last_complete(folder)
    except Unreadable as error:
        if saved.exists():
            print(f"{shown(saved)} cannot be read ({error}), so training starts again", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    write_json(saved, task)
    return None


def seal(folder: Path) -> None:
    """Record that the checkpoint in `folder` is complete: {name: [bytes, SHA-256 or "" for a large file]}."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / SEAL]
    sizes = {path: path.stat().st_size for path in files}
    seen = {path: [size, sha256(path) if size <= HASHED else ""] for path, size in sizes.items()}
    write_json(folder / SEAL, {path.relative_to(folder).as_posix(): one for path, one in seen.items()})


def last_complete(folder) -> str | None:
    """Return the newest complete checkpoint, or None. Newer checkpoints, which are incomplete, are removed."""
    found = {numbered(path.name, "checkpoint-"): path for path in Path(folder).glob("checkpoint-*") if path.is_dir()}
    found.pop(None, None)  # a folder that the trainer did not name
    for step in sorted(found, reverse=True):
        if _complete(found[step]):
            return str(found[step])
        shutil.rmtree(found[step])  # a kill cut it short, or it was damaged
        print(f"{shown(found[step])} was not complete and was removed", file=sys.stderr)
    return None


def _complete(folder: Path) -> bool:
    """Return whether the sealed files are there as they were sealed."""
    sealed = read_json(folder / SEAL)
    return bool(sealed) and all(_unchanged(folder / name, kept) for name, kept in sealed.items())


def _unchanged(path: Path, kept) -> bool:
    """Return whether a file is as it was sealed. Before seals held hashes, they held the sizes alone."""
    try:
        size, digest = kept if isinstance(kept, list) else (kept, "")
        return path.stat().st_size == size and (not digest or sha256(path) == digest)
    except (OSError, ValueError):
        return False
