"""Batched decoding: exact against plain generation and in every batch; ends of stages, turns, costs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import tiny

from o1lib.inference.candidate import nucleus_sample
from o1lib.inference.decoder import Decoder
from o1lib.records import UserError
from o1lib.search.segments import StageSpec
from o1lib.search.streams import keyed_rng
from o1lib.search.types import Conversation, GenerationRequest, Task

STAGED = (StageSpec("summary", ("e",)), StageSpec("caption", ("a",)), StageSpec("conclusion"))
TURNS = (
    StageSpec("summary"),
    StageSpec("caption", turn="Now the caption?"),
    StageSpec("conclusion", turn="The answer?"),
)


def decoder(tiles=1, **settings):
    return Decoder(*tiny.model_and_processor(tiles), **{"max_new_tokens": 24, "rows": 6} | settings)


def plain(tiles, task, tokens):
    """Return the tokens of the library's own greedy generation for one question alone."""
    model, processor = tiny.model_and_processor(tiles)
    speaker = decoder(tiles)
    inputs = speaker.chat.inputs([task])
    with torch.inference_mode():
        return model.generate(
            **inputs, max_new_tokens=tokens, do_sample=False, pad_token_id=processor.tokenizer.pad_token_id
        )[0].tolist()


def reread(speaker, task, spoken):
    """Return log-probabilities of every next token, from one forward pass of all tokens without a cache."""
    spoken, inputs = torch.tensor([spoken]), dict(speaker.chat.inputs([task]))
    cross = inputs["cross_attention_mask"]
    grown = cross[:, -1:].expand(-1, spoken.shape[1] - cross.shape[1], -1, -1)
    inputs |= {
        "input_ids": spoken,
        "attention_mask": torch.ones_like(spoken),
        "cross_attention_mask": torch.cat([cross, grown], 1),
    }
    with torch.inference_mode():
        return speaker.runner.model(**inputs).logits[0].log_softmax(-1)


def ids(replies):
    return [[candidate.state.ids for candidate in own] for own in replies]


@pytest.mark.slow
@pytest.mark.parametrize("tiles, size", [(1, (32, 32)), (4, (32, 32)), (4, (64, 32)), (4, (64, 64))])
def test_greedy_equals_plain_generation(tiles, size):
    speaker, asked = decoder(tiles), tiny.tasks(5, width=size[0], height=size[1])
    found = speaker.propose([GenerationRequest(task, None, task.stages, greedy=True) for task in asked])
    for task, [candidate] in zip(asked, found):
        assert list(candidate.state.ids) == plain(tiles, task, 24)[: len(candidate.state.ids)]
        assert candidate.tokens == 24 or candidate.segments[-1].end == "eos"


@pytest.mark.slow
def test_the_picture_moves_the_logits():
    speaker, [task] = decoder(), tiny.tasks(1)
    speaker.propose(
        [
            GenerationRequest(task, None, task.stages),
            GenerationRequest(replace(task, qid="other", image=tiny.picture(99)), None, task.stages),
        ]
    )
    one, other = (speaker.prefiller.cached[qid].prompt.logits for qid in ("q0", "other"))
    assert (one - other).abs().max() > 1e-3


@pytest.mark.slow
def test_stages_continued_from_the_cache_equal_one_generation():
    speaker, asked = decoder(), tiny.tasks(6)
    states = dict.fromkeys(task.qid for task in asked)
    for step in STAGED:
        live = [task for task in asked if states[task.qid] is None or states[task.qid].ids[-1] not in speaker.chat.eos]
        for task, [candidate] in zip(
            live, speaker.propose([GenerationRequest(task, states[task.qid], (step,), greedy=True) for task in live])
        ):
            states[task.qid] = candidate.state
    for task in asked:
        mine = states[task.qid].ids
        assert list(mine) == plain(1, task, 72)[: len(mine)]


@pytest.mark.slow
def test_a_question_alone_equals_the_same_question_in_a_batch():
    asked = tiny.tasks(5, STAGED)
    together = decoder().propose([GenerationRequest(task, None, task.stages, n=3) for task in asked])
    for task, own in zip(asked, together):
        assert ids(decoder().propose([GenerationRequest(task, None, task.stages, n=3)])) == ids([own])


@pytest.mark.slow
def test_candidates_of_one_question_differ_and_seeds_differ():
    [task] = tiny.tasks(1)
    [four] = decoder(temperature=1.0).propose([GenerationRequest(task, None, task.stages, n=4)])
    [other] = decoder(temperature=1.0, seed=1).propose([GenerationRequest(task, None, task.stages, n=4)])
    assert len({candidate.text for candidate in (*four, *other)}) == 8


@pytest.mark.slow
def test_stage_by_stage_with_one_candidate_equals_one_sample():
    speaker, asked = decoder(), tiny.tasks(4, STAGED)
    whole = speaker.propose([GenerationRequest(task, None, task.stages) for task in asked])
    for task, [sample] in zip(asked, whole):
        state, segments = None, []
        for step in STAGED[: len(sample.segments)]:
            [[candidate]] = speaker.propose([GenerationRequest(task, state, (step,))])
            state, segments = candidate.state, [*segments, *candidate.segments]
        assert [segment.text for segment in segments] == [segment.text for segment in sample.segments]


@pytest.mark.slow
@pytest.mark.parametrize("steps", [STAGED, TURNS])
def test_a_sampled_search_replayed_without_cache_is_the_same(steps):
    speaker, asked = decoder(), tiny.tasks(3, steps)
    found = speaker.propose([GenerationRequest(task, None, task.stages, n=2) for task in asked])
    for task, own in zip(asked, found):
        for candidate in own:
            spoken, last = candidate.state.ids, candidate.segments[-1]
            scores = reread(speaker, task, spoken)[-1 - last.tokens : -1]
            told = torch.tensor(spoken[-last.tokens :])
            assert float(scores.gather(1, told[:, None]).sum()) == pytest.approx(last.logprob, abs=1e-4 * last.tokens)


def test_every_turn_is_asked_in_the_words_of_the_chat_template():
    speaker, asked = decoder(max_new_tokens=8), tiny.tasks(4, TURNS)
    for [candidate] in speaker.propose([GenerationRequest(task, None, task.stages, greedy=True) for task in asked]):
        assert [segment.stage for segment in candidate.segments] == ["summary", "caption", "conclusion"]
        assert candidate.text.count("\n\n") >= 2
        spoken = speaker.chat.tokenizer.decode(candidate.state.ids)
        for turn in ("Now the caption?", "The answer?"):
            assert f"<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n{turn}<|eot_id|>" in spoken
        assert candidate.cost.calls == 3


@pytest.mark.slow
def test_turns_asked_one_by_one_equal_turns_asked_at_once():
    speaker, asked = decoder(max_new_tokens=8), tiny.tasks(3, TURNS)
    whole = speaker.propose([GenerationRequest(task, None, task.stages, n=2) for task in asked])
    for task, own in zip(asked, whole):
        for k, sample in enumerate(own):
            state = None
            for step in TURNS:
                [[candidate]] = speaker.propose([GenerationRequest(task, state, (step,), first=k)])
                state = candidate.state
            assert state.ids == sample.state.ids


def test_a_tag_that_never_comes_is_cut_and_marked():
    speaker, [task] = (
        decoder(max_new_tokens=5),
        tiny.tasks(1, (StageSpec("caption", ("</CAPTION>",)), StageSpec("conclusion", ("</CONCLUSION>",)))),
    )
    [[candidate]] = speaker.propose([GenerationRequest(task, None, task.stages, greedy=True)])
    assert candidate.segments[-1].end == "length" and candidate.ended
    assert candidate.problem == "caption: cut after 5 tokens"


def test_the_end_of_a_turn_instead_of_a_tag_is_marked(monkeypatch):
    speaker, [task] = decoder(), tiny.tasks(1, (StageSpec("caption", ("</CAPTION>",)),))
    monkeypatch.setattr(speaker.chat, "eos", set(range(400)))  # whatever it says ends its turn
    [[candidate]] = speaker.propose([GenerationRequest(task, None, task.stages)])
    assert candidate.tokens == 1 and candidate.problem == "caption: ended before </CAPTION>"


@pytest.mark.slow
def test_the_usage_counts_images_through_the_vision_tower():
    speaker, asked, rows = decoder(), tiny.tasks(5, STAGED), []
    hook = speaker.runner.model.model.vision_model.register_forward_hook(
        lambda module, args, kwargs, out: rows.append(kwargs["pixel_values"].shape[0]), with_kwargs=True
    )
    found = speaker.propose([GenerationRequest(task, None, task.stages, n=3) for task in asked])
    speaker.likelihoods([Conversation(task, ("Is it?",)) for task in asked], [["yes", "no"]] * 5)
    hook.remove()
    assert sum(rows) == sum(candidate.cost.images for own in found for candidate in own) == 5


def test_the_usage_counts_every_token_once():
    speaker, asked = decoder(), tiny.tasks(3, STAGED)
    found = speaker.propose([GenerationRequest(task, None, task.stages, n=2) for task in asked])
    for task, own in zip(asked, found):
        prompt = len(speaker.prefiller.cached[task.qid].prompt.ids)
        assert [candidate.cost.generated for candidate in own] == [
            len(candidate.state.ids) - prompt for candidate in own
        ]
        assert [candidate.cost.prefilled for candidate in own] == [prompt, 0]
        assert all(candidate.cost.seconds > 0 and candidate.cost.calls == 1 for candidate in own)


def test_options_weigh_as_much_as_a_plain_forward_says():
    speaker, asked = decoder(), tiny.tasks(3)
    options = [["3", "Two red dots"], ["blue", "red"], ["1"]]
    found = speaker.likelihoods(
        [Conversation(task, (task.question,), prefix="<CONCLUSION> ") for task in asked], options
    )
    for task, own, (scores, _) in zip(asked, options, found):
        for option, score in zip(own, scores):
            prompt, words = (
                speaker.chat.ids(speaker.chat.render((task.question,)) + "<CONCLUSION> "),
                speaker.chat.ids(option),
            )
            wanted = (
                reread(speaker, task, prompt + words)[len(prompt) - 1 : -1]
                .gather(1, torch.tensor(words)[:, None])
                .sum()
            )
            assert score == pytest.approx(float(wanted), abs=1e-4)


def test_a_reply_without_a_picture_is_that_of_the_text_alone():
    speaker, [task] = decoder(temperature=0), tiny.tasks(1)
    [reply] = speaker.reply([Conversation(task, ("Is 2 + 1 = 3 correct?",), picture=False)], ["check"])
    model, processor = tiny.model_and_processor()
    inputs = processor.tokenizer(
        speaker.chat.render(("Is 2 + 1 = 3 correct?",), picture=False), add_special_tokens=False, return_tensors="pt"
    )
    with torch.inference_mode():
        out = model.generate(
            **inputs, max_new_tokens=24, do_sample=False, pad_token_id=processor.tokenizer.pad_token_id
        )
    assert speaker.chat.text(out[0, inputs["input_ids"].shape[1] :].tolist()) == reply.text
    assert reply.cost.judge == inputs["input_ids"].shape[1] + reply.tokens and reply.cost.images == 0


@pytest.mark.parametrize("temperature", [0, 0.6])
def test_a_token_beam_goes_on_turn_by_turn(temperature):
    speaker, [task] = decoder(max_new_tokens=6, temperature=temperature), tiny.tasks(1, TURNS)
    state, found = None, []
    for step in TURNS:
        [[candidate]] = speaker.propose([GenerationRequest(task, state, (step,), beams=3)])
        state = candidate.state
        found.append(candidate)
    assert [candidate.cost.images for candidate in found] == [1, 0, 0]  # never encoded again
    assert all(candidate.tokens <= candidate.cost.generated <= 3 * 6 for candidate in found)
    again = decoder(max_new_tokens=6, temperature=temperature).propose(
        [GenerationRequest(task, None, TURNS[:1], beams=3)]
    )
    assert again[0][0].text == found[0].text


def test_a_token_beam_finds_a_likelier_text_than_greedy_does():
    speaker, asked = decoder(max_new_tokens=6, temperature=0), tiny.tasks(4)
    greedy = speaker.propose([GenerationRequest(task, None, task.stages, greedy=True) for task in asked])
    beams = speaker.propose([GenerationRequest(task, None, task.stages, beams=4) for task in asked])
    assert sum(own[0].logprob for own in beams) > sum(own[0].logprob for own in greedy)


def test_a_prompt_longer_than_the_context_is_refused():
    with pytest.raises(UserError, match="q0 takes .* tokens but the model reads 512"):
        task = Task("q0", "How many dots? " * 500, tiny.picture(0), (StageSpec("all"),))
        decoder().propose([GenerationRequest(task, None, task.stages)])


def test_a_model_that_cannot_see_is_refused():
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(
        LlamaConfig(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, vocab_size=9)
    )
    with pytest.raises(UserError, match="no image token"):
        Decoder(model, tiny.model_and_processor()[1])


def test_draws_depend_on_their_key_alone():
    assert keyed_rng(0, "q", "caption", 1).random(3).tolist() == keyed_rng(0, "q", "caption", 1).random(3).tolist()
    assert (
        len(
            {
                keyed_rng(*key).random()
                for key in [(0, "q", "a", 1), (1, "q", "a", 1), (0, "r", "a", 1), (0, "q", "b", 1), (0, "q", "a", 2)]
            }
        )
        == 5
    )
    assert keyed_rng("ab", "c").random() != keyed_rng("a", "bc").random()


def test_draws_follow_the_nucleus():
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]])).repeat(4000, 1)
    uniforms = np.random.default_rng(0).random(4000).tolist()
    tokens, logprobs = nucleus_sample(logits, uniforms, [False] * 4000, 1.0, 0.8)
    shares = np.bincount(tokens, minlength=4) / 4000
    assert shares == pytest.approx([0.5 / 0.8, 0.3 / 0.8, 0, 0], abs=0.03)
    assert logprobs[0] == pytest.approx(float(logits[0, tokens[0]]))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-20, 20), min_size=2, max_size=90), st.floats(0, 1, exclude_max=True), st.floats(0.05, 1))
def test_a_draw_is_always_inside_the_nucleus(logits, uniform, top_p):
    row = torch.tensor([logits])
    [token], _ = nucleus_sample(row, [uniform], [False], 1.0, top_p)
    likely = row.double().softmax(-1)[0]
    assert float(likely[likely > likely[token] * (1 + 1e-9)].sum()) < top_p + 1e-6
