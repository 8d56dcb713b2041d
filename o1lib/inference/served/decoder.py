"""A decoder whose model is behind an OpenAI-compatible endpoint: it proposes candidates, replies and weighs options.

    decoder = ServedDecoder(Endpoint("http://127.0.0.1:8000/v1", "qwen2.5-vl", log="work/replies.jsonl"))
    [result] = run_searches([search(task, 4)], decoder, make_judge("self", decoder=decoder))
    decoder.abilities.text(), decoder.spent[task.qid]

No search method knows that it is one. A stage is a request with `n` choices that ends at the closing tag; the next
stage continues the open turn of the assistant. What a server cannot do is done in its place (abilities.py). Requests
that share a beginning are sent next to each other, with the picture first, so that a server finds it in its cache.

Draws are keyed by (seed, question, stage): the seed of a request is a hash of them plus the number of its first
candidate. vLLM draws choice k of a request under its seed plus k, so that one request and `n` give the same choices.
"""

from collections import Counter, defaultdict
from functools import cached_property

from o1lib.data.image_part import picture_part
from o1lib.inference.served.abilities import Abilities, probed
from o1lib.inference.served.chat import messages, unrepeated
from o1lib.inference.served.drawing import Drawing
from o1lib.inference.served.weighing import shares, weights
from o1lib.models.endpoint import Endpoint, Reply, Request
from o1lib.records import UserError
from o1lib.search.segments import FAILED, Segment
from o1lib.search.streams import keyed_rng
from o1lib.search.types import Candidate, Conversation, GenerationRequest, Task, Usage

_TOP = 20  # likeliest tokens that a server names: the most that OpenAI and vLLM allow
_LARGEST_SEED = 2**30


def seed_of(seed: int, qid: str, stage: str) -> int:
    """Return the seed of a request for the candidates of a stage, counted from candidate 0."""
    return int(keyed_rng(seed, qid, stage, "served").integers(_LARGEST_SEED))


class ServedDecoder:
    """Generates candidates, replies and weighs options as `Decoder` does, over `endpoint`.

    `max_new_tokens` bounds one stage, `temperature` 0 is greedy. `instruction` is put before every question that is to
    be answered: it asks a model for stages that it was not trained to write. `by_stage` asks for every stage in a
    request of its own, even where no search chooses between them. `short`: judge in the short form of the prompts.
    `abilities` None: the server is probed when they are first needed.

    `spent` counts prompt and completion tokens and requests by question; a logged reply counts as a new one does.
    `failures` holds by question why requests got no reply. `overran` counts candidates that went on after their stage.
    Raises UserError as `Endpoint.ask` does.
    """

    engine, why = "served", ""  # what a record and a journal say of it

    def __init__(
        self, endpoint: Endpoint, seed=0, temperature=0.6, top_p=0.9, max_new_tokens=256, *, instruction="",
        by_stage=False, short=False, abilities: Abilities | None = None,
    ):  # fmt: skip
        self.endpoint, self.seed, self.temperature, self.top_p = endpoint, seed, temperature, top_p
        self.max_new_tokens, self.instruction, self.by_stage, self.short = max_new_tokens, instruction, by_stage, short
        self.spent, self.failures = defaultdict(Counter), defaultdict(list)
        self._given, self._pictures, self.overran = abilities, {}, 0

    @cached_property
    def abilities(self) -> Abilities:
        """What the server can do."""
        return self._given or probed(self.endpoint)

    @property
    def probed(self) -> bool:
        """Whether the abilities have been needed."""
        return "abilities" in self.__dict__

    def propose(self, requests: list[GenerationRequest]) -> list[list[Candidate]]:
        """Return the candidates of each request. Raises UserError for beams over tokens."""
        if any(request.beams > 1 for request in requests):
            raise UserError("a served model has no beams over tokens: choose stage_beam, or token_beam with n = 1")
        drawings = [Drawing(self, request) for request in requests]
        while asks := [ask for drawing in drawings for ask in drawing.asks()]:
            for ask, reply in zip(asks, self.endpoint.ask([ask.request for ask in asks]), strict=True):
                ask.take(reply)
        return [drawing.candidates() for drawing in drawings]

    def reply(
        self, conversations: list[Conversation], keys: list[str], greedy: bool = False, most: int | None = None,
        stages: int = 1,
    ) -> list[Candidate]:  # fmt: skip
        """Return one reply to each conversation, drawn under its key; the cost counts as judging.

        `stages` and `most` bound it as in `Decoder`. A reply that the server does not give is empty, and ends FAILED.
        """
        limit = self.max_new_tokens * stages
        most = min(most or limit, limit)
        named = [(f"{one.task.qid}/{key}", "judge", 0) for one, key in zip(conversations, keys, strict=True)]
        asked = [self.asked(*one, most=most, greedy=greedy, plain=greedy) for one in zip(conversations, named)]
        found = []
        for one, reply in zip(conversations, self.endpoint.ask(asked), strict=True):
            costs = self.paid(one.task.qid, reply, one.picture)
            judging = [Usage(0, cost.processed, 0, cost.images, cost.calls) for cost, _ in costs]
            end = FAILED if reply.error else "length" if reply.finish == "length" else "eos"
            text = unrepeated(reply.text, one.prefix) if self.resends(one) else reply.text
            found.append(Candidate(0, (Segment("judge", text, end=end),), cost=sum(judging, Usage())))
        return found

    def likelihoods(
        self, conversations: list[Conversation], options: list[list[str]]
    ) -> list[tuple[list[float], Usage]]:
        """Return the log-probability of each option's first token as the next one, and the cost as judging.

        Raises UserError for a server without log-probabilities, or one that does not continue a prefix that is given.
        """
        lacking = [] if self.abilities.logprobs else ["gives no log-probabilities"]
        if any(one.prefix for one in conversations) and not self.abilities.continuation:
            lacking.append("does not continue a reply that has begun")
        if lacking:
            raise UserError(f"{self.endpoint.model}'s server {' and '.join(lacking)}: choose judge self or agreement")
        found = []
        asked = [self._weighed(one) for one in conversations]
        for one, own, reply in zip(conversations, options, self.endpoint.ask(asked), strict=True):
            costs = self.paid(one.task.qid, reply, one.picture)
            cost = sum((Usage(0, cost.processed, 0, cost.images, cost.calls) for cost, _ in costs), Usage())
            found.append((weights(own, reply.choices[0].top if reply.choices else ()), cost))
        return found

    def forget(self, qids=None) -> None:
        """Drop the encoded pictures of these questions (None: of all)."""
        for qid in list(self._pictures) if qids is None else qids:
            self._pictures.pop(qid, None)

    def opening(self, task: Task) -> Conversation:
        """Return the conversation in which a question is asked."""
        asked = f"{self.instruction}\n\nQuestion: {task.opening}" if self.instruction else task.opening
        return Conversation(task, (asked,))

    def draws_together(self, request: GenerationRequest) -> bool:
        """Whether the candidates of a request are drawn in one request; servers refuse that at temperature 0."""
        return self.temperature > 0 and not request.greedy and self.abilities.n

    def resends(self, conversation: Conversation) -> bool:
        """Whether the beginning of the reply is sent again in the prompt."""
        return bool(conversation.prefix) and not self.abilities.continuation

    def _continues(self, conversation: Conversation) -> bool:
        """Whether the beginning of the reply is an open turn of the assistant, which the server continues."""
        return bool(conversation.prefix) and self.abilities.continuation

    def asked(
        self, conversation: Conversation, key: tuple[str, str, int], *, most: int, n: int = 1,
        stop: tuple[str, ...] = (), greedy: bool = False, plain: bool = False,
    ) -> Request:  # fmt: skip
        """Return the HTTP request for the next words; `key` is (question, stage, number of the first candidate).

        `plain`: one answer, which any server can give, so that nothing is asked of its abilities unless the answer has
        begun.
        """
        qid, stage, first = key
        drawn = self.temperature > 0 and not greedy
        able = Abilities() if plain and not conversation.prefix else self.abilities
        seed = seed_of(self.seed, qid, stage) + first if drawn and not plain else None
        return Request(
            self._messages(conversation, stop),
            temperature=self.temperature if drawn else 0.0,
            top_p=self.top_p if drawn and self.top_p < 1 else None,
            max_tokens=most,
            key="" if able.seed or seed is None else f"seed {seed}",  # else equal requests would be one
            n=n,
            stop=tuple(stop) if able.stop else (),
            seed=seed if able.seed else None,
            top_logprobs=0 if able.logprobs else None,
            continues=self._continues(conversation),
            may_be_empty=bool(conversation.prefix),
        )

    def paid(self, qid: str, reply: Reply, picture: bool = True) -> list[tuple[Usage, int]]:
        """Count what a reply cost, and return for each choice its share of it, and its tokens.

        The first choice pays for the prompt, without tokens that the server had cached, and for the request.
        """
        if reply.error:
            self.failures[qid].append(reply.error)
            return []
        read, written = (reply.usage.get(name, 0) for name in ("prompt_tokens", "completion_tokens"))
        self.spent[qid].update(prompt=read, completion=written, requests=1)
        tokens = shares(reply)
        costs = [Usage(generated=count) for count in tokens]
        unclaimed = max(0, written - sum(tokens))  # of choices that were no answer
        prompt = Usage(unclaimed, 0, read - reply.usage.get("cached_tokens", 0), int(picture), 1)
        return [(cost if k else cost + prompt, tokens[k]) for k, cost in enumerate(costs)]

    def _weighed(self, conversation: Conversation) -> Request:
        return Request(
            self._messages(conversation),
            temperature=1.0,
            max_tokens=1,
            top_logprobs=_TOP,
            continues=self._continues(conversation),
            may_be_empty=True,
        )

    def _messages(self, conversation: Conversation, stop=()) -> list[dict]:
        shown = self._picture(conversation.task) if conversation.picture else None
        closing = stop[-1] if stop and stop[-1].startswith("</") else ""
        return messages(conversation, shown, self._continues(conversation), closing)

    def _picture(self, task: Task) -> dict:
        if task.qid not in self._pictures:
            self._pictures[task.qid] = picture_part(task.image)
        return self._pictures[task.qid]
