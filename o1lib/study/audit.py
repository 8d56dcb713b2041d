"""Audit a model: does it use the chain it writes, and would a search over its answers pay with a given judge?

    subject = model_to_audit(run, "results/checkpoints/mini-structured")        # o1lib.study.audit_models
    reading = chain_audit(run, items.chain, subject)
    judged = judge_audit(items.judge, sampling(subject, 0.6), subject.format, judge_to_audit("self", subject), curve)
    chain_sentence(reading), judged.sentence

Notebook 08 calls these one by one, `python -m o1lib audit` all of them (audit_command.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from o1lib.analysis.audits.curve import GainCurve, measured_curve
from o1lib.analysis.audits.gain import SIZES, expected_gains, largest_gain
from o1lib.analysis.audits.spread import JudgeSpread, judge_spread
from o1lib.analysis.audits.words import UNDECIDED, chain_verdict, judge_verdict, unmixed_verdict
from o1lib.evaluation.audits.candidates import (
    answer_pairs,
    answered,
    ask_judge,
    costs_of,
    replied,
    right_answers,
    sample_answers,
    stage_pairs,
)
from o1lib.evaluation.audits.chains import ChainReading, read_chains
from o1lib.evaluation.audits.judging_journal import KeptJudging
from o1lib.evaluation.probes.reply_journal import kept_replies
from o1lib.inference.sequential import placed
from o1lib.records import UserError, load_all, project_root, stack_hash
from o1lib.records.progress import progress_bar
from o1lib.search.judges import Judge
from o1lib.study.audit_models import Audited, weights_of

KEPT = "judge_value.jsonl"  # no name of a log of served replies, which has another form
SEARCHES = "03_search_and_score"  # the notebook whose code decides what a model replies
NO_GOLD = (
    "Judge value needs questions whose right answers are known, and these have none: give answers to some of them. "
    "Chain reading needs none."
)
LOST = (
    f"**{UNDECIDED}.** The server lost answers to every question whose right answer is known: see why, and audit again."
)
NO_VERDICTS = f"**{UNDECIDED}.** The server lost the verdicts on all pairs of whole answers: see why, and audit again."


@dataclass(frozen=True)
class JudgeAudit:
    """What is known of a judge's value: a sentence, its accuracies on whole answers and on stages, expected gains.

    `why` says why nothing was measured, "" if something was. `lines` holds one line for each pair that was judged.
    `no_curve` says why the gain of a stage beam was not measured in the study.
    """

    sentence: str
    why: str = ""
    answers: JudgeSpread | None = None
    stages: JudgeSpread | None = None
    gains: pd.DataFrame | None = None
    curve: GainCurve | None = None
    lines: list = field(default_factory=list)
    facts: dict = field(default_factory=dict)
    no_curve: str = ""

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


def chain_audit(run, items: Sequence, subject: Audited, seed: int = 0) -> ChainReading:
    """Return the chain reading of a model; finished replies are kept in the run's folder, from which it resumes."""
    decoder = subject.decoder
    made_by = _made_by(subject)

    def keep(reply):  # the replies of a server are in its own log
        return reply if subject.served else kept_replies(reply, run.path("forced.jsonl"), made_by)

    with progress_bar(desc="chain reading", unit=" replies") as bar:
        found = read_chains(items, decoder, subject.format, seed=seed, done=bar.update, keep=keep)
    return replace(found, caveat=subject.caveat())


def _made_by(subject) -> dict:
    """Return what the replies of a local model depend on."""
    made_by = {"model": subject.weights or subject.name, "format": subject.format, "code": stack_hash(SEARCHES)}
    return made_by | {"max_new_tokens": subject.decoder.max_new_tokens, "dtype": placed(subject.decoder)["dtype"]}


def kept_judging(run, subject: Audited, decoder, judge: str, judge_model: str = "") -> KeptJudging:
    """Return what is finished of the judge's part, in the run's folder; `decoder` samples, `judge` is the judge's name.

    The replies of servers are in logs of their own, replies.jsonl and judged.jsonl, so nothing more is kept of them.
    """
    if subject.served:
        return KeptJudging()
    settings = {name: getattr(decoder, name) for name in ("engine", "seed", "temperature", "top_p")}
    settings |= {"judge": judge, "judge_model": weights_of(judge_model) or judge_model}
    return KeptJudging(run.path(KEPT), _made_by(subject) | settings)


def chain_sentence(reading: ChainReading) -> str:
    """Return the sentence of a chain reading, with what it cannot be taken for (Markdown)."""
    return reading.why or f"{chain_verdict(reading.metrics)} {reading.caveat}".strip()


def judge_audit(
    items: Sequence,
    decoder,
    format: str,
    judge: Judge,
    curve: GainCurve | None,
    least: float = 0.02,
    seed: int = 0,
    done: Callable[[int], object] = lambda many: None,
    no_curve: str = "",
    kept: KeptJudging | None = None,
) -> JudgeAudit:
    """Return the value of a judge on the candidates that `decoder` samples for the items whose right answer is known.

    `least` is the smallest gain, as a share of the questions, that is worth a search's cost. `no_curve` says why there
    is no `curve`. A question of which a server lost an answer is left out, and so is a pair of which it lost a verdict.
    `kept` is from where a stopped audit goes on.
    """
    kept = kept or KeptJudging()
    known = [item for item in items if item.answer]
    if not known:
        return JudgeAudit(NO_GOLD, NO_GOLD)
    drawn = list(zip(known, sample_answers(known, format, decoder, max(SIZES), kept), strict=True))
    whole = [(item, tree) for item, tree in drawn if answered(tree, max(SIZES))]
    if not whole:
        return JudgeAudit(LOST, LOST, facts=_facts(items, {}, len(known)))
    known, sampled = map(list, zip(*whole))
    right = right_answers(known, sampled, format)
    facts, pairs = _facts(items, right, len(drawn) - len(whole)), answer_pairs(sampled, right, seed)
    costs = costs_of(sampled, format, decoder.engine)
    if not pairs:
        sentence = unmixed_verdict(largest_gain(right, costs, curve, seed), least)
        return JudgeAudit(sentence, sentence, facts=facts, no_curve=no_curve)
    judged = ask_judge(judge, pairs + stage_pairs(known, format, decoder, seed, kept), done, kept)
    lines = replied(judged) if decoder.engine == "served" else judged
    facts |= {"lost_verdicts": len(judged) - len(lines)}
    answers = judge_spread([line for line in lines if not line["stage"]], seed)
    if answers is None:
        return JudgeAudit(NO_VERDICTS, NO_VERDICTS, facts=facts)
    stages = judge_spread([line for line in lines if line["stage"]], seed)
    gains = expected_gains(right, answers, stages, curve, costs, seed)
    sentence = judge_verdict(answers, stages, gains, least)
    return JudgeAudit(sentence, "", answers, stages, gains, curve, lines, facts, no_curve)


def _facts(items, right, lost):
    mixed = [flags for flags in right.values() if any(flags) and not all(flags)]
    return {"asked": len(items), "gold": len(right), "lost": lost, "mixed": len(mixed), "samples": max(SIZES)}


def curve_of(root: str) -> tuple[GainCurve | None, str]:
    """Return (the measured gain of a judge in the study in folder `root`, why there is none)."""
    try:
        return measured_curve(load_all(project_root() / root)), ""
    except UserError as problem:
        return None, str(problem)
