"""A served model is asked over a real server and scored like an arm; notebook 03 does so from end to end."""

import base64
import io
import json
from types import SimpleNamespace

import papermill
import pytest
from PIL import Image
from support.served import answer, body, cut, failure, serve

from o1lib.evaluation import served
from o1lib.formats.stages import parse, render
from o1lib.minivqa.testsets import test_set as drawn_set
from o1lib.records import UserError, load, project_root
from o1lib.scoring import metrics
from o1lib.study import experiments
from o1lib.study import jobs as study

ITEMS = drawn_set("mini-MMStar", 6)
SECRET = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)


@pytest.fixture
def connect(tmp_path):
    run = SimpleNamespace(path=lambda name: tmp_path / name)
    return lambda server, *words, **more: served.connect(run, getattr(server, "url", server), "m", *words, **more)


def shown(body):
    """Return (text, URL of the picture) of a request."""
    picture, text = body["messages"][0]["content"]
    return text["text"], picture["image_url"]["url"]


def knows(body, number):
    """Answer correctly, in stages if they are asked for."""
    text, _ = shown(body)
    item = next(item for item in ITEMS if text.endswith(item.question))
    return answer(render(item.stages) if "<SUMMARY>" in text else item.answer, prompt_tokens=100, completion_tokens=20)


def test_format_direct_asks_the_question_with_the_picture(connect):
    with serve(knows) as server:
        trees, lines = connect(server).answer(ITEMS)
    assert sorted(shown(body)[0] for body in server.bodies) == sorted(item.question for item in ITEMS)
    assert all(shown(body)[1].startswith("data:image/png;base64,") for body in server.bodies)
    assert [line["correct"] for line in lines] == [True] * 6 and {line["format"] for line in lines} == {"direct"}
    assert [tree.task.qid for tree in trees] == [line["qid"] for line in lines] == [item.qid for item in ITEMS]


def test_format_tags_asks_for_stages_that_are_scored(connect):
    with serve(knows) as server:
        _, lines = connect(server, "tags").answer(ITEMS)
    assert parse(served.STRUCTURED.split("form:\n\n")[1].split("\n\nDo not")[0]).well_formed
    assert not any(
        item.answer in shown(body)[0].replace(item.question, "").split("CONCLUSION")[-1]
        for item, body in zip(ITEMS, server.bodies, strict=True)
        if len(item.answer) > 1
    )
    assert metrics(lines)["stage/faithful"]["value"] == metrics(lines)["well_formed"]["value"] == 1


def test_tokens_and_money_are_counted_for_each_question(connect):
    with serve(knows) as server:
        subject = connect(server, price="0.5/2")
        _, lines = subject.answer(ITEMS)
    found = metrics(lines)
    assert found["processed_tokens"]["value"] == 120 and found["cost/generated"]["value"] == 20
    assert found["cost/money"]["value"] == pytest.approx((100 * 0.5 + 20 * 2) / 1e6, abs=1e-6)
    assert "cost/seconds" not in found
    assert subject.facts()["served"]["spent"]["money"] == pytest.approx(6 * 90 / 1e6)


def test_logged_answers_are_not_asked_again(connect):
    with serve(knows) as server:
        first = connect(server).answer(ITEMS)[1]
        subject = connect(server)
        assert subject.answer(ITEMS)[1] == first and len(server.bodies) == 6
    assert subject.facts()["served"]["spent"]["cached"] == 6


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (failure(400, message="too large"), "too large"),
        (answer("A", finish="length"), "cut after 3 tokens"),
    ],
)
def test_a_question_without_a_whole_answer_has_a_problem(connect, reply, problem):
    with serve(lambda body, number: reply) as server:
        _, [line] = connect(server).answer(ITEMS[:1])
    assert problem in line["problem"]
    assert reply[0] == 200 or not line["correct"] and line["pred"] is None


def empty(finish="stop"):
    return answer(None, finish=finish, reasoning="So it is A.")


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (empty(), "thoughts but no text"),
        (answer(""), "the reply is empty"),
        (empty("length"), "max_tokens is 64"),
        (answer("A", finish="content_filter"), "the server filtered"),
        (body({"error": {"message": "context of 4096 tokens exceeded"}}), "context of 4096 tokens exceeded"),
    ],
)
def test_a_reply_without_an_answer_is_a_problem_and_never_logged(connect, tmp_path, reply, problem):
    with serve(lambda _, number: reply) as server:
        _, [line] = connect(server).answer(ITEMS[:1], max_tokens=64)
        asked = len(server.bodies)
        connect(server).answer(ITEMS[:1], max_tokens=64)
        assert len(server.bodies) == 2 * asked
    assert problem in line["problem"] and line["pred"] is None and line["output"] == ""
    assert '"text"' not in (tmp_path / "replies.jsonl").read_text()


def test_an_answer_in_parts_is_read(connect):
    item = ITEMS[0]
    parts = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "The answer is "}]
    with serve(lambda _, number: answer([*parts, {"type": "text", "text": f"{item.answer}."}])) as server:
        _, [line] = connect(server).answer([item])
    assert line["output"] == f"The answer is {item.answer}." and line["correct"]


def test_a_blind_model_gets_gray_pictures(connect):
    with serve(knows) as server:
        connect(server).answer(ITEMS[:2], blind=True)
    first, second = (shown(body)[1] for body in server.bodies)
    assert first == second


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"format": "four_turn"}, "has no format 'four_turn'"),
        ({"price": "cheap"}, "'cheap' is not prompt/completion"),
        ({"price": "1"}, "is not prompt"),
        ({"price": "-1/2"}, "is not prompt"),
        ({"price": "inf/2"}, "is not prompt"),
        ({"price": "1e300/2"}, "price is 1e\\+300: give at most 1,000,000"),
    ],
)
def test_a_wrong_format_or_price_is_refused(connect, more, message):
    with pytest.raises(UserError, match=message):
        connect("http://127.0.0.1:1/v1", **more)


def test_a_key_in_the_address_of_a_grader_is_not_repeated():
    with pytest.raises(UserError, match="is not name@address") as caught:
        served.graded(None, [], [], "https://host/v1?api_key=abc987")
    assert "abc987" not in str(caught.value)


@pytest.mark.parametrize("grader", ["gpt-4o-mini", "@http://x/v1", "gpt@"])
def test_a_grader_without_name_or_address_is_refused(connect, grader):
    with pytest.raises(UserError, match="is not name@address"):
        served.graded(None, [], [], grader)


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["smoke", "mini", "gpu", "paper"])
def test_rows_with_a_server_run_only_when_named(scale):
    whole = experiments.read_experiments()
    for rows in ("", "all", "core", "smoke"):
        assert not [row for row in study.select(whole, scale, rows) if row.startswith("served.")]
    rows = study.select(whole, scale, "served")
    jobs = study.expand(whole, scale, rows, [0])
    assert rows == ["served.direct", "served.tags"] and set(jobs) == {("data", 0), *((row, 0) for row in rows)}


def test_a_benchmark_file_is_not_a_row_dependency():
    whole = experiments.read_experiments()
    assert experiments.links_of(whole, "x", {"data": "MMStar@MMStar.tsv", "model": "structured"}) == ["structured"]


@pytest.mark.slow
def test_notebook_03_scores_a_served_model_without_its_key(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(project_root()))
    held = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(held, "PNG")
    cells = "Which?\tred\tblue\tB\tmath\t" + base64.b64encode(held.getvalue()).decode()
    lines = ["index\tquestion\tA\tB\tanswer\tcategory\timage", *(f"{k}\t{cells}" for k in range(4))]
    (tmp_path / "MMStar.tsv").write_text("\n".join(lines))

    def says(body, number):
        if "response_format" in body:
            return answer('{"answer": "B"}')
        return cut() if number == 1 else answer("<CONCLUSION> Hard to say. </CONCLUSION>")

    with serve(says) as server:
        given = {
            "row": "served",
            "root": str(tmp_path),
            "data": f"MMStar@{tmp_path}/MMStar.tsv",
            "endpoint": server.url,
            "model": "m",
            "format": "tags",
            "method": "greedy",
            "n": 1,
            "price": "1/1",
            "grader": f"g@{server.url}",
        }
        papermill.execute_notebook(
            project_root() / "notebooks" / "03_search_and_score.ipynb",
            tmp_path / "out.ipynb",
            parameters=given,
            progress_bar=False,
            cwd=str(project_root()),
        )
    record = load(tmp_path / "runs" / "served" / "seed0")
    assert record.provenance["device"] == "endpoint" and len(record.provenance["dataset_hash"]) == 64
    assert record.metrics["MMStar"].value == record.metrics["MMStar/by judge"].value == 1 and record.n_failed == 0
    assert record.metrics["cost/money"].value > 0 and record.extra["grader"]["spent"]["calls"] == 1
    assert record.extra["served"]["spent"]["calls"] == 1, "four equal questions are one call"
    assert record.parameters["data"] == "MMStar@<outside>/MMStar.tsv"
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in data for data in written) and SECRET not in json.dumps(server.bodies)
