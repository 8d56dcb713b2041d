"""The headline corrects each set for its frozen chance level, and tables show the levels beside averages."""

from statistics import fmean

import pandas as pd
import pytest
from support import toyrecords

from o1lib.analysis.breakdowns import FORMS, by_depth, metrics_from_predictions
from o1lib.analysis.chance_lines import CHANCE, chance_in, with_chance
from o1lib.analysis.headline import (
    NOT_FROZEN,
    frozen_levels,
    headline_chance,
    headline_sets,
    levels_of_row,
    main_metric,
    with_headline,
    written_sets,
)
from o1lib.analysis.observations import observations
from o1lib.analysis.stats import contrast, interval
from o1lib.analysis.tables import long_table, note, paper_table
from o1lib.data.chance import keep_levels
from o1lib.minivqa import mixture
from o1lib.records import UserError, load_all, need
from o1lib.scoring import PAPER_SETS, metrics
from o1lib.scoring.chance_level import AVERAGE, FILE, HEADLINE, corrected, headline_weights
from o1lib.scoring.policy_scores import chance_levels

ROWS = {"direct training": "direct.sample", "structured": "structured.sample"}
TRAIN = list(mixture("train", 150))


def leave_rows(root, rows=("direct.sample", "structured.sample"), **more):
    toyrecords.leave(root, "data", source="minivqa", n_test=toyrecords.N_TEST, test_split="devtest")
    for row, *rest in toyrecords.ROWS:
        if row in rows:
            lines = [
                line | {"depth": asked.depth}
                for line, asked in zip(toyrecords.answers(row, *rest), toyrecords.questions(), strict=True)
            ]
            toyrecords.leave(root, row, 0, metrics(lines), lines, data="data", **more)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Two scored rows whose dataset has no frozen levels."""
    root = tmp_path_factory.mktemp("plain")
    leave_rows(root)
    return root


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    """The same with frozen levels."""
    root = tmp_path_factory.mktemp("frozen")
    leave_rows(root)
    keep_levels(need(root, "data", 0), chance_levels(TRAIN, toyrecords.questions(), "d" * 64))
    return root


def chance(root):
    return frozen_levels(load_all(root))["data"].sets()


def test_the_headline_is_a_metric_of_records_with_frozen_levels(frozen):
    levels = chance(frozen)
    for record in with_headline(load_all(frozen), PAPER_SETS):
        if record.row != "data":
            expected = fmean(corrected(record.metrics[name].value, levels[name]) for name in PAPER_SETS)
            found = record.metrics[HEADLINE]
            assert found.value == pytest.approx(expected, abs=1e-5) and found.low < found.value < found.high


def test_only_the_entering_sets_count(frozen):
    levels = chance(frozen)
    record = next(one for one in with_headline(load_all(frozen), ("mini-AI2D",)) if one.row == "direct.sample")
    expected = corrected(record.metrics["mini-AI2D"].value, levels["mini-AI2D"])
    assert record.metrics[HEADLINE].value == pytest.approx(expected, abs=1e-5)
    assert all(HEADLINE not in one.metrics for one in with_headline(load_all(frozen), ()))


def test_figures_show_the_headline_where_a_record_has_it(frozen, plain):
    assert main_metric(with_headline(load_all(frozen))) == HEADLINE
    assert main_metric(with_headline(load_all(plain))) == AVERAGE


def test_without_frozen_levels_there_is_no_headline(plain):
    assert all(HEADLINE not in record.metrics for record in with_headline(load_all(plain), PAPER_SETS))
    assert levels_of_row(plain, "data", 0) is None and levels_of_row(plain, "MMStar@MMStar.tsv", 0) is None


def test_levels_of_another_dataset_are_not_used(tmp_path):
    leave_rows(tmp_path, dataset_hash="e" * 64)
    keep_levels(need(tmp_path, "data", 0), chance_levels(TRAIN, toyrecords.questions(), "d" * 64))
    assert all(HEADLINE not in record.metrics for record in with_headline(load_all(tmp_path), PAPER_SETS))


def test_a_file_that_is_not_the_frozen_one_is_an_error(tmp_path):
    leave_rows(tmp_path, ())
    record = need(tmp_path, "data", 0)
    keep_levels(record, chance_levels(TRAIN, toyrecords.questions(), "d" * 64))
    text = (record.folder / FILE).read_text(encoding="utf8")
    (record.folder / FILE).write_text(text.replace("0.25", "0.05"), encoding="utf8")
    with pytest.raises(UserError, match="is not the file that was frozen"):
        frozen_levels(load_all(tmp_path))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("nothing", None),
        ("Sets in the headline: mini-AI2D.", ("mini-AI2D",)),
        ("Sets in the headline: mini-AI2D.\n\nSets in the headline: mini-MMStar, mini-MM-Vet.\n",
         ("mini-MMStar", "mini-MM-Vet")),
        ("Sets in the headline: none.", ()),
    ],
)  # fmt: skip
def test_the_sets_of_the_headline_are_read_from_the_protocol(text, expected, tmp_path, monkeypatch):
    assert written_sets(text) == expected
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    assert headline_sets() == PAPER_SETS
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "PROTOCOL.md").write_text(text, encoding="utf8")
    assert headline_sets() == (PAPER_SETS if expected is None else expected)


def test_an_unknown_set_in_the_protocol_is_named():
    with pytest.raises(UserError, match="mini-MMSta"):
        written_sets("Sets in the headline: mini-MMSta.")


def test_observations_of_the_headline_average_to_it_and_pair(frozen):
    records = with_headline(load_all(frozen), PAPER_SETS)
    levels = headline_chance(records[-1], frozen_levels(records), PAPER_SETS)
    a, b = (
        observations(need(frozen, row, 0).predictions(), HEADLINE, chance=levels)
        for row in ("structured.sample", "direct.sample")
    )
    records = {record.row: record for record in records}
    assert interval(a, "value").value == pytest.approx(records["structured.sample"].metrics[HEADLINE].value, abs=1e-4)
    weights = headline_weights(PAPER_SETS, levels)
    gains = {
        name: records["structured.sample"].metrics[name].value - records["direct.sample"].metrics[name].value
        for name in PAPER_SETS
    }
    expected = sum(weights[name] * gain for name, gain in gains.items())
    assert contrast(a, b, "value").value == pytest.approx(expected, abs=1e-4)


def test_the_headline_needs_chance_levels(frozen):
    with pytest.raises(UserError, match="needs chance levels"):
        observations(need(frozen, "direct.sample", 0).predictions(), HEADLINE)


def test_a_table_of_averages_has_a_line_of_chance_levels(frozen):
    records = with_headline(load_all(frozen), PAPER_SETS)
    metrics = ["mini-MMStar", "mini-MMStar/math", "mini-average", HEADLINE, "unread", "mini-HallusionBench/aAcc"]
    found = paper_table(records, ROWS, metrics)
    levels = frozen_levels(records)["data"]
    shown = {name.partition(" (")[0]: text for name, text in found.loc[CHANCE].items()}
    assert shown["mini-average"] == f"{100 * levels.of('mini-average').value:.1f}"
    assert shown["mini-MMStar/math"] == f"{100 * levels.of('mini-MMStar/math').value:.1f}"
    assert shown[HEADLINE] == "0.0"
    assert {shown[name] for name in ("unread", "mini-HallusionBench/aAcc", "seeds", "failed")} == {"–"}


def test_without_frozen_levels_the_average_stands_alone_and_says_so(plain):
    found = paper_table(with_headline(load_all(plain)), ROWS, ["mini-MMStar", "mini-average", HEADLINE])
    assert not [name for name in found if name.startswith(HEADLINE)]
    assert [text for name, text in found.loc[CHANCE].items() if name.startswith("mini-")] == [NOT_FROZEN] * 2


def test_a_table_without_averages_has_no_chance_level(frozen):
    assert CHANCE not in paper_table(load_all(frozen), ROWS, ["processed_tokens", "unread"]).index


def test_rows_on_several_datasets_have_a_line_for_each(frozen, tmp_path):
    toyrecords.leave(tmp_path, "data", source="minivqa", n_test=8, test_split="devtest")
    toyrecords.leave(tmp_path, "hard_data", source="minivqa", n_test=8, test_split="hard")
    for row, data in (("a.sample", "data"), ("b.sample", "hard_data")):
        cell = {"value": 0.4, "n": 8, "low": 0.2, "high": 0.6}
        toyrecords.leave(tmp_path, row, 0, {"accuracy": cell}, data=data)
    found = paper_table(load_all(tmp_path), {"a": "a.sample", "b": "b.sample"}, ["accuracy"])
    assert set(found.index) == {"a", "b", f"{CHANCE}, data", f"{CHANCE}, hard_data"}


def test_long_tables_have_the_chance_level_of_each_metric(frozen, plain):
    levels = frozen_levels(load_all(frozen))["data"]
    found = long_table(load_all(frozen), ROWS, ["mini-AI2D", "unread"])
    of_set = found[found.metric == "mini-AI2D"].chance
    assert set(of_set) == {levels.of("mini-AI2D").value} and found[found.metric == "unread"].chance.isna().all()
    assert chance_in(found) == {"mini-AI2D": levels.of("mini-AI2D").value}
    assert long_table(load_all(plain), ROWS, ["mini-AI2D"]).chance.isna().all()


def test_accuracy_by_form_stands_beside_the_chance_level_of_the_form(frozen):
    levels = frozen_levels(load_all(frozen))["data"]
    found = metrics_from_predictions(load_all(frozen), ROWS, FORMS).set_index(["label", "metric"])
    assert found.loc[("structured", "choices"), "chance"] == levels.at(form="choice").value
    assert pd.isna(found.loc[("structured", "its option's letter"), "chance"])


def test_scores_by_depth_stand_beside_the_chance_level_of_the_depth(frozen):
    levels = frozen_levels(load_all(frozen))["data"]
    found = by_depth(load_all(frozen), ROWS, "mini-AI2D")
    asked = [example for example in toyrecords.questions() if example.test_set == "mini-AI2D"]
    for line in found.itertuples():
        assert line.n == sum(example.depth == line.depth for example in asked)
        assert line.chance == levels.at("mini-AI2D", depth=line.depth).value
    assert len(found) and list(found.depth) == sorted(found.depth[: len(found) // 2]) * 2


def test_the_note_names_the_frozen_files(frozen, plain):
    assert f"Chance levels: data {need(frozen, 'data', 0).artifacts[FILE][:10]}." in note(load_all(frozen))
    assert "Chance levels: not frozen." in note(load_all(plain))


def test_one_run_shows_its_metrics_beside_their_chance_levels(frozen):
    record = need(frozen, "direct.sample", 0)
    table = pd.DataFrame({name: record.metrics[name].model_dump() for name in ("mini-AI2D", "unread")}).T
    levels = levels_of_row(frozen, "data", 0)
    assert list(with_chance(table, levels)[CHANCE]) == [f"{levels.of('mini-AI2D').value:.3f}", ""]
    assert list(with_chance(table, None)[CHANCE]) == [NOT_FROZEN, ""]
