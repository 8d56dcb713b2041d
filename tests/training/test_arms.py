"""Training an arm: its items, the form of its answers, and validation that does not change training."""

import copy
from dataclasses import replace
from inspect import signature
from types import SimpleNamespace

import pytest
import torch

from o1lib.formats.chat import FORMATS, target
from o1lib.minivqa import depth, draw, mixture
from o1lib.records import Run, UserError
from o1lib.records.parameters import assignments
from o1lib.records.provenance import notebook_cells
from o1lib.training import arms
from o1lib.training.command import train
from o1lib.training.curriculum import plan

EXAMPLE = draw("mini-CLEVR", 0)


def gold(format):
    """Return the turns of a perfect model."""
    text = target(EXAMPLE, format)
    return text.split("\n\n") if format == "four_turn" else [text]


@pytest.mark.parametrize("format", FORMATS)
def test_training_targets_are_well_formed_and_exact(monkeypatch, format):
    turns = iter(gold(format))
    monkeypatch.setattr(arms, "greedy", lambda model, processor, dialogs, most: [next(turns)])
    assert arms.validated(None, None, [EXAMPLE], format) == {"asked": 1, "well_formed": 1.0, "exact": 1.0}


@pytest.mark.parametrize(
    "format, turns",
    [
        ("tags", ["2"]),
        ("tags", [gold("tags")[0][:-20]]),
        ("no_tags", ["2"]),
        ("direct", [" "]),
        ("four_turn", ["a", "", "b", "c"]),
        ("shuffled", ["<SUMMARY> a </SUMMARY>"]),
    ],
)
def test_another_form_is_not_well_formed(format, turns):
    assert not arms.well_formed(turns, format)


@pytest.mark.slow
def test_batched_answers_equal_those_of_single_items(tiny):
    items = list(mixture("validation", 3))
    batched = arms.answers(*tiny, items, "four_turn", 6)
    assert batched == [arms.answers(*tiny, [item], "four_turn", 6)[0] for item in items]
    assert [len(turns) for turns in batched] == [4, 4, 4]


@pytest.mark.slow
def test_validation_during_training_changes_no_weight(tiny, tmp_path):
    """The results of the validations are in the log."""
    phases, models = plan("mixed", "direct", list(mixture("train", 16))), []
    for validation in (0, 2):
        settings = {"data": "", "format": "direct"}
        run = Run("arm", 0, "smoke", tmp_path, tmp_path / str(validation), settings)
        models.append(copy.deepcopy(tiny[0]))
        log = arms.learn(
            run, models[-1], tiny[1], arms.dialogs(phases, "direct"), learning_rate=1e-3, batch=8, validation=validation
        )
    assert [line["examples"] for line in log if "exact" in line] == [8, 16]
    assert all(map(torch.equal, models[0].state_dict().values(), models[1].state_dict().values()))


def test_a_model_is_looked_at_as_often_and_as_long_as_asked(monkeypatch, tmp_path):
    """24 items in batches of 2 are 12 steps, of which two are followed by a look."""
    given, limits = {}, []
    monkeypatch.setattr(arms, "fit", lambda *_, **options: given.update(options) or [])
    monkeypatch.setattr(arms, "answers", lambda *words: limits.append(words[-1]) or [["4"]] * 3)
    run = Run("arm", 0, "smoke", tmp_path, tmp_path, {"data": "", "format": "direct"})
    how = {"learning_rate": 1e-3, "batch": 2, "validation": 3, "looks": 2, "max_new_tokens": 48}
    arms.learn(run, None, None, [[None] * 24], **how)
    assert given["look_steps"] == 6 and given["look"](None)["asked"] == 3 and limits == [48]


def test_validation_items_without_data_are_drawn():
    run = SimpleNamespace(root=None, seed=0)
    wanted = [item.qid for item in depth.mixture("validation", 3)]
    assert [item.qid for item in arms.validation_items(run, "", 3)] == wanted
    assert arms.validation_items(run, "", 0) == []


def test_a_blind_arm_sees_only_gray_pictures(tmp_path):
    for items in (arms.training_items(None, "", 3, blind=True), arms.validation_items(None, "", 3, blind=True)):
        assert len(items) == 3 and all(item.image.getcolors() == [(64 * 64, (128, 128, 128))] for item in items)


def test_every_parameter_of_the_notebook_reaches_the_processes_that_train(monkeypatch, tmp_path):
    """A recipe of several processes hands the notebook's parameters to `o1lib.train` as its options."""
    words = []
    monkeypatch.setitem(arms.RECIPES, "paper", replace(arms.RECIPES["paper"], processes=2))

    def launched(processes, given):
        words.extend(given)
        raise UserError("launched")

    monkeypatch.setattr(arms, "launch", launched)
    declared = assignments(next(c["source"] for c in notebook_cells("02_train_sft") if c["metadata"].get("tags")))
    settings = dict.fromkeys(declared, "x") | {"scale": "paper", "blind": True, "suite": 0}
    run = Run("arm", 0, "paper", tmp_path, tmp_path, settings)
    with pytest.raises(UserError, match="launched"):
        arms.learn(run, None, None, [], learning_rate=1e-5, batch=32)
    options = {word[2:].replace("-", "_") for word in words if word.startswith("--")}
    assert options == set(declared) - {"suite"} <= set(signature(train).parameters)
    with pytest.raises(UserError, match="suite 8: it is measured in one process, and paper trains in several"):
        arms.learn(replace(run, parameters=settings | {"suite": 8}), None, None, [], learning_rate=1e-5, batch=32)
    assert words[words.index("--blind") + 1].startswith("--")
