"""Break results down by family, skill and form of the question, and count broken formats.

    effects(records, "structured.sample", "direct.sample", "family")          # paired difference for each family
    metrics_from_predictions(records, {"structured": "structured.sample"}, {"open questions": "open"})
    format_violations(records, {"structured": "structured.sample"})           # with LLaVA-CoT's published outputs

Each returns a long table for `o1lib.analysis.plots.points`.
"""

from statistics import fmean

import pandas as pd

from o1lib.analysis.headline import frozen_levels, levels_for
from o1lib.analysis.observations import observations
from o1lib.analysis.stats import contrast, interval, share
from o1lib.analysis.tables import CELL, by_row, pooled
from o1lib.formats import answer_forms
from o1lib.formats.answer_forms import CHOICE, OPEN, YES_OR_NO
from o1lib.records import UserError, project_root
from o1lib.scoring import averaged
from o1lib.scoring.groups import questions_of
from o1lib.scoring.intervals import wilson

BLINDLY = "choices, chosen blindly"
PUBLISHED, WHOSE = "published outputs of LLaVA-CoT", ("published", "this study")
# Accuracy by the form of a question, and how often a chain gives the letter of the option that it states. The values
# are metrics of o1lib.analysis.observations; a pair is a share: the first
# metric counts some of the observations that the second one counts.
FORMS = {
    "open questions": OPEN,
    "yes or no": YES_OR_NO,
    "choices": CHOICE,
    BLINDLY: "guess",
    "its option's letter": ("letter", "option"),
}
BY_DEPTH = ["label", "row", "test_set", "depth", "form", *CELL, "chance"]
EFFECT = ["part", "value", "low", "high", "n", "seeds", "wins", "losses", "why"]


def effects(records, a, b, by):
    """Return the accuracy of row `a` minus that of row `b`, on the same questions, for each value of `by`.

    `by` is "family" or "skill". The table has one line for each value, sorted by name, with columns EFFECT in
    fractions. Questions of all sets have the same weight; rotations and twins are one question. Each task of mini-Depth
    is a family of its own, and "serial" and "parallel" are its skills. Seeds are those that both rows have. Without a
    value, `why` gives the reason. The table is empty if a row was not run.
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
    table = observations([line for line in lines if line.get(by) == part], "accuracy", seed)
    return table.assign(qid=table.stratum + "/" + table.qid).drop(columns=["stratum", "weight"])


def summarize_strongest(found, of):
    """Return a sentence on the lines of `effects` whose interval excludes zero (Markdown). `of` is their noun."""
    sure = [line for line in found.dropna(subset=["value"]).itertuples() if line.low > 0 or line.high < 0]
    tested = f"{len(found.dropna(subset=['value']))} {of}"
    if not sure:
        return f"None of {tested} shows a difference whose interval excludes zero."
    named = ", ".join(
        f"{line.part} {100 * line.value:+.0f} points [{100 * line.low:+.0f}, {100 * line.high:+.0f}]" for line in sure
    )
    return f"{len(sure)} of {tested} have an interval that excludes zero, without correction for their number: {named}."


def metrics_from_predictions(records, rows, metrics):
    """Return a table as `tables.long_table` does, for metrics that are computed from predictions and not in records.

    `rows` maps labels to row ids, and `metrics` maps labels to metrics of `o1lib.analysis.observations`; a pair of
    metrics is the share of the first in the second. A row that was not run, or that cannot have a metric (a direct
    answer has no chain), is absent. Intervals are those of `o1lib.analysis.stats`. `chance` is the frozen chance level
    of the form that a metric measures, None for other metrics. Raises UserError for damaged predictions.
    """
    found, frozen = by_row(records), frozen_levels(records)
    lines = [
        {"label": label, "row": row, "metric": shown, **cell, "chance": _of_form(found[row], metric, frozen)}
        for label, row in rows.items()
        if row in found
        for shown, metric in metrics.items()
        if (cell := _from_predictions(found[row], metric))
    ]
    return pd.DataFrame(lines, columns=["label", "row", "metric", *CELL, "chance"])


def _of_form(records, metric, frozen):
    """Return the chance level of all lines of a form ("open", "yes_no", "choice"), None where none is frozen."""
    levels = next((one for record in records if (one := levels_for(record, frozen))), None)
    cell = levels.at(form=metric) if levels and metric in answer_forms.FORMS else None
    return cell.value if cell else None


def by_depth(records, rows, test_set, form=None, skill=None, bins=None):
    """Return the headline score of rows on a test set by the depth of its questions, with the chance level.

    `rows` maps labels to row ids. The table has one line for each row and depth, columns BY_DEPTH, in fractions. `form`
    restricts it to "choice", "yes_no" or "open" questions, and `skill` to those of a skill; the chance level is then
    that of the skill at all depths. `bins` maps names, which take the place of the depth, to groups of depths.
    Predictions without a known depth, or outside all groups, are left out.
    """
    found, frozen = by_row(records), frozen_levels(records)
    where = (test_set, form, skill, bins)
    lines = [line for label, row in rows.items() for line in _depths(label, found.get(row, []), *where, frozen)]
    return pd.DataFrame(lines, columns=BY_DEPTH)


def _depths(label, records, test_set, form, skill, bins, frozen):
    levels = next((one for record in records if (one := levels_for(record, frozen))), None)
    asked = [
        (record.seed, [line for line in record.predictions() if _counts(line, test_set, form, skill)])
        for record in records
    ]
    there = {line["depth"] for _, own in asked for line in own}
    for depth, some in (bins or {one: (one,) for one in sorted(there)}).items():
        if not there & set(some):
            continue
        try:
            tables = [observations([one for one in own if one["depth"] in some], test_set, seed) for seed, own in asked]
            cell = interval(pd.concat(tables), "value")
        except UserError:  # a single question says nothing of the spread
            continue
        chance = levels and (levels.of(f"{test_set}/{skill}") if skill else levels.at(test_set, depth, form))
        where = {"label": label, "row": records[0].row, "test_set": test_set, "depth": depth, "form": form}
        numbers = {name: getattr(cell, name) for name in CELL[:-1]} | {"failed": sum(r.n_failed for r in records)}
        yield where | numbers | {"chance": chance.value if chance else None}


def _counts(line, test_set, form, skill):
    """Return whether a prediction is of the set, form and skill, with a known depth."""
    own = answer_forms.form_of(line.get("options") or (), line.get("gold"))
    wanted = form in (None, own) and skill in (None, line.get("skill"))
    return bool(line.get("depth")) and line.get("test_set") == test_set and wanted


def _from_predictions(records, metric):
    """Return a metric of one row as a cell, or None where its predictions do not have it."""
    parts = metric if isinstance(metric, tuple) else (metric,)
    # read outside of `try`, because damaged predictions are an error and no missing metric
    answered = [(record.predictions(), record.seed) for record in records]
    try:
        tables = [pd.concat([observations(lines, part, seed) for lines, seed in answered]) for part in parts]
        found = (share if len(tables) > 1 else interval)(*tables, "value")
    except UserError:
        return None
    return {name: getattr(found, name) for name in CELL[:-1]} | {"failed": sum(r.n_failed for r in records)}


def summarize_by_form(found):
    """Return one sentence for each label of `metrics_from_predictions` with FORMS (Markdown)."""
    by_form = {(line.label, line.metric): line for line in found.itertuples()}
    sentences = []
    for label in dict.fromkeys(found.label):
        *cells, letters = [by_form.get((label, name)) for name in FORMS]
        if all(cells):
            sentences.append(_of_forms(label, *cells) + (_of_letters(letters) if letters else ""))
    return sentences


def summarize_guessing(predictions, n):
    """Return a sentence on how often one of `n` random guesses at a multiple-choice question is right (Markdown)."""
    asked = questions_of(line for line in averaged(predictions) if line.get("options"))
    hits = [1 - (1 - 1 / len(lines[0]["options"])) ** n for lines in asked]
    if not hits:
        return ""
    return (
        f"{100 * fmean(hits):.0f} % is the probability that at least one of {n} random guesses is right, averaged over "
        f"{len(hits)} multiple-choice questions."
    )


def _of_forms(label, open_ones, yes_no, choices, blindly):
    return (
        f"**{label}**: right on {_with_chance(open_ones)} of open questions, {_with_chance(yes_no)} of yes/no "
        f"questions and {_with_chance(choices)} of multiple-choice questions (an option at random: "
        f"{100 * blindly.value:.0f} %)."
    )


def _with_chance(cell):
    level = getattr(cell, "chance", None)
    return _share(cell) if level is None or pd.isna(level) else f"{_share(cell)} (chance level {100 * level:.0f} %)"


def _of_letters(given):
    return f" If a chain states an option, it gives that option's letter in {_share(given)}."


def _share(cell):
    return f"{100 * cell.value:.0f} % [{100 * cell.low:.0f}, {100 * cell.high:.0f}]"


def format_violations(records, rows):
    """Return the share of outputs that break their format, with a cell as in `long_table` for each label of `rows`.

    The first line is for LLaVA-CoT's published outputs, from results/reported; the column `whose` tells them from this
    study's. Rows whose format has no rules are absent.
    """
    found = by_row(records)
    lines = [_published()]
    for label, row in rows.items():
        if cell := pooled(found.get(row, []), "well_formed"):
            turned = {"value": 1 - cell["value"], "low": 1 - cell["high"], "high": 1 - cell["low"]}
            lines.append({"label": label, "row": row, "whose": WHOSE[1]} | cell | turned)
    return pd.DataFrame(lines, columns=["label", "row", "whose", *CELL])


def _published():
    """Return the share of published outputs of LLaVA-CoT that break the format, as a line of `format_violations`."""
    frame = pd.read_csv(project_root() / "results" / "reported" / "third_party_checks.csv")
    [line] = frame[frame.metric.str.startswith("well-formed outputs")].itertuples()
    n = int(line.setting.rpartition("n=")[2])
    lost = n - int(line.value)
    low, high = wilson(lost, n)
    return {
        "label": PUBLISHED,
        "row": "",
        "whose": WHOSE[0],
        "value": lost / n,
        "low": low,
        "high": high,
        "n": n,
        "seeds": 1,
        "failed": 0,
    }
