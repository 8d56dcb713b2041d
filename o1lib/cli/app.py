"""The Typer app that all commands share, its option types, and the exit codes.

as_command(app)                      # prints a UserError as one sentence and exits with code 2; checks every size
with stoppable("finished rows are recorded, and "):
    ...                              # on Ctrl-C, prints one sentence and exits with code 130
"""

import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand

from o1lib.evaluation.local_or_served import check_place
from o1lib.records import UserError
from o1lib.records.limits import check_size

SEARCHES = ("answer",)  # commands whose --n is a number of candidates; in the others it is a number of questions


class Bounded(TyperCommand):
    """A command that refuses a number above its bound (`o1lib.records.limits`) before it does anything."""

    def invoke(self, ctx):
        """Check the numbers that were given, then run the command."""
        for name, value in ctx.params.items():
            kind = "questions" if name == "n" and self.name not in SEARCHES else name
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                check_size(f"--{name.replace('_', '-')}", value, kind)
        return super().invoke(ctx)


class App(typer.Typer):
    """An app all of whose commands are `Bounded`."""

    def command(self, name=None, *, cls=Bounded, **options):
        """Register a command, as Typer does."""
        return super().command(name, cls=cls, **options)


app = App(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Which ingredient of LLaVA-o1 and LlamaV-o1 does the work? Run the study and look at its parts.",
)

_DIGITS = 100  # of a whole number; Python refuses to read a number of thousands of digits

Scale = Annotated[str, typer.Option(help="smoke, mini, confirmatory, gpu or paper")]
Rows = Annotated[str, typer.Option(help='core, all, or groups and rows between commas; "" is the group of the scale')]
Seeds = Annotated[str, typer.Option(help='whole numbers between commas; "" is the seeds of the scale')]
Jobs = Annotated[str, typer.Option(help='rows that run in parallel; "" is the number of the scale')]
Fresh = Annotated[str, typer.Option(help="1 redoes rows that older library code made")]


def as_command(run: Callable) -> None:
    """Run a Typer app or a function whose parameters become options. A UserError ends it with exit code 2."""
    warnings.showwarning = _show_warning
    made = run if isinstance(run, typer.Typer) else App(add_completion=False)
    if made is not run:
        made.command()(run)
    try:
        made()
    except UserError as error:
        print(f"o1lib: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("o1lib"):
            raise
        print(f"o1lib: this needs the package {error.name}: pip install 'o1lib[study]' brings it", file=sys.stderr)
        raise SystemExit(2) from None


def _show_warning(message, category, filename, lineno, file=None, line=None):
    """Print a warning of this library as one sentence, others as Python does."""
    own = category is UserWarning and Path(filename).is_relative_to(Path(__file__).parents[1])
    text = f"o1lib: {message}\n" if own else warnings.formatwarning(message, category, filename, lineno, line)
    print(text, end="", file=file or sys.stderr)


def check_app(command: Callable, about: str) -> typer.Typer:
    """Return an app with the single command `check`, as in `python -m o1lib.stages check`."""
    checker = App(add_completion=False, help=about)
    checker.callback()(lambda: None)  # else typer drops the name of a single command
    checker.command("check")(command)
    return checker


@contextmanager
def stoppable(kept: str = ""):
    """End with one sentence and exit code 130 on Ctrl-C. SIGTERM is handled like SIGINT: child processes stop too.

    The sentence is "stopped; {kept}the same command goes on from there".
    """
    for kind in (signal.SIGINT, signal.SIGTERM):  # a shell script starts background commands with SIGINT ignored
        signal.signal(kind, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        print(f"\no1lib: stopped; {kept}the same command goes on from there", file=sys.stderr)
        raise typer.Exit(130) from None


def refuse_given(ctx: typer.Context, endpoint: str, more: tuple[str, ...] = ()) -> None:
    """Raise UserError for the first option on the command line that is of the other kind of model, local or served.

    `endpoint` is the address of the served model, "" for a local one; `more` are further options of a served model.
    """
    sources = {name: ctx.get_parameter_source(name) for name in ctx.params}
    given = [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]

    def written(name):
        """Return an option as it was typed."""
        return f"--{'no-' * (ctx.params.get(name) is False)}{name.replace('_', '-')}"

    check_place(endpoint, given, written, more)


def numbers(name: str, text: str, least: int = 0) -> tuple[int, ...]:
    """Return the whole numbers in a text such as "0,1,2", without repeats.

    Raises UserError, which names the variable, if one is not a whole number or is below `least`.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and len(part) < _DIGITS and int(part) >= least for part in parts):
        example = "2" if least else "0,1,2"
        raise UserError(f"{name}={text!r} must be whole numbers from {least} up, as in {name}={example}")
    return tuple(dict.fromkeys(int(check_size(name, int(part))) for part in parts))


def number(name: str, text: str, least: int = 0) -> int:
    """Return the single whole number in `text`. Raises UserError, which names the variable."""
    found = numbers(name, text, least)
    if len(found) > 1:
        raise UserError(f"{name}={text!r} must be one whole number, as in {name}=2")
    return found[0]


def switch(name: str, text: str) -> bool:
    """Return True for "1" and False for "0" or "". Raises UserError, which names the variable."""
    if text not in ("", "0", "1"):
        raise UserError(f"{name}={text!r} must be 1 or 0")
    return text == "1"
