"""A scripted chat server for searches: it writes the stages that it is asked for, without any model.

    with serve(Speaker()) as server: ...
    Speaker(lacks=["n", "stop"])                # ignores these; one of "n", "stop", "continuation", "logprobs"
    Speaker(judge="Both are fine, I think.")    # a judge that answers prose

Candidate k of a request says so, and the judge prefers the response with the smaller number. A request in whose stage
`faults(body, number)` gives a reply gets that reply instead.
"""

import json
import re
import threading
import time

from support.served import JSON

from o1lib.formats.stages import STAGES, close_tag, open_tag

PREFERS = "Since it has fewer errors, I choose response {k}."


class Speaker:
    """The responses; `given` counts whole replies by request, `busiest` is the largest number of calls at one time."""

    def __init__(self, lacks=(), judge="", faults=None, tags=True, price_of_prompt=100, cached=0, slow=0.0):
        self.lacks, self.judge, self.faults, self.tags = set(lacks), judge, faults, tags
        self.prompt, self.cached, self.slow = price_of_prompt, cached, slow
        self.given, self.order, self.now, self.busiest, self.lock = {}, [], 0, 0, threading.Lock()

    def __call__(self, body, number):
        with self.lock:
            self.now += 1
            self.busiest = max(self.busiest, self.now)
        try:
            time.sleep(self.slow)
            return (self.faults and self.faults(body, number)) or self._whole(body)
        finally:
            with self.lock:
                self.now -= 1

    def _whole(self, body):
        with self.lock:
            key = json.dumps(body, sort_keys=True)
            self.given[key] = self.given.get(key, 0) + 1
            self.order.append(said(body)[:60])
        n = 1 if "n" in self.lacks else body.get("n", 1)
        seed = body.get("seed", 0)
        choices = [self._choice(body, seed + k, k) for k in range(n)]
        read = self.prompt - 10 * ("continue_final_message" in body and "continuation" not in self.lacks)
        usage = {"prompt_tokens": read, "completion_tokens": 5 * n}
        if self.cached:
            usage["prompt_tokens_details"] = {"cached_tokens": self.cached}
        return 200, JSON, json.dumps({"choices": choices, "usage": usage}).encode()

    def _choice(self, body, draw, k):
        text, stops = self._text(body, draw), [] if "stop" in self.lacks else body.get("stop", [])
        stopped = next((stop for stop in stops if stop in text), None)
        found = {"index": k, "finish_reason": "stop", "stop_reason": stopped}
        found["message"] = {"role": "assistant", "content": text.partition(stopped)[0] if stopped else text}
        if "logprobs" in body and "logprobs" not in self.lacks:
            found["logprobs"] = {"content": [{"token": "x", "logprob": -0.1 * (1 + draw % 7)}] * 5}
        return found

    def _text(self, body, draw):
        asked = said(body)
        if both := re.findall(r"Repsonse \d: .*?by (\d+)", asked, re.S):
            first, second = map(int, both)
            return self.judge or PREFERS.format(k=1 if first <= second else 2)
        if not self.tags:
            return f"It is plainly so, by {draw}."
        rest = [stage for stage in STAGES if f"{close_tag(stage)}" not in before(body)]
        begin = "\n\n" if before(body) else ""
        return begin + "\n\n".join(f"{open_tag(stage)} {stage} by {draw} {close_tag(stage)}" for stage in rest)


def said(body):
    """Return the words of the last user turn of a request."""
    content = [one["content"] for one in body["messages"] if one["role"] == "user"][-1]
    return content if isinstance(content, str) else content[-1]["text"]


def before(body):
    """Return the beginning of the reply: the open assistant turn, or what was sent again in the prompt."""
    last = body["messages"][-1]
    if last["role"] == "assistant":
        return last["content"]
    return said(body).partition("Your answer so far:")[2].partition("Go on exactly")[0]
