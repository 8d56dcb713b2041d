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
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch

from .cache import State
from .engine import Engine
from .pieces import Piece, Step
from .records import UserError
from .rows import Pool, Row
from .tree import Candidate, Ledger, Propose, Task, keyed

_MARK = "%%reply%%"


@dataclass(frozen=True)
class Context:
    """A dialog about a task's picture (or without it): user turns, the replies between them, the begun last reply."""

    task: Task
    users: tuple[str, ...]
    replies: tuple[str, ...] = ()
    prefix: str = ""
    picture: bool = True


class Decoder:
    """A model that proposes, replies and weighs options, at most `rows` rows at a time.

    `max_new_tokens` bounds one stage; `temperature` 0 is greedy; a `dtype` below float32 switches autocast on.
    `short` says whether the model is so small that it is asked to judge in the short form of prompts.py.
    Raises UserError for a model without a picture input and for a prompt longer than the model's context.
    """

    def __init__(self, model, processor, seed=0, temperature=0.6, top_p=0.9, max_new_tokens=256, rows=128, dtype=None):
        self.engine, self.processor, self.tokenizer = Engine(model), processor, processor.tokenizer
        self.seed, self.temperature, self.top_p, self.max_new_tokens, self.rows = (
            seed,
            temperature,
            top_p,
            max_new_tokens,
            rows,
        )
        self.autocast = nullcontext() if dtype in (None, torch.float32) else torch.autocast(model.device.type, dtype)
        eos = model.generation_config.eos_token_id
        self.eos = {*(eos if isinstance(eos, list) else [eos]), self.tokenizer.eos_token_id} - {None}
        self.short = len(self.tokenizer) < 5000
        self._hidden = self.eos | {self.tokenizer.pad_token_id, self.tokenizer.bos_token_id}
        self._words, self._turns = {}, {}
        self.forget()

    def propose(self, requests: list[Propose]) -> list[list[Candidate]]:
        """Return the candidates of each request, all decoded together; `request.state` None starts at the question."""
        with torch.inference_mode(), self.autocast:
            self._encode([request.task for request in requests if request.state is None])
            rows = [
                [self._row(request, request.first + k) for k in range(request.n)] if request.beams == 1 else []
                for request in requests
            ]
            self._run([row for own in rows for row in own])
            return [[row.candidate() for row in own] or [self._beam(request)] for own, request in zip(rows, requests)]

    def reply(self, contexts: list[Context], keys: list[str]) -> list[Candidate]:
        """Return one sampled reply to each context, drawn under its key; the cost counts as judging."""
        with torch.inference_mode(), self.autocast:
            states = self._read(contexts)
            rows = [
                Row(self, Propose(replace(c.task, qid=f"{c.task.qid}/{key}"), None, (Step("judge"),)), 0, state)
                for c, key, state in zip(contexts, keys, states)
            ]
            self._run(rows)
        return [
            replace(row.candidate(), cost=Ledger(judge=len(state.ids) + row.generated, calls=1, seconds=row.seconds))
            for row, state in zip(rows, states)
        ]

    def likelihoods(self, contexts: list[Context], options: list[list[str]]) -> list[tuple[list[float], Ledger]]:
        """Return for each context every option's summed log-probability as its next words, and the cost as judging."""
        start = time.perf_counter()
        ids = [[self._ids(option) for option in own] for own in options]
        with torch.inference_mode(), self.autocast:
            states = self._read(contexts)
            pairs = [(state, option) for state, own in zip(states, ids) for option in own]
            parts = [pairs[first : first + self.rows] for first in range(0, len(pairs), self.rows)]
            scores = iter([score for part in parts for score in self.engine.loglikelihoods(*map(list, zip(*part)))])
        share = (time.perf_counter() - start) / max(1, len(contexts))
        return [
            (
                [next(scores) for _ in own],
                Ledger(judge=len(state.ids) + sum(len(option) - 1 for option in own), calls=1, seconds=share),
            )
            for state, own in zip(states, ids)
        ]

    def forget(self) -> None:
        """Drop the pictures and prompts kept for the questions so far."""
        self._roots: dict[str, State] = {}
        self._unpaid: dict[str, Ledger] = {}  # what reading a question cost, until its first candidate pays it

    def text(self, ids) -> str:
        """Return the words of tokens, without the tokens that end or pad a turn."""
        return self.tokenizer.decode([token for token in ids if token not in self._hidden])

    def word(self, token: int) -> str:
        """Return the text of one token."""
        if token not in self._words:
            self._words[token] = self.tokenizer.decode([token])
        return self._words[token]

    def turn_ids(self, turn: str, ids) -> list[int]:
        """Return the tokens that end the assistant's turn after `ids`, say the user turn, and open the next reply."""
        if turn not in self._turns:
            self._turns[turn] = self._ids(self._chat(("", turn), (_MARK,)).split(_MARK)[1])
        tokens = self._turns[turn]
        return tokens[1:] if ids and ids[-1] == tokens[0] else tokens

    def _row(self, request, index):
        state = request.state or self._roots[request.task.qid]
        return Row(self, request, index, state, self._unpaid.pop(request.task.qid, Ledger()))

    def _run(self, rows):
        for picture in (True, False):  # rows with and without a picture cannot share a batch
            own = [row for row in rows if (row.state.picture is not None) == picture]
            Pool(self.engine, self.rows, self.temperature, self.top_p).run(own)

    def _ids(self, text):
        return self.tokenizer(text, add_special_tokens=False).input_ids

    def _chat(self, users, replies=(), picture=True):
        """Return the chat as text, up to where the assistant speaks next; the picture stands in the first user turn."""
        chat = []
        for k, user in enumerate(users):
            image = [{"type": "image"}] if picture and not k else []
            chat.append({"role": "user", "content": [*image, {"type": "text", "text": user}]})
            chat += [
                {"role": "assistant", "content": [{"type": "text", "text": reply}]} for reply in replies[k : k + 1]
            ]
        return self.processor.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)

    def _inputs(self, tasks):
        texts, pictures = [self._chat((task.opening,)) for task in tasks], [[task.image] for task in tasks]
        return self.processor(
            images=pictures,
            text=texts,
            padding=True,
            padding_side="left",
            add_special_tokens=False,
            return_tensors="pt",
        ).to(self.engine.device)

    def _encode(self, tasks):
        """Read picture and question of the tasks that are new, a batch at a time."""
        new = list({task.qid: task for task in tasks if task.qid not in self._roots}.values())
        for first in range(0, len(new), self.rows):
            part, start = new[first : first + self.rows], time.perf_counter()
            inputs = dict(self._inputs(part))
            masks = inputs.pop("attention_mask").bool()
            ids = [row[mask].tolist() for row, mask in zip(inputs.pop("input_ids"), masks)]
            self._fits(part, ids)
            states = self.engine.prefill(ids, inputs.pop("cross_attention_mask")[:, -1], inputs)
            for task, state in zip(part, states):
                self._roots[task.qid] = state
                self._unpaid[task.qid] = Ledger(
                    prefilled=len(state.ids), images=1, seconds=(time.perf_counter() - start) / len(part)
                )

    def _fits(self, tasks, ids):
        for task, row in zip(tasks, ids):
            if len(row) >= self.engine.context:
                raise UserError(
                    f"question {task.qid} takes {len(row)} tokens but the model reads {self.engine.context}: shorten it"
                )

    def _read(self, contexts):
        """Read each context's words beside its picture, whose keys and values are there already; shortest first."""
        self._encode([context.task for context in contexts if context.picture])
        ids = [self._ids(self._chat(c.users, c.replies, c.picture)) + self._ids(c.prefix) for c in contexts]
        self._fits([context.task for context in contexts], ids)
        states = [State(picture=self._roots[c.task.qid].picture if c.picture else None) for c in contexts]
        for picture in (False, True):
            own = sorted((k for k, c in enumerate(contexts) if c.picture == picture), key=lambda k: len(ids[k]))
            for first in range(0, len(own), self.rows):
                part = own[first : first + self.rows]
                for k, state in zip(part, self.engine.extend([states[k] for k in part], [ids[k] for k in part])):
                    states[k] = state
        return states

    def _beam(self, request):
        """Return one continuation through the request's one step by the library's beam search over tokens.

        As LlamaV-o1's eval/inference.py runs it: prefix and picture are encoded again for every stage, and with a
        temperature it is beam-multinomial sampling.
        """
        task, step, start = request.task, request.steps[0], time.perf_counter()
        paid = self._unpaid.pop(task.qid, Ledger())
        state = request.state or self._roots[task.qid]
        before = [*state.ids, *(self.turn_ids(step.turn, state.ids) if step.turn is not None else [])]
        tokens = self._beams(request, step, before)
        if before[state.length :]:
            state = self.engine.extend([state], [before[state.length :]])[0]
        logprob = self.engine.loglikelihoods([state], [tokens])[0]
        text = self.text(tokens)
        end = next((stop for stop in step.stop if stop in text), "eos" if tokens[-1] in self.eos else "length")
        piece = Piece(
            step.stage, text, logprob, len(tokens), end, step.stop[-1] if step.stop else "eos", step.turn is not None
        )
        cost = Ledger(len(tokens) * request.beams, 0, len(before), request.beams, 1, time.perf_counter() - start)
        return Candidate(request.first, (piece,), State((*before, *tokens), picture=state.picture), paid + cost)

    def _beams(self, request, step, before):
        inputs = self._inputs([request.task])
        cross, ids = inputs["cross_attention_mask"], torch.tensor([before], device=self.engine.device)
        grown = cross[:, -1:].expand(-1, len(before) - cross.shape[1], -1, -1)
        inputs |= {
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
            "cross_attention_mask": torch.cat([cross, grown], 1),
        }
        how = (
            {"do_sample": True, "temperature": self.temperature, "top_p": self.top_p}
            if self.temperature > 0
            else {"do_sample": False}
        )
        stops = {"stop_strings": list(step.stop), "tokenizer": self.tokenizer} if step.stop else {}
        with torch.random.fork_rng():
            torch.manual_seed(int(keyed(self.seed, request.task.qid, step.stage, "beams").integers(2**62)))
            out = self.engine.model.generate(
                **inputs,
                **how,
                **stops,
                num_beams=request.beams,
                max_new_tokens=self.max_new_tokens,
                pad_token_id=self.engine.pad,
                eos_token_id=list(self.eos),
            )
        tokens = out[0, len(before) :].tolist()
        ends = [k for k, token in enumerate(tokens) if token in self.eos]
        return tokens[: ends[0] + 1] if ends else tokens
