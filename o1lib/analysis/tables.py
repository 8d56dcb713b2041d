"""Records to tables: the papers' rows and columns in mini form, beside what the papers report.

A cell says value and 95 % interval, a column its n, a line its seeds and failures: no number stands alone. Rows that
were not run say so and are never filled; what a row that was run cannot measure is a dash. Where a row has several
seeds the value is the mean over them, and of two intervals the wider one stands: that over questions (the mean
half-width of the seeds) and, from three seeds on, the t-interval on seed means (of two it would say nothing at all).

Example:
    records = load_all("results/mini")
    paper_table(records, {"direct training": "direct.sample"}, ["mini-MMStar", "mini-average"])
"""

import math
from collections import defaultdict
from statistics import fmean

import pandas as pd

from o1lib.analysis.comparability import is_pilot
from o1lib.analysis.stats.intervals import ENOUGH_SEEDS
from o1lib.records import UserError, project_root

NOT_RUN, NOT_MEASURED = "not run", "–"
CELL = ("value", "low", "high", "n", "seeds", "failed")
COSTS = {
    "generated tokens": "cost/generated",
    "tokens of judging": "cost/judge",
    "prefilled tokens": "cost/prefilled",
    "all tokens": "processed_tokens",
    "picture encodings": "cost/images",
    "model calls": "cost/calls",
    "seconds": "cost/seconds",
}


def by_row(records):
    """Return {row id: [its records, in the order of seeds]}."""
    rows = defaultdict(list)
    for record in sorted(records, key=lambda r: r.seed):
        rows[record.row].append(record)
    return dict(rows)


def pooled(records, metric):
    """Return {value, low, high, n, seeds, failed} of one row's records, or None where none has the metric.

    None, too, where seeds were scored on different data: they have no common mean (`standing.amiss` names them). `n` is
    that of one seed, the smallest if they differ: seeds answer the same questions.
    """
    found = [record for record in records if metric in record.metrics]
    if len({record.provenance.get("dataset_hash") for record in found}) != 1:
        return None
    parts = [record.metrics[metric] for record in found]
    value = fmean(part.value for part in parts)
    below, above = fmean(part.value - part.low for part in parts), fmean(part.high - part.value for part in parts)
    between = _t_half([part.value for part in parts])
    low, high = value - max(below, between), value + max(above, between)
    if all(part.low >= 0 and part.high <= 1 for part in parts) and metric not in COSTS.values():
        low, high = max(0.0, low), min(1.0, high)
    return {
        "value": value,
        "low": low,
        "high": high,
        "n": min(part.n for part in parts),
        "seeds": len(parts),
        "failed": sum(record.n_failed for record in found),
    }


def _t_half(values):
    """Return the half width of the 95 % t-interval on the mean of seeds, 0 where these are too few."""
    if len(values) < ENOUGH_SEEDS:
        return 0.0
    from scipy import stats

    return float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))


def _named(metrics):
    return metrics if isinstance(metrics, dict) else {name: name for name in metrics}


def long(records, rows, metrics):
    """Return a long-form DataFrame: label, row, metric, value, low, high, n, seeds, failed; rows not run are absent.

    `rows` maps a label in words to a row id; `metrics` is a list of names or maps labels to names.
    """
    found = by_row(records)
    lines = [
        {"label": label, "row": row, "metric": shown, **cell}
        for label, row in rows.items()
        for shown, name in _named(metrics).items()
        if (cell := pooled(found.get(row, []), name))
    ]
    return pd.DataFrame(lines, columns=["label", "row", "metric", *CELL])


def percent(cell, run=True):
    """Return '57.6 [53.1, 62.0]' for a pooled cell; for none a dash, or 'not run' where the row was not `run`."""
    if cell is None:
        return NOT_MEASURED if run else NOT_RUN
    return f"{100 * cell['value']:.1f} [{100 * cell['low']:.1f}, {100 * cell['high']:.1f}]"


def _number_of(cells):
    """Return ' (n = 90)' for the cells of a column, a range where they differ, '' where there are none."""
    counts = sorted({cell["n"] for cell in cells if cell})
    return f" (n = {counts[0]}{f' to {counts[-1]}' if len(counts) > 1 else ''})" if counts else ""


def amount(cell, run=True):
    """Return '812 [790, 834]' for a pooled cell that is no share; for none as `percent`."""
    if cell is None:
        return percent(cell, run)
    return f"{cell['value']:,.4g} [{cell['low']:,.4g}, {cell['high']:,.4g}]"


def paper_table(records, rows, metrics, written=percent):
    """Return a DataFrame in a paper's shape: a line a label, a column a metric (with its n), then seeds and failures.

    Arguments as for `long`; `written` turns a pooled cell into text, per cent by default.
    """
    found = by_row(records)
    columns = {}
    for shown, name in _named(metrics).items():
        cells = [pooled(found.get(row, []), name) for row in rows.values()]
        columns[shown + _number_of(cells)] = [
            written(cell, row in found) for cell, row in zip(cells, rows.values(), strict=True)
        ]
    scored = [[record for record in found.get(row, []) if record.metrics] for row in rows.values()]
    columns["seeds"] = [len(some) or NOT_RUN for some in scored]
    columns["failed"] = [sum(record.n_failed for record in some) if some else NOT_RUN for some in scored]
    return pd.DataFrame(columns, index=list(rows), dtype=object)


def reported(table, index=("model", "setting"), columns="benchmark"):
    """Return a table of results/reported as the paper prints it: lines by `index`, a column for each of `columns`.

    Raises UserError when there is no such table.
    """
    path = project_root() / "results" / "reported" / f"{table}.csv"
    if not path.is_file():
        raise UserError(f"there is no reported table {table!r}: results/reported/ lists them")
    frame = pd.read_csv(path)
    return frame.pivot_table(
        index=list(index), columns=columns, values="value", aggfunc="first", sort=False
    ).rename_axis(columns=None)


def costs(records, rows):
    """Return mean costs a question with their intervals, in the shape of `paper_table`.

    Generated tokens, tokens of judging, prefilled tokens, the three together, picture encodings, model calls, seconds.
    """
    return paper_table(records, rows, COSTS, amount)


def made(records):
    """Return where each row comes from: commit, uncommitted changes, older code, seconds, failures, hashes."""
    return pd.DataFrame([_origin(record, record.provenance) for record in records])


def _origin(record, made):
    return {
        "row": record.row,
        "seed": record.seed,
        "commit": record.commit[:10],
        "uncommitted changes": made.get("dirty"),
        "older code": record.stale,
        "seconds": round(made.get("seconds") or math.nan, 1),
        "failed": record.n_failed,
        "dataset": (made.get("dataset_hash") or "")[:10],
        "model": (made.get("model_hash") or "")[:10],
    }


def note(records):
    """Return the sentence every report carries: what was scored, on which split, and what is out of date."""
    scored = [r for r in records if "accuracy" in r.metrics]
    seeds = ", ".join(map(str, sorted({r.seed for r in scored})))
    splits = sorted({r.parameters["test_split"] for r in records if "test_split" in r.parameters} - {"hard"})
    drawn = f"Everything is scored on {' and '.join(splits) or 'a split that no record names'}."
    if "test" not in splits:
        drawn += " Test seeds stay undrawn until a confirmatory run."
    old = sum(r.stale for r in scored)
    remark = (
        (
            f" {old} of the rows were made by an earlier version of the library than this report; what is compared was "
            "made by one version, or says so."
        )
        if old
        else ""
    )
    kind = "A pilot, not the run that counts. " if is_pilot(records) else ""
    return (
        f"{kind}{len(scored)} scored rows, seeds {seeds or 'none'}. {drawn} A mini- "
        f"number and a paper's number compare in sign and order, not in level. In tables n counts lines, in contrasts "
        f"questions: the rotations of one, or a picture and its twin, count once there.{remark}"
    )
