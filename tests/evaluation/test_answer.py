"""One question from Python and from the command line, what is refused, and what loading a model imports."""

import json
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import bench_search
import pytest
import search_parts
import torch
from PIL import Image
from support import tiny
from typer.testing import CliRunner

from o1lib import cli
from o1lib.analysis.views.search_tree import show_tree
from o1lib.data.images import as_rgb, upright_size
from o1lib.evaluation import answer
from o1lib.models.checkpoint import save
from o1lib.records import UserError
from o1lib.search.methods import make_search
from o1lib.search.scheduler import run_searches

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save(*tiny.trained(), tmp_path_factory.mktemp("arm") / "model")


@pytest.fixture
def picture(tmp_path):
    tiny.coloured("red").save(tmp_path / "red.png")
    return tmp_path / "red.png"


def run(*words):
    return CliRunner().invoke(cli.app, ["answer", *map(str, words)])


@pytest.mark.slow
@pytest.mark.parametrize(
    "method, judge, engine",
    [
        ("stage_beam", "self", "batched"),
        ("stage_beam", "self", "one_at_a_time"),
        ("retracing", "verifier", "batched"),
        ("token_beam", "self", "batched"),
    ],
)
def test_the_command_prints_an_answer_and_writes_its_tree(folder, picture, tmp_path, method, judge, engine):
    page = tmp_path / "tree.html"
    out = run(
        "--model",
        folder,
        "--image",
        picture,
        "--question",
        "How many <dots>?",
        "--format",
        "tags",
        "--n",
        3,
        "--method",
        method,
        "--judge",
        judge,
        "--engine",
        engine,
        "--tree",
        page,
        "--max-new-tokens",
        30,
    )
    assert out.exit_code == 0, out.output
    assert "<SUMMARY>" in out.output and "\nanswer: " in out.output and "image encodings" in out.output
    drawn = page.read_text(encoding="utf8")
    assert drawn.startswith("<!doctype html>") and "How many &lt;dots&gt;?" in drawn and drawn.count("<img") == 1
    assert drawn.count(" kept</b>") >= 1 and "http" not in drawn


@pytest.mark.slow
def test_the_command_line_and_python_give_the_same_answer(folder, picture):
    decoder, format = answer.load_decoder(str(folder), "tags", max_new_tokens=30, seed=3)
    tree = answer.answer(decoder, picture, "How many dots?", format, n=2)
    assert format == "tags" and not decoder.prefiller.cached and len(tree.rounds[0].candidates) == 2
    out = run(
        "--model",
        folder,
        "--image",
        picture,
        "--question",
        "How many dots?",
        "--format",
        "tags",
        "--n",
        2,
        "--seed",
        3,
        "--max-new-tokens",
        30,
    )
    assert tree.text.strip() in out.output and f"answer: {answer.final_answer(tree)}" in out.output


def test_a_budget_is_kept_and_reported(folder, picture):
    out = run(
        "--model", folder, "--image", picture, "--question", "How many dots?", "--format", "tags", "--max-tokens", 60
    )
    assert out.exit_code == 0 and "note: " in out.output and "budget" in out.output


@pytest.mark.parametrize(
    "given, words",
    [
        ({"--image": "nowhere.png"}, "nowhere.png is missing: name a PNG or JPEG file"),
        ({"--format": ""}, "has no record of its format: give --format"),
        ({"--format": "tag"}, "unknown format 'tag' (did you mean tags"),
        ({"--method": "stage_bean"}, "did you mean stage_beam"),
        ({"--judge": "oracle"}, "judge 'oracle' needs the right answer"),
        ({"--judge": "synthetic"}, "use self, preference, self_as_released, likelihood, agreement, random"),
        ({"--judge": "oracle", "--method": "retracing"}, "use likelihood, verifier, random"),
        (
            {"--judge": "base"},
            "judge 'base' needs a second model, and only one is loaded: use self",
        ),
        ({"--judge": "self", "--method": "retracing"}, "unknown reward 'self': choose one of likelihood, verifier"),
        ({"--temperature": -1}, "temperature -1 is invalid: give 0"),
        ({"--temperature": "nan"}, "temperature is nan"),
        ({"--dtype": "half"}, "unknown dtype 'half'"),
        ({"--model": ""}, "no model is named: name a checkpoint's folder"),
        ({"--max-new-tokens": 0}, "max_new_tokens 0 leaves no room for an answer: give 1 or more"),
        ({"--max-tokens": -5}, "budget -5 is invalid: give the number of tokens"),
        ({"--n": 0}, "n = 0"),
        ({"--engine": "fast"}, "unknown engine 'fast'"),
        ({"--model": "nobody/nothing"}, "the files of nobody/nothing are not available here"),
        ({"--model": "nothing"}, "there is no folder nothing: name a checkpoint's folder"),
        ({"--model": "/deep/down/nothing"}, "there is no folder /deep/down/nothing: name"),
    ],
)
def test_an_invalid_option_is_refused_with_a_remedy(folder, picture, given, words):
    options = {"--model": folder, "--image": picture, "--question": "How many?", "--format": "tags"} | given
    out = run(*[word for pair in options.items() for word in pair])
    assert isinstance(out.exception, UserError) and words in str(out.exception)


def test_bfloat16_is_an_option_of_the_batched_engine(folder):
    low, _ = answer.load_decoder(str(folder), "tags", dtype="bfloat16", replayed=False)
    with low.autocast:
        assert torch.is_autocast_enabled("cpu")
    full, _ = answer.load_decoder(str(folder), "tags", dtype="float32", replayed=False)
    with full.autocast:
        assert not torch.is_autocast_enabled("cpu")


def test_a_mistyped_folder_names_the_nearest_one(folder):
    with pytest.raises(UserError, match=rf"there is no folder {folder}x \(did you mean {folder}\?\): name"):
        answer.load_decoder(f"{folder}x")


def test_a_file_that_is_no_picture_is_refused(tmp_path):
    (tmp_path / "text.png").write_text("hello", encoding="utf8")
    with pytest.raises(UserError, match="text.png is no PNG.*: name a PNG or JPEG file"):
        answer.answer(SimpleNamespace(seed=0), tmp_path / "text.png", "How many?", "tags", judge="random")


def test_pictures_are_made_opaque_and_upright(tmp_path):
    """White behind transparency and upright by EXIF, as in a dataset that is read."""
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (8, 4)).save(tmp_path / "turned.jpg", exif=turned)
    assert as_rgb(tmp_path / "clear.png").getcolors() == [(16, (255, 255, 255))]
    assert as_rgb(tmp_path / "turned.jpg").size == upright_size(tmp_path / "turned.jpg") == (4, 8)
    assert as_rgb(Image.open(tmp_path / "clear.png")).getcolors() == [(16, (255, 255, 255))]


@pytest.mark.slow
def test_a_retraced_tree_shows_scores_and_unused_rounds(folder):
    from o1lib.search import rewards

    decoder, _ = answer.load_decoder(str(folder), "tags", max_new_tokens=30)
    search = make_search("retracing", 4, cutoffs={"reasoning": 0.0})
    [tree] = run_searches([search(tiny.coloured_tasks(1)[0], 4)], decoder, rewards.make_reward("likelihood"))
    page = show_tree(replace(tree, stopped=True))
    assert len(tree.rounds) > 4 and page.count("score -") == sum(len(one.scores) for one in tree.rounds)
    assert page.count(" kept</b>") == sum(one.kept >= 0 for one in tree.rounds) < len(tree.rounds) and "budget" in page


FORBIDDEN = ("o1lib.training", "o1lib.data", "pandas", "papermill", "snakemake", "trl", "datasets")


@pytest.mark.slow
def test_loading_a_model_imports_neither_training_nor_data(folder):
    """Search brings o1lib.minivqa and o1lib.scoring (oracles), transformers brings accelerate and scipy; no others.

    Of the data, only the opener of pictures is there: the engine is compared on two pictures.
    """
    code = (
        "import sys; from o1lib.evaluation.answer import load_decoder; "
        f"load_decoder({str(folder)!r}, 'tags'); "
        f"print('loaded', [name for name in sys.modules if name.startswith({FORBIDDEN!r})])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    opener = ["o1lib.data", "o1lib.data.pixels", "o1lib.data.split_zip", "o1lib.data.images"]
    assert done.stdout == f"loaded {opener}\n", done.stderr


def test_a_relative_folder_is_found_here_or_in_the_project(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("O1LIB_ROOT", str(folder.parent))
    monkeypatch.chdir(tmp_path)
    assert answer.load_decoder(folder.name, "tags")[1] == "tags"
    (tmp_path / folder.name).mkdir()  # an empty folder of that name here is the one that counts
    with pytest.raises(UserError, match="is not a model checkpoint"):
        answer.load_decoder(folder.name, "tags")


@pytest.mark.slow
def test_the_benchmark_measures_every_figure(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    save(*tiny.trained(), tmp_path / "arm")
    for name, value in {"BATCHES": (8,), "CANDIDATES": (1, 2), "PAIRS": 8, "TOKENS": 12, "CURVE_QUESTIONS": 2}.items():
        monkeypatch.setattr(search_parts, name, value)
    bench_search.run("arm", 7, 2, big=False, loaded=True)
    found = json.loads((tmp_path / "work" / "bench" / "search.json").read_text(encoding="utf8"))
    assert all(found[name] > 0 for name in bench_search.FLOORS)
    assert found["image_encodings_per_question"] == 1 == found["picture_memory"]["ratio"]
    assert [row["n"] for row in found["rows"]] == [1, 2] and found["rows"][1]["tokens"] > found["rows"][0]["tokens"]
    assert found["judges"]["oracle"]["accuracy"] == 1 and found["judges"]["self"]["n"] > 0
    assert (tmp_path / "work" / "bench" / "search.png").stat().st_size > 1000
    said = capsys.readouterr().out
    assert (found["device"], found["dtype"]) == ("cpu", "float32") and "on cpu, " in said
    assert "speedup_likelihood" in said and "self_as_released" in said and "work/bench/search.json" in said


def test_the_benchmark_says_which_model_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    with pytest.raises(UserError, match="no trained model at nowhere.*make study"):
        bench_search.run("nowhere")
