"""Make tables from records, in the shape of the papers' tables.

    records = load_all("results/mini")
    paper_table(records, {"direct training": "direct.sample"}, ["mini-MMStar", "mini-average"])

A cell shows value and 95 % interval, a column its n, and a line its seeds and failures. A row that was not run is
marked "not run" and never filled. A metric that a row does not have is a dash. With several seeds the value is the mean
over them, and its interval is the wider of two: that over questions (the mean half width of the seeds), and the
t-interval on seed means. The latter is used from three seeds on, because with two it is too wide to be useful.

Every average comes with the chance level of its questions, or a note that it is not frozen (`o1lib.analysis.headline`).
"""

import math
from collections import defaultdict
from functools import cache
from statistics import fmean

import pandas as pd
from markupsafe import Markup

from o1lib.analysis.chance_lines import chance_datasets, chance_note, chance_of, chance_text, is_average
from o1lib.analysis.comparability import is_pilot
from o1lib.analysis.headline import frozen_levels
from o1lib.analysis.stats.intervals import ENOUGH_SEEDS
from o1lib.records import UserError, project_root
from o1lib.records.errors import nearest
from o1lib.records.provenance import code_hash, stack_hash
from o1lib.scoring.chance_level import HEADLINE

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
    """Return {row id: [its records, sorted by seed]}."""
    rows = defaultdict(list)
    for record in sorted(records, key=lambda r: r.seed):
        rows[record.row].append(record)
    return dict(rows)


def pooled(records, metric):
    """Return {value, low, high, n, seeds, failed} of one row's records, or None where none has the metric.

    The result is also None where seeds were scored on different data, because they have no common mean
    (`o1lib.analysis.comparability.mismatches` names them). `n` is that of one seed, since all seeds answer the same
    questions; if it differs between seeds, it is the smallest.
    """
    found = [record for record in records if metric in record.metrics]
    if len({record.provenance.get("dataset_hash") for record in found}) != 1:
        return None
    parts = [record.metrics[metric] for record in found]
    value = fmean(part.value for part in parts)
    below, above = fmean(part.value - part.low for part in parts), fmean(part.high - part.value for part in parts)
    between = _t_half([part.value for part in parts])
    low, high = value - max(below, between), value + max(above, between)
    if all(part.low >= 0 and part.high <= 1 for part in parts) and metric not in (*COSTS.values(), HEADLINE):
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
    """Return the half width of the 95 % t-interval on the mean of seeds, 0 for fewer than ENOUGH_SEEDS."""
    if len(values) < ENOUGH_SEEDS:
        return 0.0
    from scipy import stats

    return float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))


def _named(metrics):
    return metrics if isinstance(metrics, dict) else {name: name for name in metrics}


def long_table(records, rows, metrics):
    """Return a long-form DataFrame: label, row, metric, value, low, high, n, seeds, failed, chance.

    `rows` maps labels to row ids. `metrics` is a list of names, or maps labels to names. Rows not run are absent.
    `chance` is the chance level of the metric, None where it has none or none is frozen.
    """
    found, frozen = by_row(records), frozen_levels(records)
    lines = [
        {"label": label, "row": row, "metric": shown, **cell, "chance": chance_of(found[row], name, frozen)}
        for label, row in rows.items()
        for shown, name in _named(metrics).items()
        if (cell := pooled(found.get(row, []), name))
    ]
    return pd.DataFrame(lines, columns=["label", "row", "metric", *CELL, "chance"])


def percent(cell, run=True):
    """Return a pooled cell as '57.6 [53.1, 62.0]'. None is a dash, or 'not run' if the row was not `run`."""
    if cell is None:
        return NOT_MEASURED if run else NOT_RUN
    return f"{100 * cell['value']:.1f} [{100 * cell['low']:.1f}, {100 * cell['high']:.1f}]"


def _number_of(cells):
    """Return ' (n = 90)' for the cells of a column, a range if their n differs, '' if there are no cells."""
    counts = sorted({cell["n"] for cell in cells if cell})
    return f" (n = {counts[0]}{f' to {counts[-1]}' if len(counts) > 1 else ''})" if counts else ""


def amount(cell, run=True):
    """Return a pooled cell that is not a share, as '812 [790, 834]'. None is shown as by `percent`."""
    if cell is None:
        return percent(cell, run)
    return f"{cell['value']:,.4g} [{cell['low']:,.4g}, {cell['high']:,.4g}]"


def paper_table(records, rows, metrics, written=percent):
    """Return a DataFrame in a paper's shape: lines are labels, columns are metrics (with n), then seeds and failures.

    Arguments are as for `long_table`. `written` turns a pooled cell into text, by default into percent. Below averages
    there is a line with their chance levels, one for each dataset that the rows were scored on. A headline that no row
    has, because no chance level is frozen, has no column.
    """
    found, frozen, columns = by_row(records), frozen_levels(records), {}
    asked = chance_datasets(found, rows) if any(map(is_average, _named(metrics).values())) else {}
    for shown, name in _named(metrics).items():
        cells = [pooled(found.get(row, []), name) for row in rows.values()]
        if name == HEADLINE and not any(cells):
            continue
        columns[shown + _number_of(cells)] = [
            *(written(cell, row in found) for cell, row in zip(cells, rows.values(), strict=True)),
            *(chance_text(found[row], name, frozen) for row in asked.values()),
        ]
    scored = [[record for record in found.get(row, []) if record.metrics] for row in rows.values()]
    columns["seeds"] = [len(some) or NOT_RUN for some in scored] + [NOT_MEASURED] * len(asked)
    failures = [sum(record.n_failed for record in some) if some else NOT_RUN for some in scored]
    columns["failed"] = failures + [NOT_MEASURED] * len(asked)
    return pd.DataFrame(columns, index=[*rows, *asked], dtype=object)


def reported(table, index=("model", "setting"), columns="benchmark"):
    """Return a table of results/reported as the paper prints it: lines by `index`, one column for each of `columns`.

    Raises UserError for an unknown table.
    """
    path = project_root() / "results" / "reported" / f"{table}.csv"
    if not path.is_file():
        known = sorted(path.stem for path in path.parent.glob("*.csv"))
        raise UserError(f"results/reported/ has no table {table!r}: {nearest(table, known)}")
    frame = pd.read_csv(path)
    return frame.pivot_table(
        index=list(index), columns=columns, values="value", aggfunc="first", sort=False
    ).rename_axis(columns=None)


def costs(records, rows):
    """Return the mean costs of a question with their intervals, in the shape of `paper_table`.

    The columns are COSTS: generated tokens, tokens of judging, prefilled tokens, the sum of these three, picture
    encodings, model calls and seconds.
    """
    return paper_table(records, rows, COSTS, amount)


def to_html(frame, **options):
    """Return a table as HTML: escaped, with all lines and the whole text of every cell. `options` as for pandas."""
    with pd.option_context("display.max_colwidth", None):
        return Markup(frame.to_html(border=0, escape=True, **options))


def provenance_table(records):
    """Return where each record comes from: commit, uncommitted changes, older code, seconds, failures, hashes."""
    return pd.DataFrame(
        [_origin(record, record.provenance, old) for record, old in zip(records, _old(records), strict=True)]
    )


def _old(records):
    """Return for each record whether it is stale; the code is hashed once for all of them."""
    hashes = cache(code_hash), cache(stack_hash)
    return [record.stale_by(*hashes) for record in records]


def _origin(record, made, old):
    return {
        "row": record.row,
        "seed": record.seed,
        "commit": record.commit[:10],
        "uncommitted changes": made.get("dirty"),
        "older code": old,
        "seconds": round(made.get("seconds") or math.nan, 1),
        "failed": record.n_failed,
        "dataset": (made.get("dataset_hash") or "")[:10],
        "model": (made.get("model_hash") or "")[:10],
    }


def note(records):
    """Return the note at the top of every report: what was scored, on which split, and what is out of date."""
    scored = [record for record in records if "accuracy" in record.metrics]
    seeds = ", ".join(map(str, sorted({record.seed for record in scored})))
    sentences = [
        "A pilot, not the confirmatory run." if is_pilot(records) else "",
        f"{len(scored)} scored rows, seeds {seeds or 'none'}.",
        _split_note(records),
        chance_note(records),
        "A mini- number and a paper's number compare in sign and order, not in level. In tables n is that of one "
        "seed: its predictions, or its questions where a set counts several predictions as one. In contrasts it is the "
        "number of questions, where the rotations of a question, or a picture and its twin, count once. Intervals are "
        "not corrected for the number of comparisons: of twenty without any difference, one excludes zero on average.",
        _width_note(scored),
        _age_note(sum(_old(scored))),
    ]
    return " ".join(filter(None, sentences))


def _width_note(scored):
    """Return why intervals on the same questions differ in width, "" where every row has enough seeds."""
    few = {len(rows) for rows in by_row(scored).values()} & set(range(1, ENOUGH_SEEDS))
    told = (
        "A contrast of one seed leaves the spread between seeds out, and two seeds say little about it, so an interval "
        "of two can be several times as wide as another on the same questions."
    )
    return told if few else ""


def _split_note(records):
    splits = sorted({r.parameters["test_split"] for r in records if "test_split" in r.parameters} - {"hard"})
    drawn = f"Everything is scored on {' and '.join(splits) or 'a split that no record names'}."
    return drawn if "test" in splits else f"{drawn} Test seeds stay undrawn until a confirmatory run."


def _age_note(old):
    return (
        f"{old} of the rows were made by an earlier version of the library than this report; a comparison of rows made "
        "by different versions says so."
        if old
        else ""
    )
