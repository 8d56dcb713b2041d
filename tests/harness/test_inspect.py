"""Inspect: predictions become a log that it reads, and the search answers its samples. Needs the extra `inspect`."""

import json

import pytest
from support import toyrecords
from support.tiny import coloured

from o1lib.harness import inspect_log
from o1lib.harness.searcher import open_searcher
from o1lib.records import UserError

LEFT_OUT = "does not give its text and picture again"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished search whose questions can be drawn again."""
    root = tmp_path_factory.mktemp("study")
    drawn = {"source": "minivqa", "n_test": toyrecords.N_TEST, "test_split": "devtest"}
    toyrecords.leave(root, "data", **drawn)
    row = ("structured.stage_beam2.self", "tags", "mixed", "stage_beam", 2, "self", 0.68)
    lines = toyrecords.answers(*row)[:6]
    lines[-1] = lines[-1] | {"qid": "gone"}
    found = {"accuracy": {"value": 0.5, "n": 6, "low": 0.2, "high": 0.8}}
    searched = {"data": "data", "model": "structured", "method": "stage_beam", "n": 2, "judge": "self"}
    return toyrecords.leave(root, row[0], metrics=found, predictions=lines, **searched).parent


@pytest.fixture(scope="module")
def log(run, tmp_path_factory):
    """The log of that run, as Inspect reads it."""
    reader = pytest.importorskip("inspect_ai.log")
    out = tmp_path_factory.mktemp("logs") / "toy.eval"
    assert inspect_log.write_log(run, out) == 6
    return reader.read_eval_log(str(out), resolve_attachments=True)


def lines_of(run):
    from o1lib.records import load

    return load(run).predictions()


def test_the_log_holds_the_numbers_of_the_record(log):
    assert log.status == "success" and log.results.scores[0].metrics["accuracy"].value == 0.5
    assert log.eval.solver_args == {"method": "stage_beam", "n": 2, "judge": "self"}


def test_every_prediction_is_a_sample_with_its_score_and_its_answer(log, run):
    lines = {line["qid"]: line for line in lines_of(run)}
    assert len(log.samples) == len(lines)
    for sample in log.samples:
        line, score = lines[sample.id], sample.scores["correct"]
        assert (sample.id, sample.target, score.answer) == (line["qid"], str(line["gold"]), str(line["pred"]))
        assert score.value == ("C" if line["correct"] else "I") and sample.output.completion == line["output"]
        assert sample.store["candidates"] == line["candidates"]


def test_a_sample_shows_its_picture_and_its_question(log):
    picture, text = log.samples[-1].input[0].content
    asked = {one.qid: one for one in toyrecords.questions()}[log.samples[-1].id]
    assert picture.image.startswith("data:image/png;base64,") and text.text == asked.question


def test_a_question_that_the_dataset_lost_is_said_to_be_unknown(log):
    [text] = next(sample for sample in log.samples if sample.id == "gone").input[0].content
    assert LEFT_OUT in text.text


def test_a_log_counts_the_tokens_that_the_search_read_and_wrote(log, run):
    sample = log.samples[-1]
    spent = next(line["ledger"] for line in lines_of(run) if line["qid"] == sample.id)
    usage = sample.output.usage
    assert usage.input_tokens == spent["prefilled"] + spent["judge"] and usage.output_tokens == spent["generated"]


def test_a_served_run_has_requests_and_money_in_place_of_seconds(tmp_path):
    reader = pytest.importorskip("inspect_ai.log")
    row = ("served.stage_beam2", "tags", "mixed", "stage_beam", 2, "self", 0.68)
    lines = toyrecords.answers(*row)[:2]
    for line in lines:
        del line["ledger"]["seconds"]
        line["ledger"] |= {"requests": 8, "money": 0.01}
    run = toyrecords.leave(tmp_path, row[0], predictions=lines, endpoint="http://127.0.0.1:8000/v1", model="m").parent
    assert inspect_log.write_log(run, tmp_path / "served.eval") == 2
    found = reader.read_eval_log(str(tmp_path / "served.eval"))
    assert found.status == "success" and [sample.total_time for sample in found.samples] == [None, None]


def test_a_wrong_ending_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(UserError, match="end it with .eval or .json"):
        inspect_log.write_log(tmp_path, tmp_path / "log.txt")


def test_without_inspect_the_message_names_the_extra(run, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "inspect_ai.log", None)
    with pytest.raises(UserError, match=r"o1lib\[inspect\]"):
        inspect_log.write_log(run, tmp_path / "log.eval")


# ---------------------------------------------------------------- the solver and the task


@pytest.fixture
def harness():
    pytest.importorskip("inspect_ai")
    from o1lib.harness import inspect_task

    return inspect_task


@pytest.fixture
def searcher(tiny_folder):
    return open_searcher(tiny_folder, "tags", method="best_of_n", n=2, judge="random", max_new_tokens=8)


def evaluated(task, tmp_path):
    from inspect_ai import eval

    [log] = eval(task, model="none", log_dir=str(tmp_path), display="none")
    return log


def test_the_solver_answers_each_sample_by_a_search(harness, searcher, tmp_path):
    """What the log keeps is the search of the same question through the library."""
    from inspect_ai import Task

    items = toyrecords.questions()[:2]
    solver = harness.staged_search(searcher=searcher)
    task = Task(dataset=[harness.sample(item) for item in items], solver=solver, scorer=harness.extracted())
    log = evaluated(task, tmp_path)
    assert log.status == "success" and len(log.samples) == 2, log.error
    asked = {item.qid: item for item in items}
    for sample in log.samples:
        item = asked[sample.id]
        wanted = searcher.search(item.image, item.question)
        assert sample.messages[-1].content == wanted.text and sample.store["candidates"] == wanted.rows()
        assert sample.output.usage.output_tokens == wanted.usage.generated


def test_the_task_asks_drawn_questions_and_scores_by_the_studys_rules(harness, tiny_folder, tmp_path):
    task = harness.questions(str(tiny_folder), limit=2, format="tags", method="greedy", n=1, max_new_tokens=8)
    log = evaluated(task, tmp_path)
    assert log.status == "success" and len(log.samples) == 2, log.error
    assert {sample.scores["extracted"].metadata["extracted_by"] for sample in log.samples}


def test_a_task_without_a_model_is_refused_before_any_question(harness):
    with pytest.raises(UserError, match="-T checkpoint=FOLDER"):
        harness.staged_search(method="greedy")


def test_a_sample_without_a_picture_is_an_error_with_a_remedy(harness, searcher, tmp_path):
    from inspect_ai import Task
    from inspect_ai.dataset import Sample

    task = Task(dataset=[Sample(input="How many?", target="2")], solver=harness.staged_search(searcher=searcher))
    log = evaluated(task, tmp_path)
    assert log.status == "error" and "use samples with one user message and one image" in log.error.message


def test_a_picture_in_a_data_url_is_the_picture(harness):
    from o1lib.data.image_part import picture_part

    picture = coloured("blue")
    opened = harness._opened(picture_part(picture)["image_url"]["url"])
    assert opened.convert("RGB").tobytes() == picture.tobytes()


def test_a_log_of_json_is_plain_text(run, tmp_path):
    pytest.importorskip("inspect_ai.log")
    inspect_log.write_log(run, tmp_path / "log.json")
    assert json.loads((tmp_path / "log.json").read_text(encoding="utf8"))["status"] == "success"
