"""Batched decoding for searches: the picture is encoded once, candidates are forked, winners continue from the cache.

All candidates of all questions are decoded together until their stage ends. Draws are keyed by (seed, question, stage,
candidate), so a candidate does not depend on what else is in the batch (in float32; lower precisions round differently
in different batches). Papers A and B sample at temperature 0.6, top_p 0.9. Each candidate carries its cost.

    decoder = Decoder(model, processor, seed=0)
    [[candidate]] = decoder.propose([GenerationRequest(task, None, task.stages, greedy=True)])
    candidate.text                                   # "<SUMMARY> ... </CONCLUSION>"
"""

import time
from contextlib import ExitStack, nullcontext
from dataclasses import replace

import torch

from o1lib.inference.candidate import CandidateDecoding
from o1lib.inference.chat import ChatTokenizer, ends_of
from o1lib.inference.conformance import why_not
from o1lib.inference.continuous_batch import ContinuousBatch
from o1lib.inference.model_runner import CannotFork, ModelRunner
from o1lib.inference.prefill import Prefiller
from o1lib.inference.token_beam import beams
from o1lib.search.segments import StageSpec
from o1lib.search.types import Candidate, Conversation, GenerationRequest, Usage


class Decoder:
    """Generates candidates and replies, and weighs options.

    `rows` is the batch size (0: what suits the device). At most twice as many candidates are decoded at a time: those
    whose texts are equal share a row, and take a row each once they differ. `max_new_tokens` bounds one stage;
    `temperature` 0 is greedy; a `dtype` below float32 switches autocast on. With `lean`, tokens are decoded by the
    model's lean step if it has one (lean_mllama.py). `chat` is the model's chat tokenizer, `runner` runs the model,
    `prefiller` reads prompts. `has_output`: the model has given at least one finite log-probability.

    Two questions are replayed first (conformance.py); `replayed` False leaves that out. Raises CannotFork, a UserError,
    for a model that this engine would not run as the model's own forward pass does. Raises UserError for a model
    without a picture input and for a prompt longer than the model's context.
    """

    engine, why = "batched", ""

    def __init__(
        self, model, processor, seed=0, temperature=0.6, top_p=0.9, max_new_tokens=256, rows=0, dtype=None, *,
        replayed=True, lean=True,
    ):  # fmt: skip
        self.chat, self.runner = ChatTokenizer(processor, ends_of(model)), ModelRunner(model, lean)
        self.seed, self.temperature, self.top_p = seed, temperature, top_p
        self.rows = rows or (96 if model.device.type == "cpu" else 256)  # more than fit a CPU's cache are slower
        self.max_new_tokens, self.context, self.has_output = max_new_tokens, self.runner.context, False
        self.prefiller = Prefiller(self.runner, self.chat, self.rows)
        self.dtype = None if dtype == torch.float32 else dtype
        self.autocast = torch.autocast(model.device.type, dtype) if self.dtype else nullcontext()
        if replayed and (why := why_not(self)):
            raise CannotFork(f"{type(model).__name__} cannot be run in a batch: {why}")

    @property
    def short(self) -> bool:
        """Whether the model is asked to judge in the short form of the prompts."""
        return self.chat.short

    def stream(self) -> "Stream":
        """Return a stream: requests may be added at any time, and are answered as they are finished."""
        return Stream(self)

    def propose(self, requests: list[GenerationRequest]) -> list[list[Candidate]]:
        """Return the candidates of each request, all decoded together; `request.state` None starts at the question."""
        stream, found = self.stream(), {}
        for number, request in enumerate(requests):
            stream.add(number, request)
        while len(found) < len(requests):
            found |= dict(stream.next())
        return [found[number] for number in range(len(requests))]

    def reply(
        self, conversations: list[Conversation], keys: list[str], greedy: bool = False, most: int | None = None,
        stages: int = 1,
    ) -> list[Candidate]:  # fmt: skip
        """Return one reply to each conversation, drawn under its key; the cost counts as judging.

        With `greedy` the temperature is 0. A reply has room for `stages` stages of `max_new_tokens` each; `most` bounds
        its tokens further.
        """
        rows, read = [None] * len(conversations), [0] * len(conversations)
        spec = StageSpec("judge", length_factor=stages)
        with self.reading():
            for part in self.prefiller.read(conversations):
                for numbers, state, tokens in part:
                    read[numbers[0]] = tokens
                    for k in numbers:
                        task = conversations[k].task
                        keyed = replace(task, qid=f"{task.qid}/{keys[k]}")
                        request = GenerationRequest(keyed, None, (spec,), greedy=greedy)
                        rows[k] = CandidateDecoding(self, request, 0, state, room=most)
            for picture in (True, False):  # rows with and without a picture cannot share a batch
                own = [row for row in rows if (row.state.picture is not None) == picture]
                self.new_batch().run(own)
        return [
            replace(row.candidate(), cost=Usage(judge=tokens + row.generated, calls=1, seconds=row.seconds))
            for row, tokens in zip(rows, read)
        ]

    def likelihoods(
        self, conversations: list[Conversation], options: list[list[str]]
    ) -> list[tuple[list[float], Usage]]:
        """Return each option's summed log-probability as the next words of its conversation, and the cost as judging.

        Conversations with the same words are read, and paid for, once.
        """
        found, ids = [None] * len(conversations), [[self.chat.ids(option) for option in own] for own in options]
        past = any(len(option) > 1 for own in ids for option in own)
        with self.reading():
            start = time.perf_counter()
            for part in self.prefiller.read(conversations, past):
                scores = iter(self._weighed(part, ids))
                share = (time.perf_counter() - start) / len(part)
                for numbers, _, read in part:
                    paid = Usage(judge=read, calls=1, seconds=share)
                    for k in numbers:
                        more = Usage(judge=sum(len(option) - 1 for option in ids[k]))
                        found[k] = [next(scores) for _ in ids[k]], paid + more
                        paid = Usage()
                start = time.perf_counter()
        return found

    def _weighed(self, part, ids):
        """Return the log-probability of every option of the conversations in a part, in order."""
        forks = [(state, option) for numbers, state, _ in part for k in numbers for option in ids[k]]
        chunks = [forks[first : first + self.rows] for first in range(0, len(forks), self.rows)]
        return [score for chunk in chunks for score in self.runner.loglikelihoods(*map(list, zip(*chunk)))]

    def forget(self, qids=None) -> None:
        """Drop the pictures and prompts kept for these questions (None: for all)."""
        self.prefiller.forget(qids)

    def reading(self) -> ExitStack:
        """Return the context in which the model is called: no gradients, and the precision that was asked for."""
        stack = ExitStack()
        stack.enter_context(torch.inference_mode())
        stack.enter_context(self.autocast)
        return stack

    def new_batch(self) -> ContinuousBatch:
        """Return an empty batch of this decoder's size and temperature."""
        return ContinuousBatch(self.runner, self.rows, self.temperature, self.top_p)


class Stream:
    """Requests in, candidates out, in the order in which they are finished; new rows enter as old ones leave."""

    def __init__(self, decoder: Decoder):
        self.decoder, self.batch, self.added, self.open = decoder, decoder.new_batch(), [], {}

    @property
    def hungry(self) -> bool:
        """Whether more requests would make better use of the batch."""
        return not self.added and self.batch.hungry

    def add(self, key, request: GenerationRequest) -> None:
        """Take a request; `key` comes back with its candidates."""
        self.added.append((key, request))

    def next(self) -> list[tuple[object, list[Candidate]]]:
        """Decode until one or more requests are finished; return them."""
        with self.decoder.reading():
            found = self._begin()
            while not found and self.open:
                for row in self.batch.advance():
                    found += self._finished(row)
        return found

    def _begin(self):
        """Prefill new questions and queue their rows; beams over tokens are searched at once, all together."""
        added, self.added = self.added, []
        self.decoder.prefiller.encode([request.task for _, request in added if request.state is None])
        for key, request in added:
            if request.beams == 1:
                rows = self._rows(request)
                self.open |= {id(row): (key, rows) for row in rows}
                self.batch.add(rows)
        wide = [(key, request) for key, request in added if request.beams > 1]
        return [(key, [one]) for (key, _), one in zip(wide, beams(self.decoder, [request for _, request in wide]))]

    def _rows(self, request):
        cached = self.decoder.prefiller.cached[request.task.qid]
        paid = cached.pay()
        room = max(1, (request.budget - paid.prefilled) // request.n) if request.budget else None
        state = request.state or cached.prompt
        return [
            CandidateDecoding(self.decoder, request, request.first + k, state, Usage() if k else paid, room)
            for k in range(request.n)
        ]

    def _finished(self, row):
        """Return the request of a finished row with its candidates, if it was the last one of the request."""
        key, rows = self.open.pop(id(row))
        if any(id(other) in self.open for other in rows):
            return []
        return [(key, [other.candidate() for other in rows])]
