"""Put the pictures of a dataset into its folder: drawn ones as PNG, those on disk and split zips as links.

store(example, 7, folder, stored={})        # "images/mini-AI2D/000007.png"

A picture on disk is decoded once, so that a truncated one is found when a dataset is made and not in training.
"""

import os
import re
import shutil
from pathlib import Path
from typing import Any

from o1lib.data.images import whole
from o1lib.data.split_zip import Member


def store(example: Any, number: int, folder: Path, stored: dict) -> str:
    """Store or link the picture of an example and return its path relative to `folder`.

    `stored` holds the pictures stored before. Raises PictureError for a picture that cannot be decoded.
    """
    source = example.image if isinstance(example.image, (Path, Member)) else None
    if source in stored:
        return stored[source]
    if source is not None:
        whole(source, f"question '{example.qid}': the picture {source}")
    if isinstance(source, Member) and _linked(source.archive, folder, stored):
        stored[source] = source.name
        return source.name
    family = re.sub(r"[^\w+.-]+", "-", example.family).strip(".")[:80] or "other"
    place = Path("images", family, f"{number:06d}{source.suffix if source else '.png'}")
    (folder / place.parent).mkdir(parents=True, exist_ok=True)
    if source is None:
        example.image.save(folder / place, compress_level=1)
        return place.as_posix()
    stored[source] = place.as_posix()
    if isinstance(source, Member):
        (folder / place).write_bytes(source.read_bytes())
        return stored[source]
    try:
        os.link(source, folder / place)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, folder / place)
    return stored[source]


def _linked(archive, folder, stored):
    """Link the first split zip that occurs into the dataset; return whether `archive` is that one."""
    if stored.setdefault("archive", archive) is not archive:
        return False
    for part in archive.parts:
        place = folder / part.name
        if not place.is_symlink() and not place.exists():
            try:
                os.link(os.path.realpath(part), place)
            except OSError:
                place.symlink_to(part.resolve())
    return True
