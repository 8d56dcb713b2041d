"""Does a model follow its chain, and since when? What training logs hold of it, against the examples seen.

    found = follow_curves(records, {"structured": "structured"})
    summarize_following(found)                     # sentences; one that says what is missing
    suite_curves(records, {"structured": "structured"})       # the probes of MEASURED, at every look

`letter_kept` is the share of chains whose answer is the letter of the option that they state. `follows_reasoning` and
`follows_caption` are the shares of answers that are those of another picture's reasoning or caption, forced upon the
model in front of its own picture (`o1lib.evaluation.probes.rates`). A row that was trained from several bases has one
curve for each of them.
"""

import pandas as pd

from o1lib.analysis.claims.bases import twins_among
from o1lib.analysis.shared_seeds import by_look, over_same_seeds
from o1lib.analysis.tables import CELL, by_row
from o1lib.scoring.intervals import wilson

RATES = {  # rate in a log -> (how many cases are behind it, what it is called)
    "letter_kept": ("letter_asked", "the letter of its option"),
    "follows_reasoning": ("follow_asked", "another picture's reasoning"),
    "follows_caption": ("follow_asked", "another picture's caption"),
}
MEASURED = {  # metric of the suite -> what it is called
    "swap/indirect_effect": "lost with another picture's chain",
    "swap/direct_effect": "lost with another picture, chain kept",
    "early/area": "area over the curve of early answers",
    "corrupted/follows": "follows a corrupted last step",
    "filler/filler_costs": "lost with filler in the chain's place",
    "masked/mask_costs": "lost with the picture masked after the caption",
}
COLUMNS = ["label", "row", "rate", "examples", *CELL, "pooled", "left_out"]
SUITE = ["label", "row", "seed", "measured", "examples", "value", "low", "high", "n"]
NOTHING = "No training log holds follow rates, so nothing is known of when a model began to follow its chain."


def follow_curves(records, rows):
    """Return one line for each arm, rate and look during training, columns COLUMNS, in fractions.

    `rows` maps labels to rows of notebook 02. Cases of all seeds that have every look of a curve are counted together:
    `pooled` says which these are, and `left_out` names others. Arms without a chain, and older records, have no rates.
    """
    lines = [line for arm in _arms(records, rows) for line in _of_arm(*arm)]
    return pd.DataFrame(lines, columns=COLUMNS)


def suite_curves(records, rows, measured=MEASURED):
    """Return one line for each arm, seed, metric of `measured` and look during training, columns SUITE.

    Shares and differences of shares are fractions, with the suite's own 95 % intervals. Only arms that were trained
    with `suite` have lines.
    """
    lines = [
        {"label": label, "row": row, "seed": record.seed, "measured": told, "examples": look["examples"]}
        | {name: look["suite"][metric][name] for name in SUITE[5:]}
        for label, row, some in _arms(records, rows)
        for record in some
        for look in record.extra.get("log", ())
        for metric, told in measured.items()
        if metric in look.get("suite", ())
    ]
    return pd.DataFrame(lines, columns=SUITE)


def _arms(records, rows):
    """Yield label, row and records of each row, and of the same row on other bases, with the base in the label."""
    found = by_row(records)
    for label, row in rows.items():
        yield label, row, found.get(row, [])
        for twin in twins_among(found, row):
            yield f"{label}, {found[twin][0].parameters.get('base') or twin}", twin, found[twin]


def _of_arm(label, row, records):
    looks = [(record, line) for record in records for line in record.extra.get("log", ())]
    for rate, (asked, told) in RATES.items():
        there = [(record, line) for record, line in looks if rate in line and line.get(asked)]
        used, seeds = over_same_seeds(by_look(there))
        for some in used.values():
            place = {"label": label, "row": row, "rate": told, "examples": some[0][1]["examples"]}
            yield place | _counted(some, rate, asked) | seeds


def _counted(looks, rate, asked):
    """Return the cell of one rate, counted over all looks, which are pairs of a record and a line of its log."""
    n = sum(line[asked] for _, line in looks)
    kept = round(sum(line[rate] * line[asked] for _, line in looks))
    failed = sum(record.n_failed for record, _ in looks)
    return dict(zip(CELL, (kept / n, *wilson(kept, n), n, len(looks), failed), strict=True))


def summarize_following(found):
    """Return a sentence for each arm with its rates at the last look (Markdown)."""
    if not len(found):
        return [NOTHING]
    sentences = []
    for label, part in found.groupby("label", sort=False):
        last = part.sort_values("examples").groupby("rate", sort=False).last()
        told = [
            f"{rate} in {100 * line.value:.0f} % [{100 * line.low:.0f}, {100 * line.high:.0f}]"
            for rate, line in last.iterrows()
        ]
        sentences.append(f"**{label}**, after {part.examples.max():,} examples, gives {', '.join(told)}.")
    return sentences
