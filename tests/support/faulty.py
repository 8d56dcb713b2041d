"""A teacher that is served badly: it speaks the protocol, and of its replies many are late, cut, refused or wrong.

with serve(Faulty()) as server: ...
python tests/faulty.py                  serves until it is killed; prints its address
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
SPOILT = ("no tags", "no caption", "left open", "refusal", "another answer")


class Faulty:
    """`fault` and `spoilt` are shares of the replies; `given` [(question, serial, what was spoilt)] are whole answers.

    Every whole answer carries its serial number, so that a log shows which of them its owner received.
    """

    def __init__(self, fault=0.2, spoilt=0.25, slow=0.1):
        self.fault, self.spoilt, self.slow = fault, spoilt, slow
        self.asked, self.given, self.faults = Counter(), [], Counter()
        self._lock = threading.Lock()

    def __call__(self, body, number):
        asked = body["messages"][0]["content"][-1]["text"]
        question, gold = re.search(r"Question: (.*)\nStandard answer: (.*)", asked).groups()
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
        """Return a staged answer, right or spoilt."""
        kind = rng.choice(SPOILT) if rng.random() < self.spoilt else ""
        with self._lock:
            serial = len(self.given)
            self.given.append((question, serial, kind))
        said = "I'm sorry, but I can't help with that." if kind == "refusal" else "I look and count."
        caption = "" if kind == "no caption" else "<CAPTION> A small picture. </CAPTION>"
        end = f"{int(gold) + 1}" if kind == "another answer" else gold
        text = f"<SUMMARY> Serial {serial}. </SUMMARY>\n\n{caption}\n\n<REASONING> {said} </REASONING>"
        text += f"\n\n<CONCLUSION> {end}" + ("" if kind == "left open" else " </CONCLUSION>")
        return re.sub(r"</?[A-Z]+>", "", text) if kind == "no tags" else text


def items(folder, n, pictures=16):
    """Write n questions about a few small pictures and return their file."""
    from PIL import Image

    (folder / "images").mkdir(parents=True)
    for k in range(pictures):
        Image.effect_noise((64, 64), 40 + k).convert("RGB").save(folder / "images" / f"{k}.png")
    with open(folder / "items.jsonl", "w", encoding="utf8") as file:
        for k in range(n):
            gold = int(hashlib.sha256(str(k).encode()).hexdigest()[:4], 16) % 50
            file.write(
                json.dumps(
                    {
                        "id": f"item-{k}",
                        "image": f"images/{k % pictures}.png",
                        "question": f"How many in {k}?",
                        "answer": gold,
                    }
                )
                + "\n"
            )
    return folder / "items.jsonl"


def received(log):
    """Return {key: serial} of a log's whole lines; a key that stands there twice is an error."""
    found, serials = defaultdict(list), {}
    for line in log.read_bytes().split(b"\n"):
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # torn by the kill
        found[entry["key"]].append(entry)
        serials[entry["key"]] = int(re.search(r"Serial (\d+)", entry["text"])[1])
    assert all(len(entries) == 1 for entries in found.values()), "an answer that had been received was asked for again"
    return serials


if __name__ == "__main__":
    server = Server(Faulty(slow=0.05))
    print(server.url, flush=True)
    server.serve_forever()
