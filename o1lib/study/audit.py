"""Audit a model: does it use the chain it writes, and would a search over its answers pay with a given judge?

    decoder, format = model_to_audit("results/checkpoints/mini-structured")
    reading = chain_audit(run, items, decoder, format, model)
    judged = judge_audit(items, sampling(decoder, 0.6), format, judge_to_audit("self", decoder), curve)
    chain_verdict(reading.metrics), judged.sentence

Notebook 08 calls these one by one, `python -m o1lib audit` all of them (audit_command.py). Judge and model are
decoders, so a served model takes the place of a local one wherever it has the methods that are called.
"""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from o1lib.analysis.audits.curve import GainCurve, measured_curve
from o1lib.analysis.audits.gain import SIZES, expected_gains
from o1lib.analysis.audits.spread import JudgeSpread, judge_spread
from o1lib.analysis.audits.words import judge_verdict
from o1lib.evaluation.answer import load_decoder, usable_names
from o1lib.evaluation.audits.candidates import (
    answer_pairs,
    ask_judge,
    costs_of,
    right_answers,
    sample_answers,
    stage_pairs,
)
from o1lib.evaluation.audits.chains import ChainReading, read_chains
from o1lib.evaluation.probes.kept import kept_replies
from o1lib.models.checkpoint import model_hash
from o1lib.records import UserError, choose, load_all, project_root, stack_hash
from o1lib.records.progress import progress_bar
from o1lib.search.judges import JUDGES, Judge, make_judge

SEARCHES = "03_search_and_score"  # the notebook whose code decides what a model replies
NO_GOLD = (
    "Judge value needs questions whose right answers are known, and these have none: give answers to some of them. "
    "Chain reading needs none."
)


@dataclass(frozen=True)
class JudgeAudit:
    """What is known of a judge's value: a sentence, its accuracies on whole answers and on stages, expected gains.

    `why` says why nothing was measured, "" if something was. `lines` holds one line for each pair that was judged.
    """

    sentence: str
    why: str = ""
    answers: JudgeSpread | None = None
    stages: JudgeSpread | None = None
    gains: pd.DataFrame | None = None
    curve: GainCurve | None = None
    lines: list = field(default_factory=list)
    facts: dict = field(default_factory=dict)

    @property
    def metrics(self) -> dict:
        """Return what was measured as the metrics of a record: judge/..., stages/..., gain/<search>."""
        found = {}
        for name, spread in (("judge", self.answers), ("stages", self.stages)):
            parts = ("right", "decided", "tie", "unread", "bias") if spread else ()
            found |= {f"{name}/{part}": cell for part in parts if (cell := getattr(spread, part))}
        rows = self.gains.to_dict("records") if self.gains is not None else ()
        pairs = self.answers.right["n"] if self.answers else 0
        return found | {
            f"gain/{row['method']}/{row['n']}": {name: row[name] for name in ("value", "low", "high")} | {"n": pairs}
            for row in rows
        }


def model_to_audit(model: str, format: str = "", seed: int = 0, max_new_tokens: int = 256):
    """Return (greedy decoder, format) of a local checkpoint. Raises UserError as `load_decoder` does."""
    return load_decoder(model, format, seed=seed, temperature=0.0, max_new_tokens=max_new_tokens)


def sampling(decoder, temperature: float):
    """Return the same decoder at another temperature; the model is shared."""
    other = copy(decoder)
    other.temperature = temperature
    return other


def device_of(decoder) -> str:
    """Return the type of the device that a decoder runs on, "endpoint" for one that runs no model itself."""
    place = getattr(decoder, "runner", None) or getattr(decoder, "model", None)
    return place.device.type if place is not None else "endpoint"


def judge_to_audit(name: str, decoder, judge_model: str = "", seed: int = 0) -> Judge:
    """Return a judge by its name, which asks the model of `decoder`, or `judge_model` (the folder of a checkpoint).

    Raises UserError for a judge that knows the right answer, which no user's question has at hand.
    """
    choose(name, JUDGES, "judge")
    if JUDGES[name].needs_truth:
        raise UserError(f"judge '{name}' knows the right answers: audit one of {', '.join(usable_names(JUDGES))}")
    if JUDGES[name].other_model and not judge_model:
        raise UserError(f"judge '{name}' asks another model: name it with judge_model")
    asked = load_decoder(judge_model, "direct", seed=seed, temperature=0.0)[0] if judge_model else decoder
    return make_judge(name, decoder=asked, seed=seed)


def chain_audit(run, items: Sequence, decoder, format: str, model: str, data: str = "", seed: int = 0) -> ChainReading:
    """Return the chain reading of a model; finished replies are kept in the run's folder, from which it resumes."""
    places = (Path(model), project_root() / model)
    weights = next((model_hash(place) for place in places if place.is_dir()), "")
    made_by = {"model": weights or model, "format": format, "data": data, "code": stack_hash(SEARCHES)}
    made_by |= {"max_new_tokens": decoder.max_new_tokens}

    def keep(reply):
        return kept_replies(reply, run.path("replies.jsonl"), made_by)

    with progress_bar(desc="chain reading", unit=" replies") as bar:
        return read_chains(items, decoder, format, seed=seed, done=bar.update, keep=keep)


def judge_audit(
    items: Sequence,
    decoder,
    format: str,
    judge: Judge,
    curve: GainCurve | None,
    least: float = 0.02,
    seed: int = 0,
    done: Callable[[int], object] = lambda many: None,
) -> JudgeAudit:
    """Return the value of a judge on the candidates that `decoder` samples for the items whose right answer is known.

    `least` is the smallest gain, as a share of the questions, that is worth a search's cost.
    """
    known = [item for item in items if item.answer]
    if not known:
        return JudgeAudit(NO_GOLD, NO_GOLD)
    sampled = sample_answers(known, format, decoder, max(SIZES))
    right = right_answers(known, sampled, format)
    pairs = answer_pairs(sampled, right, seed)
    if not pairs:
        return JudgeAudit(sentence := judge_verdict(None, None, None, least), sentence, facts=_facts(items, right))
    lines = ask_judge(judge, pairs + stage_pairs(known, format, decoder, seed), done)
    answers = judge_spread([line for line in lines if not line["stage"]], seed)
    stages = judge_spread([line for line in lines if line["stage"]], seed)
    gains = expected_gains(right, answers, stages, curve, costs_of(sampled, format), seed)
    sentence = judge_verdict(answers, stages, gains, least)
    return JudgeAudit(sentence, "", answers, stages, gains, curve, lines, _facts(items, right))


def _facts(items, right):
    mixed = [flags for flags in right.values() if any(flags) and not all(flags)]
    return {"asked": len(items), "gold": len(right), "mixed": len(mixed), "samples": max(SIZES)}


def curve_of(root: str) -> tuple[GainCurve | None, str]:
    """Return (the measured gain of a judge in the study in folder `root`, why there is none)."""
    try:
        return measured_curve(load_all(project_root() / root)), ""
    except UserError as problem:
        return None, str(problem)
