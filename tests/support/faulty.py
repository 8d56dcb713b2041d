"""A served teacher with faults: many of its replies are late, truncated, refused or wrong.

with serve(Faulty()) as server: ...
PYTHONPATH=tests python tests/support/faulty.py         # prints its address and serves until it is killed
"""

import hashlib
import json
import random
import re
import threading
import time
from collections import Counter, defaultdict

from support.served import JSON, Server, answer, cut, failure

FAULTS = ("429", "500", "slow", "cut", "no json", "no chat")
ERRORS = ("no tags", "no caption", "left open", "refusal", "another answer")


class Faulty:
    """Replies with a share `fault` of transport faults and a share `error` of wrong texts; slow ones take `slow` s.

    `given` lists the complete answers as (question, serial, kind of error). Every complete answer contains its serial
    number, so a log shows which answers its owner received.
    """

    def __init__(self, fault=0.2, error=0.25, slow=0.1):
        self.fault, self.error, self.slow = fault, error, slow
        self.asked, self.given, self.faults = Counter(), [], Counter()
        self._lock = threading.Lock()

    def __call__(self, body, number):
        text = body["messages"][0]["content"][-1]["text"]
        question, gold = re.search(r"Question: (.*)\nStandard answer: (.*)", text).groups()
        with self._lock:
            self.asked[question] += 1
            rng = random.Random(f"{question}/{self.asked[question]}")
        fault = rng.choice(FAULTS) if rng.random() < self.fault else ""
        if fault:
            self.faults[fault] += 1
        if fault == "slow":
            time.sleep(self.slow)
        elif fault:
            return {
                "429": failure(429, {"Retry-After": "0"}),
                "500": failure(500),
                "cut": cut("x" * 500),
                "no json": (200, JSON, b"{'choices': "),
                "no chat": (200, JSON, b'{"error": "overloaded"}'),
            }[fault]
        return answer(self.text(question, gold, rng), 900, 150)

    def text(self, question, gold, rng):
        """Return a staged answer, right or with an error."""
        kind = rng.choice(ERRORS) if rng.random() < self.error else ""
        with self._lock:
            serial = len(self.given)
            self.given.append((question, serial, kind))
        reasoning = "I'm sorry, but I can't help with that." if kind == "refusal" else "I look and count."
        caption = "" if kind == "no caption" else "<CAPTION> A small picture. </CAPTION>"
        end = f"{int(gold) + 1}" if kind == "another answer" else gold
        text = f"<SUMMARY> Serial {serial}. </SUMMARY>\n\n{caption}\n\n<REASONING> {reasoning} </REASONING>"
        text += f"\n\n<CONCLUSION> {end}" + ("" if kind == "left open" else " </CONCLUSION>")
        return re.sub(r"</?[A-Z]+>", "", text) if kind == "no tags" else text


def items(folder, n, pictures=16):
    """Write n questions about a few small pictures into a folder, and return the file of questions."""
    from PIL import Image

    (folder / "images").mkdir(parents=True)
    for k in range(pictures):
        Image.effect_noise((64, 64), 40 + k).convert("RGB").save(folder / "images" / f"{k}.png")
    with open(folder / "items.jsonl", "w", encoding="utf8") as file:
        for k in range(n):
            gold = int(hashlib.sha256(str(k).encode()).hexdigest()[:4], 16) % 50
            line = {"id": f"item-{k}", "image": f"images/{k % pictures}.png", "question": f"How many in {k}?"}
            file.write(json.dumps(line | {"answer": gold}) + "\n")
    return folder / "items.jsonl"


def received(log):
    """Return {key: serial} of a log's complete lines; a key that occurs twice fails the test."""
    found, serials = defaultdict(list), {}
    for line in log.read_bytes().split(b"\n"):
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # the kill truncated this line
        found[entry["key"]].append(entry)
        serials[entry["key"]] = int(re.search(r"Serial (\d+)", entry["text"])[1])
    assert all(len(entries) == 1 for entries in found.values()), "a received answer was requested again"
    return serials


if __name__ == "__main__":
    server = Server(Faulty(slow=0.05))
    print(server.url, flush=True)
    server.serve_forever()
