"""Schedules: the same (item, stages) pairs in another order, fixed by a seed, or one sentence why not."""

from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1lib.records import UserError
from o1lib.training.curriculum import FULL, SCHEDULES, WARM, per_item, plan

FAMILIES = ("mini-ShareGPT4V", "mini-GeoQA+", "mini-ChartQA", "mini-PISC")
SAME = ("mixed", "two_phase", "reversed")  # schedules that differ in order alone


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


def test_two_phase_learns_summaries_and_captions_first_and_reversed_last():
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


def test_separate_makes_one_example_a_stage_in_the_items_own_order():
    order = pairs(plan("mixed", "separate", items(20), 1))
    assert [qid for qid, _ in order[::4]] == [qid for qid, _ in pairs(plan("mixed", "tags", items(20), 1))]
    assert order[:4] == [(order[0][0], (stage,)) for stage in FULL] and per_item("separate") == 4


def test_b_recipe_s_first_phase_takes_captions_and_geometry_in_b_s_shares():
    first, second = plan("b_recipe", "four_turn", items(1000), 0, 0.3)
    assert Counter(item.family for item, _ in first) == {"mini-ShareGPT4V": 72, "mini-GeoQA+": 228}
    assert {stages for _, stages in first} == {WARM}
    assert pairs([second]) == pairs(plan("two_phase", "four_turn", items(1000), 0, 0.3)[1:])


def test_b_recipe_fills_up_from_its_other_source_and_says_when_both_run_out():
    few = [SimpleNamespace(qid=k, family=FAMILIES[k % 10 == 0]) for k in range(100)]
    assert Counter(item.family for item, _ in plan("b_recipe", "tags", few, 0, 0.5)[0])["mini-GeoQA+"] == 10
    with pytest.raises(UserError, match="wants 90 items of .*GeoQA.* but the data has 50: lower warm_share"):
        plan("b_recipe", "tags", items(100), 0, 0.9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schedule": "two_fase"}, "unknown schedule 'two_fase': choose one of " + ", ".join(SCHEDULES)),
        ({"format": "tag"}, "unknown format 'tag': choose one of direct"),
        ({"items": []}, "no items to train on: build the dataset with n_train above 0"),
        ({"warm_share": 1.0}, "warm_share 1.0 is not a share: choose a number from 0"),
        ({"warm_share": -0.1}, "warm_share -0.1 is not a share"),
        (
            {"schedule": "two_phase", "warm_share": 0.0},
            "'two_phase' has a first phase but warm_share 0.0 leaves it empty",
        ),
        (
            {"format": "direct", "warm_share": 0.3},
            "'direct' has no summary or caption to learn first: set warm_share to 0",
        ),
    ],
)
def test_what_cannot_be_planned_is_one_sentence_with_a_remedy(changes, words):
    asked = {"schedule": "mixed", "format": "tags", "items": items(10), "seed": 0, "warm_share": 0.2} | changes
    with pytest.raises(UserError, match=words):
        plan(**asked)
