"""Find the folder of a dataset, or download it from the Hugging Face hub.

folder_of("data/llava-cot")                         # relative to the project's folder unless absolute
folder_of("Xkev/LLaVA-CoT-100k@main")               # downloaded once into the hub's own cache
"""

import re
from pathlib import Path

from o1lib.records import UserError, project_root

_NAME = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_FILES = ("train.jsonl", "image.zip.part-*", "image.zip")


def folder_of(place: str | Path) -> Path:
    """Return the folder of a dataset. If it does not exist and `place` looks like `owner/name`, download it.

    Raises UserError when the download fails.
    """
    folder = project_root() / Path(place).expanduser()
    match = _NAME.fullmatch(str(place))
    return folder if folder.exists() or not match else _downloaded(match["name"], match["revision"], folder)


def _downloaded(name: str, revision: str | None, folder: Path) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, repo_type="dataset", revision=revision, allow_patterns=list(_FILES)))
    except Exception as error:  # the hub, the network and the disk raise many types
        problem = " ".join(str(error).split())[:160]
        raise UserError(
            f"there is no folder {folder}, and '{name}' could not be downloaded from the hub ({problem}): name an "
            "existing folder, or correct the name or the connection and run again; files already downloaded are kept."
        ) from None
