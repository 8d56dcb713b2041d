"""Read and check experiments.yaml, the list of all rows of the study and of their parameters at each scale.

    study = read_experiments()
    study.rows["structured"].notebook                  # "02_train_sft"
    parameters_of(study, "mini", "structured")         # the parameters of that row's notebook at that scale

Unknown keys, rows, notebooks and parameters, repeated keys, cycles, and numbers that YAML reads as text are refused
before anything runs. The error names the place and the remedy.
"""

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import yaml
from pydantic import ValidationError

from o1lib.records import UserError, choose, nearest, project_root
from o1lib.records.parameters import assignments
from o1lib.records.provenance import notebook_cells
from o1lib.study.groups import with_groups
from o1lib.study.specs import Study
from o1lib.study.strict_yaml import StrictLoader
from o1lib.study.twins import with_twins

FILE = "experiments.yaml"
MAIN_SCALE = "mini"  # README shows the published results of this scale
LINKS = ("data", "base", "model", "judge_model")  # parameters that may name another row
BASE = "00_pretrain_base"  # the notebook that trains a base
EVERYTHING = "*"  # in `needs` of a report: every row that is not a report
SERVED = "served"  # group of rows that need a server; "all" does not include it


def read_experiments(path: Path | str | None = None) -> Study:
    """Return the checked study. Raises UserError, which names the entry and the remedy, for an invalid file."""
    path = Path(path or project_root() / FILE)
    try:
        study = Study.model_validate(yaml.load(path.read_text(encoding="utf8"), StrictLoader))  # a SafeLoader
    except FileNotFoundError:
        raise UserError(f"there is no {path.name} in {path.parent.name}: run this in the project's checkout") from None
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or getattr(error, "context", None)
        raise UserError(f"{path.name}, line {place.line + 1 if place else '?'}: {what}: correct that line") from error
    except ValidationError as error:
        first = error.errors()[0]
        # pydantic appends the tried type to the place of a value
        place = ".".join(str(part) for part in first["loc"] if part not in ("bool", "int", "float", "str"))
        raise UserError(f"{path.name}: {place}: {first['msg']}: correct that entry") from error
    study = with_twins(with_groups(study))
    _check(study)
    return study


def _check(study: Study) -> None:
    """Check what the types cannot: the names that entries use, and the needs of rows. Raises UserError."""
    blocks = [(f"row {name}", row.notebook, row.parameters) for name, row in study.rows.items()]
    blocks += [(f"defaults of {name}", name, values) for name, values in study.defaults.items()]
    for scale, block in study.scales.items():
        blocks += [(f"scale {scale}, {name}", name, values) for name, values in block.notebooks.items()]
        blocks += [(f"scale {scale}, base", BASE, block.base)] if block.base else []
        for row, values in block.rows.items():
            if row not in study.rows:
                raise UserError(f"{FILE}: scale {scale} names the unknown row {row!r}: {nearest(row, study.rows)}")
            blocks.append((f"scale {scale}, row {row}", study.rows[row].notebook, values))
    for where, notebook, values in blocks:
        _check_parameters(where, notebook, values)
    groups = {group for row in study.rows.values() for group in row.groups}
    if both := sorted(groups & study.rows.keys()):
        raise UserError(
            f"{FILE}: {both[0]!r} names a group and a row, so ROWS={both[0]} could mean either: rename the group"
        )
    for scale, block in study.scales.items():
        notebooks = {row.notebook for row in study.rows.values()}
        numbered = {*block.seeds, *block.repeats, *(name for some in block.repeats.values() for name in some)}
        known = {
            "seeds": (numbered, "group", groups),
            "resources": (block.resources.keys(), "notebook", notebooks),
            "diverged": (block.diverged.keys(), "try", set()),
        }
        for part, (given, kind, names) in known.items():
            if unknown := sorted(given - names - study.rows.keys()):
                place = f"{FILE}: scale {scale}: {part} of {unknown[0]!r}, which is no row and no {kind}"
                raise UserError(f"{place}: {nearest(unknown[0], [*names, *study.rows])}")
    _check_needs(study)


def _check_needs(study: Study) -> None:
    """Raise UserError for a need that is unknown or a report, and for rows that need each other in a cycle."""
    links = {name: set(links_of(study, name, row.parameters)) | set(row.needs) for name, row in study.rows.items()}
    for name, needs in links.items():
        if unknown := sorted(needs - study.rows.keys() - {EVERYTHING}):
            raise UserError(
                f"{FILE}: row {name} needs the unknown row {unknown[0]!r}: {nearest(unknown[0], study.rows)}"
            )
        if reports := [need for need in needs & study.rows.keys() if EVERYTHING in study.rows[need].needs]:
            raise UserError(
                f"{FILE}: row {name} needs {reports[0]!r}, a report, and reports come last: remove that need"
            )
    try:
        list(TopologicalSorter({name: needs - {EVERYTHING} for name, needs in links.items()}).static_order())
    except CycleError as error:
        raise UserError(
            f"{FILE}: rows need each other in a cycle ({' -> '.join(error.args[1])}): remove one need"
        ) from None


def _check_parameters(where: str, notebook: str, values: dict) -> None:
    """Raise UserError for a parameter that the notebook does not declare and a number that YAML reads as text."""
    cells = notebook_cells(notebook)
    if cells is None:
        raise UserError(f"{FILE}: {where} names notebook {notebook!r}, but there is no notebooks/{notebook}.ipynb")
    declared = [
        name
        for cell in cells
        if "parameters" in cell["metadata"].get("tags", [])
        for name in assignments(cell["source"]) or {}
    ]
    for name, value in values.items():
        if name not in declared:
            raise UserError(
                f"{FILE}: {where}: notebook {notebook} has no parameter {name!r}: {nearest(name, declared)}"
            )
        if isinstance(value, str) and re.fullmatch(r"[-+]?[\d.]+e[-+]?\d+", value, re.I):
            raise UserError(f"{FILE}: {where}: YAML reads {name}: {value} as text: write it as 1.0e-4, with a point")


def links_of(study: Study, row: str, parameters: dict) -> list[str]:
    """Return the rows that the LINKS among `parameters` name. A benchmark's file and a served model are not rows.

    Raises UserError for a name that is neither a row nor a folder.
    """
    links = [link for link in LINKS if not (link == "model" and parameters.get("endpoint"))]  # the name on the server
    named = [str(parameters[link]) for link in links if parameters.get(link) and "@" not in str(parameters[link])]
    for name in named:
        if name not in study.rows and not (project_root() / name).exists():
            remedy = nearest(name, study.rows)
            raise UserError(f"{FILE}: row {row} needs {name!r}, which is neither row nor folder: {remedy}")
    return [name for name in named if name in study.rows]


def parameters_of(study: Study, scale: str, row: str) -> dict:
    """Return a row's parameters at a scale. A row's own values override those of its notebook."""
    entry, block = study.rows[row], study.scales[scale]
    return (
        study.defaults.get(entry.notebook, {})
        | block.notebooks.get(entry.notebook, {})
        | entry.parameters
        | block.rows.get(row, {})
    )


def planned_seeds(study: Study, scale: str) -> dict[str, range]:
    """Return {row: seeds that a verdict needs} of the rows whose number of seeds the scale plans.

    A row that runs once for all seeds has none of its own. Of several numbers for a row the largest counts.
    """
    block = choose(scale, study.scales, "scale")
    return seeds_of(study, block.seeds, block.first_seed)


def seeds_of(study: Study, numbers: dict[str, int], first: int) -> dict[str, range]:
    """Return {row: seeds} from {row or group: number of seeds}, the first of which is `first`."""
    counts: dict[str, int] = {}
    for name, count in numbers.items():
        for row, entry in study.rows.items():
            if name in (row, *entry.groups) and not entry.once:
                counts[row] = max(count, counts.get(row, 0))
    return {row: range(first, first + count) for row, count in counts.items()}
