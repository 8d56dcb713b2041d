"""Where a dataset lies: a folder here, or one that the Hugging Face hub keeps.

folder_of("data/llava-cot")                         taken from the project's folder on unless absolute
folder_of("Xkev/LLaVA-CoT-100k@main")               downloaded once, kept in the hub's own cache
"""

import re
from pathlib import Path

from o1lib.records import UserError, project_root

_NAME = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_FILES = ("train.jsonl", "image.zip.part-*", "image.zip")


def folder_of(place: str | Path) -> Path:
    """Return the folder of a dataset; what does not exist here and looks like `owner/name` is taken from the hub.

    Raises UserError when it is neither here nor to be had.
    """
    folder = project_root() / Path(place).expanduser()
    match = _NAME.fullmatch(str(place))
    return folder if folder.exists() or not match else _downloaded(match["name"], match["revision"], folder)


def _downloaded(name, revision, folder):
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, repo_type="dataset", revision=revision, allow_patterns=list(_FILES)))
    except Exception as error:  # the hub, the network and the disk each have kinds of their own
        said = " ".join(str(error).split())[:160]
        raise UserError(
            f"there is no folder {folder}, and '{name}' could not be had from the hub ({said}): name "
            "an existing folder, or mend name or connection and run again; what was downloaded is kept."
        ) from None
