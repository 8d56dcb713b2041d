"""The questions of an audit come from drawings, benchmarks, datasets and files, with or without right answers."""

import json
from types import SimpleNamespace

import pytest
from PIL import Image

from o1lib.data.dataset import write_items
from o1lib.evaluation.audits.questions import audit_items, own_questions, sharing_first
from o1lib.minivqa import draw, seeds
from o1lib.records import UserError

STAGED = "<SUMMARY> s </SUMMARY> <CAPTION> c </CAPTION> <REASONING> r </REASONING> <CONCLUSION> {} </CONCLUSION>"


@pytest.fixture
def run(tmp_path):
    return SimpleNamespace(root=tmp_path, seed=0, path=lambda name: tmp_path / name)


def written(tmp_path, *lines, name="questions.jsonl"):
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.png")
    (tmp_path / name).write_text("".join(json.dumps({"image": "a.png"} | line) + "\n" for line in lines), "utf8")
    return tmp_path / name


def test_drawings_come_in_pairs_with_one_question(run):
    items = audit_items("", 6, run)
    assert len(items) == 6 and all(item.answer and item.facts for item in items)
    assert all(a.question == b.question and a.answer != b.answer for a, b in zip(items[::2], items[1::2]))


def test_too_few_questions_are_refused(run):
    with pytest.raises(UserError, match="questions=1 is too few"):
        audit_items("", 1, run)


def test_a_file_of_questions_may_lack_answers(tmp_path, run):
    path = written(
        tmp_path,
        {"id": "1", "question": "How many?"},
        {"id": "2", "question": "Which?", "options": ["red", "blue"], "answer": "blue"},
    )
    items = audit_items(str(path), 10, run)
    assert [(item.answer, item.options) for item in items] == [("", ()), ("B", ("red", "blue"))]
    assert "A. red" in items[1].question


def test_of_a_staged_answer_the_conclusion_is_the_right_one(tmp_path, run):
    def turns(question, answer):
        return [{"from": "human", "value": question}, {"from": "gpt", "value": STAGED.format(answer)}]

    listed = "<image>Which?\nOptions:\nA. red\nB. blue"
    written(
        tmp_path,
        {"id": "1", "conversations": turns("How many?", "3")},
        {"id": "2", "conversations": turns(listed, "B")},
        name="train.jsonl",
    )
    items = audit_items(str(tmp_path), 10, run)
    assert [(item.qid, item.answer, item.options) for item in items] == [("1", "3", ()), ("2", "B", ("red", "blue"))]


def test_a_dataset_of_the_study_keeps_what_is_known_of_its_pictures(tmp_path, run):
    drawn = [draw("mini-CLEVR", seed) for seed in seeds("validation", 3)]
    folder = write_items(drawn, tmp_path / "mini")
    assert [set(item.facts) for item in audit_items(str(folder), 3, run)] == [set(one.facts) for one in drawn]


@pytest.mark.parametrize("answer", ["", "B"])
def test_a_benchmark_may_lack_its_answers(tmp_path, run, answer):
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.png")
    head, row = "index\tquestion\tA\tB\tanswer\timage_path", f"1\tWhich?\tred\tblue\t{answer}\ta.png"
    (tmp_path / "part.tsv").write_text(f"{head}\n{row}\n", "utf8")
    with pytest.warns(UserWarning, match="another MD5"):
        [item] = audit_items(f"MMStar@{tmp_path / 'part.tsv'}", 10, run)
    assert (item.answer, item.options) == (answer, ("red", "blue"))


def test_a_circular_benchmark_is_asked_once_a_question(tmp_path, run):
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.png")
    rows = [f"{k}\tWhich {k}?\tred\tblue\tgray\t{answer}\ta.png" for k, answer in ((1, "B"), (2, ""))]
    (tmp_path / "part.tsv").write_text("\n".join(["index\tquestion\tA\tB\tC\tanswer\timage_path", *rows]), "utf8")
    with pytest.warns(UserWarning, match="another MD5"):
        items = audit_items(f"MMBench_DEV_EN@{tmp_path / 'part.tsv'}", 10, run)
    assert [(item.qid, item.answer, item.options[0]) for item in items] == [("1", "B", "red"), ("2", "", "red")]


def test_a_missing_picture_is_named(tmp_path):
    path = written(tmp_path, {"id": "7", "question": "How many?", "image": "gone.png"})
    with pytest.raises(UserError, match="question 7: the picture .*gone.png is missing"):
        own_questions(path)


def test_an_unknown_name_is_refused(run):
    with pytest.raises(UserError, match="nosuch"):
        audit_items("nosuch", 4, run)


def test_questions_that_share_their_text_come_first():
    items = [SimpleNamespace(qid=k, question=text, options=()) for k, text in enumerate("abcadc")]
    assert [item.qid for item in sharing_first(items, 5)] == [0, 3, 2, 5, 1]
