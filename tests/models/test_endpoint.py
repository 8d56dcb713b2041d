"""The endpoint, against a real server: replies come once, in order, within budgets; errors name their remedy."""

import base64
import io
import itertools
import json
import threading
import time
import weakref

import pytest
from PIL import Image
from support.served import JSON, answer, cut, failure, serve

from o1lib.data.image_part import picture_part
from o1lib.models.endpoint import Endpoint, ReplyLog, Request
from o1lib.records import UserError

SECRET = "sk-very-secret-0123456789"


class Message(dict):
    """A message that a weak reference can observe."""

    __hash__ = object.__hash__


def ask(text, **more):
    return Request([Message(role="user", content=text)], **more)


def said(body):
    return body["messages"][0]["content"]


def echo(body, number):
    return answer(f"echo {said(body)}")


@pytest.fixture
def endpoint(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)

    def make(server, **more):
        options = {"log": tmp_path / "log.jsonl", "backoff": 0.01, "timeout": 5.0} | more
        return Endpoint(server if isinstance(server, str) else server.url, "m", **options)

    return make


@pytest.mark.slow
def test_replies_come_in_the_order_of_the_requests(endpoint):
    def slow_first(body, number):
        time.sleep(0.05 if said(body).endswith("0") else 0)
        return echo(body, number)

    with serve(slow_first) as server:
        replies = list(endpoint(server).ask(ask(str(k)) for k in range(60)))
    assert [reply.text for reply in replies] == [f"echo {k}" for k in range(60)]


@pytest.mark.slow
def test_requests_are_taken_only_as_they_are_needed(endpoint):
    taken = itertools.count()
    with serve(echo) as server:
        replies = endpoint(server, concurrency=2).ask(ask(str(next(taken))) for _ in range(10_000))
        next(replies)
        replies.close()
    assert next(taken) < 40


@pytest.mark.slow
def test_no_more_requests_are_alive_than_are_under_way(endpoint):
    alive, most = weakref.WeakSet(), 0

    def made():
        for k in range(400):
            request = ask(f"{k} " + "x" * 5000)
            alive.add(request.messages[0])
            yield request

    with serve(echo) as server:
        for _ in endpoint(server, concurrency=4).ask(made()):
            most = max(most, len(alive))
    assert most <= 16 * 4 + 4 + 2


@pytest.mark.slow
def test_an_endpoint_whose_run_was_broken_off_answers_again(endpoint):
    with serve(lambda body, number: failure(401) if number == 1 else echo(body, number)) as server:
        used = endpoint(server, concurrency=1)
        with pytest.raises(UserError, match="HTTP 401"):
            list(used.ask([ask("a")]))
        assert used.answer(ask("b")).text == "echo b" and [reply.text for reply in used.ask([ask("c")])] == ["echo c"]


@pytest.mark.slow
def test_no_more_calls_run_at_a_time_than_asked_for(endpoint):
    running, most, lock = 0, 0, threading.Lock()

    def count(body, number):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return echo(body, number)

    with serve(count) as server:
        list(endpoint(server, concurrency=3).ask(ask(str(k)) for k in range(30)))
    assert most == 3


def test_a_new_process_does_not_repeat_answered_requests(endpoint):
    with serve(echo) as server:
        list(endpoint(server).ask(ask(str(k)) for k in range(5)))
        again = endpoint(server)
        replies = list(again.ask(ask(str(k)) for k in range(7)))
        assert len(server.bodies) == 7
    assert [reply.cached for reply in replies] == [True] * 5 + [False] * 2
    assert (again.usage.cached, again.usage.calls) == (5, 2)


def test_recorded_answers_need_neither_server_nor_key(endpoint, monkeypatch):
    with serve(echo) as server:
        list(endpoint(server).ask([ask("a")]))
    monkeypatch.delenv("OPENAI_API_KEY")
    assert [reply.text for reply in endpoint(server).ask([ask("a")])] == ["echo a"]


def test_another_server_with_a_model_of_the_same_name_answers_for_itself(endpoint):
    with serve(echo) as first, serve(lambda body, number: answer("another")) as second:
        replies = [endpoint(server).answer(ask("a")).text for server in (first, second, first, f"{second.url}/")]
        assert len(first.bodies) == len(second.bodies) == 1
    assert replies == ["echo a", "another", "echo a", "another"]


def test_the_same_request_in_two_threads_is_one_call(endpoint):
    with serve(lambda body, number: time.sleep(0.05) or echo(body, number)) as server:
        replies = list(endpoint(server).ask([ask("a")] * 8))
        assert len(server.bodies) == 1
    assert {reply.text for reply in replies} == {"echo a"} and sum(reply.cached for reply in replies) == 7


@pytest.mark.parametrize("change", [{"key": "second"}, {"temperature": 1.0}, {"max_tokens": 5}, {"schema": {}}])
def test_a_different_request_is_sent_again(endpoint, change):
    with serve(echo) as server:
        list(endpoint(server).ask([ask("a"), ask("a", **change)]))
        assert len(server.bodies) == 2


@pytest.mark.parametrize(
    "fault",
    [
        failure(429),
        failure(500),
        failure(503, message="<html>busy</html>"),
        failure(408),
        cut(),
        (200, JSON, b"{'no json"),
        (200, JSON, b"{}"),
        (200, JSON, b"[1]"),
        (200, JSON, b"\xff\xfe"),
        (200, JSON, b'{"choices": [{"message": {"content": 3}}]}'),
        (200, JSON, b"[" * 5000),
    ],
)
def test_a_passing_fault_is_asked_again(endpoint, fault):
    with serve(lambda body, number: fault if number == 1 else echo(body, number)) as server:
        used = endpoint(server)
        assert [reply.text for reply in used.ask([ask("a")])] == ["echo a"]
    assert (used.usage.retries, used.usage.calls, used.usage.failed) == (1, 1, 0)


@pytest.mark.slow
def test_a_reply_that_takes_too_long_is_asked_again(endpoint):
    with serve(lambda body, number: time.sleep(0.4 if number == 1 else 0) or echo(body, number)) as server:
        used = endpoint(server, timeout=0.15)
        assert next(used.ask([ask("a")])).text == "echo a" and used.usage.retries == 1


@pytest.mark.slow
def test_the_server_says_how_long_to_wait(endpoint):
    def busy(body, number):
        return failure(429, {"Retry-After": "0.3"}) if number == 1 else echo(body, number)

    with serve(busy) as server:
        began = time.monotonic()
        list(endpoint(server, backoff=0.0).ask([ask("a")]))
        assert time.monotonic() - began >= 0.3


def test_after_the_last_attempt_the_reply_holds_the_error(endpoint):
    def fails_for_b(body, number):
        return failure(500, message="kaputt") if said(body) == "b" else echo(body, number)

    with serve(fails_for_b) as server:
        used = endpoint(server, attempts=3)
        replies = list(used.ask(map(ask, "abc")))
        assert [bool(reply.error) for reply in replies] == [False, True, False]
        assert "HTTP 500" in replies[1].error and "kaputt" in replies[1].error
        assert (used.usage.failed, used.usage.retries, len(server.bodies)) == (1, 2, 5)
        list(endpoint(server, attempts=1).ask([ask("b")]))
        assert len(server.bodies) == 6  # what was not answered is asked again


def test_a_refused_request_is_not_sent_twice(endpoint):
    with serve(lambda body, number: failure(400, message="too long")) as server:
        (reply,) = endpoint(server).ask([ask("a")])
        assert "HTTP 400" in reply.error and "too long" in reply.error and len(server.bodies) == 1


@pytest.mark.parametrize(
    "fault, words",
    [
        (failure(401, message=f"bad key {SECRET}"), "check the key in OPENAI_API_KEY"),
        (failure(404), "the model's name"),
        (failure(429, code="insufficient_quota"), "the account"),
        ((302, {"Location": "http://127.0.0.1:1/v1"}, b""), "redirects elsewhere"),
        ((200, {"Content-Type": "text/html"}, b"<html>Welcome</html>"), "web page instead of JSON"),
    ],
)
def test_an_error_that_no_retry_changes_stops_the_run_at_once(endpoint, fault, words):
    with serve(lambda body, number: fault) as server:
        with pytest.raises(UserError, match=words) as caught:
            list(endpoint(server, concurrency=1).ask(map(ask, "abc")))
        assert len(server.bodies) == 1 and SECRET not in str(caught.value)


def test_a_run_that_stops_does_not_wait_for_open_retries(endpoint):
    def first_waits_second_is_refused(body, number):
        return failure(429, {"Retry-After": "30"}) if said(body) == "a" else failure(401)

    with serve(first_waits_second_is_refused) as server, pytest.raises(UserError, match="HTTP 401"):
        next(endpoint(server).ask(map(ask, "ab")))


def test_a_missing_server_stops_the_run_after_a_while(endpoint):
    with serve(echo) as server:
        gone = server.url
    with pytest.raises(UserError, match="24 requests in a row without an answer .*no connection"):
        list(endpoint(gone, attempts=1).ask(ask(str(k)) for k in range(100)))


def test_tokens_and_money_are_counted(endpoint):
    with serve(echo) as server:
        used = endpoint(server, prices={"m": (10.0, 20.0)})
        list(used.ask(map(ask, "abca")))
        assert used.usage.facts() == {
            "calls": 3,
            "cached": 1,
            "failed": 0,
            "retries": 0,
            "estimated": 0,
            "prompt_tokens": 21,
            "completion_tokens": 9,
            "money": pytest.approx((21 * 10 + 9 * 20) / 1e6),
        }
        assert endpoint(server).usage.money is None


@pytest.mark.parametrize("budget", [{"max_tokens_total": 40}, {"max_cost": 40e-6, "prices": {"m": (1.0, 1.0)}}])
def test_a_spent_budget_stops_this_run_and_the_next_one(endpoint, budget):
    with serve(echo) as server:
        for _ in range(2):
            with pytest.raises(UserError, match="is spent"):
                list(endpoint(server, concurrency=1, **budget).ask(ask(str(k)) for k in range(20)))
            assert len(server.bodies) == 4
        assert len(list(endpoint(server).ask(ask(str(k)) for k in range(5)))) == 5


def test_a_budget_needs_a_server_that_counts(endpoint):
    with serve(lambda body, number: answer("x", 0, 0)) as server, pytest.raises(UserError, match="not report tokens"):
        list(endpoint(server, max_tokens_total=10).ask([ask("a")]))


@pytest.mark.slow
def test_a_rate_spaces_the_calls(endpoint):
    with serve(echo) as server:
        began = time.monotonic()
        list(endpoint(server, requests_per_minute=1200).ask(ask(str(k)) for k in range(7)))
        assert time.monotonic() - began >= 6 * 60 / 1200


def test_structured_output_is_asked_for_by_schema(endpoint):
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}}
    with serve(lambda body, number: answer('{"ok": true}')) as server:
        list(endpoint(server).ask([ask("a", schema=schema, temperature=None, max_tokens=9)]))
        (body,) = server.bodies
    assert body["response_format"]["json_schema"]["schema"] == schema and body["max_tokens"] == 9
    assert "temperature" not in body


def test_the_newer_name_of_the_token_limit_is_used_if_needed(endpoint):
    def newer(body, number):
        if "max_tokens" in body:
            return failure(400, message="Unsupported parameter: use 'max_completion_tokens' instead")
        return answer(str(body["max_completion_tokens"]))

    with serve(newer) as server:
        assert {reply.text for reply in endpoint(server).ask(map(ask, "abcd"))} == {"1024"}


def test_json_with_another_content_type_is_read(endpoint):
    def unlabelled(body, number):
        status, _, data = answer("42")
        return status, {"Content-Type": "text/plain"}, data

    with serve(unlabelled) as server:
        assert next(endpoint(server).ask([ask("a")])).text == "42"


def test_a_refusal_in_its_own_field_is_the_text(endpoint):
    with serve(lambda body, number: answer(None, refusal="I'm sorry")) as server:
        assert next(endpoint(server).ask([ask("a")])).text == "I'm sorry"


def test_the_key_goes_to_the_server_and_nowhere_else(endpoint, tmp_path):
    with serve(echo) as server:
        list(endpoint(server).ask([ask("a")]))
        assert server.headers[0]["Authorization"] == f"Bearer {SECRET}"
    assert all(SECRET.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_openai_itself_needs_a_key(endpoint, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(UserError, match="set the environment variable OPENAI_API_KEY"):
        list(endpoint("").ask([ask("a")]))


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"base_url": "localhost:8000"}, "must be an address"),
        ({"base_url": "file:///etc/passwd"}, "must be an address"),
        ({"base_url": "http://me:pw@host/v1"}, "without user name"),
        ({"model": ""}, "has no name"),
        ({"concurrency": 0}, "at least 1"),
        ({"max_cost": 1.0}, "needs the price of 'm'"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_a_remedy(tmp_path, changes, words):
    options = {"base_url": "http://127.0.0.1:1/v1", "model": "m", "log": tmp_path / "log"} | changes
    with pytest.raises(UserError, match=words) as caught:
        Endpoint(**options)
    assert "pw" not in str(caught.value)


def test_a_torn_line_costs_one_answer_and_no_more(tmp_path):
    log = ReplyLog(tmp_path / "log.jsonl")
    for key in ("a" * 64, "b" * 64, "c" * 64):
        log.put(key, {"text": f"text {key[0]}"})
    log.close()
    (tmp_path / "log.jsonl").write_bytes((tmp_path / "log.jsonl").read_bytes()[:-9])
    for _ in range(2):
        log = ReplyLog(tmp_path / "log.jsonl")
        assert log.get("b" * 64)["text"] == "text b" and log.get("c" * 64) is None and log.torn == 1
        log.put("d" * 64, {"text": "é\ud800\n"})
        log.close()
    assert ReplyLog(tmp_path / "log.jsonl").get("d" * 64)["text"] == "é\ud800\n"


def test_a_long_answer_is_read_back_whole(tmp_path):
    log = ReplyLog(tmp_path / "log.jsonl")
    log.put("a" * 64, {"text": "x" * 300_000})
    assert len(log.get("a" * 64)["text"]) == 300_000


def test_a_full_disk_is_reported_and_leaves_a_readable_log(tmp_path, small_files):
    log = ReplyLog(tmp_path / "log.jsonl")
    log.put("a" * 64, {"text": "kept"})
    with small_files(1000), pytest.raises(UserError, match="cannot write .*log.jsonl"):
        log.put("b" * 64, {"text": "x" * 5000})
    log.close()
    assert ReplyLog(tmp_path / "log.jsonl").get("a" * 64)["text"] == "kept"


def test_the_reply_after_a_torn_write_is_on_a_line_of_its_own(tmp_path, small_files):
    log = ReplyLog(tmp_path / "log.jsonl")
    with small_files(1000):
        log.put("a" * 64, {"text": "kept"})
        with pytest.raises(UserError, match="cannot write .*log.jsonl"):
            log.put("b" * 64, {"text": "x" * 5000})
    log.put("c" * 64, {"text": "paid"})
    assert log.get("c" * 64)["text"] == "paid"
    log.close()
    again = ReplyLog(tmp_path / "log.jsonl")
    assert again.get("a" * 64)["text"] == "kept" and again.get("c" * 64)["text"] == "paid" and again.torn == 1


def sent(part):
    head, data = part["image_url"]["url"].split(",")
    return head, Image.open(io.BytesIO(base64.b64decode(data)))


@pytest.mark.parametrize("form, mime", [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
def test_a_picture_is_labelled_by_its_content_whatever_its_name(tmp_path, form, mime):
    path = tmp_path / "picture.gif"
    Image.new("RGB", (5, 4), "red").save(path, form)
    head, picture = sent(picture_part(path))
    assert head == f"data:{mime};base64" and picture.format == form
    assert base64.b64decode(picture_part(path)["image_url"]["url"].split(",")[1]) == path.read_bytes()


@pytest.mark.parametrize("mode, form", [("CMYK", "TIFF"), ("I;16", "PNG"), ("RGB", "BMP"), ("CMYK", "JPEG")])
def test_a_picture_that_servers_do_not_read_is_sent_as_png(tmp_path, mode, form):
    Image.new(mode, (5, 4)).save(tmp_path / "p", form)
    head, picture = sent(picture_part(tmp_path / "p"))
    assert head == "data:image/png;base64" and (picture.mode, picture.size) == ("RGB", (5, 4))


def test_a_transparent_picture_is_sent_on_white():
    assert sent(picture_part(Image.new("RGBA", (5, 4))))[1].getcolors() == [(20, (255, 255, 255))]


def test_a_large_picture_is_scaled_down():
    assert sent(picture_part(Image.new("RGB", (4096, 100))))[1].size == (2048, 50)


def test_a_picture_that_is_cut_short_is_not_sent(tmp_path):
    Image.effect_noise((64, 64), 90).save(tmp_path / "p.jpg")
    (tmp_path / "p.jpg").write_bytes((tmp_path / "p.jpg").read_bytes()[:700])
    with pytest.raises(UserError, match="p.jpg is corrupt"):
        picture_part(tmp_path / "p.jpg")


def test_the_log_holds_one_plain_line_an_answer(endpoint, tmp_path):
    with serve(echo) as server:
        list(endpoint(server).ask([ask("a")]))
    (line,) = (tmp_path / "log.jsonl").read_text().splitlines()
    assert set(json.loads(line)) == {"key", "model", "text", "finish", "prompt_tokens", "completion_tokens"}
