"""Every notebook runs by `papermill notebooks/NN.ipynb out.ipynb -p ...`, and opens from the root and from notebooks/.

The tests run in a copy of the checkout with its own copy of the library and without O1LIB_ROOT, as in a clone.
"""

import ast
import gzip
import json
import resource
from pathlib import Path

import nbformat
import pytest
from support.contract import (
    LEDGER_KEYS,
    METRIC_KEYS,
    NOTEBOOKS,
    PROVENANCE_KEYS,
    RECORD_KEYS,
    SCORED_KEYS,
    copy,
    environment,
    failure,
    files,
    papermill,
    sources,
)

from o1lib.records import load

pytestmark = pytest.mark.slow
CHECKOUT = ("o1lib", "notebooks", "results", "experiments.yaml", "claims.yaml", "nbdime_config.json")
SMALL = {
    "00_pretrain_base": {"examples": 64, "batch": 32, "questions": 4},
    "01_build_dataset": {"n_train": 20, "n_validation": 4, "n_test": 4},
    "02_train_sft": {"examples": 64, "batch": 32, "validation": 0},
    "03_search_and_score": {"method": "best_of_n", "n": 2, "questions": 2, "max_new_tokens": 48},
    "08_audit_your_model": {"questions": 2, "max_new_tokens": 48},
}
SECONDS = 20  # of a processor: a report on the published records, with starting papermill and its kernel
SMOKE, MINI = "smoke", "mini"  # scales of runs that are opened by hand


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the checkout."""
    return copy(tmp_path_factory.mktemp("clone"), *CHECKOUT)


def run(checkout: Path, source: Path | str, out: str, parameters: dict, cwd: str = "."):
    here = environment(checkout, IPYTHONDIR=str(checkout / ".ipython"))
    return papermill(source, checkout / out, parameters, checkout / cwd, here)


def folder(checkout: Path, notebook: str) -> Path:
    """Return the folder of a notebook's run."""
    scale = SMOKE if notebook in SMALL else MINI
    return checkout / "work" / scale / "runs" / notebook / "seed0"


def red(path: Path) -> list[str]:
    """Return what an executed notebook shows from the error stream."""
    outputs = [one for cell in nbformat.read(path, as_version=4).cells for one in cell.get("outputs", [])]
    return [one.text for one in outputs if one.output_type == "stream" and one.name == "stderr"]


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_runs_whole_from_the_root(checkout, notebook):
    before, spent = files(checkout / "results"), processor_seconds()
    done = run(
        checkout, f"notebooks/{notebook}.ipynb", f"{notebook}.out.ipynb", SMALL.get(notebook, {"root": "results/mini"})
    )
    assert done.returncode == 0, failure(done)
    assert load(folder(checkout, notebook)).notebook == notebook
    assert red(checkout / f"{notebook}.out.ipynb") == [], "the error stream is shown on red"
    assert files(checkout / "results") == before, "a run by hand wrote into results/"
    assert notebook in SMALL or processor_seconds() - spent < SECONDS


def processor_seconds() -> float:
    """Return the seconds that processors worked for ended processes: other programs hardly lengthen them."""
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime


def opening(path: Path) -> nbformat.NotebookNode:
    """Return a notebook with three cells: its parameters, the start of its run, and all its imports."""
    notebook = nbformat.read(path, as_version=4)
    first = [cell for cell in notebook.cells if cell.cell_type == "code"][:2]
    imports = [
        ast.unparse(node)
        for text in sources(path)
        for node in ast.parse(text).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    notebook.cells = [*first, nbformat.v4.new_code_cell("\n".join(imports))]
    return notebook


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_opens_from_its_own_folder(checkout, notebook):
    """As in JupyterLab: parameters are checked against the file, and the run starts in the checkout's work/."""
    cut = checkout / f"{notebook}.cut.ipynb"
    nbformat.write(opening(checkout / "notebooks" / f"{notebook}.ipynb"), cut)
    row = f"opened.{notebook}"
    done = run(checkout, cut, f"{row}.ipynb", {"row": row}, "notebooks")
    assert done.returncode == 0, failure(done)
    assert (folder(checkout, notebook).parents[1] / row / "seed0").is_dir()
    assert not (checkout / "notebooks" / "work").exists()


def test_a_mistyped_parameter_stops_a_notebook_at_once(checkout):
    done = run(checkout, "notebooks/03_search_and_score.ipynb", "mistyped.ipynb", {"row": "mistyped", "questons": 2})
    assert done.returncode and "did you mean 'questions'" in done.stdout + done.stderr
    assert not (checkout / "work/smoke/runs/mistyped").exists()


# ---------------------------------------------------------------- records and predictions


@pytest.fixture(scope="module")
def scored(checkout):
    """The folder of a small scored run, made from notebooks/."""
    given = SMALL["03_search_and_score"] | {"row": "scored"}
    done = run(checkout, "03_search_and_score.ipynb", "scored.ipynb", given, "notebooks")
    assert done.returncode == 0, failure(done)
    return checkout / "work/smoke/runs/scored/seed0"


def test_a_search_runs_whole_from_its_own_folder(scored):
    assert load(scored).metrics["accuracy"].n == 2
    assert load(scored).extra["engine"] == {"name": "batched", "why": ""}


def test_a_new_record_has_the_keys_of_published_ones(scored):
    """New keys may be added. The keys of published records stay."""
    record = json.loads((scored / "record.json").read_text(encoding="utf8"))
    assert RECORD_KEYS - record.keys() == PROVENANCE_KEYS - record["provenance"].keys() == set()
    assert [name for name, cell in record["metrics"].items() if METRIC_KEYS - cell.keys()] == []


def test_new_predictions_have_the_keys_of_published_ones(scored):
    with gzip.open(scored / "predictions.jsonl.gz", "rt", encoding="utf8") as packed:
        found = [json.loads(line) for line in packed]
    assert len(found) == 2
    assert [line["qid"] for line in found if SCORED_KEYS - line.keys() or LEDGER_KEYS - line["ledger"].keys()] == []
