"""Measure the value of a judge: its accuracy on the model's own pairs, and its share of the oracle's gain.

    found = judge_values(with_judge_metrics(records), "structured", "stage_beam", 4)       # one line for each judge
    summarize_judges(found)                                                                # sentences

The rows of one search that differ only in their judge are found by the parameters of their records. The judge
`synthetic` is right with a given probability p (parameter `judge_accuracy`). The accuracy of other judges is measured
on the pairs that the searches compared. The gain is counted from a random choice (judge `random`) to the oracle.
All lines are means over the same seeds (`o1lib.analysis.shared_seeds`), so that judges lie beside one curve.
"""

import pandas as pd

from o1lib.analysis.headline import frozen_levels, headline_chance
from o1lib.analysis.observations import observations
from o1lib.analysis.shared_seeds import same_seeds
from o1lib.analysis.stats import share_of_gain
from o1lib.analysis.tables import CELL, by_row, percent, pooled
from o1lib.records import UserError
from o1lib.scoring.chance_level import HEADLINE
from o1lib.search.judges import JUDGES

DEFAULT_ACCURACY = 0.8  # of synthetic judges in older records, which do not have it as a parameter
FLOOR, CEILING, SYNTHETIC = "random", "oracle", "synthetic"
RIGHT = "judge/accuracy"  # metric of a judge's accuracy (`inference_scaling.with_judge_metrics`)
COLUMNS = [
    "label",
    "judge",
    "row",
    "p",
    "right",
    "right_low",
    "right_high",
    "pairs",
    *CELL,
    "won",
    "won_low",
    "won_high",
    "why",
    "pooled",
    "left_out",
]


def judge_values(records, model, method="stage_beam", n=4, metric="mini-average", temperature=0.6, data="data"):
    """Return one line for each judge of one search on the questions of row `data`, with COLUMNS.

    Synthetic judges come first, sorted by p, then the others, sorted by `right`. `right` is the accuracy on the model's
    own pairs, with its interval; `pairs` is the number of pairs in which one side was truer. value, low and high are
    `metric`. `won` is the share of the oracle's gain over a random choice; where it is NaN, `why` gives the reason.
    Rows without the metric or without a measured accuracy are left out. If two rows have the same judge (and p), the
    one with more seeds is shown. `pooled` are the seeds that all rows share, and the only ones behind the lines;
    `left_out` names others.
    """
    wanted = {"model": model, "method": method, "n": n, "temperature": temperature, "blind": False, "data": data}
    rows = {
        row: some
        for row, some in by_row(records).items()
        if {name: some[0].parameters.get(name) for name in wanted} == wanted
    }
    shown, told = _same_seeds(rows, metric)
    ends = {some[0].parameters["judge"]: some for some in rows.values()}
    frozen = frozen_levels(records) if metric == HEADLINE else {}

    seen = {}

    def observed(record, seed):
        """Return the observations of a record, which are read once."""
        key = record.row, seed
        if key not in seen:  # the coin and the oracle are compared with every judge
            chance = headline_chance(record, frozen) if frozen else {}
            seen[key] = observations(record.predictions(), metric, seed, chance=chance)
        return seen[key]

    lines = [_line(some, ends, metric, observed) for some in shown]
    found = pd.DataFrame([line | told for line in lines if line], columns=COLUMNS).astype({"p": float})
    return found.sort_values(["p", "right", "label"], ignore_index=True)


def _same_seeds(rows, metric):
    """Return the records of each judge (and p) with the seeds that all of them share, and what is told of the seeds."""
    judges = {}
    for some in rows.values():
        able = [record for record in some if {metric, RIGHT} <= record.metrics.keys()]
        key = some[0].parameters["judge"], _given_accuracy(some[0])
        judges[key] = max(judges.get(key, []), able, key=len)
    used, told = same_seeds({some[0].row: some for some in judges.values() if some})
    return list(used.values()), told


def _line(records, ends, metric, observed):
    cell, right = pooled(records, metric), pooled(records, RIGHT)
    if not (cell and right):
        return None
    judge, chance, label = records[0].parameters["judge"], _given_accuracy(records[0]), named(records[0])
    measured = {"right": right["value"], "right_low": right["low"], "right_high": right["high"], "pairs": right["n"]}
    return {
        "label": label,
        "judge": judge,
        "row": records[0].row,
        "p": chance,
        **measured,
        **cell,
        **_won(records, ends, observed),
    }


def named(record):
    """Return the label of a record's judge; a judge `synthetic` is named by the probability with which it is right."""
    chance = _given_accuracy(record)
    return _name(record.parameters["judge"]) if chance is None else f"right with chance {chance:g}"


def _given_accuracy(record):
    given = record.parameters
    return given.get("judge_accuracy", DEFAULT_ACCURACY) if given["judge"] == SYNTHETIC else None


def _name(judge):
    """Return the label of a judge; a record may hold a judge that JUDGES no longer has."""
    return JUDGES[judge].label if judge in JUDGES else judge


def _won(records, ends, observed):
    """Return a row's share of the oracle's gain over a random choice, with its interval, or the reason for none.

    `observed(record, seed)` returns a record's observations.
    """
    try:
        if lacking := [_name(end) for end in (FLOOR, CEILING) if end not in ends]:
            raise UserError(f"the row of {' and of '.join(lacking)} was not run")
        sides = [{record.seed: record for record in some} for some in (records, ends[FLOOR], ends[CEILING])]
        seeds = sorted(set.intersection(*map(set, sides)))
        if not seeds:
            raise UserError("no seed in common with the coin and the oracle")
        tables = [pd.concat([observed(side[seed], seed) for seed in seeds]) for side in sides]
        found = share_of_gain(*tables, "value")
    except UserError as problem:
        return {"won": float("nan"), "won_low": float("nan"), "won_high": float("nan"), "why": str(problem)}
    return {"won": found.value, "won_low": found.low, "won_high": found.high, "why": ""}


def judge_value_table(found, score="answers right, %"):
    """Return the lines of `judge_values` as a table to show: accuracies and shares of the gain in percent.

    `score` is the title of the column of the answers.
    """
    texts = {
        "the truer of two, %": ("right", "right_low", "right_high"),
        score: ("value", "low", "high"),
        "won of the oracle's gain, %": ("won", "won_low", "won_high"),
    }
    frame = pd.DataFrame(
        {title: [_percent(line, *names) for line in found.to_dict("records")] for title, names in texts.items()},
        index=found.label.rename(None),
    )
    return frame.assign(pairs=found.pairs.values, n=found.n.values, seeds=found.seeds.values, why=found.why.values)


def _percent(line, value, low, high):
    return percent({"value": line[value], "low": line[low], "high": line[high]} if pd.notna(line[value]) else None)


def summarize_judges(found):
    """Return one sentence for each judge, and one on the accuracy that a judge needs (Markdown)."""
    real = found[found.p.isna() & ~found.judge.isin((FLOOR, CEILING))]
    return [*map(_sentence, real.to_dict("records")), *_needed(found[found.p.notna()])]


def _sentence(line):
    start = (
        f"**{line['label']}** prefers the truer of two in {100 * line['right']:.0f} % of {line['pairs']:,} pairs "
        f"[{100 * line['right_low']:.0f}, {100 * line['right_high']:.0f}]"
    )
    if pd.isna(line["won"]):
        return f"{start}; its share of the gain is not known, {line['why']}."
    return (
        f"{start} and wins {100 * line['won']:.0f} % [{100 * line['won_low']:.0f}, {100 * line['won_high']:.0f}] "
        "of what an oracle gains over a coin."
    )


def _needed(synthetic):
    """Return a sentence on the lowest accuracy of a synthetic judge whose gain is above zero."""
    tried = ", ".join(f"{p:g}" for p in synthetic.p)
    if not len(synthetic):
        return ["The accuracy that a judge needs is not known: no row has a synthetic judge."]
    enough = synthetic[synthetic.won_low > 0]
    if not len(enough):
        return [f"No synthetic judge (right with chance {tried}) has a gain whose interval is above zero."]
    first = enough.iloc[0]
    return [
        f"Of the synthetic judges (right with chance {tried}), the least accurate one with a gain whose interval is "
        f"above zero is right in {100 * first.p:.0f} % of pairs; it wins {100 * first.won:.0f} % "
        f"[{100 * first.won_low:.0f}, {100 * first.won_high:.0f}] of the oracle's gain."
    ]
