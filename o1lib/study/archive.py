"""Keep a published study under a name of its own, so that the next one of its scale can take its place.

    archive("mini", "pilot1")        # results/pilot1, from results/mini; python -m o1lib archive pilot1
    differences("pilot1")            # [] where its tables follow from what is kept; ... archive pilot1 --check

Records, tables and executed reports (with their figures) are kept as they are, predictions in short form.
"""

import shutil
from collections.abc import Collection
from pathlib import Path

from o1lib.analysis.claims import evaluate_claims, load_claims
from o1lib.analysis.claims.replication import read_claims
from o1lib.records import UserError, atomic_folder, load_all, project_root, shown
from o1lib.study.copies import copy_row

PARTS = ("tables", "executed")  # folders of a published study beside its runs
NUMBERS = ("value", "low", "high")
ROUNDING = 1e-9  # two computations of the same value may differ by this much


def archive(scale: str, name: str) -> str:
    """Copy results/<scale> to results/<name>, with predictions in short form, and return what was copied.

    Raises UserError if nothing is published, if the new folder is there, or if predictions are not those of a record.
    """
    source, target = project_root() / "results" / scale, project_root() / "results" / name
    records = load_all(source)
    if not records:
        raise UserError(f"nothing is published in {shown(source)}: name another SCALE")
    if target.exists():
        raise UserError(f"{shown(target)} is there already: choose another name")
    with atomic_folder(target) as part:
        for record in records:
            copy_row(record.folder, part / record.folder.relative_to(source))
        for path in filter(Path.is_dir, (source / one for one in PARTS)):
            shutil.copytree(path, part / path.name)
    return f"{len(records)} runs of {shown(source)} are kept in {shown(target)}"


def differences(name: str, claims: Collection[str] = ()) -> list[str]:
    """Return what the claims table of results/<name> holds and its records do not give, one line for each claim.

    The claims are evaluated again from the predictions that are kept. `claims` names some of them, by default all.
    Raises UserError where the study has no table of claims.
    """
    folder = project_root() / "results" / name
    kept = {line["id"]: line for line in read_claims(folder / "tables" / "claims.json")}
    if not kept:
        raise UserError(f"{shown(folder)} has no tables/claims.json to compare with: name a published study")
    asked = [claim for claim in load_claims() if claim.id in kept and (not claims or claim.id in claims)]
    found = evaluate_claims(asked, load_all(folder))
    return [told for line in found if (told := _difference(line, kept[line["id"]]))]


def _difference(line: dict, kept: dict) -> str:
    """Return in words how a claim differs from the kept one, "" where it does not."""
    odd = [name for name in NUMBERS if not _equal(line[name], kept[name])]
    odd += ["verdict"] if line["verdict"] != kept["verdict"] else []
    return "; ".join(f"{line['id']} {name}: {line[name]} here, {kept[name]} kept" for name in odd)


def _equal(one: float | None, other: float | None) -> bool:
    return one == other or (None not in (one, other) and abs(one - other) <= ROUNDING)
