"""What a judge is worth: how often it is right on the model's own pairs, and how much of the oracle's gain it wins.

    found = worth(judged(records), "structured", "stage_beam", 4)       # one line a judge
    told(found)                                                         # sentences

All rows of one search that differ only in who chooses are read by their own parameters. The judge `synthetic` is right
with a set probability p (parameter `judge_accuracy`); the others stand where their accuracy was measured, on the pairs
that the searches themselves played. The gain is counted from a coin (judge `random`) to the oracle.
"""

import pandas as pd

from o1lib.analysis.observations import observations
from o1lib.analysis.stats import share_won
from o1lib.analysis.tables import CELL, by_row, percent, pooled
from o1lib.records import UserError

DEFAULT_ACCURACY = 0.8  # of records made before the accuracy was a parameter
FLOOR, CEILING, SET = "random", "oracle", "synthetic"
NAMES = {
    "self": "the model itself",
    "base": "its base",
    "self_as_released": "as released",
    "likelihood": "likelihood",
    "agreement": "agreement",
    FLOOR: "a coin",
    CEILING: "an oracle",
    "oracle_faithful": "an oracle for whole chains",
}
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
]


def judge_values(records, model, method="stage_beam", n=4, metric="mini-average", temperature=0.6, data="data"):
    """Return one line a judge of one search on the questions of row `data`, with COLUMNS.

    Synthetic judges come first, by their p, then the others by `right`. `right` is the measured accuracy on the model's own pairs (of `pairs` whose sides were not equally true), with its
    interval; value, low, high are `metric`; `won` the share of the oracle's gain over a coin, NaN where `why` says why
    there is none. Rows without the metric or without a measured judge are left out; of two rows of one judge (and one p),
    which are the same search twice, the one with more seeds is shown.
    """
    wanted = {"model": model, "method": method, "n": n, "temperature": temperature, "blind": False, "data": data}
    rows = {
        row: some
        for row, some in by_row(records).items()
        if {name: some[0].parameters.get(name) for name in wanted} == wanted
    }
    ends = {some[0].parameters["judge"]: some for some in rows.values()}
    lines = [_line(row, some, ends, metric) for row, some in rows.items()]
    found = pd.DataFrame([line for line in lines if line], columns=COLUMNS).astype({"p": float})
    found = found.sort_values("seeds", ascending=False, kind="stable").drop_duplicates(["judge", "p"])
    return found.sort_values(["p", "right", "label"], ignore_index=True)


def _line(row, records, ends, metric):
    cell, right = pooled(records, metric), pooled(records, "judge/accuracy")
    if not (cell and right):
        return None
    judge = records[0].parameters["judge"]
    chance = records[0].parameters.get("judge_accuracy", DEFAULT_ACCURACY) if judge == SET else None
    label = NAMES.get(judge, judge) if chance is None else f"right with chance {chance:g}"
    measured = {"right": right["value"], "right_low": right["low"], "right_high": right["high"], "pairs": right["n"]}
    return {"label": label, "judge": judge, "row": row, "p": chance, **measured, **cell, **_won(records, ends, metric)}


def _won(records, ends, metric):
    """Return the share of the oracle's gain over a coin that a row wins, with its interval, or why there is none."""
    try:
        if lacking := [NAMES[end] for end in (FLOOR, CEILING) if end not in ends]:
            raise UserError(f"the row of {' and of '.join(lacking)} was not run")
        sides = [{record.seed: record for record in some} for some in (records, ends[FLOOR], ends[CEILING])]
        seeds = sorted(set.intersection(*map(set, sides)))
        if not seeds:
            raise UserError("no seed in common with the coin and the oracle")
        tables = [pd.concat([observations(side[seed].predictions(), metric, seed) for seed in seeds]) for side in sides]
        found = share_won(*tables, "value")
    except UserError as problem:
        return {"won": float("nan"), "won_low": float("nan"), "won_high": float("nan"), "why": str(problem)}
    return {"won": found.value, "won_low": found.low, "won_high": found.high, "why": ""}


def judge_value_table(found):
    """Return the lines of `worth` for reading: accuracy of judge and answers, and what the judge wins, in per cent."""
    texts = {
        "the truer of two, %": ("right", "right_low", "right_high"),
        "answers right, %": ("value", "low", "high"),
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
    """Return what the lines of `worth` say, in sentences (Markdown): each judge's, and how good one has to be."""
    real = found[found.p.isna() & ~found.judge.isin((FLOOR, CEILING))]
    return [*map(_sentence, real.to_dict("records")), *_needed(found[found.p.notna()])]


def _sentence(line):
    start = (
        f"**{line['label']}** prefers the truer of two in {100 * line['right']:.0f} % of {line['pairs']:,} pairs "
        f"[{100 * line['right_low']:.0f}, {100 * line['right_high']:.0f}]"
    )
    if pd.isna(line["won"]):
        return f"{start}; what it wins is not known, {line['why']}."
    return (
        f"{start} and wins {100 * line['won']:.0f} % [{100 * line['won_low']:.0f}, {100 * line['won_high']:.0f}] "
        "of what an oracle gains over a coin."
    )


def _needed(synthetic):
    tried = ", ".join(f"{p:g}" for p in synthetic.p)
    if not len(synthetic):
        return ["How good a judge must be is not known: no row has a judge that is right with a set chance."]
    enough = synthetic[synthetic.won_low > 0]
    if not len(enough):
        return [f"No judge with a set chance of being right ({tried}) surely gained over a coin."]
    first = enough.iloc[0]
    return [
        f"Of the judges with a set chance of being right ({tried}) the worst that surely gains over a coin is "
        f"right in {100 * first.p:.0f} % of pairs; it wins {100 * first.won:.0f} % [{100 * first.won_low:.0f}, "
        f"{100 * first.won_high:.0f}] of the oracle's gain."
    ]
