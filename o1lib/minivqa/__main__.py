"""Write a contact sheet of Mini-VQA, as HTML and as a picture: `python -m o1lib.minivqa --n 20 --out DIR`.

Example:
    python -m o1lib.minivqa --n 12 --out sheets --family mini-ChartQA --split hard
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from o1lib.minivqa import depth
from o1lib.minivqa.contact_sheet import write
from o1lib.minivqa.draw import FAMILIES, SPLITS, draw, seeds
from o1lib.records import UserError
from o1lib.records.limits import check_size


def show(
    out: Annotated[Path, typer.Option(help="folder for sheet.html and sheet.png")],
    n: Annotated[int, typer.Option(min=1, help="number of examples")] = 20,
    family: Annotated[str, typer.Option(help="one family or mini-Depth-<task>; by default all in turn")] = "",
    split: Annotated[str, typer.Option(help=", ".join(name for name in SPLITS if name != "test"))] = "train",
) -> None:
    """Draw examples and write them, enlarged, with questions, stages and answers."""
    try:
        if split == "test":
            raise UserError(
                "split 'test' stays undrawn until the confirmatory run: use devtest, which is drawn the same way"
            )
        check_size("--n", n, "questions")
        names = [family] if family else list(FAMILIES)
        pages = write([_drawn(names[k % len(names)], seed) for k, seed in enumerate(seeds(split, n))], out)
    except UserError as error:
        print(f"o1lib: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    print(*pages, sep="\n")


def _drawn(family: str, seed: int):
    start = f"{depth.NAME}-"
    return depth.draw(family.removeprefix(start), seed) if family.startswith(start) else draw(family, seed)


if __name__ == "__main__":
    typer.run(show)
