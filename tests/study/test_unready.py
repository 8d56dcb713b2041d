"""No arm runs silently at a rate that was never chosen for it, or from a base that was not shown to read."""

import shutil

import pytest
from typer.testing import CliRunner

from o1lib.cli import app
from o1lib.records import UserError, load, project_root, sha256, write_json
from o1lib.study import experiments, plan, unready

BASE = "results/checkpoints/mini-base"
PASSED = {"passed": True, "n": 1000}


@pytest.fixture
def study():
    return experiments.read_experiments()


def planned(study, rows, scale="mini"):
    """Return a plan in which all these rows have to run."""
    return plan.make_plan(study, scale, rows, (0,), True)


def of_base(study, digest):
    """Return the study with rates that were chosen with another base."""
    block = study.scales["mini"].model_copy(update={"rates_of": digest})
    return study.model_copy(update={"scales": study.scales | {"mini": block}})


def with_rates(study, **rates):
    """Return the study in which scale mini gives these rows a rate of their own, or none."""
    block = study.scales["mini"]
    rows = {row: {k: v for k, v in given.items() if k != "learning_rate"} for row, given in block.rows.items()}
    rows |= {row: rows.get(row, {}) | ({"learning_rate": rate} if rate else {}) for row, rate in rates.items()}
    return study.model_copy(update={"scales": study.scales | {"mini": block.model_copy(update={"rows": rows})}})


def test_rates_belong_to_the_shipped_base_and_every_arm_needs_one(study):
    weights = sha256(project_root() / BASE / unready.WEIGHTS)
    own = with_rates(of_base(study, weights[:16]), structured=1e-3, direct=1e-3, filler=None)
    assert unready.unchosen_rates(own, planned(own, "structured,direct")) == []
    [told] = unready.unchosen_rates(own, planned(own, "structured,filler"))
    assert told.startswith("filler: no learning rate was chosen for scale mini")


def test_rates_that_were_chosen_with_another_base_are_refused(study):
    other = with_rates(of_base(study, "0" * 16), structured=1e-3)
    [told] = unready.unchosen_rates(other, planned(other, "structured"))
    assert f"chosen with another base than {BASE}" in told
    assert f"rates_of: {sha256(project_root() / BASE / unready.WEIGHTS)[:16]}" in told


def test_the_tries_of_a_rate_run_on_any_base(study):
    other = of_base(study, "0" * 16)
    assert unready.unchosen_rates(other, planned(other, "rates,optimizers")) == []


def test_a_scale_that_names_no_base_is_not_checked(study):
    assert unready.unchosen_rates(study, planned(study, "filler", "smoke")) == []


def test_a_base_without_a_passed_gate_is_told(study, monkeypatch, tmp_path):
    (tmp_path / BASE).parent.mkdir(parents=True)
    shutil.copytree(project_root() / BASE, tmp_path / BASE)
    made = planned(study, "structured")
    monkeypatch.setattr(unready, "project_root", lambda: tmp_path)
    read = load(tmp_path / BASE).model_dump(mode="json")
    for gate, told in (({}, 1), ({"letters": PASSED, "captions, x": {"n": 300}}, 0)):
        changed = {**read, "extra": read["extra"] | {"gate": gate}}
        write_json(tmp_path / BASE / "record.json", {k: v for k, v in changed.items() if k in read})
        assert len(found := unready.unproven_bases(made)) == told, found


def test_plan_tells_what_study_refuses(monkeypatch):
    monkeypatch.setattr(unready, "unchosen_rates", lambda study, made: ["rates of another base"])
    monkeypatch.setattr(unready, "unproven_bases", lambda made: ["a base that cannot read"])
    asked = CliRunner().invoke(app, ["plan", "--scale", "mini", "--rows", "structured"])
    assert "rates of another base\na base that cannot read" in asked.output and asked.exit_code == 0
    begun = CliRunner().invoke(app, ["study", "--scale", "mini", "--rows", "structured"])
    assert isinstance(begun.exception, UserError) and "rates of another base" in str(begun.exception)
