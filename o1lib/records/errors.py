"""The one error a user is meant to read, and the one way to refuse an unknown name.

METHODS = {"greedy": greedy, "best_of_n": best_of_n}
choose("best_of_m", METHODS, "method")      # UserError: unknown method 'best_of_m', did you mean best_of_n?: ...
"""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import TypeVar, overload

Value = TypeVar("Value")


class UserError(ValueError):
    """A mistake the user can fix. Its message says in one sentence what is wrong, where, and the remedy."""


@overload
def choose(name: str, options: Mapping[str, Value], what: str) -> Value: ...
@overload
def choose(name: str, options: Collection[str], what: str) -> str: ...
def choose(name, options, what):
    """Return the entry `name` of a mapping, or `name` itself where `options` are plain names.

    Raises UserError for a name that is not among the options: it names the nearest one and lists them all. `what` is the
    noun for the message, such as "judge".
    """
    if name in options:
        return options[name] if isinstance(options, Mapping) else name
    near = get_close_matches(str(name), list(options), 1)
    guess = f", did you mean {near[0]}?" if near else ""
    raise UserError(f"unknown {what} {name!r}{guess}: choose one of {', '.join(options)}")


def nearest(name: str, known: Collection[str]) -> str:
    """Return the remedy for a mistyped name: the nearest known one, or the list of them."""
    close = get_close_matches(str(name), list(known), 1)
    return f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(known)}"
