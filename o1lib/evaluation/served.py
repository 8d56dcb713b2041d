"""A served model as a baseline row: it is asked over an endpoint and scored like an arm, with its tokens and price.

    subject = connect(run, "http://127.0.0.1:8000/v1", "qwen2.5-vl", "tags", price="0.15/0.6")
    trees, predictions = subject.answer(items, temperature=0.0, max_tokens=1024)
    subject.facts()                                    # the usage and the model's name, for the record

Format `direct` asks the plain question (the papers' base rows). Format `tags` asks for the four stages (LLaVA-o1,
version 6, Table 7, "prompting only"). Its prompt is in substance the one that made the training data, without the gold
answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from o1lib.data.image_part import picture_part
from o1lib.data.images import picture_of
from o1lib.evaluation.graders import TOKENS, grade
from o1lib.evaluation.predictions import score
from o1lib.formats.stages import STAGES, render
from o1lib.models.endpoint import Endpoint, Reply, Request
from o1lib.records import UserError
from o1lib.records.addresses import without_keys
from o1lib.records.limits import check_size
from o1lib.records.progress import progress_bar
from o1lib.search.methods import METHODS, task_for
from o1lib.search.segments import Segment
from o1lib.search.types import Candidate, SearchResult, SearchRound, Usage

SERVED_FORMATS = ("direct", "tags")
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


@dataclass(frozen=True)
class ServedModel:
    """A model behind an endpoint, the format of its answers, and the price of a million (prompt, completion) tokens."""

    endpoint: Endpoint
    format: str
    price: tuple[float, float] | None = None
    schedule: str = ""

    def answer(
        self,
        items: Sequence,
        *,
        method: str = "greedy",
        n: int = 1,
        temperature: float = 0.0,
        max_tokens: int = 1024,
        blind: bool = False,
    ) -> tuple[list[SearchResult], list[dict]]:
        """Return a search result and a prediction for each item, in order, from one answer to each question.

        A question that the endpoint could not answer counts as wrong, with the reason in `problem`. Raises UserError
        for a search method, which an endpoint does not support, and for errors that no retry can fix (`Endpoint.ask`).
        """
        _one_answer(method, n)
        check_size("max_new_tokens", max_tokens)
        temperature = 0.0 if METHODS[method].greedy else temperature
        asked = (self._request(item, temperature, max_tokens, blind) for item in items)
        replies = list(
            progress_bar(self.endpoint.ask(asked), total=len(items), desc=self.endpoint.model, unit="question")
        )
        trees = [_tree(item, reply, self.format, method) for item, reply in zip(items, replies, strict=True)]
        lines = score(trees, items, self.format, temperature=temperature)
        return trees, [self._priced(line, reply) for line, reply in zip(lines, replies, strict=True)]

    def _request(self, item, temperature: float, max_tokens: int, blind: bool) -> Request:
        picture = picture_of(item, blind) if blind else item.image
        text = item.question if self.format == "direct" else f"{STRUCTURED}\n\nQuestion: {item.question}"
        content = [picture_part(picture), {"type": "text", "text": text}]
        return Request([{"role": "user", "content": content}], temperature=temperature, max_tokens=max_tokens)

    def _priced(self, line: dict, reply: Reply) -> dict:
        """Return a prediction whose ledger has no seconds, which are unknown, and money if there is a price."""
        ledger = {name: value for name, value in line["ledger"].items() if name != "seconds"}
        if self.price:
            costs = [tokens * price for tokens, price in zip(_tokens(reply), self.price, strict=True)]
            ledger["money"] = sum(costs) / 1e6
        return line | {"ledger": ledger, "problem": reply.error or line["problem"]}

    def provenance(self) -> dict:
        """Return device, dtype and model hash for the record. Dtype and hash are unknown for a served model."""
        return {"device": "endpoint", "dtype": "", "model_hash": ""}

    def facts(self) -> dict:
        """Return further facts for the record: the model's name, its price and the usage of this run."""
        return {
            "served": {
                "model": self.endpoint.model,
                "price": list(self.price or ()),
                "spent": self.endpoint.usage.facts(),
            }
        }


def connect(run, address: str, model: str, format: str = "", price: str = "") -> ServedModel:
    """Return a served model. Its replies are logged in the run's folder, so that a stopped run resumes.

    `format` "" is direct. `price` is "prompt/completion" for a million tokens. The key is read from OPENAI_API_KEY.
    Raises UserError for another format, a malformed price, address or model name.
    """
    if (format or "direct") not in SERVED_FORMATS:
        raise UserError(f"a served model has no format '{format}': set format to one of {', '.join(SERVED_FORMATS)}")
    prices = _price(price)
    endpoint = Endpoint(address, model, log=run.path("replies.jsonl"), prices={model: prices} if prices else None)
    return ServedModel(endpoint, format or "direct", prices)


def graded(run, lines: list[dict], items: Sequence, grader: str, max_tokens: int = TOKENS) -> tuple[list[dict], dict]:
    """Return (predictions with the verdicts of a served judge, facts for the record).

    `grader` is "name@address"; with "" the predictions are returned unchanged. `max_tokens` bounds each reply of the
    judge, thoughts included. VRC-Bench is judged by both rules. Raises UserError for another form of `grader`.
    """
    if not grader:
        return lines, {}
    name, _, address = grader.rpartition("@")
    if not name or not address:
        raise UserError(
            f"grader {without_keys(grader)!r} is not name@address: write for example gpt-4o-mini@https://api.openai.com/v1"
        )
    endpoint = Endpoint(address, name, log=run.path("verdicts.jsonl"))
    lines = grade(lines, items, endpoint.ask, rule="released", max_tokens=max_tokens)
    return lines, {"grader": {"model": name, "spent": endpoint.usage.facts()}}


def _one_answer(method: str, n: int) -> None:
    """Raise UserError for a search over several candidates, since an endpoint cannot continue stage by stage."""
    one_answer = [name for name, spec in METHODS.items() if spec.max_n == 1]
    if method not in one_answer or n != 1:
        raise UserError(
            f"a served model gives one answer to a question: set method to {' or '.join(one_answer)} and n to 1, not "
            f"{method} with n = {n}"
        )


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


def _tokens(reply: Reply) -> tuple[int, int]:
    return reply.usage.get("prompt_tokens", 0), reply.usage.get("completion_tokens", 0)


def _tree(item, reply: Reply, format: str, method: str) -> SearchResult:
    """Return an answer as a search result with one candidate. A logged reply has the same cost as a new one."""
    read, written = _tokens(reply)
    task = task_for(item.qid, item.question, item.image, format)
    end = "length" if reply.finish == "length" else "eos"
    cost = Usage(generated=written, prefilled=read, images=1, calls=1)
    candidate = Candidate(0, (Segment("all", reply.text, tokens=written, end=end),), cost=cost)
    return SearchResult(task, method, 1, (SearchRound("all", (candidate,), (), 0),), candidate.segments, cost)
