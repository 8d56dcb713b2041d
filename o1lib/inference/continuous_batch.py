"""Continuous batching: candidates of all questions are decoded together, enter as rows become free, leave when done.

Candidates that continue from the same state are one row of the batch until their draws differ, then a row for each
different text: a token that several candidates draw alike is read once. What they draw does not depend on it.

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
from o1lib.inference.kv_cache import BatchedCache, RowState
from o1lib.inference.model_runner import out_of_memory
from o1lib.records import UserError

_MOST = 2  # candidates for each row: if all of them came to differ, the batch would grow so much


class ContinuousBatch:
    """Candidates decoded in about `capacity` rows; waiting ones enter once a quarter of the rows is free.

    `slots` holds the candidates of each row.
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

        Raises UserError if a single candidate does not fit in memory.
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
        states: dict[tuple, RowState] = {}
        for row in rows:
            key = (id(row.state), *row.ids, *row.extra)  # candidates that shared a row still do
            row.state = states.setdefault(key, replace(row.state, ids=(*row.ids, *row.extra)))
            row.ids, row.extra = list(row.state.ids), []
        self.waiting.extendleft(reversed(rows))
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
        jobs, states = {}, {}
        for row in rows:
            unread, key = [*row.state.unread, *row.extra], _key(row)
            if unread and (row.segments or key not in jobs):  # a turn in the middle is paid for by every candidate
                row.prefilled += len(row.extra)
            if unread:
                jobs[key] = row.state, unread
            states[key] = row.state
        if jobs:
            states |= zip(jobs, self.runner.extend(*map(list, zip(*jobs.values()))))
        for row in rows:
            row.ids += row.extra
            row.extra = []
        return list(states.values())

    def _draw(self):
        """Draw every candidate's token; finished ones leave, those that need a user turn wait again."""
        rows, owners = self.alive, [slot for slot, rows in enumerate(self.slots) for _ in rows]
        uniforms, greedy = [row.uniform() for row in rows], [row.request.greedy for row in rows]
        drawn = nucleus_sample(self.logits, uniforms, greedy, self.temperature, self.top_p, owners)
        groups: dict[tuple, list[CandidateDecoding]] = {}
        for row, slot, token, logprob in zip(rows, owners, *drawn, strict=True):
            left = row.push(token, logprob)
            groups.setdefault((slot, token, left), []).append(row)
            if left:
                (self.done if row.at is None else self.waiting).append(row)
        for (slot, _, left), group in groups.items():
            if left:
                state = self.batch.take(slot, group[0].ids, group[0].state)
                for row in group:
                    row.state = state
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
        if [slot for slot, _ in placed] != list(range(before)):
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
