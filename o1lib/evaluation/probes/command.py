"""Measure a checkpoint with the faithfulness suite and write what was found, as `python -m o1lib probe-suite` does.

print(measure("results/checkpoints/mini-structured", n=200))        # a Markdown table
load("work/probes/results--checkpoints--mini-structured").metrics["swap/indirect_effect"]      # o1lib.records
"""

from collections.abc import Sequence
from pathlib import Path

from o1lib.data.dataset import read_items
from o1lib.evaluation.answer import load_decoder
from o1lib.evaluation.inputs import folder_of
from o1lib.evaluation.probes.model import replies
from o1lib.evaluation.probes.page import suite_table
from o1lib.evaluation.probes.questions import drawn_items, from_items, with_own_chains
from o1lib.evaluation.probes.reply_journal import kept_replies
from o1lib.evaluation.probes.suite import PROBES, cases_of, run_suite, suite_metrics
from o1lib.inference.lean_mllama import step_of
from o1lib.inference.sequential import placed
from o1lib.models.checkpoint import model_hash
from o1lib.records import Run, UserError, atomic_file, choose, finish, load, portable, project_root, shown, stack_hash
from o1lib.records.progress import progress_bar
from o1lib.records.provenance import provenance
from o1lib.records.store import RECORD

TABLE, REPLIES = "table.md", "probes.jsonl"  # replies.jsonl is the log of a served model
SEARCHES = "03_search_and_score"  # the notebook whose code decides what a model replies


def measure(
    checkpoint: str,
    data: str = "",
    n: int = 200,
    format: str = "",
    chains: str = "true",
    probes: Sequence[str] = (),
    out: str = "",
    seed: int = 0,
) -> str:
    """Return the table of a suite; write it, its record and its lines into the folder `out`.

    `data` is the folder of a dataset, "" for drawings. `chains` "own" forces the model's own chains instead of the
    true ones. Finished replies are kept in the folder, from which the same call goes on. Raises UserError for an
    unknown probe, for a folder that holds the results of another call, and as `load_decoder`, `read_items` and
    `drawn_items` do.
    """
    names = tuple(choose(name, list(PROBES), "probe") for name in probes) or tuple(PROBES)
    decoder, own = load_decoder(checkpoint, format, temperature=0.0)
    given = {"checkpoint": checkpoint, "data": data, "n": n, "format": own, "chains": chains, "seed": seed}
    folder = project_root() / (out or f"work/probes/{folder_of(checkpoint)}")
    _check_same(folder, given)
    run = Run("probes", seed, "", folder.parent, folder, given, provenance=provenance())
    places = (Path(checkpoint), project_root() / checkpoint)
    weights = next((model_hash(place) for place in places if place.is_dir()), "")
    made_by = {"model": weights or checkpoint, "format": own, "code": stack_hash(SEARCHES)}
    reply = kept_replies(replies(decoder, own), run.path(REPLIES), made_by)
    items, partners = from_items(read_items(data), n) if data else drawn_items(n)
    left_out = 0
    if chains == "own":
        items, partners, left_out = with_own_chains(items, partners, reply, own)
    with progress_bar(desc="cases", total=cases_of(items, partners, own, True, names)) as bar:
        lines, missing = run_suite(items, partners, reply, own, masks=True, probes=names, seed=seed, done=bar.update)
    found = suite_metrics(lines)
    table = suite_table(found, missing, f"What the answers of {Path(checkpoint).name} follow")
    with atomic_file(run.path(TABLE)) as part:
        part.write_text(table, encoding="utf8")
    facts = {"not_available": missing, "chains_left_out": left_out, "decoding_step": step_of(decoder.runner.model)}
    finish(run, found, lines, extra=facts, model_hash=weights, n_failed=_unread(lines), **placed(decoder))
    return table


def _check_same(folder, given):
    """Raise UserError if a folder holds the results of another checkpoint or of other settings: they are kept."""
    if not (folder / RECORD).is_file():
        return
    kept = load(folder).parameters
    if other := {name: kept.get(name) for name, value in portable(given).items() if kept.get(name) != value}:
        told = ", ".join(f"{name} {value}" for name, value in other.items())
        raise UserError(f"{shown(folder)} holds the results of {told}: name another folder with --out")


def _unread(lines):
    """Return the number of replies without a readable answer."""
    return sum(line["pred"] is None for line in lines)
