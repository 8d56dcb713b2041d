"""A margin is found with the wanted power where the true difference is zero, and never exceeds the cap."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from o1lib.analysis.claims import frozen_margins, load_claims
from o1lib.analysis.stats import contrast, margin_for, planned_margin
from o1lib.analysis.stats.margins import equivalence_power
from o1lib.analysis.stats.power import Variances
from o1lib.records import UserError

CLAIMS = {claim.id: claim for claim in load_claims()}


@pytest.mark.parametrize("n", [3, 8, 200])
def test_a_true_zero_is_found_with_the_wanted_power(n):
    """In 40,000 simulated studies, which chance moves by 0.2 %."""
    margin = margin_for(1.0, n, cap=math.inf).value
    values = np.random.default_rng(0).normal(0, 1, (40_000, n))
    half = stats.t.ppf(0.975, n - 1) * values.std(1, ddof=1) / math.sqrt(n)
    assert np.mean(np.abs(values.mean(1)) + half < margin) == pytest.approx(0.8, abs=0.01)


def test_a_known_standard_error_gives_the_formula_of_the_normal_distribution():
    expected = 0.4 / math.sqrt(1e6) * (stats.norm.ppf(0.975) + stats.norm.ppf(0.9))
    assert margin_for(0.4, 1_000_000).value == pytest.approx(expected, rel=1e-3)


def test_more_questions_give_a_smaller_margin():
    assert margin_for(0.4, 8000).value < margin_for(0.4, 4000).value


def test_the_cap_holds_and_its_power_is_told():
    found = margin_for(0.4, 500)
    assert found.value == 0.03 < found.needed
    assert found.power == pytest.approx(equivalence_power(0.03 / (0.4 / math.sqrt(500)), 499))
    assert found.power < 0.8


@pytest.mark.parametrize(("n", "power"), [(100, 0.0), (200, 1.0)])
def test_values_that_do_not_vary_have_the_cap_and_the_power_of_the_exact_bound(n, power):
    found = margin_for(0.0, n)
    same = pd.DataFrame({"seed": 0, "qid": range(n), "stratum": "s", "weight": 1.0, "value": 0.0})
    assert (found.value, found.power) == (0.03, power)
    assert found.needed == pytest.approx(contrast(same, same, "value").high)
    assert (contrast(same, same, "value").high <= found.value) is bool(power)


@pytest.mark.parametrize("wrong", [{"sd": -1, "n": 9}, {"sd": 1, "n": 1}, {"sd": 1, "n": 9, "power": 1}])
def test_a_margin_without_meaning_is_refused(wrong):
    with pytest.raises(ValueError, match="sd must be at least 0"):
        margin_for(**wrong)


def test_one_seed_gives_the_margin_of_its_questions():
    assert planned_margin(Variances(0.16, 0.0, None, 200, 1), 4000, 1) == margin_for(0.4, 4000)


def test_seeds_that_vary_need_a_larger_margin():
    alike, apart = (planned_margin(Variances(0.16, 0.0, sd**2, 200, 5), 8000, 8).needed for sd in (0.0, 0.01))
    assert alike < apart


def frozen(tmp_path, name, contrast):
    path = tmp_path / "margins.json"
    path.write_text(
        json.dumps({"margins": {name: {"margin": 0.02, "power": 0.8, "contrast": contrast}}}), encoding="utf8"
    )
    return path


def test_without_a_file_no_margin_is_frozen(tmp_path):
    assert frozen_margins(CLAIMS.values(), tmp_path / "margins.json") == {}


def test_a_frozen_margin_belongs_to_its_contrast(tmp_path):
    path = frozen(tmp_path, "A5", CLAIMS["A5"].contrast.model_dump(mode="json"))
    assert frozen_margins(CLAIMS.values(), path) == {"A5": (0.02, 0.8)}


def test_a_margin_of_another_contrast_is_refused(tmp_path):
    path = frozen(tmp_path, "A5", CLAIMS["A4"].contrast.model_dump(mode="json"))
    with pytest.raises(UserError, match="the margin of A5 .* was frozen for another contrast"):
        frozen_margins(CLAIMS.values(), path)


@pytest.mark.parametrize("text", ["{", "[]", '{"margins": {"A5": {}}}'])
def test_a_broken_file_of_margins_is_refused_in_words(tmp_path, text):
    path = tmp_path / "margins.json"
    path.write_text(text, encoding="utf8")
    with pytest.raises(UserError, match="is not a file of margins"):
        frozen_margins(CLAIMS.values(), path)
