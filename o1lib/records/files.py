"""Write files and folders atomically, and hash them.

with atomic_folder(run.path("data")) as folder:      # gets its name only if the block ends without an error
    ...
write_json(run.path("card.json"), {"n": 3})
"""

import hashlib
import json
import os
import re
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path

from o1lib.records.addresses import without_keys
from o1lib.records.errors import UserError

CARD = "README.md"  # for readers; not part of a model
LONE_SURROGATES = "backslashreplace"  # UTF-8 cannot encode a lone surrogate: write its JSON escape
SECRET = re.compile(
    r"api_?key|secret|passw|credential|(access|private)_key|^token$"
    r"|(hf|hub|api|auth|access|bearer|github|wandb)_?token$",
    re.I,
)


def project_root() -> Path:
    """Return the checkout's folder: the environment variable O1LIB_ROOT if set, else the parent of `o1lib/`."""
    given = os.environ.get("O1LIB_ROOT")
    return Path(given).resolve() if given else Path(__file__).resolve().parents[2]


def expanded(path: Path | str) -> Path:
    """Return `path` with a leading ~ replaced by the home folder, unchanged if the system knows no such folder."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def shown(path: Path | str) -> str:
    """Return `path` as messages show it: relative to the project root if it is inside it."""
    path = Path(path)
    return str(path.relative_to(project_root())) if path.is_relative_to(project_root()) else str(path)


@contextmanager
def disk_errors(path: Path):
    """Raise UserError if the block fails to write `path`. Other errors pass unchanged."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        full = "No space left" in str(error) or "quota exceeded" in str(error)
        # safetensors reports errors of the system by an exception of its own, with "(os error 28)" in the text
        if not (full or isinstance(error, OSError) or "(os error " in str(error)):
            raise
        remedy = "free some space on that disk" if full else "check that the folder exists and is writable"
        raise UserError(f"cannot write {shown(path)} ({error}): {remedy}, then run again") from error


@contextmanager
def atomic_file(path: Path | str):
    """Yield a temporary path next to `path`. It is renamed to `path` if the block succeeds, and removed otherwise.

    If `path` is a link, the file that it names is replaced. Raises UserError if the file cannot be written (full disk,
    read-only folder, a file where a folder is needed).
    """
    path = Path(path)
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    part = target.with_name(f".{target.name}.part")
    try:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield part
            os.replace(part, target)
    finally:
        with suppress(OSError):  # the folder cannot be written: the error above says so
            part.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path | str):
    """Yield an empty temporary folder next to `path`. It replaces `path` if the block succeeds; else it is removed.

    An error or Ctrl-C in the block leaves the old folder at `path` unchanged. Raises UserError if the folder cannot be
    written.
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
    """Convert a NumPy scalar or a path for `json.dumps`."""
    if hasattr(value, "item"):
        return value.item()
    if isinstance(value, Path):
        return value.as_posix()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def to_json(value, where: str, **options) -> str:
    """Return `value` as strict JSON. Raises UserError naming `where` for NaN, infinity or another class."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain, **options)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{where} cannot be written as JSON ({error}): use finite numbers, texts, lists and dicts"
        ) from error


def write_json(path: Path | str, value) -> Path:
    """Write `value` to `path` atomically (UTF-8, two spaces) and return the path. Raises UserError."""
    text = to_json(value, shown(path), indent=2) + "\n"
    with atomic_file(path) as part:
        part.write_text(text, encoding="utf8", errors=LONE_SURROGATES)
    return Path(path)


def sha256(path: Path | str) -> str:
    """Return the SHA-256 of a file's bytes, or of a folder: over the sorted relative paths and hashes of its files.

    A folder's README.md (the model card) is left out: a better sentence in it changes no model.
    Raises UserError if `path` does not exist.
    """
    path = Path(path)
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file() and file.name != CARD]
        names = sorted(file.relative_to(path).as_posix() for file in files)
        return hashlib.sha256("".join(f"{name}\0{sha256(path / name)}\n" for name in names).encode()).hexdigest()
    if not path.is_file():
        raise UserError(f"{shown(path)} does not exist, so it has no hash: create it first")
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def portable(value, key: str = ""):
    """Return `value` (parameters, extra facts of a record) without absolute or home paths, so that it can be published.

    Passwords and keys in web addresses are masked. A path inside the project becomes relative to it. Of any other
    absolute path only the last part is kept, also after a name and "@". Raises UserError for a text under a key that
    names a secret (api_key, hf_token, password, ...).
    """
    if isinstance(value, dict):
        return {str(name): portable(item, str(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [portable(item, key) for item in value]
    if not isinstance(value, (str, Path)):
        return value
    text = without_keys(str(value))
    if text and SECRET.search(key):
        raise UserError(
            f"{key!r} looks like a secret and would be published in the record: pass it in an environment variable"
        )
    for place, instead in ((project_root(), ""), (expanded("~"), "<home>/")):
        if place.is_absolute() and place != Path(place.anchor):  # a home of "/" would match every slash
            text = re.sub(rf"(?<![\w.-]){re.escape(str(place))}(/|(?![\w.-]))", instead, text)
    name = (re.match(r"[\w.-]+@(?=/|~|<home>)", text) or [""])[0]
    path = text.removeprefix(name)
    outside = re.match(r"~\w*/|<home>/", path) or Path(path).is_absolute()
    return f"{name}<outside>/{Path(path).name}" if outside and "\n" not in text else text
