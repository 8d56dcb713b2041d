"""The journal of finished questions, when its lines are cut short or edited."""

import json
from dataclasses import asdict

import pytest
from hypothesis import HealthCheck, given, settings
from support.odd import TEXTS, VALUES, damaged, mutated

from o1lib.evaluation.probes.forced import Request
from o1lib.evaluation.probes.reply_journal import kept_replies
from o1lib.evaluation.resume import FinishedQuestions
from o1lib.search.segments import Segment
from o1lib.search.types import SearchResult, Task, Usage

SETTINGS = {"method": "greedy", "seed": 0}
USED = Usage(generated=3, seconds=0.25)
ROW = {"test_set": "mini-MMStar", "family": "f", "correct": True, "output": "größer", "candidates": []}
ROW |= {"ledger": asdict(USED)}


def add(journal, qid):
    task = Task(qid, "How many?", None, ())
    tree = SearchResult(task, "greedy", 1, (), (Segment("all", "größer"),), USED, False)
    journal.add(tree, ROW | {"qid": qid})


@pytest.fixture
def path(tmp_path):
    """A journal of three questions."""
    journal = FinishedQuestions(tmp_path / "searched.jsonl", SETTINGS)
    for qid in ("q0", "q1", "q2"):
        add(journal, qid)
    return tmp_path / "searched.jsonl"


def test_questions_are_read_back(path):
    found = FinishedQuestions(path, SETTINGS).found
    assert list(found) == ["q0", "q1", "q2"] and found["q1"].row == ROW | {"qid": "q1"}
    assert found["q1"].segments == (Segment("all", "größer"),)


def test_a_journal_cut_inside_a_character_loses_one_question(path, capsys):
    text = path.read_bytes()
    path.write_bytes(text[: text.rindex("ß".encode()) + 1])
    assert list(FinishedQuestions(path, SETTINGS).found) == ["q0", "q1"]
    assert "searched.jsonl: 1 line could not be read, so their questions are searched again" in capsys.readouterr().err
    assert list(FinishedQuestions(path, SETTINGS).found) == ["q0", "q1"] and capsys.readouterr().err == ""


@pytest.mark.parametrize("case", TEXTS)
def test_an_odd_line_loses_no_other_question(path, case):
    head, *lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([head, lines[0], TEXTS[case], *lines[1:], b""]))
    journal = FinishedQuestions(path, SETTINGS)
    add(journal, "q3")
    assert list(FinishedQuestions(path, SETTINGS).found) == ["q0", "q1", "q2", "q3"]


EDITS = [{"qid": "q9"}, {"qid": ["q1"]}, {"qid": None}, {"kept": 5}, {"kept": None}, {"kept": {}}]


@pytest.mark.parametrize("values", EDITS)
def test_an_edited_line_is_searched_again(path, values):
    lines = path.read_bytes().splitlines()
    lines[2] = json.dumps(json.loads(lines[2]) | values).encode()
    path.write_bytes(b"\n".join([*lines, b""]))
    assert list(FinishedQuestions(path, SETTINGS).found) == ["q0", "q2"]


@pytest.mark.parametrize("name", [*ROW, "qid"])
@pytest.mark.parametrize("value", [None, 5, [[1]], "x"])
def test_a_prediction_of_another_form_is_searched_again(path, name, value):
    lines = path.read_bytes().splitlines()
    line = json.loads(lines[2])
    kept = type(line["kept"]["row"][name]) is type(value) and name != "qid"
    line["kept"]["row"][name] = value
    lines[2] = json.dumps(line).encode()
    path.write_bytes(b"\n".join([*lines, b""]))
    assert ("q1" in FinishedQuestions(path, SETTINGS).found) is kept


LEDGERS = [{}, {"money": 1.0}, {"generated": "3"}, {"generated": 4}, {"seconds": float("nan")}, {"seconds": 1e999}]


@pytest.mark.parametrize("values", LEDGERS)
def test_a_prediction_with_another_cost_than_its_search_is_searched_again(path, values):
    lines = path.read_bytes().splitlines()
    line = json.loads(lines[2])
    line["kept"]["row"]["ledger"] = line["kept"]["row"]["ledger"] | values if values else {}
    lines[2] = json.dumps(line).encode()
    path.write_bytes(b"\n".join([*lines, b""]))
    assert list(FinishedQuestions(path, SETTINGS).found) == ["q0", "q2"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_number_that_no_record_can_hold_is_searched_again(path, number):
    lines = path.read_bytes().splitlines()
    lines[2] = lines[2].replace(b'"candidates": []', f'"candidates": [{{"logprob": {number}}}]'.encode())
    path.write_bytes(b"\n".join([*lines, b""]))
    assert list(FinishedQuestions(path, SETTINGS).found) == ["q0", "q2"]


LINE = {"qid": "q0", "kept": {"method": "greedy", "n": 1, "rounds": [], "segments": [], "stopped": False}}
LINE["kept"] |= {"usage": asdict(USED), "row": ROW | {"qid": "q0"}}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(line=mutated(LINE) | VALUES)
def test_whatever_a_line_holds_it_is_a_prediction_or_dropped(tmp_path, line):
    path = tmp_path / "fuzzed.jsonl"
    head = json.dumps({"settings": SETTINGS}, ensure_ascii=False)
    path.write_text(f"{head}\n{json.dumps(line)}\n", encoding="utf8")
    for qid, kept in FinishedQuestions(path, SETTINGS).found.items():
        assert kept.row["qid"] == qid and isinstance(kept.row["correct"], bool)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=damaged(json.dumps({"settings": SETTINGS}).encode() + b"\n" + json.dumps(LINE).encode() + b"\n"))
def test_whatever_is_cut_out_the_next_question_is_kept(tmp_path, text):
    path = tmp_path / "cut.jsonl"
    path.write_bytes(text)
    add(FinishedQuestions(path, SETTINGS), "new")
    assert "new" in FinishedQuestions(path, SETTINGS).found


# ---------------------------------------------------------------- replies to probes


@pytest.mark.parametrize("text", [*TEXTS.values(), b'{"key": 5, "text": "x"}', b'{"key": "k", "text": null}', b"{}"])
def test_an_odd_line_among_kept_replies_loses_no_other(tmp_path, text):
    asked, requests = [], [Request((f"How many in {k}?",), (), "", "", None) for k in range(3)]
    path = tmp_path / "replies.jsonl"
    texts = kept_replies(lambda new: [f"größer {one.users[0]}" for one in new], path, {})(requests)
    path.write_bytes(path.read_bytes() + text + b"\n")
    again = kept_replies(lambda new: asked.extend(new) or ["new"] * len(new), path, {})
    assert again(requests) == texts and asked == []


def test_kept_replies_cut_inside_a_character_lose_one(tmp_path):
    asked, requests = [], [Request((f"How many in {k}?",), (), "", "", None) for k in range(3)]
    path = tmp_path / "replies.jsonl"
    kept_replies(lambda new: ["größer"] * len(new), path, {})(requests)
    path.write_bytes(path.read_bytes()[: path.read_bytes().rindex("ß".encode()) + 1])
    again = kept_replies(lambda new: asked.extend(new) or ["größer"] * len(new), path, {})
    assert again(requests) == ["größer"] * 3 and asked == requests[2:]
