"""The list of faults in faults.md names tests that exist."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
NAMED = re.compile(r"tests/([\w/]+\.py)::(\w+)")


def functions(path: Path) -> set[str]:
    """Return the names of the functions in a file of tests."""
    return {
        node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))) if isinstance(node, ast.FunctionDef)
    }


def rows() -> list[str]:
    """Return the lines of the tables that are neither headings nor rules."""
    lines = (TESTS / "faults.md").read_text(encoding="utf8").splitlines()
    return [line for line in lines if line.startswith("|") and not line.startswith(("| fault |", "| --- |"))]


def test_every_fault_names_a_test():
    assert not [row for row in rows() if not NAMED.search(row)]


def test_every_named_test_exists():
    named = {found for row in rows() for found in NAMED.findall(row)}
    assert len(named) > 100
    assert not [(file, name) for file, name in named if name not in functions(TESTS / file)]
