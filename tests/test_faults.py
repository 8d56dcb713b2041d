"""The list of faults in faults.md names tests that exist, with the ids of their cases."""

import ast
import importlib.util
import re
from pathlib import Path

TESTS = Path(__file__).parent
READ = ("console", "sorted", "filter", "link to a claim", "forest plot", "`<script>`", "2 MB at 600,000", "axe")
READ += ("hides its answer", "six figures", "how long it takes", "progress bars", "pushed", "question of the README")
NAMED = re.compile(r"tests/([\w/]+\.py)::(\w+)(?:\[([^]]+)\])?")


def functions(path: Path) -> set[str]:
    """Return the names of the functions in a file of tests."""
    return {
        node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))) if isinstance(node, ast.FunctionDef)
    }


def rows() -> list[str]:
    """Return the lines of the tables that are neither headings nor rules."""
    lines = (TESTS / "faults.md").read_text(encoding="utf8").splitlines()
    return [line for line in lines if line.startswith("|") and not line.startswith(("| fault |", "| --- |"))]


def named() -> set[tuple[str, str, str]]:
    """Return (file, test, id of its case or "") of every test that the list names."""
    return {found for row in rows() for found in NAMED.findall(row)}


def cases(file: str, test: str) -> set[str]:
    """Return the ids of the cases of a test with one parameter: its values, or the ids that are given."""
    spec = importlib.util.spec_from_file_location("named_" + Path(file).stem, TESTS / file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    marks = [mark for mark in getattr(module, test).pytestmark if mark.name == "parametrize"]
    return {str(one) for mark in marks for one in mark.kwargs.get("ids") or mark.args[1]}


def test_every_fault_names_a_test():
    assert not [row for row in rows() if not NAMED.search(row)]


def test_every_named_test_exists():
    assert len(named()) > 100
    assert not [(file, name) for file, name, _ in named() if name not in functions(TESTS / file)]


def test_every_part_of_what_people_read_has_a_line():
    text = (TESTS / "faults.md").read_text(encoding="utf8").partition("## Results that people read")[2]
    assert [part for part in READ if part not in text] == []


def test_every_named_case_exists():
    """A kind of case that is deleted, for example from scoring/cases, is missed here."""
    wanted = [one for one in named() if one[2]]
    there = {(file, name): cases(file, name) for file, name, _ in wanted}
    assert len(wanted) >= 14 and not [one for one in wanted if one[2] not in there[one[:2]]]
