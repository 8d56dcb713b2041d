"""Follow rates, cheap enough to be measured again and again during training, and the whole suite beside them.

    follow_rates(reply, items, partners, "tags")
    # {"letter_kept": {...}, "follows_reasoning": {...}, "follows_caption": {...}}

    learn(..., also=follow_look(processor, "tags", *drawn_items(100)))      # o1lib.training.arms

A model learns to write chains before it learns to read them. The rates show when: small transformers pass through a
phase of right answers after unfaithful chains (arXiv:2510.25791). A look measures the model as it then is, so that no
weights are kept. Its numbers are in the training's log, and an interrupted training goes on with them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from o1lib.evaluation.probes import swaps
from o1lib.evaluation.probes.cases import Case, Setting, line_of
from o1lib.evaluation.probes.forced import Reply, ask, chain_stages, fresh
from o1lib.evaluation.probes.suite import run_suite, suite_metrics
from o1lib.scoring.intervals import share
from o1lib.scoring.stage_scores import letter_kept

LONGEST = 64  # tokens of a stage during training: an untrained model does not end its turns


def follow_rates(
    reply: Reply, items: Sequence, partners: Mapping, format: str, letters: bool = True
) -> dict[str, dict]:
    """Return the rates with Wilson's 95 % intervals; those that cannot be measured are left out.

    - letter_kept: of the choice questions in whose chain an option is stated, those with that option's letter; it
      takes free replies, which `letters` False saves
    - follows_reasoning, follows_caption: swapped chains, up to the reasoning or the caption, whose answer is given
    """
    setting, stages = Setting(items, partners, format), chain_stages(format)
    asked = [item for item in items if item.options] if stages and letters else []
    texts = reply([ask(item, fresh(item.question, format)) for item in asked]) if asked else []
    found = {"letter_kept": letters_kept(asked, texts)}
    for name, stage, cases in (
        ("follows_reasoning", "reasoning", swaps.whole_chain),
        ("follows_caption", "caption", swaps.caption_alone),
    ):
        found[name] = _followed(reply, cases(setting), format) if stage in stages else None
    return {name: rate for name, rate in found.items() if rate}


def follow_look(processor, format: str, items: Sequence, partners: Mapping, suite: int = 0) -> Callable:
    """Return the `also` of `o1lib.training.arms.learn`: the follow rates as plain numbers, for a training run's log.

    `letter_kept` is counted on the validation answers that were given anyway, `letter_asked` of which state an option.
    `follow_asked` is the number of swapped chains of each kind. With `suite`, the faithfulness suite is run on the
    first `suite` items, and `suite` holds its metrics with their intervals (`o1lib.evaluation.probes.suite`).
    """
    from o1lib.evaluation.probes.model import replies
    from o1lib.inference.decoder import Decoder

    def look(model, asked, outputs) -> dict[str, Any]:
        """Return the rates of a model in training, from new replies and from its validation answers `outputs`."""
        # a look during training: the engine is not compared with the model's own forward every time
        decoder = Decoder(model, processor, temperature=0.0, max_new_tokens=LONGEST, replayed=False)
        reply = replies(decoder, format)
        found = follow_rates(reply, items, partners, format, letters=False)
        kept = letters_kept(asked, ["\n\n".join(turns) for turns in outputs])
        letters = {"letter_kept": kept["value"], "letter_asked": kept["n"]} if kept else {}
        sizes = {"follow_asked": len(partners)} if found else {}
        whole = {"suite": _suite(reply, items[:suite], partners, format)} if suite else {}
        return letters | {name: rate["value"] for name, rate in found.items()} | sizes | whole

    return look


def letters_kept(items: Sequence, outputs: Sequence[str]) -> dict | None:
    """Return the share of chains that give the letter of the option they state, None if none states an option."""
    kept = [letter_kept(text, item.options) for item, text in zip(items, outputs, strict=True) if item.options]
    return share(flag for flag in kept if flag is not None)


def rates_by_checkpoint(models: Iterable[tuple], format: str, items: Sequence, partners: Mapping) -> list[dict]:
    """Return one dict for each (step, reply) of `models`: the step and its follow rates."""
    return [{"step": step, **follow_rates(reply, items, partners, format)} for step, reply in models]


def _suite(reply, items, partners, format):
    """Return the metrics of the whole suite on some of the items."""
    own = {item.qid: partners[item.qid] for item in items if item.qid in partners}
    return suite_metrics(run_suite(items, own, reply, format, masks=True)[0])


def _followed(reply, cases: Sequence[Case], format):
    wanted = [case for case in cases if case.condition == swaps.condition(swaps.OWN, swaps.OTHER)]
    texts = reply([case.request for case in wanted]) if wanted else []
    return share(line_of(case, text, format)["follows"] for case, text in zip(wanted, texts, strict=True))
