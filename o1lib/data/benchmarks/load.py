"""Turn the rows of a benchmark into items: check ids, store each picture once, group rotations.

items, counts = load_benchmark("MMStar", "MMStar.tsv", store=run.path("pictures"))
"""

import base64
import binascii
import hashlib
import warnings
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from o1lib.data.benchmarks import fields
from o1lib.data.benchmarks.known import BENCHMARKS, Benchmark, prompt, published
from o1lib.data.benchmarks.rotations import ROTATION, rotated
from o1lib.data.dataset import Item
from o1lib.data.hub import local_path
from o1lib.data.images import MAX_BYTES, Pictures, header, whole
from o1lib.data.options import literal
from o1lib.data.split_zip import Member
from o1lib.data.table_files import rows
from o1lib.records import UserError, atomic_file, choose
from o1lib.records.progress import progress_bar
from o1lib.records.wording import counted

SHORTEST = 64  # characters; a shorter cell of VLMEvalKit's image column is the id of the row whose picture it shares

_NOT_ASKED = {
    "without_picture": "without a picture",
    "right_option_is_empty": "whose right option is an empty cell",
    "only_one_option": "with only one option",
}
_DIGITS = 20  # of an index; a longer number is a name


class Loaded(NamedTuple):
    """The items of a benchmark, and counts: rows read, and rows left out because they have no picture, because the cell
    of their right option is empty, or because they have only one option."""

    items: list[Item]
    counts: dict[str, int]


def load_benchmark(
    name: str, source: str | Path, store: Path, pictures: Path | None = None, *, scored: bool = True
) -> Loaded:
    """Return the items of benchmark `name` from a file or a hub dataset (see `o1lib.data.table_files.rows`).

    Pictures in the rows are written into `store`, named by their content. Paths in the rows are relative to `pictures`,
    by default the file's folder. The rotations of an MMBench question are added if the file lacks them. With `scored`
    False, questions without an answer are read too; their answer is "".

    Raises UserError, naming file and row, for an unknown benchmark, an id that is missing or occurs twice, a row that
    cannot be scored, a picture that is missing, corrupt or outside the folder, and a file of which every row is left
    out, with the reasons. Warns if a TSV is not the one that
    VLMEvalKit pins (a part of it, another edition, another variant).
    """
    benchmark = choose(name, BENCHMARKS, "benchmark")
    found, seen, counts = {}, {}, Counter(rows=0, without_picture=0)
    _warn_of_another_edition(name, local_path(source))
    store = _PictureStore(store, pictures or local_path(source).parent)
    for where, row in progress_bar(rows(source), desc=f"reading {name}", unit=" rows", delay=2, mininterval=1):
        counts["rows"] += 1
        one = fields.read(row, where, benchmark, published(name), scored=scored)
        qid = _id(row, one.id, benchmark, counts["rows"], where, seen)
        left_out = _left_out(row, one, scored)
        if left_out:
            counts[left_out] += 1
            continue
        found[qid] = _item(name, benchmark, qid, one, row), store.place(one.picture, one.id, where)
    left = {reason: f"{counted(counts[reason], 'row')} {words}" for reason, words in _NOT_ASKED.items()}
    if not found:
        why = " and ".join(text for reason, text in left.items() if counts[reason]) or "it has no rows"
        raise UserError(f"{source} has no question that can be asked ({why}): name the file of {name}")
    for reason, text in left.items():
        if counts[reason] and reason != "without_picture":  # such rows are expected, and counted
            warnings.warn(f"{source}: {text} left out", stacklevel=2)
    items = [Item(**values, image=store.path(place, values["qid"])) for values, place in found.values()]
    return Loaded(rotated(items) if benchmark.circular else items, dict(counts))


def _warn_of_another_edition(name: str, path: Path) -> None:
    if path.suffix != ".tsv" or not path.is_file() or not BENCHMARKS[name].md5:
        return
    with open(path, "rb") as file:
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    others = [other for other, benchmark in BENCHMARKS.items() if benchmark.md5 == md5]
    if md5 != BENCHMARKS[name].md5:
        is_what = f"is {others[0]}" if others else "has another MD5, so it may be a part or another edition"
        warnings.warn(f"{path.name} is not the {name}.tsv that VLMEvalKit pins: it {is_what}", stacklevel=3)


def _left_out(row: dict, one: fields.Fields, scored: bool) -> str:
    """Return the count of the rows that are left out for the same reason, "" for a row that is asked."""
    if _without_picture(row, one):
        return "without_picture"
    if one.answer or not (scored or fields.has_answer(row)):
        return ""
    return "only_one_option" if sum(map(bool, one.options)) == 1 else "right_option_is_empty"


def _without_picture(row: dict, one: fields.Fields) -> bool:
    """Return whether a row has no picture. HallusionBench has such rows; like VLMEvalKit, they are left out."""
    return one.picture is None or str(row.get("visual_input", "")) == "0"


def _id(row: dict, own: str, benchmark: Benchmark, number: int, where: str, seen: dict[str, str]) -> str:
    """Return the question's id, or the row's number in a file without id column."""
    if benchmark.kind == "yes/no":
        own = _figure_and_question(row, own, where)
    if not own and any(name in row for name in fields.IDS):
        raise UserError(f"{where}: the id is missing: give each question its own id")
    own = own or str(number)
    if own in seen:
        raise UserError(f"{where}: the id '{own}' occurs twice (before in {seen[own]}): give each question its own id")
    seen[own] = where
    return own


def _figure_and_question(row: dict, own: str, where: str) -> str:
    """Return "<pair>#<figure>#<question>", from HallusionBench's columns or VLMEvalKit's index "..._0_1_0"."""
    columns = ("category", "subcategory", "set_id", "figure_id", "question_id")
    parts = [fields.text(row, column) for column in columns]
    if all(parts):
        return f"{'/'.join(parts[:3])}#{parts[3]}#{parts[4]}"
    head, *tail = own.rsplit("_", 3)
    if len(tail) < 3 or not all(tail):
        raise UserError(
            f"{where}: neither the columns {', '.join(columns)} nor an index '..._set_figure_question': use the file "
            "of HallusionBench or of VLMEvalKit"
        )
    return f"{head}/{tail[0]}#{tail[1]}#{tail[2]}"


def _item(name: str, benchmark: Benchmark, qid: str, one: fields.Fields, row: dict) -> dict:
    """Return the values of an Item except its picture."""
    skill = next((_skill(row[column]) for column in benchmark.skill if row.get(column)), "")
    if not skill and isinstance(row.get("metadata"), dict):  # MathVista's own files
        skill = _skill(row["metadata"].get(benchmark.skill[0], ""))
    return {
        "qid": qid,
        "family": name,
        "question": prompt(one.question, one.options, one.hint, benchmark.kind),
        "answer": one.answer,
        "stages": {},
        "skill": skill,
        "bare": one.question,
        "options": one.options,
        "steps": _steps(row) if benchmark.kind == "steps" else (),
        "test_set": name,
        "group": _group(benchmark, qid),
        "template": fields.text(row, "question_type", "answer_type"),
    }


def _group(benchmark: Benchmark, qid: str) -> str:
    """Return the group: the question for MMBench's rotations, the set for HallusionBench's figures, "" for others."""
    if benchmark.kind == "yes/no":
        return qid.split("#")[0]
    if not benchmark.circular:
        return ""
    return str(int(qid) % ROTATION) if qid.isdecimal() and len(qid) < _DIGITS else qid


def _skill(value) -> str:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value).strip()


def _steps(row: dict) -> tuple[str, ...]:
    """Return the reference steps of VRC-Bench, which are a list or the lines of a text."""
    steps = literal(row.get("steps")) or str(row.get("steps") or "").splitlines()
    return tuple(str(step).strip() for step in steps if str(step).strip())


class _PictureStore:
    """The pictures of a benchmark: those in rows go to `store`, named by their content; paths are below `folder`."""

    def __init__(self, store: Path, folder: Path):
        self.store, self.pictures, self.by_id, self.by_path = Path(store), Pictures(folder), {}, {}

    def place(self, picture, own: str, where: str) -> Path | Member | str:
        """Return the path of a row's picture, or the id of the row whose picture it shares.

        `own` is the row's id. Raises UserError for a picture that is missing, corrupt or of another type.
        """
        if isinstance(picture, (list, tuple)):
            if len(picture) != 1:
                raise UserError(f"{where}: {len(picture)} pictures instead of one: split or remove the row")
            picture = picture[0]
        if isinstance(picture, dict):  # the form of parquet files
            picture = picture.get("bytes") or picture.get("path") or ""
        if isinstance(picture, str) and "." not in picture and len(picture) > SHORTEST:  # base64 has no period
            picture = self._decoded(picture, where)
        if isinstance(picture, bytes):
            self.by_id[own] = self._stored(picture, where)
            return self.by_id[own]
        if not isinstance(picture, str):
            raise UserError(f"{where}: the picture is {type(picture).__name__}: use base64, bytes or a path")
        return self._in_folder(picture, where) if "." in picture else picture

    def path(self, place: Path | Member | str, qid: str) -> Path | Member:
        """Return the path of a place that is a path or the id of a row. Raises UserError for an id of no row."""
        if not isinstance(place, str):
            return place
        if place not in self.by_id:
            raise UserError(f"question {qid} shares the picture of row '{place}', which does not exist: add that row")
        return self.by_id[place]

    def _decoded(self, text: str, where: str) -> bytes:
        if len(text) > MAX_BYTES * 3 // 2:
            raise UserError(f"{where}: the picture has {len(text):,} characters, too many: shrink it or remove the row")
        try:
            return base64.b64decode("".join(text.rpartition("base64,")[2].split()), validate=True)
        except (binascii.Error, ValueError):
            raise UserError(f"{where}: the picture is not base64: restore the cell or remove the row") from None

    def _stored(self, data: bytes, where: str) -> Path:
        with header(data, f"{where}: the picture") as picture:
            ending = str(picture.format).lower()
        path = self.store / f"{hashlib.sha256(data).hexdigest()[:24]}.{ending}"
        if not path.is_file():
            whole(data, f"{where}: the picture")
            with atomic_file(path) as part:
                part.write_bytes(data)
        return path

    def _in_folder(self, picture: str, where: str) -> Path | Member:
        if picture not in self.by_path:
            found = self.pictures.find(picture, where)
            if found is None:
                raise UserError(
                    f"{where}: the picture '{picture[:80]}' is missing in {self.pictures.folder}: put it there"
                )
            whole(found, f"{where}: the picture '{picture[:80]}'")
            self.by_path[picture] = found
        return self.by_path[picture]
