"""Slopes on mini-Depth are least-squares slopes with honest intervals, serial and parallel tasks apart."""

import random

import numpy as np
import pytest
from support import toyrecords

from o1lib.analysis.depth_effects import KINDS, depth_slopes, kinds_by_depth, summarize_depth
from o1lib.minivqa.depth import NAME
from o1lib.records import load_all
from o1lib.scoring import metrics

ROWS = {"structured": "structured.sample", "direct": "direct.sample"}
CHANCE = {"structured": {1: 0.6, 2: 0.6, 4: 0.6, 8: 0.6}, "direct": {1: 0.9, 2: 0.7, 4: 0.5, 8: 0.3}}


def lines(label, seed, n=200):
    """Return answers to `n` questions of each kind and depth, each right with its probability."""
    rng = random.Random(f"{label}/{seed}")
    return [
        {"qid": f"{kind}-{depth}-{k}", "test_set": NAME, "skill": kind, "family": NAME, "depth": depth}
        | {"options": [], "gold": "K", "correct": rng.random() < chance}
        for kind in KINDS
        for depth, chance in CHANCE[label].items()
        for k in range(n)
    ]


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Two arms with two seeds; the direct one loses 20 points with every doubling, the structured one nothing."""
    root = tmp_path_factory.mktemp("depth")
    for label, row in ROWS.items():
        for seed in (0, 1):
            answers = lines(label, seed)
            toyrecords.leave(root, row, seed, metrics(answers), answers)
    return load_all(root)


def test_each_kind_and_depth_has_its_own_accuracy(records):
    found = kinds_by_depth(records, ROWS).set_index(["label", "kind", "depth"])
    assert len(found) == 2 * len(KINDS) * 4
    own = [one["correct"] for seed in (0, 1) for one in lines("direct", seed) if one["depth"] == 8][:200]
    assert found.loc[("direct", "serial", "5-8")].n == 200 and 0 < np.mean(own) < 1
    assert found.loc[("direct", "serial", "5-8")].value == pytest.approx(0.3, abs=0.08)
    assert list(dict.fromkeys(found.index.get_level_values("depth"))) == ["1", "2", "3-4", "5-8"]


def test_slopes_are_those_of_least_squares(records):
    found = depth_slopes(records, ROWS, "structured", "direct").set_index(["kind", "label"])
    asked = [one for seed in (0, 1) for one in lines("direct", seed) if one["skill"] == "serial"]
    slope, _ = np.polyfit([np.log2(one["depth"]) for one in asked], [one["correct"] for one in asked], 1)
    line = found.loc[("serial", "direct")]
    assert line.value == pytest.approx(slope) and line.low < -0.2 < line.high and line.seeds == 2 and line.n == 800
    flat, gap = found.loc[("serial", "structured")], found.loc[("serial", "structured − direct")]
    assert flat.low < 0 < flat.high and gap.value == pytest.approx(flat.value - line.value)


def test_the_interval_of_a_slope_is_as_wide_as_that_of_a_regression(records):
    first = [record for record in records if record.seed == 0]
    found = depth_slopes(first, ROWS, "structured", "direct").set_index(["kind", "label"]).loc[("parallel", "direct")]
    asked = [one for one in lines("direct", 0) if one["skill"] == "parallel"]
    steps, right = np.log2([one["depth"] for one in asked]), np.array([one["correct"] for one in asked], float)
    slope, level = np.polyfit(steps, right, 1)
    rest, away = right - level - slope * steps, steps - steps.mean()
    robust = np.sqrt(((away * rest) ** 2).sum()) / (away @ away)  # White (1980)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * robust, rel=0.02)


def test_the_summary_has_the_slopes_and_the_share_that_turns_the_sign(records):
    serial, parallel, turning = summarize_depth(records, ROWS, "structured", "direct")
    assert serial.startswith("**serial steps**: with each doubling of their number, structured − direct changes by +")
    assert parallel.startswith("**parallel steps**") and "800 questions, 2 seeds." in parallel
    assert turning.startswith("On mini-Depth, structured − direct is") and "(here 50% are deep)" in turning


def test_without_mini_depth_there_is_nothing_to_say(records, tmp_path):
    answers = toyrecords.answers("direct.sample", "direct", "mixed", "sample", 1, "", 0.5)
    toyrecords.leave(tmp_path, "direct.sample", 0, metrics(answers), answers)
    alone = load_all(tmp_path)
    assert kinds_by_depth(alone, ROWS).empty and depth_slopes(alone, ROWS, "structured", "direct").empty
    assert summarize_depth(alone, ROWS, "structured", "direct") == []
    shallow = [record for record in records if record.row == "direct.sample"]
    assert depth_slopes(shallow, ROWS, "structured", "direct").empty
