"""mini-Depth: what one row gains over another by the number of steps, serial and parallel tasks apart, on each base.

    found = gains_by_depth(records, *STAGES)
    summarize_gains(found, *LABELS)         # sentences; one that says what is missing
    figures.gains(report, FIGURE, found)    # figure 1 of the claims report and of the site, where mini-Depth was scored

A gain is the paired difference of the shares of right answers in one group of depths (`o1lib.analysis.depth_bins`).
Both rows answer the same questions, so the chance level is the same on both sides. The intervals are those of
`o1lib.analysis.stats`, and are not corrected for the number of groups.
"""

import pandas as pd

from o1lib.analysis.claims.bases import by_base
from o1lib.analysis.depth_bins import in_steps, ordered, several
from o1lib.analysis.depth_effects import KINDS
from o1lib.analysis.shared_seeds import shared_seeds
from o1lib.analysis.stats import contrast
from o1lib.minivqa.depth import NAME
from o1lib.records import UserError

STAGES = ("structured.sample", "direct.sample")  # the rows whose difference is what stages gain
LABELS = ("structured", "direct training")
FIGURE = "gains_by_depth"  # name of the figure
COLUMNS = ["kind", "base", "depth", "value", "low", "high", "n", "seeds", "failed"]
NOT_SCORED = f"{NAME} was not scored by both rows, so there is no gain by depth."


def gains_by_depth(records, a, b):
    """Return the gain of row `a` over row `b` by kind, base and group of depths, columns COLUMNS, in fractions.

    `depth` is the name of the group, such as "3-4". Rows have the names that they have on the first base. Seeds are
    those that both rows have in every group. The table is empty where mini-Depth was not scored. Groups with a single
    question are left out.
    """
    lines = []
    for base, rows in by_base(records).items():
        if shared := sorted(rows.get(a, {}).keys() & rows.get(b, {}).keys()):
            sides = [_answers([rows[row][seed] for seed in shared]) for row in (a, b)]
            failed = sum(rows[row][seed].n_failed for row in (a, b) for seed in shared)
            lines += _gains(base, *sides, failed)
    return pd.DataFrame(lines, columns=COLUMNS)


def _answers(records):
    """Return a table of seed, qid, kind, group of depths and value (0 or 1) of the questions with a known depth."""
    lines = [
        (record.seed, line["qid"], line["skill"], in_steps(line["depth"]), float(line["correct"]))
        for record in records
        for line in record.predictions()
        if line.get("test_set") == NAME and line.get("depth")
    ]
    return pd.DataFrame(lines, columns=["seed", "qid", "kind", "depth", "value"])


def _gains(base, one, other, failed):
    for kind in KINDS:
        of_kind = [side[side.kind == kind] for side in (one, other)]
        there = [side.groupby("depth").seed.agg(set) for side in of_kind]
        points = {depth: there[0][depth] & there[1][depth] for depth in ordered({*there[0].index} & {*there[1].index})}
        seeds = shared_seeds(points)
        for depth in (depth for depth in points if seeds and points[depth] >= set(seeds)):
            try:
                found = contrast(*(side[(side.depth == depth) & side.seed.isin(seeds)] for side in of_kind), "value")
            except UserError:  # a single question says nothing of the spread
                continue
            numbers = {name: getattr(found, name) for name in COLUMNS[3:8]}
            yield {"kind": kind, "base": base, "depth": depth, "failed": failed} | numbers


def title_of_gains(found):
    """Return what the figure shows in one sentence without its point, with the largest and the smallest gain."""
    most, least = found.loc[found.value.idxmax()], found.loc[found.value.idxmin()]
    told = [f"{100 * line.value:+z.0f} points at {several(line.depth, line.kind)}" for line in (most, least)]
    return f"{LABELS[0].capitalize()} − {LABELS[1]}: at most {told[0]}, at least {told[1]}"


def summarize_gains(found, a, b):
    """Return a sentence for each kind and base with the gain at the least and the most steps (Markdown)."""
    if not len(found):
        return [NOT_SCORED]
    return [_summary(kind, base, part, a, b) for (kind, base), part in found.groupby(["kind", "base"], sort=False)]


def _summary(kind, base, part, a, b):
    told = [
        f"{100 * line.value:+.0f} points [{100 * line.low:+.0f}, {100 * line.high:+.0f}] at {several(line.depth)}"
        for line in (part.iloc[0], part.iloc[-1])
    ]
    where = f", {base}" if base else ""
    return f"**{kind} steps{where}**: {a} − {b} is {' and '.join(dict.fromkeys(told))}."
