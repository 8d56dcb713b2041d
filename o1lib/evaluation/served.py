"""A served model as an arm: it is asked and searched over an endpoint and scored like an arm, with tokens and price.

    subject = connect(run, "http://127.0.0.1:8000/v1", "qwen2.5-vl", "tags", price="0.15/0.6")
    trees, predictions = subject.answer(items, method="stage_beam", n=4, temperature=0.6, max_tokens=512)
    subject.facts()                                    # the usage and the model's name, for the record

Format `direct` asks the plain question (the papers' base rows). Format `tags` asks for the four stages (LLaVA-o1,
version 6, Table 7, "prompting only"). Its prompt is in substance the one that made the training data, without the gold
answer. A model that was trained in a format is asked the bare question instead (`instructed` False).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from o1lib.evaluation.answer import check_sampling
from o1lib.evaluation.graders import TOKENS, grade
from o1lib.evaluation.run import cutoffs, evaluate
from o1lib.evaluation.served_checks import check_judge, check_prices
from o1lib.formats.chat import FORMATS
from o1lib.formats.stages import STAGES, render
from o1lib.inference.served.abilities import Abilities, named
from o1lib.inference.served.decoder import ServedDecoder
from o1lib.models.endpoint import CONCURRENCY, TIMEOUT, Endpoint
from o1lib.records import UserError, choose
from o1lib.records.addresses import without_keys
from o1lib.records.limits import check_size
from o1lib.search.types import SearchResult

INSTRUCTED_FORMATS = ("direct", "tags")
_SLOTS = {
    "summary": "[How you will approach the problem and which steps you will take.]",
    "caption": "[The picture, above all what bears on the question.]",
    "reasoning": "[A chain of thought, step by step, that explains the problem.]",
    "conclusion": "[The final answer, short and direct; for a multiple-choice question the letter alone.]",
}
STRUCTURED = (
    "Answer the question about the picture in four sections, each in its tags, in exactly this form:\n\n"
    + render(_SLOTS, STAGES)
    + "\n\nDo not forget to close the last tag."
)


@dataclass
class ServedModel:
    """A model behind an endpoint, the format of its answers, and the price of a million (prompt, completion) tokens.

    `instructed`: the question asks for the stages in words. `abilities` None: the server is probed once it matters.
    """

    endpoint: Endpoint
    format: str
    price: tuple[float, float] | None = None
    schedule: str = ""
    instructed: bool = True
    abilities: Abilities | None = None
    used: list[ServedDecoder] = field(default_factory=list)

    def decoder(self, *, seed=0, temperature=0.6, top_p=0.9, max_new_tokens=256, by_stage=False) -> ServedDecoder:
        """Return a decoder of this model, for searches and judges. Raises UserError as `check_sampling` does."""
        check_sampling(temperature, max_new_tokens, top_p)
        asked = STRUCTURED if self.instructed and self.format == "tags" else ""
        how = {"instruction": asked, "by_stage": by_stage, "abilities": self.abilities}
        self.used.append(ServedDecoder(self.endpoint, seed, temperature, top_p, max_new_tokens, **how))
        return self.used[-1]

    def answer(
        self,
        items: Sequence,
        *,
        method: str = "greedy",
        n: int = 1,
        judge: str = "self",
        judged_by: "ServedModel | None" = None,
        seed: int = 0,
        temperature: float = 0.0,
        top_p: float = 0.9,
        max_tokens: int = 1024,
        blind: bool = False,
        **more,
    ) -> tuple[list[SearchResult], list[dict]]:
        """Return a search result and a prediction for each item, in order; arguments are those of `evaluate`.

        `max_tokens` bounds a stage. `judged_by` is another served model as the judge. A question that the endpoint
        could not answer counts as wrong, with the reason in `problem`. Raises UserError for a judge that needs what a
        server does not give, for a price of one model alone, and for errors that no retry can fix (`Endpoint.ask`).
        """
        how = {"seed": seed, "temperature": temperature, "top_p": top_p, "max_new_tokens": max_tokens}
        decoder = self.decoder(**how)
        referee = judged_by.decoder(**how) if judged_by else None
        check_prices(self, judged_by)
        check_judge(method, n, judge, decoder, referee)
        trees, lines = evaluate(
            items, self.format, decoder, method=method, n=n, judge=judge, judge_decoder=referee, blind=blind,
            at_once=2 * n * self.endpoint.concurrency, weigh_options=False, schedule=self.schedule, **more,
        )  # fmt: skip
        asked = [(self, decoder), *([(judged_by, referee)] if referee else [])]
        return trees, [_with_costs(line, asked) for line in lines]

    def cutoffs(
        self, items: Sequence, *, judge: str, judged_by: "ServedModel | None" = None, n: int = 4, **how
    ) -> dict:
        """Return the cutoffs of a reward on validation items, as `run.cutoffs`; `how` are arguments of `decoder`.

        Raises UserError for a reward that needs what the server does not give.
        """
        decoder = self.decoder(by_stage=True, **how)
        referee = judged_by.decoder(**how) if judged_by else None
        check_judge("retracing", n, judge, decoder, referee)
        return cutoffs(items, self.format, decoder, judge, referee, n)

    def money(self, decoder: ServedDecoder, qid: str) -> float | None:
        """Return what a question has cost at this model's price, None without a price."""
        spent = decoder.spent[qid]
        return (spent["prompt"] * self.price[0] + spent["completion"] * self.price[1]) / 1e6 if self.price else None

    def provenance(self) -> dict:
        """Return device, dtype and model hash for the record. Dtype and hash are unknown for a served model."""
        return {"device": "endpoint", "dtype": "", "model_hash": ""}

    def facts(self) -> dict:
        """Return further facts for the record: name, price, the usage of this run, and what the server can do."""
        able = {"abilities": self.able().text(), "how": self.describe()} if self.able() else {}
        spent = self.endpoint.usage.facts()
        return {"served": {"model": self.endpoint.model, "price": list(self.price or ()), "spent": spent} | able}

    def able(self) -> Abilities | None:
        """Return what the server can do, None if nothing depended on it so far."""
        return next((one.abilities for one in self.used if one.probed), None)

    def describe(self) -> str:
        """Say what the server can do and what follows from that."""
        able = self.able()
        if able is None:
            return f"{self.endpoint.model} gives one answer to a question; nothing depends on what its server can do."
        overran = sum(decoder.overran for decoder in self.used)
        words = [f"The server of {self.endpoint.model}: {able.text()}.", able.consequences()]
        words += [f"{overran} candidates went on after the end of their stage and were cut there."] if overran else []
        return " ".join(filter(None, words))


def connect(
    run, address: str, model: str, format: str = "", price: str = "", *, instructed: bool = True,
    abilities: str | Sequence[str] = "", concurrency: int = CONCURRENCY, timeout: float = TIMEOUT,
    log: str = "replies.jsonl",
) -> ServedModel:  # fmt: skip
    """Return a served model. Its replies are logged in the run's folder, so that a stopped run resumes.

    `format` "" is direct. `price` is "prompt/completion" for a million tokens. `abilities` names what the server can do
    ("" probes it). `concurrency` and `timeout` (seconds) are those of `Endpoint`. The key is read from OPENAI_API_KEY.
    Raises UserError for another format, ability or form of price, and a malformed address or model name.
    """
    _check_format(format or "direct", instructed)
    prices, able = _price(price), named(abilities) if abilities else None
    prices_of = {model: prices} if prices else None
    endpoint = Endpoint(address, model, run.path(log), concurrency, timeout, prices=prices_of)
    return ServedModel(endpoint, format or "direct", prices, instructed=instructed, abilities=able)


def connect_both(
    run, address: str, model: str, format: str = "", *, price: str = "", instructed: bool = True,
    abilities: str | Sequence[str] = "", judge_model: str = "", judge_endpoint: str = "", judge_price: str = "",
    **calls,
) -> tuple[ServedModel, ServedModel | None]:  # fmt: skip
    """Return (a served model, the served model that judges it, None if it judges itself).

    `judge_endpoint` "" is the same address; the other arguments are those of `connect`, and `calls` (concurrency and
    timeout) are of both models. Raises UserError as `connect` does, for what only a judge has if no `judge_model` is
    named, and for a price of one model alone.
    """
    if not judge_model and (judge_endpoint or judge_price):
        raise UserError("judge_endpoint and judge_price are of a judge that has no name: set judge_model")
    subject = connect(run, address, model, format, price, instructed=instructed, abilities=abilities, **calls)
    if not judge_model:
        return subject, None
    judge = connect(run, judge_endpoint or address, judge_model, price=judge_price, log="judged.jsonl", **calls)
    check_prices(subject, judge)
    return subject, judge


def _check_format(format: str, instructed: bool) -> None:
    if instructed and format not in INSTRUCTED_FORMATS:
        raise UserError(
            f"a served model has no format '{format}': set format to one of {', '.join(INSTRUCTED_FORMATS)}, or "
            "instructed to False for a model that was trained in it"
        )
    choose(format, FORMATS, "format")
    if format == "special_tags":
        raise UserError("servers leave special tokens out of their replies: serve a model of format tags instead")


def graded(
    run, lines: list[dict], items: Sequence, grader: str, max_tokens: int = TOKENS, **calls
) -> tuple[list[dict], dict]:
    """Return (predictions with the verdicts of a served judge, facts for the record).

    `grader` is "name@address"; with "" the predictions are returned unchanged. `max_tokens` bounds each reply of the
    judge, thoughts included; `calls` are concurrency and timeout as of `connect`. VRC-Bench is judged by both rules.
    Raises UserError for another form of `grader`.
    """
    if not grader:
        return lines, {}
    name, _, address = grader.rpartition("@")
    if not name or not address:
        raise UserError(
            f"grader {without_keys(grader)!r} is not name@address: write for example gpt-4o-mini@https://api.openai.com/v1"
        )
    endpoint = Endpoint(address, name, log=run.path("verdicts.jsonl"), **calls)
    lines = grade(lines, items, endpoint.ask, rule="released", max_tokens=max_tokens)
    return lines, {"grader": {"model": name, "spent": endpoint.usage.facts()}}


def _price(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    try:
        prompt, completion = (float(part) for part in text.split("/"))
    except ValueError:
        prompt = completion = -1.0
    if not (0 <= prompt < float("inf") and 0 <= completion < float("inf")):
        raise UserError(f"price {text!r} is not prompt/completion for a million tokens: write for example 0.15/0.6")
    return check_size("price", prompt), check_size("price", completion)


def _with_costs(line: dict, asked: list[tuple[ServedModel, ServedDecoder]]) -> dict:
    """Return a prediction whose ledger has requests instead of seconds, which are unknown, and money if priced.

    `asked` are the models that were asked, with their decoders. `problem` names the requests without a reply.
    """
    qid = line["qid"]
    ledger = {name: value for name, value in line["ledger"].items() if name != "seconds"}
    ledger["requests"] = sum(decoder.spent[qid]["requests"] for _, decoder in asked)
    money = [model.money(decoder, qid) for model, decoder in asked]
    if None not in money:
        ledger["money"] = sum(money)
    failures = dict.fromkeys(why for _, decoder in asked for why in decoder.failures[qid])
    return line | {"ledger": ledger, "problem": "; ".join(filter(None, [*failures, line["problem"]]))}
