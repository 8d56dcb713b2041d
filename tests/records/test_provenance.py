"""A record's code hash covers the packages its notebook depends on, and no others."""

import ast
import json
from pathlib import Path

import pytest

from o1lib.records import code_hash, load, stack_hash
from o1lib.records.provenance import LIBRARY, STACKS, provenance

SHOWS = {"analysis", "study"}  # what a notebook only displays or compares with
ROOT = Path(__file__).resolve().parents[2]


def modules_of(source: str) -> set[str]:
    """Return the names below o1lib that Python source imports, wherever it does."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "o1lib":
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("o1lib.")}
    return {name.removeprefix("o1lib.") for name in found}


def packages_below(packages: set[str]) -> set[str]:
    """Return the packages that these import, directly or through others, themselves among them."""
    known, waiting = set(), set(packages)
    while waiting:
        name = waiting.pop()
        known.add(name)
        texts = [path.read_text(encoding="utf8") for path in (LIBRARY / name).rglob("*.py")]
        waiting |= {module.split(".")[0] for text in texts for module in modules_of(text)} - known - {"o1lib"}
    return known


@pytest.mark.slow
@pytest.mark.parametrize("notebook", STACKS)
def test_a_stack_names_all_that_its_notebook_imports(notebook):
    cells = json.loads((ROOT / f"notebooks/{notebook}.ipynb").read_text(encoding="utf8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    imported = {module.split(".")[0] for module in modules_of(code)} - SHOWS - {"o1lib"}
    assert packages_below(imported) - SHOWS <= set(STACKS[notebook])


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A small library with packages that notebook 02 depends on and one that it does not."""
    for name in ("training", "evaluation", "analysis"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.py").write_text('"""One."""\n', encoding="utf8")
    monkeypatch.setattr("o1lib.records.provenance.LIBRARY", tmp_path)
    return tmp_path


def test_a_changed_plot_leaves_the_hash_of_training(library):
    before = stack_hash("02_train_sft"), code_hash("02_train_sft")
    (library / "analysis" / "one.py").write_text('"""Better words."""\n', encoding="utf8")
    assert stack_hash("02_train_sft") == before[0] and code_hash("02_train_sft") != before[1]


def test_a_changed_trainer_changes_the_hash_of_training(library):
    before = stack_hash("02_train_sft")
    (library / "training" / "one.py").write_text("x = 1\n", encoding="utf8")
    assert stack_hash("02_train_sft") != before


def test_a_changed_probe_changes_the_hash_of_training(library):
    """The rates that a training run logs are measured by it."""
    before = stack_hash("02_train_sft"), stack_hash("00_pretrain_base")
    (library / "evaluation" / "one.py").write_text("x = 1\n", encoding="utf8")
    assert stack_hash("02_train_sft") != before[0] and stack_hash("00_pretrain_base") == before[1]


def test_a_report_depends_on_the_whole_library(library):
    assert stack_hash("07_claims") == code_hash("07_claims")


def test_new_records_hold_both_hashes_and_old_ones_the_whole():
    assert {"code_hash", "stack_hash"} <= set(provenance("02_train_sft"))
    old = load(ROOT / "results/mini/runs/structured/seed0")
    assert old.code == old.provenance["code_hash"]
    new = old.model_copy(update={"provenance": old.provenance | {"stack_hash": stack_hash(old.notebook)}})
    assert new.code == stack_hash(old.notebook) and not new.stale and old.stale
