"""One optimizer is taken for all arms, by a rule on the validation accuracy of both formats."""

import pytest
from support import toyrecords

from o1lib.cli.study import show_rates
from o1lib.records import load_all
from o1lib.study.experiments import read_experiments
from o1lib.study.optimizers import (
    DECIDING,
    OPTIMIZERS,
    best_accuracies,
    chosen,
    describe_optimizers,
    set_by_scale,
    settled,
)

RATES = {"low": 5e-4, "middle": 1e-3, "high": 2e-3}


def leave(root, row, exact, **given):
    toyrecords.leave(root, row, extra={"log": [{"examples": 8, "exact": exact, "asked": 600}]}, **given)


def tried(root, adamw, muon, rates=RATES):
    """Leave tries of both optimizers: {format: best share}, the same at every rate but for a little."""
    for side, rate in rates.items():
        for format in adamw:
            given = {"format": format, "learning_rate": rate}
            leave(root, f"rate.{format}.{side}", adamw[format] - rate, **given)
            leave(root, f"optimizer.{format}.{side}", muon[format] - rate, optimizer="muon", **given)
    return best_accuracies(read_experiments(), "mini", load_all(root))


@pytest.mark.parametrize(
    ("muon", "taken"),
    [
        ({"direct": 0.4, "tags": 0.7}, "muon"),
        ({"direct": 0.2, "tags": 0.7}, "adamw"),
        ({"direct": 0.4, "tags": 0.6}, "adamw"),
    ],
)
def test_the_higher_mean_over_both_formats_wins_and_a_tie_goes_to_adamw(tmp_path, muon, taken):
    best = tried(tmp_path, {"direct": 0.4, "tags": 0.6}, muon)
    assert chosen(best) == taken and f"all arms take {taken}" in describe_optimizers(best, "mini")


def test_the_group_holds_just_the_tries_that_decide():
    rows = [name for name, entry in read_experiments().rows.items() if OPTIMIZERS in entry.groups]
    tries = [f"{kind}.{name}.{side}" for kind in ("optimizer", "rate") for name in ("direct", "tags") for side in RATES]
    assert rows == tries


def test_nothing_is_chosen_while_a_try_is_missing(tmp_path):
    best = tried(tmp_path, {"direct": 0.4, "tags": 0.6}, {"direct": 0.4, "tags": 0.7}, {"low": 5e-4, "middle": 1e-3})
    text = describe_optimizers(best, "mini")
    assert chosen(best) == "" and not settled(best)
    assert "not decided: tries are missing for adamw with direct" in text and text.endswith("ROWS=optimizers`")


BEST = {("adamw", "direct"): 0.4, ("adamw", "tags"): 0.6, ("muon", "direct"): 0.4, ("muon", "tags"): 0.7}
ADAMW_BEST = BEST | {("muon", "tags"): 0.5}
GONE = BEST | {("adamw", "direct"): None, ("adamw", "tags"): None}  # once the scale sets muon and its rows ran again


def test_muon_is_entered_before_a_rate_is_chosen():
    text = describe_optimizers(BEST, "mini")
    assert "set `optimizer: muon` under scales.mini.notebooks.02_train_sft of experiments.yaml" in text
    assert f"copy the runs of group optimizers to {DECIDING}/runs" in text and not settled(BEST)


def test_adamw_needs_no_entry():
    text = describe_optimizers(ADAMW_BEST, "mini")
    assert text.endswith("write nothing, go on with `make study ROWS=rates`") and settled(ADAMW_BEST)


def test_replaced_tries_are_not_asked_for_again():
    text = describe_optimizers(GONE, "mini", "muon")
    assert "scale mini sets optimizer: muon" in text and text.endswith(f"--root {DECIDING}")
    assert "make study" not in text and settled(GONE, "muon")


def test_a_scale_that_sets_another_optimizer_than_the_chosen_one_is_told():
    assert describe_optimizers(BEST, "mini", "muon").endswith("all arms take muon")
    told = describe_optimizers(ADAMW_BEST, "mini", "muon")
    assert "all arms take adamw, but scale mini sets optimizer: muon: correct it" in told


def test_a_try_that_diverged_has_no_right_answer(tmp_path):
    study = read_experiments()
    block = study.scales["mini"].model_copy(update={"diverged": {"optimizer.tags.high": "muon"}})
    for side in ("low", "middle"):
        leave(tmp_path, f"optimizer.tags.{side}", 0.4, format="tags", learning_rate=RATES[side], optimizer="muon")
    told = study.model_copy(update={"scales": study.scales | {"mini": block}})
    assert best_accuracies(study, "mini", load_all(tmp_path))["muon", "tags"] is None
    assert best_accuracies(told, "mini", load_all(tmp_path))["muon", "tags"] == 0.4


def test_rows_of_adamw_that_ran_with_another_optimizer_do_not_count(tmp_path):
    """They are in the folder of the study once its scale sets Muon."""
    for name in ("direct", "tags"):
        for side, rate in RATES.items():
            leave(tmp_path, f"rate.{name}.{side}", 0.9, format=name, learning_rate=rate, optimizer="muon")
    assert set(best_accuracies(read_experiments(), "mini", load_all(tmp_path)).values()) == {None}


def test_the_optimizer_of_a_scale_is_that_of_its_arms():
    study = read_experiments()
    block = study.scales["mini"]
    arms = block.notebooks | {"02_train_sft": block.notebooks["02_train_sft"] | {"optimizer": "muon"}}
    set_to = study.model_copy(update={"scales": {"mini": block.model_copy(update={"notebooks": arms})}})
    assert set_by_scale(set_to, "mini") == "muon" and set_by_scale(study, "smoke") == ""


@pytest.mark.parametrize(("muon", "shown"), [(0.1, True), (0.9, False)])
def test_the_command_shows_rates_once_the_optimizer_is_settled(tmp_path, capsys, muon, shown):
    tried(tmp_path, {"direct": 0.4, "tags": 0.6}, {"direct": muon, "tags": muon})
    show_rates("smoke", str(tmp_path))
    assert ("\nformat: no_tags" in capsys.readouterr().out) is shown


def test_a_rate_that_only_one_optimizer_tried_does_not_count(tmp_path):
    leave(tmp_path, "rate.tags.higher", 0.9, format="tags", learning_rate=4e-3)
    assert chosen(tried(tmp_path, {"direct": 0.4, "tags": 0.6}, {"direct": 0.4, "tags": 0.7})) == "muon"
