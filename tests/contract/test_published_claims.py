"""The claims report on the published records gives the published claims byte for byte; on changed records it does not.

The report runs in a copy of the checkout with the published records only, so it writes into an empty folder. The last
part changes one digit of a record or of a prediction.
"""

import gzip
import hashlib
import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from support.contract import ROOT, copy, environment, failure, papermill, sources

from o1lib.records import load, sha256

pytestmark = pytest.mark.slow
NOTEBOOK = "07_claims"
PUBLISHED = ROOT / "results" / "mini" / "tables" / "claims.json"
STUDY = ("claims.yaml", "experiments.yaml", "nbdime_config.json", "notebooks")
READ = (*STUDY, "results/mini/runs", "results/mini/tables", "results/reported")


def report(project: Path, cwd: str = ".", name: str = "out.ipynb") -> Path:
    """Run the claims report on the published records in `project`. Return the executed notebook."""
    out = project / name
    here = environment(ROOT, O1LIB_ROOT=str(project), IPYTHONDIR=str(project / ".ipython"))
    source = project / "notebooks" / f"{NOTEBOOK}.ipynb"
    done = papermill(source, out, {"row": "claims", "root": "results/mini"}, project / cwd, here)
    assert done.returncode == 0, failure(done)
    return out


def claims(project: Path) -> Path:
    """Return the path of the report's claims."""
    return project / "work/mini/runs/claims/seed0/tables/claims.json"


def lines(path: Path) -> dict[str, dict]:
    return {line["id"]: line for line in json.loads(path.read_text(encoding="utf8"))}


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory):
    """A copy in which the report was run from its root."""
    project = copy(tmp_path_factory.mktemp("published"), *READ)
    assert not (project / "work").exists()
    report(project)
    return project


# ---------------------------------------------------------------- the same records


def test_claims_are_rebuilt_byte_for_byte(rebuilt):
    assert sha256(claims(rebuilt)) == sha256(PUBLISHED)


def test_the_published_record_has_the_hash_of_the_claims():
    published = load(ROOT / "results/mini/runs/claims/seed0")
    assert published.artifacts["tables/claims.json"] == sha256(PUBLISHED)


def test_the_new_record_has_the_hash_of_the_claims(rebuilt):
    assert load(rebuilt / "work/mini/runs/claims/seed0").artifacts["tables/claims.json"] == sha256(PUBLISHED)


def test_published_records_are_only_read(rebuilt):
    for path in (ROOT / "results/mini/runs").rglob("*"):
        if path.is_file():
            assert sha256(rebuilt / path.relative_to(ROOT)) == sha256(path), path


# ---------------------------------------------------------------- a rerun, compared by nbdime


def nbdiff(project: Path, one: Path, other: Path) -> str:
    """Return the output of `nbdiff` with the project's settings. It reads them only under its own name."""
    command = [Path(sys.executable).with_name("nbdiff"), "--no-color", one.name, other.name]
    done = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, failure(done)
    return done.stdout


@pytest.fixture(scope="module")
def again(rebuilt):
    """The report opened once more, from notebooks/ as JupyterLab opens it."""
    return report(rebuilt, "notebooks", "again.ipynb")


def test_a_rerun_does_not_differ(rebuilt, again):
    assert nbdiff(rebuilt, rebuilt / "out.ipynb", again) == ""


def test_a_rerun_gives_the_same_claims(rebuilt, again):
    assert sha256(claims(rebuilt)) == sha256(PUBLISHED)


def test_a_rerun_keeps_the_source_but_for_its_parameters(rebuilt):
    executed, source = rebuilt / "out.ipynb", ROOT / "notebooks" / f"{NOTEBOOK}.ipynb"
    added = set(sources(executed)) - set(sources(source))
    assert sources(executed, "markdown") == sources(source, "markdown")
    assert len(sources(executed)) == len(sources(source)) + 1
    assert [text.splitlines()[0] for text in added] == ["# Parameters"]


def shown_numbers(notebook: Path) -> list[list[str]]:
    """Return the numbers of each output with text, except the table of provenance."""
    cells = json.loads(notebook.read_text(encoding="utf8"))["cells"]
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    texts = ["".join(data.get("text/html", data.get("text/markdown", ""))) for data in outputs]
    texts = [text for text in texts if "<th>commit</th>" not in text]
    return [found for text in texts if (found := re.findall(r"\d[\d.,]*", unescape(re.sub(r"<[^>]*>", " ", text))))]


def test_a_rerun_shows_the_published_numbers(rebuilt):
    """Texts, commits and times may differ. Numbers may not."""
    published = ROOT / "results/mini/executed" / f"{NOTEBOOK}.ipynb"
    assert len(shown_numbers(published)) >= 5
    assert shown_numbers(rebuilt / "out.ipynb") == shown_numbers(published)


# ---------------------------------------------------------------- records with one digit changed


def bumped(text: str, before: str) -> str:
    """Return `text` with the first digit after `before` changed."""
    found = re.search(re.escape(before) + r"(\d)", text)
    assert found, before
    return text[: found.start(1)] + str((int(found[1]) + 1) % 10) + text[found.end(1) :]


def edit_record(folder: Path, change) -> None:
    path = folder / "record.json"
    path.write_text(change(path.read_text(encoding="utf8")), encoding="utf8")


def edit_predictions(folder: Path, change, known: bool) -> None:
    """Change the first line of predictions. With `known`, the record gets the new hash."""
    path = folder / "predictions.jsonl.gz"
    before, (first, *rest) = sha256(path), gzip.decompress(path.read_bytes()).decode("utf8").splitlines(keepends=True)
    packed = gzip.compress("".join([change(first), *rest]).encode("utf8"), mtime=0)
    path.write_bytes(packed)
    if known:
        edit_record(folder, lambda text: text.replace(before, hashlib.sha256(packed).hexdigest()))
    assert sha256(path) != before


# {name of the change: (run, change, a claim that must change)}
CHANGES = {
    "a call in a prediction": (
        "structured.stage_beam4.self/seed0",
        lambda run: edit_predictions(run, lambda line: bumped(line, '"calls": '), known=True),
        "B14",
    ),
    "a verdict on an answer": (
        "direct.sample/seed0",
        lambda run: edit_predictions(
            run, lambda line: line.replace('"correct": false', '"correct": true', 1), known=True
        ),
        "A5",
    ),
    "seconds of training": (
        "direct/seed1",
        lambda run: edit_record(run, lambda text: bumped(text, '"seconds": ')),
        "A5",
    ),
    "tokens in a metric": (
        "direct.sample/seed0",
        lambda run: edit_record(run, lambda text: bumped(text, '"cost/generated": {\n      "value": ')),
        "A5",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_one_digit_changed_gives_other_claims(tmp_path, change):
    run, make_change, claim = CHANGES[change]
    project = copy(tmp_path, *READ)
    make_change(project / "results/mini/runs" / run)
    report(project)
    assert sha256(claims(project)) != sha256(PUBLISHED)
    assert lines(claims(project))[claim] != lines(PUBLISHED)[claim]


def test_predictions_of_another_hash_are_not_used(tmp_path):
    """If a file was changed and its record was not, the claim is not tested, with the reason."""
    project = copy(tmp_path, *READ)
    run = project / "results/mini/runs/structured.stage_beam4.self/seed0"
    edit_predictions(run, lambda line: bumped(line, '"calls": '), known=False)
    report(project)
    found = lines(claims(project))["B14"]
    assert sha256(claims(project)) != sha256(PUBLISHED)
    assert (found["verdict"], found["value"]) == ("no verdict", None) and "hash" in found["why"]
