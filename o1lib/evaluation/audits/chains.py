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
    because the reply had no chain or no readable answer. `accuracy` is that of the free replies where the right answer
    is known, None where it is not. `caveat` says what the reading cannot be taken for, "" if nothing.
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
    texts = reply([ask(item, fresh(item.question, format)) for item in items])
    own = {item.qid: own_answer(item, text, format) for item, text in zip(items, texts, strict=True)}
    kept = [one for one in own.values() if one and one.answer]
    known = [item for item in items if item.answer]
    accuracy = share(_free(item, text, format) for item, text in zip(items, texts) if item.answer) if known else None
    facts = {
        "asked": len(items),
        "without_chain": sum(one is None for one in own.values()),
        "without_answer": sum(bool(one) and not one.answer for one in own.values()),
        "gold": len(known),
    }
    if not kept:
        return ChainReading(no_chain(format, facts), facts, accuracy)
    partners = {item.qid: partner for item, partner in disjoint_pairs(kept)}
    lines, missing = run_suite(kept, partners, reply, format, masks=masks, **options)
    golds = {item.qid: item.answer for item in items}
    told = [_told(line, golds[line["qid"]]) for line in lines]
    return ChainReading("", facts | {"pairs": len(partners)}, accuracy, suite_metrics(lines), told, missing)


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
    asked, without = facts["asked"], facts["without_chain"]
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
