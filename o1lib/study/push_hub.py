"""Upload the shipped models and a dataset that was built here to the Hugging Face Hub.

    push_hub("owner", dry_run=True)              # prints what would be uploaded; needs no token and no network
    push_hub("owner", parts=("models",))         # the folders of results/checkpoints, each as its own repository

Uploads go through `huggingface_hub` with the token of `hf auth login` or of the environment variable HF_TOKEN.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from o1lib.data.parquet import split_folders, write_parquet
from o1lib.records import UserError, brief, choose, need, project_root, shown
from o1lib.records.files import CARD
from o1lib.study.hub_card import card_text

PARTS = ("models", "data")
PREFIX = "o1lib-"


@dataclass(frozen=True)
class Upload:
    """One repository of the Hub and the folder that it gets. `kind` is "model" or "dataset"."""

    name: str
    kind: str
    folder: Path

    def describe(self) -> str:
        """Return the repository with its files and their sizes, one a line."""
        files = {path: path.stat().st_size for path in sorted(self.folder.rglob("*")) if path.is_file()}
        lines = [f"  {path.relative_to(self.folder).as_posix()}  {size:,} bytes" for path, size in files.items()]
        return "\n".join([f"{self.kind} {self.name}: {sum(files.values()) / 1e6:.1f} MB", *lines])


def push_hub(
    owner: str, scale: str = "mini", parts: Sequence[str] = PARTS, dry_run: bool = False, api: Any = None
) -> None:
    """Upload the models and the dataset of a scale to repositories of `owner`, or print what would be uploaded.

    `parts` are some of PARTS. `api` is an `HfApi`. Raises UserError for a missing owner, an unknown part, a model
    without a card, a dataset that was not built here or is not of Mini-VQA, and a failed upload.
    """
    if not owner.strip("-. ") or "/" in owner:
        raise UserError(f"OWNER={owner!r} is not a user or organization of the Hub: name yours, as in OWNER=me DRY=1")
    for part in parts:
        choose(part, PARTS, "part to upload")
    with _prepared(owner, scale, parts) as uploads:
        if dry_run:
            print("\n".join(upload.describe() for upload in uploads))
            print("nothing was uploaded: leave out DRY=1 to upload")
            return
        _send(uploads, api or _hub())


@contextmanager
def _prepared(owner: str, scale: str, parts: Sequence[str]) -> Iterator[list[Upload]]:
    """Yield the uploads; the files of the dataset are in a folder that is removed afterwards."""
    uploads = _models(owner) if "models" in parts else []
    with tempfile.TemporaryDirectory() as place:
        if "data" in parts:
            uploads.append(_dataset(owner, scale, Path(place)))
        yield uploads


def _models(owner: str) -> list[Upload]:
    folders = sorted(path.parent for path in (project_root() / "results" / "checkpoints").glob("*/config.json"))
    if bare := [folder for folder in folders if not (folder / CARD).is_file()]:
        raise UserError(f"{shown(bare[0])} has no model card: write its {CARD}, like that of another checkpoint")
    return [Upload(f"{owner}/{PREFIX}{folder.name}", "model", folder) for folder in folders]


def _dataset(owner: str, scale: str, place: Path) -> Upload:
    """Write the dataset of row `data` with its card into `place`."""
    record = need(project_root() / "work" / scale, "data", 0)
    if (source := record.parameters.get("source")) != "minivqa":
        raise UserError(f"row data of scale {scale} is from {source!r}: upload only what this project draws itself")
    split_folders(record.folder / "data")
    name = f"{owner}/{PREFIX}{scale}-vqa"
    counts = write_parquet(record.folder / "data", place)
    (place / CARD).write_text(card_text(record, counts).replace("OWNER/NAME", name), encoding="utf8")
    return Upload(name, "dataset", place)


def _hub() -> Any:
    from huggingface_hub import HfApi

    return HfApi()


def _send(uploads: Sequence[Upload], api: Any) -> None:
    for upload in uploads:
        try:
            api.create_repo(upload.name, repo_type=upload.kind, exist_ok=True)
            made = api.upload_folder(
                folder_path=upload.folder,
                repo_id=upload.name,
                repo_type=upload.kind,
                commit_message="Upload from o1lib",
            )
        except Exception as error:  # the hub, the network and the disk raise many types
            raise UserError(
                f"{upload.kind} {upload.name} could not be uploaded ({brief(error)}): log in with `hf auth login` as "
                "one who may write there, check the connection, and run again; files already there are not sent again"
            ) from None
        print(f"{upload.kind} {upload.name}: {made}")
