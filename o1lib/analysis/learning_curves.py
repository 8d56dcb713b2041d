"""Accuracy against fine-tuning: what the looks at a model on its way say, and where stages overtake direct answers.

    found = looks(records, {"direct training": "direct", "structured": "structured"})
    crossing(found, "structured", "direct training")        # a sentence

A fine-tuning record's `extra.log` holds, beside the lines with a loss, a line for each look: `examples` seen, and of
the greedy answers to `asked` validation items the share that is the very gold answer (`exact`). All looks of all arms
and seeds ask the same items. Seconds are of training alone, added up from the speeds in the log; the log keeps no count
of learned tokens.
"""

from statistics import fmean

import pandas as pd
from statsmodels.stats.proportion import confint_proportions_2indep

from o1lib.analysis.tables import CELL, by_row, pooled
from o1lib.records import Metric
from o1lib.scoring.intervals import wilson

ASKED = 64  # validation items of logs that do not say how many
COLUMNS = ["label", "row", "seed", "examples", "seconds", *CELL]


def validation_curve(records, rows):
    """Return one line a look: label, row, seed (NaN: the mean over seeds), examples, seconds and a cell as `long` has.

    `rows` maps labels to ids of fine-tuning rows. A mean is over the seeds that looked at that number of examples, its
    interval Wilson's or, with several seeds, the wider of that and the t-interval on seeds. Arms that were not
    looked at are absent.
    """
    found = by_row(records)
    lines = []
    for label, row in rows.items():
        looked = [(record, _looked(record)) for record in found.get(row, [])]
        lines += [{"label": label, "row": row} | line for line in _means(looked)]
        lines += [{"label": label, "row": row, "seed": record.seed, **line} for record, own in looked for line in own]
    return pd.DataFrame(lines, columns=COLUMNS).astype({"seed": float})


def _looked(record):
    """Return the looks of one record: examples, seconds, and exact answers as a cell."""
    lines, seconds, seen = [], 0.0, 0
    for line in record.extra.get("log", ()):
        if speed := line.get("samples_per_second"):
            seconds += max(0, line["examples"] - seen) / speed
            seen = line["examples"]
        if "exact" in line:
            asked = int(line.get("asked", ASKED))
            low, high = wilson(round(line["exact"] * asked), asked)
            lines.append(
                {
                    "examples": line["examples"],
                    "seconds": seconds,
                    "value": line["exact"],
                    "low": low,
                    "high": high,
                    "n": asked,
                    "seeds": 1,
                    "failed": record.n_failed,
                }
            )
    return lines


def _means(looked):
    for examples in sorted({line["examples"] for _, own in looked for line in own}):
        there = [(record, line) for record, own in looked for line in own if line["examples"] == examples]
        cell = pooled([_with(record, line) for record, line in there], "exact")
        yield {"seed": None, "examples": examples, "seconds": fmean(line["seconds"] for _, line in there), **cell}


def _with(record, line):
    exact = Metric(**{name: line[name] for name in ("value", "n", "low", "high")})
    return record.model_copy(update={"metrics": {"exact": exact}})


def crossing(found, staged, direct):
    """Return a sentence on where arm `staged` overtakes arm `direct` in the table of `looks`, if anywhere.

    It overtakes at the first number of examples from which it stays above. The last difference has an interval for two
    independent shares, over all answers of all seeds: the log keeps no single answers, so pairing cannot narrow it.
    """
    both = [found[(found.label == arm) & found.seed.isna()].set_index("examples") for arm in (staged, direct)]
    shared = sorted(set(both[0].index) & set(both[1].index))
    if not shared:
        return f"**{staged}** against **{direct}**: no looks at an equal number of examples, so nothing can be said."
    ahead = [both[0].value[at] > both[1].value[at] for at in shared]
    behind = max((place for place, is_ahead in enumerate(ahead) if not is_ahead), default=-1)
    return f"**{staged}** {_where(shared, behind, direct)} {_last(*(arm.loc[shared[-1]] for arm in both), shared[-1])}"


def _where(shared, behind, direct):
    if behind == len(shared) - 1:
        return f"does not overtake **{direct}** within {shared[-1]:,} examples."
    if behind < 0:
        return f"is above **{direct}** from the first look on ({shared[0]:,} examples)."
    return f"overtakes **{direct}** between {shared[behind]:,} and {shared[behind + 1]:,} examples and stays above."


def _last(one, other, examples):
    counts = [(round(arm.value * arm.n * arm.seeds), int(arm.n * arm.seeds)) for arm in (one, other)]
    low, high = confint_proportions_2indep(*counts[0], *counts[1], method="newcomb")
    sure = "" if low > 0 or high < 0 else ", which chance alone may give"
    return (
        f"At {examples:,} the difference is {100 * (one.value - other.value):+.1f} points [{100 * low:+.1f}, "
        f"{100 * high:+.1f}]{sure}."
    )


def summarize_learning(found, direct):
    """Return what the looks say of every other arm against `direct`, one sentence each (Markdown), or why nothing."""
    if not len(found):
        return ["No fine-tuning record has looks at the model on its way: nothing to say of accuracy against examples."]
    arms = [label for label in dict.fromkeys(found.label) if label != direct]
    return [crossing(found, arm, direct) for arm in arms]
