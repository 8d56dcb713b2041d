"""What all commands share: the Typer app, the option types, and how a command ends.

as_command(app)                      # a UserError becomes one sentence and exit code 2
with stoppable("finished rows are recorded, and "):
    ...                              # Ctrl-C becomes one sentence and exit code 130
"""

import signal
import sys
from collections.abc import Callable
from contextlib import contextmanager
from typing import Annotated

import typer

from o1lib.records import UserError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Which ingredient of LLaVA-o1 and LlamaV-o1 does the work? Run the study, look at its parts.",
)

Scale = Annotated[str, typer.Option(help="smoke, mini, confirmatory, gpu or paper")]
Rows = Annotated[str, typer.Option(help='core, all, or groups and rows between commas; "" is the scale\'s own group')]
Seeds = Annotated[str, typer.Option(help="whole numbers between commas")]
Jobs = Annotated[str, typer.Option(help='rows that run in parallel; "" is the scale\'s own number')]
Fresh = Annotated[str, typer.Option(help="1 redoes rows that older library code made")]


def as_command(run: Callable) -> None:
    """Run a function (its parameters become options) or a Typer app. A UserError ends it with exit code 2."""
    try:
        run() if isinstance(run, typer.Typer) else typer.run(run)
    except UserError as error:
        print(f"o1lib: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def check_app(command: Callable, about: str) -> typer.Typer:
    """Return an app whose one command is `check`, for `python -m o1lib.stages check` and its like."""
    checker = typer.Typer(add_completion=False, help=about)
    checker.callback()(lambda: None)  # keeps `check` a command of its own
    checker.command("check")(command)
    return checker


@contextmanager
def stoppable(kept: str = ""):
    """End with one sentence and exit code 130 on Ctrl-C. SIGTERM is handled like SIGINT: child processes stop too."""
    for word in (signal.SIGINT, signal.SIGTERM):  # SIGINT is ignored by what a script starts in the background
        signal.signal(word, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        print(f"\no1lib: stopped; {kept}the same command goes on from there", file=sys.stderr)
        raise typer.Exit(130) from None


def numbers(name: str, text: str, least: int = 0) -> tuple[int, ...]:
    """Return the whole numbers, each at least `least`, in "0,1,2". Raises UserError naming the variable."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) >= least for part in parts):
        example = "2" if least else "0,1,2"
        raise UserError(f"{name}={text!r} must be whole numbers from {least} up, as in {name}={example}")
    return tuple(dict.fromkeys(map(int, parts)))


def number(name: str, text: str, least: int = 0) -> int:
    """Return the one whole number in `text`. Raises UserError naming the variable."""
    found = numbers(name, text, least)
    if len(found) > 1:
        raise UserError(f"{name}={text!r} must be one whole number, as in {name}=2")
    return found[0]


def switch(name: str, text: str) -> bool:
    """Return whether "1" or "0" (or nothing) was given. Raises UserError naming the variable."""
    if text not in ("", "0", "1"):
        raise UserError(f"{name}={text!r} must be 1 or 0")
    return text == "1"
