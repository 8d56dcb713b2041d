"""Questions and dialogs read once: pictures encoded a batch at a time, and whatever words dialogs begin with in common.

    reader = Reader(engine, voice, rows=128)
    reader.encode(tasks)                             # the only time that their pictures go through the vision tower
    for part in reader.read(contexts):               # other dialogs about the same pictures
        for numbers, state, tokens in part: ...      # which contexts, the state behind them, tokens read for it

Two dialogs with the same words are read once; those about one question share the beginning that they have in common
(a judge's prompts repeat the question and the hint). What was not read is not on the ledger.
"""

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from os.path import commonprefix

from o1lib.inference.kv_cache import RowState
from o1lib.inference.model_runner import out_of_memory
from o1lib.records import UserError
from o1lib.search.types import Conversation, Task, Usage

# Prompt tokens read in one batch: on a CPU more than fit its cache are read at half the speed.
_AT_ONCE = {"cpu": 1200}
_AT_ONCE_ELSEWHERE = 32_000
_WORTH = 8  # a common beginning of fewer tokens is not worth a call of its own


@dataclass
class PromptCache:
    """A question that was read: its prompt, the prompt up to its picture, and what that cost until somebody pays."""

    prompt: RowState
    head: RowState
    unpaid: Usage

    def pay(self) -> Usage:
        """Return what reading the question cost, to the first who asks."""
        paid, self.unpaid = self.unpaid, Usage()
        return paid


class Prefiller:
    """Reads prompts in batches of at most `rows`, and keeps each question until it is forgotten."""

    def __init__(self, engine, voice, rows: int):
        self.engine, self.voice, self.rows = engine, voice, rows
        self.roots: dict[str, PromptCache] = {}
        self._beginnings: dict[str, RowState] = {}

    def forget(self, qids=None) -> None:
        """Drop these questions (None: all) with their pictures."""
        for qid in list(self.roots) if qids is None else qids:
            self.roots.pop(qid, None)
            self._beginnings.pop(qid, None)

    def encode(self, tasks: list[Task]) -> None:
        """Read picture and first turn of the tasks that are new.

        Raises UserError for a prompt longer than the model's context.
        """
        new = list({task.qid: task for task in tasks if task.qid not in self.roots}.values())
        beside = max((root.head.length for root in self.roots.values()), default=0)
        for numbers in self._parts([len(self.voice.ids(task.opening)) + beside for task in new]):
            part, start = [new[k] for k in numbers], time.perf_counter()
            roots = self._in_halves(self._prefilled, part)
            share = (time.perf_counter() - start) / len(part)
            for task, state in zip(part, roots):
                paid = Usage(prefilled=len(state.ids), images=1, seconds=share)
                self.roots[task.qid] = PromptCache(state, self._head(task, state), paid)

    def read(self, contexts: list[Conversation], past: bool = True) -> Iterator[list[tuple[list[int], RowState, int]]]:
        """Read the contexts a batch at a time, short ones first; `past` False leaves out keys and values."""
        self.encode([context.task for context in contexts if context.picture])
        jobs = {}
        for k, context in enumerate(contexts):
            jobs.setdefault((context.task.qid if context.picture else "", self._words(context)), []).append(k)
        self._fit((contexts[numbers[0]].task, ids) for (_, ids), numbers in jobs.items())
        before, paid = self._begun(list(jobs))
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
        inputs = dict(self.voice.inputs(tasks).to(self.engine.device))
        masks = inputs.pop("attention_mask").bool()
        ids = [row[mask].tolist() for row, mask in zip(inputs.pop("input_ids"), masks)]
        self._fit(zip(tasks, ids))
        inputs.pop("mm_token_type_ids", None)
        return self.engine.prefill(ids, inputs)

    def _head(self, task, state):
        """Return the past of a prompt up to its picture, behind which every other dialog about it goes on."""
        behind = self._behind_picture(self.voice.chat((task.opening,)))
        if list(state.ids[len(state.ids) - len(behind) :]) != behind:
            raise UserError(
                f"the processor writes question {task.qid} otherwise than its chat template does: "
                "its picture cannot be shared; use engine='one_at_a_time'"
            )
        return state.head(len(state.ids) - len(behind))

    def _behind_picture(self, chat):
        ids = self.voice.ids(chat)
        return ids[ids.index(self.engine.image_token) + 1 :]

    def _words(self, context):
        chat = self.voice.chat(context.users, context.replies, context.picture)
        ids = self._behind_picture(chat) if context.picture else self.voice.ids(chat)
        head = self.roots[context.task.qid].head.ids if context.picture else ()
        return (*head, *ids, *self.voice.ids(context.prefix))

    def _begun(self, keys):
        """Return the state behind which each key's tokens are read, and the tokens read for that by key."""
        before, paid, groups, jobs = {}, {}, {}, []
        for key in keys:
            groups.setdefault(key[0], []).append(key)
        for qid, group in groups.items():
            state = self._nearest(qid, group)
            common = commonprefix([ids for _, ids in group])[: min(len(ids) for _, ids in group) - 1]
            if qid and len(group) > 1 and len(common) - state.length >= _WORTH:
                jobs.append((qid, state, common))
            before |= dict.fromkeys(group, state)
        for part in self._parts([len(common) - state.length for _, state, common in jobs]):
            states = self._extended([jobs[k][1:] for k in part])
            for (qid, start, common), state in zip([jobs[k] for k in part], states):
                self._beginnings[qid] = state
                before |= dict.fromkeys(groups[qid], state)
                paid[groups[qid][0]] = len(common) - start.length
        return before, paid

    def _nearest(self, qid, group):
        """Return the longest known state that all of a question's keys begin with."""
        if not qid:
            return RowState()
        kept = self._beginnings.get(qid)
        if kept and all(ids[: kept.length] == kept.ids and len(ids) > kept.length for _, ids in group):
            return kept
        return self.roots[qid].head

    def _extended(self, jobs, past=True):
        def read(part):
            unread = [list(ids[state.length :]) for state, ids in part]
            return self.engine.extend([state for state, _ in part], unread, past)

        return self._in_halves(read, jobs)

    def _in_halves(self, do, part):
        """Return do(part), in halves of halves where the whole does not fit in memory."""
        try:
            return do(part)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            if len(part) == 1:
                raise UserError(
                    f"one prompt alone does not fit in the memory of {self.engine.device}: use a smaller "
                    "model or picture, or a machine with more memory"
                ) from error
            middle = self.rows = len(part) // 2
        warnings.warn("a batch of prompts does not fit in memory: smaller ones are read from now on", stacklevel=2)
        return self._in_halves(do, part[:middle]) + self._in_halves(do, part[middle:])

    def _fit(self, prompts):
        for task, ids in prompts:
            if len(ids) >= self.engine.context:
                raise UserError(
                    f"question {task.qid} takes {len(ids)} tokens but the model reads "
                    f"{self.engine.context}: shorten it, or leave the question out"
                )

    def _parts(self, lengths):
        """Yield the numbers of prompts that are read together, shortest first, padded to at most so many tokens."""
        most = _AT_ONCE.get(self.engine.device.type, _AT_ONCE_ELSEWHERE)
        part = []
        for k in sorted(range(len(lengths)), key=lengths.__getitem__):
            if part and (lengths[k] * (len(part) + 1) > most or len(part) >= self.rows):
                yield part
                part = []
            part.append(k)
        if part:
            yield part
