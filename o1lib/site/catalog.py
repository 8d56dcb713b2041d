"""The explorer's data: one folder of Parquet files for each scored run, and catalog.json, which lists them.

write_data(studies, Path("site"))
site/data/catalog.json                          studies, runs and the claims whose questions can be shown
site/data/<study>/questions-<k>.parquet         the questions of one dataset
site/data/<study>/<row>@<seed>/*.parquet        the predictions of one run (`o1lib.site.shards`)
site/pictures/*.webp
"""

from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from o1lib.formats.chat import FORMATS
from o1lib.minivqa.testsets import TEST_SETS
from o1lib.records import Record, write_json
from o1lib.scoring import PAPER_SETS
from o1lib.scoring.chance_level import AVERAGE, HEADLINE
from o1lib.search.judges import JUDGES
from o1lib.search.methods import METHODS
from o1lib.site.claims import main_claims
from o1lib.site.questions import Questions, dataset_of
from o1lib.site.shards import BLOCK, write_run, write_table
from o1lib.site.studies import Study


def write_data(studies: Sequence[Study], site: Path) -> dict:
    """Write the data of all studies into `site` and return the catalog."""
    found = [_write_study(study, site) for study in studies]
    catalog = {"block": BLOCK, "studies": [one for one in found if one["runs"]]}
    write_json(site / "data" / "catalog.json", catalog)
    return catalog


def _write_study(study: Study, site: Path) -> dict:
    """Write the data of one study and return its entry of the catalog."""
    tables: dict[str, Questions] = {}
    scored = [one for one in study.records if "accuracy" in one.metrics and one.has_predictions]
    runs = [
        _write_run(study, record, tables, site)
        for record in tqdm(scored, f"data of {study.name}", unit=" runs", disable=None)
    ]
    runs = [run for run in runs if run]
    for k, asked in enumerate(tables.values()):
        write_table(asked.table(site / "pictures"), site / "data" / study.name / f"questions-{k}.parquet")
    numbers = {key: k for k, key in enumerate(tables)}
    for run in runs:
        run["questions"] = numbers[run["questions"]]
    return {"name": study.name, "title": study.title, "runs": runs, "claims": claims_shown(study, runs)}


def _write_run(study: Study, record: Record, tables: dict[str, Questions], site: Path) -> dict | None:
    """Write the predictions of one run and return its entry, None for a run without questions."""
    lines = record.predictions()
    if not lines:
        return None
    key = _dataset_key(record, study.folder)
    places = tables.setdefault(key, Questions()).add(lines, record, study.folder)
    write_run(lines, places, record.seed, site / "data" / study.name / f"{record.row}@{record.seed}")
    return {
        "row": record.row,
        "seed": record.seed,
        "what": described(lines[0]),
        "right": sum(bool(line["correct"]) for line in lines),
        "n": len(lines),
        "questions": key,
    }


def _dataset_key(record: Record, root: Path) -> str:
    """Return what names the questions of a run: the row of its dataset and the hash of the data."""
    dataset = dataset_of(record, root)
    name = dataset.row if dataset else record.parameters.get("data") or record.row
    return f"{name} {record.provenance.get('dataset_hash') or ''}"


def described(line: dict) -> str:
    """Return in words how a run answers, from one of its predictions: format, search, candidates, judge."""
    entry, method = FORMATS.get(line["format"]), METHODS.get(line["method"])
    many = f", N = {line['n']}" if line["n"] > 1 else ""
    judge = JUDGES.get(line.get("judge") or "")
    told = [
        entry.label if entry else line["format"],
        (method.label if method else line["method"]) + many,
        f"judge: {judge.label if judge else line['judge']}" if line.get("judge") else "",
    ]
    return "; ".join(filter(None, told))


def sets_of(contrast: dict) -> list[str]:
    """Return the test sets on which a contrast is measured, [] for all."""
    metric = contrast["metric"]
    if contrast.get("sets"):
        return list(contrast["sets"])
    return [metric] if metric in TEST_SETS else list(PAPER_SETS) if metric in (AVERAGE, HEADLINE) else []


def claims_shown(study: Study, runs: list[dict]) -> list[dict]:
    """Return the claims whose two rows answered the same questions, each with its rows, test sets and skills."""
    asked = {run["row"]: run["questions"] for run in runs}
    family, found = main_claims(), []
    for line in study.lines:
        what = line["contrast"]
        a, b = what["a"], what.get("b") or ""
        if line["value"] is not None and b and a in asked and asked[a] == asked.get(b):
            skills = [*(what.get("skills") or []), *(what.get("less_skills") or [])]
            about = {"id": line["id"], "statement": line["statement"], "main": line["id"] in family}
            found.append(about | {"a": a, "b": b, "sets": sets_of(what), "skills": skills})
    return found
