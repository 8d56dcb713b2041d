"""Find the folder of a dataset, or download it from the Hugging Face hub.

folder_of("data/llava-cot")                         # relative to the project's folder unless absolute
folder_of("Xkev/LLaVA-CoT-100k@main")               # downloaded once into the hub's own cache
"""

import errno
import os
import re
from pathlib import Path

from o1lib.records import UserError, brief, project_root

_NAME = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_FILES = ("train.jsonl", "image.zip.part-*", "image.zip")


def local_path(place: str | Path) -> Path:
    """Return the path of a place on this machine, with ~ expanded.

    Raises UserError for the home folder of an unknown user, and for a name that is too long for any file.
    """
    try:
        path = Path(place).expanduser()
        os.lstat(path)
    except (RuntimeError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.ENAMETOOLONG:
            return path  # it may be missing, or no file at all: the code that reads it says so
        problem = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"'{str(place)[:80]}' cannot be a path ({problem}): give the path of a file or folder"
        ) from None
    return path


def folder_of(place: str | Path) -> Path:
    """Return the folder of a dataset. If it does not exist and `place` looks like `owner/name`, download it.

    Raises UserError for a place that cannot be a path, and when the download fails.
    """
    folder = project_root() / local_path(place)
    match = _NAME.fullmatch(str(place))
    return folder if folder.exists() or not match else _downloaded(match["name"], match["revision"], folder)


def _downloaded(name: str, revision: str | None, folder: Path) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, repo_type="dataset", revision=revision, allow_patterns=list(_FILES)))
    except Exception as error:  # the hub, the network and the disk raise many types
        raise UserError(
            f"there is no folder {folder}, and '{name}' could not be downloaded from the hub ({brief(error)}): name an "
            "existing folder, or correct the name or the connection and run again; files already downloaded are kept."
        ) from None
