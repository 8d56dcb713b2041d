"""Prefill each question once: pictures are encoded in batches, and chats share the prefixes that they have in common.

    prefiller = Prefiller(runner, chat, rows=128)
    prefiller.encode(tasks)                              # the only time that their pictures are encoded
    for part in prefiller.read(conversations):           # other chats about the same pictures
        for numbers, state, tokens in part: ...          # which conversations, the state after them, tokens read for it

Two chats with the same words are read once. Chats about one question share their common prefix (a judge's prompts
repeat the question and the hint). The usage counts only tokens that were read.
"""

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from os.path import commonprefix

from o1lib.inference.kv_cache import RowState
from o1lib.inference.model_runner import CannotFork, out_of_memory
from o1lib.records import UserError
from o1lib.search.types import Conversation, Task, Usage

# Prompt tokens read in one batch. A CPU reads more than fit its cache at half the speed.
_AT_ONCE = {"cpu": 1200}
_AT_ONCE_ELSEWHERE = 32_000
_SHORTEST_PREFIX = 8  # tokens; a shorter common prefix does not repay a call of its own


@dataclass
class PromptCache:
    """A prefilled question: its prompt, the prompt up to the picture, and the cost that no candidate has paid."""

    prompt: RowState
    head: RowState
    unpaid: Usage

    def pay(self) -> Usage:
        """Return the cost of prefilling the question at the first call, and no cost afterwards."""
        paid, self.unpaid = self.unpaid, Usage()
        return paid


def too_long(task: Task, tokens: int, context: int) -> UserError:
    """Return the error for a prompt that leaves no room for an answer in the model's context."""
    return UserError(
        f"question {task.qid} takes {tokens} tokens but the model reads {context}: "
        "shorten it, or leave the question out"
    )


class Prefiller:
    """Reads prompts in batches of at most `rows`. `cached` holds each question by its qid until it is forgotten."""

    def __init__(self, runner, chat, rows: int):
        self.runner, self.chat, self.rows = runner, chat, rows
        self.cached: dict[str, PromptCache] = {}
        self._prefixes: dict[str, RowState] = {}

    def forget(self, qids=None) -> None:
        """Drop these questions (None: all) with their pictures."""
        for qid in list(self.cached) if qids is None else qids:
            self.cached.pop(qid, None)
            self._prefixes.pop(qid, None)

    def encode(self, tasks: list[Task]) -> None:
        """Prefill picture and first turn of the tasks that are new.

        Raises UserError for a prompt longer than the model's context.
        """
        new = list({task.qid: task for task in tasks if task.qid not in self.cached}.values())
        before = max((one.head.length for one in self.cached.values()), default=0)
        for numbers in self._parts([len(self.chat.ids(task.opening)) + before for task in new]):
            part, start = [new[k] for k in numbers], time.perf_counter()
            states = self._in_halves(self._prefilled, part)
            share = (time.perf_counter() - start) / len(part)
            for task, state in zip(part, states):
                paid = Usage(prefilled=len(state.ids), images=1, seconds=share)
                self.cached[task.qid] = PromptCache(state, self._head(task, state), paid)

    def read(
        self, conversations: list[Conversation], past: bool = True
    ) -> Iterator[list[tuple[list[int], RowState, int]]]:
        """Read the conversations in batches, short ones first; `past` False leaves out keys and values.

        Yields batches of (numbers of the conversations with the same words, their state, tokens read for them). Raises
        UserError for a conversation longer than the model's context.
        """
        self.encode([one.task for one in conversations if one.picture])
        jobs = {}
        for k, one in enumerate(conversations):
            jobs.setdefault((one.task.qid if one.picture else "", self._tokens(one)), []).append(k)
        self._check_lengths((conversations[numbers[0]].task, ids) for (_, ids), numbers in jobs.items())
        before, paid = self._with_prefixes(list(jobs))
        for picture in (False, True):  # rows with and without a picture cannot share a batch
            keys = [key for key in jobs if bool(key[0]) == picture]
            for numbers in self._parts([len(key[1]) - before[key].length for key in keys]):
                part = [keys[k] for k in numbers]
                states = self._extended([(before[key], key[1]) for key in part], past)
                yield [
                    (jobs[key], state, paid.get(key, 0) + len(key[1]) - before[key].length)
                    for key, state in zip(part, states)
                ]

    def _prefilled(self, tasks):
        inputs = dict(self.chat.inputs(tasks).to(self.runner.device))
        masks = inputs.pop("attention_mask").bool()
        ids = [row[mask].tolist() for row, mask in zip(inputs.pop("input_ids"), masks)]
        self._check_lengths(zip(tasks, ids))
        inputs.pop("mm_token_type_ids", None)
        return self.runner.prefill(ids, inputs)

    def _head(self, task, state):
        """Return the state of a prompt up to its picture, from which every other chat about the picture continues."""
        after = self._after_picture(self.chat.render((task.opening,)))
        if list(state.ids[len(state.ids) - len(after) :]) != after:
            raise CannotFork(
                f"the processor and the chat template give different tokens for question {task.qid}, so candidates "
                "cannot share its picture"
            )
        return state.head(len(state.ids) - len(after))

    def _after_picture(self, text):
        ids = self.chat.ids(text)
        if self.runner.image_token in ids:
            return ids[ids.index(self.runner.image_token) + 1 :]
        mark = self.chat.unmarked.marks.search(text)  # Gemma 3's template marks a picture by another token
        return self.chat.ids(text[mark.end() :]) if mark else ids

    def _tokens(self, conversation):
        """Return all tokens of a conversation, those of its picture included."""
        text = self.chat.render(conversation.users, conversation.replies, conversation.picture)
        ids = self._after_picture(text) if conversation.picture else self.chat.ids(text)
        head = self.cached[conversation.task.qid].head.ids if conversation.picture else ()
        return (*head, *ids, *self.chat.ids(self.chat.unmarked(conversation.prefix)))

    def _with_prefixes(self, keys):
        """Prefill common prefixes; return by key the state from which it continues, and the tokens read for that."""
        before, paid, groups, jobs = {}, {}, {}, []
        for key in keys:
            groups.setdefault(key[0], []).append(key)
        for qid, group in groups.items():
            state = self._nearest(qid, group)
            common = commonprefix([ids for _, ids in group])[: min(len(ids) for _, ids in group) - 1]
            if qid and len(group) > 1 and len(common) - state.length >= _SHORTEST_PREFIX:
                jobs.append((qid, state, common))
            before |= dict.fromkeys(group, state)
        for part in self._parts([len(common) - state.length for _, state, common in jobs]):
            states = self._extended([jobs[k][1:] for k in part])
            for (qid, start, common), state in zip([jobs[k] for k in part], states):
                self._prefixes[qid] = state
                before |= dict.fromkeys(groups[qid], state)
                paid[groups[qid][0]] = len(common) - start.length
        return before, paid

    def _nearest(self, qid, group):
        """Return the longest cached state that is a prefix of all of a question's keys."""
        if not qid:
            return RowState()
        kept = self._prefixes.get(qid)
        if kept and all(ids[: kept.length] == kept.ids and len(ids) > kept.length for _, ids in group):
            return kept
        return self.cached[qid].head

    def _extended(self, jobs, past=True):
        def read(part):
            unread = [list(ids[state.length :]) for state, ids in part]
            return self.runner.extend([state for state, _ in part], unread, past)

        return self._in_halves(read, jobs)

    def _in_halves(self, do, part):
        """Return do(part), in ever smaller halves if the whole does not fit in memory."""
        try:
            return do(part)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            if len(part) == 1:
                raise UserError(
                    f"one prompt alone does not fit in the memory of {self.runner.device}: use a smaller "
                    "model or picture, or a machine with more memory"
                ) from error
            middle = self.rows = len(part) // 2
        warnings.warn("a batch of prompts does not fit in memory: continuing with smaller ones", stacklevel=2)
        return self._in_halves(do, part[:middle]) + self._in_halves(do, part[middle:])

    def _check_lengths(self, prompts):
        for task, ids in prompts:
            if len(ids) >= self.runner.context:
                raise too_long(task, len(ids), self.runner.context)

    def _parts(self, lengths):
        """Yield the numbers of prompts that are read together, shortest first, within the limit of padded tokens."""
        most = _AT_ONCE.get(self.runner.device.type, _AT_ONCE_ELSEWHERE)
        part = []
        for k in sorted(range(len(lengths)), key=lengths.__getitem__):
            if part and (lengths[k] * (len(part) + 1) > most or len(part) >= self.rows):
                yield part
                part = []
            part.append(k)
        if part:
            yield part
