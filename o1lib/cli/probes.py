"""Commands that probe a checkpoint: does it find a word in its context, and does its answer follow its chain?

python -m o1lib probe-lookup results/checkpoints/mini-base
python -m o1lib probe-chain results/checkpoints/mini-structured --most 60
"""

from pathlib import Path

from o1lib.cli.app import app
from o1lib.records import UserError


@app.command("probe-lookup")
def probe_lookup(folder: str, n: int = 400) -> None:
    """Print how often the model in a checkpoint's folder looks up what it should, and what not looking would get."""
    from tqdm import tqdm

    from o1lib.evaluation.probes.context_lookup import lookups, prefers, words
    from o1lib.models.presets import load

    model, processor = load(Path(folder))
    bar, prefer = tqdm(total=2 * n, desc="lists"), prefers(model, processor)
    found = lookups(lambda *question: (bar.update(), prefer(*question))[1], words(processor), n)
    bar.close()
    for name, cell in found.items():
        chance = 1 / int(name.split()[1])
        print(
            f"{name}: {cell['value']:.2f} [{cell['low']:.2f}, {cell['high']:.2f}], n = {cell['n']}; chance {chance:.2f}"
        )


@app.command("probe-chain")
def probe_chain(folder: str, data: str = "", most: int = 30, by: str = "form") -> None:
    """Print how often a model's answer is right, and how often it is the stranger's, by what its reply began with.

    `data` names a dataset's folder (as work/mini/runs/easy_data/seed0/data/test), "" draws `most` questions a family.
    """
    from tqdm import tqdm

    from o1lib.data.dataset import read_items
    from o1lib.evaluation.answer import load_decoder
    from o1lib.evaluation.probes.chain_faithfulness import (
        answers_by_prefix,
        drawn_questions,
        replies,
        shares,
        swap_partners,
    )

    if by not in ("form", "template", "family"):
        raise UserError(f"--by {by!r} is unknown: use form, template or family")
    if most < 1:
        raise UserError(f"with --most {most} nothing is asked: give 1 or more questions a family")
    decoder, spoken = load_decoder(folder, temperature=0.0)
    if spoken != "tags":
        raise UserError(f"{folder} answers in the format {spoken!r}: chains can be begun for a model of format 'tags'")
    items, go_on = read_items(data) if data else drawn_questions(most), replies(decoder)
    with tqdm(desc="replies", total=4 * len(swap_partners(items))) as bar:
        found = shares(answers_by_prefix(items, lambda cases: (bar.update(len(cases)), go_on(cases))[1]), by)
    for part, cells in found.items():
        print(part)
        for begun, two in cells.items():
            right, follows = (f"{cell['value']:.2f} [{cell['low']:.2f}, {cell['high']:.2f}]" for cell in two.values())
            print(f"  {begun:37} right {right}, the stranger's answer {follows}, n = {two['right']['n']}")
