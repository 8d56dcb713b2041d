"""Muon for matrices, AdamW for the rest, one learning-rate schedule for both."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from o1lib.formats.chat import messages
from o1lib.minivqa import mixture
from o1lib.records import Run, UserError
from o1lib.training import arms, fit
from o1lib.training.muon import MuonAdamW, is_matrix
from o1lib.training.recipes import SMALL

RUN = Run("arm", 0, "smoke", Path("root"), Path("folder"), {"data": "", "format": "direct"})
MUON = replace(SMALL, optimizer="muon", steady=0.5)


def trained(tiny, folder, **settings):
    """Return (model, log) of six steps with Muon, a checkpoint every two."""
    model = copy.deepcopy(tiny[0])
    examples = [{"messages": messages(e, "direct"), "images": [e.image]} for e in mixture("train", 24)]
    given = {"learning_rate": 1e-3, "batch": 4, "save_steps": 2, "log_steps": 1, "recipe": MUON} | settings
    return model, fit(model, tiny[1], [examples], folder, **given)


def test_embeddings_head_tables_and_vectors_are_left_to_adamw(tiny):
    matrices = [name for name, weight in tiny[0].named_parameters() if is_matrix(name, weight)]
    assert any("q_proj" in name for name in matrices) and any("mlp" in name for name in matrices)
    assert not [name for name in matrices if "embed" in name or "lm_head" in name or "norm" in name]


def test_a_step_moves_every_weight_that_has_a_gradient():
    weights = {"layer.weight": torch.ones(4, 4), "layer.bias": torch.ones(4), "embed.weight": torch.ones(4, 4)}
    named = [(name, torch.nn.Parameter(weight)) for name, weight in weights.items()]
    optimizer = MuonAdamW(named, lr=0.1)
    sum((weight**2).sum() for _, weight in named).backward()
    optimizer.step()
    assert all((weight != 1).any() for _, weight in named)


def test_adamw_has_a_third_of_muons_rate(tiny):
    groups = MuonAdamW(tiny[0].named_parameters(), lr=3e-3).param_groups
    assert [group["lr"] for group in groups] == pytest.approx([3e-3, 1e-3])


def test_a_stopped_run_resumes_exactly(tiny, tmp_path):
    def stop(model):
        raise KeyboardInterrupt

    whole, log = trained(tiny, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        trained(tiny, tmp_path / "cut", look=stop, look_steps=5)
    resumed, again = trained(tiny, tmp_path / "cut")
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values()))
    assert [line["loss"] for line in log] == [line["loss"] for line in again]


def test_the_rate_is_steady_before_it_falls_to_zero(tiny, tmp_path):
    _, log = trained(tiny, tmp_path / "out")
    rates = [line["learning_rate"] for line in log]
    assert rates[:3] == pytest.approx([1e-3] * 3) and rates[3:] == sorted(rates[3:], reverse=True)
    assert rates[-1] < 0.5e-3


def test_an_arm_can_be_trained_with_either_optimizer_and_no_other(tiny, monkeypatch):
    asked = []
    monkeypatch.setattr(arms, "fit", lambda *given, recipe, **others: asked.append(recipe.optimizer))
    for name in ("", "adamw", "muon"):
        arms.learn(RUN, *tiny, [[]], learning_rate=1e-3, batch=4, optimizer=name, validation=0)
    assert asked == ["adamw", "adamw", "muon"]
    with pytest.raises(UserError, match="sgd"):
        arms.learn(RUN, *tiny, [[]], learning_rate=1e-3, batch=4, optimizer="sgd", validation=0)
