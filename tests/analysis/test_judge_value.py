"""A judge has its measured accuracy, a synthetic one its given accuracy, and its gain is counted from a coin."""

import pytest
from support import toyrecords

from o1lib.analysis.headline import with_headline
from o1lib.analysis.inference_scaling import with_judge_metrics
from o1lib.analysis.judge_value import judge_value_table, judge_values, summarize_judges
from o1lib.data.chance import keep_levels
from o1lib.minivqa import mixture
from o1lib.records import load_all, need
from o1lib.scoring import metrics
from o1lib.scoring.chance_level import HEADLINE
from o1lib.scoring.policy_scores import chance_levels

pytestmark = pytest.mark.slow

RIGHT = {"random": 0.15, "oracle": 0.9, "self": 0.32, "synthetic": 0.55}


def leave(root, judge, accuracy, pairs=0.6, row="", seed=0, **more):
    """Leave a stage beam of four candidates that `judge` chose among."""
    row = row or f"structured.stage_beam4.{judge}"
    lines = toyrecords.answers(row, "tags", "mixed", "stage_beam", 4, judge, accuracy, seed=seed)
    given = {
        "model": "structured",
        "method": "stage_beam",
        "n": 4,
        "judge": judge,
        "temperature": 0.6,
        "blind": False,
        "data": "data",
    }
    toyrecords.leave(
        root,
        row,
        seed,
        metrics(lines),
        lines,
        **given | more,
        extra={"judge_on_own_pairs": toyrecords.JUDGED | {"accuracy": pairs}},
    )


@pytest.fixture
def root(tmp_path):
    for judge, accuracy in RIGHT.items():
        leave(tmp_path, judge, accuracy)
    return tmp_path


def found(root):
    return judge_values(with_judge_metrics(load_all(root)), "structured").set_index("judge")


def test_a_judge_has_its_measured_accuracy_with_an_interval(root):
    line = found(root).loc["self"]
    assert line.right == 0.6 and line.right_low < 0.6 < line.right_high and line.pairs == 60 and line.label


def test_only_synthetic_judges_have_a_given_accuracy(root):
    leave(root, "synthetic", 0.7, row="structured.stage_beam4.synthetic90", judge_accuracy=0.9)
    table = found(root)
    assert table.loc["synthetic"].p.tolist() == [0.8, 0.9] and table.drop("synthetic").p.isna().all()


@pytest.mark.slow
def test_one_given_accuracy_is_shown_once(root):
    leave(root, "synthetic", RIGHT["synthetic"], row="structured.stage_beam4.synthetic80", judge_accuracy=0.8)
    assert found(root).index.tolist().count("synthetic") == 1


def test_a_coin_gains_nothing_and_the_oracle_everything(root):
    table = found(root)
    assert table.won["random"] == 0 and table.won["oracle"] == pytest.approx(1)
    assert table.won_low["synthetic"] < table.won["synthetic"] < table.won_high["synthetic"] < 1


def test_the_gain_of_a_judge_is_counted_in_the_headline_where_levels_are_frozen(root):
    """Values are chance-corrected, and so are the paired differences behind the share of the gain."""
    toyrecords.leave(root, "data", source="minivqa", n_test=toyrecords.N_TEST, test_split="devtest")
    keep_levels(need(root, "data", 0), chance_levels(list(mixture("train", 100)), toyrecords.questions(), "d" * 64))
    records = with_headline(with_judge_metrics(load_all(root)))
    corrected = judge_values(records, "structured", metric=HEADLINE).set_index("judge")
    plain = judge_values(records, "structured").set_index("judge")
    kept = {record.parameters["judge"]: record for record in records if "judge" in record.parameters}
    assert corrected.loc["self"].value == pytest.approx(kept["self"].metrics[HEADLINE].value)
    assert (corrected.value < plain.value).all() and (corrected.why == "").all()
    assert corrected.loc["oracle"].won == pytest.approx(1) and corrected.loc["self"].won != plain.loc["self"].won


def test_without_an_oracle_the_share_of_gain_is_unknown(root):
    (root / "runs" / "structured.stage_beam4.oracle" / "seed0" / "record.json").unlink()
    table = found(root)
    assert table.won.isna().all() and (table.why == "the row of an oracle was not run").all()
    assert "is not known" in summarize_judges(table.reset_index())[0]


def test_the_share_of_gain_uses_the_common_seeds(root):
    before = found(root)
    for judge in ("self", "random"):
        leave(root, judge, RIGHT[judge], seed=1)
    table = found(root)
    assert set(table.seeds) == {1} and table.won.tolist() == before.won.tolist()


def test_other_searches_and_temperatures_are_left_out(root):
    leave(root, "likelihood", 0.5, temperature=1.0)
    leave(root, "agreement", 0.5, n=8)
    assert set(found(root).index) == set(RIGHT)


def test_sentences_give_accuracy_gain_and_the_needed_accuracy(root):
    words = summarize_judges(found(root).reset_index())
    assert "**the model itself** prefers the truer of two in 60 % of 60 pairs" in words[0]
    assert "the least accurate one with a gain whose interval is above zero is right in 80 % of pairs" in words[-1]


def test_without_synthetic_judges_the_needed_accuracy_is_unknown(root):
    (root / "runs" / "structured.stage_beam4.synthetic" / "seed0" / "record.json").unlink()
    assert "The accuracy that a judge needs is not known" in summarize_judges(found(root).reset_index())[-1]


def test_the_table_to_read_gives_per_cent_with_intervals(root):
    table = judge_value_table(found(root).reset_index())
    assert table.loc["the model itself", "the truer of two, %"].startswith("60.0 [")
    assert table.loc["a coin", "won of the oracle's gain, %"] == "0.0 [0.0, 0.0]"
