"""What a contrast cost to measure, and whether it was measured on `test` drawings: both read from records alone.

    cost(pairs, shelf)["seconds"]            # of scoring its rows; training stands apart
    drawn_for_test(pairs, shelf)             # False on devtest, and where no dataset's record says so

`pairs` and `shelf` are {row: {seed: Record}}: the records of one contrast, and all that there are.
"""

from collections.abc import Iterable, Mapping
from statistics import fmean

from o1lib.records import Record

TOKENS = ("generated", "judge", "prefilled")
TRAINING = "02_train_sft"  # the notebook whose seconds are an arm's training
Shelf = Mapping[str, Mapping[int, Record]]


def cost(pairs: Shelf, shelf: Shelf) -> dict:
    """Return the cost of all records of a contrast, fit for JSON.

    Keys: seconds (of scoring), failed (answers that were cut or lost their form, and stay in every share), generated,
    judge, prefilled (tokens, by the questions' ledgers; None where a record has none), processed_tokens ({row: mean a
    question}), training_seconds ({arm: over its seeds}, arms that are recorded).
    """
    records = _once(pairs)
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
        "training_seconds": _training(records, shelf),
    }


def _once(pairs: Shelf) -> list[Record]:
    """Return the records of a contrast; one that stands against several seeds counts once."""
    return list({(record.row, record.seed): record for found in pairs.values() for record in found.values()}.values())


def _seconds(records: Iterable[Record]) -> float:
    return round(sum(record.provenance.get("seconds") or 0 for record in records), 1)


def _tokens(records: list[Record], metric: str) -> int | None:
    """Return the sum over all questions: the record holds their mean and number."""
    if any(metric not in record.metrics for record in records):
        return None
    return round(sum(record.metrics[metric].value * record.metrics[metric].n for record in records))


def _training(records: list[Record], shelf: Shelf) -> dict[str, float]:
    arms: dict[tuple[str, int], Record] = {}
    for record in records:
        made = shelf.get(str(record.parameters.get("model")), {})
        model = made.get(record.seed) or made.get(0)
        if model is not None and model.notebook == TRAINING:
            arms[model.row, model.seed] = model
    return {row: _seconds(model for (name, _), model in arms.items() if name == row) for row, _ in arms}


def drawn_for_test(pairs: Shelf, shelf: Shelf) -> bool:
    """Return whether every record of a contrast was scored on a recorded dataset whose test questions are `test`."""

    def on_test(record: Record) -> bool:
        made = shelf.get(str(record.parameters.get("data")), {})
        dataset = made.get(record.seed) or made.get(0)
        return (
            dataset is not None
            and dataset.parameters.get("test_split") == "test"
            and dataset.provenance.get("dataset_hash") == record.provenance.get("dataset_hash")
        )

    return all(map(on_test, _once(pairs)))
