"""Predictions as Parquet files for the explorer: a small table of a run, and its texts in blocks loaded on demand.

    write_run(lines, places, seed=0, folder=Path("site/data/mini/direct.sample@0"))
    lines.parquet        one line a question: its index, the prediction, right or wrong, the first broken stage, tokens
    texts-0.parquet      for each block of BLOCK lines: the stages, wrong statements, candidates and verdicts as JSON

Parquet is read by hyparquet in the browser and by pandas everywhere else.
"""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from o1lib.records.files import LONE_SURROGATES
from o1lib.site.trees import rounds_of, stages_of

BLOCK = 64  # lines whose texts are in one file
INTEGERS = {"place": pa.int32(), "tokens": pa.int32(), "depth": pa.int16(), "correct": pa.bool_()}


def write_table(columns: dict[str, list], path: Path) -> None:
    """Write columns as one Parquet file; texts that UTF-8 cannot hold are escaped."""
    arrays = {name: pa.array(_plain(values), INTEGERS.get(name, pa.string())) for name, values in columns.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(arrays), path, compression="zstd", compression_level=9)


def write_run(lines: list[dict], places: list[int], seed: int, folder: Path) -> None:
    """Write the tables of a run into `folder`. `places` are the indices of its questions."""
    write_table(
        {
            "place": places,
            "pred": ["" if line["pred"] is None else str(line["pred"]) for line in lines],
            "correct": [bool(line["correct"]) for line in lines],
            "broken": [_broken(line) for line in lines],
            "tokens": [sum(line["ledger"][name] for name in ("generated", "judge", "prefilled")) for line in lines],
            "problem": [line.get("problem") or "" for line in lines],
        },
        folder / "lines.parquet",
    )
    for block, first in enumerate(range(0, len(lines), BLOCK)):
        some = lines[first : first + BLOCK]
        write_table(
            {
                "stages": [_json(stages_of(line)) for line in some],
                "wrong": [_json((line.get("stage_scores") or {}).get("wrong_statements", [])) for line in some],
                "rounds": [_json(rounds_of(line, seed)) for line in some],
            },
            folder / f"texts-{block}.parquet",
        )


def _broken(line: dict) -> str:
    """Return the first stage that is wrong, "none" for a chain without error, "" where no stages are scored."""
    scores = line.get("stage_scores")
    return "" if not scores else scores.get("first_break") or "none"


def _json(value) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _plain(values: list) -> list:
    return [
        value.encode("utf8", LONE_SURROGATES).decode("utf8") if isinstance(value, str) else value for value in values
    ]
