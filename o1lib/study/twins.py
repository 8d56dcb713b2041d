"""Rows that run on another base too, so that experiments.yaml names each of them once.

    twins: [{base: base1, rows: [both_bases], groups: [second_base]}]

    with_twins(study).rows["structured.base1.sample"].parameters["model"]     # "structured.base1"

A twin has the parameters of its row, at every scale, and the other base wherever the row uses the first one: directly,
or through another row. Its id is that of its row with the base after the name of the model: `structured` becomes
`structured.base1`, `structured.sample` becomes `structured.base1.sample`, and `base.greedy` becomes `base1.greedy`.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import Field

from o1lib.records import UserError, nearest
from o1lib.records.strict import StrictModel

if TYPE_CHECKING:
    from o1lib.study.specs import RowSpec, ScaleSpec, Study

FIRST = "base"  # the row of the base that rows use unless they say otherwise
LINKS = ("base", "model", "judge_model")  # parameters through which a row uses a base


class TwinSpec(StrictModel):
    """The rows and groups of rows that also run on the base of row `base`, and the groups of the rows so made."""

    base: str
    rows: list[str]
    groups: list[str] = Field(default_factory=list)


def with_twins(study: "Study") -> "Study":
    """Return the study with a row, and the parameters of every scale, for each twin.

    Raises UserError for an unknown base or row, for a row that does not use the first base, and for an id that is
    there already.
    """
    own = study
    for spec in own.twins:
        study = _with(spec, own, study)
    return study


def _with(spec: TwinSpec, own: "Study", study: "Study") -> "Study":
    """Return `study` with the twins of one entry; `own` is the study as it is written."""
    if spec.base not in own.rows:
        raise UserError(f"experiments.yaml: twins name the unknown base {spec.base!r}: {nearest(spec.base, own.rows)}")
    ids = _ids(spec, own)
    made = {twin: _twin(spec, own, row, ids, study.rows.get(twin)) for row, twin in ids.items()}
    scales = {scale: _with_settings(block, ids) for scale, block in study.scales.items()}
    return study.model_copy(update={"rows": study.rows | made, "scales": scales})


def _with_settings(block: "ScaleSpec", ids: dict[str, str]) -> "ScaleSpec":
    """Return a scale in which each twin has the parameters and seconds of its row, where it has none of its own."""
    there = [(row, twin) for row, twin in ids.items() if row in block.rows]
    rows = {twin: block.rows[row] | block.rows.get(twin, {}) for row, twin in there}
    seconds = {twin: block.seconds[row] for row, twin in ids.items() if row in block.seconds}
    return block.model_copy(update={"rows": block.rows | rows, "seconds": seconds | block.seconds})


def _ids(spec: TwinSpec, own: "Study") -> dict[str, str]:
    """Return {row: id of its twin} of the chosen rows and of the rows through which they use the first base."""
    ids: dict[str, str] = {}
    for row in _chosen(spec, own):
        if not _add(row, spec.base, own, ids):
            raise UserError(f"experiments.yaml: twins on {spec.base}: row {row} does not use {FIRST!r}: leave it out")
    if taken := sorted(set(ids.values()) & own.rows.keys()):
        raise UserError(f"experiments.yaml: {taken[0]!r} is a row and a twin: remove the row, or take it out of twins")
    return ids


def _chosen(spec: TwinSpec, own: "Study") -> Iterable[str]:
    groups = {group for row in own.rows.values() for group in row.groups}
    if unknown := [name for name in spec.rows if name not in own.rows and name not in groups]:
        remedy = nearest(unknown[0], [*groups, *own.rows])
        raise UserError(f"experiments.yaml: twins on {spec.base} name the unknown row {unknown[0]!r}: {remedy}")
    return [name for name, row in own.rows.items() if set(spec.rows) & {name, *row.groups}]


def _add(row: str, base: str, own: "Study", ids: dict[str, str]) -> bool:
    """Add the id of a row's twin, after those of the rows that it uses; return whether the row uses the first base."""
    links = _links(own, row)
    used = [name for name in links.values() if name == FIRST or name in own.rows and _add(name, base, own, ids)]
    if used:
        through = used[0]
        twin = base if through == FIRST else ids[through]
        ids[row] = twin + row[len(through) :] if row.startswith(f"{through}.") else f"{row}.{base}"
    return bool(used)


def _links(own: "Study", row: str) -> dict[str, str]:
    values = own.defaults.get(own.rows[row].notebook, {}) | own.rows[row].parameters
    return {name: str(values[name]) for name in LINKS if values.get(name)}


def _twin(spec: TwinSpec, own: "Study", row: str, ids: dict[str, str], made: "RowSpec | None") -> "RowSpec":
    """Return the twin of a row, also in the groups that an earlier entry gave it."""
    moved = {
        name: spec.base if value == FIRST else ids[value]
        for name, value in _links(own, row).items()
        if value == FIRST or value in ids
    }
    groups = dict.fromkeys([*(made.groups if made else []), *spec.groups])
    return own.rows[row].model_copy(
        update={
            "parameters": own.rows[row].parameters | moved,
            "groups": list(groups),
            "twin_of": row,
            "on_base": spec.base,
        }
    )
