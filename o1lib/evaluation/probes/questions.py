"""The questions of a suite: drawn, or the items of a dataset; with the program's chains, or with the model's own.

items, partners = drawn_items(200)
items, partners = from_items(read_items(folder), 200)
items, unread = with_own_chains(items, reply, "tags")
"""

from collections.abc import Sequence
from types import SimpleNamespace

from o1lib.evaluation.probes.forced import Reply, ask, chain_stages, fresh
from o1lib.evaluation.probes.pairs import disjoint_pairs, drawn_pairs
from o1lib.formats.chat import FORMATS
from o1lib.formats.special_tags import from_special
from o1lib.formats.stages import STAGES, parse, parse_plain
from o1lib.records import UserError


def drawn_items(n: int) -> tuple[list, dict]:
    """Return (n Mini-VQA validation drawings, {qid: partner of each}). Raises UserError as `drawn_pairs` does."""
    found = drawn_pairs(n)
    return [item for item, _ in found], {item.qid: partner for item, partner in found}


def from_items(items: Sequence, n: int) -> tuple[list, dict]:
    """Return (up to n items, {qid: partner}), first those that have a partner among the items."""
    partners = {item.qid: partner for item, partner in disjoint_pairs(items)}
    taken = {partner.qid for partner in partners.values()}
    rest = [item for item in items if item.qid not in partners and item.qid not in taken]
    chosen = [*(item for item in items if item.qid in partners), *rest][:n]
    return chosen, {item.qid: partners[item.qid] for item in chosen if item.qid in partners}


def with_own_chains(items: Sequence, partners: dict, reply: Reply, format: str) -> tuple[list, dict, int]:
    """Return (items, partners, number left out) with the chains that the model itself writes in place of the true ones.

    A chain without all stages of the format is left out, with its item. Raises UserError for a format without a chain.
    """
    if not chain_stages(format):
        raise UserError(f"format '{format}' writes no chain: take the true chains")
    asked = {one.qid: one for one in (*items, *partners.values())}
    texts = reply([ask(one, fresh(one.question, format)) for one in asked.values()])
    own = {qid: with_chain(one, text, format) for (qid, one), text in zip(asked.items(), texts, strict=True)}
    kept = [own[item.qid] for item in items if own[item.qid]]
    swapped = {qid: own[partner.qid] for qid, partner in partners.items() if own[qid] and own[partner.qid]}
    return kept, swapped, len(items) - len(kept)


def with_chain(item, text, format):
    """Return the item with the stages of a model's reply, None if the reply lacks one of the format's stages."""
    entry = FORMATS[format]
    tagged = entry.stage_ends and all(end.strip() for end in entry.stage_ends.values())
    found = parse(from_special(text)).stages if tagged else parse_plain(text)
    stages = {stage: found[stage] for stage in (*chain_stages(format), STAGES[-1]) if found.get(stage)}
    if len(stages) <= len(chain_stages(format)):
        return None
    names = ("qid", "question", "answer", "options", "family", "template", "image")
    return SimpleNamespace(
        **{name: getattr(item, name) for name in names}, depth=getattr(item, "depth", 0), stages=stages
    )
