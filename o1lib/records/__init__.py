"""The records of runs and the folders they are in: start a run, finish it, read its record.

    work/<scale>/runs/<row>/seed<k>/record.json             parameters, metrics {name: {value, n, low, high}}, n_failed,
                                                            artifacts {path: sha256}, provenance; it is written last,
                                                            so a row that has a record is complete
                                    predictions.jsonl.gz    one line per question

A template notebook:

    run = start(globals(), "03_search_and_score")     # after the parameters cell; checks names and types
    finish(run, metrics(predictions), predictions)    # at the end

A reader:

    need("results/mini", "structured", seed=0).metrics["accuracy"].value
"""

from o1lib.records.errors import UserError, brief, choose, first_line, nearest
from o1lib.records.files import (
    atomic_file,
    atomic_folder,
    portable,
    project_root,
    sha256,
    shown,
    to_json,
    write_json,
)
from o1lib.records.provenance import code_hash, commit, stack_hash, versions
from o1lib.records.runs import SCALES, Run, finish, start
from o1lib.records.store import Metric, Record, load, load_all, need

__all__ = [
    "SCALES",
    "Metric",
    "Record",
    "Run",
    "UserError",
    "atomic_file",
    "atomic_folder",
    "brief",
    "choose",
    "code_hash",
    "commit",
    "finish",
    "first_line",
    "load",
    "load_all",
    "nearest",
    "need",
    "portable",
    "project_root",
    "sha256",
    "shown",
    "stack_hash",
    "start",
    "to_json",
    "versions",
    "write_json",
]
