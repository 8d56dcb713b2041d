"""The lean step computes what the model computes, and knows when it must not; equal candidates are read once."""

import copy
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from support import tiny, tinyvlm

from o1lib.evaluation.inputs import Arm
from o1lib.inference import lean_mllama
from o1lib.inference.candidate import nucleus_sample
from o1lib.inference.decoder import Decoder
from o1lib.inference.kv_cache import BatchedCache
from o1lib.inference.model_check import check_model
from o1lib.inference.model_runner import ModelRunner
from o1lib.search.segments import StageSpec
from o1lib.search.types import Conversation, GenerationRequest

STAGED = (StageSpec("summary", ("e",)), StageSpec("conclusion"))
SIZES = [(32, 32), (64, 32), (64, 64)]


def decoder(tiles=1, **how):
    settings = {"max_new_tokens": 12, "temperature": 1.0, "rows": 8, "replayed": False}
    return Decoder(*tiny.model_and_processor(tiles), **settings | how)


def asked(tiles, n):
    sizes = SIZES if tiles > 1 else SIZES[:1]
    return [
        replace(task, image=tiny.picture(k, *sizes[k % len(sizes)])) for k, task in enumerate(tiny.tasks(n, STAGED))
    ]


def states_of(speaker, tasks):
    with speaker.reading():
        speaker.prefiller.encode(tasks)
    return [speaker.prefiller.cached[task.qid].prompt for task in tasks]


def continued(speaker, states, tokens, changes=()):
    """Return the logits after each round of tokens, one for every row, read from the states in one batch."""
    with speaker.reading():
        batch, found = BatchedCache(speaker.runner, states, growing=True), []
        for k, row in enumerate(tokens):
            found.append(batch.read([[token] for token in row[: batch.rows]])[:, -1])
            if k < len(changes):
                batch.change(*changes[k])
    return found, batch


def rounds(rows, count, seed=0):
    return torch.randint(10, 300, (count, rows), generator=torch.Generator().manual_seed(seed)).tolist()


@pytest.mark.parametrize("tiles", [1, 4])
@pytest.mark.parametrize("copies", [1, 3])
def test_the_lean_step_gives_the_logits_of_the_model(tiles, copies):
    """Pictures of several sizes, one or several rows to a picture."""
    both = []
    for lean in (True, False):
        speaker = decoder(tiles, lean=lean)
        states = [state for state in states_of(speaker, asked(tiles, 3)) for _ in range(copies)]
        found, batch = continued(speaker, states, rounds(len(states), 5))
        assert bool(batch.lean) is lean
        both.append(torch.stack(found))
    torch.testing.assert_close(*both, atol=1e-4, rtol=1e-4)


def test_without_a_picture_it_leaves_cross_attention_out():
    both = []
    for lean in (True, False):
        speaker = decoder(lean=lean)
        states = [replace(state, picture=None) for state in states_of(speaker, asked(1, 2))]
        both.append(torch.stack(continued(speaker, states, rounds(2, 4))[0]))
    torch.testing.assert_close(*both, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("lean", [True, False])
def test_rows_that_move_are_copied_and_join_continue_as_if_alone(lean):
    """Enough tokens for the columns to be moved and the block to grow."""
    speaker = decoder(lean=lean)
    first, second, third = states_of(speaker, asked(1, 3))
    tokens = rounds(4, 90)
    changes = [([0, 1], []), ([1, 1], [third]), ([2, 1, 0], []), ([0], [first, second])]
    found, batch = continued(speaker, [first, second], tokens, changes)
    assert batch.rows == 3
    with speaker.reading():
        moved = BatchedCache(speaker.runner, [third])
        for k, row in enumerate(tokens[2:]):
            slot = 2 if k == 0 else 0
            torch.testing.assert_close(found[k + 2][slot], moved.read([[row[slot]]])[0, -1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_both_steps_draw_the_same_candidates(temperature):
    tasks = asked(1, 4)
    requests = [GenerationRequest(task, None, STAGED, n=3) for task in tasks]
    both = [decoder(lean=lean, temperature=temperature).propose(requests) for lean in (True, False)]
    lean, general = ([[one.state.ids for one in own] for own in found] for found in both)
    assert lean == general


def test_weights_that_change_are_noticed():
    speaker = decoder()
    weight = speaker.runner.model.lm_head.weight
    with speaker.reading():
        before = speaker.runner.lean_step()
        assert speaker.runner.lean_step() is before
    with torch.no_grad():
        weight.mul_(2.0)
    with speaker.reading():
        after = speaker.runner.lean_step()
    with torch.no_grad():
        weight.div_(2.0)
    assert after is not before and torch.allclose(after.head, 2 * before.head)


@pytest.mark.parametrize("part", ["lm_head.weight", "model.language_model.layers.1.cross_attn_attn_gate"])
def test_weights_changed_through_their_data_are_noticed(part):
    """Such a change moves no version counter."""
    model, processor = copy.deepcopy(tiny.model_and_processor()[0]), tiny.model_and_processor()[1]
    speaker, weight = Decoder(model, processor, replayed=False), model.get_parameter(part)
    before, counted = speaker.runner.lean_step(), weight._version
    weight.data.mul_(-1.0)
    assert weight._version == counted and speaker.runner.lean_step() is not before


def test_weights_made_in_inference_mode_are_decoded_by_the_lean_step():
    """They have no version counter; what changes them is noticed all the same."""
    with torch.inference_mode():
        model = copy.deepcopy(tiny.model_and_processor()[0])
    runner = Decoder(model, tiny.model_and_processor()[1], replayed=False).runner
    before = runner.lean_step()
    assert runner.lean_step() is before
    with torch.inference_mode():
        model.lm_head.weight.mul_(2.0)
    assert torch.allclose(runner.lean_step().head, 2 * before.head)


def test_what_the_lean_step_cannot_do_names_the_reason(monkeypatch):
    model = tiny.model_and_processor()[0]
    assert lean_mllama.step_of(model) == "lean"
    assert "this kind of model" in lean_mllama.step_of(SimpleNamespace())
    hook = model.lm_head.register_forward_hook(lambda *_: None)
    assert lean_mllama.step_of(model) == "general: hooks are attached to its layers"
    hook.remove()
    layer = model.model.language_model.layers[0].self_attn
    own, layer.q_proj = layer.q_proj, type("Adapted", (torch.nn.Linear,), {})(4, 4)
    adapted, layer.q_proj = lean_mllama.step_of(model), own
    assert "an adapter" in adapted
    monkeypatch.setattr(lean_mllama, "MOST_BYTES", 1000)
    assert "copy of its weights" in lean_mllama.step_of(model)
    assert ModelRunner(model, lean=False).why_general() == "the lean step is switched off"


def test_bfloat16_is_a_choice_and_rounds_to_three_digits():
    tokens, found = rounds(3, 4), {}
    for dtype in (None, torch.bfloat16):
        speaker = decoder(dtype=dtype)
        states = states_of(decoder(), asked(1, 3))
        logits, batch = continued(speaker, states, tokens)
        found[dtype] = torch.stack(logits).float()
        assert batch.lean.dtype is (dtype or torch.float32)
    off = (found[None] - found[torch.bfloat16]).abs().max() / found[None].std()
    assert 1e-4 < off < 0.1


def test_tokens_that_candidates_draw_alike_are_read_once(monkeypatch):
    """Greedy candidates never differ, so they are one row; their usage is that of separate ones."""
    read, rows = BatchedCache.read, []
    monkeypatch.setattr(
        BatchedCache, "read", lambda self, tokens, **how: rows.append(len(tokens)) or read(self, tokens, **how)
    )
    speaker, [task] = decoder(), asked(1, 1)
    [candidates] = speaker.propose([GenerationRequest(task, None, STAGED, n=5, greedy=True)])
    assert set(rows) == {1} and len({one.state.ids for one in candidates}) == 1
    assert len({one.cost.generated for one in candidates}) == 1 < candidates[0].cost.generated


@pytest.mark.parametrize("n, rows", [(6, 1), (6, 2), (6, 16)])
def test_candidates_that_share_a_row_are_those_drawn_alone(n, rows):
    """Before and after they part, and however few rows there are."""
    task = tiny.coloured_tasks(1)[0]
    speaker = Decoder(*tiny.trained(), temperature=1.5, max_new_tokens=16, rows=rows)
    [together] = speaker.propose([GenerationRequest(task, None, task.stages, n=n)])
    alone = [speaker.propose([GenerationRequest(task, None, task.stages, first=k)])[0][0] for k in range(n)]
    assert [one.state.ids for one in together] == [one.state.ids for one in alone]
    assert len({one.state.ids for one in together}) > 1
    states = [one.state for one in together]
    assert all(len(one.ids) - 1 <= one.length <= len(one.ids) for one in states)


def test_replies_to_the_same_words_share_a_row(monkeypatch):
    """Each is drawn under its own key all the same."""
    speaker, [task] = Decoder(*tiny.trained(), temperature=1.5, max_new_tokens=8), tiny.coloured_tasks(1)
    talks = [Conversation(task, ("What do you see?",), picture=False)] * 2
    both = [one.state.ids for one in speaker.reply(talks, ["a", "b"])]
    alone = [speaker.reply([talk], [key])[0].state.ids for talk, key in zip(talks, "ab", strict=True)]
    assert both == alone and both[0] != both[1]


def test_draws_from_one_row_are_those_from_copies_of_it():
    logits = torch.randn(3, 200, generator=torch.Generator().manual_seed(0))
    owners, uniforms = [0, 0, 1, 2, 2, 2], [0.1, 0.9, 0.5, 0.2, 0.4, 0.99]
    greedy = [False, False, True, False, True, False]
    found = nucleus_sample(logits, uniforms, greedy, 0.8, 0.9, owners)
    assert found == nucleus_sample(logits[owners], uniforms, greedy, 0.8, 0.9)


def test_the_check_of_a_model_says_which_step_decodes_it():
    assert "decoding step: lean" in check_model(*tiny.model_and_processor()).text()
    assert "decoding step: general: there is no lean step" in check_model(*tinyvlm.smol()).text()


def test_the_record_of_an_evaluation_says_which_step_decoded():
    arms = [Arm(*made(), "tags", "", "") for made in (tiny.model_and_processor, tinyvlm.smol)]
    lean, general = (arm.facts()["decoding_step"] for arm in arms)
    assert lean == "lean" and general.startswith("general: ")
