"""mini-Depth: accuracy by the number of steps, serial and parallel tasks apart, and how it falls from step to step.

    kinds_by_depth(records, ARMS)                       # breakdowns.by_depth for each kind, in groups of depths
    depth_slopes(records, ARMS, "structured", "direct training")              # points per doubling, with intervals
    summarize_depth(records, ARMS, "structured", "direct training")           # sentences

A slope is the least-squares slope of being right (0 or 1) on the binary logarithm of the number of steps. It is the
mean of its influence values over questions, so its interval and pairing are those of `o1lib.analysis.stats`.
"""

import numpy as np
import pandas as pd

from o1lib.analysis.breakdowns import BY_DEPTH, by_depth
from o1lib.analysis.depth_bins import STEPS
from o1lib.analysis.shared_seeds import same_seeds
from o1lib.analysis.stats import contrast, interval
from o1lib.analysis.tables import by_row
from o1lib.analysis.turning_share import turning_share
from o1lib.minivqa.depth import NAME
from o1lib.records import UserError

KINDS = ("serial", "parallel")  # must the steps be run one after the other, or in any order?
SLOPE = ["kind", "label", "value", "low", "high", "n", "seeds"]


def kinds_by_depth(records, rows, together=False):
    """Return `breakdowns.by_depth` of mini-Depth, in its groups of depths (`o1lib.analysis.depth_bins`), by `kind`.

    Each row has all of its seeds. With `together` the rows are compared with each other, so they have the seeds that
    all of them share: `pooled` says which, and `left_out` names others. The table is empty where the set was not
    scored.
    """
    told = {}
    if together:
        others = [record for record in records if record.row not in rows.values()]
        scored = [record for record in records if record.row in rows.values() and NAME in record.metrics]
        used, told = same_seeds(by_row(scored))
        records = [*others, *(record for some in used.values() for record in some)]
    found = [by_depth(records, rows, NAME, skill=kind, bins=STEPS).assign(kind=kind) for kind in KINDS]
    lines = [line for part in found for line in part.to_dict("records")]
    return pd.DataFrame(lines, columns=[*BY_DEPTH, "kind"]).assign(**told)


def depth_slopes(records, rows, a, b):
    """Return the slopes of the rows labeled `a` and `b` and of their difference per doubling of the number of steps.

    There are three lines for each kind, columns SLOPE, in fractions, over the seeds that both rows have. A kind whose
    questions have no two depths, or which the rows were not both scored on, has none.
    """
    lines = []
    for kind in KINDS:
        one, other = (_influences(table) for table in _answers(records, rows, a, b, kind))
        try:
            found = {
                a: interval(one, "value"),
                b: interval(other, "value"),
                f"{a} − {b}": contrast(one, other, "value"),
            }
        except UserError:  # nothing, or a single question
            continue
        lines += [{"kind": kind, "label": label} | {name: getattr(cell, name) for name in SLOPE[2:]}
                  for label, cell in found.items()]  # fmt: skip
    return pd.DataFrame(lines, columns=SLOPE)


def _answers(records, rows, a, b, kind=None):
    """Return for both rows a table of seed, qid, depth and value (0 or 1) on mini-Depth, over the seeds of both."""
    found = by_row(records)
    sides = [{record.seed: record for record in found.get(rows[label], [])} for label in (a, b)]
    shared = sorted(set(sides[0]) & set(sides[1]))
    return [
        pd.DataFrame(
            [
                (seed, line["qid"], line["depth"], float(line["correct"]))
                for seed in shared
                for line in side[seed].predictions()
                if line.get("test_set") == NAME and line.get("depth") and kind in (None, line.get("skill"))
            ],
            columns=["seed", "qid", "depth", "value"],
        )
        for side in sides
    ]


def _influences(table):
    """Return a table whose values have, for each seed, the slope per doubling as their mean.

    The value of a question is the slope plus what the question changes in it. Without two depths there are no values.
    """
    parts = []
    for _, part in table.groupby("seed"):
        steps = np.log2(part.depth.to_numpy(float))
        away = steps - steps.mean()
        if not (spread := float(away @ away)):
            continue
        right = part.value.to_numpy()
        slope = float(away @ right) / spread
        rest = right - right.mean() - slope * away
        parts.append(part.assign(value=slope + len(part) * away * rest / spread))
    return pd.concat(parts) if parts else table.iloc[:0]


def summarize_depth(records, rows, a, b):
    """Return a sentence for each kind's slope, and one on the share of deep questions that turns the sign (Markdown).

    The list is empty where mini-Depth was not scored.
    """
    found = depth_slopes(records, rows, a, b)
    told = [
        f"**{line.kind} steps**: with each doubling of their number, {line.label} changes by {100 * line.value:+z.1f} "
        f"points [{100 * line.low:+z.1f}, {100 * line.high:+z.1f}], {line.n} questions, {line.seeds} "
        f"seed{'s' if line.seeds > 1 else ''}."
        for line in found.itertuples()
        if line.label == f"{a} − {b}"
    ]
    try:
        return [*told, f"On {NAME}, {turning_share(*_answers(records, rows, a, b)).summary(a, b)}"]
    except UserError:  # not both shallow and deep questions
        return told
