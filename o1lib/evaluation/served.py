"""A served model as a baseline row: asked over an endpoint, scored like any arm, with its tokens and money counted.

    subject = connect(run, "http://127.0.0.1:8000/v1", "qwen2.5-vl", "tags", price="0.15/0.6")
    trees, lines = subject.answer(items, temperature=0.0, max_tokens=1024)
    subject.facts()                                    # the ledger and the model's name, for the record

Format `direct` puts the question as it is (the papers' base rows), `tags` asks for the four stages (paper A, version 6,
Table 7, "prompting only"): in substance the prompt that made the training data, without the gold answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tqdm import tqdm

from o1lib.data.image_part import picture_part
from o1lib.data.images import picture_of
from o1lib.evaluation.graders import grade
from o1lib.evaluation.predictions import score
from o1lib.formats.stages import STAGES, render
from o1lib.models.endpoint import Endpoint, Reply, Request
from o1lib.records import UserError
from o1lib.search.methods import task_for
from o1lib.search.segments import Segment
from o1lib.search.types import Candidate, SearchResult, SearchRound, Usage

FORMATS = ("direct", "tags")
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
    """A model behind an endpoint, the format it is asked for, the price of a million (prompt, completion) tokens."""

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
        """Return a search tree and a prediction line for each item, in order: one answer a question.

        A question that the endpoint could not answer is wrong and says why under `problem`. Raises UserError for a
        search, which an endpoint cannot do, and where going on makes no sense (`Endpoint.ask`).
        """
        _one_answer(method, n)
        temperature = 0.0 if method == "greedy" else temperature
        asked = (self._request(item, temperature, max_tokens, blind) for item in items)
        replies = list(tqdm(self.endpoint.ask(asked), total=len(items), desc=self.endpoint.model, unit="question"))
        trees = [_tree(item, reply, self.format, method) for item, reply in zip(items, replies, strict=True)]
        lines = score(trees, items, self.format, temperature=temperature)
        return trees, [self._priced(line, reply) for line, reply in zip(lines, replies, strict=True)]

    def _request(self, item, temperature: float, max_tokens: int, blind: bool) -> Request:
        picture = picture_of(item, blind) if blind else item.image
        text = item.question if self.format == "direct" else f"{STRUCTURED}\n\nQuestion: {item.question}"
        content = [picture_part(picture), {"type": "text", "text": text}]
        return Request([{"role": "user", "content": content}], temperature=temperature, max_tokens=max_tokens)

    def _priced(self, line: dict, reply: Reply) -> dict:
        """Return a line whose ledger holds what is known of a served model: no seconds, money where a price is set."""
        ledger = {name: value for name, value in line["ledger"].items() if name != "seconds"}
        if self.price:
            costs = [tokens * price for tokens, price in zip(_tokens(reply), self.price, strict=True)]
            ledger["money"] = sum(costs) / 1e6
        return line | {"ledger": ledger, "problem": reply.error or line["problem"]}

    def placed(self) -> dict:
        """Return what the record says of where the model ran; which weights answer is the server's secret."""
        return {"device": "endpoint", "dtype": "", "model_hash": ""}

    def facts(self) -> dict:
        """Return what else the record says of it: the model's name, its price and this run's ledger."""
        return {
            "served": {
                "model": self.endpoint.model,
                "price": list(self.price or ()),
                "spent": self.endpoint.usage.facts(),
            }
        }


def connect(run, address: str, model: str, format: str = "", price: str = "") -> ServedModel:
    """Return a served model; what it answers is logged in the run's folder, so that a stopped run goes on.

    `format` "" is direct; `price` is "prompt/completion" a million tokens. The key comes from OPENAI_API_KEY. Raises
    UserError for another format, a price that is none, and an address or a name that cannot be.
    """
    if (format or "direct") not in FORMATS:
        raise UserError(f"a served model cannot speak '{format}': set format to one of {', '.join(FORMATS)}")
    prices = _price(price)
    endpoint = Endpoint(address, model, log=run.path("replies.jsonl"), prices={model: prices} if prices else None)
    return ServedModel(endpoint, format or "direct", prices)


def graded(run, lines: list[dict], items: Sequence, grader: str) -> tuple[list[dict], dict]:
    """Return the lines with what a served judge, "name@address", says of them, and facts for the record ("": as is).

    VRC-Bench is judged by both rules. Raises UserError for a grader that is not name@address.
    """
    if not grader:
        return lines, {}
    name, _, address = grader.rpartition("@")
    if not name or not address:
        raise UserError(f"grader {grader!r} is not name@address: write gpt-4o-mini@https://api.openai.com/v1, say")
    endpoint = Endpoint(address, name, log=run.path("verdicts.jsonl"))
    lines = grade(lines, items, endpoint.ask, rule="released")
    return lines, {"grader": {"model": name, "spent": endpoint.usage.facts()}}


def _one_answer(method: str, n: int) -> None:
    """Raise UserError for a search over several candidates, which an endpoint cannot continue stage by stage."""
    if method not in ("greedy", "sample") or n != 1:
        raise UserError(
            f"a served model gives one answer a question: set method to greedy or sample and n to 1, not "
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
        raise UserError(f"price {text!r} is not prompt/completion a million tokens: write for example 0.15/0.6")
    return prompt, completion


def _tokens(reply: Reply) -> tuple[int, int]:
    return reply.usage.get("prompt_tokens", 0), reply.usage.get("completion_tokens", 0)


def _tree(item, reply: Reply, format: str, method: str) -> SearchResult:
    """Return an answer as a search of one candidate; its cost is that of the answer, from the log or not."""
    read, written = _tokens(reply)
    task = task_for(item.qid, item.question, item.image, format)
    end = "length" if reply.finish == "length" else "eos"
    cost = Usage(generated=written, prefilled=read, images=1, calls=1)
    candidate = Candidate(0, (Segment("all", reply.text, tokens=written, end=end),), cost=cost)
    return SearchResult(task, method, 1, (SearchRound("all", (candidate,), (), 0),), candidate.segments, cost)
