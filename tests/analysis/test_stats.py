"""Intervals have their nominal coverage, contrasts are paired, and verdicts follow their table."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from o1lib.analysis.stats import (
    Sample,
    components,
    contrast,
    interval,
    ratio,
    sample,
    share,
    share_of_gain,
    verdict,
)
from o1lib.analysis.stats.intervals import decide
from o1lib.records import UserError


def table(values, **columns):
    """Return a (seeds, questions) array as a table."""
    values = np.asarray(values, dtype=float)
    seeds, questions = np.indices(values.shape)
    names = [f"q{question:04d}" for question in questions.ravel()]
    lines = pd.DataFrame({"seed": seeds.ravel(), "qid": names, "correct": values.ravel()})
    return lines.assign(**{name: np.tile(column, len(values)) for name, column in columns.items()})


def arms(rng, seeds=5, questions=200, moves=0.0, gain=0.1):
    """Draw answers and true accuracies of two arms: shared difficulty, arms differ by question, seeds move arms."""
    difficulty, found = rng.normal(0, 1, questions), []
    for mean in (0.3, 0.3 + gain):
        eased, moved = rng.normal(0, 0.4, questions), rng.normal(0, moves, (seeds, 1))
        answers = rng.random((seeds, questions)) < ndtr(mean + difficulty + eased + moved)
        found.append((answers.astype(float), ndtr(mean / np.sqrt(1 + 1 + 0.4**2 + moves**2))))
    return found


def whole(values):
    """Return an array as a sample of one stratum."""
    seeds, questions = values.shape
    return Sample(values, ((1.0, np.arange(questions)),), tuple(range(seeds)), tuple(map(str, range(questions))))


def coverage(seeds, moves, runs=400):
    """Return the share of simulated studies whose contrast's interval holds the true difference."""
    rng, held = np.random.default_rng(7), 0
    for _ in range(runs):
        (one, truth_one), (two, truth_two) = arms(rng, seeds, moves=moves)
        found = decide(whole(two - one), (-1.0, 1.0))
        held += found["low"] <= truth_two - truth_one <= found["high"]
    return held / runs


@pytest.mark.parametrize(("seeds", "moves"), [(1, 0.0), (2, 0.0), (2, 0.06), (3, 0.06), (8, 0.0), (8, 0.06)])
def test_the_95_percent_interval_covers_at_least_93_percent(seeds, moves):
    """Seeds are alike, or move an arm by 2 points. With 400 runs a true coverage of 95 % is found as 93 % or more."""
    assert coverage(seeds, moves) >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "most"), [(5, 0.985), (8, 0.975)])
def test_the_interval_is_not_needlessly_wide_with_many_seeds(seeds, most):
    assert 0.93 <= coverage(seeds, 0.06, runs=2000) <= most


def test_one_seed_says_nothing_of_seeds_that_move_an_arm():
    assert coverage(1, 0.2) < 0.8


@pytest.mark.slow
def test_components_agree_with_a_fitted_mixed_model():
    import statsmodels.formula.api as smf

    rng = np.random.default_rng(3)
    values = rng.normal(0, 1, 15) + rng.normal(0, 0.5, (5, 1)) + rng.normal(0, 0.7, (5, 15))
    lines = table(values).assign(one=1)
    fitted = smf.mixedlm(
        "correct ~ 1", lines, groups="one", re_formula="0", vc_formula={"seed": "0 + C(seed)", "qid": "0 + C(qid)"}
    ).fit()
    assert components(sample(lines)).error == pytest.approx(fitted.bse["Intercept"], rel=0.02)


def test_differences_between_strata_do_not_widen_the_interval():
    rng = np.random.default_rng(4)
    hard, easy = rng.random((5, 100)) < 0.2, rng.random((5, 100)) < 0.9
    values, strata = np.hstack([hard, easy]), ["hard"] * 100 + ["easy"] * 100
    apart, together = interval(table(values, stratum=strata)), interval(table(values))
    assert apart.value == pytest.approx(together.value)
    assert apart.high - apart.low < 0.8 * (together.high - together.low)


def test_weights_make_the_papers_average_of_sets_of_unequal_size():
    values = np.array([[1, 1, 0, 0, 0, 1]])
    found = interval(table(values, stratum=["a", "a", "b", "b", "b", "b"], weight=[0.5] * 6))
    assert found.value == pytest.approx(0.5 * 1 + 0.5 * 0.25)


def test_with_one_seed_the_interval_is_that_of_questions():
    answers = np.repeat([[0.0, 1.0]], 200, 0).reshape(1, -1)
    assert components(whole(answers)).error == pytest.approx(np.sqrt(0.25 / 399))


def test_seeds_that_agree_by_chance_do_not_make_an_interval_of_no_width():
    """Both seeds have the same mean, on different questions."""
    found = contrast(table([[1, 0, 0, 1], [0, 1, 1, 0]]), table(np.zeros((2, 4))))
    assert found.high - found.low > 0.5


def test_shares_of_a_group_stay_within_their_bounds():
    found = contrast(table([[0.5, 1], [0.75, 0]]), table([[0.25, 0], [0, 0.75]]))
    assert -1 <= found.low < found.high <= 1


def test_all_right_still_leaves_room_for_what_was_not_seen():
    found = interval(table(np.ones((3, 100))))
    assert (found.method, found.high) == ("exact", 1.0)
    assert found.low == pytest.approx(0.025**0.01)


def test_two_equal_arms_differ_by_zero_with_an_exact_bound():
    same = table(np.random.default_rng(8).random((2, 100)) < 0.5)
    found = contrast(same, same)
    assert (found.value, found.wins, found.losses) == (0, 0, 0)
    assert found.high == pytest.approx(-found.low) == pytest.approx(1 - 0.025**0.01)
    assert found.p == 1


def test_a_contrast_counts_won_and_lost_questions_over_seeds():
    found = contrast(table([[1, 1, 0, 0], [1, 0, 0, 1]]), table([[0, 1, 0, 1], [0, 1, 0, 1]]))
    assert (found.wins, found.losses, found.n, found.seeds) == (1, 2, 4, 2)
    assert found.value == pytest.approx(0)


def test_a_contrast_is_paired_by_names_not_by_the_order_of_lines():
    a, b = table([[1, 0, 1]]), table([[0, 0, 1]])
    assert contrast(a.sample(frac=1, random_state=1), b).value == contrast(a, b).value == pytest.approx(1 / 3)


@pytest.mark.slow
def test_pairing_narrows_the_interval_of_arms_that_agree():
    rng = np.random.default_rng(9)
    (one, _), (two, _) = arms(rng, questions=400)
    paired, alone = contrast(table(two), table(one)), interval(table(two))
    assert paired.high - paired.low < 1.2 * (alone.high - alone.low)


@pytest.mark.parametrize(
    ("other", "named"),
    [(table([[1, 0]]), "q0002"), (table([[1, 0, 1], [1, 0, 1]]), "seed 1")],
    ids=["a question", "a seed"],
)
def test_a_contrast_names_what_only_one_side_has(other, named):
    with pytest.raises(UserError, match=named):
        contrast(table([[1, 0, 1]]), other)


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (table([[1, 0], [1, 1]]).iloc[:3], "'q0001' has no value for seed 1"),
        (pd.concat([table([[1, 0]])] * 2), "'q0000' stands twice"),
        (table([[1, 0]]).iloc[:0], "no line"),
        (table([[1, 0]]).drop(columns="qid"), "qid"),
        (table([[1, 0, 1]], stratum=["a", "a", "b"]), "one question of 'b'"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_in_words(lines, named):
    with pytest.raises(UserError, match=named):
        interval(lines)


def test_a_ratio_of_fixed_costs_is_exact():
    found = ratio(table(np.full((2, 10), 34.0)), table(np.full((2, 10), 14.0)), "correct")
    assert (found.value, found.low, found.high) == pytest.approx((34 / 14,) * 3)


def test_the_interval_of_a_ratio_inverts_with_the_ratio():
    rng = np.random.default_rng(10)
    a, b = table(rng.gamma(4, 5, (4, 200))), table(rng.gamma(4, 1, (4, 200)))
    found, turned = ratio(a, b, "correct"), ratio(b, a, "correct")
    assert found.low < 5 < found.high
    assert (1 / turned.high, 1 / turned.low) == pytest.approx((found.low, found.high))


def test_a_ratio_to_nothing_is_refused():
    with pytest.raises(UserError, match="not above zero"):
        ratio(table([[1, 1]]), table([[0, 0]]), "correct")


def test_a_share_of_few_questions_ends_at_1():
    whole, part = table([[1, 1, 1, 0, 0, 0]]), table([[1, 0, 0, 0, 0, 0]])
    found = share(part, whole, "correct")
    assert (found.value, found.high) == (pytest.approx(1 / 3), 1) and found.low == ratio(part, whole, "correct").low
    assert ratio(part, whole, "correct").high > 1


def test_a_part_larger_than_its_whole_is_no_share():
    with pytest.raises(UserError, match="larger than its whole"):
        share(table([[1, 1]]), table([[1, 0]]), "correct")


@pytest.mark.slow
def test_the_share_of_gain_is_0_at_floor_and_1_at_ceiling():
    rng = np.random.default_rng(5)
    floor, middle, ceiling = (table(rng.random((3, 400)) < chance) for chance in (0.2, 0.5, 0.8))
    assert share_of_gain(floor, floor, ceiling, "correct").value == 0
    assert share_of_gain(ceiling, floor, ceiling, "correct").value == pytest.approx(1)
    found = share_of_gain(middle, floor, ceiling, "correct")
    assert found.low < 0.5 < found.high and found.high - found.low < 0.4


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 3])
def test_the_interval_of_the_share_of_gain_covers_95_percent(seeds):
    rng, held = np.random.default_rng(8), 0
    for _ in range(150):
        difficulty = rng.random(200)
        sides = [table(rng.random((seeds, 200)) < chance + 0.2 * difficulty) for chance in (0.1, 0.3, 0.6)]
        found = share_of_gain(sides[1], sides[0], sides[2], "correct")
        held += found.low <= 0.4 <= found.high
    assert held >= 136


def test_a_ceiling_not_above_the_floor_has_no_share():
    rng = np.random.default_rng(6)
    one, two = (table(rng.random((1, 30)) < 0.5) for _ in range(2))
    with pytest.raises(UserError, match="not surely above the floor"):
        share_of_gain(one, two, one.assign(correct=two.correct), "correct")


@pytest.mark.parametrize("seeds", [1, 2, 3, 8])
def test_p_is_below_5_percent_exactly_where_zero_is_outside(seeds):
    rng, found = np.random.default_rng(11), []
    for gain in np.linspace(0.0, 0.6, 40):
        (one, _), (two, _) = arms(rng, seeds, gain=gain)
        found.append(contrast(table(two), table(one)))
    assert {(one.p < 0.05) for one in found} == {True, False}
    assert [one for one in found if (one.p < 0.05) != (one.low > 0 or one.high < 0)] == []


@pytest.mark.parametrize("seeds", [1, 2, 3, 8])
def test_a_small_true_gain_is_called_opposite_in_at_most_25_of_1000_studies(seeds):
    """The true gain is 0.6 points, as paper A reports twice, the margin 2 points. Chance moves the share by 0.5 %."""
    rng, verdicts = np.random.default_rng(3), []
    for _ in range(1000):
        values = 0.006 + rng.normal(0, 0.35, 1000) + rng.normal(0, 0.01, (seeds, 1)) + rng.normal(0, 0.2, (seeds, 1000))
        found = decide(whole(values), None)
        verdicts.append(verdict(found["low"], found["high"], sign=1, margin=0.02))
    most = {1: 0.05}.get(seeds, 0.03)  # one seed does not know that seeds differ
    assert verdicts.count("opposite") / 1000 <= most


VERDICTS = [
    ("difference", +1, 0, 0.02, 0.01, 0.05, "supported"),
    ("difference", +1, 0, 0.02, -0.01, 0.05, "inconclusive"),
    ("difference", +1, 0, 0.02, -0.05, -0.01, "opposite"),
    ("difference", +1, 0, 0.02, -0.05, 0.0, "inconclusive"),
    ("difference", +1, 0, 0.02, 0.002, 0.019, "negligible"),
    ("difference", +1, 0, 0.02, -0.019, -0.002, "negligible"),
    ("difference", +1, 0, None, 0.002, 0.019, "supported"),
    ("difference", +1, 0, None, -0.019, -0.002, "opposite"),
    ("difference", +1, 0, None, -0.001, 0.001, "inconclusive"),
    ("difference", -1, 0, 0.02, -0.05, -0.01, "supported"),
    ("difference", -1, 0, 0.02, 0.01, 0.05, "opposite"),
    ("difference", -1, 0, 0.02, -0.02, 0.02, "negligible"),
    ("equivalence", 0, 0, 0.01, -0.009, 0.005, "supported"),
    ("equivalence", 0, 0, 0.01, 0.011, 0.05, "opposite"),
    ("equivalence", 0, 0, 0.01, -0.05, -0.011, "opposite"),
    ("equivalence", 0, 0, 0.01, 0.002, 0.05, "inconclusive"),
    ("equivalence", 0, 0, None, -0.001, 0.001, "inconclusive"),
    ("ratio", +1, 5, None, 4.1, 9.0, "supported"),
    ("ratio", +1, 5, None, 1.2, 3.9, "opposite"),
    ("ratio", +1, 5, None, 3.0, 6.0, "inconclusive"),
    ("ratio", -1, 4, None, 1.0, 4.9, "supported"),
    ("ratio", -1, 4, None, 5.1, 6.0, "opposite"),
    ("ratio", 0, 1, None, 0.9, 1.2, "supported"),
    ("ratio", 0, 1, None, 2.0, 2.2, "opposite"),
    ("ratio", 0, 1, None, 0.2, 2.2, "inconclusive"),
    ("rate", -1, 0.01, None, 0.0, 0.008, "supported"),
    ("rate", -1, 0.01, None, 0.046, 0.077, "opposite"),
    ("rate", -1, 0.01, None, 0.0, 0.03, "inconclusive"),
    ("rate", +1, 0.9, None, 0.905, 0.95, "supported"),
    ("difference", +1, 0, 0.02, None, None, "not tested"),
    ("difference", +1, 0, 0.02, float("nan"), 0.1, "not tested"),
]


def test_verdicts_follow_their_table():
    found = [verdict(low, high, sign, kind, claimed, m) for kind, sign, claimed, m, low, high, _ in VERDICTS]
    assert [(case, was) for case, was in zip(VERDICTS, found, strict=True) if case[-1] != was] == []


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "trend"}, {"sign": 2}, {"sign": 0}, {"kind": "ratio", "claimed": 0}, {"kind": "rate", "sign": 0}],
)
def test_a_verdict_on_a_claim_without_meaning_is_refused(wrong):
    with pytest.raises(UserError):
        verdict(0.0, 0.1, **({"sign": 1} | wrong))


@given(st.floats(-1, 1), st.floats(0, 1), st.sampled_from([-1, 1]), st.sampled_from([None, 0.02]))
def test_a_claim_and_its_opposite_never_get_the_same_decision(low, width, sign, margin):
    one, other = (verdict(low, low + width, way, margin=margin) for way in (sign, -sign))
    turned = {"supported": "opposite", "opposite": "supported"}
    assert other == turned.get(one, one)
