"""Judges by what they compare: shares from the verdicts in predictions, with intervals that respect questions."""

import numpy as np
import pytest
from support.toyrecords import leave

from o1lib.analysis.judge_kinds import COLUMNS, clustered_share, judge_kind_table, judge_kinds
from o1lib.records import load_all
from o1lib.scoring.intervals import share

SEARCH = {"model": "structured", "method": "stage_beam", "n": 4, "temperature": 0.6, "blind": False, "data": "data"}
ACCURACY = {"accuracy": {"value": 0.5, "n": 2, "low": 0.1, "high": 0.9}}


def verdict(kind="caption", winner=0, better=0, tie=False, parsed=True, choices=(1, 2), same=False):
    found = {"kind": kind, "same": same, "better": better, "winner": winner, "tie": tie}
    return found | {"parsed": parsed, "note": "", "choices": list(choices)}


def leave_verdicts(root, judge, verdicts, **parameters):
    """Leave a search whose every question has one of the lists of verdicts."""
    lines = [{"qid": f"q{k}", "verdicts": own} for k, own in enumerate(verdicts)]
    row = f"structured.stage_beam4.{judge}{len(list(root.glob('runs/*')))}"
    leave(root, row, 0, ACCURACY, lines, **SEARCH | {"judge": judge} | parameters)


def found(root, **wanted):
    return judge_kinds(load_all(root), "structured", **wanted)


def test_each_measure_is_a_share_of_its_own_verdicts(tmp_path):
    leave_verdicts(
        tmp_path,
        "self",
        [
            [verdict(winner=0, better=0), verdict(winner=1, better=0, tie=True, choices=(1, 1))],
            [verdict(winner=1, better=1, choices=(2, 1)), verdict(better=None, tie=True, choices=(1, 1))],
            [verdict(winner=0, better=0, tie=True, parsed=False, choices=(1, None)), verdict(better=None, same=True)],
        ],
    )
    [line] = found(tmp_path).to_dict("records")
    assert (line["judge"], line["kind"], line["pairs"], line["decidable"]) == ("self", "caption", 5, 4)
    assert line["right"] == 0.75 and line["tie"] == 0.6 and line["unread"] == 0.2
    assert line["bias"] == pytest.approx(7 / 9 - 0.5, abs=1e-6)
    assert all(line[f"{name}_low"] < line[name] < line[f"{name}_high"] for name in ("right", "tie", "unread", "bias"))


def test_mini_depth_counts_only_where_nothing_else_is_there(tmp_path):
    wins = {"mini-AI2D": 0, "mini-Depth": 1}
    for row, names in {"both": list(wins), "alone": ["mini-Depth"]}.items():
        asked = [{"qid": name, "test_set": name, "verdicts": [verdict(winner=wins[name])]} for name in names]
        leave(tmp_path / row, "structured.stage_beam4.self", 0, ACCURACY, asked, **SEARCH | {"judge": "self"})
    assert [found(tmp_path / row).right.tolist() for row in ("both", "alone")] == [[1.0], [0.0]]


def test_every_judge_and_kind_has_its_line_in_the_order_of_the_registry(tmp_path):
    leave_verdicts(tmp_path, "random", [[verdict(choices=())]])
    leave_verdicts(tmp_path, "self", [[verdict("reasoning"), verdict("caption"), verdict("all"), verdict("summary")]])
    leave_verdicts(tmp_path, "self", [[verdict("sentence")]], method="sentence_beam")
    table = found(tmp_path)
    assert list(zip(table.judge, table.kind)) == [
        *(("self", kind) for kind in ("summary", "caption", "reasoning", "sentence", "all")),
        ("random", "caption"),
    ]


def test_synthetic_judges_are_told_apart_by_their_chance(tmp_path):
    for chance in (0.7, 0.9):
        leave_verdicts(tmp_path, "synthetic", [[verdict(choices=())]], judge_accuracy=chance)
    assert sorted(found(tmp_path).label) == ["right with chance 0.7", "right with chance 0.9"]


def test_what_cannot_be_measured_is_a_dash(tmp_path):
    leave_verdicts(tmp_path, "likelihood", [[verdict("summary", better=None, choices=())]])
    line = judge_kind_table(found(tmp_path)).iloc[0]
    assert line["the truer of two, %"] == line["first shown minus one half, points"] == "–"
    assert line["ties, %"].startswith("0.0 [0.0, ") and line["compared"] == "summary"


def test_searches_of_other_arms_temperatures_and_data_are_left_out(tmp_path):
    for other in ({"model": "no_tags"}, {"temperature": 1.0}, {"data": "hard_data"}, {"blind": True}):
        leave_verdicts(tmp_path, "self", [[verdict()]], **other)
    assert not len(found(tmp_path))
    assert len(found(tmp_path, temperature=1.0)) == len(found(tmp_path, data="hard_data")) == 1


def test_records_from_before_verdicts_were_kept_give_an_empty_table(tmp_path):
    leave(tmp_path, "structured.stage_beam4.self", 0, ACCURACY, [{"qid": "q0"}], **SEARCH, judge="self")
    table = found(tmp_path)
    assert list(table.columns) == COLUMNS and not len(table) and not len(judge_kind_table(table))


def test_a_consistent_judge_has_no_bias_and_one_that_always_takes_the_first_has_half(tmp_path):
    leave_verdicts(tmp_path, "self", [[verdict(choices=(1, 2))], [verdict(choices=(2, 1))]] * 20)
    leave_verdicts(tmp_path, "preference", [[verdict(choices=(1, 1))]] * 40)
    consistent, first = found(tmp_path).to_dict("records")
    assert consistent["bias"] == 0 and consistent["bias_low"] < 0 < consistent["bias_high"]
    assert first["bias"] == 0.5 and first["bias_low"] > 0.35 and first["bias_high"] == 0.5


def test_flags_of_one_question_that_agree_count_as_one():
    alone = share([True] * 12 + [False] * 8)
    repeated = clustered_share([True] * 60 + [False] * 40, [k // 5 for k in range(100)])
    assert repeated["value"] == 0.6 and repeated["n"] == 100
    assert repeated["low"] == pytest.approx(alone["low"], abs=0.01)
    assert repeated["high"] == pytest.approx(alone["high"], abs=0.01)


def test_flags_of_different_questions_have_wilsons_interval():
    flags = [True] * 30 + [False] * 70
    found = clustered_share(flags, range(100))
    assert all(found[end] == pytest.approx(share(flags)[end], abs=0.002) for end in ("low", "high"))


def test_the_interval_holds_the_truth_in_about_95_percent():
    rng, held = np.random.default_rng(0), 0
    for _ in range(300):
        chances = rng.beta(2, 1, 60)  # questions differ: the mean of their chances is 2/3
        flags = rng.random((60, 4)) < chances[:, None]
        cell = clustered_share(flags.ravel(), np.repeat(np.arange(60), 4))
        held += cell["low"] <= 2 / 3 <= cell["high"]
    assert 0.92 <= held / 300 <= 0.98


def test_equal_flags_have_the_interval_of_their_questions():
    assert clustered_share([True] * 30, [k // 3 for k in range(30)])["low"] == share([True] * 10)["low"]
    assert clustered_share([], []) is None
