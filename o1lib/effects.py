"""What arms differ in besides their average: family by family, skill by skill, and how often they break their format.

    found = effects(records, "structured.sample", "direct.sample", "family")    # one line a family, paired differences
    broken(records, {"structured": "structured.sample"})                        # beside LLaVA-CoT's published outputs

Both are long tables for `o1lib.plots.points`.
"""
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from .records import UserError, project_root
from .stats import contrast
from .tables import CELL, by_row, pooled
from .units import units

PUBLISHED, WHOSE = "published outputs of LLaVA-CoT", ("published", "this study")
EFFECT = ["part", "value", "low", "high", "n", "seeds", "wins", "losses", "why"]


def effects(records, a, b, by):
    """Return accuracy of row `a` minus row `b` for each value of `by` ("family" or "skill"), on the same questions.

    One line a value, in their order by name: columns EFFECT, fractions. All questions of all sets count, each once,
    whatever its set; rotations and twins are one question. Seeds are those that both rows have; `why` says why there
    is no value. No line where a row was not run.
    """
    rows = by_row(records)
    sides = [{record.seed: record for record in rows.get(row, [])} for row in (a, b)]
    seeds = sorted(set(sides[0]) & set(sides[1]))
    lines = [[(seed, side[seed].predictions()) for seed in seeds] for side in sides]
    parts = sorted({line[by] for side in lines for _, own in side for line in own if line.get(by)})
    return pd.DataFrame([_effect(part, by, lines) for part in parts], columns=EFFECT)


def _effect(part, by, lines):
    try:
        tables = [pd.concat([_units(own, by, part, seed) for seed, own in side]) for side in lines]
        found = contrast(*tables, "value")
    except UserError as problem:
        return {"part": part, "n": 0, "why": str(problem)}
    return {"part": part, "why": ""} | {name: getattr(found, name) for name in EFFECT[1:-1]}


def _units(lines, by, part, seed):
    table = units([line for line in lines if line.get(by) == part], "accuracy", seed)
    return table.assign(qid=table.stratum + "/" + table.qid).drop(columns=["stratum", "weight"])


def strongest(found, of):
    """Return a sentence on the lines of `effects` whose interval excludes zero (Markdown); `of` names the lines."""
    sure = [line for line in found.dropna(subset=["value"]).itertuples() if line.low > 0 or line.high < 0]
    tested = f"{len(found.dropna(subset=['value']))} {of}"
    if not sure:
        return f"In none of {tested} do the two differ for sure."
    named = ", ".join(f"{line.part} {100 * line.value:+.0f} points [{100 * line.low:+.0f}, {100 * line.high:+.0f}]"
                      for line in sure)
    return f"Of {tested} {len(sure)} differ for sure, each judged by itself: {named}."


def broken(records, rows):
    """Return the share of outputs that break their format, a cell as `tables.long` has for each label of `rows`.

    The first line are LLaVA-CoT's published outputs, from results/reported (column `whose`). Rows without a format to
    keep are absent.
    """
    found = by_row(records)
    lines = [_published()]
    for label, row in rows.items():
        if cell := pooled(found.get(row, []), "well_formed"):
            turned = {"value": 1 - cell["value"], "low": 1 - cell["high"], "high": 1 - cell["low"]}
            lines.append({"label": label, "row": row, "whose": WHOSE[1]} | cell | turned)
    return pd.DataFrame(lines, columns=["label", "row", "whose", *CELL])


def _published():
    frame = pd.read_csv(project_root() / "results" / "reported" / "third_party_checks.csv")
    [line] = frame[frame.metric.str.startswith("well-formed outputs")].itertuples()
    n = int(line.setting.rpartition("n=")[2])
    lost = n - int(line.value)
    low, high = proportion_confint(lost, n, method="wilson")
    return {"label": PUBLISHED, "row": "", "whose": WHOSE[0], "value": lost / n, "low": low, "high": high, "n": n,
            "seeds": 1, "failed": 0}
