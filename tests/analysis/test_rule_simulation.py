"""The whole decision rule keeps its promises: few false verdicts under the null, the promised power under an effect."""

import numpy as np
import pandas as pd
import pytest

from o1lib.analysis.claims.rule_simulation import SimulatedMember, drawn, simulate, smaller
from o1lib.analysis.stats.power import Variances, needed, power, variances
from o1lib.analysis.stats.samples import sample

PILOT = Variances(questions=0.10, both=0.15, seeds=0.015**2, n=400, count=2)


def family(bases, seeds, members=3, detect=0.05):
    """Return a family that is planned for power 0.8 at Holm's first step."""
    n = needed(PILOT, seeds, detect, 0.05 / members, bases=bases)
    return [SimulatedMember(f"C{k}", PILOT, n, seeds, bases, detect) for k in range(members)]


@pytest.mark.slow
@pytest.mark.parametrize(("bases", "seeds"), [(1, 5), (2, 3)])
def test_a_true_null_gets_a_false_verdict_in_at_most_5_of_100_runs(bases, seeds):
    found = simulate(family(bases, seeds), runs=600)
    assert found.wrong <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 600)
    assert (abs(found.table.negligible - found.table.negligible_promised) < 0.06).all()


@pytest.mark.slow
@pytest.mark.parametrize(("bases", "seeds"), [(1, 5), (2, 5)])
def test_the_promised_power_is_kept(bases, seeds):
    found = simulate(family(bases, seeds), effect=1.0, runs=600)
    assert (abs(found.table.first_step.mean() - found.table.promised) < 0.03).all()
    assert (found.table.found > found.table.promised - 0.03).all() and found.wrong == 0


def test_a_rule_without_holms_correction_would_fail_the_null(monkeypatch):
    monkeypatch.setattr("o1lib.analysis.claims.rule_simulation.corrected", lambda lines, size: lines)
    members = [SimulatedMember(f"C{k}", PILOT, 60, 3, 1, 0.05) for k in range(6)]
    assert simulate(members, runs=150).wrong > 0.10


def test_a_contrast_of_many_questions_is_drawn_as_a_smaller_one_of_equal_power():
    large = SimulatedMember("C", PILOT, 4000, 5, 2, 0.03)
    found = smaller(large)
    powers = [power(one.variances, one.n, one.seeds, 0.03, 0.05 / 6, one.bases) for one in (large, found)]
    assert found.n == 200 and powers[0] == pytest.approx(powers[1], abs=0.01)
    assert smaller(found) == found


def test_drawn_differences_have_the_variances_that_were_asked_for():
    member = SimulatedMember("C", PILOT, 3000, 30, 2, 0.03)
    found = drawn(member, 0.03, np.random.default_rng(1))
    assert found.values.shape == (60, 3000) and len(found.bases) == 2
    assert found.average(found.estimates()) == pytest.approx(0.03, abs=0.02)
    assert found.average(found.values).var() == pytest.approx(PILOT.questions + PILOT.both / 60, rel=0.1)


def test_a_pilots_variances_are_found_again_in_drawn_differences():
    member = SimulatedMember("C", PILOT, 2000, 20, 2, 0.03)
    found = drawn(member, 0.0, np.random.default_rng(2))
    rows, columns = np.indices(found.values.shape)
    table = pd.DataFrame({"base": rows.ravel() // 20, "seed": rows.ravel() % 20, "qid": columns.ravel()})
    table["value"] = found.values.ravel()
    again = variances(table, table.assign(value=0.0))
    assert sample(table, "value").values.shape == (40, 2000)
    assert again.questions == pytest.approx(PILOT.questions, rel=0.2) and again.both == pytest.approx(
        PILOT.both, rel=0.1
    )
    assert again.seeds == pytest.approx(PILOT.seeds, rel=0.9)
