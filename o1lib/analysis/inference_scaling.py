"""Measure inference-time scaling: accuracy against the number of candidates, tokens and seconds.

    table = scaling_table(records, "structured", metric="mini-average")     # method, N, tokens, seconds, value, ...
    curves(table, "tokens", "method", log=True)                             # o1lib.analysis.plots

The settings of a search are read from its record's parameters. Methods are compared at equal N and at equal cost;
the papers' Table 5 instead compares ten full samples with four candidates for each stage.
"""

import numpy as np
import pandas as pd

from o1lib.analysis.tables import CELL, by_row, pooled
from o1lib.records import Metric
from o1lib.scoring.intervals import wilson
from o1lib.search.methods import METHODS
from o1lib.search.rewards import REWARDS

# Rewards of retracing that are shown: those that need no right answer and are no coin.
SCORES = tuple(name for name, spec in REWARDS.items() if not spec.needs_truth and name != "random")
ONE = "sample"  # the method that draws one answer without a search
COLUMNS = ["method", "row", "N", "tokens", "seconds", *CELL]
EQUAL = ["method", "N", "tokens", "value", "low", "high", "beside", "gain", "n", "seeds"]


def with_judge_metrics(records):
    """Return the records with their judge's results as metrics: judge/accuracy, judge/tie, judge/unparsed.

    These are shares of the comparisons in which one side was truer, with Wilson's interval. It is somewhat too narrow,
    because comparisons within one question are not independent. Records without a judge are returned unchanged.
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


def scaling_table(records, model, metric="mini-average", judge="self", temperature=0.6, data="data"):
    """Return one line for each search of `model` on the questions of row `data`: method, N, mean costs, the metric.

    `tokens` and `seconds` are means for a question. One sample is the point N = 1 of every method that has no row with
    N = 1. Methods without a pairwise judge (token beam, and retracing by likelihood or by a verifier) are included for
    every `judge`.
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


def at_equal_tokens(found, method, beside):
    """Return what a method scores and what another one would with as many processed tokens, one line for each N.

    `found` is the result of `scaling_table`; methods are named as there. The other method is read from the straight
    line between its two nearest points over the logarithm of the tokens, so `beside` has no interval of its own. It is
    NaN where the other method was not run with as few or as many tokens.
    """
    own, other = (found[found.method == name].sort_values("tokens") for name in (method, beside))
    if not len(other):
        return pd.DataFrame(columns=EQUAL)
    points = np.log(other.tokens.to_numpy(float)), other.value.to_numpy(float)
    there = np.interp(np.log(own.tokens.to_numpy(float)), *points, left=np.nan, right=np.nan)
    return own.assign(beside=there, gain=own.value - there)[EQUAL].reset_index(drop=True)


def _named(method, chosen_by, judge):
    """Return the label of a search, or None for one that is not shown: of another judge, or without candidates."""
    spec = METHODS.get(method)
    if spec is None or spec.max_n == 1:
        return None
    if spec.rewarded:  # the oracle is a ceiling and no method
        reward = REWARDS.get(chosen_by)
        return f"{spec.label} by {reward.label}" if reward and chosen_by in SCORES else None
    return spec.label if chosen_by == judge or not spec.judged else None


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
