"""Rows of a table, whatever it came in: TSV, CSV, JSON, JSONL, parquet, or a dataset of the Hub.

    for where, row in rows("MMStar.tsv"):      where = "MMStar.tsv row 7", for messages; row maps a column to its value

Text columns stay text: an answer "None" or "NA" is an answer, which spreadsheet readers take for a missing cell.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from o1lib.records import UserError

ENDINGS = (".tsv", ".csv", ".json", ".jsonl", ".parquet")
AT_ONCE = 64  # rows of a TSV read together; a row may carry a picture of some megabytes


def rows(source: str | Path) -> Iterator[tuple[str, dict]]:
    """Yield (where, row) for each row of a file, or of a split of a Hub dataset, as in "Lin-Chen/MMStar:val".

    A JSON file holds a list of objects or an object of objects, whose keys then stand under "key". Raises UserError,
    naming file and row, for a missing file, text that is not UTF-8, broken JSON or a row that is no object.
    """
    path = Path(source).expanduser()
    if path.suffix not in ENDINGS:
        return _hub(str(source))
    if not path.is_file():
        raise UserError(f"{path} is missing: name a file that ends in {', '.join(ENDINGS)}, or a dataset of the Hub")
    return _checked(path, {".json": _json, ".jsonl": _jsonl, ".parquet": _parquet}.get(path.suffix, _separated)(path))


def _checked(path: Path, found: Iterator) -> Iterator[tuple[str, dict]]:
    """Number the rows; say of what cannot be read where it stands and what to do."""
    number = 0
    try:
        for number, row in enumerate(found, 1):
            if not isinstance(row, dict):
                raise UserError(f"{path.name} row {number}: {type(row).__name__} where an object is needed: mend it")
            yield f"{path.name} row {number}", row
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name}, after row {number}: not UTF-8 ({error.reason}): save it as UTF-8") from None
    except RecursionError:
        raise UserError(f"{path.name}, after row {number}: nested too deep: mend or remove the row") from None
    except UserError:
        raise
    except (ValueError, OSError) as error:  # also pandas' and json's own
        raise UserError(f"{path.name}, after row {number}: cannot be read ({error}): mend or remove the row") from None


def _separated(path: Path) -> Iterator[dict]:
    import pandas as pd

    how = {
        "sep": "\t" if path.suffix == ".tsv" else ",",
        "dtype": str,
        "keep_default_na": False,
        "encoding": "utf-8-sig",
        "chunksize": AT_ONCE,
    }
    with pd.read_csv(path, **how) as chunks:
        for chunk in chunks:
            if not isinstance(chunk.index, pd.RangeIndex):  # pandas takes surplus cells for an index
                raise ValueError("a row has more cells than the header")
            yield from chunk.fillna("").to_dict("records")


def _json(path: Path) -> Iterator:
    value = json.loads(path.read_text(encoding="utf-8-sig"))
    if isinstance(value, dict) and value and all(isinstance(row, dict) for row in value.values()):
        value = [{"key": key} | row for key, row in value.items()]
    yield from value if isinstance(value, list) else [value]


def _jsonl(path: Path) -> Iterator:
    with open(path, encoding="utf-8-sig") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def _parquet(path: Path) -> Iterator[dict]:
    from datasets import load_dataset

    yield from _undecoded(load_dataset("parquet", data_files=str(path), split="train", streaming=True))


def _hub(source: str) -> Iterator[tuple[str, dict]]:
    """Yield the rows of one split of a dataset on the Hub, streamed: nothing is kept on disk."""
    from datasets import load_dataset

    name, _, split = source.partition(":")
    try:
        found = load_dataset(name, split=split or None, streaming=True)
        if isinstance(found, dict):
            raise UserError(f"{name} has the splits {', '.join(found)}: name one, as in {name}:{next(iter(found))}")
        for number, row in enumerate(_undecoded(found), 1):
            yield f"{name} row {number}", row
    except UserError:
        raise
    except Exception as error:  # the Hub, its client and its cache raise many kinds
        raise UserError(
            f"{name}: neither a file ({', '.join(ENDINGS)}) nor a dataset of the Hub that can be read "
            f"({type(error).__name__}): check the name, the split and the network"
        ) from None


def _undecoded(dataset):
    """Return a dataset whose pictures stay the bytes that they are."""
    from datasets import Image

    for name, feature in (dataset.features or {}).items():
        if isinstance(feature, Image):
            dataset = dataset.cast_column(name, Image(decode=False))
    return dataset
