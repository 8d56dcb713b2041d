"""Check comparability: detect pilot records, and list missing seeds and mismatched data or code in a comparison.

    is_pilot(records)                                                         # True while any row is scored on devtest
    missing_for_comparison(records, ["structured.sample", "direct.sample"])   # ["direct.sample lacks seed 1"]

Records are a pilot if they are scored on drawings of the split `devtest`, or if no record names the split of the
drawings. The confirmatory run is scored on `test`. Third-party test sets (a benchmark's file, easy-VQA) have no split.
"""

from collections import defaultdict
from pathlib import Path

from o1lib.data.sources import SOURCES
from o1lib.records.store import RECORD

PILOT, CONFIRMED = (
    "pilot",
    ("test", "hard"),
)  # hard items are a separate split, which pilots and confirmatory runs share
DATA, CODE = "dataset_hash", "code_hash"


def is_pilot(records):
    """Return whether any scored record used drawings other than the confirmatory ones."""
    datasets = {record.row: record.parameters for record in records if "test_split" in record.parameters}
    return any(_provisional(record, datasets) for record in records if "accuracy" in record.metrics)


def _provisional(record, datasets):
    name = record.parameters.get("data") or ""
    given = datasets.get(name, {})
    source = SOURCES.get(given.get("source"))
    never_reserved = source is not None and not source.test_is_reserved
    return not ("@" in name or never_reserved or given.get("test_split") in CONFIRMED)


def missing_for_comparison(records, rows, once=()):
    """Return what a comparison of `rows` lacks, one sentence for each gap; [] where it is complete.

    These are the rows without a record, and the `mismatches` of the others. `once` are rows with one record for all
    seeds.
    """
    there = {record.row for record in records}
    return [f"row {row} has no record" for row in rows if row not in there] + mismatches(records, rows, once)


def mismatches(records, rows, once=()):
    """Return why the records of `rows` cannot be compared as they are, one sentence for each reason.

    The reasons: a seed was started and has no record; a row lacks a seed that another row has; rows were scored on
    different data or made by different code; a row used data or a model that was replaced since. Rows in `once` have
    one record for all seeds; a row that is compared only with those needs the seeds of its model.
    """
    by_row = defaultdict(dict)
    for record in records:
        by_row[record.row][record.seed] = record
    used = [record for row in dict.fromkeys(rows) for record in by_row[row].values()]
    several = {row: set(by_row[row]) for row in rows if by_row[row] and row not in once}
    found = _unfinished(records, rows) + (
        _unscored_seeds(*several, by_row) if len(several) == 1 else _missing_seeds(several)
    )
    found += _outdated(used, by_row, "data", DATA) + _outdated(used, by_row, "model", "model_hash")
    return found + _differing(used, DATA, "scored on different data") + _differing(used, CODE, "made by different code")


def _unfinished(records, rows):
    """Return the seeds of `rows` that have a folder but no record: they failed or are still running."""
    runs = {record.folder.parent.parent for record in records if record.folder != Path()}
    left = sorted(
        {
            (row, path.name.removeprefix("seed"))
            for root in runs
            for row in rows
            for path in (root / row).glob("seed*")
            if not (path / RECORD).is_file()
        }
    )
    return [f"seed {seed} of {row} was begun and left no record" for row, seed in left]


def _missing_seeds(seeds):
    """Return which seeds each row lacks that another row has; `seeds` is {row: set of seeds}."""
    together = set().union(*seeds.values())
    return [
        f"{row} lacks seed {', '.join(map(str, sorted(together - own)))}"
        for row, own in seeds.items()
        if together - own
    ]


def _unscored_seeds(row, by_row):
    """Return which seeds of its model a row lacks, for a comparison without another row that has several seeds."""
    own = by_row[row]
    model = next(iter(own.values())).parameters.get("model")
    lacking = sorted(set(by_row.get(model, ())) - set(own))
    return [f"{row} lacks seed {', '.join(map(str, lacking))}, with which {model} was trained"] if lacking else []


def _outdated(used, by_row, link, key):
    """Return the records that used data or a model that was replaced since, by the row that they name."""
    found = []
    for record in used:
        own = by_row.get(record.parameters.get(link)) or {}
        source = own.get(record.seed) or own.get(0)
        hashes = {record.provenance.get(key), source.provenance.get(key)} if source else {None}
        if None not in hashes and "" not in hashes and len(hashes) > 1:
            what = "data" if link == "data" else f"a {link}"
            found.append(f"{record.row} seed {record.seed} used {what} that row {source.row} no longer holds")
    return found


def _differing(used, key, what):
    """Return [] if all records have the same value of `key`, else [`what` with the values and their records]."""
    kinds, commits = defaultdict(list), defaultdict(set)
    for record in used:
        value = (record.code if key == CODE else record.provenance.get(key)) or "unknown"
        kinds[value].append(f"{record.row} seed {record.seed}")
        commits[value].add(record.commit[:7])
    if len(kinds) < 2:
        return []
    by_commit = (
        key == CODE and len(set().union(*commits.values())) > 1
    )  # with one commit for all, only the hashes differ
    named = "; ".join(
        f"{f'commit {min(commits[value])}' if by_commit else value[:10]}: {', '.join(names)}"
        for value, names in kinds.items()
    )
    return [f"{what} ({named})"]
