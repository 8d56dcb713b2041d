"""Settings that a model would ignore or cannot take are refused, most of them before it is loaded."""

import json
import re

import pytest
import torch
from support import families

from o1lib.evaluation import answer
from o1lib.evaluation.local_or_served import OF_LOCAL, OF_SERVED, check_settings
from o1lib.records import UserError, project_root

ADDRESS = "http://127.0.0.1:9/v1"
NOTEBOOKS = ("03_search_and_score", "08_audit_your_model")


def cells(name):
    """Return the code cells of a notebook."""
    found = json.loads((project_root() / "notebooks" / f"{name}.ipynb").read_text("utf8"))
    return ["".join(cell["source"]) for cell in found["cells"] if cell["cell_type"] == "code"]


def defaults(name):
    """Return the parameters of a notebook with their defaults."""
    found = {}
    exec(cells(name)[0], found)
    return found


@pytest.mark.parametrize("name", NOTEBOOKS)
@pytest.mark.parametrize("endpoint", ["", ADDRESS])
def test_the_defaults_of_a_notebook_are_taken_for_not_given(name, endpoint):
    check_settings(defaults(name) | {"endpoint": endpoint})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"endpoint": ADDRESS, "dtype": "bfloat16"}, "dtype is of a model in this process: leave out endpoint, or it"),
        ({"endpoint": ADDRESS, "engine": "one_at_a_time"}, "engine is of a model in this process"),
        ({"price": "1/1"}, "price is of a served model: give endpoint too, or leave it out"),
        ({"judge_price": "0/0"}, "judge_price is of a served model"),
        ({"abilities": "n"}, "abilities is of a served model"),
        ({"instructed": False}, "instructed is of a served model"),
        ({"judge_endpoint": ADDRESS}, "judge_endpoint is of a served model"),
        ({"timeout": 9.0}, "timeout is of a served model"),
        ({"engine": "one_at_a_time", "dtype": "bfloat16"}, "dtype bfloat16 is of engine 'batched'"),
        ({"dtype": "int8"}, "unknown dtype 'int8'"),
        ({"engine": "fast"}, "unknown engine 'fast'"),
    ],
)
def test_notebook_03_refuses_what_its_model_would_ignore(given, words):
    with pytest.raises(UserError, match=re.escape(words)):
        check_settings(defaults(NOTEBOOKS[0]) | given)


def test_a_served_grader_of_a_local_model_has_its_own_patience():
    check_settings(defaults(NOTEBOOKS[0]) | {"grader": f"judge@{ADDRESS}", "timeout": 9.0, "concurrency": 2})


def test_notebook_03_checks_before_it_loads_a_model():
    [code] = [code for code in cells(NOTEBOOKS[0]) if "load_arm(run, model" in code and "import hashes" in code]
    assert code.index("check_settings(globals())") < min(code.index("connect_both(run"), code.index("load_arm(run, m"))


def test_every_setting_of_one_kind_is_a_parameter_of_notebook_03():
    assert set(OF_LOCAL | OF_SERVED) <= set(defaults(NOTEBOOKS[0]))


@pytest.mark.parametrize(
    ("engine", "dtype", "words"),
    [
        ("one_at_a_time", "bfloat16", "dtype bfloat16 is of engine 'batched'.*: give dtype float32, or engine batched"),
        ("one_at_a_time", torch.bfloat16, "dtype bfloat16 is of engine 'batched'"),
        ("fast", "float32", "unknown engine 'fast'"),
    ],
)
def test_an_engine_without_this_dtype_is_refused_before_loading(monkeypatch, tmp_path, engine, dtype, words):
    monkeypatch.setattr(answer, "load_model", None)
    with pytest.raises(UserError, match=words):
        answer.load_decoder(str(tmp_path), "tags", engine, dtype=dtype)


@pytest.mark.filterwarnings("ignore:LlavaForConditionalGeneration cannot be run in a batch")
def test_a_model_that_is_decoded_one_at_a_time_has_no_dtype_of_its_own():
    with pytest.raises(UserError, match=r"dtype bfloat16 .*LlavaFor\w+ cannot be run .*: give dtype float32$"):
        answer.decoder_of("batched", *families.mistral(), dtype="bfloat16")
