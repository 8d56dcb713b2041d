"""Checkpoints from elsewhere: they work, or one sentence says what is missing and how to mend it."""

import copy
import importlib.util
import json
import shutil
import sys
import warnings

import pytest
import torch
from support import families, tiny, tinymodels

from o1lib.cli import main
from o1lib.inference.sequential import make_decoder
from o1lib.models.checkpoint import load, save
from o1lib.models.processor import Unmarked, check_chat, missing_package
from o1lib.records import UserError
from o1lib.search.types import Conversation, GenerationRequest, Task

pytestmark = pytest.mark.slow

SAVED = {"qwen2.5": tinymodels.qwen, "smolvlm": tinymodels.smolvlm} | families.FAMILIES
EVIL = {
    "never ends": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "fills the memory": "{% set x = namespace(t='x') %}{% for a in range(60) %}{% set x.t = x.t ~ x.t %}{% endfor %}",
    "reaches for the system": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "is not a template": "{% for message in messages %}",
    "calls itself": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "writes too much": "{% for a in range(90000) %}{{ messages[0]['content'][1]['text'] }}{% endfor %}",
    "refuses": "{{ raise_exception('no pictures') }}",
    "leaves the question out": "<|image|>",
}


def own_head(model):
    """Return a copy of the model with a head as its class has it, which can be saved."""
    model = copy.deepcopy(model)
    model.lm_head = torch.nn.Linear(model.lm_head.in_features, model.lm_head.out_features, bias=False)
    return model


@pytest.fixture(scope="module")
def llava_folder(tmp_path_factory):
    model, processor = families.llava()
    return save(own_head(model), processor, tmp_path_factory.mktemp("odd") / "llava")


@pytest.fixture
def spoilt(llava_folder, tmp_path):
    """A copy of a checkpoint, to be damaged."""
    return shutil.copytree(llava_folder, tmp_path / "spoilt")


def rewrite(path, change):
    """Change the JSON object in a file in place."""
    told = json.loads(path.read_text(encoding="utf8"))
    change(told)
    path.write_text(json.dumps(told), encoding="utf8")


def prompt_of(processor):
    chat = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "How many?"}]}]
    text = processor.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    return processor(images=[[tiny.picture(0, 64, 32)]], text=[text], add_special_tokens=False, return_tensors="pt")


@pytest.mark.parametrize("name", SAVED)
def test_a_family_loads_without_torchvision_and_reads_pictures_as_before(name, tmp_path):
    model, processor = SAVED[name]()
    again = load(save(own_head(model), processor, tmp_path / "saved"))[1]
    before, after = prompt_of(processor), prompt_of(again)
    assert torch.equal(before["input_ids"], after["input_ids"])
    assert torch.equal(before["pixel_values"], after["pixel_values"])


def test_a_folder_in_the_form_of_the_hub_loads_without_torchvision(tmp_path):
    model, processor = families.internvl()
    folder = save(own_head(model), processor, tmp_path / "hub")
    told = json.loads((folder / "processor_config.json").read_text(encoding="utf8"))
    pictures = told.pop("image_processor") | {"image_processor_type": "GotOcr2ImageProcessorFast"}
    videos = {"video_processor_type": "InternVLVideoProcessor"}
    for file, content in {
        "preprocessor_config.json": pictures | {"processor_class": told["processor_class"]},
        "video_preprocessor_config.json": videos,
        "processor_config.json": told | {"video_processor": videos},
    }.items():
        (folder / file).write_text(json.dumps(content), encoding="utf8")
    assert torch.equal(prompt_of(load(folder)[1])["pixel_values"], prompt_of(processor)["pixel_values"])


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is not None, reason="torchvision is installed")
def test_a_processor_that_needs_torchvision_says_what_to_install(spoilt):
    rewrite(spoilt / "processor_config.json", lambda told: told.update(processor_class="PixtralProcessor"))
    with pytest.raises(
        UserError, match="needs the package torchvision, which is not installed: pip install torchvision"
    ):
        load(spoilt)


@pytest.mark.parametrize(
    "said, wanted",
    [
        ("TimmWrapperModel requires the timm library but it was not found in your environment.", "pip install timm"),
        ("X requires the PIL library but it was not found", "pip install pillow"),
        ("It requires the following packages: einops. Run `pip install einops`.", "pip install einops"),
        ("`tiktoken` is required to read a `tiktoken` file.", "not installed (`tiktoken` is required"),
    ],
)
def test_the_package_that_a_library_misses_is_named(said, wanted):
    assert wanted in missing_package(ImportError(f"\n{said}\n\nSee the page."))


def test_a_model_that_needs_another_package_says_what_to_install(spoilt, monkeypatch):
    from transformers import AutoModelForImageTextToText

    def needs(*args, **kwargs):
        raise ImportError("TimmWrapperModel requires the timm library but it was not found in your environment.")

    monkeypatch.setattr(AutoModelForImageTextToText, "from_pretrained", needs)
    with pytest.raises(UserError, match="the model in .*spoilt needs the package timm, .*: pip install timm"):
        load(spoilt)


def test_a_checkpoint_without_a_chat_template_is_named(spoilt):
    (spoilt / "chat_template.jinja").unlink()
    with pytest.raises(UserError, match="spoilt has no chat template.*: put the chat_template.jinja of"):
        load(spoilt)


def test_a_chat_template_that_only_the_tokenizer_has_is_used(llava_folder):
    processor = load(llava_folder)[1]
    processor.tokenizer.chat_template, processor.chat_template = processor.chat_template, None
    check_chat(processor, "here")
    assert processor.chat_template == processor.tokenizer.chat_template


@pytest.mark.parametrize("name", EVIL)
def test_a_chat_template_that_cannot_be_used_is_refused(name, spoilt, monkeypatch):
    monkeypatch.setattr("o1lib.models.processor._SECONDS", 0.5)
    (spoilt / "chat_template.jinja").write_text(EVIL[name], encoding="utf8")
    with pytest.raises(UserError, match=r"the chat template of .*spoilt cannot be used \(.+\): replace it by"):
        load(spoilt)


def test_another_mark_for_a_picture_is_named(spoilt):
    template = spoilt / "chat_template.jinja"
    template.write_text(template.read_text(encoding="utf8").replace("<|image|>", "<image>"), encoding="utf8")
    with pytest.raises(UserError, match=r"expects '<\|image\|>' where a picture is.*from the same checkpoint"):
        load(spoilt)


def test_labels_of_a_processor_reach_no_model():
    decoder = make_decoder("one_at_a_time", *families.paligemma(), max_new_tokens=3)
    [task] = tiny.tasks(1)
    assert "labels" in prompt_of(families.paligemma()[1]) and "labels" not in decoder.chat.inputs([task])


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "processor_config.json", "model.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"{", b"[1]", b"\xff\xfe"])
def test_a_missing_or_broken_file_is_one_sentence(file, content, spoilt):
    (spoilt / file).unlink()
    if content is not None:
        (spoilt / file).write_bytes(content)
    with pytest.raises(UserError, match=r"spoilt.*[:;] (name a folder|train the row again|copy)"):
        load(spoilt)


def test_a_missing_part_of_the_weights_is_one_sentence(spoilt):
    (spoilt / "model.safetensors").rename(spoilt / "model-00001-of-00002.safetensors")
    index = {"metadata": {}, "weight_map": {"lm_head.weight": "model-00002-of-00002.safetensors"}}
    (spoilt / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf8")
    with pytest.raises(UserError, match="spoilt cannot be loaded .*copy all files of a released checkpoint again"):
        load(spoilt)


def test_a_folder_whose_processor_takes_no_pictures_is_named(spoilt):
    (spoilt / "processor_config.json").write_text(json.dumps({"processor_class": "Wav2Vec2Processor"}), encoding="utf8")
    with pytest.raises(UserError, match="spoilt cannot be loaded .*copy all files"):
        load(spoilt)


def test_a_tokenizer_without_padding_can_still_be_asked_in_batches(spoilt):
    rewrite(spoilt / "tokenizer_config.json", lambda told: told.pop("pad_token"))
    decoder = make_decoder("batched", *load(spoilt), max_new_tokens=3)
    asked = tiny.tasks(2)
    assert len(decoder.propose([GenerationRequest(task, None, task.stages) for task in asked])) == 2


@pytest.mark.parametrize("engine", ["batched", "one_at_a_time"])
@pytest.mark.parametrize("name", ["qwen3", "internvl", "llava", "mllama"])
def test_a_question_with_the_picture_s_own_mark_is_answered(name, engine):
    model, processor = families.FAMILIES[name]() if name in families.FAMILIES else tiny.model_and_processor()
    decoder = make_decoder(engine, model, processor, max_new_tokens=3)
    mark, [task] = processor.image_token, tiny.tasks(1)
    odd = Task("odd", f"What does {mark} mean? {mark}", task.image, task.stages)
    found = decoder.propose([GenerationRequest(one, None, one.stages, greedy=True) for one in (task, odd)])
    token = model.config.image_token_id
    seen = [candidate.state.ids.count(token) for [candidate] in found]
    assert seen[0] == seen[1] > 0
    chat = Conversation(odd, (odd.question, f"And {mark}?"), (f"It is {mark}.",), prefix=f"Since {mark}")
    [(scores, _)] = decoder.likelihoods([chat], [[" yes", " no"]])
    assert all(score < 0 for score in scores)


@pytest.mark.parametrize("engine", ["batched", "one_at_a_time"])
def test_a_question_with_half_a_character_is_answered(engine):
    decoder = make_decoder(engine, *tiny.model_and_processor(), max_new_tokens=3)
    [task] = tiny.tasks(1)
    odd = Task("odd", "How many \ud83d dots?", task.image, task.stages)
    [[candidate]] = decoder.propose([GenerationRequest(odd, None, odd.stages)])
    assert "How many ? dots?" in decoder.chat.text(candidate.state.ids)


def command(monkeypatch, *words):
    """Run `python -m o1lib` with these words; return the exit code."""
    monkeypatch.setattr(sys, "argv", ["o1lib", *map(str, words)])
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # the command replaces it
    with pytest.raises(SystemExit) as ended, warnings.catch_warnings():
        warnings.simplefilter("default")
        main()
    return ended.value.code


def test_the_command_prints_every_check_and_the_engine(llava_folder, monkeypatch, capsys):
    assert command(monkeypatch, "check-model", llava_folder) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8 and all(line.startswith("ok  ") for line in lines[:-2])
    assert lines[-2] == "decoding step: general: there is no lean step for this kind of model"
    assert lines[-1] == "engine for LlavaForConditionalGeneration: batched"


def test_a_command_says_in_one_line_why_it_is_slower(tmp_path, monkeypatch, capsys):
    model, processor = families.mistral()
    folder = save(own_head(model), processor, tmp_path / "mistral")
    tiny.picture(0).save(tmp_path / "a.png")
    asked = ["--image", tmp_path / "a.png", "--question", "How many \udcff?", "--format", "direct"]
    assert command(monkeypatch, "answer", "--model", folder, *asked, "--method", "greedy", "--max-new-tokens", 3) == 0
    [said] = [line for line in capsys.readouterr().err.splitlines() if "one at a time" in line]
    assert said.startswith("o1lib: LlavaForConditionalGeneration cannot be run in a batch: it sees only the last 24")


def test_only_marks_and_halves_of_characters_are_rewritten():
    unmarked = Unmarked(tiny.model_and_processor()[1])
    assert unmarked("a < b, <SUMMARY> 2 </SUMMARY> \U0001f600 é") == "a < b, <SUMMARY> 2 </SUMMARY> \U0001f600 é"
    assert unmarked("<|image|>") == "< |image|>" and unmarked("\udcff") == "?"
