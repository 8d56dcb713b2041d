"""What records may be used for: whether they are a pilot, and what a comparison of them lacks.

    pilot(records)                                          # True while anything is scored on devtest
    gaps(records, ["structured.sample", "direct.sample"])   # ["direct.sample lacks seed 1"]

A pilot is what is scored on drawings of the split `devtest`, or on drawings of which no record tells the split; the
confirmatory run scores on `test`. Sets that others made (a benchmark's file, easy-VQA) have no such split.
"""

from collections import defaultdict
from pathlib import Path

from o1lib.records.store import RECORD

PILOT, CONFIRMED = "pilot", ("test", "hard")  # hard items are drawn apart and belong to the run that scores them
DATA, CODE = "dataset_hash", "code_hash"


def is_pilot(records):
    """Return whether any scored record stands on drawings that are not the confirmatory ones."""
    datasets = {record.row: record.parameters for record in records if "test_split" in record.parameters}
    return any(_provisional(record, datasets) for record in records if "accuracy" in record.metrics)


def _provisional(record, datasets):
    name = record.parameters.get("data") or ""
    given = datasets.get(name, {})
    return not ("@" in name or given.get("source") == "easy_vqa" or given.get("test_split") in CONFIRMED)


def missing_for_comparison(records, rows, once=()):
    """Return what a comparison of `rows` lacks, in words, one entry each; none where it is complete.

    A row without a record, and what is `amiss` with the others.
    """
    there = {record.row for record in records}
    return [f"row {row} has no record" for row in rows if row not in there] + mismatches(records, rows, once)


def mismatches(records, rows, once=()):
    """Return what the records of `rows` lack beside each other, in words, one entry each.

    A seed that was begun and left no record, or that another row has (rows in `once` have one seed for all; a row
    beside none but these must have the seeds of its model); rows scored on different data, on data or a model that the
    named row no longer holds, or made by different code.
    """
    shelf = defaultdict(dict)
    for record in records:
        shelf[record.row][record.seed] = record
    used = [record for row in dict.fromkeys(rows) for record in shelf[row].values()]
    several = {row: set(shelf[row]) for row in rows if shelf[row] and row not in once}
    found = _begun(records, rows) + (_unasked(*several, shelf) if len(several) == 1 else _lacking(several))
    found += _outdated(used, shelf, "data", DATA) + _outdated(used, shelf, "model", "model_hash")
    return found + _apart(used, DATA, "scored on different data") + _apart(used, CODE, "made by different code")


def _begun(records, rows):
    """Return the seeds of `rows` whose folder is there without a record: they failed, or are under way."""
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


def _lacking(seeds):
    together = set().union(*seeds.values())
    return [
        f"{row} lacks seed {', '.join(map(str, sorted(together - own)))}"
        for row, own in seeds.items()
        if together - own
    ]


def _unasked(row, shelf):
    """Return which seeds of its model a row lacks, for where no other row tells."""
    own = shelf[row]
    model = next(iter(own.values())).parameters.get("model")
    lacking = sorted(set(shelf.get(model, ())) - set(own))
    return [f"{row} lacks seed {', '.join(map(str, lacking))}, with which {model} was trained"] if lacking else []


def _outdated(used, shelf, link, key):
    """Return which records used data, or a model, that the row they name holds no longer."""
    found = []
    for record in used:
        own = shelf.get(record.parameters.get(link)) or {}
        source = own.get(record.seed) or own.get(0)
        hashes = {record.provenance.get(key), source.provenance.get(key)} if source else {None}
        if None not in hashes and "" not in hashes and len(hashes) > 1:
            what = "data" if link == "data" else f"a {link}"
            found.append(f"{record.row} seed {record.seed} used {what} that row {source.row} no longer holds")
    return found


def _apart(used, key, what):
    kinds, commits = defaultdict(list), defaultdict(set)
    for record in used:
        kinds[record.provenance.get(key) or "unknown"].append(f"{record.row} seed {record.seed}")
        commits[record.provenance.get(key) or "unknown"].add(record.commit[:7])
    if len(kinds) < 2:
        return []
    by_commit = key == CODE and len(set().union(*commits.values())) > 1  # else the same commit, changed or not
    named = "; ".join(
        f"{f'commit {min(commits[value])}' if by_commit else value[:10]}: {', '.join(names)}"
        for value, names in kinds.items()
    )
    return [f"{what} ({named})"]
