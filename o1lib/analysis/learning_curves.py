"""Learning curves: validation accuracy during fine-tuning, and where staged answers overtake direct answers.

    found = validation_curve(records, {"direct training": "direct", "structured": "structured"})
    summarize_crossing(found, "structured", "direct training")        # a sentence

A fine-tuning record's `extra.log` has lines with a loss, and a line for each validation: the number of `examples` seen,
the number of validation items (`asked`), and the share of greedy answers that equal the gold answer (`exact`). All arms
and seeds use the same validation items. Seconds are those of training alone, computed from the speeds in the log.
"""

from statistics import fmean

import pandas as pd
from statsmodels.stats.proportion import confint_proportions_2indep

from o1lib.analysis.shared_seeds import by_look, over_same_seeds
from o1lib.analysis.tables import CELL, by_row, pooled
from o1lib.records import Metric
from o1lib.scoring.intervals import wilson

ASKED = 64  # number of validation items in older logs, which do not name it
NOT_SURE = ", but the last interval includes zero"
COLUMNS = ["label", "row", "seed", "examples", "seconds", *CELL, "pooled", "left_out"]


def validation_curve(records, rows):
    """Return one line for each validation: label, row, seed, examples, seconds, and a cell as in `long_table`.

    `rows` maps labels to ids of fine-tuning rows. Lines with seed NaN are means over the seeds that were validated at
    every point of the curve: `pooled` says which, and `left_out` names others. The interval is Wilson's; with several
    seeds it is the wider of the mean Wilson interval and the t-interval on seeds. Arms without validation are absent.
    """
    found = by_row(records)
    lines = []
    for label, row in rows.items():
        validated = [(record, _validations(record)) for record in found.get(row, [])]
        lines += [{"label": label, "row": row} | line for line in _means(validated)]
        lines += [
            {"label": label, "row": row, "seed": record.seed, **line} for record, own in validated for line in own
        ]
    return pd.DataFrame(lines, columns=COLUMNS).astype({"seed": float})


def timed(log):
    """Yield each line of a training log with the seconds that were trained until then, by the speeds in the log."""
    seconds, seen = 0.0, 0
    for line in log:
        if speed := line.get("samples_per_second"):
            seconds += max(0, line["examples"] - seen) / speed
            seen = line["examples"]
        yield line, seconds


def _validations(record):
    """Return the validations of one record: examples, seconds, and exact answers as a cell."""
    lines = []
    for line, seconds in timed(record.extra.get("log", ())):
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


def _means(validated):
    used, told = over_same_seeds(by_look((record, line) for record, own in validated for line in own))
    for there in used.values():
        cell = pooled([_with(record, line) for record, line in there], "exact")
        seconds = fmean(line["seconds"] for _, line in there)
        yield {"seed": None, "examples": there[0][1]["examples"], "seconds": seconds, **cell, **told}


def _with(record, line):
    exact = Metric(**{name: line[name] for name in ("value", "n", "low", "high")})
    return record.model_copy(update={"metrics": {"exact": exact}})


def summarize_crossing(found, staged, direct):
    """Return a sentence on where arm `staged` overtakes arm `direct` in the table of `validation_curve` (Markdown).

    Its curve is above from the first number of examples after which it never falls back. It is said to overtake only if
    the 95 % interval of the last difference excludes zero. The interval is Newcombe's for two independent
    shares (https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I), over all answers of all
    seeds. It is not paired, because the log does not hold single answers.
    """
    both = [found[(found.label == arm) & found.seed.isna()].set_index("examples") for arm in (staged, direct)]
    shared = sorted(set(both[0].index) & set(both[1].index))
    if not shared:
        return f"**{staged}** against **{direct}**: not compared, no validation after an equal number of examples."
    ahead = [both[0].value[at] > both[1].value[at] for at in shared]
    behind = max((place for place, is_ahead in enumerate(ahead) if not is_ahead), default=-1)
    one, other = (arm.loc[shared[-1]] for arm in both)
    low, high = _interval(one, other)
    certain = low > 0 or high < 0
    difference = f"{100 * (one.value - other.value):+z.1f} points [{100 * low:+z.1f}, {100 * high:+z.1f}]"
    asked = (
        f"validation answers {one.n * one.seeds:.0f} and {other.n * other.seeds:.0f}, unpaired, seeds not told apart"
    )
    zero = "" if certain else ", and its interval includes zero"
    last = f"At {shared[-1]:,} the difference is {difference} ({asked}){zero}."
    return f"**{staged}** {_where(shared, behind, direct, certain)} {last}"


def _where(shared, behind, direct, certain):
    if behind == len(shared) - 1:
        return f"is not above **{direct}** at the last validation ({shared[-1]:,} examples)."
    if behind < 0:
        sure = "" if certain else NOT_SURE
        return f"is above **{direct}** from the first validation on ({shared[0]:,} examples){sure}."
    if certain:
        return f"overtakes **{direct}** between {shared[behind]:,} and {shared[behind + 1]:,} examples and stays above."
    return f"is above **{direct}** from {shared[behind + 1]:,} examples on{NOT_SURE}."


def _interval(one, other):
    """Return the interval of the difference of two arms at the last validation."""
    counts = [(round(arm.value * arm.n * arm.seeds), int(arm.n * arm.seeds)) for arm in (one, other)]
    return confint_proportions_2indep(*counts[0], *counts[1], method="newcomb")


def summarize_learning(found, direct):
    """Return one sentence for each arm against `direct`, or one that says that there is no validation (Markdown)."""
    if not len(found):
        return ["No fine-tuning record has a validation, so there is no accuracy against the number of examples."]
    arms = [label for label in dict.fromkeys(found.label) if label != direct]
    return [summarize_crossing(found, arm, direct) for arm in arms]
