"""Refuse settings of a served model where the model is local, and those of a local model where it is served.

check_settings(globals())                                       # of a notebook: what is not a default was given
check_place(endpoint, ["price"], lambda name: f"--{name}")      # of a command: "--price is of a served model: ..."

They would change nothing, and whoever gave them would believe that they had.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from o1lib.evaluation.answer import DTYPES, ENGINE, check_engine
from o1lib.models.endpoint import CONCURRENCY, TIMEOUT
from o1lib.records import UserError

OF_LOCAL = {"engine": ENGINE, "dtype": DTYPES[0]}  # with their defaults
CALLS = {"concurrency": CONCURRENCY, "timeout": TIMEOUT}  # a grader has calls too
OF_SERVED = {"judge_endpoint": "", "price": "", "judge_price": "", "abilities": "", "instructed": True} | CALLS


def check_place(
    endpoint: str, given: Collection[str], written: Callable[[str], str] = str, more: tuple[str, ...] = ()
) -> None:
    """Raise UserError for the first setting in `given` that is of the other kind of model.

    `endpoint` is the address of the served model, "" for a local one. `written` gives a setting's name as users write
    it. `more` are further settings of a served model.
    """
    names = tuple(OF_LOCAL) if endpoint else (*more, *OF_SERVED)
    where = written("endpoint")
    why = f"a model in this process: leave out {where}, or it"
    if not endpoint:
        why = f"a served model: give {where} too, or leave it out"
    for name in names:
        if name in given:
            raise UserError(f"{written(name)} is of {why}")


def check_settings(parameters: Mapping[str, Any]) -> None:
    """Raise UserError for the settings of a notebook that its model would ignore or cannot take, before it is loaded.

    What differs from its default was given. A served grader has a concurrency and a timeout of its own.
    """
    defaults = OF_LOCAL | OF_SERVED
    given = {name for name in defaults if parameters.get(name, "") not in ("", defaults[name])}
    check_place(parameters["endpoint"], given - set(CALLS if parameters.get("grader") else ()))
    if not parameters["endpoint"]:
        check_engine(parameters.get("engine", ENGINE), parameters.get("dtype"))
