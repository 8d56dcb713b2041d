"""Fine-tuning: the log, exact resume, phases, attention patches, and errors that stop training."""

import copy
import json
import os
import signal
from collections import Counter

import pytest
import torch

from o1lib.formats.chat import messages
from o1lib.minivqa import draw, mixture
from o1lib.models.presets import encode, greedy
from o1lib.records import UserError
from o1lib.training import Lazy, fit, last_complete
from o1lib.training.arms import dialogs

EXAMPLE = draw("mini-CLEVR", 0)


def direct(n, start=0):
    """Return n short examples."""
    return [{"messages": messages(e, "direct"), "images": [e.image]} for e in mixture("train", n, start)]


@pytest.fixture
def train(tiny, tmp_path):
    """Train a copy of the tiny model on 24 examples in 6 steps. Returns it and its log without the speed."""

    def run(out="out", phases=None, learning_rate=1e-3, **settings):
        model = copy.deepcopy(tiny[0])
        log = fit(
            model,
            tiny[1],
            phases or [direct(24)],
            tmp_path / out,
            learning_rate=learning_rate,
            batch=4,
            **{"seed": 3, "save_steps": 2, "log_steps": 1, "warmup": 0.2} | settings,
        )
        return model, [{name: value for name, value in line.items() if name != "samples_per_second"} for line in log]

    return run


@pytest.fixture(scope="module")
def unbroken(tiny, tmp_path_factory):
    """(model, log) of the same training without a stop, with a look in step 5."""
    model = copy.deepcopy(tiny[0])
    log = fit(
        model,
        tiny[1],
        [direct(24)],
        tmp_path_factory.mktemp("unbroken"),
        learning_rate=1e-3,
        batch=4,
        seed=3,
        save_steps=2,
        log_steps=1,
        warmup=0.2,
        look=lambda model: {"looked": True},
        look_steps=5,
    )
    return model, [{name: value for name, value in line.items() if name != "samples_per_second"} for line in log]


def stop(model):
    raise KeyboardInterrupt


def question(example):
    return example["messages"][0]["content"][1]["text"]


def same(model, other):
    """Return whether two models have equal weights."""
    return all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True))


@pytest.mark.slow
def test_loss_falls_within_a_few_steps(train):
    examples = [{"messages": messages(e, "tags"), "images": [e.image]} for e in mixture("train", 96)]
    model, log = train(phases=[examples], learning_rate=3e-3)
    losses = [line["loss"] for line in log]
    assert losses[0] > 6 and sum(losses[-4:]) / 4 < losses[0] - 2


@pytest.mark.slow
def test_the_log_counts_examples_and_is_written_to_a_file(train, tmp_path):
    log = train(phases=[direct(10)])[1]
    assert [(line["step"], line["examples"]) for line in log] == [(1, 4), (2, 8), (3, 10)]
    written = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text(encoding="utf8").splitlines()]
    assert [line["loss"] for line in written] == [line["loss"] for line in log]
    assert all(line["samples_per_second"] > 0 and line["learning_rate"] >= 0 for line in written)


@pytest.mark.slow
def test_training_ends_without_checkpoints_and_can_generate(train, tiny, tmp_path):
    model, _ = train(phases=[direct(8)])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["log.jsonl"]
    assert isinstance(greedy(model, tiny[1], [(EXAMPLE.image, EXAMPLE.question)], 4)[0], str)


@pytest.mark.slow
def test_a_stopped_run_resumes_exactly(train, unbroken):
    with pytest.raises(KeyboardInterrupt):
        train(look=stop, look_steps=5)
    model, log = train(look=lambda model: {"looked": True}, look_steps=5)
    assert same(model, unbroken[0]) and log == unbroken[1]
    assert [line["step"] for line in log if "looked" in line] == [5]


@pytest.mark.slow
def test_a_torn_checkpoint_is_ignored(train, unbroken, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(look=stop, look_steps=5)
    torn = tmp_path / "out" / "checkpoints" / "checkpoint-4"
    (torn / "optimizer.pt").write_bytes(b"")
    assert last_complete(torn.parent).endswith("checkpoint-2") and not torn.exists()
    assert same(train()[0], unbroken[0])


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which this system lacks")
def test_a_killed_run_resumes_exactly(train, unbroken):
    child = os.fork()
    if not child:  # dies in step 5 without any cleanup
        train(look=lambda model: os.kill(os.getpid(), signal.SIGKILL), look_steps=5)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    model, log = train(look=lambda model: {"looked": True}, look_steps=5)
    assert same(model, unbroken[0]) and log == unbroken[1]


@pytest.mark.slow
def test_keep_is_the_number_of_kept_checkpoints(train, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(look=stop, look_steps=6, save_steps=1, keep=3)
    kept = sorted(path.name for path in (tmp_path / "out" / "checkpoints").glob("checkpoint-*"))
    assert kept == ["checkpoint-3", "checkpoint-4", "checkpoint-5"]


@pytest.mark.slow
@pytest.mark.parametrize("other", [{"learning_rate": 2e-3}, {"seed": 4}, {"phases": [direct(24, start=50)]}])
def test_a_checkpoint_of_another_task_is_not_continued(train, other):
    with pytest.raises(KeyboardInterrupt):
        train(look=stop, look_steps=5)
    assert same(train(**other)[0], train(out="fresh", **other)[0])


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_training(train, tmp_path):
    def spoil(model):
        model.lm_head.weight.data[:] = float("nan")
        return {}

    with pytest.raises(
        UserError, match=r"loss became nan at step 4 \(examples 13 to 16, one of which asks .*: lower the learning rate"
    ):
        train(look=spoil, look_steps=3)
    assert last_complete(tmp_path / "out" / "checkpoints").endswith("checkpoint-2")


@pytest.mark.slow
def test_an_exploding_loss_stops_training(train, tmp_path):
    def spoil(model):
        model.lm_head.weight.data *= 1000
        return {}

    with pytest.raises(UserError, match=r"loss became \d+(\.\d+)?(e\+\d+)? at step 4 .*: lower the learning rate"):
        train(look=spoil, look_steps=3)
    assert last_complete(tmp_path / "out" / "checkpoints").endswith("checkpoint-2")


@pytest.mark.slow
def test_weights_that_are_not_finite_never_become_a_checkpoint(train, tmp_path):
    def spoil(model):
        model.lm_head.weight.data[0, 0] = float("inf")
        return {}

    with pytest.raises(UserError, match="the weights are not finite at step 4: lower the learning rate"):
        train(look=spoil, look_steps=4)
    assert last_complete(tmp_path / "out" / "checkpoints").endswith("checkpoint-2")


@pytest.mark.slow
def test_after_a_full_disk_training_resumes_exactly(train, unbroken, tmp_path, small_files):
    with pytest.raises(KeyboardInterrupt):
        train(look=stop, look_steps=3)
    words = "checkpoint of step 4 could not be written .*free some disk space"
    with small_files(200_000), pytest.raises(UserError, match=words):
        train()
    kept = [path.name for path in (tmp_path / "out" / "checkpoints").glob("checkpoint-*")]
    assert kept == ["checkpoint-2"] and same(train()[0], unbroken[0])


@pytest.mark.slow
def test_an_example_without_assistant_text_is_refused(train):
    silent = copy.deepcopy(direct(1)[0])
    silent["messages"][1]["content"][0]["text"] = ""
    with pytest.raises(UserError, match="no assistant text to learn.*give every example an assistant turn"):
        train(phases=[[silent] * 4])


@pytest.mark.slow
def test_an_example_longer_than_the_context_is_refused(train):
    long = copy.deepcopy(direct(1)[0])
    long["messages"][0]["content"][1]["text"] = "How many? " * 600
    with pytest.raises(UserError, match=r"an example has \d{4} tokens but the model's context is 1024: shorten it"):
        train(phases=[direct(3) + [long]])


@pytest.mark.slow
@pytest.mark.parametrize("pictures", [0, 2])
def test_another_number_of_pictures_is_refused(train, pictures):
    odd = direct(1)[0] | {"images": [EXAMPLE.image] * pictures}
    words = rf"1 image part\(s\) in its turns but {pictures} picture\(s\): give it one picture for each"
    with pytest.raises(UserError, match=words):
        train(phases=[direct(3) + [odd]])


@pytest.mark.slow
def test_a_run_can_be_tracked_in_tensorboard(train, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(phases=[direct(8)], tracker="tensorboard", look=lambda model: {"exact": 0.25, "suite": {}}, look_steps=2)
    events = EventAccumulator(str(tmp_path / "out" / "tensorboard")).Reload()
    assert {"train/loss", "train/learning_rate", "train/exact"} <= set(events.Tags()["scalars"])
    assert [(event.step, event.value) for event in events.Scalars("train/exact")] == [(2, 0.25)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "tracker, words",
    [
        ("wandb", "unknown tracker 'wandb': choose one of tensorboard, trackio"),
        ("trackio", "trackio is not installed: run"),
    ],
)
def test_a_missing_tracker_is_one_sentence(train, monkeypatch, tracker, words):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=words):
        train(tracker=tracker)


@pytest.mark.parametrize("phases", [[], [[]], [[], []]])
def test_nothing_to_train_on_is_one_sentence(tiny, tmp_path, phases):
    with pytest.raises(UserError, match="nothing to train on: every phase is empty; raise the number of examples"):
        fit(*tiny, phases, tmp_path, learning_rate=1e-3, batch=4)


def test_text_only_rows_ignore_pictures_of_other_rows(tiny):
    from o1lib.training.attention import mask_textonly_cross_attention

    model, processor = tiny
    rows = [(None, "Is 2 + 1 = 3 correct?"), (EXAMPLE.image, EXAMPLE.question)]
    with torch.inference_mode():
        alone, pictured = (model(**encode(processor, [row])).logits[0, -1] for row in rows)
        with mask_textonly_cross_attention(model):
            mixed = model(**encode(processor, rows)).logits[:, -1]
        unmasked = model(**encode(processor, rows)).logits[0, -1]
    assert torch.allclose(mixed[0], alone, atol=1e-4) and torch.allclose(mixed[1], pictured, atol=1e-4)
    assert (unmasked - alone).abs().max() > 0.01  # the fault that the patch repairs


@pytest.mark.slow
def test_phases_are_learned_one_after_the_other(train):
    accessed = []
    phases = [Lazy(direct(8, at), lambda example: accessed.append(question(example)) or example) for at in (0, 50)]
    train(phases=phases)
    first, second = (Counter(map(question, phase.keys)) for phase in phases)
    assert Counter(accessed[-16:-8]) == first and Counter(accessed[-8:]) == second


def test_shuffled_order_depends_only_on_item_and_seed():
    pairs = [(example, tuple(EXAMPLE.stages)) for example in mixture("train", 20)]
    texts = [
        [chat["messages"][1]["content"][0]["text"] for chat in dialogs([pairs[:n]], "shuffled", seed)[0]]
        for n, seed in ((20, 0), (5, 0), (20, 1))
    ]
    assert texts[0][:5] == texts[1] and texts[0] != texts[2]


@pytest.mark.slow
def test_cpu_training_uses_eager_attention_but_looks_do_not(train, monkeypatch):
    from o1lib.training.trainer import Trainer

    learning, looked, step = [], [], Trainer.training_step
    monkeypatch.setattr(
        Trainer,
        "training_step",
        lambda self, model, *args: (learning.append(model.config._attn_implementation), step(self, model, *args))[1],
    )
    model, _ = train(look=lambda model: looked.append(model.config._attn_implementation) or {}, look_steps=3)
    assert set(learning) == {"eager"} and looked == ["sdpa", "sdpa"]
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.slow
def test_the_next_batch_is_ready_when_the_model_is_looked_at(train, monkeypatch):
    from o1lib.training.trainer import Trainer

    trainers, waiting, step = [], [], Trainer.training_step
    monkeypatch.setattr(Trainer, "training_step", lambda self, *args: (trainers.append(self), step(self, *args))[1])
    train(look=lambda _: waiting.append(not trainers[0].ahead[1].done()) or {}, look_steps=1)
    assert waiting == [False] * 6  # a look uses the tokenizer that collates the batch
