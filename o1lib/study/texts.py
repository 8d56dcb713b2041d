"""What is published of predictions, and the asset with their texts, which is kept outside the repository's history.

    copy_short(source, target)                # record and predictions of a run, in short form
    pack("mini")                              # python -m o1lib texts --scale mini: work/mini/texts-mini.tar
    lacking("mini")                           # which published runs have no texts in this checkout, and what to do
    unpack("mini", Path("texts-mini.tar"))    # ... --source texts-mini.tar: into results/mini, which git ignores

The short form holds all that metrics need (`o1lib.scoring.short_form`). The record of a published run has the hash of
its whole predictions too, so that the asset can be checked, and results/<scale>/texts.json has that of the asset.
`pack` makes the same bytes of the same runs. Repeated runs differ in the seconds they took. A row that was kept and
restored (`o1lib.study.kept`) has its texts only where it was run, so a study that was made in several checkouts is
packed in pieces: `unpack` puts those of an earlier asset next to the records, and `pack` takes them from there too.
"""

import io
import json
import tarfile
from pathlib import Path

from o1lib.records import Record, UserError, atomic_file, load_all, project_root, sha256, shown, write_json
from o1lib.records.columns import write_columns
from o1lib.records.journals import load_json
from o1lib.records.store import PREDICTIONS, RECORD, SHORT
from o1lib.records.wording import counted
from o1lib.scoring.short_form import shortened

KEPT = "texts.json"  # in results/<scale>: name, bytes and hash of the asset, its number of runs, those that it lacks


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
    """Write the whole predictions of published runs into one file, and its hash into results/<scale>/texts.json.

    They are taken from work/<scale>, or from the folder of the published record where an asset was unpacked. Runs whose
    predictions are not there, or are not the published ones, are named in texts.json. Raises UserError if none is left.
    """
    root = project_root()
    records = [record for record in load_all(root / "results" / scale) if PREDICTIONS in record.artifacts]
    if not records:
        raise UserError(f"results/{scale} has no predictions: run `make study SCALE={scale}`, then `make publish`")
    whole = {_name(record): _whole(record, scale) for record in records}
    missing = [name for name, source in whole.items() if not source]
    if len(missing) == len(records):
        raise UserError(f"no texts to pack: {_remedy(scale, missing)}")
    path = root / "work" / scale / f"texts-{scale}.tar"
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as part, tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as packed:
        for name, source in whole.items():
            if source:
                data = source.read_bytes()
                entry = tarfile.TarInfo(f"{name}/{PREDICTIONS}")
                entry.size = len(data)
                packed.addfile(entry, io.BytesIO(data))
    about = {
        "file": path.name,
        "bytes": path.stat().st_size,
        "sha256": sha256(path),
        "runs": len(records) - len(missing),
    }
    write_json(root / "results" / scale / KEPT, about | ({"missing": missing} if missing else {}))
    return path


def _name(record: Record) -> str:
    return f"{record.row}/seed{record.seed}"


def _whole(record: Record, scale: str) -> Path | None:
    """Return the path of the whole predictions of a published record, None where no file here has their hash."""
    run = project_root() / "work" / scale / "runs" / _name(record)
    for path in (run / PREDICTIONS, record.folder / PREDICTIONS):
        if path.is_file() and sha256(path) == record.artifacts[PREDICTIONS]:
            return path
    return None


def lacking(scale: str) -> str:
    """Return which published runs the asset lacks and what brings their texts back, "" where it has all of them."""
    missing = load_json(project_root() / "results" / scale / KEPT).get("missing", [])
    return _remedy(scale, missing) if missing else ""


def _remedy(scale: str, missing: list[str]) -> str:
    """Return which runs have no texts in this checkout, and the commands that make them again."""
    rows: dict[str, list[str]] = {}
    for name in missing:
        row, _, seed = name.partition("/seed")
        rows.setdefault(seed, []).append(row)
    return "\n".join(
        [
            f"{counted(len(missing), 'published run')} without its texts in this checkout: {', '.join(missing)}",
            "pack where they were run, and bring that file back here with --source before packing again; or remove",
            f"record.json in their folders of work/{scale}/runs and make them again, with the models that they need:",
            *(f"    make study SCALE={scale} ROWS={','.join(some)} SEEDS={seed}" for seed, some in rows.items()),
            f"then run the reports and `make publish SCALE={scale}`, and pack again",
        ]
    )


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
