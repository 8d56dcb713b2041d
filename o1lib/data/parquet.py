"""Write a dataset as Parquet files with its pictures inside, the form in which the Hugging Face Hub shows a dataset.

    write_parquet(Path("work/mini/runs/data/seed0/data"), Path("upload"))      # upload/data/train-00000.parquet, ...

From such files the Hub makes the viewer and the Croissant metadata (https://huggingface.co/docs/hub/datasets-croissant)
by itself, so none is written here.
"""

import io
from collections.abc import Iterator
from pathlib import Path

from o1lib.data.dataset import Item, read_items
from o1lib.data.images import rgb
from o1lib.formats.stages import STAGES
from o1lib.records import UserError, shown

ITEMS_IN_A_FILE = 20_000
TEXTS = ("id", "question", "answer", "family", "skill", "template", "test_set", "group", *STAGES)


def split_folders(folder: Path) -> dict[str, Path]:
    """Return {split: its folder} of a dataset in the order of use. Raises UserError if there is none."""
    found = {
        name: folder / name for name in ("train", "validation", "test") if (folder / name / "train.jsonl").is_file()
    }
    if not found:
        raise UserError(f"{shown(folder)} holds no split with a train.jsonl: build the dataset with notebook 01")
    return found


def write_parquet(folder: Path, out: Path) -> dict[str, int]:
    """Write every split of the dataset in `folder` below `out`/data; return {split: number of questions}.

    Raises UserError for a folder without splits, and as `read_items` does.
    """
    from datasets import Dataset, Features, Image, List, Value

    kinds = Features(
        {"image": Image(), "options": List(Value("string")), "depth": Value("int32")}
        | {name: Value("string") for name in TEXTS}
    )
    counts = {}
    (out / "data").mkdir(parents=True, exist_ok=True)
    for split, place in split_folders(folder).items():
        items = read_items(place)
        for number, start in enumerate(range(0, len(items), ITEMS_IN_A_FILE)):
            rows = list(_rows(items[start : start + ITEMS_IN_A_FILE]))
            Dataset.from_list(rows, features=kinds).to_parquet(out / "data" / f"{split}-{number:05d}.parquet")
        counts[split] = len(items)
    return counts


def _rows(items: list[Item]) -> Iterator[dict]:
    for item in items:
        texts = {name: str(getattr(item, name)) for name in TEXTS if name not in STAGES}
        stages = {stage: item.stages.get(stage, "") for stage in STAGES}
        picture = {"bytes": _png(item), "path": f"{item.qid}.png"}
        yield {"image": picture, "options": list(item.options), "depth": item.depth} | texts | stages


def _png(item: Item) -> bytes:
    written = io.BytesIO()
    rgb(item.image).save(written, "PNG")
    return written.getvalue()
