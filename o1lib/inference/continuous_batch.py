"""Continuous batching: candidates of all questions are decoded together, enter as rows become free, leave when done.

    batch = ContinuousBatch(runner, capacity=128, temperature=0.6, top_p=0.9)
    batch.add(candidates)
    while batch.busy:
        finished = batch.advance()                      # one token for every candidate in the batch

A batch that does not fit in memory is halved; its candidates continue from the tokens they have.
"""

import time
import warnings
from collections import deque
from dataclasses import replace

import torch

from o1lib.inference.candidate import CandidateDecoding, nucleus_sample
from o1lib.inference.kv_cache import BatchedCache
from o1lib.inference.model_runner import out_of_memory
from o1lib.records import UserError


class ContinuousBatch:
    """Candidates decoded together in at most `capacity` rows; waiting ones enter once a quarter of the rows is free."""

    def __init__(self, runner, capacity: int, temperature: float, top_p: float):
        self.runner, self.capacity, self.temperature, self.top_p = runner, capacity, temperature, top_p
        self.waiting, self.entering, self.done = deque(), [], []
        self._clear()

    @property
    def alive(self) -> list[CandidateDecoding]:
        """The candidates that are being decoded."""
        return [row for row in self.slots if row is not None]

    @property
    def busy(self) -> bool:
        """Whether any candidate is unfinished."""
        return bool(self.waiting or self.alive)

    @property
    def hungry(self) -> bool:
        """Whether a quarter of the batch or more is free and no candidate waits."""
        return not self.waiting and len(self.alive) <= self.capacity * 3 // 4

    def add(self, rows: list[CandidateDecoding]) -> None:
        """Let candidates wait for a free row."""
        self.waiting.extend(rows)

    def run(self, rows: list[CandidateDecoding]) -> None:
        """Decode all candidates to their ends."""
        self.add(rows)
        while self.busy:
            self.advance()

    def advance(self) -> list[CandidateDecoding]:
        """Give every candidate in the batch its next token; return the finished ones.

        Raises UserError if a single candidate does not fit in memory.
        """
        start = time.perf_counter()
        try:
            if self.waiting and len(self.alive) <= self.capacity * 3 // 4:
                self._enter()
            present = self.alive
            self._draw()
            self._read()
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            present = self.alive
            self._halve(error)
        share = (time.perf_counter() - start) / max(1, len(present))
        for row in present:
            row.seconds += share
        done, self.done = self.done, []
        return done

    def _clear(self):
        self.slots, self.batch, self.logits = [], None, None

    def _halve(self, error):
        """Let all candidates wait again with the tokens they have, and decode half as many at a time from now on."""
        rows = [*self.alive, *self.entering]
        if len(rows) <= 1:
            name = rows[0].request.task.qid if rows else "the next question"
            raise UserError(
                f"{name} does not fit in the memory of {self.runner.device} even alone: "
                "use a smaller model or picture, or a machine with more memory"
            ) from error
        self.capacity = max(1, min(self.capacity, len(rows)) // 2)
        message = f"a batch of {len(rows)} candidates does not fit in memory: continuing with {self.capacity}"
        warnings.warn(message, stacklevel=2)
        for row in rows:
            row.state, row.extra = replace(row.state, ids=(*row.ids, *row.extra)), []
            row.ids = list(row.state.ids)
        self.waiting.extendleft(reversed(rows))
        self.entering = []
        self._clear()

    def _enter(self):
        room = min(len(self.waiting), self.capacity - len(self.alive))
        self.entering = [self.waiting.popleft() for _ in range(room)]
        states = self._caught_up(self.entering)
        kept, logits = self._occupied(), torch.stack([state.logits for state in states])
        left = [slot for slot, row in enumerate(self.slots) if row is None][: len(states)]
        if kept and len(left) == len(states) and self.batch.fits(states):
            self.batch.replace(left, states)
            self.logits[left] = logits
            for slot, row in zip(left, self.entering):
                self.slots[slot] = row
        elif kept:
            self.batch.change(kept, states)
            self.logits = torch.cat([self.logits[kept], logits])
            self.slots = [self.slots[slot] for slot in kept] + self.entering
        else:
            self.batch, self.logits, self.slots = BatchedCache(self.runner, states), logits, self.entering
        self.entering = []

    def _caught_up(self, rows):
        """Return the candidates' states with all their tokens prefilled; candidates that share a state read it once."""
        jobs = {}
        for row in rows:
            unread, key = [*row.state.unread, *row.extra], (id(row.state), tuple(row.extra))
            if unread and key not in jobs:
                jobs[key] = (row.state, unread)
                row.prefilled += len(row.extra)
        found = dict(zip(jobs, self.runner.extend(*map(list, zip(*jobs.values()))))) if jobs else {}
        states = [found.get((id(row.state), tuple(row.extra)), row.state) for row in rows]
        for row in rows:
            row.ids += row.extra
            row.extra = []
        return states

    def _draw(self):
        """Draw every candidate's token; finished ones leave, those that need a user turn wait again."""
        uniforms = [0.0 if row is None else row.uniform() for row in self.slots]
        greedy = [row is None or row.request.greedy for row in self.slots]
        tokens, logprobs = nucleus_sample(self.logits, uniforms, greedy, self.temperature, self.top_p)
        for slot, row in enumerate(self.slots):
            if row is not None and row.push(tokens[slot], logprobs[slot]):
                row.state = self.batch.take(slot, row.ids, row.state)
                self.slots[slot] = None
                (self.done if row.at is None else self.waiting).append(row)

    def _read(self):
        """Read every candidate's last token."""
        kept = self._occupied()
        if (
            not kept or not self.waiting and len(kept) <= len(self.slots) * 3 // 4
        ):  # else waiting ones take the free rows
            if kept:
                self.batch.change(kept, [])
                self.logits = self.logits[kept]
            self.slots = [self.slots[slot] for slot in kept]
        if self.slots:
            self.logits = self.batch.read([[] if row is None else [row.ids[-1]] for row in self.slots])[:, -1]

    def _occupied(self):
        return [slot for slot, row in enumerate(self.slots) if row is not None]
