"""Compute from records what a contrast cost to measure, and whether it was measured on `test` drawings.

    cost(pairs, all_records)["seconds"]         # of scoring its rows; training seconds are counted separately
    drawn_for_test(pairs, all_records)          # False on devtest, and where no dataset's record names the split

`pairs` and `all_records` are {row: {seed: Record}}: the records of one contrast, and those of the whole study.
"""

from collections.abc import Iterable, Mapping
from statistics import fmean

from o1lib.records import Record

TOKENS = ("generated", "judge", "prefilled")
TRAINING = "02_train_sft"  # the notebook whose seconds are an arm's training
Records = Mapping[str, Mapping[int, Record]]


def cost(pairs: Records, all_records: Records) -> dict:
    """Return the cost of all records of a contrast, as a dict for JSON.

    Keys: seconds (of scoring); failed (number of answers that were cut or broke their format; they still count as
    answers); generated, judge and prefilled (sums of tokens over all questions, None where a record does not have
    them); processed_tokens ({row: mean for a question}); training_seconds ({arm: sum over its seeds}, for the arms that
    have records).
    """
    records = _distinct(pairs)
    tokens = {
        row: [
            record.metrics["processed_tokens"].value
            for record in found.values()
            if "processed_tokens" in record.metrics
        ]
        for row, found in pairs.items()
    }
    return {
        "seconds": _seconds(records),
        "failed": sum(record.n_failed for record in records),
        **{name: _tokens(records, f"cost/{name}") for name in TOKENS},
        "processed_tokens": {row: round(fmean(values), 1) for row, values in tokens.items() if values},
        "training_seconds": _training(records, all_records),
    }


def _distinct(pairs: Records) -> list[Record]:
    """Return the records of a contrast. A record that is paired with several seeds counts once."""
    return list({(record.row, record.seed): record for found in pairs.values() for record in found.values()}.values())


def _seconds(records: Iterable[Record]) -> float:
    return round(sum(record.provenance.get("seconds") or 0 for record in records), 1)


def _tokens(records: list[Record], metric: str) -> int | None:
    """Return the sum over all questions. A record holds only their mean and their number."""
    if any(metric not in record.metrics for record in records):
        return None
    return round(sum(record.metrics[metric].value * record.metrics[metric].n for record in records))


def _training(records: list[Record], all_records: Records) -> dict[str, float]:
    """Return {arm: seconds of training} of the models that the records were scored with."""
    arms: dict[tuple[str, int], Record] = {}
    for record in records:
        made = all_records.get(str(record.parameters.get("model")), {})
        model = made.get(record.seed) or made.get(0)
        if model is not None and model.notebook == TRAINING:
            arms[model.row, model.seed] = model
    return {row: _seconds(model for (name, _), model in arms.items() if name == row) for row, _ in arms}


def drawn_for_test(pairs: Records, all_records: Records) -> bool:
    """Return whether every record of a contrast was scored on a dataset with a record whose test split is `test`."""

    def on_test(record: Record) -> bool:
        """Return whether one record was scored on a test split of a dataset with a record."""
        made = all_records.get(str(record.parameters.get("data")), {})
        dataset = made.get(record.seed) or made.get(0)
        return (
            dataset is not None
            and dataset.parameters.get("test_split") == "test"
            and dataset.provenance.get("dataset_hash") == record.provenance.get("dataset_hash")
        )

    return all(map(on_test, _distinct(pairs)))
