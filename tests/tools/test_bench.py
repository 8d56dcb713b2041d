"""The benchmarks measure what they say they do, on a model too small for its speed to mean anything."""

import pytest
import search_parts
import torch
from bench_train import measure
from support import tiny

from o1lib.inference.decoder import Decoder
from o1lib.models.checkpoint import save

pytestmark = pytest.mark.xdist_group("training")


@pytest.mark.slow
def test_every_figure_is_measured():
    found = measure("smoke", batch=4, steps=4, tries=False)
    assert (found["steps"], found["batch"], found["tries"]) == (2, 4, {})
    assert 0 < found["matmul_peak_fraction"] < 1 and found["flops_a_sample"] > 1e8 and found["peak_memory_mb"] > 100
    assert all(
        found[name] > 0
        for name in ("samples_per_second", "trainer_vs_bare_loop", "trainer_vs_bare_loop_processor_seconds")
    )
    assert set(found["seconds_by_part"]) == {"batch made", "forward", "backward", "optimizer"}


@pytest.mark.slow
def test_a_try_that_fails_is_a_finding(monkeypatch):
    def refuse(*args, **kwargs):
        raise RuntimeError("no compiler")

    monkeypatch.setattr("torch.compile", lambda model, **kwargs: refuse)
    found = measure("smoke", batch=4, steps=3, tries=True, compiled=True)["tries"]
    assert found.pop("compiled") == "failed: RuntimeError"
    assert len(found) == 5 and all(ratio > 0 for ratio in found.values())


def test_the_search_is_measured_on_the_device_of_this_machine(tmp_path, monkeypatch):
    folder = save(*tiny.trained(), tmp_path / "arm")
    monkeypatch.setattr("o1lib.models.presets.device_and_dtype", lambda: (torch.device("meta"), torch.float32))
    parts = search_parts.Trained(folder, questions=2, reference=1)
    inputs = parts._inputs(Decoder(*tiny.trained(), replayed=False), parts.tasks)
    assert parts.model.device.type == "meta"
    assert {one.device.type for one in inputs.values() if torch.is_tensor(one)} == {"meta"}
