"""Files that are either whole or absent, and their hashes.

with atomic_folder(run.path("data")) as folder:      # appears under its name only when the block ends well
    ...
write_json(run.path("card.json"), {"n": 3})
"""

import hashlib
import json
import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

from o1lib.records.errors import UserError

LONE = "backslashreplace"  # half of a surrogate pair, which UTF-8 refuses, becomes its JSON escape
SECRET = re.compile(
    r"api_?key|secret|passw|credential|(access|private)_key|^token$"
    r"|(hf|hub|api|auth|access|bearer|github|wandb)_?token$",
    re.I,
)


def project_root() -> Path:
    """Return the checkout's folder: the environment variable O1LIB_ROOT if set, else the parent of `o1lib/`."""
    given = os.environ.get("O1LIB_ROOT")
    return Path(given).resolve() if given else Path(__file__).resolve().parents[2]


def shown(path: Path | str) -> str:
    """Return `path` as it is shown to the user: relative to the project where it lies inside it."""
    path = Path(path)
    return str(path.relative_to(project_root())) if path.is_relative_to(project_root()) else str(path)


@contextmanager
def disk_errors(path: Path):
    """Turn a failed write of `path` into a UserError (safetensors reports the system's errors by an exception of its own)."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        full = "No space left" in str(error) or "quota exceeded" in str(error)
        if not (full or isinstance(error, OSError) or "(os error " in str(error)):
            raise
        remedy = "free some space on that disk" if full else "check that the place exists and may be written"
        raise UserError(f"cannot write {shown(path)} ({error}): {remedy}, then run again") from error


@contextmanager
def atomic_file(path: Path | str):
    """Yield a temporary path beside `path`, renamed to it when the block ends well and removed otherwise.

    Raises UserError when the disk refuses (full, read-only, a file where a folder should be).
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    try:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield part
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path | str):
    """Yield an empty temporary folder beside `path`, renamed to it when the block ends well and removed otherwise.

    What stood at `path` before is replaced only then, so an error or Ctrl-C leaves the old folder as it was.
    Raises UserError when the disk refuses.
    """
    path = Path(path)
    part, old = path.with_name(f".{path.name}.part"), path.with_name(f".{path.name}.old")
    try:
        with disk_errors(path):
            shutil.rmtree(part, ignore_errors=True)  # left by a kill
            part.mkdir(parents=True)
            yield part
            if path.exists():
                os.replace(path, old)
            os.replace(part, path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        if old.exists() and not path.exists():  # stopped between the two renames
            os.replace(old, path)
        shutil.rmtree(old, ignore_errors=True)


def _plain(value):
    """Let json write numpy's scalars and paths."""
    if hasattr(value, "item"):
        return value.item()
    if isinstance(value, Path):
        return value.as_posix()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def to_json(value, where: str, **options) -> str:
    """Return `value` as strict JSON. Raises UserError naming `where` for NaN, infinity or a foreign object."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain, **options)
    except (TypeError, ValueError) as error:
        raise UserError(f"{where} cannot be written as JSON ({error}): give it plain finite values") from error


def write_json(path: Path | str, value) -> Path:
    """Write `value` to `path` atomically (UTF-8, two spaces) and return the path. Raises UserError."""
    text = to_json(value, shown(path), indent=2) + "\n"
    with atomic_file(path) as part:
        part.write_text(text, encoding="utf8", errors=LONE)
    return Path(path)


def sha256(path: Path | str) -> str:
    """Return the SHA-256 of a file's bytes, or of a folder: over its files' sorted relative paths and hashes.

    Raises UserError when there is nothing at `path`.
    """
    path = Path(path)
    if path.is_dir():
        names = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
        return hashlib.sha256("".join(f"{name}\0{sha256(path / name)}\n" for name in names).encode()).hexdigest()
    if not path.is_file():
        raise UserError(f"{shown(path)} does not exist, so it has no hash: make it first")
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def portable(value, key: str = ""):
    """Return `value` (parameters, extra facts) fit for publishing: no absolute or home path in it.

    Paths inside the project become relative to it, other absolute ones, also behind a name and "@", keep only their
    last name. Raises UserError for a text under a key that looks like a secret's (api_key, hf_token, password, ...).
    """
    if isinstance(value, dict):
        return {str(name): portable(item, str(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [portable(item, key) for item in value]
    if not isinstance(value, (str, Path)):
        return value
    text = str(value)
    if text and SECRET.search(key):
        raise UserError(f"{key!r} looks like a secret and would be published in the record: pass it by the environment")
    for place, instead in ((project_root(), ""), (Path.home(), "<home>/")):
        if place != Path(place.anchor):  # a home of "/" must not eat every slash
            text = re.sub(rf"(?<![\w.-]){re.escape(str(place))}(/|(?![\w.-]))", instead, text)
    name = (re.match(r"[\w.-]+@(?=/|~|<home>)", text) or [""])[0]
    path = text.removeprefix(name)
    outside = re.match(r"~\w*/|<home>/", path) or Path(path).is_absolute()
    return f"{name}<outside>/{Path(path).name}" if outside and "\n" not in text else text
