"""A search over a served model, end to end: faults, prose, money, resumption, order of requests, one command."""

import json
from collections import Counter
from types import SimpleNamespace

import papermill
import pytest
from PIL import Image
from support.served import cut, failure, serve
from support.speaker import Speaker, before, said
from typer.testing import CliRunner

from o1lib import cli
from o1lib.evaluation import served
from o1lib.formats.stages import STAGES
from o1lib.minivqa.testsets import test_set as drawn_set
from o1lib.records import UserError, load, project_root
from o1lib.scoring import metrics

ITEMS = drawn_set("mini-MMStar", 6)
BEAM = {"method": "stage_beam", "n": 4, "temperature": 0.6, "max_tokens": 64}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-0123456789")
    original = served.Endpoint
    monkeypatch.setattr(served, "Endpoint", lambda *words, **more: original(*words, backoff=0.001, **more))


@pytest.fixture
def connect(tmp_path):
    run = SimpleNamespace(path=lambda name: tmp_path / name)
    return lambda server, format="tags", **more: served.connect(run, server.url, "m", format, **more)


def texts(trees):
    return [tree.text for tree in trees]


def generations(server):
    return [body for body in server.bodies if body.get("stop") and "ten" not in body["stop"]]


def test_every_stage_has_its_candidates_and_the_better_one_survives(connect):
    with serve(Speaker()) as server:
        subject = connect(server)
        trees, lines = subject.answer(ITEMS, **BEAM)
    assert [[len(one.candidates) for one in tree.rounds] for tree in trees] == [[4] * 4] * 6
    for tree in trees:
        for one in tree.rounds:
            draws = [int(candidate.text.split(" by ")[1].split()[0]) for candidate in one.candidates]
            assert draws[one.kept] == min(draws), "the judge prefers the smaller number"
    assert all(line["problem"] == "" and line["judge"] == "self" for line in lines)
    assert subject.facts()["served"]["abilities"] == "n yes, stop yes, continuation yes, seed yes, logprobs yes"


def test_a_reply_continues_the_open_turn(connect):
    with serve(Speaker()) as server:
        [tree], _ = connect(server).answer(ITEMS[:1], **BEAM)
    stages = {body["stop"][0]: body for body in generations(server)}
    asked = stages["</CAPTION>"]
    assert asked["messages"][-1] == {
        "role": "assistant",
        "content": tree.rounds[0].candidates[tree.rounds[0].kept].text,
    }
    assert asked["continue_final_message"] is True and asked["add_generation_prompt"] is False
    assert said(asked).startswith(served.STRUCTURED) and asked["n"] == 4


def test_a_model_trained_on_stages_gets_the_bare_question(connect):
    with serve(Speaker()) as server:
        connect(server, instructed=False).answer(ITEMS[:1], **BEAM)
    assert {said(body) for body in generations(server)} == {ITEMS[0].question}


@pytest.mark.parametrize("lacks", [["n"], ["stop"], ["continuation"], ["logprobs"], ["n", "stop", "continuation"]])
def test_what_a_server_lacks_changes_no_text(connect, lacks):
    with serve(Speaker()) as server:
        whole = connect(server, log="whole.jsonl").answer(ITEMS[:2], **BEAM)[0]
    with serve(Speaker(lacks)) as server:
        subject = connect(server)
        part = subject.answer(ITEMS[:2], **BEAM)[0]
    assert texts(part) == texts(whole)
    words = {"stop": "went on after the end of their stage"}
    assert all(words.get(name, f"{name} no") in subject.describe() for name in lacks)
    assert ("went on" in subject.describe()) == ("stop" in lacks)


def test_requests_money_and_tokens_are_on_the_ledger(connect):
    with serve(Speaker(cached=40)) as server:
        subject = connect(server, price="1/10")
        _, lines = subject.answer(ITEMS, **BEAM)
    for line in lines:
        ledger = line["ledger"]
        assert ledger["requests"] == 4 + 4 * 3 * 2 == ledger["calls"] and "seconds" not in ledger
        assert ledger["generated"] == 4 * 4 * 5
        assert ledger["judge"] == 24 * (100 - 40 + 5), "tokens that the server had cached were not read"
        assert ledger["money"] == pytest.approx((100 + 3 * 90 + 24 * 100 + 10 * (80 + 24 * 5)) / 1e6)
    assert metrics(lines)["cost/money"]["value"] > 0 and metrics(lines)["cost/requests"]["value"] == 28


def test_a_stopped_search_resumes_without_paying_twice(connect):
    speaker = Speaker()
    with serve(speaker) as server:
        speaker.faults = lambda body, number: failure(401) if number > 30 else None
        with pytest.raises(UserError, match="refused"):
            connect(server).answer(ITEMS, **BEAM)
        speaker.faults = None
        again = connect(server)
        trees, lines = again.answer(ITEMS, **BEAM)
        once = Counter(speaker.given)
        assert again.endpoint.usage.cached > 0 and set(once.values()) == {1}, "a reply was paid for twice"
        third = connect(server)
        assert third.answer(ITEMS, **BEAM)[1] == lines and third.endpoint.usage.calls == 0
    assert len(trees) == 6 and all(line["ledger"]["requests"] == 28 for line in lines)


def test_faults_in_the_middle_of_stages_change_nothing(connect, tmp_path):
    with serve(Speaker()) as server:
        whole = connect(server, log="whole.jsonl").answer(ITEMS, **BEAM)
    seen = Counter()

    def faults(body, number):
        key = json.dumps(body, sort_keys=True)
        seen[key] += 1
        if seen[key] > 1:
            return None
        broken = json.dumps({"choices": [{"finish_reason": "abort", "message": {"content": "<CAPTION> ha"}}]})
        kinds = [
            cut("<CAPTION> hal"),
            failure(500),
            failure(429, {"Retry-After": "0"}),
            (200, {}, broken.encode()),
            None,
        ]
        return kinds[sum(key.encode()) % 5]

    with serve(Speaker(faults=faults)) as server:
        found = connect(server).answer(ITEMS, **BEAM)
    assert texts(found[0]) == texts(whole[0]) and found[1] == whole[1]
    keys = [
        json.loads(line)["key"] for line in (tmp_path / "replies.jsonl").read_text().splitlines() if '"key"' in line
    ]
    assert len(keys) == len(set(keys)) == len(seen)


def test_a_judge_that_answers_prose_ties(connect):
    with serve(Speaker(judge="Both look fine to me.")) as server:
        _, lines = connect(server).answer(ITEMS, **BEAM)
    verdicts = [verdict for line in lines for verdict in line["verdicts"]]
    assert verdicts and all(one["tie"] and not one["parsed"] for one in verdicts)


def test_a_model_without_tags_ends_after_its_first_stage(connect):
    with serve(Speaker(tags=False)) as server:
        trees, lines = connect(server).answer(ITEMS[:2], **BEAM)
    assert [len(tree.rounds) for tree in trees] == [1, 1]
    assert all("ended before </SUMMARY>" in line["problem"] for line in lines)


def test_one_question_that_the_server_refuses_leaves_the_others(connect):
    bad = ITEMS[1].question

    def faults(body, number):
        return failure(400, message="the picture is too large") if said(body).endswith(bad) else None

    with serve(Speaker(faults=faults)) as server:
        _, lines = connect(server).answer(ITEMS, **BEAM)
    assert [bool(line["problem"]) for line in lines] == [k == 1 for k in range(6)]
    assert "the picture is too large" in lines[1]["problem"] and "the server did not answer" in lines[1]["problem"]
    assert not lines[1]["correct"]


def test_a_candidate_that_is_missing_leaves_the_others(connect):
    def faults(body, number):
        return failure(400, message="no") if body.get("seed", 0) % 4 == 1 and body.get("stop") else None

    with serve(Speaker(["n"], faults=faults)) as server:
        trees, _ = connect(server, abilities="stop,seed,continuation").answer(ITEMS[:1], **BEAM)
    assert [len(one.candidates) for one in trees[0].rounds] == [3] * 4


def test_another_endpoint_judges(connect):
    with serve(Speaker()) as writer, serve(Speaker()) as referee:
        subject, judge = connect(writer, price="1/1"), connect(referee, "direct", log="judged.jsonl", price="2/2")
        _, [line] = subject.answer(ITEMS[:1], judged_by=judge, **BEAM)
    assert not any("Repsonse" in said(body) for body in writer.bodies)
    assert len(referee.bodies) == 24 and all("Repsonse 1" in said(body) for body in referee.bodies)
    assert line["ledger"]["money"] == pytest.approx((100 + 270 + 80 + 2 * (2400 + 120)) / 1e6)
    assert judge.facts()["served"]["spent"]["calls"] == 24


@pytest.mark.parametrize(("priced", "other"), [({"price": "1/1"}, "judge_price"), ({"judge_price": "1/1"}, "price")])
def test_a_price_of_one_of_two_models_is_refused(tmp_path, priced, other):
    run = SimpleNamespace(path=lambda name: tmp_path / name)
    with pytest.raises(UserError, match=f"set {other} too, to 0/0 if it costs nothing"):
        served.connect_both(run, "http://127.0.0.1:1/v1", "m", judge_model="j", **priced)
    with pytest.raises(UserError, match="a judge that has no name: set judge_model"):
        served.connect_both(run, "http://127.0.0.1:1/v1", "m", judge_price="1/1")


@pytest.mark.parametrize(
    ("judge", "lacks", "words"),
    [
        ("preference", "logprobs", "reads log-probabilities, which the server of j does not give: use self"),
        ("base", "continuation", "begins a reply, which the server of j does not continue: use self"),
    ],
)
def test_a_judge_that_weighs_words_is_refused_by_its_own_server_before_the_search(connect, judge, lacks, words):
    with serve(Speaker()) as writer, serve(Speaker([lacks])) as referee:
        subject, other = connect(writer), connect(referee, "direct", log="judged.jsonl")
        other.endpoint.model = "j"
        with pytest.raises(UserError, match=words):
            subject.answer(ITEMS[:1], judge=judge, judged_by=other, **BEAM)
        assert not writer.bodies and len(referee.bodies) == 2, "nothing but the probe was sent"


def test_a_judge_needs_nothing_of_the_server_that_it_does_not_ask(connect):
    weighs = {"token": "1", "logprob": -0.1, "top_logprobs": [{"token": "1", "logprob": -0.1}]}

    def weighing(body, number):
        choice = {"message": {"content": "1"}, "finish_reason": "length", "logprobs": {"content": [weighs]}}
        return 200, {}, json.dumps({"choices": [choice], "usage": {"prompt_tokens": 9}}).encode()

    with serve(Speaker(["logprobs", "continuation"])) as writer, serve(weighing) as referee:
        other = connect(referee, "direct", log="judged.jsonl", abilities="logprobs,continuation")
        _, [line] = connect(writer).answer(ITEMS[:1], judge="preference", judged_by=other, **BEAM)
    assert len(line["verdicts"]) == 12 and all(one["parsed"] for one in line["verdicts"])


def test_the_money_of_a_command_is_that_of_both_models(tmp_path, monkeypatch):
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    Image.new("RGB", (16, 16), "red").save(tmp_path / "red.png")
    words = ["answer", "--model", "m", "--image", str(tmp_path / "red.png"), "--question", "How many dots?", "--n", "3"]
    words += ["--judge-model", "j", "--price", "0/0", "--judge-price", "1000000/0"]
    with serve(Speaker()) as server:
        out = CliRunner().invoke(cli.app, [*words, "--endpoint", server.url])
    assert out.exit_code == 0, out.output
    assert "money: 1600\n" in out.output, "two orders of two comparisons in each of four stages, 100 tokens each"


def test_a_judge_by_likelihood_needs_log_probabilities(connect):
    with serve(Speaker(["logprobs"])) as server:
        with pytest.raises(UserError, match="reads log-probabilities, which the server of m does not give: use self"):
            connect(server).answer(ITEMS[:1], judge="likelihood", **BEAM)
        assert len(server.bodies) == 2, "nothing but the probe was sent"
    with serve(Speaker()) as server:
        trees, _ = connect(server, log="good.jsonl").answer(ITEMS[:1], judge="likelihood", **BEAM)
    for one in trees[0].rounds:
        best = max(one.candidates, key=lambda candidate: candidate.logprob / candidate.tokens)
        assert one.candidates[one.kept].logprob == best.logprob


def test_cutoffs_are_measured_stage_by_stage(connect):
    how = {"judge": "likelihood", "n": 2, "temperature": 0.6, "max_new_tokens": 64}
    with serve(Speaker()) as server:
        found = connect(server).cutoffs(ITEMS[:2], **how)
    assert {stage: one["n"] for stage, one in found.items()} == dict.fromkeys(STAGES, 4)
    with serve(Speaker(["logprobs"])) as server, pytest.raises(UserError, match="reward 'likelihood' reads"):
        connect(server, log="other.jsonl").cutoffs(ITEMS[:2], **how)


def test_requests_with_the_same_beginning_stand_together(connect):
    asked = []
    with serve(Speaker()) as server:
        subject = connect(server)
        ask = subject.endpoint.ask
        subject.endpoint.ask = lambda requests: ask(asked.append(list(requests)) or asked[-1])
        subject.answer(ITEMS, **BEAM)
    for wave in asked[1:]:
        pictures = [one.messages[0]["content"][0]["image_url"]["url"] for one in wave]  # before all words that differ
        runs = [a for a, b in zip(pictures, [*pictures[1:], None]) if a != b]
        assert len(runs) == len(set(runs))
    assert max(len(wave) for wave in asked) > 6


def test_concurrency_is_bounded(connect):
    speaker = Speaker(["n"], slow=0.01)
    with serve(speaker) as server:
        connect(server, concurrency=3).answer(ITEMS[:3], **BEAM)
    assert 1 < speaker.busiest <= 3


def test_an_unknown_ability_or_format_is_refused(connect):
    with serve(Speaker()) as server:
        with pytest.raises(UserError, match="unknown ability 'speed' of a server: name those of n, stop"):
            connect(server, abilities="n,speed")
        with pytest.raises(UserError, match="or instructed to False for a model that was trained in it"):
            connect(server, "four_turn")
        with pytest.raises(UserError, match="leave special tokens out"):
            connect(server, "special_tags", instructed=False)


def test_a_dead_server_is_named_before_any_search(connect):
    dead = pytest.raises(UserError, match="answers no request .*no such thing.*check that it runs")
    with serve(lambda body, number: failure(400, message="no such thing")) as server, dead:
        connect(server).answer(ITEMS, **BEAM)


def test_a_continuation_may_have_nothing_more_to_say(connect):
    def faults(body, number):
        from support.served import answer

        return answer("", completion_tokens=1) if before(body) and body.get("stop") == ["</CAPTION>"] else None

    with serve(Speaker(["n"], faults=faults)) as server:
        [tree], [line] = connect(server).answer(ITEMS[:1], **BEAM)
    assert len(tree.rounds) == 2 and "ended before </CAPTION>" in line["problem"]
    assert sum(body.get("stop") == ["</CAPTION>"] for body in server.bodies) == 4, "no reply was asked for again"


def test_the_command_searches_over_an_endpoint(tmp_path, monkeypatch):
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    Image.new("RGB", (16, 16), "red").save(tmp_path / "red.png")
    words = ["answer", "--model", "m", "--image", str(tmp_path / "red.png"), "--question", "How many dots?"]
    words += ["--n", "3", "--price", "1/1", "--tree", str(tmp_path / "tree.html")]
    with serve(Speaker()) as server:
        out = CliRunner().invoke(cli.app, [*words, "--endpoint", server.url])
        assert out.exit_code == 0, out.output
        asked = len(server.bodies)
        again = CliRunner().invoke(cli.app, [*words, "--endpoint", server.url])
        assert len(server.bodies) == asked and again.output == out.output
    assert "answer: conclusion by " in out.output and "requests: 20" in out.output and "money: 0.00" in out.output
    assert "The server of m: n yes, stop yes, continuation yes" in out.output
    assert (tmp_path / "tree.html").read_text(encoding="utf8").count(" kept</b>") == 4


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"temperature": -1.0}, "temperature -1 is invalid: give 0"),
        ({"temperature": float("nan")}, "temperature nan is invalid"),
        ({"max_new_tokens": 0}, "leaves no room for an answer"),
        ({"top_p": 0.0}, "top_p 0 is no share"),
    ],
)
def test_settings_that_no_model_can_sample_by_are_refused(connect, how, words):
    with serve(Speaker()) as server, pytest.raises(UserError, match=words):
        connect(server).decoder(**how)
    assert not server.bodies


def test_patience_and_concurrency_are_those_of_both_models(tmp_path):
    run = SimpleNamespace(path=lambda name: tmp_path / name)
    both = served.connect_both(run, "http://127.0.0.1:1/v1", "m", judge_model="j", timeout=900.0, concurrency=2)
    assert [(one.endpoint.timeout, one.endpoint.concurrency) for one in both] == [(900.0, 2)] * 2


def test_the_command_gives_up_a_slow_reply_after_its_timeout(tmp_path, monkeypatch):
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    Image.new("RGB", (16, 16), "red").save(tmp_path / "red.png")
    words = ["answer", "--model", "m", "--image", str(tmp_path / "red.png"), "--question", "How many dots?"]
    words += ["--method", "greedy", "--timeout", "0.05", "--concurrency", "1"]
    with serve(Speaker(slow=0.5)) as server:
        out = CliRunner().invoke(cli.app, [*words, "--endpoint", server.url])
    assert "no whole reply within 0.05 seconds" in out.output + str(out.exception)


ASKED = ("answer", "--model", "m", "--image", "red.png", "--question", "How many?")


@pytest.mark.parametrize("command", [ASKED, ("audit", "m")])
@pytest.mark.parametrize(
    "more",
    [
        ("--judge-endpoint", "http://127.0.0.1:1/v1"),
        ("--price", "1/1"),
        ("--judge-price", "1/1"),
        ("--abilities", "n"),
        ("--timeout", "9"),
        ("--concurrency", "2"),
        ("--no-instructed",),
    ],
)
def test_an_option_of_a_served_model_is_refused_without_an_endpoint(command, more):
    out = CliRunner().invoke(cli.app, [*command, *more])
    assert isinstance(out.exception, UserError) and f"{more[0]} is of a served model: give --endp" in str(out.exception)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--judge-model", "j"), "--judge-model is of a served model: give --endpoint too"),
        (
            ("--engine", "one_at_a_time", "--endpoint", "http://127.0.0.1:1/v1"),
            "--engine is of a model in this process",
        ),
        (("--dtype", "bfloat16", "--endpoint", "http://127.0.0.1:1/v1"), "--dtype is of a model in this process"),
    ],
)
def test_answer_refuses_what_it_would_ignore(more, words):
    out = CliRunner().invoke(cli.app, [*ASKED, *more])
    assert isinstance(out.exception, UserError) and words in str(out.exception)


@pytest.mark.slow
def test_notebook_03_searches_over_an_endpoint(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(project_root()))
    given = {"row": "served", "root": str(tmp_path), "model": "m", "format": "tags", "price": "1/1", "questions": 4}
    given |= {"sets": "mini-MMStar", "judge_model": "j", "judge_price": "0/0"}
    given |= {"method": "stage_beam", "max_new_tokens": 64}
    with serve(Speaker()) as server, serve(Speaker()) as referee:
        papermill.execute_notebook(
            project_root() / "notebooks" / "03_search_and_score.ipynb",
            tmp_path / "out.ipynb",
            parameters=given | {"endpoint": server.url, "judge_endpoint": referee.url},
            progress_bar=False,
            cwd=str(project_root()),
        )
    record, text = load(tmp_path / "runs" / "served" / "seed0"), (tmp_path / "out.ipynb").read_text()
    assert "The server of m: n yes, stop yes, continuation yes, seed yes, logprobs yes." in text
    assert record.metrics["cost/requests"].value == 28 and record.extra["served"]["abilities"].startswith("n yes")
    assert not any("Repsonse" in said(body) for body in server.bodies)
    assert len(referee.bodies) == 24 * record.metrics["accuracy"].n
    spent = record.extra["judge_model"]["served"]["spent"]
    assert spent["calls"] == len(referee.bodies) and spent["prompt_tokens"] == 100 * len(referee.bodies)
