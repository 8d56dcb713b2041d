"""Exactness on every kind of model: the batched engine against plain generate, the sequential engine, and no cache."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import tiny, tinyvlm

from o1lib.inference.decoder import Decoder
from o1lib.inference.kv_cache import BatchedCache
from o1lib.inference.plain import plain_logits
from o1lib.inference.sequential import make_decoder
from o1lib.inference.shared_attention import Groups
from o1lib.records import UserError
from o1lib.search.methods import METHODS, make_search
from o1lib.search.rewards import make_judge_or_reward
from o1lib.search.scheduler import run_searches
from o1lib.search.segments import StageSpec
from o1lib.search.types import Conversation, GenerationRequest, Task

pytestmark = pytest.mark.slow

MODELS = {
    "trained": tiny.trained,
    "mllama": tiny.model_and_processor,
    "tiles": lambda: tiny.model_and_processor(4),
    "qwen": tinyvlm.qwen,
    "smol": tinyvlm.smol,
}
STAGED = (StageSpec("summary", ("e",)), StageSpec("caption", ("a",)), StageSpec("conclusion"))
TURNS = (
    StageSpec("summary"),
    StageSpec("caption", turn="Now the caption?"),
    StageSpec("conclusion", turn="The answer?"),
)


@pytest.fixture(params=MODELS)
def kind(request):
    return request.param


def tasks(kind, n, steps=STAGED):
    """Return tasks for a kind of model, pictures of several sizes where it takes them."""
    if kind == "trained":
        return tiny.coloured_tasks(n)
    sizes = [(32, 32)] if kind == "mllama" else [(32, 32), (64, 32), (64, 64)]
    return [replace(task, image=tiny.picture(k, *sizes[k % len(sizes)])) for k, task in enumerate(tiny.tasks(n, steps))]


def decoder(kind, engine="batched", **how):
    return make_decoder(engine, *MODELS[kind](), **{"max_new_tokens": 16, "rows": 6, "temperature": 1.0} | how)


def search(speaker, asked, n=3, name="stage_beam", who="likelihood", **options):
    judge = make_judge_or_reward(name, who, decoder=speaker)
    return run_searches((make_search(name, n, **options)(task, n, 0) for task in asked), speaker, judge)


def reread(kind, task, spoken):
    """Return log-probabilities of every next token, from one forward pass of everything, without a cache."""
    model, speaker = MODELS[kind]()[0], decoder(kind, "one_at_a_time")
    with torch.inference_mode():
        return plain_logits(model, speaker.chat.inputs([task]), list(spoken), 0).float().log_softmax(-1)


def test_the_picture_moves_the_logits(kind):
    speaker, asked = decoder(kind), tasks(kind, 2)
    asked[1] = replace(asked[0], qid="other", image=tasks(kind, 4)[1 if kind == "trained" else 3].image)
    speaker.propose([GenerationRequest(task, None, task.stages) for task in asked])
    one, other = (speaker.prefiller.cached[task.qid].prompt.logits for task in asked)
    assert (one - other).abs().max() > 1e-3


def test_greedy_equals_plain_generation(kind):
    speaker, asked = decoder(kind), tasks(kind, 5, (StageSpec("all"),))
    asked = [replace(task, stages=(StageSpec("all"),)) for task in asked]
    found = speaker.propose([GenerationRequest(task, None, task.stages, greedy=True) for task in asked])
    for task, [candidate] in zip(asked, found):
        with torch.inference_mode():
            said = speaker.runner.model.generate(**speaker.chat.inputs([task]), max_new_tokens=16, do_sample=False)[
                0
            ].tolist()
        assert list(candidate.state.ids) == said[: len(candidate.state.ids)]
        assert candidate.tokens == 16 or candidate.segments[-1].end == "eos"


@pytest.mark.slow
@pytest.mark.parametrize("steps", [STAGED, TURNS])
def test_a_sampled_search_replayed_without_cache_is_the_same(kind, steps):
    speaker, asked = decoder(kind, rows=4), tasks(kind, 3, steps)
    states = {}
    for task in asked:  # stage after stage, the second candidate kept
        for step in task.stages:
            [own] = speaker.propose([GenerationRequest(task, states.get(task.qid), (step,), n=2)])
            states[task.qid] = own[1].state
            segment, spoken = own[1].segments[0], own[1].state.ids
            told = torch.tensor(spoken[-segment.tokens :])
            scores = reread(kind, task, spoken)[-1 - segment.tokens : -1].gather(1, told[:, None])
            assert float(scores.sum()) == pytest.approx(segment.logprob, abs=1e-4 * segment.tokens)
            if own[1].ended and step.turn is None and steps is STAGED:
                break


@pytest.mark.slow
def test_both_engines_draw_the_same_tokens_and_winners(kind):
    asked = tasks(kind, 3)
    for one, other in zip(search(decoder(kind), asked), search(decoder(kind, "one_at_a_time"), asked)):
        assert one.text == other.text and [r.kept for r in one.rounds] == [r.kept for r in other.rounds]
        for mine, its in zip(one.rounds, other.rounds):
            assert [c.text for c in mine.candidates] == [c.text for c in its.candidates]
            assert [c.logprob for c in mine.candidates] == pytest.approx([c.logprob for c in its.candidates], abs=1e-3)
            assert [c.cost.generated for c in mine.candidates] == [c.cost.generated for c in its.candidates]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["trained", "smol"])
@pytest.mark.parametrize("who", ["self", "self_as_released"])
def test_both_engines_judge_alike(kind, who):
    asked = tasks(kind, 2)
    for one, other in zip(
        search(decoder(kind), asked, who=who), search(decoder(kind, "one_at_a_time"), asked, who=who)
    ):
        assert one.text == other.text
        assert [[(a, b, v.winner, v.tie) for a, b, v in r.matches] for r in one.rounds] == [
            [(a, b, v.winner, v.tie) for a, b, v in r.matches] for r in other.rounds
        ]


def test_turn_by_turn_both_engines_say_the_same(kind):
    asked = [replace(task, stages=TURNS) for task in tasks(kind, 2, TURNS)]
    whole = {name: decoder(kind, name, max_new_tokens=6) for name in ("batched", "one_at_a_time")}
    said = [
        speaker.propose([GenerationRequest(task, None, task.stages, n=2) for task in asked])
        for speaker in whole.values()
    ]
    assert [[c.text for c in own] for own in said[0]] == [[c.text for c in own] for own in said[1]]
    assert all(len(c.segments) == 3 for own in said[0] for c in own)


@pytest.mark.slow
def test_a_question_alone_equals_the_same_question_in_a_batch(kind):
    asked = tasks(kind, 5)
    together = search(decoder(kind, rows=7), asked)
    for task, tree in zip(asked[::2], together[::2]):
        [alone] = search(decoder(kind), [task])
        assert alone.text == tree.text and alone.usage == tree.usage


def test_options_weigh_as_much_as_a_plain_forward_says(kind):
    speaker, asked = decoder(kind), tasks(kind, 3)
    said, options = [f"Is it so? {k}" for k in range(2)], ["3", "Two red dots"]
    contexts = [Conversation(task, (text,), prefix="Since ") for task in asked for text in (*said, said[0])]
    found, slow = (
        one.likelihoods(contexts, [options] * len(contexts)) for one in (speaker, decoder(kind, "one_at_a_time"))
    )
    for (fast, _), (plain, _) in zip(found, slow):
        assert fast == pytest.approx(plain, abs=1e-4)
    assert sum(cost.judge for _, cost in found) < sum(cost.judge for _, cost in slow) and found[2][1].calls == 0


@pytest.mark.parametrize("beams", [2, 3])
def test_beams_equal_those_of_the_library(kind, beams):
    speaker = decoder(kind, temperature=0, max_new_tokens=8)
    asked = [replace(task, stages=(StageSpec("caption", ("e",)),)) for task in tasks(kind, 4)]
    found = speaker.propose([GenerationRequest(task, None, task.stages, beams=beams) for task in asked])
    for task, [candidate] in zip(asked, found):
        inputs = speaker.chat.inputs([task])
        with torch.inference_mode():
            said = speaker.runner.model.generate(
                **inputs,
                max_new_tokens=8,
                do_sample=False,
                num_beams=beams,
                stop_strings=["e"],
                tokenizer=speaker.chat.tokenizer,
                eos_token_id=sorted(speaker.chat.eos),
            )[0].tolist()
        assert list(candidate.state.ids) == said[: len(candidate.state.ids)]
        assert candidate.logprob == pytest.approx(
            float(
                reread(kind, task, candidate.state.ids)[-1 - candidate.tokens : -1]
                .gather(1, torch.tensor(candidate.state.ids[-candidate.tokens :])[:, None])
                .sum()
            ),
            abs=1e-3,
        )


def test_sampled_beams_do_not_depend_on_their_neighbours(kind):
    asked = [replace(task, stages=STAGED[:1]) for task in tasks(kind, 3)]
    together = decoder(kind).propose([GenerationRequest(task, None, task.stages, beams=3) for task in asked])
    for task, own in zip(asked, together):
        assert decoder(kind).propose([GenerationRequest(task, None, task.stages, beams=3)])[0][0].text == own[0].text


class Seen:
    """Counts pictures in a model's vision tower; the tiles and parts of one picture count once."""

    def __init__(self, model, parts=None):
        self.pictures = 0
        tower = next(module for name, module in model.named_modules() if name.endswith(("vision_model", "visual")))
        self.handle = tower.register_forward_hook(self._count, with_kwargs=True)
        self.parts = parts or {}

    def _count(self, module, args, kwargs, output):
        if "grid_thw" in kwargs:
            self.pictures += len(kwargs["grid_thw"])
        elif kwargs["pixel_values"].ndim == 4:  # parts of split pictures in one row each
            self.pictures += sum(
                (pixels.mean() * 1e4).round().item() in self.parts for pixels in kwargs["pixel_values"]
            )
        else:
            self.pictures += kwargs["pixel_values"].shape[0]


def seen(speaker, asked):
    """Return a counter; of SmolVLM's parts only the small whole picture, the last part, is counted."""
    model = getattr(speaker, "model", None) or speaker.runner.model
    parts = set()
    for task in asked:
        pixels = speaker.chat.inputs([task])["pixel_values"]
        if pixels.ndim == 5:
            parts.add((pixels[0, -1].mean() * 1e4).round().item())
    return Seen(model, parts)


@pytest.mark.parametrize(
    "name, who, n",
    [
        (name, who, spec.max_n or 3)
        for name, spec in METHODS.items()
        for who in (
            ("likelihood", "verifier")
            if spec.rewarded
            else ("likelihood", "self", "self_as_released")
            if spec.judged
            else ("likelihood",)
        )
    ],
)
@pytest.mark.parametrize("kind", ["trained", "qwen", "smol"])
def test_any_search_and_judge_encodes_a_picture_once(kind, name, who, n):
    speaker, asked = decoder(kind, max_new_tokens=5), tasks(kind, 2)
    counter = seen(speaker, asked)
    options = {"cutoffs": {"conclusion": 1e9}} if name == "retracing" else {}
    trees = search(speaker, asked, n, name, who, **options)
    counter.handle.remove()
    assert counter.pictures == 2 and [tree.usage.images for tree in trees] == [1, 1]


@pytest.mark.parametrize("who", ["likelihood", "self", "self_as_released"])
@pytest.mark.parametrize("kind", ["trained", "qwen"])
def test_the_released_procedure_encodes_the_picture_at_every_call(kind, who):
    speaker, asked = decoder(kind, "one_at_a_time", max_new_tokens=8), tasks(kind, 1)
    counter = seen(speaker, asked)
    [tree] = search(speaker, asked, 2, who=who)
    counter.handle.remove()
    checks = [
        v for one in tree.rounds for _, _, v in one.matches if one.stage == "reasoning" and who == "self_as_released"
    ]
    without = sum(v.cost.calls - v.cost.images for v in checks)
    assert counter.pictures == tree.usage.images == tree.usage.calls - without


@pytest.mark.parametrize("engine", ["batched", "one_at_a_time"])
@pytest.mark.parametrize("n", [1, 2, 4])
def test_the_released_stage_beam_makes_at_most_10n_minus_6_calls(engine, n):
    for tree in search(decoder("trained", engine, max_new_tokens=8), tasks("trained", 3), n, who="self_as_released"):
        checks = sum(
            v.cost.calls - (not v.note.startswith("veto"))
            for one in tree.rounds
            for _, _, v in one.matches
            if one.stage == "reasoning"
        )
        vetoes = sum(v.note.startswith("veto") for one in tree.rounds for _, _, v in one.matches)
        stages = len(tree.rounds)
        assert tree.usage.calls == stages * n + stages * (n - 1) - vetoes + checks <= 10 * n - 6
        assert checks <= 2 * (n - 1)


@pytest.mark.slow
def test_the_usage_of_both_engines_counts_every_token():
    asked = tasks("trained", 2)
    fast, slow = (search(decoder("trained", engine), asked, who="self") for engine in ("batched", "one_at_a_time"))
    for one, other in zip(fast, slow):
        assert one.usage.generated == other.usage.generated
        prompt = len(decoder("trained").chat.inputs([one.task])["input_ids"][0])
        lengths = [
            prompt
            + sum(p.tokens for r in other.rounds[:k] for c in r.candidates if c.index == r.kept for p in c.segments)
            for k in range(len(other.rounds))
        ]
        assert one.usage.prefilled == prompt and other.usage.prefilled == sum(3 * length for length in lengths)
        assert 0 < one.usage.judge < other.usage.judge


def test_pictures_take_the_same_memory_however_many_candidates():
    for kind in ("trained", "tiles"):
        speaker, asked = decoder(kind), tasks(kind, 3)
        with speaker.reading():
            speaker.prefiller.encode(asked)
            states = [speaker.prefiller.cached[task.qid].prompt for task in asked]
            sizes = {
                n: BatchedCache(speaker.runner, [state for state in states for _ in range(n)]).picture_bytes
                for n in (1, 8)
            }
            batch = BatchedCache(speaker.runner, states * 2)
            batch.select([0, 3])
        assert sizes[1] == sizes[8] > 0 and batch.picture_bytes == sizes[1] // 3


def test_a_row_that_replaces_another_continues_as_if_alone(kind):
    speaker, asked = decoder(kind), tasks(kind, 3)
    with speaker.reading():
        speaker.prefiller.encode(asked)
        first, second, third = sorted(
            (speaker.prefiller.cached[task.qid].prompt for task in asked), key=lambda s: -s.length
        )
        batch = BatchedCache(speaker.runner, [first, second])
        batch.read([[7], [8]])
        batch.block[:, :, 1] = float("nan")  # a broken row's values must not reach other rows
        batch.change([0], [third])
        together = batch.read([[9], [10]])[:, -1]
        alone = BatchedCache(speaker.runner, [third]).read([[10]])[:, -1]
    torch.testing.assert_close(together[1:], alone, atol=1e-4, rtol=1e-4)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.integers(1, 3))
@settings(max_examples=40)
def test_rows_come_back_from_their_pictures_as_they_went(pictures, tokens):
    numbers = {picture: place for place, picture in enumerate(dict.fromkeys(pictures))}
    groups = Groups.of([numbers[picture] for picture in pictures], "cpu")
    rows = torch.arange(len(pictures) * tokens * 2.0).reshape(len(pictures), tokens, 2)
    if groups is None:
        assert len(numbers) == len(pictures)
    else:
        gathered = groups.gather(rows)
        assert gathered.shape[0] == len(numbers) and torch.equal(groups.scatter(gathered, tokens), rows)


def test_the_released_procedure_has_no_beams_over_tokens():
    with pytest.raises(UserError, match="engine='batched'"):
        search(decoder("mllama", "one_at_a_time"), tasks("mllama", 1), 2, "token_beam")


def test_an_unknown_engine_is_refused():
    with pytest.raises(UserError, match="unknown engine 'fast'"):
        make_decoder("fast", *tiny.model_and_processor())


def test_layers_that_cannot_be_forked_name_the_other_engine(monkeypatch):
    model, processor = tinyvlm.qwen()
    monkeypatch.setattr(model.config.text_config, "layer_types", ["sliding_attention"] * 3)
    with pytest.raises(UserError, match="sliding_attention.*one_at_a_time"):
        Decoder(model, processor)


@pytest.mark.parametrize("engine", ["batched", "one_at_a_time"])
def test_a_prompt_longer_than_the_context_is_refused(kind, engine):
    task = Task("long", "How many dots? " * 500, tasks(kind, 1)[0].image, (StageSpec("all"),))
    with pytest.raises(UserError, match="question long takes .* tokens but the model reads"):
        decoder(kind, engine).propose([GenerationRequest(task, None, task.stages)])
