"""Read the rows of a table from TSV, CSV, JSON, JSONL, parquet, or a dataset of the Hugging Face hub.

for where, row in rows("MMStar.tsv"):
    where, row                                  # "MMStar.tsv row 7" (for messages), {"index": "6", "question": ...}

Text columns stay text: an answer "None" or "NA" is an answer, although spreadsheet readers take it for a missing cell.
"""

import itertools
from collections.abc import Iterator
from json import JSONDecodeError
from pathlib import Path

from o1lib.data.hub import local_path
from o1lib.data.json_text import parsed
from o1lib.records import UserError

ENDINGS = (".tsv", ".csv", ".json", ".jsonl", ".parquet")
CHUNK = 64  # rows of a TSV read together; a row may hold a picture of some megabytes


def rows(source: str | Path) -> Iterator[tuple[str, dict]]:
    """Yield (where, row) for each row of a file, or of a split of a hub dataset such as "Lin-Chen/MMStar:val".

    A JSON file holds a list of objects, an object of objects whose keys become the column "key", or one object a line;
    a JSONL file may hold a list too. NaN is a missing value. Raises UserError, naming file and row, for a missing file,
    text that is not UTF-8 or holds half a character, broken JSON or a row that is not an object.
    """
    path = local_path(source)
    if path.suffix not in ENDINGS:
        return _hub(str(source))
    if not path.is_file():
        raise UserError(f"{path} is missing: name a file that ends in {', '.join(ENDINGS)}, or a dataset of the hub")
    return _checked(path, {".json": _json, ".jsonl": _jsonl, ".parquet": _parquet}.get(path.suffix, _separated)(path))


def _checked(path: Path, found: Iterator) -> Iterator[tuple[str, dict]]:
    """Number the rows. Raises UserError, naming the row, for a row that cannot be read."""
    number = 0
    try:
        for number, row in enumerate(found, 1):
            if not isinstance(row, dict):
                raise UserError(f"{path.name} row {number}: {type(row).__name__} instead of an object: correct it")
            yield f"{path.name} row {number}", row
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name}, after row {number}: not UTF-8 ({error.reason}): save it as UTF-8") from None
    except UserError:
        raise
    except (ValueError, OSError) as error:  # pandas and json raise subclasses of ValueError
        raise UserError(f"{path.name}, after row {number}: cannot be read ({error}): correct or remove it") from None


def _separated(path: Path) -> Iterator[dict]:
    import pandas as pd

    options = {
        "sep": "\t" if path.suffix == ".tsv" else ",",
        "dtype": str,
        "keep_default_na": False,
        "encoding": "utf-8-sig",
        "chunksize": CHUNK,
    }
    with pd.read_csv(path, **options) as chunks:
        for chunk in chunks:
            if not isinstance(chunk.index, pd.RangeIndex):  # pandas reads surplus cells as an index
                raise ValueError("a row has more cells than the header")
            yield from chunk.fillna("").to_dict("records")


def _json(path: Path) -> Iterator:
    text = path.read_text(encoding="utf-8-sig")
    try:
        value = parsed(text)
    except JSONDecodeError as error:
        if not error.msg.startswith("Extra data") or text.lstrip().startswith("["):
            raise
        yield from _jsonl(path)  # one object a line, whatever the name of the file
        return
    if isinstance(value, dict) and value and all(isinstance(row, dict) for row in value.values()):
        value = [{"key": key} | row for key, row in value.items()]
    yield from value if isinstance(value, list) else [value]


def _jsonl(path: Path) -> Iterator:
    with open(path, encoding="utf-8-sig") as file:
        first = next((line for line in file if line.strip()), "")
        if first.lstrip().startswith("["):
            yield from _json(path)
            return
        for line in itertools.chain([first], file):
            if line.strip():
                yield parsed(line)


def _parquet(path: Path) -> Iterator[dict]:
    from datasets import load_dataset

    yield from _undecoded(load_dataset("parquet", data_files=str(path), split="train", streaming=True))


def _hub(source: str) -> Iterator[tuple[str, dict]]:
    """Yield the rows of one split of a dataset on the hub, streamed without a copy on disk."""
    from datasets import load_dataset

    name, _, split = source.partition(":")
    try:
        found = load_dataset(name, split=split or None, streaming=True)
        if isinstance(found, dict):
            raise UserError(f"{name} has the splits {', '.join(found)}: name one, such as {name}:{next(iter(found))}")
        for number, row in enumerate(_undecoded(found), 1):
            yield f"{name} row {number}", row
    except UserError:
        raise
    except Exception as error:  # the hub, its client and its cache raise many types
        raise UserError(
            f"{name}: neither a file ({', '.join(ENDINGS)}) nor a dataset of the hub that can be read "
            f"({type(error).__name__}): check the name, the split and the network"
        ) from None


def _undecoded(dataset):
    """Return a dataset whose pictures are left as encoded bytes, also those in lists: only o1lib.data opens them."""
    return dataset.decode(False)
