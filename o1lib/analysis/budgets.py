"""What each arm was taught and what its training computed: supervised tokens, positions and seconds.

    training_budgets(records, {"direct training": "direct.sample"})     # one line an arm, in the order of the labels

A difference between two arms means little without these: a staged target supervises some ninety tokens of an item, a
direct one about three. `o1lib.training.positions` defines the counts. Older records have none, shown as a dash.
"""

from statistics import fmean

import pandas as pd

from o1lib.analysis.tables import NOT_MEASURED, NOT_RUN, by_row

PER_ITEM = {  # column: metric of a training record
    "supervised tokens per item": "supervised_tokens",
    "text positions per item": "text_positions",
    "picture positions per item": "picture_positions",
}
MILLION = 1e6


def training_budgets(records, rows) -> pd.DataFrame:
    """Return a table of text with a line for each arm: counts per item, items taken, all positions, seconds, seeds.

    `rows` maps labels to the arms' evaluation rows, whose records name the trained rows. Values are means over seeds.
    Seconds are those of the whole training run, validations included; they stop nothing. An arm that was not run is
    marked so.
    """
    found = by_row(records)
    return pd.DataFrame([_line(_trained(found, row)) for row in rows.values()], index=list(rows), dtype=object)


def _trained(found, row):
    """Return the training records of an evaluation row, [] if one of the two was not run."""
    trained = {record.parameters.get("model", "") for record in found.get(row, [])}
    return [record for name in sorted(trained) for record in found.get(name, [])]


def _line(records):
    def mean(read, written):
        return written(fmean(map(read, records))) if all(counted) else NOT_MEASURED

    columns = [*PER_ITEM, "items taken", "positions in all (millions)", "seconds of the run"]
    if not records:
        return dict.fromkeys(columns, NOT_RUN) | {"seeds": NOT_RUN}
    counted = ["training_positions" in record.metrics for record in records]
    values = [
        *(mean(lambda record, name=name: record.metrics[name].value, "{:.1f}".format) for name in PER_ITEM.values()),
        mean(lambda record: record.metrics["training_positions"].n, "{:,.0f}".format),
        mean(lambda record: record.metrics["training_positions"].value / MILLION, "{:,.2f}".format),
        "{:,.0f}".format(fmean(record.provenance["seconds"] for record in records)),
    ]
    return dict(zip(columns, values, strict=True)) | {"seeds": len(records)}
