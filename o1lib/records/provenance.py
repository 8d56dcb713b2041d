"""What produced a record: the commit, the library's own text, the versions of what it stands on.

provenance("02_train_sft")["code_hash"][:8]
"""

import hashlib
import json
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from o1lib.records.files import project_root

PACKAGES = ("torch", "transformers", "trl", "datasets", "accelerate", "tokenizers", "numpy")


def notebook_cells(notebook: str) -> list[dict] | None:
    """Return the code cells of `notebooks/<notebook>.ipynb`, or None when there is no such readable file."""
    path = project_root() / "notebooks" / f"{Path(notebook).name}.ipynb"
    if not (notebook and path.is_file()):
        return None
    try:
        cells = json.loads(path.read_text(encoding="utf8"))["cells"]
    except (ValueError, KeyError, OSError):
        return None
    return [cell | {"source": "".join(cell["source"])} for cell in cells if cell["cell_type"] == "code"]


def code_hash(notebook: str = "") -> str:
    """Return the SHA-256 over every module of o1lib and the code of `notebook`: changes when either does."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
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
    """Return commit, dirty, code_hash, versions and started_at (UTC) as they are now."""
    name, dirty = commit()
    return {
        "commit": name,
        "dirty": dirty,
        "code_hash": code_hash(notebook),
        "versions": versions(),
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
