"""The questions behind a row's predictions, with their pictures: drawn again if they were drawn, else read from disk.

    examples(record, "results/mini", rows_a, rows_b)["mini-MMStar/devtest/7"].image
"""
from .gallery import first_differences
from .records import UserError, need


def examples(record, root, rows_a, rows_b, count=5):
    """Return {qid: Example or Item} for the first `count` questions won and lost between two rows' predictions.

    Mini-VQA is drawn again, a pure function of the dataset row's parameters; other data is read from the dataset row's
    folder, and what is not there (published records carry no pictures) is left out.
    """
    won, lost = first_differences(rows_a, rows_b, count)
    wanted = {a["qid"]: a["test_set"] for a, _ in won + lost}
    dataset = need(root, record.parameters["data"], record.seed)
    if dataset.parameters.get("source") == "minivqa":
        found = _drawn(set(wanted.values()), dataset.parameters["n_test"], dataset.parameters["test_split"])
    else:
        found = _read(dataset.folder / "data" / "test")
    return {item.qid: item for item in found if item.qid in wanted}


def _drawn(names, n, split):
    from .minivqa.testsets import test_set
    return [example for name in sorted(names) for example in test_set(name, n, split)]


def _read(folder):
    from .data import read
    try:
        return read(folder)
    except UserError:
        return []
