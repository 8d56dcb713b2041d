"""Read files that a kill, a full disk or an editor may have damaged: JSON objects, and journals of JSON lines.

    task = read_json(folder / "task.json")                   # the object, or None if there is none that can be read
    kept = Journal(path, {"seed": 0}, lambda line: (line["key"], line["text"]), "those texts are generated again")
    kept.entries                                             # what the readable lines hold
    kept.add({"key": "k", "text": "two"})                    # appended at once

A file that cannot be read counts as absent, so the work that it stood for is done again. A journal loses only the lines
that cannot be read, and says so in one sentence. What an editor may add is passed over: a byte order mark, CRLF line
ends, blank lines, other spaces in a line.
"""

import codecs
import json
import math
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from o1lib.records.files import LONE_SURROGATES, atomic_file, disk_errors, shown, to_json
from o1lib.records.wording import counted

DAMAGED = ".damaged"  # ending of the name under which an unreadable file or folder is kept
_NUMBERED = re.compile(r"[a-z]+-?(0|[1-9][0-9]*)")


class Unreadable(ValueError):
    """Text that is not the JSON which was expected. Its message says what is wrong with it."""


def parse(text: bytes | str, form: type = dict) -> Any:
    """Return the JSON value in `text`, an instance of `form`.

    Raises Unreadable for anything else: bytes that are not UTF-8, no JSON, NaN or a number too large, JSON nested too
    deep, another type.
    """
    try:
        plain = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        value = json.loads(plain, parse_constant=_finite, parse_float=_finite)
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8") from None
    except RecursionError:
        raise Unreadable("it is nested too deep") from None
    except Unreadable:
        raise
    except ValueError:
        raise Unreadable("it is not JSON") from None
    if not isinstance(value, form):
        raise Unreadable(f"it holds {type(value).__name__} instead of {form.__name__}")
    return value


def _finite(text: str) -> float:
    """Return a number of a file. Raises Unreadable for NaN and infinity, which could not be written again."""
    value = float(text)
    if not math.isfinite(value):
        raise Unreadable(f"it holds {text[:20]}")
    return value


def load_json(path: Path | str, form: type = dict) -> Any:
    """Return the JSON value of a file. Raises Unreadable, also if there is no file or the system cannot read it."""
    try:
        return parse(Path(path).read_bytes(), form)
    except FileNotFoundError:
        raise Unreadable("it is missing") from None
    except (OSError, ValueError) as error:
        problem = str(error) if isinstance(error, Unreadable) else getattr(error, "strerror", "") or str(error)
        raise Unreadable(problem) from None


def read_json(path: Path | str, form: type = dict) -> Any:
    """Return the JSON value of a file, None if there is no such value (see `load_json`)."""
    try:
        return load_json(path, form)
    except Unreadable:
        return None


def read_lines(path: Path | str) -> tuple[list[dict], int]:
    """Return the JSON objects in the lines of a file, and the number of lines that hold none, such as a torn last one.

    Without a readable file, there are no lines.
    """
    try:
        lines = _lines(Path(path).read_bytes())
    except OSError:
        return [], 0
    found = [_entry(line, dict) for line in lines]
    return [value for value in found if value is not None], found.count(None)


def _lines(text: bytes) -> list[bytes]:
    """Return the lines that are not blank, without a byte order mark and line ends."""
    return [line for line in re.split(rb"[\r\n]+", text.removeprefix(codecs.BOM_UTF8)) if line.strip()]


def _entry(line: bytes, read: Callable[[dict], Any]) -> Any:
    """Return what `read` makes of a line, None if the line is no JSON object of the form that it reads."""
    try:
        return read(parse(line))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):  # ValueError: Unreadable, or pydantic's
        return None


def numbered(name: str, prefix: str) -> int | None:
    """Return the number in a name such as seed3 or checkpoint-200, None for another name (seed², seed03, seed)."""
    found = _NUMBERED.fullmatch(name)
    return int(found[1]) if found and name == f"{prefix}{found[1]}" else None


def put_away(path: Path) -> Path:
    """Rename an unreadable file or folder, so that a new one can take its place. Return its new path.

    If something has that name, a number is added to it: nothing that was put away is replaced. Raises UserError.
    """
    target, number = path.with_name(path.name + DAMAGED), 1
    while target.exists() or target.is_symlink():
        number += 1
        target = path.with_name(f"{path.name}{DAMAGED}{number}")
    with disk_errors(target):
        path.replace(target)
    return target


class Journal:
    """An append-only file of JSON lines: first the settings, then one line for each thing that was finished.

    `entries` holds what `read` returned for each line of a file with the same settings; for a line of another form it
    raises ValueError, TypeError or KeyError. Lines that cannot be read are dropped from the file and counted in `lost`;
    `remedy` ends the sentence about them, which is printed. A file whose first line is damaged is renamed, and so is a
    file of other settings that holds lines; both are printed too. Raises UserError if the file
    cannot be written.
    """

    def __init__(self, path: Path, settings: Mapping, read: Callable[[dict], Any], remedy: str):
        self.path, self.entries, self.lost = path, [], 0
        name, head = shown(path), _line({"settings": dict(settings)}, path.name).rstrip(b"\n")
        if path.is_dir():
            print(f"{name} is a folder and was renamed to {put_away(path).name}: {remedy}", file=sys.stderr)
        with disk_errors(path):
            there = path.read_bytes() if path.exists() else b""
        lines = _lines(there)
        if fault := _unlike(lines, head):
            print(f"{name}: {fault}, so it was renamed to {put_away(path).name} and {remedy}", file=sys.stderr)
            lines = []
        kept = self._read(lines[1:], read)
        self.lost = len(lines[1:]) - len(kept)
        whole = b"".join(line + b"\n" for line in [head, *kept])
        if there != whole or fault:
            with atomic_file(path) as part:  # a kill in between loses no line
                part.write_bytes(whole)
        if self.lost:
            print(f"{name}: {counted(self.lost, 'line')} could not be read, so {remedy}", file=sys.stderr)

    def _read(self, lines: list[bytes], read: Callable[[dict], Any]) -> list[bytes]:
        """Return the lines that hold an entry, and keep the entries."""
        found = [(line, entry) for line in lines if (entry := _entry(line, read)) is not None]
        self.entries = [entry for _, entry in found]
        return [line for line, _ in found]

    def add(self, *values: Mapping) -> None:
        """Append one line for each value. Raises UserError if the file cannot be written."""
        lines = b"".join(_line(value, self.path.name) for value in values)
        with disk_errors(self.path), open(self.path, "ab") as file:
            file.write(lines)


def _line(value: Any, where: str) -> bytes:
    return (to_json(value, where) + "\n").encode("utf8", LONE_SURROGATES)


def _unlike(lines: list[bytes], head: bytes) -> str:
    """Return why the lines of a journal cannot be used with the settings `head`, "" if they can or nothing is lost."""
    began = _entry(lines[0], dict) if lines else parse(head)
    if began == parse(head) or began and "settings" in began and not lines[1:]:
        return ""
    return "it is a journal of other settings" if began and "settings" in began else "its first line cannot be read"
