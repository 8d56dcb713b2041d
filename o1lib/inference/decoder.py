"""Batched decoding for searches: the picture encoded once, candidates forked, winners continued from the cache.

All candidates of all questions are decoded together, row by row until their stage ends. Draws are keyed
by (seed, question, stage, candidate), so a candidate does not depend on what else is in the batch (in float32;
lower precisions round differently in different batches). Papers A and B sample at temperature 0.6, top_p 0.9.
What each candidate cost stands on its ledger.

    decoder = Decoder(model, processor, seed=0)
    [[candidate]] = decoder.propose([Propose(task, None, task.stages, greedy=True)])
    candidate.text                                   # "<SUMMARY> ... </CONCLUSION>"
"""

import time
from contextlib import ExitStack, nullcontext
from dataclasses import replace

import torch

from o1lib.inference.candidate import CandidateDecoding
from o1lib.inference.chat import ChatTokenizer, ends_of
from o1lib.inference.continuous_batch import ContinuousBatch
from o1lib.inference.model_runner import ModelRunner
from o1lib.inference.prefill import Prefiller
from o1lib.inference.token_beam import beams
from o1lib.search.segments import StageSpec
from o1lib.search.types import Candidate, Conversation, GenerationRequest, Usage

__all__ = ["Conversation", "Decoder", "Stream"]


class Decoder(ChatTokenizer):
    """A model that proposes, replies and weighs options, at most `rows` rows at a time (0: what suits the device).

    `max_new_tokens` bounds one stage; `temperature` 0 is greedy; a `dtype` below float32 switches autocast on.
    Raises UserError for a model without a picture input and for a prompt longer than the model's context.
    """

    def __init__(self, model, processor, seed=0, temperature=0.6, top_p=0.9, max_new_tokens=256, rows=0, dtype=None):
        super().__init__(processor, ends_of(model))
        self.engine, self.seed, self.temperature, self.top_p = ModelRunner(model), seed, temperature, top_p
        self.rows = rows or (96 if model.device.type == "cpu" else 256)  # more than fit a CPU's cache are slower
        self.max_new_tokens, self.context = max_new_tokens, self.engine.context
        self.reader = Prefiller(self.engine, self, self.rows)
        plain = dtype in (None, torch.float32)
        self.autocast = nullcontext() if plain else torch.autocast(model.device.type, dtype)

    def stream(self) -> "Stream":
        """Return a stream of proposals: requests may be added at any time, and are answered as they are done."""
        return Stream(self)

    def propose(self, requests: list[GenerationRequest]) -> list[list[Candidate]]:
        """Return the candidates of each request, all decoded together; `request.state` None starts at the question."""
        stream, found = self.stream(), {}
        for number, request in enumerate(requests):
            stream.add(number, request)
        while len(found) < len(requests):
            found |= dict(stream.next())
        return [found[number] for number in range(len(requests))]

    def reply(self, contexts: list[Conversation], keys: list[str]) -> list[Candidate]:
        """Return one sampled reply to each context, drawn under its key; the cost counts as judging."""
        rows, read = [None] * len(contexts), [0] * len(contexts)
        with self.reading():
            for part in self.reader.read(contexts):
                for numbers, state, tokens in part:
                    read[numbers[0]] = tokens
                    for k in numbers:
                        asked = replace(contexts[k].task, qid=f"{contexts[k].task.qid}/{keys[k]}")
                        rows[k] = CandidateDecoding(
                            self, GenerationRequest(asked, None, (StageSpec("judge"),)), 0, state
                        )
            for picture in (True, False):  # rows with and without a picture cannot share a batch
                own = [row for row in rows if (row.state.picture is not None) == picture]
                self.pool().run(own)
        return [
            replace(row.candidate(), cost=Usage(judge=tokens + row.generated, calls=1, seconds=row.seconds))
            for row, tokens in zip(rows, read)
        ]

    def likelihoods(self, contexts: list[Conversation], options: list[list[str]]) -> list[tuple[list[float], Usage]]:
        """Return for each context every option's summed log-probability as its next words, and the cost as judging.

        Contexts with the same words are read, and paid for, once.
        """
        found, ids = [None] * len(contexts), [[self.ids(option) for option in own] for own in options]
        past = any(len(option) > 1 for own in ids for option in own)
        with self.reading():
            start = time.perf_counter()
            for part in self.reader.read(contexts, past):
                forks = [(state, option) for numbers, state, _ in part for k in numbers for option in ids[k]]
                chunks = [forks[first : first + self.rows] for first in range(0, len(forks), self.rows)]
                weighed = [self.engine.loglikelihoods(*map(list, zip(*chunk))) for chunk in chunks]
                scores = iter([score for some in weighed for score in some])
                share = (time.perf_counter() - start) / len(part)
                for numbers, _, read in part:
                    paid = Usage(judge=read, calls=1, seconds=share)
                    for k in numbers:
                        more = Usage(judge=sum(len(option) - 1 for option in ids[k]))
                        found[k] = [next(scores) for _ in ids[k]], paid + more
                        paid = Usage()
                start = time.perf_counter()
        return found

    def forget(self, qids=None) -> None:
        """Drop the pictures and prompts kept for these questions (None: for all)."""
        self.reader.forget(qids)

    def reading(self) -> ExitStack:
        """Return the context in which the model is called: no gradients, and the precision that was asked for."""
        stack = ExitStack()
        stack.enter_context(torch.inference_mode())
        stack.enter_context(self.autocast)
        return stack

    def pool(self) -> ContinuousBatch:
        """Return an empty batch of this decoder's size and temperature."""
        return ContinuousBatch(self.engine, self.rows, self.temperature, self.top_p)


class Stream:
    """Requests in, candidates out, in whatever order they are done; new rows enter as old ones leave."""

    def __init__(self, decoder: Decoder):
        self.decoder, self.pool, self.fresh, self.open = decoder, decoder.pool(), [], {}

    @property
    def hungry(self) -> bool:
        """Whether more requests would make better use of the batch."""
        return not self.fresh and self.pool.hungry

    def add(self, key, request: GenerationRequest) -> None:
        """Take a request; `key` comes back with its candidates."""
        self.fresh.append((key, request))

    def next(self) -> list[tuple[object, list[Candidate]]]:
        """Decode until a request or several are done; return them."""
        with self.decoder.reading():
            found = self._begin()
            while not found and self.open:
                for row in self.pool.advance():
                    found += self._done(row)
        return found

    def _begin(self):
        """Read new questions and lay their rows ready; beams over tokens are searched at once, all together."""
        fresh, self.fresh = self.fresh, []
        self.decoder.reader.encode([request.task for _, request in fresh if request.state is None])
        for key, request in fresh:
            if request.beams == 1:
                rows = self._rows(request)
                self.open |= {id(row): (key, rows) for row in rows}
                self.pool.add(rows)
        wide = [(key, request) for key, request in fresh if request.beams > 1]
        return [(key, [one]) for (key, _), one in zip(wide, beams(self.decoder, [request for _, request in wide]))]

    def _rows(self, request):
        root = self.decoder.reader.roots[request.task.qid]
        paid = root.pay()
        room = max(1, (request.budget - paid.prefilled) // request.n) if request.budget else None
        state, first = request.state or root.prompt, request.first
        return [
            CandidateDecoding(self.decoder, request, first + k, state, Usage() if k else paid, room)
            for k in range(request.n)
        ]

    def _done(self, row):
        key, rows = self.open.pop(id(row))
        if any(id(other) in self.open for other in rows):
            return []
        return [(key, [other.candidate() for other in rows])]
