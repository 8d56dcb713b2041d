"""Continuous batching: candidates of all questions are decoded together, enter as rows become free, leave when done.

Candidates that continue from the same state share one row of the batch until their draws differ. From then on each
different text has its own row, so a token that several candidates draw alike is read once. Sharing does not change what
a candidate draws.

    batch = ContinuousBatch(runner, capacity=128, temperature=0.6, top_p=0.9)
    batch.add(candidates)
    while batch.busy:
        finished = batch.advance()                      # one token for every candidate in the batch

If a batch does not fit in memory, `capacity` is halved and its candidates continue from the tokens they have.
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

_MOST = 2  # candidates per row of the capacity; if all their texts differ, the batch has that many times the rows


class ContinuousBatch:
    """Candidates decoded together; waiting ones enter once a quarter of the batch is free.

    They enter until `capacity` rows or twice as many candidates are in the batch. Candidates that shared a row may then
    part, so a batch has at most twice `capacity` rows. `slots` holds the candidates of each row.
    """

    def __init__(self, runner, capacity: int, temperature: float, top_p: float):
        self.runner, self.capacity, self.temperature, self.top_p = runner, capacity, temperature, top_p
        self.waiting, self.entering, self.done = deque(), [], []
        self._clear()

    @property
    def alive(self) -> list[CandidateDecoding]:
        """The candidates that are being decoded."""
        return [row for rows in self.slots for row in rows]

    @property
    def busy(self) -> bool:
        """Whether any candidate is unfinished."""
        return bool(self.waiting or self.slots)

    @property
    def roomy(self) -> bool:
        """Whether a quarter of the batch or more is free."""
        part = max(len(self.slots), len(self.alive) / _MOST)
        return part <= self.capacity * 3 // 4

    @property
    def hungry(self) -> bool:
        """Whether a quarter of the batch or more is free and no candidate waits."""
        return not self.waiting and self.roomy

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

        Raises UserError if a single row does not fit in memory.
        """
        start = time.perf_counter()
        try:
            if self.waiting and self.roomy:
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
        """Let unfinished candidates wait again with the tokens they have; decode half as many rows from now on."""
        rows, states = [*self.alive, *self.entering], {}
        for row in rows:
            key = (id(row.state), *row.ids)  # candidates that shared a row still do
            row.state = states.setdefault(key, replace(row.state, ids=tuple(row.ids)))
        if len(states) <= 1:
            name = rows[0].request.task.qid if rows else "the next question"
            raise UserError(
                f"{name} does not fit in the memory of {self.runner.device} even alone: "
                "use a smaller model or picture, or a machine with more memory"
            ) from error
        self.capacity = max(1, min(self.capacity, len(states)) // 2)
        message = f"a batch of {len(states)} rows does not fit in memory: continuing with {self.capacity}"
        warnings.warn(message, stacklevel=2)
        self.done += [row for row in rows if row.at is None]
        self.waiting.extendleft(row for row in reversed(rows) if row.at is not None)
        self.entering = []
        self._clear()

    def _enter(self):
        """Let waiting candidates enter, all that share a state as one row."""
        groups: dict[tuple, list[CandidateDecoding]] = {}
        room, most = self.capacity - len(self.slots), _MOST * self.capacity - len(self.alive)
        while self.waiting and most > 0:
            key = _key(self.waiting[0])
            if key not in groups and len(groups) == room:
                break
            groups.setdefault(key, []).append(self.waiting.popleft())
            most -= 1
        rows = list(groups.values())
        self.entering = [row for group in rows for row in group]
        states = self._caught_up(self.entering)
        if self.batch is None:
            self.batch, self.logits = BatchedCache(self.runner, states, growing=True), _logits(states)
        else:
            self.batch.change(list(range(len(self.slots))), states)
            self.logits = torch.cat([self.logits, _logits(states)])
        self.slots, self.entering = self.slots + rows, []

    def _caught_up(self, rows):
        """Return each state with all its tokens prefilled, once; candidates that share a state read it once."""
        states = {_key(row): row.state for row in rows}
        jobs = {key: (state, [*state.unread, *key[1]]) for key, state in states.items()}
        jobs = {key: job for key, job in jobs.items() if job[1]}
        if jobs:
            states |= zip(jobs, self.runner.extend(*map(list, zip(*jobs.values()))))
        for row in rows:
            if row.segments or jobs.pop(_key(row), None):  # a turn in the middle is paid for by every candidate
                row.prefilled += len(row.extra)
            row.ids += row.extra
            row.extra = []
        return list(states.values())

    def _draw(self):
        """Draw every candidate's token; finished ones leave, those that need a user turn wait again."""
        rows, owners = self.alive, [slot for slot, rows in enumerate(self.slots) for _ in rows]
        uniforms, greedy = [row.uniform() for row in rows], [row.request.greedy for row in rows]
        drawn = nucleus_sample(self.logits, uniforms, greedy, self.temperature, self.top_p, owners)
        groups: dict[tuple, list[CandidateDecoding]] = {}
        leaving = []
        for row, slot, token, logprob in zip(rows, owners, *drawn, strict=True):
            left = row.push(token, logprob)
            groups.setdefault((slot, token, left), []).append(row)
            leaving += [row] if left else []
        for (slot, _, left), group in groups.items():
            if left:
                state = self.batch.take(slot, group[0].ids, group[0].state)
                for row in group:
                    row.state = state
        for row in leaving:  # after all are taken: if memory runs out before, they are still in their slots
            (self.done if row.at is None else self.waiting).append(row)
        self._place([(slot, group) for (slot, _, left), group in groups.items() if not left])

    def _place(self, groups):
        """Give every group a row, as many as can the row they were in."""
        placed, others = [None] * len(groups), []
        for slot, group in groups:
            if slot < len(placed) and placed[slot] is None:
                placed[slot] = slot, group
            else:
                others.append((slot, group))
        left = iter(others)
        placed = [one or next(left) for one in placed]
        before, self.slots = len(self.slots), [group for _, group in placed]
        if placed and [slot for slot, _ in placed] != list(range(before)):
            self.batch.change([slot for slot, _ in placed], [])

    def _read(self):
        """Read every row's last token."""
        if self.slots:
            self.logits = self.batch.read([[group[0].ids[-1]] for group in self.slots])[:, -1]
        else:
            self._clear()


def _key(row):
    """Return what is equal for candidates whose next token has the same probabilities."""
    return id(row.state), tuple(row.extra)


def _logits(states):
    return torch.stack([state.logits for state in states])
