"""The model of an audit, in this process or behind an endpoint, and the judge whose value is measured.

    subject = model_to_audit(run, "results/checkpoints/mini-structured")
    subject = model_to_audit(run, "qwen2.5-vl", endpoint="http://127.0.0.1:8000/v1", judge_model="gpt-4o-mini", ...)
    judge_to_audit("self", subject)

A served model's replies are logged in the run's folder, and so are those of a served judge: a stopped audit of served
models asks for nothing twice.
"""

from collections import Counter
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from o1lib.evaluation.answer import DTYPES, load_decoder, usable_names
from o1lib.evaluation.local_or_served import check_settings
from o1lib.evaluation.served import ServedModel, connect_both
from o1lib.evaluation.served_checks import check_judge
from o1lib.inference.sequential import placed
from o1lib.models.checkpoint import model_hash
from o1lib.records import UserError, choose, project_root
from o1lib.records.limits import check_temperature
from o1lib.search.judges import JUDGES, Judge, make_judge

RESENT_CHAIN = (
    "The server cannot continue a reply that has begun: every chain was shown in the user's message, with the request "
    "to go on. So this is what the model does with a chain that it is told, not with its own."
)


@dataclass(frozen=True)
class Audited:
    """A model that is audited: its greedy decoder, the format of its answers, and the decoder of the model that judges.

    `other_judges`: that is another model. `weights` is the hash of local weights, "" if it is not known. `served` holds
    the served models that are asked.
    """

    name: str
    decoder: Any
    format: str
    judge_decoder: Any
    other_judges: bool = False
    weights: str = ""
    served: tuple[ServedModel, ...] = ()

    def provenance(self) -> dict:
        """Return device, dtype and model hash for the record."""
        return placed(self.decoder) | {"model_hash": self.weights}

    def facts(self) -> dict:
        """Return further facts for the record: name, price and usage of served models, what their servers can do."""
        return dict(zip(("model", "judge_model"), (model.facts() for model in self.served)))

    def told(self) -> list[str]:
        """Return in words what the servers can do, what they were asked, the money, and what got no reply; a line each.

        There are none for a local model. Replies that were logged count as new ones do.
        """
        used = [(model, decoder, qid) for model in self.served for decoder in model.used for qid in decoder.spent]
        spent = sum((decoder.spent[qid] for _, decoder, qid in used), Counter())
        lost = Counter(
            why for model in self.served for one in model.used for some in one.failures.values() for why in some
        )
        lines = [model.describe() for model in self.served]
        if self.served:
            read, written = f"{spent['prompt']:,}", f"{spent['completion']:,}"
            lines.append(f"requests: {spent['requests']:,} ({read} tokens of prompts, {written} written)")
        if self.served and all(model.price for model in self.served):
            lines.append(f"money: {sum(model.money(decoder, qid) for model, decoder, qid in used):.6g}")
        return lines + [f"no reply to {many:,} requests: {why}" for why, many in lost.items()]

    def caveat(self) -> str:
        """Return what a chain reading of this model cannot be taken for, "" if nothing."""
        return "" if not self.served or self.decoder.abilities.continuation else RESENT_CHAIN


def model_to_audit(
    run, model: str, format: str = "", seed: int = 0, max_new_tokens: int = 256, judge_model: str = "",
    endpoint: str = "", dtype: str = DTYPES[0], **served,
) -> Audited:  # fmt: skip
    """Return a local checkpoint, or with `endpoint` the model of that name on a server, and its judge.

    `judge_model` is another checkpoint or served model that judges ("": the model itself). `dtype` is that of both, if
    they are local. `served` are further arguments of `connect_both` (price, instructed, abilities, judge_endpoint,
    judge_price, concurrency, timeout). A served model's `format` "" is tags. Raises UserError for one of these without
    an endpoint, for a dtype with one, and as `load_decoder`, `connect_both` and `Endpoint.ask` do.
    """
    check_settings({"endpoint": endpoint, "dtype": dtype} | served)
    how = {"seed": seed, "temperature": 0.0, "max_new_tokens": max_new_tokens}
    if endpoint:
        subject, other = connect_both(run, endpoint, model, format or "tags", judge_model=judge_model, **served)
        models = tuple(filter(None, (subject, other)))
        decoders = [one.decoder(**how) for one in models]
        for one, decoder in zip(models, decoders):  # probed now: a missing server is named before any question
            one.abilities = decoder.abilities
        return Audited(model, decoders[0], subject.format, decoders[-1], bool(other), "", models)
    decoder, own = load_decoder(model, format, dtype=dtype, **how)
    judge = load_decoder(judge_model, "direct", dtype=dtype, **how)[0] if judge_model else decoder
    return Audited(model, decoder, own, judge, bool(judge_model), weights_of(model))


def weights_of(model: str) -> str:
    """Return the hash of the weights in a checkpoint's folder, "" for another name."""
    places = (Path(model).expanduser(), project_root() / model) if model else ()
    return next((model_hash(place) for place in places if place.is_dir()), "")


def judge_to_audit(name: str, subject: Audited, seed: int = 0) -> Judge:
    """Return a judge by its name, which asks the judging model of `subject`.

    Raises UserError for a judge that knows the right answer, which no user's question has at hand, for one that needs
    another model, and for one that needs what a server does not give.
    """
    choose(name, JUDGES, "judge")
    if JUDGES[name].needs_truth:
        raise UserError(f"judge '{name}' knows the right answers: audit one of {', '.join(usable_names(JUDGES))}")
    if JUDGES[name].other_model and not subject.other_judges:
        raise UserError(f"judge '{name}' asks another model: name it with judge_model")
    if subject.served:
        check_judge("best_of_n", 2, name, subject.decoder, subject.judge_decoder)
    return make_judge(name, decoder=subject.judge_decoder, seed=seed)


def sampling(subject: Audited, temperature: float):
    """Return a decoder of the audited model that samples; the model is shared.

    Raises UserError for temperature 0, at which all answers are the same one, and one that is no temperature.
    """
    check_many_answers(temperature)
    if subject.served:
        how = {"seed": subject.decoder.seed, "max_new_tokens": subject.decoder.max_new_tokens}
        return subject.served[0].decoder(temperature=temperature, **how)
    other = copy(subject.decoder)
    other.temperature = temperature
    return other


def check_many_answers(temperature: float) -> None:
    """Raise UserError for a temperature at which the answers to a question are all the same one."""
    if not check_temperature(temperature):
        raise UserError(
            "temperature 0 gives the same answer each time, and a judge nothing to choose: give for example 0.6"
        )
