"""Commands that hand results to other evaluation programs.

python -m o1lib inspect-log results/mini/runs/structured.sample/seed0 work/structured.eval
"""

from pathlib import Path
from typing import Annotated

import typer

from o1lib.cli.app import app


@app.command("inspect-log")
def inspect_log(
    run: Annotated[Path, typer.Argument(help="the folder of a run of notebook 03")],
    out: Annotated[Path, typer.Argument(help="the log to write: a file that ends with .eval or .json")],
) -> None:
    """Write the predictions of RUN as a log that Inspect's viewer opens: `inspect view --log-dir FOLDER`."""
    from o1lib.harness.inspect_log import write_log

    print(f"{write_log(run, out)} questions written to {out}")
