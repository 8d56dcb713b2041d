"""A chat-completions server over this project's engine, with what vLLM documents for searches.

`n` choices, choice k of which is drawn under the request's seed plus k; `stop` strings, left out of the text and named
in `stop_reason`; `continue_final_message`; `logprobs`. Requests that wait together are decoded together.

    with reference(decoder, keys=draw_keys(seed, tasks)) as server:
        ServedDecoder(Endpoint(server.url, "m", log=...))

`decoder` gives model, temperature and top_p: a request's own are not read, except for temperature 0. `keys` maps seeds
to the engine's own keys (question, stage, candidate). Under such a seed the engine draws as in a search of its own.
"""

import base64
import hashlib
import io
import json
import queue
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field

from PIL import Image
from support.served import JSON, failure, serve

from o1lib.inference.candidate import CandidateDecoding
from o1lib.inference.served.decoder import seed_of
from o1lib.search.segments import StageSpec
from o1lib.search.types import Conversation, GenerationRequest, Task

KNOWN = {
    "model", "messages", "max_tokens", "temperature", "top_p", "n", "stop", "seed", "logprobs", "top_logprobs",
    "continue_final_message", "add_generation_prompt",
}  # fmt: skip


def draw_keys(seed, tasks, judge=(), most=8):
    """Return {seed of a request: (question, stage, candidate)} for the stages of the tasks, and for `judge` keys."""
    named = [(task.qid, spec.stage) for task in tasks for spec in task.stages]
    named += [(f"{task.qid}/{key}", "judge") for task in tasks for key in judge]
    return {seed_of(seed, *name) + k: (*name, k) for name in named for k in range(most)}


class Recorded(CandidateDecoding):
    """A candidate that keeps its tokens with their log-probabilities."""

    def push(self, token, logprob):
        self.__dict__.setdefault("drawn", []).append((token, logprob))
        return super().push(token, logprob)


@dataclass
class Job:
    """A request that waits for its turn in a batch."""

    body: dict
    conversation: Conversation
    ended: threading.Event = field(default_factory=threading.Event)
    reply: tuple = ()


class Reference:
    """The server's responses. It ignores the fields named in `ignores` and refuses those in `refuses` (status 422)."""

    def __init__(self, decoder, keys=None, ignores=(), refuses=()):
        self.decoder, self.keys, self.ignores, self.refuses = decoder, keys or {}, set(ignores), set(refuses)
        self.waiting, self.answered = queue.SimpleQueue(), []
        threading.Thread(target=self._work, daemon=True).start()

    def __call__(self, body, number):
        if unknown := (set(body) - KNOWN) | (set(body) & self.refuses):
            return failure(422, message=f"Unexpected fields in the request: {sorted(unknown)}")
        body = {name: value for name, value in body.items() if name not in self.ignores}
        if body.get("n", 1) > 1 and not body["temperature"]:
            return failure(400, message="n must be 1 when using greedy sampling")
        job = Job(body, conversation_of(body))
        self.waiting.put(job)
        job.ended.wait()
        self.answered.append(body)
        return job.reply

    def _work(self):
        while True:
            jobs = [self.waiting.get()]
            while not self.waiting.empty() and len(jobs) < 32:
                jobs.append(self.waiting.get())
            try:
                self._answer(jobs)
            except Exception as error:
                for job in jobs:
                    job.reply = job.reply or failure(500, message=repr(error))
            for job in jobs:
                job.ended.set()

    def _answer(self, jobs):
        decoder, rows, states = self.decoder, {}, {}
        with decoder.reading():
            for part in decoder.prefiller.read([job.conversation for job in jobs]):
                for numbers, state, _ in part:
                    for k in numbers:
                        rows[k], states[k] = self._rows(jobs[k], state), state
            for picture in (True, False):
                own = [row for job in rows for row in rows[job] if (row.state.picture is not None) == picture]
                decoder.new_batch().run(own)
        for k, job in enumerate(jobs):
            job.reply = self._completion(job.body, rows[k], states[k])

    def _rows(self, job, state):
        body, stops = job.body, job.body.get("stop", ())
        found = []
        for k in range(body.get("n", 1)):
            seed = body.get("seed", 0) + k
            qid, stage, index = self.keys.get(seed, ("", "seed", seed))
            task = Task(qid, "", None, ())
            request = GenerationRequest(task, None, (StageSpec(stage, tuple(stops)),), greedy=not body["temperature"])
            found.append(Recorded(self.decoder, request, index, state, room=body["max_tokens"]))
        return found

    def _completion(self, body, rows, state):
        choices = [self._choice(body, row, k, state) for k, row in enumerate(rows)]
        read, written = len(state.ids), sum(row.generated for row in rows)
        usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
        whole = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": usage}
        return 200, JSON, json.dumps(whole).encode()

    def _choice(self, body, row, k, state):
        [segment] = row.candidate().segments
        stopped = segment.end if segment.end not in ("eos", "length") else None
        text = segment.text[: segment.text.index(stopped)] if stopped else segment.text
        found = {"index": k, "message": {"role": "assistant", "content": text}, "stop_reason": stopped}
        found["finish_reason"] = "length" if segment.end == "length" else "stop"
        if body.get("logprobs"):
            words = [{"token": self.decoder.chat.word(token), "logprob": logprob} for token, logprob in row.drawn]
            found["logprobs"] = {"content": words}
            if most := body.get("top_logprobs"):
                likely = state.logits.float().log_softmax(-1).topk(most)
                words[0]["top_logprobs"] = [
                    {"token": self.decoder.chat.word(token), "logprob": logprob}
                    for token, logprob in zip(likely.indices.tolist(), likely.values.tolist())
                ]
        return found


def conversation_of(body):
    """Return a request's messages as a conversation; its task is the picture."""
    users, replies, prefix, picture = [], [], "", None
    for message in body["messages"]:
        content = message["content"]
        if message["role"] == "assistant":
            replies.append(content)
            continue
        for part in content if isinstance(content, list) else []:
            if part["type"] == "image_url":
                picture = base64.b64decode(part["image_url"]["url"].partition(",")[2])
        users.append(content if isinstance(content, str) else content[-1]["text"])
    if body.get("continue_final_message") and not body.get("add_generation_prompt", True):
        prefix = replies.pop()
    image = Image.open(io.BytesIO(picture)) if picture else None
    task = Task(hashlib.sha256(picture or b"").hexdigest(), "", image, ())
    return Conversation(task, tuple(users), tuple(replies), prefix, picture is not None)


@contextmanager
def reference(decoder, **how):
    """Run the server in threads; `server.respond` is its Reference."""
    with serve(Reference(decoder, **how)) as server:
        yield server
