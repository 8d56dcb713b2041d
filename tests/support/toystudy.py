"""A study of toy notebooks that need no torch: one works (or fails, or waits), one reports.

root = make_project(tmp_path)
o1lib(root, "study", "--scale", "smoke").returncode
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from o1lib.records import code_hash, write_json
from o1lib.study import experiments, plan, states

REPOSITORY = Path(__file__).resolve().parents[2]
COMMON = 'row: str = "toy"\nseed: int = 0\nscale: str = "smoke"\nroot: str = ""\n'
WORK = COMMON + 'model: str = ""\nvalue: float = 0.5\nseconds: float = 0.0\nfail: bool = False\nfail_late: bool = False'
WORK_BODY = """import os, time
from pathlib import Path
from o1lib.records import finish, project_root, start
run = start(globals(), "work")
threads = {os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]}
print("from", model, "in", project_root(), "on", *threads, "threads")
run.path("checkpoint").mkdir(exist_ok=True)
time.sleep(seconds)
assert not fail, "this row was set to fail"
finish(run, {"accuracy": {"value": value, "n": 1, "low": 0.0, "high": 1.0}})
assert not fail_late, "this row was set to fail after its record"
"""
REPORT_BODY = """from o1lib.records import finish, load_all, start
run = start(globals(), "report")
finish(run, {"rows": {"value": len(load_all(run.root, run.leaves)), "n": 1, "low": 0.0, "high": 99.0}})"""
STUDY = """
rows:
  a: {notebook: work, once: true, groups: [core]}
  b: {notebook: work, parameters: {model: a, value: 0.25}, groups: [core]}
  c: {notebook: work, parameters: {model: b}, groups: [core]}
  d: {notebook: work, parameters: {model: a}}
  claims: {notebook: report, needs: ["*"], once: true, groups: [core]}
scales:
  smoke: {seconds: {work: 2, d: 50}}
  gpu: {gpus: 64, gpu_memory_gb: 16}
"""


def notebook(path: Path, parameters: str, body: str) -> None:
    """Write a notebook with a title, a parameters cell and one more cell."""
    tagged = new_code_cell(parameters, metadata={"tags": ["parameters"]})
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(
        new_notebook(cells=[new_markdown_cell("# Toy?"), tagged, new_code_cell(body)], metadata={"kernelspec": kernel}),
        path,
    )


def make_project(root: Path, study: str = STUDY) -> Path:
    """Make a project in `root`: two toy notebooks, and the real Snakefile and nbdime settings."""
    notebook(root / "notebooks" / "work.ipynb", WORK, WORK_BODY)
    notebook(root / "notebooks" / "report.ipynb", COMMON, REPORT_BODY)
    (root / "experiments.yaml").write_text(study, encoding="utf8")
    for name in ("Snakefile", "nbdime_config.json"):
        shutil.copyfile(REPOSITORY / name, root / name)
    return root


def edit(root: Path, old: str, new: str) -> None:
    """Change one place of the project's experiments.yaml."""
    path = root / "experiments.yaml"
    text = path.read_text(encoding="utf8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf8")


def record(job, **changes) -> Path:
    """Write the record that running `job` would write, with `changes` in it. Return the run's folder."""
    folder = states.folder_of(job)
    provenance = {
        "commit": "c0ffee0000",
        "code_hash": code_hash(job.notebook),
        "seconds": 7.0,
        "started_at": "2026-01-01T00:00:00+00:00",
    }
    made = {
        "row": job.row,
        "seed": job.seed,
        "scale": job.parameters["scale"],
        "notebook": job.notebook,
        "parameters": job.parameters,
        "fingerprint": job.fingerprint,
        "metrics": {},
        "n_failed": 0,
        "artifacts": {},
        "extra": {},
        "provenance": provenance,
    }
    provenance.update(changes.pop("provenance", {}))
    write_json(folder / "record.json", made | changes)
    return folder


def planned(rows: str = "", seeds=(0,), fresh: bool = False, scale: str = "smoke") -> plan.StudyPlan:
    """Plan the toy study from its current experiments.yaml."""
    return plan.make_plan(experiments.read_experiments(), scale, rows, seeds, fresh)


def environment(root: Path) -> dict[str, str]:
    """Return a command's environment. It imports the project's own copy of the library if there is one."""
    library = root if (root / "o1lib").is_dir() else REPOSITORY
    return os.environ | {"O1LIB_ROOT": str(root), "PYTHONPATH": str(library), "OMP_NUM_THREADS": "1"}


def o1lib(root: Path, *words: str, seconds: float = 300) -> subprocess.CompletedProcess:
    """Run `python -m o1lib` on the project in `root` and wait for it."""
    return subprocess.run(
        [sys.executable, "-m", "o1lib", *words],
        env=environment(root),
        cwd=root,
        text=True,
        capture_output=True,
        timeout=seconds,
    )
