"""A look at Mini-VQA: `python -m o1lib.minivqa --n 20 --out DIR` writes a contact sheet as HTML and as a picture.

Example:
    python -m o1lib.minivqa --n 12 --out sheets --family mini-ChartQA --split hard
"""

import sys
from pathlib import Path

import typer

from o1lib.minivqa.contact_sheet import write
from o1lib.minivqa.draw import FAMILIES, draw, seeds
from o1lib.records import UserError


def show(
    out: Path = typer.Option(..., help="folder for sheet.html and sheet.png"),
    n: int = typer.Option(20, min=1, help="how many examples"),
    family: str = typer.Option("", help="one family; all in turn if left out"),
    split: str = typer.Option("train", help="base, train, validation, devtest or hard"),
) -> None:
    """Draw examples and write them, enlarged, with questions, stages and answers."""
    try:
        if split == "test":
            raise UserError(
                "split 'test' stays undrawn until the confirmatory run: look at devtest, which is drawn alike."
            )
        names = [family] if family else list(FAMILIES)
        pages = write([draw(names[k % len(names)], seed) for k, seed in enumerate(seeds(split, n))], out)
    except UserError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    print(*pages, sep="\n")


if __name__ == "__main__":
    typer.run(show)
