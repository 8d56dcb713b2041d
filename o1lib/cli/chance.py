"""Commands on chance levels: freeze those of a dataset, and see which test sets enter the headline.

python -m o1lib chance --scale mini
python -m o1lib entering --scale mini
"""

from typing import Annotated

import typer

from o1lib.cli.app import Scale, app


@app.command("chance")
def freeze_chance(
    scale: Scale = "mini",
    data: Annotated[str, typer.Option(help="row of the dataset")] = "data",
    cells: Annotated[bool, typer.Option(help="also print the levels by depth and form")] = False,
    replace: Annotated[bool, typer.Option(help="replace other levels of this dataset that are frozen")] = False,
) -> None:
    """Freeze the chance levels of a dataset in work/<scale>/runs/<data>/seed0/chance.json, and print them."""
    from o1lib.data.chance import keep_levels, levels_of
    from o1lib.records import need, project_root
    from o1lib.scoring.chance_text import describe_cells, describe_levels

    root = project_root() / "work" / scale
    record = need(root, data, 0)
    levels = levels_of(record, root)
    digest = keep_levels(record, levels, replace)
    print(describe_levels(levels, digest))
    if cells:
        print(describe_cells(levels))


@app.command("entering")
def show_entering(
    scale: Scale = "mini",
    rows: Annotated[str, typer.Option(help="scored rows between commas")] = "direct.validation,structured.validation",
) -> None:
    """Print which test sets enter the headline, by rows that were scored on validation drawings."""
    from o1lib.study.entering import describe_entering

    print(describe_entering(scale, [row.strip() for row in rows.split(",")]))
