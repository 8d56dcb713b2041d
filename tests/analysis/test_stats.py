"""Intervals have their nominal coverage, contrasts are paired, and verdicts follow their table."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from o1lib.analysis.stats import (
    Sample,
    bootstrap,
    components,
    contrast,
    interval,
    ratio,
    sample,
    seed_means,
    share_of_gain,
    verdict,
)
from o1lib.analysis.stats.intervals import _decide
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


def coverage(of, moves, least, runs=2000):
    """Return the share of simulated studies whose interval holds the truth; `of` picks average or contrast."""
    rng, held = np.random.default_rng(7), 0
    for _ in range(runs):
        (one, truth_one), (two, truth_two) = arms(rng, moves=moves)
        values, truth = (two, truth_two) if of == "average" else (two - one, truth_two - truth_one)
        found = _decide(whole(values), (least, 1.0), resamples=0, seed=0)
        held += found["low"] <= truth <= found["high"]
    return held / runs


@pytest.mark.slow
@pytest.mark.parametrize("moves", [0.0, 0.06, 0.2], ids=["seeds alike", "seeds move arms by 2 points", "by 6 points"])
@pytest.mark.parametrize(("of", "least"), [("average", 0.0), ("contrast", -1.0)])
def test_the_95_percent_interval_covers_93_to_97_percent(of, least, moves):
    assert 0.93 <= coverage(of, moves, least) <= 0.97


def test_the_t_interval_on_seed_means_undercovers():
    rng, held = np.random.default_rng(1), 0
    for _ in range(300):
        answers, truth = arms(rng)[0]
        low, high, *_ = seed_means(whole(answers))
        held += low <= truth <= high
    assert held / 300 < 0.9


@pytest.mark.slow
def test_the_nested_bootstrap_undercovers():
    rng, held = np.random.default_rng(2), 0
    for k in range(150):
        answers, truth = arms(rng)[0]
        low, high, *_ = bootstrap(whole(answers), 200, k)
        held += low <= truth <= high
    assert held / 150 < 0.93


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


def test_from_three_seeds_on_the_wider_interval_is_used():
    found = interval(table(np.random.default_rng(5).random((4, 30)) < 0.5))
    widths = {name: high - low for name, (low, high) in found.parts.items()}
    assert found.method == max(("components", "seeds"), key=widths.get)
    assert (found.low, found.high) == found.parts[found.method]


@pytest.mark.parametrize("seeds", [1, 2])
def test_with_one_or_two_seeds_the_bootstrap_decides(seeds):
    found = interval(table(np.random.default_rng(6).random((seeds, 50)) < 0.5))
    assert found.method == "bootstrap"
    assert found.low < found.value < found.high


def test_one_seed_bootstrap_agrees_with_the_binomial_error():
    found = bootstrap(whole(np.repeat([[0.0, 1.0]], 200, 0).reshape(1, -1)))
    assert found.error == pytest.approx(np.sqrt(0.25 / 400), rel=0.06)


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
    for k in range(150):
        difficulty = rng.random(200)
        sides = [table(rng.random((seeds, 200)) < chance + 0.2 * difficulty) for chance in (0.1, 0.3, 0.6)]
        found = share_of_gain(sides[1], sides[0], sides[2], "correct", resamples=300, seed=k)
        held += found.low <= 0.4 <= found.high
    assert held >= 136


def test_a_ceiling_not_above_the_floor_has_no_share():
    rng = np.random.default_rng(6)
    one, two = (table(rng.random((1, 30)) < 0.5) for _ in range(2))
    with pytest.raises(UserError, match="not surely above the floor"):
        share_of_gain(one, two, one.assign(correct=two.correct), "correct")


def test_p_is_small_exactly_when_zero_is_outside():
    rng = np.random.default_rng(11)
    (one, _), (two, _) = arms(rng, gain=0.8)
    assert contrast(table(two), table(one)).p < 0.001
    (one, _), (two, _) = arms(rng, gain=0.0)
    assert contrast(table(two), table(one)).p > 0.05


def test_two_thousand_resamples_take_less_than_a_second():
    values, start = whole(np.random.default_rng(12).random((5, 1000))), time.process_time()
    bootstrap(values, 2000)
    assert time.process_time() - start < 1


def test_the_same_seed_gives_the_same_interval():
    lines = table(np.random.default_rng(13).random((2, 40)) < 0.5)
    assert interval(lines, seed=3) == interval(lines, seed=3)


VERDICTS = [
    ("difference", +1, 0, 0.01, 0.05, "reproduced"),
    ("difference", +1, 0, -0.01, 0.05, "inconclusive"),
    ("difference", +1, 0, -0.05, -0.01, "contradicted"),
    ("difference", +1, 0, -0.05, 0.0, "contradicted"),
    ("difference", +1, 0, 0.002, 0.009, "contradicted"),
    ("difference", +1, 0, -0.009, 0.009, "contradicted"),
    ("difference", -1, 0, -0.05, -0.01, "reproduced"),
    ("difference", -1, 0, 0.01, 0.05, "contradicted"),
    ("equivalence", 0, 0, -0.009, 0.005, "reproduced"),
    ("equivalence", 0, 0, 0.011, 0.05, "contradicted"),
    ("equivalence", 0, 0, -0.05, -0.011, "contradicted"),
    ("equivalence", 0, 0, 0.002, 0.05, "inconclusive"),
    ("ratio", +1, 5, 4.1, 9.0, "reproduced"),
    ("ratio", +1, 5, 1.2, 3.9, "contradicted"),
    ("ratio", +1, 5, 3.0, 6.0, "inconclusive"),
    ("ratio", -1, 4, 1.0, 4.9, "reproduced"),
    ("ratio", -1, 4, 5.1, 6.0, "contradicted"),
    ("ratio", 0, 1, 0.9, 1.2, "reproduced"),
    ("ratio", 0, 1, 2.0, 2.2, "contradicted"),
    ("ratio", 0, 1, 0.2, 2.2, "inconclusive"),
    ("rate", -1, 0, 0.0, 0.008, "reproduced"),
    ("rate", -1, 0, 0.046, 0.077, "contradicted"),
    ("rate", -1, 0, 0.0, 0.03, "inconclusive"),
    ("rate", +1, 0.9, 0.895, 0.95, "reproduced"),
    ("rate", 0, 0.5, 0.4, 0.6, "inconclusive"),
    ("difference", +1, 0, None, None, "not tested"),
    ("difference", +1, 0, float("nan"), 0.1, "not tested"),
]


def test_verdicts_follow_their_table():
    found = [verdict(low, high, sign, kind, claimed) for kind, sign, claimed, low, high, _ in VERDICTS]
    assert [(case, was) for case, was in zip(VERDICTS, found, strict=True) if case[-1] != was] == []


@pytest.mark.parametrize("wrong", [{"kind": "trend"}, {"sign": 2}, {"sign": 0}, {"kind": "ratio", "claimed": 0}])
def test_a_verdict_on_a_claim_without_meaning_is_refused(wrong):
    with pytest.raises(UserError):
        verdict(0.0, 0.1, **({"sign": 1} | wrong))


@given(st.floats(-1, 1), st.floats(0, 1), st.sampled_from([-1, 1]))
def test_a_claim_and_its_opposite_are_never_both_reproduced(low, width, sign):
    found = {verdict(low, low + width, sign), verdict(low, low + width, -sign)}
    assert found != {"reproduced"}
    if "reproduced" in found:
        assert found == {"reproduced", "contradicted"}
