"""Extraction agrees with published verdicts, on the published files and on small ones of the same form."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1lib.evaluation import extraction_cases
from o1lib.evaluation.extraction_check import (
    DRAWN,
    NEAREST,
    NO_GOLD,
    NO_VERDICT,
    OTHERWISE,
    UNREAD,
    check_file,
    tool_rule,
)
from o1lib.records import UserError, project_root

needs_real_data = pytest.mark.skipif(
    "O1LIB_REAL_DATA" not in os.environ, reason="O1LIB_REAL_DATA names no folder of real outputs"
)
FOUR = ("red", "blue", "dark blue", "green")


def real(name):
    return Path(os.environ["O1LIB_REAL_DATA"]) / "outputs" / name


def put(path, *rows):
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf8")
    return path


def mmmu(response, official, answer="B"):
    return {
        "response": response,
        "official_parsed": official,
        "answer": answer,
        "index2ans": dict(zip("ABCD", FOUR, strict=True)),
    }


# ---------------------------------------------------------------- forms


def test_verdicts_of_math_v_are_compared_with_causes(tmp_path):
    row = {"model_answer": "b", "correct": True, "gold": "B", "options": list(FOUR)}
    found = check_file(
        put(
            tmp_path / "mathv.jsonl",
            row | {"response": "\\boxed{B}"},
            row | {"response": "C"},
            row | {"response": "Hm."},
            row | {"response": "B", "correct": False},
        )
    )
    assert (found["n"], found["agree"], found["rate"]) == (4, 1, 0.25)
    assert found["causes"] == {"another answer read": 1, "no answer read": 1, "same answer, compared otherwise": 1}


def test_letters_that_mmmu_draws_at_random_do_not_count(tmp_path):
    found = check_file(put(tmp_path / "mmmu.jsonl", mmmu("I cannot see it.", "D"), mmmu("It is (B).", "B")))
    assert found["n"] == found["agree"] == 1 and found["left_out"] == {DRAWN: 1}


def test_another_reading_with_an_equal_verdict_is_shown(tmp_path):
    found = check_file(put(tmp_path / "mmmu.jsonl", mmmu("Nothing is certain here. A cat would do as well.", "A")))
    assert found["rate"] == 1.0 and list(found["other_reading"].values()) == [1]


@pytest.mark.parametrize(
    ("response", "pro", "rule"),
    [
        ("(A) and then (C)", False, "the last of several letters in parentheses"),
        ("so (C).", False, "the one letter in"),
        ("There is A cat", False, "a capital of the prose"),
        ("I see CUBA.", True, "a capital of the prose"),
        ("Of the six it is the blue one.", False, "the text of an option in the reasoning"),
        ("blue one", False, ""),
        ("(A) is wrong. Answer: C", True, "the letter after 'Answer:'"),
        ("", True, ""),
    ],
)
def test_the_rule_by_which_mmmu_reads_a_letter_is_known(response, pro, rule):
    assert tool_rule(response, FOUR, pro).startswith(rule) and bool(tool_rule(response, FOUR, pro)) == bool(rule)


def test_predictions_are_compared_with_gold_answers(tmp_path):
    rows = [
        {"prediction": "<CONCLUSION> 1.24 </CONCLUSION>", "answer": 1.2},
        {"prediction": "So (B).", "answer": "blue", "choices": list(FOUR)},
        {"prediction": "So (B).", "answer": "blue", "choices": str(list(FOUR))},
        {"prediction": "quarter", "answer": "quarter", "answer_option": "B", "choices": None},
        {"prediction": "C", "answer": "quarter", "answer_option": "B", "choices": None},
        {"prediction": "It is blue.", "answer": "B", "A": "red", "B": "blue", "C": ""},
    ]
    found = check_file(put(tmp_path / "p.jsonl", *rows))
    assert (found["agree"], found["causes"]) == (5, {"another answer read": 1})


def mathvista(response, right, options=("left", "right"), answer="right", **more):
    """Return a row of MathVista's published result files: `prediction` is what the tool made of the response."""
    asked = "".join(f"\n({letter}) {option}" for letter, option in zip("ABCD", options or ()))
    return {
        "pid": "1",
        "query": f"Which?\nChoices:{asked}" if options else "How many?",
        "choices": list(options) if options else None,
        "unit": None,
        "precision": None,
        "answer": answer,
        "response": response,
        "extraction": "B" if options else "4",
        "prediction": "right",
        "true_false": right,
    } | more


@pytest.mark.parametrize(
    "row",
    [
        mathvista("The correct option is (B) right.", True),
        mathvista("The answer is (A) left.</s>", False, extraction="A", prediction="left"),
        mathvista("(A) is wrong, so it is the other.", True),
        mathvista("I cannot tell.", False, options=None, answer="4", extraction="", prediction=None),
        mathvista(None, False, options=None, answer="4", extraction="", prediction=None),
        mathvista("There are 4.\n\nI hope this helps!", True, options=None, answer="4"),
        mathvista("It is 1.24.", True, options=None, answer="1.2", extraction="1.24", prediction="1.2"),
        mathvista("The list is [0, 2].", True, options=None, answer="[0, 2]", extraction="[0, 2]", prediction="[0, 2]"),
    ],
)
def test_mathvistas_verdict_on_the_response_is_met(tmp_path, row):
    path = tmp_path / "output.json"
    path.write_text(json.dumps({"1": row, "2": row}), encoding="utf8")
    found = check_file(path)
    assert (found["n"], found["agree"], found["causes"], found["left_out"]) == (2, 2, {}, {})


def test_mathvistas_prediction_is_not_taken_for_the_response(tmp_path):
    found = check_file(put(tmp_path / "o.jsonl", mathvista("Hard to say.", True), mathvista("(A)", True)))
    assert found["agree"] == 0 and found["causes"] == {"another answer read": 1, UNREAD: 1}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (mathvista("It is 92.5.", True, ("97", "102"), "97", extraction="92.5"), NEAREST),
        (mathvista("No idea.", False, extraction=""), NEAREST),
        (mathvista("No idea.", False, extraction=None), NEAREST),
        (mathvista("(B)", True, query="Which?\nChoices:\n(A) right\n(B) left"), OTHERWISE),
        (mathvista("(B)", True, query="Which?\nChoices:\n(A) up\n(B) down"), OTHERWISE),
    ],
)
def test_a_verdict_of_mathvista_that_says_nothing_of_the_response_does_not_count(tmp_path, row, why):
    found = check_file(put(tmp_path / "o.jsonl", row, mathvista("(B)", True)))
    assert (found["n"], found["agree"], found["left_out"]) == (1, 1, {why: 1})


@pytest.mark.parametrize("verdict", ["yes", 1])
def test_a_verdict_of_another_type_is_named(tmp_path, verdict):
    with pytest.raises(UserError, match="row 1: not of the form of the first row .*true_false is"):
        check_file(put(tmp_path / "o.jsonl", mathvista("(B)", verdict)))


PRO = {"pred_indexs": "B", "if_right": True, "answer": "B", "options": str(list(FOUR))}
WITHOUT = {
    "MATH-V": ({"model_answer": "b", "correct": True, "gold": "B", "options": list(FOUR)}, {"correct": None}),
    "MathVista": (mathvista("(B)", True), {"true_false": None}),
    "MMMU": (mmmu("(B)", "B"), {"official_parsed": None}),
    "open MMMU": ({"official_parsed": "4", "answer": "4"}, {"official_parsed": None}),
    "MMMU-Pro": (PRO, {"pred_indexs": None, "if_right": None}),
    "a prediction": ({"prediction": "(B)", "answer": "B", "choices": list(FOUR)}, {"answer": None}),
    "an open prediction": ({"prediction": "4", "answer": "4"}, {"answer": None}),
}


@pytest.mark.parametrize("form", WITHOUT)
def test_a_row_whose_verdict_or_gold_answer_is_null_is_left_out(tmp_path, form):
    row, values = WITHOUT[form]
    row = {"response": "4" if form == "open MMMU" else "(B)"} | row
    found = check_file(put(tmp_path / "o.jsonl", row, row | values))
    why = NO_GOLD if "answer" in values else NO_VERDICT
    assert (found["n"], found["agree"], found["left_out"]) == (1, 1, {why: 1})


def test_the_letter_of_an_answer_that_is_null_is_its_gold_answer(tmp_path):
    row = {"prediction": "C", "answer": None, "answer_option": "B", "choices": None}
    assert check_file(put(tmp_path / "p.jsonl", row, row | {"prediction": "(B)"}))["agree"] == 1


@pytest.mark.parametrize("form", WITHOUT)
def test_a_later_row_without_the_column_of_the_response_is_named(tmp_path, form):
    row = {"response": "4"} | WITHOUT[form][0]
    later = {name: value for name, value in row.items() if name not in ("response", "prediction")}
    with pytest.raises(UserError, match="row 2: not of the form of the first row .KeyError"):
        check_file(put(tmp_path / "p.jsonl", row, later))


def test_a_response_that_is_null_is_no_answer_in_any_form(tmp_path):
    rows = [
        {"response": None, "model_answer": "b", "correct": False, "gold": "B", "options": list(FOUR)},
        {"response": None, "official_parsed": "4", "answer": "5"},
        {"prediction": None, "answer": "4"},
        {"response": None, "answer": "4", "choices": None},
    ]
    found = [check_file(put(tmp_path / f"{k}.jsonl", row)) for k, row in enumerate(rows)]
    assert [one["n"] for one in found] == [1] * 4 and [one["agree"] for one in found] == [1, 1, 0, 0]


def test_responses_without_verdicts_are_compared_with_gold_answers(tmp_path):
    row = {"pid": "1", "response": "It is (B).", "answer": "right", "choices": ["left", "right"]}
    assert check_file(put(tmp_path / "o.jsonl", row))["rate"] == 1.0


@pytest.mark.parametrize("options", ["[" * 9999, "-" * 99_999 + "1", "['a'", "1"])
def test_options_that_cannot_be_read_are_named(tmp_path, options):
    with pytest.raises(UserError, match="row 1: not of the form of the first row"):
        check_file(put(tmp_path / "p.jsonl", {"prediction": "B", "answer": "b", "options": options}))


def hallusion(prediction, **more):
    return (
        {"category": "VD", "subcategory": "math", "set_id": "0", "figure_id": "1", "question_id": "0"}
        | more
        | ({"model_prediction": prediction} if prediction else {})
    )


def test_hallusionbench_gold_answers_are_found_or_named(tmp_path):
    results, own = tmp_path / "results.json", tmp_path / "native" / "HallusionBench.json"
    results.write_text(
        json.dumps([hallusion("Yes, it is."), hallusion("The lines are equal."), hallusion("Yes.", set_id="7")])
    )
    with pytest.raises(UserError, match="has no gold answers: .*--gold HallusionBench.json"):
        check_file(results)
    own.parent.mkdir()
    own.write_text(json.dumps([hallusion("", gt_answer="1")]))
    for gold in (None, own):
        moved = results if gold else results.rename(tmp_path / "native" / "results.json")
        found = check_file(moved, gold)
        assert (found["agree"], found["causes"]) == (1, {"neither yes nor no read": 1})
        assert found["left_out"] == {"no gold answer is known for it": 1}
        results = moved


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no row with a verdict"),
        ('{"a": 1}', "row 1 has the columns a, which are not a known form"),
        ("[1]", "row 1: int instead of an object"),
        ("{", "cannot be read"),
        ('{"prediction": 3, "answer": "x"}', "row 1: not of the form of the first row"),
    ],
)
def test_a_file_that_cannot_be_compared_is_named(tmp_path, text, message):
    (tmp_path / "file.jsonl").write_text(text, encoding="utf8")
    with pytest.raises(UserError, match=f"file.jsonl.*{re.escape(message)}|{re.escape(message)}"):
        check_file(tmp_path / "file.jsonl")


@pytest.mark.slow
@given(st.text(), st.text(max_size=3), st.lists(st.text(max_size=8), max_size=11))
def test_no_response_makes_a_comparison_raise(response, official, options):
    assert isinstance(tool_rule(response, options, pro=True), str)
    case = {"kind": "mcq_parse", "input": response, "choices": ["A", "B"], "multiple": False, "expected": [official]}
    assert isinstance(extraction_cases.compare_case(case)[0], bool)


@pytest.mark.slow
def test_the_command_prints_one_json_line_or_one_sentence(tmp_path):
    def run(*words):
        return subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, cwd=project_root())

    file = put(tmp_path / "p.jsonl", {"prediction": "3", "answer": "3"})
    one, other = run("o1lib.answers", "check", str(file)), run("o1lib", "answers-check", str(file))
    assert json.loads(one.stdout) == json.loads(other.stdout) and json.loads(one.stdout)["rate"] == 1.0
    missing = run("o1lib.answers", "check", str(tmp_path / "none.jsonl"))
    assert missing.returncode == 2 and "is missing" in missing.stderr and not missing.stdout


# ---------------------------------------------------------------- real files


@needs_real_data
@pytest.mark.parametrize(
    "name", ["mathv_model_outputs_scored.jsonl", "mmmu_qwenvl_outputs.jsonl", "mmmu_pro_gpt4o_cot.jsonl"]
)
def test_official_verdicts_are_met_in_97_of_100(name):
    assert check_file(real(name))["rate"] >= 0.97


@needs_real_data
def test_differences_from_other_extractors_have_reasons():
    found = check_file(real("answer_extraction_cases.jsonl"))
    assert found["n"] == 182 and extraction_cases.UNEXPLAINED not in found["causes"]
    assert found["causes"][extraction_cases.SYMBOLIC] <= 25 and extraction_cases.LANGUAGE not in found["causes"]


@needs_real_data
def test_the_published_table_is_what_the_command_measures():
    table = (project_root() / "results" / "extraction.md").read_text(encoding="utf8")
    rows = re.findall(r"^\| `(\S+)` \| (\d+) \| (\d+) \| ([\d.]+) \| [^|]+ \| ([^|]*)\|", table, re.M)
    assert len(rows) == 6
    for name, n, agree, rate, differences in rows:
        found = check_file(real(name))
        assert (found["n"], found["agree"], found["rate"]) == (int(n), int(agree), float(rate)), name
        counts = [int(count) for count in re.findall(r"(?:^|, )(\d+) ", differences)] if n != agree else []
        assert sum(counts) == sum(found["causes"].values()), name
