"""Batched decoding for searches: the picture encoded once, candidates forked, winners continued from the cache.

All candidates of all questions are decoded together, row by row until their stage ends. Draws are keyed
by (seed, question, stage, candidate), so a candidate does not depend on what else is in the batch (in float32;
lower precisions round differently in different batches). Papers A and B sample at temperature 0.6, top_p 0.9.
What each candidate cost stands on its ledger.

    decoder = Decoder(model, processor, seed=0)
    [[candidate]] = decoder.propose([Propose(task, None, task.steps, greedy=True)])
    candidate.text                                   # "<SUMMARY> ... </CONCLUSION>"
"""

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch

from .cache import State
from .engine import Engine
from .pieces import Piece, Step
from .records import UserError
from .rows import Pool, Row
from .tokenbeam import beam_tokens
from .tree import Candidate, Ledger, Propose, Task
from .voice import Voice

# Prompt tokens read in one batch: on a CPU more than fit its cache are read at half the speed.
_AT_ONCE = {"cpu": 1200}
_AT_ONCE_ELSEWHERE = 32_000


@dataclass(frozen=True)
class Context:
    """A dialog about a task's picture (or without it): user turns, the replies between, the last reply's beginning."""

    task: Task
    users: tuple[str, ...]
    replies: tuple[str, ...] = ()
    prefix: str = ""
    picture: bool = True


class Decoder(Voice):
    """A model that proposes, replies and weighs options, at most `rows` rows at a time.

    `max_new_tokens` bounds one stage; `temperature` 0 is greedy; a `dtype` below float32 switches autocast on.
    Raises UserError for a model without a picture input and for a prompt longer than the model's context.
    """

    def __init__(self, model, processor, seed=0, temperature=0.6, top_p=0.9, max_new_tokens=256, rows=128, dtype=None):
        eos = model.generation_config.eos_token_id
        super().__init__(processor, set(eos) if isinstance(eos, list) else {eos})
        self.engine, self.seed, self.temperature, self.top_p = Engine(model), seed, temperature, top_p
        self.max_new_tokens, self.rows = max_new_tokens, rows
        plain = dtype in (None, torch.float32)
        self.autocast = nullcontext() if plain else torch.autocast(model.device.type, dtype)
        self.forget()

    def propose(self, requests: list[Propose]) -> list[list[Candidate]]:
        """Return the candidates of each request, all decoded together; `request.state` None starts at the question."""
        with torch.inference_mode(), self.autocast:
            self._encode([request.task for request in requests if request.state is None])
            rows = [[self._row(request, request.first + k) for k in range(request.n)] if request.beams == 1 else []
                    for request in requests]
            self._run([row for own in rows for row in own])
            return [[row.candidate() for row in own] or [self._beam(request)] for own, request in zip(rows, requests)]

    def reply(self, contexts: list[Context], keys: list[str]) -> list[Candidate]:
        """Return one sampled reply to each context, drawn under its key; the cost counts as judging."""
        rows = [None] * len(contexts)
        with torch.inference_mode(), self.autocast:
            for numbers, states in self._read(contexts):
                for k, state in zip(numbers, states):
                    asked = replace(contexts[k].task, qid=f"{contexts[k].task.qid}/{keys[k]}")
                    rows[k] = Row(self, Propose(asked, None, (Step("judge"),)), 0, state)
            self._run(rows)
        return [replace(row.candidate(), cost=Ledger(judge=len(row.ids), calls=1, seconds=row.seconds)) for row in rows]

    def likelihoods(self, contexts: list[Context], options: list[list[str]]) -> list[tuple[list[float], Ledger]]:
        """Return for each context every option's summed log-probability as its next words, and the cost as judging."""
        found, ids = [None] * len(contexts), [[self.ids(option) for option in own] for own in options]
        with torch.inference_mode(), self.autocast:
            start = time.perf_counter()
            for numbers, states in self._read(contexts):
                forks = [(state, option) for k, state in zip(numbers, states) for option in ids[k]]
                parts = [forks[first:first + self.rows] for first in range(0, len(forks), self.rows)]
                scores = iter([score for part in parts for score in self.engine.loglikelihoods(*map(list, zip(*part)))])
                share = (time.perf_counter() - start) / len(numbers)
                for k, state in zip(numbers, states):
                    read = len(state.ids) + sum(len(option) - 1 for option in ids[k])
                    found[k] = [next(scores) for _ in ids[k]], Ledger(judge=read, calls=1, seconds=share)
                start = time.perf_counter()
        return found

    def forget(self) -> None:
        """Drop the pictures and prompts kept for the questions so far."""
        self._roots: dict[str, State] = {}
        self._unpaid: dict[str, Ledger] = {}  # what reading a question cost, until its first candidate pays it

    def _row(self, request, index):
        state = request.state or self._roots[request.task.qid]
        return Row(self, request, index, state, self._unpaid.pop(request.task.qid, Ledger()))

    def _run(self, rows):
        for picture in (True, False):  # rows with and without a picture cannot share a batch
            own = [row for row in rows if (row.state.picture is not None) == picture]
            Pool(self.engine, self.rows, self.temperature, self.top_p).run(own)

    def _encode(self, tasks):
        """Read picture and question of the tasks that are new, a batch at a time."""
        new = list({task.qid: task for task in tasks if task.qid not in self._roots}.values())
        for numbers in self._parts([len(self.ids(task.opening)) for task in new]):
            part, start = [new[k] for k in numbers], time.perf_counter()
            inputs = dict(self.inputs(part).to(self.engine.device))
            masks = inputs.pop("attention_mask").bool()
            ids = [row[mask].tolist() for row, mask in zip(inputs.pop("input_ids"), masks)]
            self._fits(part, ids)
            states = self.engine.prefill(ids, inputs.pop("cross_attention_mask")[:, -1], inputs)
            share = (time.perf_counter() - start) / len(part)
            for task, state in zip(part, states):
                self._roots[task.qid] = state
                self._unpaid[task.qid] = Ledger(prefilled=len(state.ids), images=1, seconds=share)

    def _fits(self, tasks, ids):
        for task, row in zip(tasks, ids):
            if len(row) >= self.engine.context:
                raise UserError(f"question {task.qid} takes {len(row)} tokens but the model reads "
                                f"{self.engine.context}: shorten it, or leave the question out")

    def _read(self, contexts) -> Iterator[tuple[list[int], list[State]]]:
        """Read each context's words beside its picture, encoded before; yield (numbers, states), short ones first."""
        self._encode([context.task for context in contexts if context.picture])
        ids = [self.ids(self.chat(c.users, c.replies, c.picture)) + self.ids(c.prefix) for c in contexts]
        self._fits([context.task for context in contexts], ids)
        for picture in (False, True):
            own = [k for k, context in enumerate(contexts) if context.picture == picture]
            for numbers in self._parts([len(ids[k]) for k in own]):
                part = [own[number] for number in numbers]
                before = [State(picture=self._roots[contexts[k].task.qid].picture if picture else None) for k in part]
                yield part, self.engine.extend(before, [ids[k] for k in part])

    def _parts(self, lengths):
        """Yield the numbers of prompts that are read together, shortest first, padded to at most so many tokens."""
        most = _AT_ONCE.get(self.engine.device.type, _AT_ONCE_ELSEWHERE)
        part = []
        for k in sorted(range(len(lengths)), key=lengths.__getitem__):
            if part and (lengths[k] * (len(part) + 1) > most or len(part) == self.rows):
                yield part
                part = []
            part.append(k)
        if part:
            yield part

    def _beam(self, request):
        """Return one continuation through the request's one step by beam search over tokens (tokenbeam.py)."""
        task, step, start = request.task, request.steps[0], time.perf_counter()
        paid, state = self._unpaid.pop(task.qid, Ledger()), request.state or self._roots[task.qid]
        before = [*state.ids, *(self.turn_ids(step.turn, state.ids) if step.turn is not None else [])]
        tokens = beam_tokens(self, request, before)
        if before[state.length:]:
            state = self.engine.extend([state], [before[state.length:]])[0]
        logprob = self.engine.loglikelihoods([state], [tokens])[0]
        text, wanted = self.text(tokens), step.stop[-1] if step.stop else "eos"
        end = next((stop for stop in step.stop if stop in text), "eos" if tokens[-1] in self.eos else "length")
        piece = Piece(step.stage, text, logprob, len(tokens), end, wanted, step.turn is not None)
        cost = Ledger(len(tokens) * request.beams, 0, len(before), request.beams, 1, time.perf_counter() - start)
        return Candidate(request.first, (piece,), State((*before, *tokens), picture=state.picture), paid + cost)
