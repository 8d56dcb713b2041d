"""Schedules: the same (item, stages) pairs in another order that a seed fixes, and errors with a remedy."""

import copy
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1lib.minivqa import mixture
from o1lib.records import UserError
from o1lib.training import fit
from o1lib.training.arms import dialogs
from o1lib.training.curriculum import FULL, SCHEDULES, WARM, Phase, Schedule, per_item, plan

FAMILIES = ("mini-ShareGPT4V", "mini-GeoQA+", "mini-ChartQA", "mini-PISC")
SAME = ("mixed", "two_phase", "reversed")  # schedules that differ only in the order


def items(n):
    return [SimpleNamespace(qid=k, family=FAMILIES[k % 4]) for k in range(n)]


def pairs(phases):
    """Return the (item id, stages) of all phases in order."""
    return [(item.qid, stages) for phase in phases for item, stages in phase]


@given(st.integers(3, 60), st.floats(0.2, 0.8), st.integers(0, 5), st.sampled_from(["tags", "four_turn", "separate"]))
def test_mixed_two_phase_and_reversed_hold_the_same_pairs(n, share, seed, format):
    mixed, two_phase, reversed_ = (pairs(plan(name, format, items(n), seed, share)) for name in SAME)
    assert Counter(mixed) == Counter(two_phase) == Counter(reversed_)
    assert {qid for qid, _ in mixed} == set(range(n))


def test_two_phase_starts_with_captions_and_reversed_ends_so():
    for name, expected in (("two_phase", [{WARM}, {FULL}]), ("reversed", [{FULL}, {WARM}])):
        assert [{stages for _, stages in phase} for phase in plan(name, "tags", items(40), 0, 0.25)] == expected
    assert len(plan("two_phase", "tags", items(40), 0, 0.25)[0]) == 10


def test_mixed_is_one_phase_in_which_both_kinds_alternate():
    [phase] = plan("mixed", "tags", items(200), 0, 0.5)
    kinds = [stages for _, stages in phase]
    assert 60 < sum(a != b for a, b in zip(kinds, kinds[1:], strict=False)) < 140


def test_without_a_warm_share_every_item_is_learned_whole():
    assert Counter(pairs(plan("mixed", "tags", items(9)))) == Counter((k, FULL) for k in range(9))


def test_a_seed_fixes_the_order_for_every_format():
    order = pairs(plan("mixed", "tags", items(50), 1))
    assert all(pairs(plan("mixed", format, items(50), 1)) == order for format in ("direct", "no_tags", "four_turn"))
    assert pairs(plan("mixed", "tags", items(50), 2)) != order


def test_separate_makes_one_example_for_each_stage_in_order():
    order = pairs(plan("mixed", "separate", items(20), 1))
    assert [qid for qid, _ in order[::4]] == [qid for qid, _ in pairs(plan("mixed", "tags", items(20), 1))]
    assert order[:4] == [(order[0][0], (stage,)) for stage in FULL] and per_item("separate") == 4


def test_b_recipe_starts_with_captions_and_geometry():
    first, second = plan("b_recipe", "four_turn", items(1000), 0, 0.3)
    assert Counter(item.family for item, _ in first) == {"mini-ShareGPT4V": 72, "mini-GeoQA+": 228}
    assert {stages for _, stages in first} == {WARM}
    assert pairs([second]) == pairs(plan("two_phase", "four_turn", items(1000), 0, 0.3)[1:])


def test_b_recipe_fills_up_from_its_other_source():
    few = [SimpleNamespace(qid=k, family=FAMILIES[k % 10 == 0]) for k in range(100)]
    assert Counter(item.family for item, _ in plan("b_recipe", "tags", few, 0, 0.5)[0])["mini-GeoQA+"] == 10


def test_b_recipe_names_its_sources_when_both_run_out():
    words = "'b_recipe' needs 90 items of mini-ShareGPT4V, mini-GeoQA. but the data has 50: lower warm_share"
    with pytest.raises(UserError, match=words):
        plan("b_recipe", "tags", items(100), 0, 0.9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"schedule": "two_fase"},
            r"unknown schedule 'two_fase' \(did you mean two_phase\?\): choose one of " + ", ".join(SCHEDULES),
        ),
        ({"format": "tag"}, r"unknown format 'tag' \(did you mean tags\?\): choose one of direct"),
        ({"items": []}, "no items to train on: build the dataset with n_train above 0"),
        ({"warm_share": 1.0}, "warm_share 1.0 is out of range: choose a number from 0"),
        ({"warm_share": -0.1}, "warm_share -0.1 is out of range"),
        (
            {"schedule": "two_phase", "warm_share": 0.0},
            "'two_phase' has a phase of summaries and captions, but warm_share 0.0 of 10 items is none: raise",
        ),
        (
            {"format": "direct", "warm_share": 0.3},
            "'direct' has no summary and caption to learn first: set warm_share to 0",
        ),
    ],
)
def test_an_impossible_plan_is_refused_with_a_remedy(changes, words):
    asked = {"schedule": "mixed", "format": "tags", "items": items(10), "seed": 0, "warm_share": 0.2} | changes
    with pytest.raises(UserError, match=words):
        plan(**asked)


@pytest.mark.slow
def test_a_registered_toy_schedule_plans_and_trains(tiny, tmp_path, monkeypatch):
    sandwich = Schedule("whole answers around captions", (Phase((FULL,)), Phase((WARM,)), Phase((FULL,))))
    monkeypatch.setitem(SCHEDULES, "sandwich", sandwich)
    phases = plan("sandwich", "tags", list(mixture("train", 8)), 0, 0.5)
    assert [{stages for _, stages in phase} for phase in phases] == [{FULL}, {WARM}, {FULL}]
    model = copy.deepcopy(tiny[0])
    log = fit(model, tiny[1], dialogs(phases, "tags"), tmp_path, learning_rate=1e-3, batch=4, log_steps=1)
    assert [line["examples"] for line in log] == [4, 8, 12] and all(line["loss"] > 0 for line in log)
