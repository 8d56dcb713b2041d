"""The whole study at the smoke scale, run once on a copy of this checkout as `make study SCALE=smoke` runs it.

The copy is in a folder whose name holds a space, a quote and a dollar sign.
"""

import json
import shutil

import pytest
from support import toystudy
from support.toystudy import o1lib

from o1lib.records import load_all
from o1lib.scoring import metrics
from o1lib.study import experiments, jobs, plan

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
COPIED = ("o1lib", "notebooks", "results", "experiments.yaml", "claims.yaml", "Snakefile", "nbdime_config.json")


@pytest.fixture(scope="session")
def smoke(tmp_path_factory):
    """(project, finished process): a copy of the checkout in which the smoke study has run."""
    root = tmp_path_factory.mktemp("checkout") / "a b ü'$x"  # a shell would split or expand it
    root.mkdir()
    for name in COPIED:
        source = toystudy.REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copyfile(source, root / name)
    return root, o1lib(root, "study", "--scale", "smoke", seconds=1100)


@pytest.fixture
def project(smoke, monkeypatch):
    """The project, used in place of the checkout."""
    monkeypatch.setenv("O1LIB_ROOT", str(smoke[0]))
    return smoke[0]


def test_every_planned_row_is_recorded(smoke):
    root, done = smoke
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    summary = json.loads((root / "work/smoke/summary.json").read_text(encoding="utf8"))
    assert list(summary) == ["rows", "recorded", "failed", "seconds", "peak_memory_mb"]
    assert summary["rows"] == summary["recorded"] == len(load_all(root / "work/smoke")) and summary["failed"] == 0


def test_it_needs_less_than_three_gigabytes(smoke):
    assert json.loads((smoke[0] / "work/smoke/summary.json").read_text(encoding="utf8"))["peak_memory_mb"] < 3000


def test_all_four_reports_were_executed_without_error(project):
    for row in ("ablations", "inference_scaling", "curriculum", "claims"):
        executed = json.loads((project / f"work/smoke/runs/{row}/seed0/notebook.ipynb").read_text(encoding="utf8"))
        outputs = [output for cell in executed["cells"] for output in cell.get("outputs", [])]
        assert outputs and not any(output["output_type"] == "error" for output in outputs)


def test_a_second_run_does_nothing(smoke):
    root, _ = smoke
    records = {path: path.stat().st_mtime_ns for path in root.glob("work/smoke/runs/*/*/record.json")}
    done = o1lib(root, "study", "--scale", "smoke")
    assert done.returncode == 0 and "0 to run" in done.stdout
    assert records == {path: path.stat().st_mtime_ns for path in root.glob("work/smoke/runs/*/*/record.json")}


def test_a_changed_parameter_would_redo_exactly_its_descendants(project):
    read = experiments.read_experiments()
    read.rows["structured"].parameters["learning_rate"] = 0.5
    due = {entry.job.row for entry in plan.make_plan(read, "smoke").due}
    expected = {row for row in jobs.select(read, "smoke") if row.startswith("structured")}
    assert due == expected | {"ablations", "inference_scaling", "curriculum", "claims"}


def test_every_metric_is_recomputed_from_predictions(project):
    scored = [record for record in load_all(project / "work/smoke") if record.notebook == "03_search_and_score"]
    assert len(scored) >= 10
    for record in scored:
        again = {name: dict(metric) for name, metric in metrics(record.predictions()).items()}
        recorded = {name: pytest.approx(metric.model_dump()) for name, metric in record.metrics.items()}
        assert again == recorded, record.row
        assert record.extra["engine"] == {"name": record.parameters["engine"], "why": ""}, record.row


def test_kept_files_hold_no_path_of_this_machine(project):
    kinds = (".json", ".ipynb", ".html", ".csv")
    kept = [path for path in project.glob("work/smoke/runs/*/*/*") if path.suffix in kinds]
    assert kept and [path for path in kept if str(project) in path.read_text(encoding="utf8")] == []


def test_recorded_artifacts_have_their_recorded_hashes(project):
    assert {record.row: record.changed() for record in load_all(project / "work/smoke") if record.changed()} == {}


def test_smoke_covers_every_notebook_format_and_method():
    """And every schedule, judge and source."""
    read = experiments.read_experiments()
    everything = {row: experiments.parameters_of(read, "smoke", row) for row in read.rows}
    chosen = jobs.select(read, "smoke")
    for kind in ("format", "schedule", "method", "judge", "source"):
        used = {everything[row].get(kind) for row in chosen}
        assert used == {values.get(kind) for values in everything.values()}, kind
    notebooks = {path.stem for path in (toystudy.REPOSITORY / "notebooks").glob("*.ipynb")}
    assert {read.rows[row].notebook for row in chosen} == notebooks - {"08_audit_your_model"}  # no row of the study
