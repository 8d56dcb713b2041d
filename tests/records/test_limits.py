"""Every size that a user can type has an upper bound, and a number beyond it ends in one sentence before any work."""

import json
from types import SimpleNamespace
from typing import get_type_hints

import pytest
import typer
from support.contract import ROOT

from o1lib.cli import app
from o1lib.cli.app import App
from o1lib.data.splits import set_sizes
from o1lib.evaluation.answer import load_decoder
from o1lib.evaluation.graders import grade
from o1lib.evaluation.served import ServedModel
from o1lib.models.endpoint import Endpoint
from o1lib.records import UserError, limits
from o1lib.records.limits import MOST, check_size
from o1lib.records.parameters import assignments, check
from o1lib.search.methods import METHODS, make_search
from o1lib.training.command import train

ABSURD = 10**12
TEXTS = {"--seeds": "SEEDS", "--jobs": "JOBS", "--depths": "depths"}  # options that hold numbers as a text
NUMBERS = (int, float, int | None, float | None)
COMMANDS = typer.main.get_command(app).commands
FUNCTIONS = {info.name or info.callback.__name__: info.callback for info in app.registered_commands}


def invoked(name, command, monkeypatch, *words):
    """Return (refusal or None, whether the command began to work) of a command with these words."""
    began = []
    monkeypatch.setattr(command, "callback", lambda **_: began.append(name))
    needed = [word for one in command.params if one.required for word in _given(one)]
    return failure(command, name, *needed, *words), bool(began)


def failure(command, name, *words):
    """Return the error with which a command ends, None without any."""
    try:
        command.main(list(map(str, words)), prog_name=name, standalone_mode=False)
    except (Exception, SystemExit) as error:
        return error


def _given(parameter):
    return ["x"] if parameter.param_type_name == "argument" else [parameter.opts[0], "x"]


def sized(name, command):
    """Return the options of a command that are numbers."""
    kinds = get_type_hints(FUNCTIONS[name])
    return [one for one in command.params if kinds.get(one.name) in NUMBERS]


def offenders(commands, monkeypatch):
    """Return the options of commands that take an absurd number, or refuse it in another way than by a sentence."""
    odd, asked = [], 0
    for name, command in commands.items():
        for option in sized(name, command):
            asked += 1
            error, began = invoked(name, command, monkeypatch, option.opts[-1], ABSURD)
            words = str(error)
            if not isinstance(error, UserError) or began or "give at most" not in words or "\n" in words:
                odd.append((name, option.opts[-1], repr(error)))
    return odd, asked


def test_every_number_of_every_command_has_a_bound(monkeypatch):
    odd, asked = offenders(COMMANDS, monkeypatch)
    assert odd == [] and asked >= 30


def test_the_modules_that_are_commands_have_the_same_bounds(monkeypatch):
    alone = App(add_completion=False)
    alone.command()(train)
    odd, asked = offenders({"train": typer.main.get_command(alone)}, monkeypatch)
    assert odd == [] and asked >= 9


def test_every_number_of_every_command_takes_its_default(monkeypatch):
    refused = {name: invoked(name, command, monkeypatch) for name, command in COMMANDS.items() if sized(name, command)}
    assert {name: error for name, (error, began) in refused.items() if not began} == {}


def test_numbers_that_are_given_as_a_text_have_a_bound(monkeypatch):
    odd = []
    for name, command in COMMANDS.items():
        for option in {one.opts[-1] for one in command.params} & TEXTS.keys():
            for text in (str(ABSURD), "9" * 5000):
                needed = [word for one in command.params if one.required for word in _given(one)]
                error = failure(command, name, *needed, option, text)
                if not isinstance(error, UserError) or TEXTS[option] not in str(error):
                    odd.append((name, option, repr(error)))
    assert odd == []


# ---------------------------------------------------------------- parameters of notebooks


def parameter_cells():
    """Return {notebook: the source of its parameters cell}."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf8"))["cells"]
        found[path.stem] = next("".join(c["source"]) for c in cells if "parameters" in c["metadata"].get("tags", []))
    return found


def test_every_number_of_every_notebook_has_a_bound():
    odd, asked = [], 0
    for notebook, source in parameter_cells().items():
        namespace = {"In": [source, "run = start(globals())"]}
        exec(source, namespace)  # the notebook's own defaults
        check(namespace, notebook)
        for name, kind in (assignments(source) or {}).items():
            if kind not in ("int", "float"):
                continue
            asked += 1
            try:
                check(namespace | {name: ABSURD if kind == "int" else float(ABSURD)}, notebook)
                odd.append((notebook, name))
            except UserError as error:
                if f"parameter {name!r} is" not in str(error) or "\n" in str(error):
                    odd.append((notebook, name, str(error)))
    assert odd == [] and asked >= 35


def test_a_multiple_of_a_test_set_has_a_bound():
    for text in ("mini-AI2D=1000000000000", "mini-AI2D=99999999x", "mini-AI2D=" + "9" * 5000):
        with pytest.raises(UserError, match="n_test_by_set"):
            set_sizes(100, text, ("mini-AI2D",))


# ---------------------------------------------------------------- the library


@pytest.mark.parametrize("option", ["concurrency", "attempts", "timeout", "requests_per_minute", "max_tokens_total"])
def test_every_size_of_an_endpoint_has_a_bound(tmp_path, option):
    with pytest.raises(UserError, match=f"{option} is 1,000,000,000,000: give at most"):
        Endpoint("http://127.0.0.1:1/v1", "m", tmp_path / "log.jsonl", **{option: ABSURD})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("method", [name for name, spec in METHODS.items() if not spec.max_n])
def test_the_candidates_of_every_search_have_a_bound(method):
    with pytest.raises(UserError, match="n is 1,000,000,000,000: give at most 1,024"):
        make_search(method, ABSURD)


def test_tokens_of_served_answers_and_of_judges_have_a_bound():
    served = ServedModel(SimpleNamespace(model="m"), "direct")
    with pytest.raises(UserError, match="max_new_tokens is 1,000,000,000,000: give at most"):
        served.answer([], max_tokens=ABSURD)
    with pytest.raises(UserError, match="grader_tokens is 1,000,000,000,000: give at most"):
        grade([], [], lambda requests: iter(()), max_tokens=ABSURD)


def test_tokens_of_a_loaded_model_have_a_bound():
    with pytest.raises(UserError, match="max_new_tokens is 1,000,000,000,000: give at most"):
        load_decoder("nowhere", max_new_tokens=ABSURD)


# ---------------------------------------------------------------- the bounds


def test_a_number_at_its_bound_is_taken_and_the_next_is_not():
    for name, most in MOST.items():
        assert check_size(name, most) == most
        with pytest.raises(UserError, match="give at most"):
            check_size(name, most + 1)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_what_is_no_number_is_above_every_bound(value):
    with pytest.raises(UserError, match="give at most"):
        check_size("requests_per_minute", value)


def test_no_bound_is_below_what_the_study_or_the_papers_use():
    for source in parameter_cells().values():
        namespace = {}
        exec(source, namespace)
        for name in assignments(source) or {}:
            if type(namespace[name]) in (int, float):
                check_size(name, namespace[name])
    for name, value in {"n": 10, "examples": 100_000, "max_new_tokens": 2048, "processes": 8, "batch": 128}.items():
        assert check_size(name, value) <= limits.MOST.get(name, limits.OTHERWISE) / 10
