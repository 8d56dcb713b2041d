"""Tables show value, interval, n, seeds and failures; rows that were not run are named and never filled."""

import pandas as pd
import pytest
from support.toyrecords import leave

from o1lib.analysis.tables import (
    amount,
    costs,
    long_table,
    note,
    paper_table,
    percent,
    pooled,
    provenance_table,
    reported,
)
from o1lib.records import UserError, load_all


def share(value, n=100, half=0.05):
    return {"value": value, "n": n, "low": value - half, "high": value + half}


@pytest.fixture
def root(tmp_path):
    """Two arms, one of them with three seeds that lie far apart and one failure each."""
    leave(tmp_path, "data", source="minivqa", n_test=8, test_split="devtest")
    leave(tmp_path, "a.sample", 0, {"accuracy": share(0.5), "mini-MMStar": share(0.4, 40)})
    for seed, value in enumerate((0.5, 0.6, 0.7)):
        leave(tmp_path, "b.sample", seed, {"accuracy": share(value, 100 - seed)}, n_failed=1)
    return tmp_path


def row(root, name):
    return [record for record in load_all(root) if record.row == name]


def test_one_seed_keeps_its_own_interval(root):
    found = pooled(row(root, "a.sample"), "accuracy")
    assert (found["value"], found["low"], found["high"]) == pytest.approx((0.5, 0.45, 0.55))
    assert (found["n"], found["seeds"], found["failed"]) == (100, 1, 0)


def test_of_two_intervals_over_several_seeds_the_wider_is_used(root):
    found = pooled(row(root, "b.sample"), "accuracy")
    assert found["value"] == pytest.approx(0.6)
    # t-interval on the means 0.5, 0.6, 0.7: 4.3027 * 0.1 / sqrt(3)
    assert found["high"] - found["value"] == pytest.approx(0.2484, abs=1e-4)
    assert (found["n"], found["seeds"], found["failed"]) == (98, 3, 3)


def test_seeds_that_agree_leave_the_interval_over_questions(tmp_path):
    for seed in range(3):
        leave(tmp_path, "c.sample", seed, {"accuracy": share(0.5)})
    found = pooled(load_all(tmp_path), "accuracy")
    assert found["high"] - found["value"] == pytest.approx(0.05)


def test_two_seeds_keep_the_interval_over_questions(tmp_path):
    for seed, value in enumerate((0.4, 0.6)):
        leave(tmp_path, "c.sample", seed, {"accuracy": share(value)})
    found = pooled(load_all(tmp_path), "accuracy")
    assert found["high"] - found["value"] == pytest.approx(0.05)


def test_a_share_stays_within_nought_and_one_and_a_cost_does_not(tmp_path):
    for seed, value in enumerate((0.9, 0.95, 0.99)):
        leave(
            tmp_path,
            "c.sample",
            seed,
            {
                "accuracy": {"value": value, "n": 9, "low": value, "high": 1.0},
                "cost/seconds": {"value": value, "n": 9, "low": value, "high": 1.0},
            },
        )
    assert pooled(load_all(tmp_path), "accuracy")["high"] == 1
    assert pooled(load_all(tmp_path), "cost/seconds")["high"] > 1


def test_a_metric_that_no_seed_has_is_nothing(root):
    assert pooled(row(root, "b.sample"), "mini-MMStar") is None


def test_a_row_not_run_is_named_and_a_missing_metric_is_a_dash(root):
    table = paper_table(load_all(root), {"A": "a.sample", "B": "b.sample", "C": "c.sample"}, ["mini-MMStar"])
    assert list(table.columns) == ["mini-MMStar (n = 40)", "seeds", "failed"]
    assert table.loc["A"].tolist() == ["40.0 [35.0, 45.0]", 1, 0]
    assert table.loc["B"].tolist() == ["–", 3, 3]
    assert table.loc["C"].tolist() == ["not run", "not run", "not run"]


def test_a_column_names_the_range_of_its_n(root):
    table = paper_table(load_all(root), {"A": "a.sample", "B": "b.sample"}, {"right": "accuracy"})
    assert table.columns[0] == "right (n = 98 to 100)"


def test_the_long_table_has_no_lines_for_rows_not_run(root):
    table = long_table(load_all(root), {"A": "a.sample", "C": "c.sample"}, ["accuracy", "mini-MMStar"])
    assert table[["label", "row", "metric", "n"]].values.tolist() == [
        ["A", "a.sample", "accuracy", 100],
        ["A", "a.sample", "mini-MMStar", 40],
    ]


def test_seeds_scored_on_different_data_have_no_common_mean(root):
    leave(root, "b.sample", 1, {"accuracy": share(0.6)}, dataset_hash="e" * 64)
    assert pooled(row(root, "b.sample"), "accuracy") is None
    assert paper_table(load_all(root), {"B": "b.sample"}, ["accuracy"]).loc["B", "accuracy"] == "–"


def test_the_note_names_rows_split_and_limits(root):
    text = note(load_all(root))
    assert "4 scored rows, seeds 0, 1, 2." in text and "scored on devtest" in text
    assert (
        "Test seeds stay undrawn" in text
        and "in sign and order, not in level" in text
        and "earlier version" not in text
    )


def test_the_note_says_what_n_is_and_that_nothing_is_corrected(root):
    text = note(load_all(root))
    assert "n is that of one seed" in text and "not corrected for the number of comparisons" in text


@pytest.mark.parametrize("seeds, told", [(1, True), (2, True), (3, False)])
def test_the_note_says_why_few_seeds_make_wide_intervals(tmp_path, seeds, told):
    for seed in range(seeds):
        leave(tmp_path, "a.sample", seed, {"accuracy": share(0.5)})
    assert ("two seeds say little" in note(load_all(tmp_path))) == told


def test_the_note_does_not_call_drawn_test_seeds_undrawn(tmp_path):
    leave(tmp_path, "data", source="minivqa", n_test=8, test_split="test")
    assert "undrawn" not in note(load_all(tmp_path))


def test_the_note_of_a_pilot_says_that_it_is_one(root):
    assert note(load_all(root)).startswith("A pilot, not the confirmatory run.")


def test_rows_made_by_older_code_are_counted_and_marked(root):
    path = root / "runs" / "a.sample" / "seed0" / "record.json"
    old = path.read_text(encoding="utf8").replace('"stack_hash": "', '"stack_hash": "0')
    path.write_text(old, encoding="utf8")
    records = load_all(root)
    assert "1 of the rows were made by an earlier version of the library" in note(records)
    table = provenance_table(records).set_index(["row", "seed"])
    assert table["older code"].to_dict() == {key: key[0] == "a.sample" for key in table.index}
    assert (table["commit"].str.len() > 0).all() and table.loc[("b.sample", 1), "failed"] == 1


def test_costs_are_amounts_with_intervals(tmp_path):
    leave(tmp_path, "a.sample", 0, {"cost/calls": {"value": 4.25, "n": 9, "low": 4, "high": 4.5}})
    table = costs(load_all(tmp_path), {"A": "a.sample", "B": "b.sample"})
    assert table.loc["A", "model calls (n = 9)"] == "4.25 [4, 4.5]" and table.loc["A", "seconds"] == "–"
    assert table.loc["B", "seconds"] == "not run"


def test_cells_in_words():
    cell = {"value": 0.5763, "low": 0.5, "high": 0.65}
    assert (percent(cell), amount(cell)) == ("57.6 [50.0, 65.0]", "0.5763 [0.5, 0.65]")
    assert amount({"value": 1234, "low": 1200, "high": 1300}) == "1,234 [1,200, 1,300]"
    assert (percent(None), percent(None, run=False)) == ("–", "not run")


def test_a_reported_table_has_the_papers_shape():
    table = reported("A_v1_table2_ablation")
    assert list(table.columns) == ["MMStar", "MMBench", "MMVet", "MathVista", "AI2D", "HallusionBench", "Average"]
    assert float(table.loc[("LLaVA-o1", "full"), "Average"]) == 63.5
    hours = reported("B_table5_inference_scaling", columns="metric")
    assert isinstance(hours, pd.DataFrame) and "score" in hours.columns


def test_an_unknown_reported_table_is_refused():
    with pytest.raises(UserError, match="has no table 'A_v1_table99': did you mean"):
        reported("A_v1_table99")
