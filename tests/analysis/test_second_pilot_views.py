"""Gains by depth, follow rates over training, methods at equal tokens, contrasts on each base; and what is missing."""

from types import SimpleNamespace

import pandas as pd
import pytest
from support.toyrecords import leave

from o1lib.analysis import figures
from o1lib.analysis.contrasts import on_each_base
from o1lib.analysis.depth_gains import NOT_SCORED, gains_by_depth, summarize_gains
from o1lib.analysis.follow_curves import NOTHING, follow_curves, suite_curves, summarize_following
from o1lib.analysis.inference_scaling import at_equal_tokens
from o1lib.minivqa.depth import NAME
from o1lib.records import load_all


def asked(right, test_set=NAME, depths=(1, 4), count=20):
    """Return predictions on serial and parallel questions; `right(kind, depth, k)` says which are right."""
    return [
        {
            "qid": f"{kind}/{depth}/{k}",
            "test_set": test_set,
            "skill": kind,
            "depth": depth,
            "format": "tags",
            "group": None,
            "correct": right(kind, depth, k),
        }
        for kind in ("serial", "parallel")
        for depth in depths
        for k in range(count)
    ]


def study(root, one, other, bases=("base",), **options):
    """Record the rows a.sample and b.sample on some bases."""
    for base in bases:
        tail = "" if base == "base" else f".{base}"
        for arm, right in (("a", one), ("b", other)):
            leave(root, arm + tail, base=base)
            leave(root, f"{arm}{tail}.sample", predictions=asked(right, **options), model=arm + tail)
    return load_all(root)


def deep(kind, depth, k):
    return k < 18 if kind == "serial" and depth == 4 else k < 10


def half(kind, depth, k):
    return k < 10


def test_a_gain_is_that_of_one_kind_and_depth(tmp_path):
    found = gains_by_depth(study(tmp_path, deep, half), "a.sample", "b.sample")
    gains = {(line.kind, line.depth): line.value for line in found.itertuples()}
    deepest = pytest.approx(0.4)
    assert gains == {("serial", "1"): 0, ("serial", "3-4"): deepest, ("parallel", "1"): 0, ("parallel", "3-4"): 0}
    assert set(found.n) == {20} and found[found.value > 0].low.item() > 0


def test_gains_are_counted_in_the_groups_of_depths_of_the_set(tmp_path):
    """The depths of a group count together, whatever their number: 3 with 4, and 5 to 8."""
    records = study(tmp_path, deep, half, depths=(1, 2, 3, 4, 5, 6, 7, 8))
    found = gains_by_depth(records, "a.sample", "b.sample")
    serial = found[found.kind == "serial"]
    assert list(zip(serial.depth, serial.n, strict=True)) == [("1", 20), ("2", 20), ("3-4", 40), ("5-8", 80)]
    assert serial.value.tolist() == pytest.approx([0, 0, 0.2, 0])


def test_a_gain_stands_for_each_base(tmp_path):
    found = gains_by_depth(study(tmp_path, deep, half, ("base", "base1")), "a.sample", "b.sample")
    assert list(found.base.unique()) == ["base", "base1"] and len(found) == 8
    told = summarize_gains(found, "one", "other")
    assert len(told) == 4 and told[0].startswith("**serial steps, base**: one − other is +0 points [")
    assert "+40 points" in told[0] and "at 1 step and" in told[0] and told[0].endswith("at 3-4 steps.")


def test_records_without_depth_say_what_is_missing(tmp_path):
    found = gains_by_depth(study(tmp_path, deep, half, test_set="mini-MMStar"), "a.sample", "b.sample")
    assert found.empty and summarize_gains(found, "one", "other") == [NOT_SCORED]
    assert gains_by_depth([], "a.sample", "b.sample").empty


def test_gains_are_drawn_serial_and_parallel_apart_with_a_curve_for_each_base(tmp_path):
    drawn = {}
    report = SimpleNamespace(figure=lambda name, ax, title: drawn.update({name: ax, "title": title}))
    found = gains_by_depth(study(tmp_path, deep, half, ("base", "base1")), "a.sample", "b.sample")
    figures.gains(report, "gains", found)
    panels = drawn["gains"].figure.axes
    assert [ax.get_title("left") for ax in panels] == ["serial steps", "parallel steps"]
    assert [len(ax.containers) for ax in panels] == [2, 2]
    assert panels[0].containers[0].lines[0].get_ydata().tolist() == pytest.approx([0, 40])
    assert drawn["title"].endswith("at most +40 points at 3-4 serial steps, at least +0 points at 1 serial step")
    assert [label.get_text() for label in panels[0].get_xticklabels()] == ["1", "3-4"]
    assert NOT_SCORED in figures.gains(report, "none", found.iloc[:0]).data


def log(examples, **rates):
    return {"examples": examples, "loss": 1.0} | rates


def test_follow_rates_are_counted_over_seeds(tmp_path):
    looks = [log(10), log(20, letter_kept=0.5, letter_asked=10), log(40, follows_caption=1.0, follow_asked=30)]
    leave(tmp_path, "a", 0, extra={"log": looks})
    leave(tmp_path, "a", 1, extra={"log": [log(20, letter_kept=1.0, letter_asked=30)]})
    found = follow_curves(load_all(tmp_path), {"arm": "a", "never run": "b"})
    kept = {(line.rate, line.examples): (line.value, line.n, line.seeds) for line in found.itertuples()}
    assert kept == {
        ("the letter of its option", 20): (35 / 40, 40, 2),
        ("another picture's caption", 40): (1.0, 30, 1),
    }
    assert "another picture's caption in 100 % [89, 100]" in summarize_following(found)[0]


def test_logs_without_follow_rates_say_so(tmp_path):
    leave(tmp_path, "a", 0, extra={"log": [log(10)]})
    assert summarize_following(follow_curves(load_all(tmp_path), {"arm": "a"})) == [NOTHING]


def test_an_arm_on_another_base_has_a_curve_of_its_own(tmp_path):
    for row, base, kept in (("a", "base", 0.5), ("a.base1", "base1", 1.0)):
        leave(tmp_path, row, base=base, extra={"log": [log(20, letter_kept=kept, letter_asked=10)]})
    found = follow_curves(load_all(tmp_path), {"arm": "a"})
    assert {line.label: line.value for line in found.itertuples()} == {"arm": 0.5, "arm, base1": 1.0}


def test_the_suite_over_training_has_a_line_for_each_metric_and_look(tmp_path):
    def suite(value):
        cell = {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 40}
        return {"swap/indirect_effect": cell, "swap/right": cell}

    leave(tmp_path, "a", extra={"log": [log(10, suite=suite(0.2)), log(20), log(30, suite=suite(0.7))]})
    found = suite_curves(load_all(tmp_path), {"arm": "a", "never run": "b"})
    assert found[["examples", "value", "n"]].to_numpy().tolist() == [[10, 0.2, 40], [30, 0.7, 40]]
    assert set(found.measured) == {"lost with another picture's chain"}


def test_a_method_is_compared_with_another_at_as_many_tokens():
    points = [("beam", 2, 100, 0.6), ("beam", 4, 400, 0.7), ("best", 1, 50, 0.4), ("best", 4, 200, 0.6)]
    lines = [{"method": m, "N": n, "tokens": t, "value": v, "low": v, "high": v, "n": 9, "seeds": 1, "pooled": "0"}
             for m, n, t, v in points]  # fmt: skip
    found = at_equal_tokens(pd.DataFrame(lines), "beam", "best")
    assert list(found.N) == [2, 4]
    assert found.beside[0] == pytest.approx(0.5) and found.gain[0] == pytest.approx(0.1)
    assert found.gain.isna().tolist() == [False, True]  # nobody ran best-of-N with 400 tokens
    assert at_equal_tokens(pd.DataFrame(lines), "beam", "retracing").empty


def test_contrasts_stand_for_each_base(tmp_path):
    rows = {"one": "a.sample", "other": "b.sample"}
    records = study(tmp_path, deep, half, ("base", "base1"))
    found = on_each_base(records, [("one", "other", 1)], rows, "accuracy")
    assert list(found.base) == ["base", "base1"] and found.value.tolist() == pytest.approx([0.1, 0.1])
    one_base = [record for record in records if "base1" not in record.row]
    assert on_each_base(one_base, [("one", "other", 1)], rows, "accuracy").empty
