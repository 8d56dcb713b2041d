"""The command that uploads models and data to the Hugging Face Hub.

python -m o1lib push-hub --owner me --dry-run 1
"""

from typing import Annotated

import typer

from o1lib.cli.app import Scale, app, switch


@app.command("push-hub")
def push_hub(
    owner: Annotated[str, typer.Option(help="user or organization on the Hub")] = "",
    scale: Scale = "mini",
    parts: Annotated[str, typer.Option(help="models, data, or both between commas")] = "models,data",
    dry_run: Annotated[str, typer.Option(help="1 prints what would be uploaded")] = "",
) -> None:
    """Upload the shipped models and the dataset of a scale to the Hugging Face Hub, for those who have a token."""
    from o1lib.study import push_hub

    push_hub.push_hub(owner, scale, parts.split(","), switch("DRY", dry_run))
