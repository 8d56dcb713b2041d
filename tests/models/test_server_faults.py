"""What real servers get wrong: a reply without an answer is named and asked again, and nothing else stops or spends."""

import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest
from support.served import answer, body, drip, failure, serve

from o1lib.models.endpoint import Endpoint, ReplyLog, Request, cache, transport
from o1lib.records import UserError

SECRET = "sk-very-secret-0123456789"


def ask(text="a", **more):
    return Request([{"role": "user", "content": text}], **more)


def says(finish="stop", usage=None, **message):
    """Return a completion with these fields in its message."""
    made = {"choices": [{"message": message, "finish_reason": finish}]}
    return body(made | ({"usage": usage} if usage is not None else {}))


@pytest.fixture
def endpoint(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)

    def make(server, **more):
        options = {"log": tmp_path / "log.jsonl", "backoff": 0.01, "timeout": 5.0} | more
        return Endpoint(getattr(server, "url", server), "m", **options)

    return make


def logged(tmp_path):
    """Return the lines of the log that are answers."""
    lines = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    return [line for line in lines if "text" in line]


# ---------------------------------------------------------------- replies without an answer

EMPTY = {
    "an empty text": (says(content=""), "the reply is empty"),
    "white space": (says(content=" \n"), "the reply is empty"),
    "null beside thoughts": (says(content=None, reasoning="So it is B."), "thoughts but no text"),
    "null beside thoughts of vLLM": (says(content=None, reasoning_content="So it is B."), "thoughts but no text"),
    "null at the token limit": (says("length", content=None), "token limit was reached before any text (max_tokens is"),
    "filtered, null": (says("content_filter", content=None), "the server filtered the reply"),
    "filtered half way": (says("content_filter", content="It is B, because"), "the server filtered the reply"),
    "thoughts as parts": (says(content=[{"type": "thinking", "thinking": "B."}]), "the reply is empty"),
    "thoughts in the text": (says(content="<think> It is B. </think>\n"), "thoughts but no text"),
    "thoughts that never end": (
        says("length", content="<think> It is B, or"),
        "token limit was reached before any text",
    ),
    "no parts": (says(content=[]), "the reply is empty"),
}


@pytest.mark.parametrize("kind", EMPTY)
def test_a_reply_without_an_answer_is_named_and_asked_again(endpoint, tmp_path, kind):
    reply, words = EMPTY[kind]
    with serve(lambda body, number: reply) as server:
        used = endpoint(server)
        (found,) = used.ask([ask()])
        assert words in found.error and found.text == "" and len(server.bodies) == 3
        assert logged(tmp_path) == [] and used.usage.failed == 1
        (again,) = endpoint(server).ask([ask()])
        assert again.error and len(server.bodies) == 6  # the next run asks again


def test_an_answer_after_an_empty_reply_counts(endpoint, tmp_path):
    with serve(lambda body, number: says(content="") if number == 1 else answer("B")) as server:
        (found,) = endpoint(server).ask([ask()])
    assert (found.text, found.error) == ("B", "") and [line["text"] for line in logged(tmp_path)] == ["B"]


def test_tokens_of_an_empty_reply_are_paid_for(endpoint):
    empty = says("length", {"prompt_tokens": 10, "completion_tokens": 30}, content=None)
    with serve(lambda body, number: empty) as server:
        used = endpoint(server, concurrency=1, max_tokens_total=100, prices={"m": (1e6, 1e6)})
        with pytest.raises(UserError, match="max_tokens_total=100 is spent"):
            list(used.ask(map(ask, "ab")))
        assert used.usage.prompt_tokens + used.usage.completion_tokens == used.usage.money == 120
        with pytest.raises(UserError, match="is spent"):  # the log holds it for the next run
            endpoint(server, max_tokens_total=100).answer(ask("c"))
        assert len(server.bodies) == 3


# ---------------------------------------------------------------- texts in other forms


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "The answer "}, {"type": "text", "text": "is B."}], "The answer is B."),
        ([{"type": "thinking", "thinking": "A?"}, {"type": "text", "text": "B"}], "B"),
        ([{"type": "output_text", "text": "B"}], "B"),
        (["The answer ", "is B."], "The answer is B."),
        ([{"type": "refusal", "refusal": "I cannot say."}], "I cannot say."),
    ],
)
def test_a_text_in_parts_is_joined_without_its_thoughts(endpoint, content, text):
    with serve(lambda body, number: says(content=content)) as server:
        assert endpoint(server).answer(ask()).text == text


@pytest.mark.parametrize("content", [3, {"text": "B"}, [{"type": "text", "text": 3}], [7], True])
def test_a_text_of_another_kind_is_asked_again(endpoint, content):
    with serve(lambda body, number: says(content=content) if number == 1 else answer("B")) as server:
        assert endpoint(server).answer(ask()).text == "B"


# ---------------------------------------------------------------- errors that come as a success


@pytest.mark.parametrize(
    "reply",
    [
        {"error": {"message": "context of 4096 tokens exceeded", "code": "context_length_exceeded"}},
        {"error": "context of 4096 tokens exceeded"},
        {"object": "error", "message": "context of 4096 tokens exceeded", "code": 400},
        {"choices": [], "error": {"message": "context of 4096 tokens exceeded", "code": 400}},
        {"choices": [{"error": {"message": "context of 4096 tokens exceeded"}, "message": {"content": ""}}]},
        {"detail": "context of 4096 tokens exceeded"},
    ],
)
def test_an_error_in_a_success_is_told_in_the_servers_words(endpoint, tmp_path, reply):
    with serve(lambda _, number: body(reply)) as server:
        found = endpoint(server).answer(ask())
        assert "context of 4096 tokens exceeded" in found.error and len(server.bodies) == 1
    assert logged(tmp_path) == []


@pytest.mark.parametrize("error", [{"message": "x", "code": 503}, "overloaded", {"message": "Rate limit reached"}])
def test_an_error_in_a_success_that_passes_is_asked_again(endpoint, error):
    with serve(lambda _, number: body({"error": error}) if number == 1 else answer("B")) as server:
        assert endpoint(server).answer(ask()).text == "B"


@pytest.mark.parametrize("code", ["insufficient_quota", "invalid_api_key", 401])
def test_an_error_in_a_success_that_needs_the_user_stops(endpoint, code):
    with (
        serve(lambda _, number: body({"error": {"message": "no", "code": code}})) as server,
        pytest.raises(UserError, match="check the key in OPENAI_API_KEY"),
    ):
        endpoint(server).answer(ask())


# ---------------------------------------------------------------- counts of tokens

ABSURD = [-5, -1e308, 1e308, float("inf"), float("-inf"), float("nan"), "7", [], True, 10**30]


@pytest.mark.parametrize("count", ABSURD, ids=str)
def test_an_absurd_count_neither_stops_nor_spends(endpoint, count):
    usage = {"prompt_tokens": count, "completion_tokens": count}
    with serve(lambda _, number: says(usage=usage, content="B")) as server:
        used = endpoint(server, max_tokens_total=1000, prices={"m": (1.0, 1.0)})
        assert [reply.text for reply in used.ask(map(ask, "abc"))] == ["B"] * 3
        again = endpoint(server, max_tokens_total=1000)
        assert [reply.text for reply in again.ask(map(ask, "abcd"))] == ["B"] * 4
    assert used.usage.estimated == 3 and 0 < used.usage.prompt_tokens < 100 and 0 < used.usage.money < 1


def test_an_absurd_count_does_not_give_budget_back(endpoint):
    def reply(_, number):
        return says(usage={"prompt_tokens": 60, "completion_tokens": -50}, content="B")

    with serve(reply) as server, pytest.raises(UserError, match="max_tokens_total=100 is spent"):
        list(endpoint(server, concurrency=1, max_tokens_total=100).ask(map(ask, "abc")))


# ---------------------------------------------------------------- time and size of a call


@pytest.mark.slow
def test_a_reply_that_drips_is_bounded_as_a_whole(endpoint):
    """Each byte comes in time, but the whole would take a minute."""
    with serve(lambda _, number: drip(answer("B"), 600, 0.1) if number == 1 else answer("B")) as server:
        used, began = endpoint(server, timeout=0.5), time.monotonic()
        assert used.answer(ask()).text == "B" and time.monotonic() - began < 5
    assert used.usage.retries == 1


@contextmanager
def dripping_headers():
    """A server that never ends its headers; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stop = threading.Event()

        def run():
            while not stop.is_set():
                try:
                    with listening.accept()[0] as connection:
                        connection.sendall(b"HTTP/1.1 200 OK\r\n")
                        while not stop.wait(0.05):
                            connection.sendall(b"X-A: b\r\n")
                except OSError:
                    pass

        threading.Thread(target=run, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        stop.set()


@pytest.mark.slow
def test_headers_that_drip_are_bounded_as_a_whole(endpoint):
    with dripping_headers() as address:
        began = time.monotonic()
        found = endpoint(address, timeout=0.4, attempts=1).answer(ask())
    assert "no whole reply within 0.4 seconds" in found.error and time.monotonic() - began < 3


def test_a_reply_without_end_is_given_up(endpoint, monkeypatch):
    monkeypatch.setattr(transport, "MOST_BYTES_OF_A_REPLY", 100_000)
    with serve(lambda _, number: answer("x" * 200_000) if number == 1 else answer("B")) as server:
        assert endpoint(server).answer(ask()).text == "B" and len(server.bodies) == 2


# ---------------------------------------------------------------- keys


def test_a_key_in_an_address_is_refused_without_repeating_it(tmp_path):
    for query in ("api_key=abc987", "key=abc987", "access_token=abc987", "x=1&subscription-key=abc987", "sig=abc987"):
        with pytest.raises(UserError, match="environment variable OPENAI_API_KEY") as caught:
            Endpoint(f"http://127.0.0.1:1/v1?{query}", "m", tmp_path / "log.jsonl")
        assert "abc987" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_harmless_query_reaches_the_server_and_is_not_shown(endpoint):
    paths = []
    with serve(lambda _, number: answer("B")) as server:
        server.RequestHandlerClass = type(
            "Recording",
            (server.RequestHandlerClass,),
            {"do_POST": lambda self: (paths.append(self.path), super(type(self), self).do_POST())},
        )
        used = endpoint(f"{server.url}?api-version=2024-10-21")
        assert used.answer(ask()).text == "B"
    assert paths == ["/v1/chat/completions?api-version=2024-10-21"] and "?" not in str(used._transport)


def echoed(**more):
    """Return a reply to a search with the key in a field of its choice."""
    return body({"choices": [{"message": {"content": "B"}, "finish_reason": "stop"} | more]})


@pytest.mark.parametrize(
    "reply",
    [
        answer(f"You sent {SECRET}."),
        answer("B", finish=SECRET),
        answer("B", finish=f"because the key is {SECRET}, which goes on"),
        echoed(stop_reason=SECRET),
        echoed(
            logprobs={"content": [{"token": "B", "logprob": -1, "top_logprobs": [{"token": SECRET, "logprob": -2}]}]}
        ),
    ],
)
def test_a_key_that_the_server_echoes_is_not_logged(endpoint, tmp_path, reply):
    asked = ask(top_logprobs=1)
    with serve(lambda _, number: reply) as server:
        found = endpoint(server).answer(asked)
        assert endpoint(server).answer(asked) == found.__class__(**(vars(found) | {"cached": True}))
    assert SECRET not in f"{found}" and SECRET.encode() not in (tmp_path / "log.jsonl").read_bytes()


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_key_that_an_error_echoes_is_not_shown(endpoint, status):
    message = f"wrong header Authorization: Bearer {SECRET} or Bearer abcdefgh.ijklmnop"
    with serve(lambda _, number: failure(status, message=message)) as server:
        error = endpoint(server, attempts=1).answer(ask()).error
    assert "wrong header" in error and SECRET not in error and "abcdefgh" not in error


def test_a_stand_in_for_a_key_changes_no_answer(endpoint, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    with serve(lambda _, number: answer("The box is EMPTY.")) as server:
        assert endpoint(server).answer(ask()).text == "The box is EMPTY."


# ---------------------------------------------------------------- the log


ODD_LINES = [
    b"5", b"null", b"[1]", b'"text"', b"{}", b'{"key": 5, "text": "x"}', b'{"key": "zz", "text": "x"}',
    b'{"key": "ab", "text": null}', b"[" * 100_000, b'{"key": "ab', b"\xff\xfe", b'{"key": "' + b"9" * 5000,
]  # fmt: skip


def test_odd_lines_of_a_log_cost_one_answer_each(tmp_path):
    path = tmp_path / "log.jsonl"
    log = ReplyLog(path)
    log.put("a" * 64, {"text": "kept", "model": "m", "prompt_tokens": 3, "completion_tokens": 4})
    log.close()
    odd = {"key": "b" * 64, "text": "odd", "model": ["m"], "prompt_tokens": "x", "completion_tokens": float("inf")}
    path.write_bytes(b"\n".join([*ODD_LINES, path.read_bytes().strip(), json.dumps(odd).encode(), b""]))
    log = ReplyLog(path)
    assert log.get("a" * 64)["text"] == "kept" and log.get("b" * 64)["text"] == "odd"
    assert log.torn == len(ODD_LINES) and log.tokens["m"] == [3, 4] and log.tokens["['m']"] == [0, 0]


def test_a_line_longer_than_any_reply_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_LONGEST", 1000)
    path = tmp_path / "log.jsonl"
    lines = [{"key": "a" * 64, "text": "x" * 5000}, {"key": "b" * 64, "text": "kept"}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    log = ReplyLog(path)
    assert log.get("a" * 64) is None and log.get("b" * 64)["text"] == "kept" and log.torn == 1


def seconds(function):
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


@pytest.mark.slow
def test_reading_a_long_answer_back_takes_time_linear_in_its_length(tmp_path):
    log = ReplyLog(tmp_path / "log.jsonl")
    sizes = {"a" * 64: 4_000_000, "b" * 64: 64_000_000}
    for key, size in sizes.items():
        log.put(key, {"text": "x" * size})
    short, long = (min(seconds(lambda key=key: log.get(key)) for _ in range(3)) for key in sizes)
    assert long < 16 * short * 6 + 0.1  # sixteen times the length; quadratic would be 256 times the time
