"""Reading takes time in proportion to the text, on the worst texts that were found; `pytest -s` prints the times."""

import time

import pytest

from o1lib.data.annotation.teacher import filter_verdict
from o1lib.evaluation.extraction_check import tool_rule
from o1lib.evaluation.graders.client import GraderReply, read
from o1lib.formats.judge_prompts import parse_verdict
from o1lib.formats.stages import parse_plain
from o1lib.formats.thoughts import answer_part, conclusion, unfenced, without_thoughts
from o1lib.minivqa.facts import check_steps
from o1lib.models.endpoint import ReplyLog
from o1lib.scoring import correct, extract
from o1lib.scoring.choices import read_choice
from o1lib.scoring.open_answers import read_open

FOUR = ("red", "blue", "dark blue", "green")
PIECES = (
    *("a", " ", "\n", "\n ", ".", "(", "A ", "A, ", "(A)", "A is not ", "not A ", "A, B and ", "1", "1,000", "111,", "1/"),
    *("1e9 ", "is 1, ", "[1, ", ": 111,111, ", "= $", "**1**", "× 10^", "10", "\\boxed{", "\\frac{", "{", "}", "\\"),
    *("answer is ", "answer: ", "option is the ", "the answer to this ", "yes, ", "so no", "no. ", "Yes\n", "Is it? "),
    *("I hope this helps! ", "if you have ", "Note: ", "</s>", "<think>", "</think>", "<think></think>", "<answer>"),
    *("<CONCLUSION>", "</CONCLUSION>", "<REASONING> x ", "(Here begins the ", "```", '{"a": ', "} ", "A. red\n"),
    *("A. red\nB. blue\nC. dark blue\nD. green\n", "答案", "选", "不是A、", "红", "です", "red is not ", "not blue, ", "'", "¬"),
)


class Verdict(GraderReply):
    """The smallest reply of a judge."""

    verdict: int


READERS = {
    "extract a choice": lambda text: extract(text, FOUR),
    "extract an open answer": extract,
    "read a choice": lambda text: read_choice(text[-20_000:], FOUR),
    "read an open answer": lambda text: read_open(text[-20_000:]),
    "leave out thoughts": lambda text: (without_thoughts(text), answer_part(text), unfenced(text)),
    "read the conclusion": conclusion,
    "read paragraphs": parse_plain,
    "read a judge's reply": lambda text: read("{" + text, Verdict),
    "read a verdict": lambda text: parse_verdict(text, strict=True),
    "check steps": lambda text: check_steps(text, ("2 cups",), frozenset()),
    "name the rule of a tool": lambda text: tool_rule(text, FOUR, pro=True),
    "compare with a gold answer": lambda text: correct(text[:2000], text[1:2001]),
}
SIZE = 4_000  # characters, doubled once; whole texts of any length are cut before they are read


def seconds(read_text, text):
    """Return the least processor time of three readings."""
    times = []
    for _ in range(3):
        started = time.process_time()
        read_text(text)
        times.append(time.process_time() - started)
    return min(times)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_twice_the_text_takes_at_most_about_twice_the_time(name):
    worst = {}
    for piece in PIECES:
        for text in (piece, f"{piece}x"):
            short, long = (seconds(READERS[name], (text * n)[:n]) for n in (SIZE, 2 * SIZE))
            worst[text] = (long, long / max(short, 1e-3))  # a millisecond is below what a busy machine can time
    text, (took, ratio) = max(worst.items(), key=lambda one: one[1][0])
    print(f"\n{name}: {took * 1000:.1f} ms for {2 * SIZE:,} characters of {text!r}, {ratio:.1f} times those for half")
    steep = {text: ratio for text, (took, ratio) in worst.items() if ratio > 3 and took > 0.02}
    assert steep == {} and took < 2


@pytest.mark.parametrize("piece", ["A, B and ", "not A ", "111,", "red is not ", "<think>", "答案", "1e9 "])
def test_no_more_than_the_end_of_a_long_text_is_read(piece):
    short, long = (seconds(lambda text: extract(text, FOUR), piece * (n // len(piece))) for n in (25_000, 1_000_000))
    assert long < 5 * short + 0.2


def test_a_judges_reply_with_many_blanks_is_refused_at_once():
    started = time.process_time()
    assert read("{}" + " " * 200_000 + "x", Verdict) is None
    assert time.process_time() - started < 1


def test_a_long_logged_reply_is_read_once(tmp_path):
    log = ReplyLog(tmp_path / "replies.jsonl")
    log.put("0" * 64, {"text": "x" * 30_000_000})
    log.put("1" * 64, {"text": "y"})
    started = time.process_time()
    assert len(log.get("0" * 64)["text"]) == 30_000_000 and log.get("1" * 64)["text"] == "y"
    assert time.process_time() - started < 2
