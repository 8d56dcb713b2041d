"""Candidates on their way: rows that sample token by token, end their stages, leave the batch and come back.

A Row is one candidate of one request. The pool decodes all of them together: a row leaves when its
stages are done, or to have the next user turn read to it; waiting rows enter as room appears. Which
token a row draws depends on its own key and its own probabilities, never on its neighbours.
"""

import time
from collections import deque

import torch

from .cache import Batch
from .pieces import Piece, next_step
from .tree import Candidate, Ledger, keyed


def choose(logits: torch.Tensor, uniforms: list[float], greedy: list[bool], temperature: float, top_p: float):
    """Return each row's next token and its log-probability at temperature 1, from logits (rows, vocabulary).

    A row draws by inverse distribution function at its uniform number from the smallest set of tokens that
    holds `top_p` of the probability (nucleus sampling, https://arxiv.org/abs/1904.09751). The function runs in
    the order of token ids, not of probabilities, so that rounding moves a border and never swaps two tokens.
    """
    tokens = logits.argmax(-1)
    if temperature > 0 and not all(greedy):
        exact = torch.float32 if logits.device.type == "mps" else torch.float64
        likely = (logits / temperature).to(exact).softmax(-1)
        ranked, order = likely.topk(min(64, likely.shape[-1]))
        if ranked.sum(-1).min() < top_p:  # rare: the nucleus is wider than a short sort can tell
            ranked, order = likely.sort(dim=-1, descending=True, stable=True)
        inside = torch.zeros_like(likely, dtype=torch.bool).scatter(1, order, ranked.cumsum(-1) - ranked < top_p)
        summed = (likely * inside).cumsum(-1)
        target = torch.tensor(uniforms, dtype=exact, device=logits.device)[:, None] * summed[:, -1:]
        drawn = torch.searchsorted(summed, target, right=True).squeeze(1)
        tokens = torch.where(torch.tensor(greedy, device=logits.device), tokens, drawn)
    logprobs = logits.float().log_softmax(-1).gather(1, tokens[:, None])
    return tokens.tolist(), logprobs.squeeze(1).tolist()


class Row:
    """One candidate: its tokens, the step it is at (None once it is done), its finished pieces and its costs.

    `voice` is the decoder: seed, end-of-turn tokens, words of tokens, limits.
    """

    def __init__(self, voice, request, index: int, state, paid: Ledger | None = None):
        self.voice, self.request, self.index, self.state, self.paid = voice, request, index, state, paid or Ledger()
        self.ids, self.extra, self.pieces = list(state.ids), [], []
        self.generated = self.calls = self.prefilled = 0
        self.seconds = 0.0
        self._begin(0)

    def push(self, token: int, logprob: float) -> bool:
        """Take the next token; return True when the row must leave the batch, done or in want of a user turn."""
        step = self.request.steps[self.at]
        self.ids.append(token)
        self.generated, self.tokens, self.logprob = self.generated + 1, self.tokens + 1, self.logprob + logprob
        end = self._end(step, token)
        if not end:
            return False
        text = self.voice.text(self.ids[-self.tokens :])
        wanted = step.stop[-1] if step.stop else "eos"
        self.pieces.append(Piece(step.stage, text, self.logprob, self.tokens, end, wanted, step.turn is not None))
        self._begin(next_step(self.request.steps, self.at, end in ("eos", "length")))
        return self.at is None or bool(self.extra)

    def uniform(self) -> float:
        """Return the next number of this row's own random stream."""
        return self.stream.random()

    def candidate(self) -> Candidate:
        """Return what became of the row."""
        cost = Ledger(generated=self.generated, prefilled=self.prefilled, calls=self.calls, seconds=self.seconds)
        return Candidate(self.index, tuple(self.pieces), self.state, self.paid + cost)

    def _begin(self, at):
        """Start step `at`: its own random stream, and its user turn, if it has one, as tokens to be read first."""
        self.at, self.tokens, self.logprob, self.tail = at, 0, 0.0, ""
        if at is None:
            return
        step = self.request.steps[at]
        self.stream = keyed(self.voice.seed, self.request.task.qid, step.stage, self.index)
        room = self.voice.engine.context - len(self.ids)
        self.limit = max(1, min(self.voice.max_new_tokens * step.stages, room))
        self.extra = self.voice.turn_ids(step.turn, self.ids) if step.turn is not None else []
        self.calls += 1 if self.extra or not self.pieces else 0

    def _end(self, step, token):
        if token in self.voice.eos:
            return "eos"
        if step.stop:
            self.tail = self.tail[-max(map(len, step.stop)) :] + self.voice.word(token)
            for stop in step.stop:
                if stop in self.tail:
                    return stop
        return "length" if self.tokens >= self.limit else ""


class Pool:
    """Rows decoded together, at most `capacity` at a time; those that ended leave the block a quarter at a time."""

    def __init__(self, engine, capacity: int, temperature: float, top_p: float):
        self.engine, self.capacity, self.temperature, self.top_p = engine, capacity, temperature, top_p
        self.slots, self.batch, self.logits = [], None, None

    def run(self, rows) -> None:
        """Decode all rows to their ends; rows in want of a user turn leave and queue again."""
        waiting = deque(rows)
        while waiting or self.alive:
            start = time.perf_counter()
            if waiting and len(self.alive) <= self.capacity * 3 // 4:
                self._enter([waiting.popleft() for _ in range(min(len(waiting), self.capacity - len(self.alive)))])
            present = self.alive
            waiting.extend(self._step())
            share = (time.perf_counter() - start) / len(present)
            for row in present:
                row.seconds += share

    @property
    def alive(self) -> list[Row]:
        """The rows now being decoded."""
        return [row for row in self.slots if row is not None]

    def _enter(self, rows):
        states = self._read(rows)
        fresh, logits = Batch(self.engine, states), torch.stack([state.logits for state in states])
        self._compact()
        if self.slots:
            self.batch.join(fresh)
            self.logits = torch.cat([self.logits, logits])
        else:
            self.batch, self.logits = fresh, logits
        self.slots += rows

    def _read(self, rows):
        """Return the rows' states with all their tokens read; rows that fork from one state read it once."""
        jobs = {}
        for row in rows:
            row.ids += row.extra
            unread = [*row.state.unread, *row.extra]
            if unread and (id(row.state), tuple(row.extra)) not in jobs:
                jobs[id(row.state), tuple(row.extra)] = (row.state, unread)
                row.prefilled += len(row.extra)
        found = dict(zip(jobs, self.engine.extend(*map(list, zip(*jobs.values()))))) if jobs else {}
        states = [found.get((id(row.state), tuple(row.extra)), row.state) for row in rows]
        for row in rows:
            row.extra = []
        return states

    def _step(self):
        """Draw every row's token, let ended rows go, read the others' tokens; return rows in want of a user turn."""
        uniforms = [0.0 if row is None else row.uniform() for row in self.slots]
        greedy = [row is None or row.request.greedy for row in self.slots]
        tokens, logprobs = choose(self.logits, uniforms, greedy, self.temperature, self.top_p)
        left = []
        for slot, row in enumerate(self.slots):
            if row is not None and row.push(tokens[slot], logprobs[slot]):
                row.state = self.batch.take(slot, row.ids, picture=row.state.picture)
                self.slots[slot] = None
                left.append(row)
        if len(self.alive) <= len(self.slots) * 3 // 4:
            self._compact()
        if self.slots:
            self.logits = self.batch.read([[] if row is None else [row.ids[-1]] for row in self.slots])[:, -1]
        return [row for row in left if row.at is not None]

    def _compact(self):
        kept = [slot for slot, row in enumerate(self.slots) if row is not None]
        if kept and len(kept) < len(self.slots):
            self.batch.select(kept)
            self.logits = self.logits[kept]
        self.slots = [self.slots[slot] for slot in kept]
