"""One optimizer is taken for all arms, by a rule on the validation accuracy of both formats."""

import pytest
from support import toyrecords

from o1lib.records import load_all
from o1lib.study.experiments import read_experiments
from o1lib.study.optimizers import best_accuracies, chosen, describe_optimizers

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
    assert chosen(best) == taken and f"all arms take {taken}" in describe_optimizers(best)


def test_nothing_is_chosen_while_a_try_is_missing(tmp_path):
    best = tried(tmp_path, {"direct": 0.4, "tags": 0.6}, {"direct": 0.4, "tags": 0.7}, {"low": 5e-4, "middle": 1e-3})
    assert chosen(best) == ""
    assert "not decided: rates are missing for adamw with direct" in describe_optimizers(best)


def test_a_rate_that_only_one_optimizer_tried_does_not_count(tmp_path):
    leave(tmp_path, "rate.tags.higher", 0.9, format="tags", learning_rate=4e-3)
    assert chosen(tried(tmp_path, {"direct": 0.4, "tags": 0.6}, {"direct": 0.4, "tags": 0.7})) == "muon"
