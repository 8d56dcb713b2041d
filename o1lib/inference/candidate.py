"""One candidate while it is decoded: it draws token by token, ends its stages, and counts its cost.

Which token a candidate draws depends on its own key (seed, question, stage, candidate) and its own probabilities. It
depends neither on the other candidates in the batch nor on the decoder: batched (continuous_batch.py) or one at a time
(sequential.py).

    row = CandidateDecoding(decoder, request, index=0, state=state)
    [token], [logprob] = nucleus_sample(logits, [row.uniform()], [False], temperature=0.6, top_p=0.9)
    left = row.push(token, logprob)
"""

import torch

from o1lib.records import UserError
from o1lib.search.segments import BROKEN, Segment, next_stage
from o1lib.search.streams import keyed_rng
from o1lib.search.types import Candidate, Usage


def nucleus_sample(
    logits: torch.Tensor,
    uniforms: list[float],
    greedy: list[bool],
    temperature: float,
    top_p: float,
    rows: list[int] | None = None,
) -> tuple[list[int], list[float]]:
    """Return each draw's token and its log-probability at temperature 1, from logits (rows, vocabulary).

    Draw k is from row `rows`[k] (None: row k). It comes from the smallest set of tokens that holds `top_p` of the
    probability (nucleus sampling, https://arxiv.org/abs/1904.09751), by the inverse of the cumulative distribution at
    its uniform number. The distribution is cumulated in the order of token ids, not of probabilities: rounding can move
    a border but never swap two tokens. A draw from logits that contain NaN gets an arbitrary token with the
    log-probability NaN.
    """
    places = list(range(len(logits))) if rows is None else rows
    index = torch.tensor(places, device=logits.device)
    tokens = logits.argmax(-1)[index]
    if temperature > 0 and not all(greedy):
        summed = _cumulated_nucleus(logits, temperature, top_p)
        numbers = torch.tensor(uniforms, dtype=summed.dtype, device=logits.device)
        drawn = _inverted(summed, numbers, places, index).clamp(max=logits.shape[-1] - 1)
        tokens = torch.where(torch.tensor(greedy, device=logits.device), tokens, drawn)
    logprobs = logits.float().log_softmax(-1)[index, tokens]
    return tokens.tolist(), logprobs.tolist()


def _cumulated_nucleus(logits, temperature, top_p):
    """Return the cumulated probabilities (rows, vocabulary) of the tokens in each row's nucleus, not normalized."""
    exact = torch.float32 if logits.device.type == "mps" else torch.float64
    likely = (logits / temperature).to(exact).softmax(-1)
    for most in (8, 64):  # to sort all is slow, and rarely needed
        ranked, order = likely.topk(min(most, likely.shape[-1]))
        if ranked.sum(-1).min() >= top_p:
            break
    else:
        ranked, order = likely.sort(dim=-1, descending=True, stable=True)
    inside = torch.zeros_like(likely, dtype=torch.bool).scatter(1, order, ranked.cumsum(-1) - ranked < top_p)
    return (likely * inside).cumsum(-1)


def _inverted(summed, numbers, places, index):
    """Return for each draw the first token at which its row's sum exceeds its number times the whole sum."""
    counts = [0] * len(summed)
    columns = []
    for place in places:
        columns.append(counts[place])
        counts[place] += 1
    column = torch.tensor(columns, device=index.device)
    targets = numbers.new_zeros(len(summed), max(counts))
    targets[index, column] = numbers * summed[index, -1]
    return torch.searchsorted(summed, targets, right=True)[index, column]


class CandidateDecoding:
    """One candidate: its tokens, the stage it is at (None once it is finished), its finished segments and its cost.

    `decoder` gives the seed, the limits and the chat tokenizer. `paid` is the cost of the prompt, if this candidate is
    the one that pays for it. `room` bounds the tokens it may generate (None: no bound).
    """

    def __init__(self, decoder, request, index: int, state, paid: Usage | None = None, room: int | None = None):
        self.decoder, self.chat = decoder, decoder.chat
        self.request, self.index, self.state, self.paid = request, index, state, paid or Usage()
        self.ids, self.extra, self.segments, self.room = list(state.ids), [], [], room
        self.generated = self.calls = self.prefilled = self.images = 0
        self.seconds, self.number = 0.0, None
        self._begin(0)

    def push(self, token: int, logprob: float) -> bool:
        """Take the next token; return True if the candidate leaves the batch.

        It leaves if it is finished, or if the next user turn must be prefilled. Raises UserError if the first
        log-probability that the model ever gave is NaN.
        """
        if logprob != logprob:
            return self._break_off()
        self.decoder.has_output, self.number = True, None
        spec = self.request.stages[self.at]
        self.ids.append(token)
        self.generated, self.tokens, self.logprob = self.generated + 1, self.tokens + 1, self.logprob + logprob
        end = self._end(spec, token)
        if not end:
            return False
        self._close(end, self.logprob)
        self._begin(next_stage(self.request.stages, self.at, end in ("eos", "length")))
        return self.at is None or bool(self.extra)

    def uniform(self) -> float:
        """Return the number, between 0 and 1, that draws the next token, from this candidate's own random stream.

        It stays the same until the token is pushed, so a draw that failed can be repeated.
        """
        if self.number is None:
            self.number = self.stream.random()
        return self.number

    def candidate(self) -> Candidate:
        """Return the candidate as decoded so far."""
        cost = Usage(self.generated, 0, self.prefilled, self.images, self.calls, self.seconds)
        return Candidate(self.index, tuple(self.segments), self.state, self.paid + cost)

    def _begin(self, at):
        """Start stage `at`: its own random stream, and its user turn, if it has one, as tokens to prefill."""
        if self.segments and self.room is not None and self.generated >= self.room:
            at = None
        self.at, self.tokens, self.logprob, self.tail = at, 0, 0.0, ""
        if at is None:
            return
        spec = self.request.stages[at]
        self.stream = keyed_rng(self.decoder.seed, self.request.task.qid, spec.stage, self.index)
        self.extra = self.chat.turn_ids(spec.turn, self.ids) if spec.turn is not None else []
        room = self.decoder.context - len(self.ids) - len(self.extra)
        limits = [self.decoder.max_new_tokens * spec.length_factor, room]
        self.limit = max(1, min(limits + ([] if self.room is None else [self.room - self.generated])))
        self.calls += 1 if self.extra or not self.segments else 0

    def _close(self, end, logprob):
        spec = self.request.stages[self.at]
        text = self.chat.text(self.ids[len(self.ids) - self.tokens :])
        wanted = spec.stop[-1] if spec.stop else "eos"
        self.segments.append(Segment(spec.stage, text, logprob, self.tokens, end, wanted, spec.turn is not None))

    def _break_off(self):
        """End the candidate because the logits are not finite; no judge by likelihood will prefer it."""
        if not self.decoder.has_output:
            raise UserError(
                f"the model's logits are not finite at question {self.request.task.qid}: its weights are broken, or "
                "its precision overflows; load it in float32 or bfloat16"
            )
        self._close("nan", self.logprob + BROKEN)
        self._begin(None)
        return True

    def _end(self, spec, token):
        if token in self.chat.eos:
            return "eos"
        if spec.stop:
            self.tail = self.tail[-max(map(len, spec.stop)) :] + self.chat.word(token)
            for stop in spec.stop:
                if stop in self.tail:
                    return stop
        return "length" if self.tokens >= self.limit else ""
