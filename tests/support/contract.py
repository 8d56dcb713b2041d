"""Helpers of the contract tests: commands as a user types them, notebooks through papermill, copies of the checkout.

done = python("o1lib", "plan", "--scale", "mini")
papermill("notebooks/07_claims.ipynb", out, {"root": "results/mini"}, ROOT, environment())

They do not import o1lib, because the contract is about commands and files that others use.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("0[0-8]_*.ipynb"))

# Keys of the published records, on which readers of records rely.
RECORD_KEYS = {
    "artifacts", "extra", "fingerprint", "metrics", "n_failed", "notebook", "parameters", "provenance", "row", "scale",
    "seed",
}  # fmt: skip
PROVENANCE_KEYS = {
    "code_hash", "commit", "dataset_hash", "device", "dirty", "dtype", "model_hash", "seconds", "started_at",
    "versions",
}  # fmt: skip
NEW_PROVENANCE_KEYS = {"stack_hash"}  # of records made since the modules moved into packages
METRIC_KEYS = {"value", "n", "low", "high"}
SCORED_KEYS = {
    "candidates", "correct", "extracted_by", "family", "format", "gold", "group", "judge", "ledger", "method", "n",
    "option_likelihood_correct", "options", "output", "pred", "problem", "qid", "schedule", "skill", "stage_scores",
    "temperature", "template", "test_set",
}  # fmt: skip
NEW_SCORED_KEYS = {"verdicts"}  # of predictions made since they keep the verdicts of their search
LEDGER_KEYS = {"generated", "judge", "prefilled", "images", "calls", "seconds"}
BASE_KEYS = {"correct", "family", "output", "part", "qid", "template"}


def environment(project: Path = ROOT, **more: str) -> dict[str, str]:
    """Return the environment of a command: the library of `project`, the kernel of this Python, no network."""
    kept = {name: value for name, value in os.environ.items() if name not in ("O1LIB_ROOT", "O1LIB_FINGERPRINT")}
    kernels = Path(sys.prefix) / "share" / "jupyter"
    own = {"PYTHONPATH": str(project), "JUPYTER_PATH": str(kernels), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return kept | own | {"COLUMNS": "200", "PYDEVD_DISABLE_FILE_VALIDATION": "1"} | more


def python(*words, cwd: Path = ROOT, seconds: float = 300, **more: str) -> subprocess.CompletedProcess:
    """Run `python -m` with these words in a new process."""
    return subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        cwd=cwd,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=seconds,
    )


def papermill(source: Path | str, output: Path, parameters: dict, cwd: Path, env: dict, seconds: float = 500):
    """Run `papermill SOURCE OUTPUT -p NAME VALUE ...` in the folder `cwd`."""
    given = [word for name, value in parameters.items() for word in ("-p", name, str(value))]
    command = [Path(sys.executable).with_name("papermill"), "--no-progress-bar", source, output, *given]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=seconds)


def failure(done: subprocess.CompletedProcess) -> str:
    """Return the end of a command's output, for the message of a failed test."""
    return (done.stdout + done.stderr)[-3000:]


def copy(project: Path, *names: str) -> Path:
    """Copy these files and folders of the checkout into `project`, and return it."""
    for name in names:
        source, target = ROOT / name, project / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copyfile(source, target)
    return project


def sources(notebook: Path, kind: str = "code") -> list[str]:
    """Return the text of a notebook's cells of one kind."""
    cells = json.loads(notebook.read_text(encoding="utf8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == kind]


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Return {path: (bytes, time of the last change in ns)} of every file in a folder and its subfolders."""
    found = ((path, path.stat()) for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): (stat.st_size, stat.st_mtime_ns) for path, stat in found}
