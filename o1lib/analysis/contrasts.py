"""Compare pairs of rows, with verdicts as for the papers' claims.

    found = compare(records, [("structured", "direct training", 1)], {"structured": "structured.sample", ...})
    summarize_contrasts(found)[0]         # "**structured − direct training**: +2.1 points [+0.3, +4.0], ..."

A contrast is a difference of headline scores (of averages over the papers' six sets where no chance levels are
frozen), or of another metric of `o1lib.analysis.observations`.
It is paired by question and seed (`o1lib.analysis.claims`, `o1lib.analysis.stats`).
"""

from collections.abc import Sequence

import pandas as pd

from o1lib.analysis.claims import Claim, Compared, evaluate_claims
from o1lib.analysis.comparability import missing_for_comparison
from o1lib.analysis.findings import NOT_TOLD_APART
from o1lib.analysis.stats import NOT_TESTED
from o1lib.analysis.tables import NOT_MEASURED, by_row, percent
from o1lib.records import Record
from o1lib.scoring.chance_level import HEADLINE

ONCE = ("base.greedy",)  # rows with one record for all seeds: one model, and greedy answers do not depend on the seed
CLAIMED = {1: "better", -1: "worse", 0: "nothing"}
COLUMNS = [
    "contrast",
    "value",
    "low",
    "high",
    "n",
    "seeds",
    "wins",
    "losses",
    "p",
    "claimed",
    "verdict",
    "why",
    "incomplete",
    "failed",
    "ill_formed",
]
MANY = 0.5  # share of the answers of a row that failed, from which a contrast says so


def compare(records, pairs, rows, metric=HEADLINE):
    """Return a table with one line for each pair (label a, label b, claimed sign): a minus b in `metric`, COLUMNS.

    `rows` maps labels to row ids. The sign is what the papers claim about the difference; it is 0 where they claim
    nothing, and then the verdict is "better", "worse" or "not told apart". Rows that cannot be compared have no value,
    and `why` gives the reason. Seeds that only one side has are left out, and rows made by different code are compared;
    `incomplete` says so (`missing_for_comparison`) and is "" otherwise. `failed` counts answers that were cut or broke
    their format, which stay in the comparison, and `ill_formed` names a row most of whose answers failed.
    """
    return _compared(records, [(f"{a} − {b}", (a, b, sign), metric) for a, b, sign in pairs], rows)


def compare_metrics(records, pair, rows, metrics):
    """Return the lines of `compare` for one pair in several metrics, {label: metric}; `contrast` is the label."""
    return _compared(records, [(label, pair, metric) for label, metric in metrics.items()], rows)


def _compared(records, asked, rows):
    """Return the lines of `compare` for each of `asked`: (name, pair, metric)."""
    records = list(records)
    of_row = by_row(records)
    claims = [_claim(name, rows[a], rows[b], sign, metric) for name, (a, b, sign), metric in asked]
    lines = evaluate_claims(claims, records, same_code=False)
    for line, (_, (a, b, sign), _) in zip(lines, asked, strict=True):
        line |= {
            "contrast": line["id"],
            "claimed": CLAIMED[sign],
            "incomplete": "; ".join(missing_for_comparison(records, [rows[a], rows[b]], ONCE)),
            "failed": sum(record.n_failed for label in (a, b) for record in of_row.get(rows[label], [])),
            "ill_formed": "; ".join(
                filter(None, (_mostly_failed(label, of_row.get(rows[label], [])) for label in (a, b)))
            ),
        }
        if not sign and line["verdict"] != NOT_TESTED:
            line["verdict"] = "better" if line["low"] > 0 else "worse" if line["high"] < 0 else NOT_TOLD_APART
    return pd.DataFrame(lines, columns=COLUMNS)


def _mostly_failed(label: str, records: Sequence[Record]) -> str:
    """Return that at least a share MANY of a row's answers were cut or lost their form, "" where fewer did."""
    failed = sum(record.n_failed for record in records)
    asked = sum(len(record.predictions()) for record in records) if failed else 0
    return f"{failed} of {asked} answers of “{label}” failed" if failed and failed >= MANY * asked else ""


def contrast_table(found):
    """Return the lines of `compare` as text for a table: differences in points with their interval, and the rest."""
    differences = [percent(line) if pd.notna(line["value"]) else NOT_MEASURED for line in found.to_dict("records")]
    frame = found.drop(columns=["value", "low", "high"]).set_index("contrast").rename_axis(None)
    frame.insert(0, "difference (points)", differences)
    whole = frame.astype(dict.fromkeys(("n", "seeds", "wins", "losses", "failed"), "Int64"))
    whole = whole.astype(object).where(whole.notna(), NOT_MEASURED)
    whole["p"] = [p if p == NOT_MEASURED else f"{p:.3f}" if p >= 0.001 else "< 0.001" for p in whole["p"]]
    return whole.rename(columns={"ill_formed": "mostly failed"})


def on_each_base(records, pairs, rows, metric=HEADLINE):
    """Return the contrasts of `compare` on each base: contrast, base, value, low, high, n, seeds, p.

    A pair that was run on one base only has no lines, since `compare` has them.
    """
    claims = [_claim(f"{a} − {b}", rows[a], rows[b], sign, metric) for a, b, sign in pairs]
    lines = [
        {"contrast": line["id"], "base": base} | one
        for line in evaluate_claims(claims, list(records), same_code=False)
        for base, one in line.get("bases", {}).items()
    ]
    return pd.DataFrame(lines, columns=["contrast", "base", "value", "low", "high", "n", "seeds", "p"])


def _claim(name, a, b, sign, metric):
    return Claim(
        id=name,
        paper="A",
        table="",
        statement=name,
        kind="difference" if sign else "equivalence",
        sign=sign,
        reported={},
        contrast=Compared(a=a, b=b, metric=metric, once=tuple(row for row in (a, b) if row in ONCE), decoding=True),
    )


def summarize_contrasts(found):
    """Return one sentence for each line of `compare`, and one that names the incomplete contrasts (Markdown)."""
    return [*map(summarize_contrast, found.to_dict("records")), completeness(found)]


def completeness(found):
    """Return one sentence that says which contrasts of `compare` are incomplete (Markdown)."""
    lacking = found[found.incomplete != ""].contrast
    if not len(lacking):
        all_of_them = f"All {len(found)} contrasts are" if len(found) > 1 else "The contrast is"
        return f"{all_of_them} complete: records of the same data, code and seeds on both sides."
    return f"{len(lacking)} of {len(found)} contrasts are incomplete: {'; '.join(lacking)}."


def summarize_contrast(line):
    """Return one sentence for a line of `compare` (Markdown)."""
    if line["verdict"] == NOT_TESTED:
        return f"**{line['contrast']}**: not tested, {line['why']}."
    lacking = f" Incomplete: {line['incomplete']}." if line["incomplete"] else ""
    value, low, high = (100 * line[name] for name in ("value", "low", "high"))
    claim = "No paper claims it either way" if line["claimed"] == "nothing" else f"The papers claim {line['claimed']}"
    return (
        f"**{line['contrast']}**: {value:+z.1f} points [{low:+z.1f}, {high:+z.1f}], {line['n']:.0f} questions, "
        f"{line['seeds']:.0f} seed{'s' if line['seeds'] > 1 else ''}, {line['wins']:.0f} won, "
        f"{line['losses']:.0f} lost. {claim}: **{line['verdict']}**.{lacking}"
    )
