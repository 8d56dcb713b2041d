"""Small models and their checkpoints: they see, their ids are laid out as in the release, misfits are refused."""

import copy
import json
import shutil

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from o1lib.formats.chat import SPECIAL_TAGS
from o1lib.formats.stages import STAGES, close_tag, open_tag
from o1lib.minivqa import draw
from o1lib.models.presets import build, device_and_dtype, encode, greedy, load, model_hash, sampled, save
from o1lib.models.tokenizer import train_tokenizer
from o1lib.records import UserError

pytestmark = pytest.mark.slow

FIRST, SECOND = draw("mini-CLEVR", 0), draw("mini-CLEVR", 1)


@pytest.fixture(scope="module")
def mini():
    return build("mini")


@pytest.fixture(params=["smoke", "mini"])
def small(request, tiny):
    """(model, processor) of each small scale."""
    return tiny if request.param == "smoke" else request.getfixturevalue("mini")


@pytest.fixture
def checkpoint(tiny_folder, tmp_path):
    """A copy of a checkpoint, to be damaged."""
    return shutil.copytree(tiny_folder, tmp_path / "spoilt")


def next_logits(model, processor, example):
    """Return a model's logits for the first token about an example's picture."""
    with torch.inference_mode():
        return model.eval()(**encode(processor, [(example.image, "What is there?")])).logits[0, -1]


def configure(folder, part, **values):
    config = json.loads((folder / "config.json").read_text(encoding="utf8"))
    (config[part] if part else config).update(values)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf8")


@pytest.mark.slow
def test_an_untrained_model_already_sees_the_picture(small):
    change = next_logits(*small, FIRST) - next_logits(*small, SECOND)
    assert change.abs().max() > 0.01


@pytest.mark.slow
def test_a_seed_fixes_the_weights_and_spares_torch_s_generator(tiny):
    before = torch.get_rng_state()
    again, other = build("smoke")[0], build("smoke", seed=1)[0]
    assert torch.equal(torch.get_rng_state(), before)
    same = zip(tiny[0].state_dict().values(), again.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in same)
    assert not torch.equal(tiny[0].lm_head.weight, other.lm_head.weight)


@pytest.mark.slow
def test_a_model_reloaded_by_the_auto_classes_has_the_same_logits(tiny, tiny_folder):
    from transformers import AutoModelForImageTextToText, AutoProcessor

    rounded = copy.deepcopy(tiny[0])
    for weights in rounded.parameters():
        weights.data = weights.data.bfloat16().float()
    model = AutoModelForImageTextToText.from_pretrained(tiny_folder, dtype=torch.float32)
    processor = AutoProcessor.from_pretrained(tiny_folder)
    assert torch.equal(next_logits(rounded, tiny[1], FIRST), next_logits(model, processor, FIRST))
    assert torch.equal(next_logits(rounded, tiny[1], FIRST), next_logits(*load(tiny_folder), FIRST))


def test_the_picture_s_token_is_the_last_id(small):
    model, processor = small
    picture, text = processor.tokenizer.convert_tokens_to_ids("<|image|>"), model.config.text_config.vocab_size
    assert picture == model.config.image_token_id == text == len(processor.tokenizer) - 1
    assert model.lm_head.out_features == text  # a picture cannot be generated
    assert model.get_input_embeddings().num_embeddings == text + 8  # but it can be read, as in the 11B


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_tag_is_three_ordinary_tokens(small, stage):
    tokenizer = small[1].tokenizer
    assert tokenizer.tokenize(open_tag(stage)) == ["<", stage.upper(), ">"]
    assert tokenizer.tokenize(close_tag(stage)) == ["</", stage.upper(), ">"]


def test_a_special_tag_is_one_token_of_its_own(small):
    tokens = [small[1].tokenizer.encode(tag, add_special_tokens=False) for tag in SPECIAL_TAGS]
    assert [len(ids) for ids in tokens] == [1] * 8 and len({ids[0] for ids in tokens}) == 8


def test_the_two_verdicts_differ_in_one_token(small):
    one, two = (small[1].tokenizer.encode(f"I choose response {k}.", add_special_tokens=False) for k in (1, 2))
    assert [a == b for a, b in zip(one, two, strict=True)].count(False) == 1
    assert all(len(small[1].tokenizer.encode(f" {k}", add_special_tokens=False)) == 1 for k in (1, 2))


@given(st.text())
def test_any_text_survives_the_tokenizer(tiny, text):
    tokenizer = tiny[1].tokenizer
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_answers_do_not_depend_on_their_neighbors_in_the_batch(tiny):
    turns = [SECOND.question, "Two dots.", "And what else is there?"]
    asked = [(FIRST.image, FIRST.question), (None, "What?"), (SECOND.image, turns)]
    assert greedy(*tiny, asked, 8) == [text for one in asked for text in greedy(*tiny, [one], 8)]


def test_a_seed_fixes_sampled_words_and_spares_torch_s_generator(tiny):
    asked = [(FIRST.image, "How many?")] * 2
    before = torch.random.get_rng_state()
    first, again, other = (sampled(*tiny, asked, seed, max_new_tokens=8) for seed in (0, 0, 1))
    assert first == again != other and torch.equal(before, torch.random.get_rng_state())


def test_mini_weights_fit_into_a_repository(mini, tmp_path):
    folder = save(*mini, tmp_path / "mini")
    assert sum(path.stat().st_size for path in folder.glob("*.safetensors")) <= 12e6


def test_gathered_weights_are_saved_as_the_model_s_own(tiny, tiny_folder, tmp_path):
    gathered = {name: value.clone() for name, value in tiny[0].state_dict().items()}
    assert model_hash(save(*tiny, tmp_path / "gathered", gathered)) == model_hash(tiny_folder)


def test_a_saved_tokenizer_does_not_keep_the_last_padding(tiny, tiny_folder, tmp_path):
    for side in ("left", "right"):
        tiny[1].tokenizer(["one", "one two"], padding=True, padding_side=side, truncation=True, max_length=40)
        assert model_hash(save(*tiny, tmp_path / side)) == model_hash(tiny_folder)


def test_a_checkpoint_s_hash_depends_on_weights_not_on_its_folder(tiny, tiny_folder, tmp_path):
    assert model_hash(save(*tiny, tmp_path / "again")) == model_hash(tiny_folder)
    changed = copy.deepcopy(tiny[0])
    changed.lm_head.weight.data[0] += 1
    assert model_hash(save(changed, tiny[1], tmp_path / "changed")) != model_hash(tiny_folder)


def test_an_unknown_scale_names_the_known_ones():
    with pytest.raises(UserError, match="unknown scale 'huge': choose one of smoke, mini, gpu, paper"):
        build("huge")


def test_a_scale_whose_files_are_missing_names_the_remedy():
    with pytest.raises(UserError, match="Qwen.*are not available here.*or run `hf download"):
        build("gpu")


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "processor_config.json", "model.safetensors"])
def test_a_checkpoint_with_a_part_missing_is_named(checkpoint, missing):
    (checkpoint / missing).unlink()
    with pytest.raises(UserError, match=r"spoilt.*(is missing; name a folder|has no weights .*: train the row again)"):
        load(checkpoint)


def test_truncated_weights_are_refused(checkpoint):
    weights = checkpoint / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(UserError, match="spoilt cannot be loaded.*: name a folder"):
        load(checkpoint)


@pytest.mark.slow
def test_a_model_that_sees_no_pictures_is_refused(checkpoint):
    configure(checkpoint, "", model_type="llama")
    with pytest.raises(UserError, match="spoilt cannot be loaded as an image-and-text model.*LlamaConfig"):
        load(checkpoint)


@pytest.mark.parametrize("values", [{"num_hidden_layers": 4}, {"num_hidden_layers": 2}, {"hidden_size": 128}])
def test_weights_of_another_architecture_are_refused(checkpoint, values, capfd):
    configure(checkpoint, "text_config", **values)
    with pytest.raises(UserError, match=r"spoilt holds weights of another architecture .* \(\d+ tensors, first \w"):
        load(checkpoint)
    assert "MISS" not in "".join(capfd.readouterr())


def test_code_that_comes_with_a_checkpoint_is_not_run(checkpoint):
    (checkpoint / "own.py").write_text("raise SystemExit('ran')", encoding="utf8")
    own = {"AutoConfig": "own.Config", "AutoModelForImageTextToText": "own.Model"}
    configure(checkpoint, "", model_type="own", auto_map=own)
    with pytest.raises(UserError, match="spoilt cannot be loaded"):
        load(checkpoint)


@pytest.mark.parametrize("size", [700, 800])
def test_the_tokenizer_of_another_model_is_refused_at_any_size(checkpoint, size):
    examples = [draw("mini-PISC", k) for k in range(60)]
    train_tokenizer([e.question + e.stages["reasoning"] for e in examples], size).save_pretrained(checkpoint)
    with pytest.raises(UserError, match="the tokenizer in .*spoilt .* is not the one its model was trained with"):
        load(checkpoint)


def test_a_full_disk_leaves_the_earlier_checkpoint(tiny, checkpoint, small_files):
    before = model_hash(checkpoint)
    with small_files(100_000), pytest.raises(UserError, match="cannot write .*spoilt.*then run again"):
        save(*tiny, checkpoint)
    assert model_hash(checkpoint) == before and sorted(path.name for path in checkpoint.parent.iterdir()) == ["spoilt"]


@pytest.mark.parametrize(
    "known, dtype",
    [
        ({"amx_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"avx512_f": True}, torch.float32),
    ],
)
def test_the_instruction_sets_of_a_cpu_choose_its_dtype(monkeypatch, known, dtype):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device_and_dtype.__wrapped__() == (torch.device("cpu"), dtype)
