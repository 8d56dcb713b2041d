"""A model is run in a batch only if the batched engine computes what the model's own forward pass computes."""

import copy
import warnings
from types import SimpleNamespace

import pytest
import torch
from support import families, tiny, tinyvlm

from o1lib.evaluation.probes.model import replies
from o1lib.inference import conformance
from o1lib.inference.decoder import Decoder
from o1lib.inference.kv_cache import BatchedCache
from o1lib.inference.model_check import check_model
from o1lib.inference.model_runner import CannotFork, ModelRunner, context_of
from o1lib.inference.sequential import SequentialDecoder, engines_that_ran, make_decoder
from o1lib.records import UserError
from o1lib.search.segments import StageSpec
from o1lib.search.types import GenerationRequest

pytestmark = pytest.mark.slow

BATCHED = {
    "mllama": tiny.model_and_processor,
    "tiles": lambda: tiny.model_and_processor(4),
    "qwen2.5": tinyvlm.qwen,
    "smol": tinyvlm.smol,
    "windowless mistral": lambda: families.mistral(None),
    "window as long as the context": lambda: families.mistral(512),
    **{name: families.FAMILIES[name] for name in ("qwen3", "glm4v", "internvl", "onevision", "llava")},
}
# (a model that the batched engine gets wrong, words of the sentence that says why)
WRONG = {
    "sliding_window alone": (families.mistral, r"last 24 tokens \(a sliding window\).*off .* by up to"),
    "a window that the context hardly exceeds": (lambda: families.mistral(500), r"last 500 tokens"),
    "pictures read both ways": (families.gemma3, r"reads parts of its prompt both ways \(token_type_ids\)"),
    "windowed layers": (lambda: families.gemma3(windowed=True), r"cannot fork \(sliding_attention\)"),
    "prompts read both ways": (
        families.paligemma,
        r"reads parts of its prompt both ways \(use_bidirectional_attention\)",
    ),
}


def greedy(speaker, model, n=8):
    """Return the tokens after two greedy requests, the second continued from the first, and `generate`'s."""
    [task] = tiny.tasks(1)
    first = GenerationRequest(task, None, task.stages, greedy=True)
    [[one]] = speaker.propose([first])
    [[two]] = speaker.propose([GenerationRequest(task, one.state, task.stages, greedy=True)])
    with torch.inference_mode():
        said = model.generate(**speaker.chat.inputs([task]), max_new_tokens=n, do_sample=False)[0].tolist()
    return list(two.state.ids), said


@pytest.mark.parametrize("name", BATCHED)
def test_a_model_that_agrees_is_run_in_a_batch_without_a_word(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        decoder = make_decoder("batched", *BATCHED[name]())
    assert isinstance(decoder, Decoder) and not decoder.prefiller.cached


@pytest.mark.parametrize("name", WRONG)
def test_a_model_that_differs_is_run_one_at_a_time_with_the_reason(name):
    make, reason = WRONG[name]
    with pytest.warns(
        UserWarning, match=rf"ForConditionalGeneration.*{reason}.*one at a time instead, which is slower"
    ):
        decoder = make_decoder("batched", *make())
    assert isinstance(decoder, SequentialDecoder) and decoder.why
    assert engines_that_ran(decoder) == {"engine": {"name": "one_at_a_time", "why": decoder.why}}


def test_a_record_names_the_engine_that_ran_and_the_judges():
    model, processor = families.llava()
    fast, slow = (make_decoder(name, model, processor) for name in ("batched", "one_at_a_time"))
    found = engines_that_ran(fast, slow)
    assert found == {"engine": {"name": "batched", "why": ""}, "judge_engine": {"name": "one_at_a_time", "why": ""}}


@pytest.mark.parametrize("make", [families.mistral, families.gemma3])
def test_without_the_comparison_its_probabilities_would_be_wrong(make):
    decoder = Decoder(*make(), replayed=False)
    asked = conformance.questions(decoder, conformance.SIZES, window=24)
    found = conformance.replay(decoder, asked, conformance.alone(decoder, asked))
    assert max(one.difference for one in found) > 100 * conformance.EXACT


@pytest.mark.parametrize("make", [families.mistral, families.gemma3, families.paligemma])
def test_one_at_a_time_such_a_model_says_what_generate_says(make):
    model, processor = make()
    said, own = greedy(make_decoder("one_at_a_time", model, processor, max_new_tokens=4), model)
    assert said == own


def test_a_batched_decoder_cannot_be_made_for_a_model_that_differs():
    with pytest.raises(CannotFork, match="Gemma3.* cannot be run in a batch: .*: use engine='one_at_a_time'"):
        Decoder(*families.gemma3())


def test_a_window_too_long_to_replay_is_not_tried(monkeypatch):
    monkeypatch.setattr(conformance, "LONGEST_WINDOW", 16)
    monkeypatch.setattr(conformance, "replay", lambda *given: pytest.fail("replayed"))
    decoder = Decoder(*families.mistral(), replayed=False)
    assert "last 24 tokens (a sliding window)" in conformance.why_not(decoder)


def test_the_questions_are_longer_than_the_window_and_unequal():
    decoder = Decoder(*families.llava(), replayed=False)
    lengths = [
        len(ids) for ids, _ in conformance.alone(decoder, conformance.questions(decoder, conformance.SIZES, 100))
    ]
    assert 100 < lengths[0] < lengths[1] < decoder.context


def test_windows_of_layers_that_are_not_there_do_not_count():
    assert conformance.sliding_window(families.gemma3()[0], 512) == 0
    assert conformance.sliding_window(families.mistral()[0], 512) == 24


def test_an_engine_that_fails_on_a_model_gives_way(monkeypatch):
    def fail(self, tokens, pictures):
        raise TypeError("forward() got an unexpected keyword argument 'tiles'")

    monkeypatch.setattr(ModelRunner, "prefill", fail)
    with pytest.warns(UserWarning, match="the batched engine fails on it .*unexpected keyword argument 'tiles'"):
        assert isinstance(make_decoder("batched", *tiny.model_and_processor()), SequentialDecoder)


def test_too_little_memory_is_not_taken_for_a_difference(monkeypatch):
    def read(self, tokens, *args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(BatchedCache, "read", read)
    with pytest.raises(UserError, match="does not fit in the memory of cpu"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make_decoder("batched", *tiny.model_and_processor())


def test_a_model_that_cannot_read_its_own_processor_s_pictures_is_refused():
    model, processor = families.llava()
    processor = copy.copy(processor)
    processor.patch_size = 16
    words = "LlavaForConditionalGeneration cannot read a question about a picture .*from the same checkpoint"
    with pytest.raises(UserError, match=words):
        make_decoder("batched", model, processor)


def test_a_deep_model_in_float32_is_allowed_its_rounding_and_no_more():
    """Its log-probabilities are as spread as a trained model's, and computed in another order they differ by more."""
    decoder = Decoder(*tiny.deep(), replayed=False)
    asked = conformance.questions(decoder, conformance.SIZES)
    own = conformance.alone(decoder, asked)
    found = conformance.replay(decoder, asked, own)
    limit = conformance.allowed(decoder, found)
    assert conformance.EXACT < max(one.difference for one in found) <= limit < 1e-3
    first, second = (probabilities for _, probabilities in conformance.alone(decoder, tiny.tasks(2)))
    assert (first - second).abs().max() > 100 * limit  # another prompt is no rounding


def test_a_small_model_in_float32_is_allowed_nothing_more():
    decoder = Decoder(*tiny.model_and_processor(), replayed=False)
    asked = conformance.questions(decoder, conformance.SIZES)
    found = conformance.replay(decoder, asked, conformance.alone(decoder, asked))
    assert conformance.allowed(decoder, found) == conformance.EXACT


@pytest.fixture
def rounded_products():
    """Let torch round float32 to bfloat16 before it multiplies, where the processor can."""
    torch.set_float32_matmul_precision("medium")
    yield
    torch.set_float32_matmul_precision("highest")


def test_products_that_torch_rounds_are_allowed_their_rounding(rounded_products):
    assert conformance.why_not(Decoder(*tiny.model_and_processor(), replayed=False)) == ""
    assert "sliding window" in conformance.why_not(Decoder(*families.mistral(), replayed=False))


def test_a_lower_precision_is_allowed_its_rounding_and_no_more():
    assert isinstance(make_decoder("batched", *families.llava(), dtype=torch.bfloat16), Decoder)
    with pytest.warns(UserWarning, match="sliding window"):
        make_decoder("batched", *families.mistral(), dtype=torch.bfloat16)


@pytest.mark.parametrize("make", [families.mistral, families.gemma3, families.paligemma])
def test_rounding_hides_no_model_that_differs(make):
    model, processor = make()
    with pytest.warns(UserWarning, match="sliding window|both ways"):
        make_decoder("batched", copy.deepcopy(model).bfloat16(), processor)


@pytest.mark.parametrize("engine", ["batched", "one_at_a_time"])
def test_a_checkpoint_s_own_penalties_change_no_engine(engine, monkeypatch):
    model, processor = families.qwen3()
    plain = greedy(make_decoder(engine, model, processor, max_new_tokens=4), model)[1]
    penalized = copy.deepcopy(model.generation_config)
    penalized.repetition_penalty = 50.0
    monkeypatch.setattr(model, "generation_config", penalized)
    assert greedy(make_decoder(engine, model, processor, max_new_tokens=4), model)[0] == plain
    assert model.generation_config is penalized


def test_probes_say_why_they_cannot_use_such_a_model():
    with pytest.warns(UserWarning):
        decoder = make_decoder("batched", *families.gemma3(), temperature=0.0)
    with pytest.raises(UserError, match="probes need the batched engine, and Gemma3.*: name another model"):
        replies(decoder, "direct")


def test_beams_over_tokens_say_why_there_are_none():
    with pytest.warns(UserWarning):
        decoder = make_decoder("batched", *families.mistral())
    [task] = tiny.tasks(1, (StageSpec("all"),))
    with pytest.raises(UserError, match="no beams over tokens: choose another method .*sliding window"):
        decoder.propose([GenerationRequest(task, None, task.stages, beams=2)])


@pytest.mark.parametrize("name", ["qwen3", "glm4v", "internvl", "onevision", "smol", "qwen2.5", "mllama"])
def test_every_check_of_a_model_that_agrees_passes(name):
    found = check_model(*BATCHED[name]())
    assert found.engine == "batched" and not found.why and all(one.passed for one in found.checks)
    names = ["replayed logits", "greedy replies", "picture order", "left padding", "unequal pictures", "greedy replies"]
    assert [one.name for one in found.checks] == names


@pytest.mark.parametrize("name", WRONG)
def test_the_check_names_the_slower_engine_where_it_is_the_right_one(name):
    found = check_model(*WRONG[name][0]())
    assert found.engine == "one_at_a_time" and found.checks[-1].passed
    assert found.text().splitlines()[-1].startswith(f"engine for {found.model}: one_at_a_time, because ")


def test_a_picture_in_another_row_s_place_is_found():
    decoder = Decoder(*tiny.model_and_processor())
    asked = conformance.questions(decoder, conformance.SIZES[:1] * 2, longer=0)
    own = conformance.alone(decoder, asked)
    found = conformance.replay(decoder, asked, own[::-1])
    assert min(one.difference for one in found) > 0.01


def test_a_config_without_a_context_length_is_named():
    model = SimpleNamespace(config=SimpleNamespace(get_text_config=SimpleNamespace))
    with pytest.raises(UserError, match='how many tokens it reads: add "max_position_embeddings" to its config.json'):
        context_of(model)
