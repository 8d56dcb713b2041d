"""Odd replies of served models: good ones are kept, others are named in the server's words."""

import codecs
import json

import pytest
from support.served import JSON, answer, body, serve

from o1lib.data.annotation.teacher import AnnotationRequest, Judge, filter_verdict
from o1lib.formats.stages import STAGES, render
from o1lib.models.endpoint import Endpoint, ReplyLog, Request
from o1lib.models.endpoint.keys import cleaned
from o1lib.records import UserError

KEY = "a" * 64


def ask(text="a", **more):
    return Request([{"role": "user", "content": text}], **more)


@pytest.fixture
def endpoint(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-0123456789")
    return lambda server, **more: Endpoint(
        server.url, "m", **({"log": tmp_path / "log.jsonl", "backoff": 0.01, "timeout": 5.0, "attempts": 3} | more)
    )


def says(finish="stop", more=None, **message):
    return body({"choices": [{"message": message, "finish_reason": finish}]} | (more or {}))


# ---------------------------------------------------------------- logs of earlier versions


@pytest.mark.parametrize(
    "old", [{"text": ""}, {"text": "B", "finish": "content_filter"}, {"text": "<think> B </think>"}], ids=str
)
def test_a_logged_line_that_is_no_answer_is_asked_again_once(endpoint, tmp_path, old):
    with serve(lambda _, number: answer("B")) as server:
        used = endpoint(server)
        line = {"key": used._key(ask()), "model": "m", "prompt_tokens": 5, "completion_tokens": 6} | old
        (tmp_path / "log.jsonl").write_text(json.dumps(line) + "\n")
        for _ in range(2):
            assert endpoint(server).answer(ask()).text == "B"
        assert len(server.bodies) == 1
        assert endpoint(server)._log.tokens == {"m": [12, 9]}  # what it cost is still counted


def test_the_later_of_two_lines_holds(tmp_path):
    log = ReplyLog(tmp_path / "log.jsonl")
    for text in ("first", "second"):
        log.put(KEY, {"text": text})
    assert log.get(KEY)["text"] == ReplyLog(tmp_path / "log.jsonl").get(KEY)["text"] == "second"


# ---------------------------------------------------------------- half characters


def test_half_a_character_in_a_request_is_sent_as_a_question_mark(endpoint):
    with serve(lambda _, number: answer("B")) as server:
        assert endpoint(server).answer(ask([{"type": "text", "text": "What\ud800"}])).text == "B"
    assert server.bodies[0]["messages"][0]["content"][0]["text"] == "What?"


def test_half_a_character_in_a_reply_is_a_question_mark(endpoint):
    with serve(lambda _, number: answer("B\udc00", finish="stop\ud800")) as server:
        for _ in range(2):
            found = endpoint(server).answer(ask())
            assert (found.text, found.finish) == ("B?", "stop?")


# ---------------------------------------------------------------- bodies


@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
def test_an_empty_body_is_an_empty_reply(endpoint, kind):
    with serve(lambda _, number: (200, {"Content-Type": kind}, b"\n") if number == 1 else answer("B")) as server:
        assert endpoint(server).answer(ask()).text == "B"
    with serve(lambda _, number: (200, {"Content-Type": kind}, b"")) as server:
        assert endpoint(server).answer(ask("c")).error == "the reply is empty"


def test_a_byte_order_mark_before_json_is_passed_over(endpoint):
    marked = (200, {"Content-Type": "text/plain"}, codecs.BOM_UTF8 + answer("B")[2])
    with serve(lambda _, number: marked) as server:
        assert endpoint(server).answer(ask()).text == "B"


# ---------------------------------------------------------------- good replies


@pytest.mark.parametrize(
    "reply",
    [
        says(content="B", more={"usage": [1]}),
        says(content="B", more={"usage": "many"}),
        says(content=[{"text": "B"}]),
        says(content="B", more={"error": {"code": 0, "message": ""}}),
        (200, JSON, says(content="B", more={"usage": {"prompt_tokens": 77}})[2].replace(b"77", b"9" * 5000)),
    ],
)
def test_a_good_answer_with_an_odd_field_is_kept(endpoint, reply):
    with serve(lambda _, number: reply) as server:
        found = endpoint(server).answer(ask())
    assert (found.text, found.error, len(server.bodies)) == ("B", "", 1)


# ---------------------------------------------------------------- reasons for the end


@pytest.mark.parametrize(
    "finish", ["abort", "error", "insufficient_system_resource", "SAFETY", "prohibited_content", "content_filter"]
)
def test_a_reply_that_the_server_broke_off_is_no_answer(endpoint, tmp_path, finish):
    with serve(lambda _, number: answer("It is", finish=finish)) as server:
        assert f"(finish_reason {finish})" in endpoint(server).answer(ask()).error
    assert '"text"' not in (tmp_path / "log.jsonl").read_text()


def test_a_text_cut_at_the_limit_is_an_answer_with_its_problem_named(endpoint):
    with serve(lambda _, number: answer("It is", finish="length")) as server:
        found = endpoint(server).answer(ask())
    assert (found.text, found.error, found.problem) == ("It is", "", "cut off at the token limit")


# ---------------------------------------------------------------- the server's words

REFUSED = [b'{"error": "no such picture"}', b'{"detail": "no such picture"}', b"no such picture",
           b'[{"error": {"message": "no such picture"}}]', b'{"message": "no such picture"}']  # fmt: skip


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize("words", REFUSED)
def test_a_refusal_keeps_the_servers_words(endpoint, status, words):
    with serve(lambda _, number: (status, JSON, words)) as server:
        assert endpoint(server, attempts=1).answer(ask()).error == f"HTTP {status}: no such picture"


def test_a_port_that_is_no_number_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(UserError, match="base_url must be an address such as"):
        Endpoint("http://127.0.0.1:abc/v1", "m", tmp_path / "log.jsonl")


def test_the_problem_of_a_judges_server_is_kept(endpoint):
    text = render(dict.fromkeys(STAGES, "seven dots") | {"conclusion": "a kind of bird"})
    with serve(lambda _, number: (400, JSON, REFUSED[0])) as server:
        found = filter_verdict(text, AnnotationRequest("q", "", "What?", "a sparrow"), Judge(endpoint(server)))
    assert found == ({}, "no answer from the judge: HTTP 400: no such picture")


def test_a_short_stand_in_for_a_key_changes_no_message():
    assert cleaned("banana", "a") == "banana"
    assert cleaned("wrong key long-secret", "long-secret") == "wrong key ***"


# ---------------------------------------------------------------- keys in addresses


@pytest.mark.parametrize(
    "end",
    [
        "?k=sk-abc987", "?access=abc987", "?bearer=abc987", "?jwt=abc987", "?pass=abc987", "/sk-abc987/v1",
        "?apiKey=abc987", "?api%5Fkey=abc987", "?version=sk-abc987", "?sk-abc987", "?a=1;key=abc987", "?q=abc987abc987",
    ],
)  # fmt: skip
def test_any_key_in_an_address_is_refused(tmp_path, end):
    with pytest.raises(UserError, match="without user name, password or key") as caught:
        Endpoint(f"http://127.0.0.1:1/v1{end}", "m", tmp_path / "log.jsonl")
    assert "abc987" not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    ["max_tokens=5", "author=me", "tokenizer=a", "keyword=x", "turkey=1", "api-version=2024-10-21-preview",
     "deployment=my-deployment-7"],
)  # fmt: skip
def test_a_harmless_name_in_an_address_is_no_key(tmp_path, query):
    Endpoint(f"http://127.0.0.1:1/v1?{query}", "m", tmp_path / "log.jsonl").close()
