"""The chance levels shown with the averages of a table, and the sentence that names the frozen files.

frozen = frozen_levels(records)
chance_text(by_row(records)["direct.sample"], "mini-average", frozen)      # "29.2", or "not frozen"
"""

from o1lib.analysis.headline import NOT_FROZEN, levels_for
from o1lib.minivqa.words import SKILLS
from o1lib.scoring.chance_level import FILE, HEADLINE

CHANCE, DASH = "chance level", "–"


def chance_of(records, metric, frozen):
    """Return the chance level of a metric on the questions of one row's records, None where it has none.

    `frozen` is the result of `frozen_levels`. The headline's chance level is 0 by its definition.
    """
    found = next((levels for record in records if (levels := levels_for(record, frozen))), None)
    level = found.of(metric) if found else None
    return 0.0 if found and metric == HEADLINE else level.value if level else None


def is_average(metric):
    """Return whether a metric is a share of right answers, which can be compared with a chance level."""
    first, _, rest = metric.partition("/")
    if first.startswith("mini-"):
        return not rest or rest in SKILLS
    return metric == "accuracy" or first in ("skill", "family")


def chance_datasets(found, rows):
    """Return {label of a line of chance levels: a row that was scored on that dataset}."""
    scored = [row for row in rows.values() if any(record.metrics for record in found.get(row, []))]
    by_data = {found[row][0].parameters.get("data") or "": row for row in reversed(scored)}
    named = len(by_data) > 1
    return {f"{CHANCE}, {data or 'drawn questions'}" if named else CHANCE: row for data, row in by_data.items()}


def chance_text(records, metric, frozen):
    """Return the chance level of a metric as text, that it is not frozen, or a dash if the metric has none."""
    if not is_average(metric):
        return DASH
    if not any(levels_for(record, frozen) for record in records):
        return NOT_FROZEN
    level = chance_of(records, metric, frozen)
    return DASH if level is None else f"{100 * level:.1f}"


def chance_note(records):
    """Say which chance levels are frozen, with their hashes; nothing if no dataset was built here."""
    datasets = {record.row: record.artifacts.get(FILE, "") for record in records if "test_split" in record.parameters}
    if not datasets:
        return ""
    hashes = [f"{row} {digest[:10]}" for row, digest in datasets.items() if digest]
    return f"Chance levels: {', '.join(hashes) or NOT_FROZEN}."


def with_chance(table, levels):
    """Return a table of metrics, one a line, with the column CHANCE: "" where a metric has none.

    `levels` are the frozen levels of its questions, or None.
    """

    def text(metric):
        level = levels.of(metric) if levels else None
        return f"{level.value:.3f}" if level else "" if levels or not is_average(metric) else NOT_FROZEN

    return table.assign(**{CHANCE: [text(metric) for metric in table.index]})


def chance_in(cells):
    """Return {metric: chance level} of a long table, of the metrics that have one and the same in all lines."""
    levels = cells.dropna(subset=["chance"]).groupby("metric").chance.unique()
    return {metric: float(found[0]) for metric, found in levels.items() if len(found) == 1}
