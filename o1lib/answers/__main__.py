"""`python -m o1lib.answers check FILE`: see o1lib.answers.check."""

import typer

from o1lib.answers.check import check

app = typer.Typer(add_completion=False, help="Work with answers.")
app.callback()(lambda: None)  # keeps `check` a command of its own
app.command()(check)
app()
