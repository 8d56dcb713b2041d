"""Records of finished rows: what they hold, and how to read them.

need(root, "structured", seed=1).metrics["accuracy"].value
"""

import gzip
import hashlib
import io
import math
import re
import zlib
from collections.abc import Callable, Collection
from pathlib import Path

from pydantic import BaseModel, Field, FiniteFloat, ValidationError, field_validator

from o1lib.records.columns import read_columns
from o1lib.records.errors import UserError
from o1lib.records.files import project_root, sha256, shown
from o1lib.records.journals import numbered, parse
from o1lib.records.provenance import code_hash, stack_hash

RECORD, PREDICTIONS = "record.json", "predictions.jsonl.gz"
SHORT = "predictions.parquet"  # what is published of the predictions (o1lib.scoring.short_form)
HASHED_BYTES, HASHED_FILES = 64_000_000, 1000  # hashing a larger folder for every plan would take long
TEXTS = ("commit", "code_hash", "stack_hash", "started_at", "device", "dtype", "dataset_hash", "model_hash")


class Metric(BaseModel):
    """A number, the number of cases behind it, and its 95 % interval. Shares are in 0..1, never in percent."""

    value: FiniteFloat
    n: int = Field(ge=0)
    low: FiniteFloat
    high: FiniteFloat


class Record(BaseModel):
    """The record of a finished row (record.json). `folder` is the folder that it was read from; it is not stored."""

    row: str
    seed: int
    scale: str
    notebook: str
    parameters: dict
    fingerprint: str
    metrics: dict[str, Metric]
    n_failed: int
    artifacts: dict[str, str]
    extra: dict
    provenance: dict
    folder: Path = Field(default=Path(), exclude=True)

    @field_validator("provenance")
    @classmethod
    def _check_provenance(cls, given):
        if wrong := [name for name in TEXTS if not isinstance(given.get(name, ""), str)]:
            raise ValueError(f"{wrong[0]} must be text")
        seconds = given.get("seconds", 0.0)
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:
            raise ValueError("seconds must be a finite number that is not negative")
        return given

    @property
    def commit(self) -> str:
        """The commit the row was made at, or "unknown"."""
        return self.provenance.get("commit", "unknown")

    @property
    def code(self) -> str:
        """The hash of the code that made it: of its notebook's packages, or in older records of the whole library."""
        return self.provenance.get("stack_hash") or self.provenance.get("code_hash") or ""

    @property
    def stale(self) -> bool:
        """Whether the code that decides what the record holds has changed since it was made."""
        return self.stale_by(code_hash, stack_hash)

    def stale_by(self, whole: Callable[[str], str], stack: Callable[[str], str]) -> bool:
        """Return `stale` by these hash functions of a notebook's name; pass cached ones for many records."""
        return self.code != (stack if self.provenance.get("stack_hash") else whole)(self.notebook)

    @property
    def warning(self) -> str:
        """A sentence that says how to redo a stale record, "" for a current one."""
        made = f"row {self.row!r}, seed {self.seed}, was made by other code (commit {self.commit[:10]})"
        return f"{made}: `make study SCALE={self.scale} ROWS={self.row} FRESH=1` redoes it" if self.stale else ""

    @property
    def redo(self) -> str:
        """How to restore files of this row that are damaged or changed, with the command if there is one."""
        place = _scale_of(self.folder.parents[2]) if len(self.folder.parents) > 2 else ""
        if place:
            return f"`make study {place}ROWS={self.row} SEEDS={self.seed}` redoes the row"
        if self.folder.is_relative_to(project_root() / "results"):
            return f"`git checkout -- {shown(self.folder)}` brings back what was published"
        return f"run row {self.row!r}, seed {self.seed}, again"

    @property
    def has_predictions(self) -> bool:
        """Whether the row's folder has predictions, whole or in short form."""
        return any((self.folder / name).is_file() for name in (PREDICTIONS, SHORT))

    def predictions(self) -> list[dict]:
        """Return the row's predictions, one dict per question: whole where they are, else those in short form.

        Raises UserError if the file is missing, is damaged, or is not the file whose hash the record holds.
        """
        name = SHORT if (self.folder / SHORT).is_file() and not (self.folder / PREDICTIONS).exists() else PREDICTIONS
        path = self.folder / name
        try:
            raw = path.read_bytes()
            found = read_columns(path) if name == SHORT else _read_lines(raw)
        except FileNotFoundError:
            raise UserError(f"row {self.row!r} wrote no predictions ({shown(path)}): name a row that scores") from None
        except (OSError, EOFError, zlib.error, ValueError) as error:
            raise UserError(f"{shown(path)} is damaged ({error}): {self.redo}") from error
        if self.artifacts.get(name, digest := hashlib.sha256(raw).hexdigest()) != digest:
            raise UserError(f"{shown(path)} is not what its record was made from (its hash differs): {self.redo}")
        if odd := [number for number, line in enumerate(found, 1) if not isinstance(line, dict)]:
            raise UserError(f"{shown(path)}, line {odd[0]}, is not a JSON object: {self.redo}")
        return found

    def changed(self) -> list[str]:
        """Return the artifacts that are missing or no longer have the recorded hash."""
        return [
            name
            for name, digest in self.artifacts.items()
            if not (self.folder / name).exists() or sha256(self.folder / name) != digest
        ]

    def spoilt(self) -> dict[str, str]:
        """Return {artifact: "is missing", "is empty", "has changed" or "cannot be read"}.

        A large folder (a dataset, the model of scale paper) is not hashed, to save time; it only must hold a file.
        Whole predictions may be missing where the record has a short form.
        """
        found = {name: _state(self.folder / name, digest) for name, digest in self.artifacts.items()}
        if SHORT in self.artifacts and not (self.folder / PREDICTIONS).exists():
            found[PREDICTIONS] = ""
        return {name: state for name, state in found.items() if state}

    def misplaced(self) -> str:
        """Return how row or seed differ from the folder that the record was read from, "" if they do not."""
        row, seed = self.folder.parent.name, numbered(self.folder.name, "seed")
        if self.row != row:
            return f"says row {self.row!r} in the folder of row {row!r}"
        return f"says seed {self.seed} in the folder {self.folder.name}" if self.seed != seed else ""


def _read_lines(raw: bytes) -> list:
    """Return the JSON values in the lines of a compressed file."""
    with gzip.open(io.BytesIO(raw), "rt", encoding="utf8") as lines:
        return [parse(line, object) for line in lines]


def _state(path: Path, digest: str) -> str:
    """Return what is wrong with an artifact, "" if nothing is."""
    try:
        if not path.exists():
            return "is missing"
        if path.is_dir():
            files = [file.stat().st_size for file in path.rglob("*") if file.is_file()]
            if not files:
                return "is empty"
            if len(files) > HASHED_FILES or sum(files) > HASHED_BYTES:
                return ""
        return "" if sha256(path) == digest else "has changed"
    except (OSError, UserError):
        return "cannot be read"


def check_row(row: str) -> None:
    """Raise UserError unless `row` can be the name of a folder."""
    if not re.fullmatch(r"[A-Za-z0-9_.+-]+", row) or not row.strip("."):
        raise UserError(f"row {row!r} cannot name a folder: use letters, digits and _ . + -")


def load(folder: Path | str) -> Record:
    """Return the record in `folder`. Raises UserError if there is none or it is not a record of this version."""
    path = Path(folder) / RECORD
    try:
        record = Record.model_validate_json(path.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"needs a finished row in {shown(folder)}, which has no {RECORD}: run that row first") from None
    except (ValidationError, RecursionError) as error:
        places = error.errors()[0]["loc"] if isinstance(error, ValidationError) else ()
        place = ".".join(map(str, places)) or "JSON"
        raise UserError(f"{shown(path)} is not a record of this version ({place}): run that row again") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{shown(path)} cannot be read ({error}): run that row again") from error
    return record.model_copy(update={"folder": Path(folder)})


def need(root: Path | str, row: str, seed: int, *, current: bool = False) -> Record:
    """Return the record of `row` under `root`, of this seed or, for rows that run once, of seed 0.

    Raises UserError if there is none; with `current`, also if other code made it.
    """
    check_row(row)
    folders = [Path(root) / "runs" / row / f"seed{k}" for k in (seed, 0)]
    found = next((folder for folder in folders if (folder / RECORD).is_file()), None)
    if found is None:
        raise UserError(
            f"needs row {row!r}, seed {seed}, which has no record under {shown(root)}: "
            f"run `make study {_scale_of(root)}ROWS={row} SEEDS={seed}` first, or its notebook with -p row {row}"
        )
    record = load_run(found)
    if current and record.stale:
        raise UserError(record.warning)
    return record


def _scale_of(root: Path | str) -> str:
    """Return the SCALE argument of make for a root under work/, "" for another root."""
    place = Path(root)
    return f"SCALE={place.name} " if place.parent.name == "work" else ""


def load_run(folder: Path) -> Record:
    """Return the record in the folder of a run, <row>/seed<k>.

    Raises UserError as `load` does, for a folder of another name, and for a record of another row or seed.
    """
    if numbered(folder.name, "seed") is None:
        raise UserError(
            f"{shown(folder)} is no folder of a run (seed0, seed1, ...) but holds a {RECORD}: rename or remove it"
        )
    record = load(folder)
    if problem := record.misplaced():
        raise UserError(f"{shown(folder / RECORD)} {problem}: correct it there, or run that row again")
    return record


def load_all(root: Path | str, leave: Collection[tuple[str, int]] | None = None) -> list[Record]:
    """Return every record under `root`, in the order of row and seed.

    With `leave`, the records of these (row, seed) are left out, and those in folders that are no run's. Raises
    UserError for a damaged record, and for one in a folder of another row or seed.
    """
    folders = [path.parent for path in Path(root).glob(f"runs/*/seed*/{RECORD}")]
    if leave is not None:
        seeds = {one: numbered(one.name, "seed") for one in folders}
        folders = [one for one, seed in seeds.items() if seed is not None and (one.parent.name, seed) not in leave]
    return sorted(map(load_run, folders), key=lambda record: (record.row, record.seed))
