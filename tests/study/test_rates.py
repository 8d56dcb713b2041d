"""The rate of each arm is read off its records by one rule, and an edge that wins extends that side for every arm."""

import pytest
from support import toyrecords

from o1lib.records import UserError
from o1lib.study.experiments import parameters_of, read_experiments
from o1lib.study.rates import (
    ARMS,
    EXTENDED,
    GROUP,
    TRIES,
    RateChoice,
    Tried,
    arm_of,
    choose_rates,
    describe_others,
    describe_rates,
    first_rates,
    lacking_rates,
    other_rates,
    read_rates,
)

FIRST = (1.0, 2.0, 4.0)


def trials(**shares):
    """Return trials of each arm: its shares at rising rates from 1, or from 0.5 if there are more than three."""
    return {
        arm: [Tried(arm, (0.5 if len(own) > 3 else 1.0) * 2**k, share, 100) for k, share in enumerate(own)]
        for arm, own in shares.items()
    }


def test_the_rate_with_the_most_right_answers_wins():
    choice = choose_rates(trials(a=(0.1, 0.3, 0.2), b=(0.1, 0.2, 0.1)), FIRST)
    assert {arm: trial.rate for arm, trial in choice.best.items()} == {"a": 2.0, "b": 2.0}
    assert choice.extend == () and choice.edges == {}


def test_an_edge_that_wins_for_one_arm_extends_that_side():
    assert choose_rates(trials(a=(0.3, 0.2, 0.1), b=(0.1, 0.2, 0.1)), FIRST).extend == ("lower",)
    assert choose_rates(trials(a=(0.3, 0.2, 0.1), b=(0.1, 0.2, 0.3)), FIRST).extend == ("lower", "higher")


def test_a_side_is_extended_once():
    """An arm whose best rate is the extended edge is named instead."""
    choice = choose_rates(trials(a=(0.4, 0.3, 0.2, 0.1), b=(0.1, 0.2, 0.3, 0.1)), FIRST)
    assert choice.extend == () and choice.edges == {"a": "lower"}


def test_equally_good_rates_go_to_the_middle_then_to_the_lower():
    choice = choose_rates(trials(a=(0.3, 0.3, 0.3), b=(0.3, 0.1, 0.3)), FIRST)
    assert [choice.best[arm].rate for arm in "ab"] == [2.0, 1.0]


def test_nothing_is_decided_while_a_rate_is_missing():
    tried = trials(a=(0.3, 0.2, 0.1)) | {"b": []}
    assert describe_rates(tried, FIRST).endswith("not decided: rates are missing for b (1, 2, 4); run ROWS=rates")
    with pytest.raises(UserError, match="'b' has no trial"):
        choose_rates(tried, FIRST)


def test_a_rate_that_one_arm_has_tried_is_missing_for_every_other():
    tried = trials(a=(0.4, 0.3, 0.2, 0.1), b=(0.1, 0.2, 0.1))  # a's edge of the first three wins
    assert describe_rates(tried, FIRST).endswith("rates are missing for b (0.5); run ROWS=rates_lower")
    with pytest.raises(UserError, match="arm 'b' lacks the rate 0.5 that another arm has"):
        choose_rates(tried, FIRST)


def test_every_arm_tries_the_same_rates_at_its_own_budget():
    study = read_experiments()
    assert len(first_rates(study, "mini")) == 3
    rows = [name for name, entry in study.rows.items() if {GROUP, *EXTENDED.values()} & set(entry.groups)]
    assert not set(rows) & set(study.scales["mini"].rows)  # no shorter budget of their own


@pytest.mark.parametrize(("side", "rate"), [("lower", 2.5e-4), ("higher", 4e-3)])
def test_each_side_has_a_group_with_one_rate_of_every_arm(side, rate):
    study = read_experiments()
    arms = {name.rpartition(".")[0] for name, entry in study.rows.items() if GROUP in entry.groups}
    rows = {name: entry for name, entry in study.rows.items() if EXTENDED[side] in entry.groups}
    assert set(rows) == {f"{arm}.{side}" for arm in arms}
    assert {entry.parameters["learning_rate"] for entry in rows.values()} == {rate}


def test_a_rate_beyond_a_side_that_no_edge_extends_does_not_count():
    """The best of all is left out for a, and b does not lack it."""
    tried = trials(a=(0.9, 0.1, 0.3, 0.2), b=(0.1, 0.2, 0.1))
    choice = choose_rates(tried, FIRST)
    assert {arm: trial.rate for arm, trial in choice.best.items()} == {"a": 2.0, "b": 2.0} and choice.extend == ()
    assert describe_rates(tried, FIRST).endswith("not counted, since no edge extends that side: 0.5")


def test_a_rate_on_the_other_side_than_the_extended_one_does_not_count():
    tried = trials(a=(0.9, 0.1, 0.2, 0.3), b=(0.1, 0.1, 0.2, 0.1))  # 4 wins among the first, and 0.5 was tried
    choice = choose_rates(tried, FIRST)
    assert choice.best["a"].rate == 4.0 and choice.extend == ("higher",)


def test_tries_are_asked_once_after_the_last_step():
    """Of the rows that pass over their items once, whose steps are the examples by the batch."""
    study = read_experiments()
    tries = [name for name, entry in study.rows.items() if TRIES & set(entry.groups)]
    assert {parameters_of(study, "mini", name).get("looks") for name in tries} == {1}
    once = [given for name in tries if not (given := parameters_of(study, "mini", name)).get("match")]
    assert {given["examples"] % given["batch"] for given in once} == {0}


def test_records_are_read_by_their_parameters(tmp_path):
    log = [{"examples": 8, "exact": 0.9, "asked": 600}, {"examples": 16, "exact": 0.25, "asked": 600}]
    optimizer = parameters_of(read_experiments(), "mini", "direct").get("optimizer", "")
    given = {"format": "direct", "match": "tags", "more": "repeat", "learning_rate": 5e-4, "optimizer": optimizer}
    toyrecords.leave(tmp_path, "rate.direct_tokens_repeat.low", extra={"log": log}, **given)
    toyrecords.leave(tmp_path, "direct", extra={"log": log}, format="direct", learning_rate=1e-3)
    tried, _ = read_rates(read_experiments(), "mini", str(tmp_path))
    arm = "format: direct, match: tags, more: repeat"
    assert [trial for own in tried.values() for trial in own] == [Tried(arm, 5e-4, 0.25, 600)]


def test_tries_of_another_optimizer_do_not_count(tmp_path):
    given = {"format": "tags", "learning_rate": 5e-4, "extra": {"log": [{"exact": 0.5, "asked": 600}]}}
    own = parameters_of(read_experiments(), "mini", "rate.tags.low").get("optimizer", "")
    toyrecords.leave(tmp_path, "rate.tags.low", optimizer="adamw" if own == "muon" else "muon", **given)
    assert read_rates(read_experiments(), "mini", str(tmp_path))[0]["format: tags"] == []
    toyrecords.leave(tmp_path, "rate.tags.low", optimizer=own, **given)
    assert len(read_rates(read_experiments(), "mini", str(tmp_path))[0]["format: tags"]) == 1


@pytest.mark.parametrize(("of_record", "of_scale"), [("", "adamw"), ("adamw", "")])
def test_adamw_named_outright_is_the_optimizer_of_no_name(tmp_path, of_record, of_scale):
    study = read_experiments()
    block = study.scales["mini"]
    arms = block.notebooks | {ARMS: block.notebooks[ARMS] | {"optimizer": of_scale}}
    told = study.model_copy(update={"scales": study.scales | {"mini": block.model_copy(update={"notebooks": arms})}})
    given = {"format": "tags", "learning_rate": 5e-4, "extra": {"log": [{"exact": 0.5, "asked": 600}]}}
    toyrecords.leave(tmp_path, "rate.tags.low", optimizer=of_record, **given)
    assert len(read_rates(told, "mini", str(tmp_path))[0]["format: tags"]) == 1


def with_diverged(**rows):
    """Return the study whose scale mini says that training of these rows diverged: {row: optimizer}."""
    study = read_experiments()
    block = study.scales["mini"].model_copy(update={"diverged": rows})
    return study.model_copy(update={"scales": study.scales | {"mini": block}})


def test_a_try_that_diverged_counts_as_the_worst(tmp_path):
    study = read_experiments()
    optimizer = parameters_of(study, "mini", "rate.tags.low").get("optimizer") or "adamw"
    other = {"adamw": "muon", "muon": "adamw"}[optimizer]
    told = with_diverged(**{"rate.tags.low": optimizer, "rate.tags.high": other})
    tried, first = read_rates(told, "mini", str(tmp_path))
    assert tried["format: tags"] == [Tried("format: tags", 5e-4, 0.0, 0)]
    assert "diverged" in describe_rates(tried, first)


def test_a_try_with_a_record_did_not_diverge(tmp_path):
    optimizer = parameters_of(read_experiments(), "mini", "rate.tags.low").get("optimizer", "")
    given = {"format": "tags", "learning_rate": 5e-4, "optimizer": optimizer}
    toyrecords.leave(tmp_path, "rate.tags.low", extra={"log": [{"exact": 0.5, "asked": 600}]}, **given)
    with pytest.raises(UserError, match="'rate.tags.low' has a record: take it out of scales.mini.diverged"):
        read_rates(with_diverged(**{"rate.tags.low": optimizer or "adamw"}), "mini", str(tmp_path))


def test_a_record_without_validation_is_refused(tmp_path):
    given = {"optimizer": parameters_of(read_experiments(), "mini", "rate.tags.low").get("optimizer", "")}
    toyrecords.leave(tmp_path, "rate.tags.low", extra={"log": []}, format="tags", learning_rate=5e-4, **given)
    with pytest.raises(UserError, match="'rate.tags.low' was trained without validation items"):
        read_rates(read_experiments(), "mini", str(tmp_path))


def test_the_text_says_what_to_run_next():
    text = describe_rates(trials(a=(0.3, 0.2, 0.1), b=(0.1, 0.2, 0.1)), FIRST)
    assert "takes 1 (n 100)" in text and "takes 2 (n 100)" in text
    assert text.endswith("an edge wins, so every arm needs one rate more: run ROWS=rates_lower")


@pytest.mark.parametrize("scale", ["mini", "confirmatory"])
def test_arms_run_at_the_rates_that_the_published_tries_give_them(scale):
    """Nothing is compared while no try is published (`python -m o1lib rates --root results/mini`)."""
    study = read_experiments()
    tried, first = read_rates(study, scale, "results/mini")
    if not lacking_rates(tried, first):
        assert other_rates(study, scale, choose_rates(tried, first)) == {}


def rates_of_rows(study, **best):
    """Return a choice by the rates of these rows, times a number each: {row: factor}."""
    found = {row: parameters_of(study, "mini", row) for row in best}
    return RateChoice(
        {
            (arm := arm_of(given)): Tried(arm, given["learning_rate"] * best[row], 0.5, 600)
            for row, given in found.items()
        },
        (),
        {},
    )


def test_an_arm_at_another_rate_than_the_chosen_one_is_named():
    study = read_experiments()
    found = other_rates(study, "mini", rates_of_rows(study, structured=0.5, direct=1))
    own = parameters_of(study, "mini", "structured")["learning_rate"]
    assert found["structured"] == (own, own / 2)
    assert "direct" not in found and "rate.tags.low" not in found


def test_rows_at_another_rate_are_told_once_every_rate_is_chosen():
    study = read_experiments()
    own, arm = parameters_of(study, "mini", "structured")["learning_rate"], "format: tags"
    tries = {k: [Tried(arm, k * rate, 1 - abs(rate - 1), 9) for rate in (0.5, 1, 1.5)] for k in (own, own * 2)}
    first = {k: [trial.rate for trial in some] for k, some in tries.items()}
    told = describe_others(study, "mini", {arm: tries[own * 2]}, first[own * 2])
    assert f"\nstructured has learning_rate {own:g} but its format takes {2 * own:g}" in told
    assert "\nstructured has" not in describe_others(study, "mini", {arm: tries[own]}, first[own])
    assert describe_others(study, "mini", {arm: tries[own][:2]}, first[own]) == ""
