"""A teacher for the kill campaign whose reply depends on the question alone: one in six is dropped by the filter.

PYTHONPATH=tests python tools/kill_teacher.py          # prints its address and serves until it is killed
"""

import hashlib
import re
import time

from support.served import Server, answer


def main() -> None:
    """Serve on loopback, each reply after 20 ms."""

    def respond(body, number):
        text = body["messages"][0]["content"][-1]["text"]
        question, gold = re.search(r"Question: (.*)\nStandard answer: (.*)", text).groups()
        kind = int(hashlib.sha256(question.encode()).hexdigest(), 16) % 12
        time.sleep(0.02)
        said = str(int(gold) + 1) if kind == 0 else gold
        staged = f"<SUMMARY> I count. </SUMMARY>\n\n<CAPTION> Grün. </CAPTION>\n\n<REASONING> {question} </REASONING>"
        return answer(staged + ("" if kind == 1 else f"\n\n<CONCLUSION> {said} </CONCLUSION>"), 900, 150)

    server = Server(respond)
    print(server.url, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
