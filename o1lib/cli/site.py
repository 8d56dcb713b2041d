"""The command that builds the site.

python -m o1lib site
"""

from pathlib import Path
from typing import Annotated

import typer

from o1lib.cli.app import app


@app.command("site")
def build_site(
    out: Annotated[str, typer.Option(help='folder to write; "" is site/')] = "",
    repository: Annotated[str, typer.Option(help="address of the published source, for links to files")] = "",
) -> None:
    """Build the static site from the published records, with the explorer of all questions."""
    from o1lib.site import build

    build.build_site(Path(out).resolve() if out else build.default_folder(), repository)
