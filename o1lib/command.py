"""Run as a command: a user's mistake is one sentence, not a traceback.

if __name__ == "__main__":
    as_command(main)
"""

import sys
from collections.abc import Callable

import typer

from .records import UserError


def as_command(run: Callable) -> None:
    """Run a function (its parameters are options) or a Typer app; a UserError is one sentence on stderr, exit code 2."""
    try:
        run() if isinstance(run, typer.Typer) else typer.run(run)
    except UserError as error:
        print(f"o1lib: {error}", file=sys.stderr)
        raise SystemExit(2) from None
