"""The questions of an audit come from drawings, benchmarks, datasets and files, with or without right answers."""

import json
from types import SimpleNamespace

import pytest
from PIL import Image

from o1lib.data.dataset import write_items
from o1lib.evaluation.audits.questions import audit_items, pairs_first
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


def by_id(items):
    return sorted(items, key=lambda item: item.qid)


def test_drawings_come_in_pairs_with_one_question(run):
    items = audit_items("", 6, run).chain
    assert len(items) == 6 and all(item.answer and item.facts for item in items)
    assert all(a.question == b.question and a.answer != b.answer for a, b in zip(items[::2], items[1::2]))


def test_an_odd_number_of_drawings_is_as_many_as_were_asked_for(run):
    found = audit_items("", 5, run)
    assert len(found.chain) == 5 and found.chain[:4] == audit_items("", 4, run).chain and found.judge == found.chain


def test_too_few_questions_are_refused(run):
    with pytest.raises(UserError, match="questions=1 is too few"):
        audit_items("", 1, run)


def test_a_file_of_questions_may_lack_answers(tmp_path, run):
    path = written(
        tmp_path,
        {"id": "1", "question": "How many?"},
        {"id": "2", "question": "Which?", "options": ["red", "blue"], "answer": "blue"},
    )
    found = audit_items(str(path), 10, run)
    items = by_id(found.chain)
    assert [(item.answer, item.options) for item in items] == [("", ()), ("B", ("red", "blue"))]
    assert found.judge == [items[1]], "the judge needs the right answer"
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
    items = by_id(audit_items(str(tmp_path), 10, run).chain)
    assert [(item.qid, item.answer, item.options) for item in items] == [("1", "3", ()), ("2", "B", ("red", "blue"))]


def test_a_dataset_of_the_study_keeps_what_is_known_of_its_pictures(tmp_path, run):
    drawn = [draw("mini-CLEVR", seed) for seed in seeds("validation", 3)]
    folder = write_items(drawn, tmp_path / "mini")
    facts = {item.qid: set(item.facts) for item in audit_items(str(folder), 3, run).judge}
    assert facts == {one.qid: set(one.facts) for one in drawn}


@pytest.mark.parametrize("answer", ["", "B"])
def test_a_benchmark_may_lack_its_answers(tmp_path, run, answer):
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.png")
    head, row = "index\tquestion\tA\tB\tanswer\timage_path", f"1\tWhich?\tred\tblue\t{answer}\ta.png"
    (tmp_path / "part.tsv").write_text(f"{head}\n{row}\n", "utf8")
    with pytest.warns(UserWarning, match="another MD5"):
        [item] = audit_items(f"MMStar@{tmp_path / 'part.tsv'}", 10, run).chain
    assert (item.answer, item.options) == (answer, ("red", "blue"))


def test_a_circular_benchmark_is_asked_once_a_question(tmp_path, run):
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.png")
    rows = [f"{k}\tWhich {k}?\tred\tblue\tgray\t{answer}\ta.png" for k, answer in ((1, "B"), (2, ""))]
    (tmp_path / "part.tsv").write_text("\n".join(["index\tquestion\tA\tB\tC\tanswer\timage_path", *rows]), "utf8")
    with pytest.warns(UserWarning, match="another MD5"):
        items = by_id(audit_items(f"MMBench_DEV_EN@{tmp_path / 'part.tsv'}", 10, run).chain)
    assert [(item.qid, item.answer, item.options[0]) for item in items] == [("1", "B", "red"), ("2", "", "red")]


def test_a_missing_picture_is_named(tmp_path, run):
    path = written(tmp_path, {"id": "7", "question": "How many?", "image": "gone.png"})
    with pytest.raises(UserError, match="question 7: the picture .*gone.png is missing"):
        audit_items(str(path), 2, run)


def test_only_the_pictures_of_drawn_questions_are_opened(tmp_path, run, monkeypatch):
    opened = []
    monkeypatch.setattr("o1lib.evaluation.audits.questions.check", lambda image, what: opened.append(what))
    lines = [{"id": str(k), "question": f"How many {k}?"} for k in range(50)]
    gone = [{"id": f"gone {k}", "question": "How many?", "image": "gone.png"} for k in range(2)]
    run.seed = next(seed for seed in range(99) if not drawn_of(52, seed) & {50, 51})
    items = audit_items(
        str(written(tmp_path, *lines, *[one | {"question": f"Gone {k}?"} for k, one in enumerate(gone)])), 4, run
    )
    assert len(items.chain) == 4 and len(opened) == 4


def drawn_of(total, seed):
    """Return which of `total` questions, no two of one text, a draw of four takes."""
    plain = [SimpleNamespace(qid=k, question=f"{k:02}", options=(), answer="") for k in range(total)]
    return {item.qid for item in pairs_first(plain, 4, seed)}


def test_questions_of_a_file_are_a_draw_that_the_seed_decides(tmp_path, run):
    path = written(tmp_path, *({"id": str(k), "question": f"How many {k}?", "answer": "3"} for k in range(60)))
    found = {}
    for run.seed in (0, 1, 0):
        asked = audit_items(str(path), 6, run)
        assert asked.total == 60
        found.setdefault(run.seed, []).append([[item.qid for item in some] for some in asked[:2]])
    assert found[0][0] == found[0][1] != found[1][0]
    assert all(some != [str(k) for k in range(6)] for some in found[0][0])


def test_the_judge_is_asked_about_a_plain_draw_whatever_shares_its_text(tmp_path, run):
    """Two of 40 questions share their text: the chain reading always has them, the judge as often as any others."""
    texts = ["Same?", "Same?", *(f"How many {k}?" for k in range(38))]
    path = written(tmp_path, *({"id": str(k), "question": text, "answer": str(k)} for k, text in enumerate(texts)))
    both = {"chain": 0, "judge": 0}
    for run.seed in range(20):
        asked = audit_items(str(path), 4, run)
        for name in both:
            both[name] += sum(item.question == "Same?" for item in getattr(asked, name)) == 2
    assert both["chain"] == 20 and both["judge"] < 3


def test_an_at_sign_in_the_path_of_a_file_names_no_benchmark(tmp_path, run):
    (folder := tmp_path / "me@home").mkdir()
    path = written(folder, {"id": "1", "question": "How many?"})
    assert [item.qid for item in audit_items(str(path), 2, run).chain] == ["1"]


def test_an_unknown_name_is_refused(run):
    with pytest.raises(UserError, match="nosuch"):
        audit_items("nosuch", 4, run)


def test_pairs_of_one_text_and_other_answers_come_first():
    texts = [("a", "1"), ("b", "1"), ("c", "1"), ("a", "2"), ("d", "1"), ("c", "1"), ("e", ""), ("e", "")]
    items = [SimpleNamespace(qid=k, question=text, options=(), answer=answer) for k, (text, answer) in enumerate(texts)]
    for seed in range(5):
        found = [item.qid for item in pairs_first(items, 7, seed)]
        assert {frozenset(found[:2]), frozenset(found[2:4])} == {frozenset({0, 3}), frozenset({6, 7})}
        assert len(set(found)) == 7


def test_many_questions_of_one_text_are_paired_as_far_as_their_answers_differ():
    items = [SimpleNamespace(qid=k, question="a", options=(), answer="yes" if k < 7 else "no") for k in range(10)]
    found = pairs_first(items, 10)
    assert all(a.answer != b.answer for a, b in zip(found[:6:2], found[1:6:2])) and len(found) == 10
