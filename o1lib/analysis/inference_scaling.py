"""What search buys: accuracy against the number of candidates, tokens and seconds, read from records' own parameters.

    table = searched(records, "structured", metric="mini-average")     # method, N, tokens, seconds, value, ...
    curves(table, "tokens", "method", log=True)                        # o1lib.analysis.plots

Methods are compared at equal N and at equal cost, never at the N that suits each: the papers' Table 5 sets ten full
samples beside four candidates a stage.
"""

import pandas as pd

from o1lib.analysis.tables import CELL, by_row, pooled
from o1lib.records import Metric
from o1lib.scoring.intervals import wilson

METHODS = {"best_of_n": "best-of-N", "sentence_beam": "sentence-level beam", "stage_beam": "stage-level beam"}
# What rows without a pairwise judge are shown by, and how they are called then
OWN_JUDGE = {
    "token_beam": {"self": "token beam in each turn"},
    "retracing": {"likelihood": "retracing by likelihood", "verifier": "retracing by a verifier"},
}
ONE = "sample"
COLUMNS = ["method", "row", "N", "tokens", "seconds", *CELL]


def with_judge_metrics(records):
    """Return the records with their judge's own record as metrics: judge/accuracy, judge/tie, judge/unparsed.

    Shares of the matches whose two sides were not equally true, with Wilson's interval; matches of one question are not
    independent, so it is rather too narrow. Rows without a judge are returned as they are.
    """
    return [
        record.model_copy(update={"metrics": record.metrics | _of_judge(record.extra.get("judge_on_own_pairs"))})
        for record in records
    ]


def _of_judge(found):
    if not (found and found["n"]):
        return {}
    metrics = {}
    for name in ("accuracy", "tie", "unparsed"):
        low, high = wilson(round(found[name] * found["n"]), found["n"])
        metrics[f"judge/{name}"] = Metric(value=found[name], n=found["n"], low=low, high=high)
    return metrics


def searched(records, model, metric="mini-average", judge="self", temperature=0.6, data="data"):
    """Return one line a search row of `model` on the questions of row `data`.

    A line has the method in words, N, mean tokens and seconds a question, and the metric.

    One sample is the first point, N = 1, of every method that has no such row of its own. Methods without a pairwise
    judge (the token beam; retracing, by likelihood and by a verifier) are there whatever `judge` says.
    """
    lines, first = [], []
    for row, some in by_row(records).items():
        given = some[0].parameters
        wanted = {"model": model, "temperature": temperature, "data": data}
        if given.get("blind") or {name: given.get(name) for name in wanted} != wanted:
            continue
        line = _line(row, some, given, metric)
        if given["method"] == ONE and line:
            first.append(line)
        elif line and (name := _named(given["method"], given.get("judge"), judge)):
            lines.append(line | {"method": name})
    methods = dict.fromkeys(line["method"] for line in lines)
    with_one = {line["method"] for line in lines if line["N"] == 1}
    lines += [one | {"method": method} for method in methods if method not in with_one for one in first]
    return pd.DataFrame(lines, columns=COLUMNS).sort_values(["method", "N"], ignore_index=True)


def _named(method, chosen_by, judge):
    """Return what a search is called, None where it is not shown: it is judged by another than `judge`."""
    if method in OWN_JUDGE:
        return OWN_JUDGE[method].get(chosen_by)
    return METHODS.get(method) if chosen_by == judge else None


def _line(row, records, given, metric):
    cell, tokens, seconds = (pooled(records, name) for name in (metric, "processed_tokens", "cost/seconds"))
    if not (cell and tokens and seconds):
        return None
    return {
        "method": given["method"],
        "row": row,
        "N": given["n"],
        "tokens": tokens["value"],
        "seconds": seconds["value"],
        **cell,
    }
