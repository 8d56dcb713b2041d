"""Measure inference-time scaling: accuracy against the number of candidates, tokens and seconds.

    table = scaling_table(records, "structured", metric="mini-average")     # method, N, tokens, seconds, value, ...
    curves(table, "tokens", "method", log=True)                             # o1lib.analysis.plots

The settings of a search are read from its record's parameters. Methods are compared at equal N and at equal cost;
the papers' Table 5 instead compares ten full samples with four candidates for each stage. The points of a curve are
means over the same seeds (`o1lib.analysis.shared_seeds`).
"""

from collections import defaultdict

import numpy as np
import pandas as pd

from o1lib.analysis.shared_seeds import same_seeds
from o1lib.analysis.tables import CELL, by_row, pooled
from o1lib.records import Metric, UserError
from o1lib.scoring.intervals import wilson
from o1lib.search.methods import METHODS
from o1lib.search.rewards import REWARDS

# Rewards of retracing that are shown: those that need no right answer and are no coin.
SCORES = tuple(name for name, spec in REWARDS.items() if not spec.needs_truth and name != "random")
ONE = "sample"  # the method that draws one answer without a search
TOKENS, SECONDS = "processed_tokens", "cost/seconds"  # metrics of the costs of a question
COLUMNS = ["method", "row", "N", "tokens", "seconds", *CELL, "pooled", "left_out"]
EQUAL = ["method", "N", "tokens", "value", "low", "high", "beside", "gain", "n", "seeds", "pooled"]


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


def scaling_table(records, model, metric="mini-average", judge="self", temperature=0.6, data="data", methods=()):
    """Return one line for each search of `model` on the questions of row `data`: method, N, mean costs, the metric.

    `tokens` and `seconds` are means for a question. One sample is the point N = 1 of every method that has no row with
    N = 1. Methods without a pairwise judge (token beam, and retracing by likelihood or by a verifier) are included for
    every `judge`. `pooled` are the seeds that all points of a method share, and the only ones behind its lines;
    `left_out` names others. With `methods`, which are named as in the table, it has these alone, over the seeds that
    all of their points share.
    """
    given = {"model": model, "temperature": temperature, "data": data}
    curves = _curves(records, given, judge, metric)
    if methods:
        parts = [{name: curves[name] for name in methods if name in curves}]
    else:
        parts = [{name: points} for name, points in curves.items()]
    lines = [line for part in parts for line in _lines(part, metric)]
    return pd.DataFrame(lines, columns=COLUMNS).sort_values(["method", "N"], ignore_index=True)


def _curves(records, wanted, judge, metric):
    """Return {label of a method: [records of each of its points]}, of records with the metric and the costs."""
    curves, first = defaultdict(list), []
    for some in by_row(records).values():
        given = some[0].parameters
        able = [record for record in some if {metric, TOKENS, SECONDS} <= record.metrics.keys()]
        if given.get("blind") or not able or {name: given.get(name) for name in wanted} != wanted:
            continue
        if given["method"] == ONE:
            first.append(able)
        elif name := _named(given["method"], given.get("judge"), judge):
            curves[name].append(able)
    for points in curves.values():
        if all(some[0].parameters["n"] != 1 for some in points):
            points += first
    return curves


def at_equal_tokens(found, method, beside):
    """Return what a method scores and what another one would with as many processed tokens, one line for each N.

    `found` is the result of `scaling_table`; methods are named as there. The other method is read from the straight
    line between its two nearest points over the logarithm of the tokens, so `beside` has no interval of its own. It is
    NaN where the other method was not run with as few or as many tokens. Raises UserError where the two have different
    seeds.
    """
    own, other = (found[found.method == name].sort_values("tokens") for name in (method, beside))
    if not len(other):
        return pd.DataFrame(columns=EQUAL)
    if len(seeds := {*own.pooled, *other.pooled}) > 1:
        raise UserError(
            f"{method} and {beside} are means over different seeds ({' and '.join(sorted(seeds))}): give scaling_table "
            "both as `methods`, so that they are means over the seeds that both have"
        )
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


def _lines(curves, metric):
    """Yield the lines of the points of `curves` over the seeds that all of them share."""
    used, told = same_seeds({some[0].row: some for points in curves.values() for some in points})
    for name, points in curves.items():
        for row in (some[0].row for some in points):
            if row in used and (line := _line(name, used[row], metric)):
                yield line | told


def _line(method, records, metric):
    cell, tokens, seconds = (pooled(records, name) for name in (metric, TOKENS, SECONDS))
    if not (cell and tokens and seconds):
        return None
    row, candidates = records[0].row, records[0].parameters["n"]
    return {"method": method, "row": row, "N": candidates} | {
        "tokens": tokens["value"],
        "seconds": seconds["value"],
        **cell,
    }
