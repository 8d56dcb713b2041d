"""The points of a curve are means over the same seeds, and what was left out is named."""

from types import SimpleNamespace

import pytest
from support.toyrecords import leave

from o1lib.analysis import figures
from o1lib.analysis.depth_effects import kinds_by_depth
from o1lib.analysis.depth_gains import gains_by_depth
from o1lib.analysis.follow_curves import follow_curves
from o1lib.analysis.inference_scaling import at_equal_tokens, scaling_table
from o1lib.analysis.judge_kinds import judge_kinds
from o1lib.analysis.judge_value import judge_values
from o1lib.analysis.learning_curves import validation_curve
from o1lib.analysis.shared_seeds import left_out, of_seeds, same_seeds, shared_seeds, summarize_pooled
from o1lib.minivqa.depth import NAME
from o1lib.records import UserError, load_all


@pytest.mark.parametrize(
    ("points", "seeds", "unused"),
    [
        ({"a": {0, 1}, "b": {0, 1}}, (0, 1), ""),
        ({"a": {0, 1}, "b": {0}, "c": {0, 1}}, (0,), "seed 1 of a, c"),
        ({"a": {0, 1}, "b": {0, 1}, "c": {2}}, (0, 1), "seed 2 of c"),
        ({"a": {1}, "b": {0}}, (0,), "seed 1 of a"),
        ({}, (), ""),
    ],
)
def test_the_seeds_of_as_many_points_as_possible_are_shared(points, seeds, unused):
    assert shared_seeds(points) == seeds and left_out(points, seeds) == unused


def test_a_row_that_lacks_a_shared_seed_is_absent(tmp_path):
    for row, seeds in {"a": (0, 1), "b": (0, 1), "c": (2,)}.items():
        for seed in seeds:
            leave(tmp_path, row, seed)
    rows = {row: [one for one in load_all(tmp_path) if one.row == row] for row in "abc"}
    used, told = same_seeds(rows)
    assert {row: [one.seed for one in some] for row, some in used.items()} == {"a": [0, 1], "b": [0, 1]}
    assert told == {"pooled": "0, 1", "left_out": "seed 2 of c"}
    assert [one.seed for one in of_seeds(rows["a"] + rows["c"], "0, 2")] == [0, 2]


SEARCH = {"model": "structured", "method": "stage_beam", "judge": "self", "temperature": 0.6, "blind": False}


def search(root, row, seed, value, **given):
    """Leave a search whose scores are all `value`."""
    cell = {"n": 9, "low": 0.0, "high": 1.0, "value": value}
    spent = {"processed_tokens": cell | {"value": 100.0 * given.get("n", 1)}, "cost/seconds": cell}
    metrics = {"mini-average": cell, "judge/accuracy": cell, "accuracy": cell} | spent
    leave(root, row, seed, metrics, **SEARCH | {"data": "data", "n": 1} | given)


@pytest.fixture
def searches(tmp_path):
    """A stage-level beam with two seeds at N = 1 and 4 and one at N = 2, and best-of-N with two seeds everywhere."""
    for n, seeds in {1: (0, 1), 2: (0,), 4: (0, 1)}.items():
        for seed in seeds:
            search(tmp_path, f"structured.stage_beam{n}.self", seed, 0.2 + 0.5 * seed, n=n)
    for n in (1, 4):
        for seed in (0, 1):
            search(tmp_path, f"structured.best_of_n{n}.self", seed, 0.2 + 0.5 * seed, n=n, method="best_of_n")
    return load_all(tmp_path)


def test_the_points_of_a_search_are_means_over_the_seeds_that_all_of_them_share(searches):
    found = scaling_table(searches, "structured").set_index("method")
    beam, best = found.loc["stage-level beam"], found.loc["best-of-N"]
    assert beam.value.tolist() == [0.2, 0.2, 0.2] and set(beam.pooled) == {"0"} and set(beam.seeds) == {1}
    assert set(beam.left_out) == {"seed 1 of structured.stage_beam1.self, structured.stage_beam4.self"}
    assert best.value.tolist() == pytest.approx([0.45, 0.45]) and set(best.pooled) == {"0, 1"}
    assert summarize_pooled(found.reset_index(), "method") == [
        "**best-of-N**: seeds 0, 1.",
        "**stage-level beam**: seed 0; not used: seed 1 of structured.stage_beam1.self, structured.stage_beam4.self.",
    ]


def test_one_sample_is_a_point_of_a_curve_with_the_seeds_of_the_others(tmp_path):
    for seed in (0, 1):
        search(tmp_path, "structured.sample", seed, 0.2 + 0.5 * seed, method="sample")
    search(tmp_path, "structured.stage_beam4.self", 1, 0.9, n=4)
    found = scaling_table(load_all(tmp_path), "structured")
    assert found.N.tolist() == [1, 4] and found.value.tolist() == pytest.approx([0.7, 0.9])
    assert set(found.left_out) == {"seed 0 of structured.sample"}


def test_methods_of_different_seeds_are_not_compared_at_equal_tokens(searches):
    methods = "stage-level beam", "best-of-N"
    with pytest.raises(UserError, match=r"different seeds \(0 and 0, 1\): give scaling_table both as `methods`"):
        at_equal_tokens(scaling_table(searches, "structured"), *methods)
    found = at_equal_tokens(scaling_table(searches, "structured", methods=methods), *methods)
    assert set(found.pooled) == {"0"} and found.value.tolist() == found.beside.tolist() == [0.2, 0.2, 0.2]


def test_judges_lie_beside_a_curve_of_their_own_seeds(tmp_path):
    for judge, seeds in {"self": (0, 1), "synthetic": (0,), "random": (0, 1)}.items():
        for seed in seeds:
            search(tmp_path, f"structured.stage_beam4.{judge}", seed, 0.2 + 0.5 * seed, n=4, judge=judge)
    found = judge_values(load_all(tmp_path), "structured")
    assert found.value.tolist() == [0.2] * 3 and set(found.pooled) == {"0"}
    assert set(found.left_out) == {"seed 1 of structured.stage_beam4.random, structured.stage_beam4.self"}


def test_one_sample_beside_the_judges_has_their_seeds(tmp_path, monkeypatch):
    for seed in (0, 1):
        search(tmp_path, "structured.sample", seed, 0.2 + 0.5 * seed, method="sample")
    search(tmp_path, "structured.stage_beam4.self", 1, 0.9, n=4)
    records = load_all(tmp_path)
    sample = [record for record in records if record.row == "structured.sample"]
    report = SimpleNamespace(rows={"structured.sample": sample}, metric="mini-average", figure=lambda *_: None)
    bands = []
    monkeypatch.setattr(figures, "judge_panels", lambda judged, one, **_: bands.append(one["value"]))
    figures.judges(report, "gain", judge_values(records, "structured"), [])
    assert bands == [0.7]


def test_verdicts_of_judges_are_counted_over_the_seeds_of_all_searches(tmp_path):
    verdict = {"kind": "caption", "same": False, "better": 0, "tie": False, "parsed": True, "note": "", "choices": []}
    accuracy = {"accuracy": {"value": 0.5, "n": 2, "low": 0.1, "high": 0.9}}
    for judge, seeds in {"self": (0, 1), "random": (0,)}.items():
        for seed in seeds:
            lines = [{"qid": "q", "verdicts": [verdict | {"winner": seed}]}]
            given = SEARCH | {"data": "data", "n": 4, "judge": judge}
            leave(tmp_path, f"structured.stage_beam4.{judge}", seed, accuracy, lines, **given)
    found = judge_kinds(load_all(tmp_path), "structured")
    assert found.right.tolist() == [1, 1] and set(found.pairs) == {1} and set(found.pooled) == {"0"}
    assert set(found.left_out) == {"seed 1 of structured.stage_beam4.self"}


def log(examples, **measured):
    return {"examples": examples, "loss": 1.0} | measured


def test_a_learning_curve_has_the_seeds_that_were_validated_everywhere(tmp_path):
    leave(tmp_path, "a", 0, extra={"log": [log(10, exact=0.2), log(20, exact=0.4)]})
    leave(tmp_path, "a", 1, extra={"log": [log(20, exact=0.8)]})
    found = validation_curve(load_all(tmp_path), {"arm": "a"})
    means = found[found.seed.isna()]
    assert means.value.tolist() == [0.2, 0.4] and set(means.pooled) == {"0"}
    assert set(means.left_out) == {"seed 1 of 20 examples"} and len(found) == 5


def test_a_follow_rate_has_the_seeds_that_have_every_look(tmp_path):
    leave(tmp_path, "a", 0, extra={"log": [log(k, letter_kept=0.5, letter_asked=10) for k in (10, 20)]})
    leave(tmp_path, "a", 1, extra={"log": [log(20, letter_kept=1.0, letter_asked=10)]})
    found = follow_curves(load_all(tmp_path), {"arm": "a"})
    assert found.value.tolist() == [0.5, 0.5] and set(found.pooled) == {"0"}
    assert set(found.left_out) == {"seed 1 of 20 examples"}


def asked(depths, right):
    """Return predictions on mini-Depth of which the first `right` of ten are right at each depth."""
    line = {"test_set": NAME, "skill": "serial", "family": NAME, "options": [], "gold": "K", "group": None}
    return [line | {"qid": f"{d}/{k}", "depth": d, "correct": k < right} for d in depths for k in range(10)]


def test_a_gain_by_depth_has_the_seeds_with_every_depth(tmp_path):
    for arm, right in (("a", 8), ("b", 4)):
        leave(tmp_path, arm, base="base")
        for seed, depths in ((0, (1, 4)), (1, (1,))):
            more = seed if arm == "a" else 0
            leave(tmp_path, f"{arm}.sample", seed, predictions=asked(depths, right + more), model=arm)
    found = gains_by_depth(load_all(tmp_path), "a.sample", "b.sample")
    assert found.value.tolist() == pytest.approx([0.4, 0.4]) and set(found.seeds) == {1}


def test_judges_by_depth_are_compared_over_the_seeds_of_all(tmp_path):
    rows = {"one": "one.sample", "other": "other.sample"}
    scored = {NAME: {"value": 0.5, "n": 10, "low": 0.0, "high": 1.0}}
    for row, seed in (("one", 0), ("one", 1), ("other", 0)):
        leave(tmp_path, f"{row}.sample", seed, scored, asked((1,), 4 + 4 * seed))
    records = load_all(tmp_path)
    together = kinds_by_depth(records, rows, together=True)
    assert together.value.tolist() == [0.4, 0.4] and set(together.pooled) == {"0"}
    assert set(together.left_out) == {"seed 1 of one.sample"}
    assert kinds_by_depth(records, rows).set_index("label").value["one"] == pytest.approx(0.6)
