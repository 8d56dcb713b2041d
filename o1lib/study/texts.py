"""What is published of predictions, and the asset with their texts, which is kept outside the repository's history.

    copy_short(source, target)                # record and predictions of a run, in short form
    pack("mini")                              # python -m o1lib texts --scale mini: work/mini/texts-mini.tar
    unpack("mini", Path("texts-mini.tar"))    # ... --source texts-mini.tar: into results/mini, which git ignores

The short form holds all that metrics need (`o1lib.scoring.short_form`). The record of a published run has the hash of
its whole predictions too, so that the asset can be checked, and results/<scale>/texts.json has that of the asset.
`pack` makes the same bytes of the same runs. Repeated runs differ in the seconds they took.
"""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

from o1lib.records import Record, UserError, atomic_file, load_all, project_root, sha256, shown, write_json
from o1lib.records.columns import write_columns
from o1lib.records.journals import load_json
from o1lib.records.store import PREDICTIONS, RECORD, SHORT
from o1lib.scoring.short_form import shortened

KEPT = "texts.json"  # in results/<scale>: name, bytes and hash of the asset, and its number of runs


def copy_short(record: Record, target: Path) -> None:
    """Write the record of a run and its predictions in short form into the folder `target`.

    Raises UserError for predictions that are not those of the record.
    """
    written = load_json(record.folder / RECORD)
    if record.has_predictions:
        write_columns(target / SHORT, [shortened(line) for line in record.predictions()])
        written["artifacts"][SHORT] = sha256(target / SHORT)
    write_json(target / RECORD, written)


def pack(scale: str) -> Path:
    """Write the whole predictions of all published runs into one file, and its hash into results/<scale>/texts.json.

    They are taken from work/<scale>. Raises UserError where a run is not there, or is not the published one.
    """
    root = project_root()
    records = [record for record in load_all(root / "results" / scale) if PREDICTIONS in record.artifacts]
    if not records:
        raise UserError(f"results/{scale} has no predictions: run `make study SCALE={scale}`, then `make publish`")
    path = root / "work" / scale / f"texts-{scale}.tar"
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as part, tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as packed:
        for name, data in _whole(records, scale):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            packed.addfile(entry, io.BytesIO(data))
    about = {"file": path.name, "bytes": path.stat().st_size, "sha256": sha256(path), "runs": len(records)}
    write_json(root / "results" / scale / KEPT, about)
    return path


def _whole(records: list[Record], scale: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of the whole predictions of each record."""
    for record in records:
        name = f"{record.row}/seed{record.seed}/{PREDICTIONS}"
        path = project_root() / "work" / scale / "runs" / name
        if not path.is_file() or sha256(path) != record.artifacts[PREDICTIONS]:
            raise UserError(
                f"{shown(path)} is not what was published of {record.row}, seed {record.seed}: publish that row "
                "again, or pack where it was run"
            )
        yield name, path.read_bytes()


def unpack(scale: str, path: Path) -> int:
    """Put the whole predictions of an asset next to the published records, and return their number.

    Raises UserError, before anything is written, for a file that is not the published asset, and for a run in it that
    is not the published one.
    """
    folder = project_root() / "results" / scale
    about = load_json(folder / KEPT) if (folder / KEPT).is_file() else {}
    if not Path(path).is_file() or sha256(Path(path)) != about.get("sha256"):
        raise UserError(f"{path} is not the asset that {shown(folder / KEPT)} names: get the file with that sha256")
    records = {f"{record.row}/seed{record.seed}/{PREDICTIONS}": record for record in load_all(folder)}
    with tarfile.open(path) as packed:
        found = {entry.name: packed.extractfile(entry).read() for entry in packed.getmembers()}
    if odd := sorted(found.keys() - records.keys()):
        raise UserError(f"{path} holds {odd[0]}, which is not published: get the asset of {shown(folder)}")
    for name, data in found.items():
        with atomic_file(folder / "runs" / name) as part:
            part.write_bytes(data)
    return len(found)


def asset(scale: str) -> str:
    """Return what results/<scale>/texts.json says of the asset, as one line."""
    return json.dumps(load_json(project_root() / "results" / scale / KEPT))
