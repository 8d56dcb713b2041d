"""Habits every notebook keeps, read off its source: nothing is run here."""

import ast
import json
from pathlib import Path

import pytest

from o1lib.records.parameters import COMMON, assignments

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
LONGEST = 12  # lines of code in a cell


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    """A notebook as the file has it, every cell's source one text."""
    found = json.loads(request.param.read_text(encoding="utf8"))
    for cell in found["cells"]:
        cell["source"] = "".join(cell["source"])
    return found


def code(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def prose(notebook):
    return [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown"]


def parameters(notebook):
    return [cell for cell in code(notebook) if "parameters" in cell["metadata"].get("tags", [])]


def lines(source):
    return [line for line in source.splitlines() if line.strip()]


def test_the_first_code_cell_is_the_one_parameters_cell(notebook):
    assert parameters(notebook) == code(notebook)[:1]


def test_parameters_are_typed_literals_each_with_a_comment(notebook):
    source = parameters(notebook)[0]["source"]
    declared = assignments(source)
    assert declared and all(declared.values()) and declared.items() >= COMMON.items()
    for node in ast.parse(source).body:
        ast.literal_eval(node.value)
        assert "#" in source.splitlines()[node.end_lineno - 1], ast.unparse(node)


def test_sources_carry_no_outputs(notebook):
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code(notebook))


def test_kernel_is_python3(notebook):
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"


def test_it_opens_with_a_question(notebook):
    first = notebook["cells"][0]
    title = first["source"].splitlines()[0]
    assert first["cell_type"] == "markdown" and title.startswith("# ") and title.rstrip().endswith("?")


def test_it_ends_with_a_record(notebook):
    assert any("finish(" in cell["source"] for cell in code(notebook)[-2:])


def test_definitions_live_in_the_library(notebook):
    for cell in code(notebook):
        body = ast.walk(ast.parse(cell["source"]))
        assert not [node for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef))]


def test_cells_are_short(notebook):
    assert [cell["source"] for cell in code(notebook)[1:] if len(lines(cell["source"])) > LONGEST] == []


def test_code_is_explained(notebook):
    words = sum(len(text.split()) for text in prose(notebook))
    assert words > sum(len(lines(cell["source"])) for cell in code(notebook))
    assert len(prose(notebook)) >= len(code(notebook)) / 2


def test_start_checks_the_parameters_right_after_them(notebook):
    starts = [cell["source"] for cell in code(notebook) if "start(globals()" in cell["source"]]
    assert len(starts) == 1 and starts[0] == code(notebook)[1]["source"]


def test_no_shell_and_no_magic(notebook):
    every = [line.lstrip() for cell in code(notebook) for line in lines(cell["source"])]
    assert not [line for line in every if line.startswith(("!", "%"))]
