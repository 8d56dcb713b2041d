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
from o1lib.evaluation.extraction_check import DRAWN, check_file, tool_rule
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
        ("[1]", "row 1: list"),
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
    assert found["causes"][extraction_cases.SYMBOLIC] <= 25 and found["causes"][extraction_cases.LANGUAGE] <= 3


@needs_real_data
def test_the_published_table_is_what_the_command_measures():
    table = (project_root() / "results" / "extraction.md").read_text(encoding="utf8")
    rows = re.findall(r"^\| `(\S+)` \| (\d+) \| (\d+) \| ([\d.]+) \|", table, re.M)
    assert len(rows) == 6
    for name, n, agree, rate in rows:
        found = check_file(real(name))
        assert (found["n"], found["agree"], found["rate"]) == (int(n), int(agree), float(rate)), name
