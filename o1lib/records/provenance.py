"""What produced a record: the commit, hashes of the code, and the versions of the packages it depends on.

provenance("02_train_sft")["stack_hash"][:8]      # the hash of notebook 02 and of the packages it depends on
"""

import hashlib
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from o1lib.records.files import project_root
from o1lib.records.journals import load_json

PACKAGES = ("torch", "transformers", "trl", "datasets", "accelerate", "tokenizers", "numpy")
LIBRARY = Path(__file__).resolve().parents[1]
_DATA = ("records", "formats", "minivqa", "scoring", "models", "data")
_TRAINING = (*_DATA, "training")
_ANSWERING = (*_TRAINING, "search", "inference", "evaluation")
# The packages whose code decides what a notebook's record holds. Plots and pages (analysis) only show it. Notebook 02
# answers questions too: its log has the rates at which swapped chains are followed.
STACKS = {
    "00_pretrain_base": _TRAINING,
    "01_build_dataset": _DATA,
    "02_train_sft": _ANSWERING,
    "03_search_and_score": _ANSWERING,
}


def notebook_cells(notebook: str) -> list[dict] | None:
    """Return the code cells of `notebooks/<notebook>.ipynb`, or None when there is no such readable file."""
    path = project_root() / "notebooks" / f"{Path(notebook).name}.ipynb"
    if not (notebook and path.is_file()):
        return None
    try:
        cells = load_json(path)["cells"]
        return [cell | {"source": "".join(cell["source"])} for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError):
        return None


def code_hash(notebook: str = "") -> str:
    """Return the SHA-256 over every module of o1lib and the code cells of `notebook`."""
    return _hash_of(sorted(LIBRARY.rglob("*.py")), notebook)


def stack_hash(notebook: str = "") -> str:
    """Return the SHA-256 over the packages that `notebook` depends on (STACKS) and its own code cells.

    Two records are made by the same code when this is equal: a changed plot does not make two arms incomparable. A
    notebook that STACKS does not name, such as a report, depends on the whole library.
    """
    packages = STACKS.get(notebook)
    if packages is None:
        return code_hash(notebook)
    return _hash_of(sorted(path for name in packages for path in (LIBRARY / name).rglob("*.py")), notebook)


def _hash_of(files: list[Path], notebook: str) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(LIBRARY).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for cell in notebook_cells(notebook) or []:
        digest.update(cell["source"].encode() + b"\0")
    return digest.hexdigest()


def _git(*words: str) -> str | None:
    try:
        # without the index lock: a run must not get in the way of somebody committing meanwhile
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(project_root()), *words],
            capture_output=True,
            text=True,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def commit() -> tuple[str, bool | None]:
    """Return (commit, whether tracked files differ from it); ("unknown", None) where the project is not a checkout."""
    lines = (_git("rev-parse", "--show-toplevel", "HEAD") or "").splitlines()
    if len(lines) != 2 or Path(lines[0]).resolve() != project_root():  # an unpacked copy inside somebody's own checkout
        return "unknown", None
    return lines[1], bool((_git("status", "--porcelain", "--untracked-files=no") or "").strip())


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages results depend on, without importing any of them."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def provenance(notebook: str = "") -> dict:
    """Return commit, dirty, code_hash, stack_hash, versions and started_at (UTC) as they are now."""
    name, dirty = commit()
    return {
        "commit": name,
        "dirty": dirty,
        "code_hash": code_hash(notebook),
        "stack_hash": stack_hash(notebook),
        "versions": versions(),
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
