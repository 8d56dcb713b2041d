"""Check a notebook's parameters: only declared names, with values of the declared types.

Papermill only warns about an unknown name and checks no type, and a name mistyped by hand in JupyterLab causes no
warning at all. So this module reads the cells that were really run (IPython keeps them in `In`). The parameters cell
declares `name: type = value`. The cell that papermill injects after it may only set declared names. The notebook's own
file shows which names its other cells read.

    check(globals(), "02_train_sft")     # {"row": "02_train_sft", "seed": 0, "learning_rate": 0.001, ...}
"""

import ast
import builtins
import math
import re

from o1lib.records.errors import UserError, closest, nearest
from o1lib.records.limits import check_size
from o1lib.records.provenance import notebook_cells

COMMON = {"row": "str", "seed": "int", "scale": "str", "root": "str"}
TYPES = {"str": str, "int": int, "float": float, "bool": bool, "list": list, "tuple": tuple, "dict": dict}
MINIMUM = {
    "n": 1,
    "batch": 1,
    "examples": 1,
    "n_train": 1,
    "n_validation": 1,
    "n_test": 1,
    "max_new_tokens": 1,
    "looks": 1,
    "curve_points": 1,
    "teacher_tokens": 1,
    "judge_tokens": 1,
    "grader_tokens": 1,
    "questions": 0,
    "temperature": 0,
}
POSITIVE, SHARES = {"learning_rate", "top_p"}, {"top_p", "judge_accuracy", "warm_share"}
NUMBER = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?", re.I)


def _body(source: str) -> list[ast.stmt] | None:
    """Return the statements of a cell, or None if it is not plain Python (magics, a syntax error)."""
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError):
        return None


def assignments(source: str) -> dict[str, str | None] | None:
    """Return {name: annotation or None} of a cell that only assigns names, None for any other cell."""
    names: dict[str, str | None] = {}
    for node in _body(source) or []:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a text used as a comment
        if isinstance(node, ast.AnnAssign):
            targets, annotation = [node.target], ast.unparse(node.annotation)
        elif isinstance(node, ast.Assign):
            targets, annotation = node.targets, None
        else:
            return None
        assigned = [target.id for target in targets if isinstance(target, ast.Name)]
        if len(assigned) < len(targets):
            return None
        names |= dict.fromkeys(assigned, annotation)
    return names or None


def parameter_cells(history: list[str]) -> tuple[dict[str, str | None], list[dict[str, str | None]]]:
    """Return (the last parameters cell that was run, the assignment cells between it and the call of `start`).

    Raises UserError if no cell declares any of the common parameters.
    """
    cells = [assignments(source) or {} for source in history]
    declaring = [k for k, cell in enumerate(cells) if any(cell.values()) and cell.keys() & COMMON.keys()]
    if not declaring:
        raise UserError(
            "no parameters cell was run before start(globals()): run the notebook from its first "
            "code cell, which must hold only lines such as `seed: int = 0`"
        )
    injected = []
    for cell, source in list(zip(cells, history, strict=True))[declaring[-1] + 1 :]:
        if re.search(r"\bstart\(", source):
            break  # later cells belong to the notebook, even if `start` is run again
        injected += [cell] if cell else []
    return cells[declaring[-1]], injected


def _names(sources: list[str]) -> tuple[set[str], set[str]] | None:
    """Return (names read, names defined) over cells, None if the text does not determine them."""
    read: set[str] = set()
    defined: set[str] = set()
    for body in map(_body, sources):
        if body is None:
            return None
        for node in ast.walk(ast.Module(body, [])):
            if isinstance(node, ast.Name):
                (read if isinstance(node.ctx, ast.Load) else defined).add(node.id)
            elif isinstance(node, ast.alias):
                defined.add((node.asname or node.name).split(".")[0])
            elif isinstance(node, ast.arg):
                defined.add(node.arg)
            elif isinstance(node, ast.ExceptHandler) and node.name:
                defined.add(node.name)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                read.add(node.value)  # run.parameters["name"]
            elif isinstance(node, ast.Attribute) and node.attr == "parameters":
                read.add("*")
    return None if "*" in defined else (read, defined)


def _check_against_file(declared: dict[str, str], notebook: str) -> None:
    """Refuse a parameters cell that was mistyped by hand and differs from the saved file."""
    cells = notebook_cells(notebook)
    if cells is None:
        return
    tagged = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    own = {name: kind for cell in tagged for name, kind in (assignments(cell["source"]) or {}).items() if kind}
    for name, kind in declared.items():
        if own and own.get(name) != kind:
            wrong = f"is declared as {kind}, not {own[name]}" if name in own else "is unknown"
            raise UserError(f"parameter {name!r} {wrong} in notebooks/{notebook}.ipynb: {nearest(name, sorted(own))}")
    if missing := sorted(own.keys() - declared.keys()):
        raise UserError(
            f"the parameters cell lacks {missing[0]!r}, which notebooks/{notebook}.ipynb declares "
            f"({own[missing[0]]}): restore the line"
        )
    _check_use(declared, notebook, [cell["source"] for cell in cells if cell not in tagged])


def _check_use(declared: dict[str, str], notebook: str, sources: list[str]) -> None:
    """Refuse a mistyped name that was saved: no other cell of the file reads it."""
    names = _names(sources)
    if names is None or "*" in names[0]:
        return
    read, defined = names
    if unread := sorted(declared.keys() - COMMON.keys() - read):
        unset = [n for n in read - defined - declared.keys() if n.isidentifier() and not hasattr(builtins, n)]
        near = closest(unread[0], unset)
        remedy = f"did you mean {near!r}, which is read but never set?" if near else "remove it"
        raise UserError(f"no other cell of notebooks/{notebook}.ipynb reads parameter {unread[0]!r}: {remedy}")


def _check_common(declared: dict[str, str], where: str) -> None:
    for name, kind in COMMON.items():
        if name not in declared:
            near = closest(name, declared.keys() - COMMON.keys())
            mistyped = f" (is {near!r} a misspelling of it?)" if near else ""
            raise UserError(f"the parameters cell of {where} lacks `{name}: {kind}`{mistyped}: add it")


def _check_value(name: str, kind: str, value) -> None:
    wanted = TYPES.get(kind.split("[")[0])
    if wanted is None:
        raise UserError(f"parameter {name!r} is declared as {kind}: use one of {', '.join(TYPES)}")
    fits = isinstance(value, (int, float) if wanted is float else wanted)
    if isinstance(value, bool) and wanted is not bool:
        fits = False
    if fits and not (isinstance(value, float) and not math.isfinite(value)):
        return
    hint = f"give a value of type {kind}"
    if wanted in (int, float) and isinstance(value, str) and NUMBER.fullmatch(value.strip()):
        number = re.sub(r"^(\d+)e", r"\1.0e", value.strip(), flags=re.I)
        hint = f"write {number} without quotes (YAML reads 1e-4 as text and 1.0e-4 as a number)"
    raise UserError(f"parameter {name!r} must be {kind}, but is {type(value).__name__} {value!r}: {hint}")


def _check_range(name: str, value) -> None:
    """Refuse a number that makes no sense for a parameter of this name in any notebook."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        check_size(f"parameter {name!r}", value, kind=name)
    if name in MINIMUM and value < MINIMUM[name]:
        raise UserError(f"parameter {name!r} is {value}: give {MINIMUM[name]} or more")
    if (name in POSITIVE and value <= 0) or (name in SHARES and not 0 <= value <= 1):
        limits = "above 0" + (" and at most 1" if name in SHARES else "") if name in POSITIVE else "from 0 to 1"
        raise UserError(f"parameter {name!r} is {value}: give a number {limits}")


def check(namespace: dict, notebook: str = "") -> dict:
    """Return the declared parameters of the running notebook with their final values.

    `namespace` is the notebook's globals(), `notebook` its file name without ending. Raises UserError for a name that
    is not declared, is missing or is read by no cell, and for a value that is out of range or not of the declared type.
    """
    history = namespace.get("In")
    if not isinstance(history, list):
        raise UserError("start() reads the cells that were run: call it in a notebook as start(globals())")
    cell, injected = parameter_cells(history)
    declared = {name: kind for name, kind in cell.items() if kind is not None}
    if untyped := sorted(cell.keys() - declared.keys()):
        raise UserError(
            f"parameter {untyped[0]!r} has no type in the parameters cell: write `{untyped[0]}: type = value`"
        )
    where = f"notebook {notebook}" if notebook else "this notebook"
    for name in (name for names in injected for name in names if name not in declared):
        raise UserError(f"unknown parameter {name!r} for {where}: {nearest(name, sorted(declared))}")
    _check_common(declared, where)
    _check_against_file(declared, notebook)
    for name, kind in declared.items():
        _check_value(name, kind, namespace.get(name))
        _check_range(name, namespace[name])
    return {name: namespace[name] for name in declared}
