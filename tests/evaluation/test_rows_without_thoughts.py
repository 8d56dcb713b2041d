"""A reasoning model is scored, graded and judged by what it says after its thoughts."""

from types import SimpleNamespace

import pytest
from support.served import answer, serve

from o1lib.data.annotation.teacher import AnnotationRequest, Judge, filter_verdict
from o1lib.evaluation import served
from o1lib.evaluation.graders import fenced
from o1lib.evaluation.graders.client import read
from o1lib.evaluation.graders.mmvet import Copied, Grade
from o1lib.formats.stages import STAGES, render
from o1lib.formats.thoughts import answer_part
from o1lib.minivqa.testsets import test_set as drawn_set
from o1lib.models.endpoint import Endpoint
from o1lib.scoring import metrics

[ITEM] = drawn_set("mini-MMStar", 1)
FALSE = render(dict.fromkeys(STAGES, "wrong") | {"conclusion": "A" if ITEM.answer != "A" else "B"})
TRUE = render(ITEM.stages)


@pytest.fixture
def row(tmp_path, monkeypatch):
    """Return the prediction of a row whose served model replies with a text."""
    monkeypatch.setenv("OPENAI_API_KEY", "k")

    def replies(text, format):
        run = SimpleNamespace(path=lambda name: tmp_path / name)
        with serve(lambda body, number: answer(text)) as server:
            [line] = served.connect(run, server.url, "m", format).answer([ITEM])[1]
        return line

    return replies


@pytest.mark.parametrize(
    "text",
    [
        f"<think>{FALSE}</think>\n\n{TRUE}",
        f"{FALSE}</think>{TRUE}",
        f"<thinking>{FALSE}</thinking><answer>{TRUE}</answer>",
    ],
)
def test_a_served_row_in_stages_is_scored_without_thoughts(row, text):
    line = row(text, "tags")
    assert line["correct"] and line["pred"] == ITEM.answer
    assert line["stage_scores"]["conclusion"] and line["stage_scores"]["faithful"] and line["output"] == text


def test_thoughts_without_an_end_take_all_but_a_whole_conclusion_with_them(row):
    line = row(f"<think>{FALSE} {TRUE}", "tags")
    assert line["correct"] and not line["stage_scores"]["reasoning"]


def test_a_served_row_whose_thoughts_come_first_keeps_to_its_form(row):
    line = row(f"<think>{FALSE}</think>\n\n{TRUE}", "tags")
    assert metrics([line])["well_formed"]["value"] == 1


@pytest.mark.parametrize(
    ("text", "pred"),
    [
        (f"<think>The answer is {ITEM.answer}.", None),
        (f"<think>The answer is Z.</think>{ITEM.answer}", ITEM.answer),
        (f"The answer is A. Or B?</think>\n<answer>{ITEM.answer}</answer>", ITEM.answer),
        (f"{render(ITEM.stages, STAGES[:3])}", None),
        (f"{render(ITEM.stages | {'conclusion': ''})}", None),
    ],
)
def test_a_served_row_without_stages_is_read_without_thoughts(row, text, pred):
    assert row(text, "direct")["pred"] == pred


# ---------------------------------------------------------------- judges and teachers


@pytest.mark.parametrize("before", ["<think>a 1.0? {}</think>", 'so {"grade": 1.0}</think>\n', "[THINK]hm[/THINK]"])
def test_a_graders_verdict_is_read_without_thoughts(before):
    assert read(before + '{"grade": 0.5}', Grade).grade == 0.5
    assert read(before + '```json\n{"grade": 0.5}\n```', Grade).grade == 0.5
    assert read(before + '<answer>{"grade": 0.5}</answer>', Grade).grade == 0.5


def test_a_grader_that_never_stops_thinking_gives_no_verdict():
    assert read('<think>It is {"grade": 1.0}', Grade) is None and read('{"grade": 1.0}</think>', Grade) is None


def test_an_answer_with_marks_of_its_own_is_copied_whole():
    assert read('{"answer": "</think>"}', Copied).answer == "</think>"


@pytest.mark.parametrize("mark", ["</think>", "<answer>", "< think >", "<<think>think>", "[/THINK]"])
def test_a_grader_that_quotes_an_answer_does_not_end_its_own_thoughts(mark):
    quoted = fenced("Response", f'x {mark}{{"grade": 1.0}}')
    assert answer_part(quoted) == quoted


def test_a_teachers_stages_are_read_without_thoughts(tmp_path):
    request = AnnotationRequest("q", None, ITEM.question, ITEM.answer, ITEM.options)
    assert filter_verdict(f"<think>{FALSE} I cannot answer that.</think>{TRUE}", request) == (ITEM.stages, "")
    assert filter_verdict(f"<think>{TRUE}</think>", request)[1] == "no tags"


def test_the_judge_of_a_teacher_is_read_without_thoughts(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with serve(lambda body, number: answer('<think>invalid?</think>{"verdict": "valid"}')) as server:
        judge = Judge(Endpoint(server.url, "m", tmp_path / "log.jsonl"))
        assert judge.agrees("a red car", "a car that is red") is True
