"""Commands that probe a checkpoint: does the model find a word in its context, and does its answer follow its chain?

python -m o1lib gate results/checkpoints/mini-base
python -m o1lib probe-lookup results/checkpoints/mini-base
python -m o1lib probe-chain results/checkpoints/mini-structured --most 60
python -m o1lib probe-suite results/checkpoints/mini-structured --n 200
"""

from pathlib import Path
from typing import Annotated

import typer

from o1lib.cli.app import app, stoppable
from o1lib.records import UserError, choose

GROUPS = ("form", "template", "family")  # values of --by
CHAINS = ("true", "own")  # values of --chains


@app.command()
def gate(
    folder: Annotated[str, typer.Argument(help="the folder of a checkpoint")],
    n: Annotated[int, typer.Option(help="number of questions of each gate")] = 1000,
    per_family: Annotated[int, typer.Option(help="number of captions of each family")] = 300,
) -> None:
    """Print one JSON line with the reading gate of the base in FOLDER; end with 1 if a needed gate fails.

    The line is {gate: {value, low, n, floor, passed}} by lower 95 % bounds. Gates that are only reported have the
    hoped value as floor and null as passed.
    """
    import json

    from o1lib.models.presets import load
    from o1lib.records.progress import progress_bar
    from o1lib.training.gate import measure, passed, replies_needed

    for name, value in (("--n", n), ("--per-family", per_family)):
        if value < 1:
            raise UserError(f"{name} {value} asks no question: give 1 or more")
    model, processor = load(Path(folder))
    with progress_bar(total=replies_needed(n, per_family), desc="replies") as bar:
        found = measure(model, processor, n, per_family, bar.update)
    print(json.dumps(found))
    if not passed(found):
        raise typer.Exit(1)


@app.command("probe-lookup")
def probe_lookup(
    folder: Annotated[str, typer.Argument(help="the folder of a checkpoint")],
    n: Annotated[int, typer.Option(help="number of random lists to look in")] = 400,
) -> None:
    """Print how often the model in FOLDER finds a word or letter in its context, next to the chance level."""
    from o1lib.evaluation.probes.context_lookup import lookups, prefers, words
    from o1lib.models.presets import load
    from o1lib.records.progress import progress_bar

    if n < 1:
        raise UserError(f"--n {n} asks no question: give 1 or more lists")
    model, processor = load(Path(folder))
    bar, prefer = progress_bar(total=2 * n, desc="lists"), prefers(model, processor)
    found = lookups(lambda *question: (bar.update(), prefer(*question))[1], words(processor), n)
    bar.close()
    for name, cell in found.items():
        chance = 1 / int(name.split()[1])
        print(f"{name}: {_interval(cell)}, n = {cell['n']}; chance level {chance:.2f}")


@app.command("probe-chain")
def probe_chain(
    folder: Annotated[str, typer.Argument(help="the folder of a checkpoint of format tags")],
    data: Annotated[str, typer.Option(help="the folder of a dataset; by default questions are drawn")] = "",
    most: Annotated[int, typer.Option(help="number of questions drawn of each family, without --data")] = 30,
    by: Annotated[str, typer.Option(help=f"group of the answers: {', '.join(GROUPS)}")] = "form",
) -> None:
    """Print how often answers are right, and how often they follow a chain swapped for another image's.

    --data is the folder of a dataset (for example work/mini/runs/easy_data/seed0/data/test). Without it --most
    questions of each Mini-VQA family are drawn. --by groups the answers by form, template or family.
    """
    from o1lib.data.dataset import read_items
    from o1lib.evaluation.answer import load_decoder
    from o1lib.evaluation.probes.chain_faithfulness import (
        answers_by_prefix,
        drawn_questions,
        replies,
        shares,
        swap_partners,
    )
    from o1lib.records.progress import progress_bar

    choose(by, GROUPS, "value of --by")
    if most < 1:
        raise UserError(f"--most {most} asks no question: give 1 or more questions of each family")
    decoder, format = load_decoder(folder, temperature=0.0)
    if format != "tags":
        raise UserError(f"{folder} has format {format!r}: give a model of format 'tags', whose chains can be swapped")
    items, reply = read_items(data) if data else drawn_questions(most), replies(decoder)
    with progress_bar(desc="replies", total=4 * len(swap_partners(items))) as bar:
        found = shares(answers_by_prefix(items, lambda cases: (bar.update(len(cases)), reply(cases))[1]), by)
    for part, cells in found.items():
        print(part)
        for prefix, cell in cells.items():
            right, follows = _interval(cell["right"]), _interval(cell["follows"])
            print(f"  {prefix:51} right {right}, as the other image {follows}, n = {cell['right']['n']}")


@app.command("probe-suite")
def probe_suite(
    checkpoint: Annotated[str, typer.Argument(help="the folder of a checkpoint, or a model on the hub as owner/name")],
    data: Annotated[str, typer.Option(help="the folder of a dataset; by default questions are drawn")] = "",
    n: Annotated[int, typer.Option(help="number of questions")] = 200,
    format: Annotated[str, typer.Option(help='answer format of the model; "" takes it from its record')] = "",
    chains: Annotated[str, typer.Option(help="true: the dataset's chains are forced; own: the model's own")] = "true",
    probes: Annotated[str, typer.Option(help='probes between commas; "" is all that the format allows')] = "",
    out: Annotated[str, typer.Option(help='folder of the results; "" is work/probes/<name of the checkpoint>')] = "",
    seed: Annotated[int, typer.Option(help="seed of the errors that are put into chains")] = 0,
) -> None:
    """Measure what the answers of CHECKPOINT follow: its chain, its caption or the picture. Print a Markdown table.

    The folder of the results gets the table, a record with every metric, and one line for each reply. If the command is
    stopped, run it again: it goes on from there.
    """
    from o1lib.evaluation.probes.command import measure

    choose(chains, CHAINS, "value of --chains")
    if n < 1:
        raise UserError(f"--n {n} asks no question: give 1 or more questions")
    names = tuple(part.strip() for part in probes.split(",")) if probes else ()
    with stoppable("replies are kept, and "):
        print(measure(checkpoint, data, n, format, chains, names, out, seed))


def _interval(cell: dict) -> str:
    return f"{cell['value']:.2f} [{cell['low']:.2f}, {cell['high']:.2f}]"
