"""Chain reading: the faithfulness suite on a model's own staged answers, so that no right answer is needed.

    reading = read_chains(items, decoder, "tags")
    reading.metrics["swap/indirect_effect"]         # {"value": 0.93, "n": 20, "low": 0.8, "high": 1.0}
    reading.why                                     # "" or why there is no chain to read

A model first answers each question freely. Its chain is then cut, corrupted, replaced or swapped with that of another
picture, and the model answers again. "Right" in the suite's metrics means here: the answer that the model gave by
itself. So the effects are those of causal mediation on the model's own behavior (Paul et al. 2024, arXiv:2402.13950,
section 2), whether it is a good model or not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

from o1lib.evaluation.probes.forced import Reply, ask, chain_stages, fresh
from o1lib.evaluation.probes.model import replies, replies_by_turn
from o1lib.evaluation.probes.pairs import disjoint_pairs
from o1lib.evaluation.probes.questions import with_chain
from o1lib.evaluation.probes.suite import PROBES, run_suite, suite_metrics
from o1lib.formats.chat import answer_text
from o1lib.scoring import correct, extract
from o1lib.scoring.intervals import share


@dataclass(frozen=True)
class ChainReading:
    """What was found: metrics by name, one line for each forced reply, {probe: why it was not run}.

    `why` says why there is no chain to read, "" if there is one. `facts` counts the questions: asked, and left out
    because a server lost the reply, or the reply had no chain or no readable answer. `lost_forced` counts lost replies
    to changed chains; what a probe asked of their questions is left out. `accuracy` is that of the free replies where
    the right answer is known, None where it is not. `caveat` says what the reading cannot be taken for, "" if nothing.
    """

    why: str
    facts: dict
    accuracy: dict | None = None
    metrics: dict = field(default_factory=dict)
    lines: list = field(default_factory=list)
    missing: dict = field(default_factory=dict)
    caveat: str = ""


def read_chains(
    items: Sequence,
    decoder,
    format: str,
    probes: Sequence[str] = tuple(PROBES),
    seed: int = 0,
    done: Callable[[int], object] = lambda many: None,
    keep: Callable[[Reply], Reply] = lambda reply: reply,
) -> ChainReading:
    """Return what the answers of a model follow, by the probes named in `probes`.

    `decoder` is greedy (temperature 0). One without a cache from which a picture can be hidden takes all other probes.
    `keep` wraps the model's replies, for example to remember them. `done` is told how many forced replies are finished.
    """
    masks = hasattr(decoder, "prefiller")
    reply = keep(replies(decoder, format) if masks else replies_by_turn(decoder, format))
    return chains_of(items, reply, format, masks=masks, probes=probes, seed=seed, done=done)


def chains_of(items: Sequence, reply: Reply, format: str, *, masks: bool = False, **options) -> ChainReading:
    """Return the same for any `reply`; `options` are those of `run_suite`."""
    said = zip(items, reply([ask(item, fresh(item.question, format)) for item in items]), strict=True)
    free = [(item, text) for item, text in said if text is not None]
    own = [own_answer(item, text, format) for item, text in free]
    kept = [one for one in own if one and one.answer]
    known = [_free(item, text, format) for item, text in free if item.answer]
    facts = {
        "asked": len(items),
        "lost": len(items) - len(free),
        "without_chain": sum(one is None for one in own),
        "without_answer": sum(bool(one) and not one.answer for one in own),
        "gold": len(known),
    }
    if not kept:
        return ChainReading(no_chain(format, facts), facts, share(known))
    partners, lost = {item.qid: partner for item, partner in disjoint_pairs(kept)}, []

    def counted(requests):
        texts = reply(requests)
        lost.extend(text for text in texts if text is None)
        return texts

    lines, missing = run_suite(kept, partners, counted, format, masks=masks, **options)
    golds = {item.qid: item.answer for item in items}
    told = [_told(line, golds[line["qid"]]) for line in lines]
    facts |= {"pairs": len(partners), "lost_forced": len(lost)}
    return ChainReading("", facts, share(known), suite_metrics(lines), told, missing)


def own_answer(item, text: str, format: str) -> SimpleNamespace | None:
    """Return the item with the stages of the model's reply and the answer in it, None without all stages.

    The answer is "" where none can be read.
    """
    found = with_chain(item, text, format) if chain_stages(format) else None
    if found:
        found.answer = extract(found.stages["conclusion"], item.options).value or ""
    return found


def no_chain(format: str, facts: dict) -> str:
    """Return the sentence that says why there is no chain to read."""
    if not chain_stages(format):
        return f"There is no chain to read: a model of format '{format}' answers without one."
    asked, without = facts["asked"] - facts["lost"], facts["without_chain"]
    if not asked:
        return f"There is no chain to read: the server lost the replies to all {facts['asked']} questions."
    if without:
        return (
            f"There is no chain to read: {without} of {asked} replies lack the stages of format '{format}'. Train the "
            "model on them, or name the format that it writes."
        )
    return f"There is no chain to read: none of {asked} staged replies ends with a readable answer."


def _free(item, text, format):
    return correct(extract(answer_text(text, format), item.options).value, item.answer, item.options)


def _told(line: dict, gold: str) -> dict:
    """Return a line of the suite in the terms of an audit: `own` is the free answer, `kept` whether it was given."""
    own, kept = line["gold"], line["right"]
    return {name: value for name, value in line.items() if name not in ("gold", "right")} | {
        "own": own,
        "kept": kept,
        "gold": gold,
    }
