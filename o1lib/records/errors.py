"""The one error that users are meant to read, the one way to refuse an unknown name, and to quote another error.

METHODS = {"greedy": greedy, "best_of_n": best_of_n}
choose("best_of_m", METHODS, "method")      # UserError: unknown method 'best_of_m' (did you mean best_of_n?): ...
"""

from collections.abc import Collection, Mapping, Sequence, Set
from difflib import get_close_matches
from typing import TypeVar, overload

Value = TypeVar("Value")


class UserError(ValueError):
    """A mistake that the user can fix. Its message says in one sentence what is wrong, where, and the remedy."""


@overload
def choose(name: str, options: Mapping[str, Value], what: str) -> Value: ...
@overload
def choose(name: str, options: Sequence[str] | Set[str], what: str) -> str: ...
def choose(name, options, what):
    """Return the entry `name` of a mapping, or `name` itself if `options` are plain names.

    `what` is the noun for the message, such as "judge". Raises UserError if the name is not among the options. The
    message gives the nearest option and lists them all.
    """
    if name in options:
        return options[name] if isinstance(options, Mapping) else name
    near = closest(name, options)
    guess = f" (did you mean {near}?)" if near else ""
    raise UserError(f"unknown {what} {name!r}{guess}: choose one of {', '.join(options)}")


def nearest(name: str, known: Collection[str]) -> str:
    """Return the remedy for a mistyped name, for the end of a message: the nearest known name, or the list of them."""
    near = closest(name, known)
    return f"did you mean {near!r}?" if near else f"use one of {', '.join(known)}"


def closest(name: str, known: Collection[str]) -> str:
    """Return the known name that is spelled most like `name`, "" if none is similar."""
    return next(iter(get_close_matches(str(name), list(known), 1)), "")


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the name of its class if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def brief(error: BaseException, most: int = 160) -> str:
    """Return an error's message on one line of at most `most` characters, or the name of its class if it has none."""
    return " ".join(str(error).split())[:most] or type(error).__name__
