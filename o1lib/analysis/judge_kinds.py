"""Measure judges by what they compare: accuracy, ties, unreadable verdicts and position bias, with intervals.

    found = judge_kinds(records, "structured")        # one line for each judge and kind of comparison
    judge_kind_table(found)                           # the same to show, in percent

Everything is computed from the verdicts in the predictions of searches. Records made before predictions held verdicts
are left out. So are comparisons of two equal texts, because no judge could tell them apart, and mini-Depth.

- *right*: the share in which the truer side won, where one side was truer; a tie counts by the result of its coin
- *tie*, *unread*: the shares of verdicts that a coin settled, and of verdicts that could not be read
- *bias*: the share of choices of the response shown first, over all orders in which the two were shown, minus one half
"""

import math
from collections.abc import Sequence

import pandas as pd

from o1lib.analysis.judge_value import named
from o1lib.analysis.shared_seeds import same_seeds
from o1lib.analysis.tables import by_row
from o1lib.scoring import averaged
from o1lib.scoring.intervals import metric, wilson
from o1lib.search.judges import JUDGES
from o1lib.search.methods import METHODS

KIND_LABELS = {
    "summary": "summary",
    "caption": "caption",
    "reasoning": "reasoning",
    "conclusion": "conclusion",
    "sentence": "sentence",
    "all": "whole answer",
}
MEASURES = ("right", "tie", "unread", "bias")
COLUMNS = ["label", "judge", "kind", "pairs", "decidable"]
COLUMNS += [name + end for name in MEASURES for end in ("", "_low", "_high")]
COLUMNS += ["pooled", "left_out"]
TITLES = {
    "the truer of two, %": "right",
    "ties, %": "tie",
    "unreadable, %": "unread",
    "first shown minus one half, points": "bias",
}


def judge_kinds(records, model: str, temperature: float = 0.6, data: str = "data") -> pd.DataFrame:
    """Return one line for each judge and kind over all searches of `model` on the questions of row `data`.

    The columns are COLUMNS. `pairs` is the number of compared pairs of different texts, `decidable` that of pairs in
    which one side was truer. A measure has its value and interval, NaN where there is nothing to measure: `right`
    without a truth, `bias` for judges that are not shown an order. Rows of blind arms are left out. `pooled` are the
    seeds that all searches share, and the only ones that are counted; `left_out` names others.
    """
    wanted = {"model": model, "temperature": temperature, "data": data}
    used, told = same_seeds(by_row(record for record in records if _wanted(record, wanted)))
    lines = [
        {**verdict, "qid": line["qid"], "label": named(record), "judge": record.parameters["judge"]}
        for some in used.values()
        for record in some
        for line in averaged(record.predictions())
        for verdict in line.get("verdicts", ())
        if not verdict["same"]
    ]
    if not lines:
        return pd.DataFrame(columns=COLUMNS)
    groups = pd.DataFrame(lines).groupby(["label", "judge", "kind"], sort=False)
    found = pd.DataFrame([dict(zip(COLUMNS, key)) | _measures(some) | told for key, some in groups], columns=COLUMNS)
    rank = {name: number for number, name in enumerate((*JUDGES, *KIND_LABELS))}
    return found.sort_values(["judge", "label", "kind"], key=lambda names: names.map(rank).fillna(-1), kind="stable")


def _wanted(record, wanted):
    given = record.parameters
    method = METHODS.get(given.get("method", ""))
    judged = method is not None and method.judged and given.get("n", 1) > 1 and not given.get("blind")
    return judged and "accuracy" in record.metrics and {name: given.get(name) for name in wanted} == wanted


def _measures(verdicts):
    """Return the measures of one judge and kind from a table of verdicts."""
    decidable = verdicts.dropna(subset="better")
    shown = verdicts.explode("choices").dropna(subset="choices")
    bias = clustered_share(shown.choices == 1, shown.qid)
    measures = {
        "right": clustered_share(decidable.winner == decidable.better, decidable.qid),
        "tie": clustered_share(verdicts.tie, verdicts.qid),
        "unread": clustered_share(~verdicts.parsed.astype(bool), verdicts.qid),
        "bias": bias and {name: bias[name] - 0.5 for name in ("value", "low", "high")},
    }
    columns = {"pairs": len(verdicts), "decidable": len(decidable)}
    for name, cell in measures.items():
        values = [cell[part] if cell else float("nan") for part in ("value", "low", "high")]
        columns |= dict(zip((name, f"{name}_low", f"{name}_high"), values))
    return columns


def clustered_share(flags: Sequence, questions: Sequence) -> dict | None:
    """Return the share of true flags as {value, n, low, high}, None if there are none.

    Flags of one question are not independent. The interval is Wilson's at the effective sample size, the number of
    flags divided by the design effect (method "wilson" of https://rdrr.io/rforge/survey/man/svyciprop.html). Here that
    is at most the number of flags, and the number of questions if all flags are equal.
    """
    table = pd.DataFrame({"flag": list(map(bool, flags)), "question": list(questions)})
    if not len(table):
        return None
    share, size = float(table.flag.mean()), effective_size(table.flag, table.question)
    return metric(share, len(table), *wilson(share * size, size))


def effective_size(flags: Sequence, questions: Sequence) -> float:
    """Return the effective number of flags, their number divided by the design effect of several from one question."""
    table = pd.DataFrame({"flag": list(map(bool, flags)), "question": list(questions)})
    share, n = float(table.flag.mean()), len(table)
    groups = table.groupby("question").flag.agg(["sum", "count"])
    if share in (0.0, 1.0) or len(groups) == 1:
        return float(len(groups))
    spread = ((groups["sum"] - share * groups["count"]) ** 2).sum() * len(groups) / (len(groups) - 1) / n**2
    return min(float(n), share * (1 - share) / spread) if spread > 0 else float(n)


def judge_kind_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return the lines of `judge_kinds` as a table to show, in percent; a dash where nothing is measured."""
    shown = pd.DataFrame({"judge": found.label, "compared": found.kind.map(KIND_LABELS)})
    for title, name in TITLES.items():
        bounds = zip(found[name], found[f"{name}_low"], found[f"{name}_high"])
        shown[title] = [_percent(*values) for values in bounds]
    return shown.assign(pairs=found.pairs, decidable=found.decidable).set_index("judge").rename_axis(None)


def _percent(value, low, high):
    return "–" if math.isnan(value) else f"{100 * value:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
