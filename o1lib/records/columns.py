"""Lines of predictions as one compressed file of columns (Parquet), for what is published.

    write_columns(path, [{"qid": "a", "correct": True, "ledger": {"generated": 9}}])
    read_columns(path)                                       # the same lines

A column whose values are all texts, numbers or truth values is written as such. Any other column is JSON text; where a
line does not have it, there is nothing.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from o1lib.records.files import atomic_file

JSON = b"json"  # the entry of the file's metadata that names the columns of JSON text
PLAIN = (str, bool, int, float)


def write_columns(path: Path, lines: Sequence[dict]) -> None:
    """Write lines as columns. The same lines give the same bytes with the same version of pyarrow."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = list(dict.fromkeys(name for line in lines for name in line))
    coded = [name for name in names if not _is_plain([line.get(name) for line in lines], name, lines)]
    columns = {
        name: [_coded(line, name) for line in lines] if name in coded else [line[name] for line in lines]
        for name in names
    }
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    table = table.replace_schema_metadata({JSON: json.dumps(coded)})
    with atomic_file(path) as part:
        pq.write_table(table, part, compression="zstd", compression_level=19)


def read_columns(path: Path) -> list[dict]:
    """Return the lines of a file that `write_columns` wrote. Raises ValueError for any other file, OSError for none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        coded = set(json.loads((table.schema.metadata or {})[JSON]))
    except (pa.ArrowInvalid, KeyError) as error:
        raise ValueError(f"no file of columns ({error})") from None
    return [
        {
            name: json.loads(value) if name in coded else value
            for name, value in line.items()
            if not (name in coded and value is None)
        }
        for line in table.to_pylist()
    ]


def _is_plain(values: list, name: str, lines: Sequence[dict]) -> bool:
    """Return whether Parquet can hold the values of a column as they are, and every line has one."""
    kinds = {type(value) for value in values} - {type(None)}
    whole = all(name in line for line in lines)
    return whole and len(kinds) == 1 and kinds <= set(PLAIN) and all(map(_encodes, values))


def _encodes(value) -> bool:
    """Return whether a value fits a column: text that UTF-8 can hold, whole numbers of 64 bits."""
    if isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    return not isinstance(value, int) or abs(value) < 2**63


def _coded(line: dict, name: str) -> str | None:
    return json.dumps(line[name], separators=(",", ":")) if name in line else None
