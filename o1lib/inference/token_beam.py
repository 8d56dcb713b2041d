"""LlamaV-o1's beam search: beams over tokens inside one stage or turn (eval/inference.py, the library's generate).

With a temperature it is beam-multinomial sampling: continuations are drawn without replacement from the joint
distribution of the beams. The rules are those of the library's beam search (length penalty 1, early_stopping False).
The implementation is this project's: picture and prompt are read once, beams fork from the cache, and all questions are
searched together. Draws are keyed by question and stage.

    [candidate] = beams(decoder, [GenerationRequest(task, None, task.stages[:1], beams=4)])
"""

import time
from dataclasses import replace

import torch

from o1lib.inference.kv_cache import BatchedCache
from o1lib.search.segments import Segment
from o1lib.search.streams import keyed_rng
from o1lib.search.types import Candidate, GenerationRequest, Usage


class Beam:
    """The beams of one request: `running` and `ended` hold (score, tokens, log-probability), the best first."""

    def __init__(self, decoder, request: GenerationRequest, state, paid: Usage):
        self.decoder, self.chat, self.request, self.state, self.paid = decoder, decoder.chat, request, state, paid
        self.spec = request.stages[0]
        self.stream = keyed_rng(decoder.seed, request.task.qid, self.spec.stage, "beams")
        self.running, self.ended, self.open, self.drawn = [(0.0, (), 0.0)], [], True, 0
        room = (request.budget - paid.prefilled) // request.beams if request.budget else decoder.context
        most = decoder.context - len(state.ids)
        self.most = max(1, min(decoder.max_new_tokens * self.spec.length_factor, most, room))

    def advance(self, logits: torch.Tensor) -> list[int]:
        """Take one step from the logits (running beams, vocabulary); return the parent of each new beam."""
        plain = logits.float().log_softmax(-1)
        scored = _warped(plain, self.decoder.temperature, self.decoder.top_p)
        scored = scored + torch.tensor([score for score, _, _ in self.running], device=scored.device)[:, None]
        wanted = max(2, 1 + len(self.chat.eos)) * self.request.beams
        going, self.drawn = [], self.drawn + len(self.running)
        for rank, index in enumerate(self._drawn(scored.flatten(), wanted)):
            parent, token = divmod(index, scored.shape[1])
            tokens = (*self.running[parent][1], token)
            beam = (float(scored[parent, token]), tokens, self.running[parent][2] + float(plain[parent, token]))
            if not self._end(tokens):
                going.append((beam, parent))
            elif rank < self.request.beams:
                self.ended.append((beam[0] / len(tokens), *beam[1:]))
        going = sorted(going, key=lambda pair: -pair[0][0])[: self.request.beams]
        self.ended = sorted(self.ended, key=lambda beam: -beam[0])[: self.request.beams]
        self.running = [beam for beam, _ in going]
        self.open = bool(going) and not self._settled()
        return [parent for _, parent in going]

    def candidate(self, seconds: float) -> Candidate:
        """Return the best ended beam as a candidate."""
        _, tokens, logprob = self.ended[0]
        segment = Segment(
            self.spec.stage,
            self.chat.text(tokens),
            logprob,
            len(tokens),
            self._end(tokens),
            self.spec.stop[-1] if self.spec.stop else "eos",
            self.spec.turn is not None,
        )
        state = replace(self.state, ids=(*self.state.ids, *tokens), logits=None)
        return Candidate(self.request.first, (segment,), state, self.paid + Usage(self.drawn, calls=1, seconds=seconds))

    def _drawn(self, scored, wanted):
        """Return the indices of the most likely continuations, or of a sample of them in the order of the draws."""
        possible = scored.isfinite().nonzero().squeeze(1)
        keys = scored[possible].double()
        if self.decoder.temperature > 0:  # the largest of probability / exponential: sampling without replacement
            keys = keys - torch.tensor(self.stream.exponential(size=len(keys)), device=keys.device).log()
        return possible[keys.topk(min(wanted, len(keys))).indices].tolist()

    def _end(self, tokens):
        """Return what ends a beam here (a stop, eos, length), or ""."""
        if tokens[-1] in self.chat.eos:
            return "eos"
        tail = "".join(map(self.chat.word, tokens[-max(map(len, self.spec.stop), default=0) :]))
        last = self.chat.word(tokens[-1])
        found = next(
            (stop for stop in self.spec.stop if stop in tail and stop not in tail[: len(tail) - len(last)]), ""
        )
        return found or ("length" if len(tokens) >= self.most else "")

    def _settled(self):
        """Whether all beams have ended once and no running beam is expected to beat the worst of them."""
        full = len(self.ended) == self.request.beams
        return full and self.running[0][0] / len(self.running[0][1]) <= self.ended[-1][0]


def beams(decoder, requests: list[GenerationRequest]) -> list[Candidate]:
    """Return one continuation for each request through its one stage: the best of its beams."""
    width = max((request.beams for request in requests), default=1)
    at_once, found = max(1, decoder.rows // width), []
    for first in range(0, len(requests), at_once):
        found += _together(decoder, requests[first : first + at_once])
    return found


def _together(decoder, requests):
    start, searched = time.perf_counter(), _begun(decoder, requests)
    alive, logits = searched, torch.stack([beam.state.logits for beam in searched])
    batch, owners = BatchedCache(decoder.runner, [beam.state for beam in searched]), [[k] for k in range(len(searched))]
    while alive:
        rows, still, counts = [], [], []
        for beam, own in zip(alive, owners):
            parents = [own[parent] for parent in beam.advance(logits[own])]
            if beam.open:
                rows, still, counts = rows + parents, [*still, beam], [*counts, len(parents)]
        alive, ends = still, torch.tensor(counts).cumsum(0).tolist()
        owners = [list(range(end - count, end)) for end, count in zip(ends, counts)]
        if alive:
            batch.select(rows)
            logits = batch.read([[tokens[-1]] for beam in alive for _, tokens, _ in beam.running])[:, -1]
    share = (time.perf_counter() - start) / len(requests)
    return [beam.candidate(share) for beam in searched]


def _begun(decoder, requests):
    """Return the beams of the requests, with all tokens before them prefilled."""
    states, tokens, paid = [], [], []
    for request in requests:
        cached = decoder.prefiller.cached[request.task.qid]
        state = request.state or cached.prompt
        turn = request.stages[0].turn
        states.append(state)
        tokens.append([*state.unread, *(decoder.chat.turn_ids(turn, state.ids) if turn is not None else [])])
        paid.append(cached.pay() + Usage(prefilled=len(tokens[-1])))
    late = [k for k, unread in enumerate(tokens) if unread]
    read = decoder.runner.extend([states[k] for k in late], [tokens[k] for k in late]) if late else []
    for k, state in zip(late, read):
        states[k] = state
    return [Beam(decoder, *one) for one in zip(requests, states, paid)]


def _warped(scores, temperature, top_p):
    """Return log-probabilities at a temperature, minus infinity outside the nucleus (not made to sum to one)."""
    if temperature <= 0:
        return scores
    scores = scores / temperature
    ranked, order = scores.softmax(-1).sort(dim=-1, descending=True, stable=True)
    outside = (ranked.cumsum(-1) - ranked >= top_p).scatter(1, order, ranked.cumsum(-1) - ranked >= top_p)
    return scores.masked_fill(outside, float("-inf"))
