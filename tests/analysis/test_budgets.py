"""The table of training budgets has a line for each arm, from the record of the model that its evaluation names."""

from support import toyrecords

from o1lib.analysis.budgets import training_budgets
from o1lib.analysis.tables import NOT_MEASURED, NOT_RUN
from o1lib.records import load_all


def count(value, n=10):
    return {"value": value, "n": n, "low": value, "high": value}


def leave(root, seed, tokens):
    metrics = {"supervised_tokens": count(tokens), "text_positions": count(100.0), "picture_positions": count(72.0)}
    toyrecords.leave(root, "arm", seed, metrics | {"training_positions": count(1_720_000, 10_000)}, format="tags")


def test_counts_are_those_of_the_evaluated_model(tmp_path):
    leave(tmp_path, 0, 90.0)
    leave(tmp_path, 1, 80.0)
    toyrecords.leave(tmp_path, "arm.sample", metrics={"accuracy": count(0.5)}, model="arm")
    [line] = training_budgets(load_all(tmp_path), {"the arm": "arm.sample"}).to_dict("records")
    assert line["supervised tokens per item"] == "85.0" and line["picture positions per item"] == "72.0"
    assert line["items taken"] == "10,000" and line["positions in all (millions)"] == "1.72" and line["seeds"] == 2


def test_an_arm_that_was_not_run_is_marked_and_an_older_record_has_dashes(tmp_path):
    toyrecords.leave(tmp_path, "old", format="direct")
    toyrecords.leave(tmp_path, "old.sample", metrics={"accuracy": count(0.5)}, model="old")
    table = training_budgets(load_all(tmp_path), {"old": "old.sample", "new": "new.sample"})
    assert set(table.loc["new"]) == {NOT_RUN}
    assert table.loc["old", "supervised tokens per item"] == NOT_MEASURED and table.loc["old", "seeds"] == 1
