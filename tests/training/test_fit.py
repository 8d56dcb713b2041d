"""Training: what is learned from, how a stopped run ends as an unbroken one, and what stops it in plain words."""

import copy
import json
import os
import random
import signal
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from o1lib.formats.chat import FORMATS, FOUR_TURN_PROMPTS, messages
from o1lib.minivqa import draw, mixture
from o1lib.models.presets import encode, greedy
from o1lib.records import UserError
from o1lib.training import Grouped, Lazy, fit, last_complete, spans, supervised
from o1lib.training.arms import dialogs

EXAMPLE = draw("mini-CLEVR", 0)
S, CAP, R, C = EXAMPLE.stages.values()
END = "<|eot_id|>"
LEARNED = {
    "direct": C + END,
    "no_tags": f"{S}\n\n{CAP}\n\n{R}\n\n{C}{END}",
    "tags": f"<SUMMARY> {S} </SUMMARY>\n\n<CAPTION> {CAP} </CAPTION>\n\n<REASONING> {R} </REASONING>\n\n"
    f"<CONCLUSION> {C} </CONCLUSION>{END}",
    "special_tags": f"<|stage_0|> {S} <|stage_1|>\n\n<|stage_2|> {CAP} <|stage_3|>\n\n<|stage_4|> {R} <|stage_5|>\n\n"
    f"<|stage_6|> {C} <|stage_7|>{END}",
    "shuffled": f"<CONCLUSION> {C} </CONCLUSION>\n\n<SUMMARY> {S} </SUMMARY>\n\n<CAPTION> {CAP} </CAPTION>\n\n"
    f"<REASONING> {R} </REASONING>{END}",
    "separate": C + END,
    "four_turn": S + END + CAP + END + R + END + C + END,
}


def direct(n, start=0):
    """Return n short examples to learn from."""
    return [{"messages": messages(e, "direct"), "images": [e.image]} for e in mixture("train", n, start)]


@pytest.fixture
def train(tiny, tmp_path):
    """Train a copy of the tiny model on 24 examples in 6 steps; return it and its log without what the clock says."""

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
    """(model, log) of the same training without a stop, looked at in step 5."""
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
    """Tell whether two models have the very same weights."""
    return all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True))


@pytest.mark.parametrize("format", FORMATS)
def test_exactly_the_assistant_s_words_and_ends_of_turn_are_learned(tiny, format):
    text, learned = supervised(tiny[1], messages(EXAMPLE, format), EXAMPLE.image)
    assert learned == LEARNED[format]
    assert text.startswith("<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n<|image|>" + EXAMPLE.question)


@pytest.mark.parametrize("format", FORMATS)
def test_the_picture_s_token_is_given_once_and_never_learned(tiny, format):
    parts = spans(tiny[1], messages(EXAMPLE, format, random.Random(0)), EXAMPLE.image)
    assert sum(text.count("<|image|>") for text, learned in parts if not learned) == 1
    assert not any("<|image|>" in text for text, learned in parts if learned)


def test_in_a_dialog_the_user_s_later_turns_are_given_but_not_learned(tiny):
    parts = spans(tiny[1], messages(EXAMPLE, "four_turn"), EXAMPLE.image)
    assert [learned for _, learned in parts] == [False, True] * 4
    assert all(prompt in given for prompt, (given, _) in zip(FOUR_TURN_PROMPTS, parts[::2], strict=True))


def test_loss_falls_within_a_few_steps(train):
    examples = [{"messages": messages(e, "tags"), "images": [e.image]} for e in mixture("train", 96)]
    model, log = train(phases=[examples], learning_rate=3e-3)
    losses = [line["loss"] for line in log]
    assert losses[0] > 6 and sum(losses[-4:]) / 4 < losses[0] - 2


def test_the_log_counts_examples_and_is_left_beside_the_model(train, tmp_path):
    log = train(phases=[direct(10)])[1]
    assert [(line["step"], line["examples"]) for line in log] == [(1, 4), (2, 8), (3, 10)]
    written = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text(encoding="utf8").splitlines()]
    assert [line["loss"] for line in written] == [line["loss"] for line in log]
    assert all(line["samples_per_second"] > 0 and line["learning_rate"] >= 0 for line in written)


def test_checkpoints_are_gone_and_the_model_generates_when_training_has_ended(train, tiny, tmp_path):
    model, _ = train(phases=[direct(8)])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["log.jsonl"]
    assert isinstance(greedy(model, tiny[1], [(EXAMPLE.image, EXAMPLE.question)], 4)[0], str)


def test_a_stopped_run_ends_in_the_weights_and_log_of_an_unbroken_one(train, unbroken):
    with pytest.raises(KeyboardInterrupt):
        train(look=stop, look_steps=5)
    model, log = train(look=lambda model: {"looked": True}, look_steps=5)
    assert same(model, unbroken[0]) and log == unbroken[1]
    assert [line["step"] for line in log if "looked" in line] == [5]


def test_a_checkpoint_cut_off_while_it_was_written_is_passed_over(train, unbroken, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(look=stop, look_steps=5)
    torn = tmp_path / "out" / "checkpoints" / "checkpoint-4"
    (torn / "optimizer.pt").write_bytes(b"")
    assert last_complete(torn.parent).endswith("checkpoint-2") and not torn.exists()
    assert same(train()[0], unbroken[0])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which this system lacks")
def test_a_killed_run_ends_in_the_weights_and_log_of_an_unbroken_one(train, unbroken):
    child = os.fork()
    if not child:  # dies in step 5 with nothing tidied up
        train(look=lambda model: os.kill(os.getpid(), signal.SIGKILL), look_steps=5)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    model, log = train(look=lambda model: {"looked": True}, look_steps=5)
    assert same(model, unbroken[0]) and log == unbroken[1]


def test_the_last_checkpoints_are_kept_as_many_as_asked_for(train, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(look=stop, look_steps=6, save_steps=1, keep=3)
    kept = sorted(path.name for path in (tmp_path / "out" / "checkpoints").glob("checkpoint-*"))
    assert kept == ["checkpoint-3", "checkpoint-4", "checkpoint-5"]


@pytest.mark.parametrize("other", [{"learning_rate": 2e-3}, {"seed": 4}, {"phases": [direct(24, start=50)]}])
def test_a_checkpoint_of_another_task_is_not_continued(train, other):
    with pytest.raises(KeyboardInterrupt):
        train(look=stop, look_steps=5)
    assert same(train(**other)[0], train(out="fresh", **other)[0])


def test_a_loss_that_is_not_finite_stops_training_and_names_the_step(train, tmp_path):
    def spoil(model):
        model.lm_head.weight.data[:] = float("nan")
        return {}

    with pytest.raises(
        UserError, match=r"loss became nan at step 4 \(examples 13 to 16, one of which asks .*: lower the learning rate"
    ):
        train(look=spoil, look_steps=3)
    assert last_complete(tmp_path / "out" / "checkpoints").endswith("checkpoint-2")


def test_a_loss_that_explodes_stops_training_and_the_last_good_checkpoint_stays(train, tmp_path):
    def spoil(model):
        model.lm_head.weight.data *= 1000
        return {}

    with pytest.raises(UserError, match=r"loss became \d+(\.\d+)?(e\+\d+)? at step 4 .*: lower the learning rate"):
        train(look=spoil, look_steps=3)
    assert last_complete(tmp_path / "out" / "checkpoints").endswith("checkpoint-2")


def test_weights_that_are_not_finite_never_become_a_checkpoint(train, tmp_path):
    def spoil(model):
        model.lm_head.weight.data[0, 0] = float("inf")
        return {}

    with pytest.raises(UserError, match="weights are no longer finite at step 4: lower the learning rate"):
        train(look=spoil, look_steps=4)
    assert last_complete(tmp_path / "out" / "checkpoints").endswith("checkpoint-2")


def test_a_full_disk_keeps_the_checkpoint_before_and_training_goes_on_from_it(train, unbroken, tmp_path, small_files):
    with pytest.raises(KeyboardInterrupt):
        train(look=stop, look_steps=3)
    words = "checkpoint of step 4 could not be written .*free some disk space"
    with small_files(200_000), pytest.raises(UserError, match=words):
        train()
    kept = [path.name for path in (tmp_path / "out" / "checkpoints").glob("checkpoint-*")]
    assert kept == ["checkpoint-2"] and same(train()[0], unbroken[0])


def test_an_example_without_assistant_words_is_refused(train):
    silent = copy.deepcopy(direct(1)[0])
    silent["messages"][1]["content"][0]["text"] = ""
    with pytest.raises(UserError, match="no assistant words to learn from.*give every example an assistant turn"):
        train(phases=[[silent] * 4])


def test_an_example_longer_than_the_context_is_refused_rather_than_cut(train):
    long = copy.deepcopy(direct(1)[0])
    long["messages"][0]["content"][1]["text"] = "How many? " * 600
    with pytest.raises(UserError, match=r"an example has \d{4} tokens but the model's context holds 1024: shorten it"):
        train(phases=[direct(3) + [long]])


@pytest.mark.parametrize("pictures, words", [(0, "1 picture.s. but 0 came"), (2, "1 picture.s. but 2 came")])
def test_other_pictures_than_the_turns_speak_of_are_refused(train, pictures, words):
    odd = direct(1)[0] | {"images": [EXAMPLE.image] * pictures}
    with pytest.raises(UserError, match=f"speak of {words} with it: give it one picture for each"):
        train(phases=[direct(3) + [odd]])


def test_a_run_can_be_followed_in_tensorboard(train, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(phases=[direct(8)], tracker="tensorboard", look=lambda model: {"exact": 0.25}, look_steps=2)
    events = EventAccumulator(str(tmp_path / "out" / "tensorboard")).Reload()
    assert {"train/loss", "train/learning_rate", "train/exact"} <= set(events.Tags()["scalars"])
    assert [(event.step, event.value) for event in events.Scalars("train/exact")] == [(2, 0.25)]


@pytest.mark.parametrize(
    "tracker, words",
    [
        ("wandb", "unknown tracker 'wandb': choose tensorboard or trackio"),
        ("trackio", "trackio is not installed here: run"),
    ],
)
def test_a_tracker_that_is_not_there_is_one_sentence(train, monkeypatch, tracker, words):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=words):
        train(tracker=tracker)


@pytest.mark.parametrize("phases", [[], [[]], [[], []]])
def test_nothing_to_train_on_is_one_sentence(tiny, tmp_path, phases):
    with pytest.raises(UserError, match="nothing to train on: every phase is empty; raise the number of examples"):
        fit(*tiny, phases, tmp_path, learning_rate=1e-3, batch=4)


def test_in_training_a_row_without_a_picture_ignores_its_neighbours_pictures(tiny):
    from o1lib.training.attention import mask_textonly_cross_attention

    model, processor = tiny
    rows = [(None, "Is 2 + 1 = 3 correct?"), (EXAMPLE.image, EXAMPLE.question)]
    with torch.inference_mode():
        alone, pictured = (model(**encode(processor, [row])).logits[0, -1] for row in rows)
        with mask_textonly_cross_attention(model):
            mixed = model(**encode(processor, rows)).logits[:, -1]
        left_open = model(**encode(processor, rows)).logits[0, -1]
    assert torch.allclose(mixed[0], alone, atol=1e-4) and torch.allclose(mixed[1], pictured, atol=1e-4)
    assert (left_open - alone).abs().max() > 0.01  # what it is there for


def test_phases_are_learned_one_after_the_other(train):
    asked = []
    phases = [Lazy(direct(8, start), lambda example: asked.append(question(example)) or example) for start in (0, 50)]
    train(phases=phases)
    first, second = (Counter(map(question, phase.keys)) for phase in phases)
    assert Counter(asked[-16:-8]) == first and Counter(asked[-8:]) == second


def test_dialogs_draw_a_shuffled_order_by_item_and_seed_alone():
    pairs = [(example, tuple(EXAMPLE.stages)) for example in mixture("train", 20)]
    texts = [
        [chat["messages"][1]["content"][0]["text"] for chat in dialogs([pairs[:n]], "shuffled", seed)[0]]
        for n, seed in ((20, 0), (5, 0), (20, 1))
    ]
    assert texts[0][:5] == texts[1] and texts[0] != texts[2]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=200), st.integers(1, 5), st.integers(0, 9))
def test_grouping_by_length_keeps_every_example_and_can_start_anywhere(lengths, batch, seed):
    examples = [{"messages": [{"content": ["x" * length]}], "k": k} for k, length in enumerate(lengths)]
    order = [example["k"] for example in Grouped(examples, batch, seed)]
    assert sorted(order) == list(range(len(lengths)))
    late = Grouped(examples, batch, seed)
    assert [late[k]["k"] for k in range(len(order) // 2, len(order))] == order[len(order) // 2 :]


def test_grouping_puts_examples_of_like_length_into_a_batch():
    rng = random.Random(0)
    examples = [{"messages": [{"content": ["x" * rng.randrange(1000)]}]} for _ in range(64)]
    lengths = [len(example["messages"][0]["content"][0]) for example in Grouped(examples, 8, 0)]
    assert max(max(lengths[k : k + 8]) - min(lengths[k : k + 8]) for k in range(0, 64, 8)) < 300


def test_on_a_cpu_a_model_learns_by_plain_products_and_is_looked_at_as_it_is(train, monkeypatch):
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


def test_the_next_batch_is_ready_when_the_model_is_looked_at(train, monkeypatch):
    from o1lib.training.trainer import Trainer

    trainers, waiting, step = [], [], Trainer.training_step
    monkeypatch.setattr(Trainer, "training_step", lambda self, *args: (trainers.append(self), step(self, *args))[1])
    train(look=lambda _: waiting.append(not trainers[0].ahead[1].done()) or {}, look_steps=1)
    assert waiting == [False] * 6  # what looks uses the tokenizer that makes the batch
