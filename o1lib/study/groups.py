"""Groups of rows that experiments.yaml writes as lists of other groups and rows.

    groups: {pilot: [core, both_bases], both_bases: [direct.sample, structured.sample]}

    with_groups(study).rows["direct.sample"].groups        # [..., "pilot", "both_bases"]

A row can also name its groups itself. Both ways give one and the same thing: a name for ROWS.
"""

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from o1lib.records import UserError, nearest

if TYPE_CHECKING:
    from o1lib.study.specs import Study


def with_groups(study: "Study") -> "Study":
    """Return the study in which every row names all its groups.

    Raises UserError for an unknown member of a group, and for groups that hold each other.
    """
    members = {name: set(some) & study.groups.keys() for name, some in study.groups.items()}
    try:
        order = list(TopologicalSorter(members).static_order())
    except CycleError as error:
        told = " -> ".join(error.args[1])
        raise UserError(f"experiments.yaml: groups hold each other ({told}): take one out of the other") from None
    for name in order:
        study = _with(study, name)
    return study


def _with(study: "Study", group: str) -> "Study":
    """Return the study in which the rows of one group name it; the groups that it holds are named already."""
    known = {name for row in study.rows.values() for name in row.groups} | study.rows.keys() | study.groups.keys()
    if unknown := [name for name in study.groups[group] if name not in known]:
        remedy = nearest(unknown[0], known)
        raise UserError(f"experiments.yaml: group {group} names the unknown row or group {unknown[0]!r}: {remedy}")
    held = set(study.groups[group])
    rows = {
        name: row.model_copy(update={"groups": [*row.groups, group]})
        if held & {name, *row.groups} and group not in row.groups
        else row
        for name, row in study.rows.items()
    }
    return study.model_copy(update={"rows": rows})
