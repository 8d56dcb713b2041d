"""Power analysis agrees with known values, and variances are those of the simulated data."""

import numpy as np
import pandas as pd
import pytest

from o1lib.analysis.stats import components, sample
from o1lib.analysis.stats.power import Variances, needed, power, variances


def table(values, strata=None, weights=None):
    """Return a table of observations from an array (seeds, questions)."""
    seeds, n = values.shape
    frame = pd.DataFrame(
        {"seed": np.repeat(range(seeds), n), "qid": [f"q{k:05}" for k in range(n)] * seeds, "value": values.ravel()}
    )
    return frame if strata is None else frame.assign(stratum=list(strata) * seeds, weight=list(weights) * seeds)


def drawn(seeds, n, questions, between, both, rng):
    """Return a minus b drawn with these standard deviations, as a pair of tables (b is 0)."""
    values = rng.normal(0, questions, n) + rng.normal(0, between, (seeds, 1)) + rng.normal(0, both, (seeds, n))
    return table(values), table(np.zeros_like(values))


@pytest.mark.parametrize(("effect", "questions"), [(0.5, 34), (0.2, 199)])  # paired t-test, 0.05, power 0.8: G*Power
def test_equal_seeds_need_the_questions_of_a_paired_t_test(effect, questions):
    assert needed(Variances(1.0, 0.0, 0.0, 200, 2), 5, effect, 0.05) == questions


def test_with_questions_that_do_not_differ_seeds_alone_decide():
    only_seeds = Variances(0.0, 0.0, 1.0, 200, 2)  # an effect of 1 needs 10 pairs, G*Power
    assert power(only_seeds, 1000, 9, 1.0, 0.05) < 0.8 <= power(only_seeds, 1000, 10, 1.0, 0.05)


def test_no_number_of_questions_makes_up_for_too_few_seeds():
    assert needed(Variances(0.25, 0.0, 1.0, 200, 2), 5, 1.0, 0.05) is None


def test_easier_goals_need_fewer_questions():
    of = Variances(0.25, 0.0, 0.01**2, 200, 2)
    least = needed(of, 8, 0.03, 0.05 / 6)
    assert needed(of, 10, 0.03, 0.05 / 6) < least
    assert needed(of, 8, 0.04, 0.05 / 6) < least
    assert needed(of, 8, 0.03, 0.05) < least


def test_the_interaction_variance_averages_out_over_seeds():
    assert needed(Variances(0.0, 0.25, 1e-6, 200, 2), 8, 0.03, 0.05) < needed(
        Variances(0.25, 0.0, 1e-6, 200, 2), 8, 0.03, 0.05
    )


@pytest.mark.slow
def test_a_power_is_what_simulated_studies_find():
    of, rng = Variances(0.4**2, 0.2**2, 0.02**2, 200, 2), np.random.default_rng(0)
    found = [
        components(
            sample(table(0.08 + drawn(5, 400, 0.4, 0.02, 0.2, rng)[0].value.to_numpy().reshape(5, 400)), "value")
        ).low
        > 0
        for _ in range(400)
    ]
    assert np.mean(found) == pytest.approx(power(of, 400, 5, 0.08, 0.05), abs=0.06)


@pytest.mark.slow
def test_the_variances_put_in_are_found_again():
    rng = np.random.default_rng(1)
    found = [variances(*drawn(6, 800, 0.4, 0.05, 0.3, rng)) for _ in range(60)]
    assert np.mean([one.questions for one in found]) == pytest.approx(0.16, rel=0.05)
    assert np.mean([one.both for one in found]) == pytest.approx(0.09, rel=0.05)
    assert np.mean([one.seeds for one in found]) == pytest.approx(0.0025, rel=0.25)


def test_with_one_seed_all_variance_is_between_questions():
    found = variances(*drawn(1, 4000, 0.4, 0.05, 0.3, np.random.default_rng(2)))
    assert found.seeds is None
    assert (found.both, found.count) == (0, 1)
    assert found.questions == pytest.approx(0.25, rel=0.1)
    with pytest.raises(ValueError, match="between seeds is unknown"):
        power(found, 100, 5, 0.03, 0.05)


def test_sets_count_by_their_weights():
    rng = np.random.default_rng(3)
    strata, weights = ["few"] * 20 + ["many"] * 180, [0.5] * 200
    values = rng.normal(0, 1, (1, 200))
    found = variances(table(values, strata, weights), table(np.zeros_like(values), strata, weights))
    expected = 0.25 * values[0, :20].var(ddof=1) / 20 + 0.25 * values[0, 20:].var(ddof=1) / 180
    assert found.questions / 200 == pytest.approx(expected)
