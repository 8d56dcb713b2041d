"""Answers are read without the gold answer, compared fairly, and counted as the benchmarks count them."""

import inspect
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from o1lib.formats.stages import STAGES, plain, render
from o1lib.minivqa import FAMILIES, draw
from o1lib.records import UserError
from o1lib.scoring import accuracy, circular_accuracy, correct, extract, hallusion, metrics
from o1lib.scoring.short_form import well_formed

STEADY = settings(deadline=None)  # a busy machine is no failure
FOUR = ("red", "blue", "dark blue", "green")


# ---------------------------------------------------------------- extraction


def test_a_choice_is_read_as_its_letter():
    cases = [
        "B",
        "b",
        "(B)",
        "B.",
        "B)",
        "**B**",
        "[B]",
        " B \n",
        "the answer is B",
        "The correct answer is (B).",
        "answer: b)",
        "Answer: **B**",
        "ANSWER: [B]\nLet me know if you need more.",
        "option B",
        "I choose option (b).",
        "\\boxed{B}",
        "$\\boxed{\\text{B}}$",
        "So \\boxed{(B)} follows, not C.",
        "B. blue",
        "(B) blue",
        "B: because C is wrong",
        "B because it fits",
        "First ANSWER: A, but ANSWER: B is correct.",
        "The answer is for sure B, it cannot be A or C",
        "ANSWER: B, not C",
        "A. red is wrong.\nC. also wrong.\nSo it must be (B).",
        "It is wrong to say A or C.\n\nB",
        "blue",
        "Blue.",
        "the blue",
        "The answer is blue.",
        "It looks blue to me.",
        "I think it is B here",
        "A blue thing: the answer is B.",
        "Answer:\nB",
        "<SUMMARY> A or C? </SUMMARY> <CONCLUSION> B </CONCLUSION>",
        "（Ｂ）",
    ]
    wrong = [text for text in cases if extract(text, FOUR).value != "B"]
    assert wrong == []


def test_a_choice_is_read_only_where_one_is_made():
    cases = [
        ("dark blue", "C"),
        ("The shape is dark blue.", "C"),
        ("A dark blue shape", "C"),
        ("It is a green one, not blue", "D"),
        ("The answer is A or B.", None),
        ("", None),
        ("  \n ", None),
        ("None of these.", None),
        ("ANSWER: Z", None),
        ("A or B", None),
        ("The answer is not B.", None),
        ("The answer is A dark blue shape.", "C"),
        ("A", "A"),
        ("a", "A"),
        ("answer: derived below, so 22.3 degrees", None),
        ("Z-like", None),
        ("ANSWER: B</think>ANSWER: [LETTER]", None),
    ]
    wrong = [(text, value) for text, value in cases if extract(text, FOUR).value != value]
    assert wrong == []


def test_a_number_or_a_letter_is_read_if_options_are_numbers():
    assert extract("12", ("9", "12", "15")).value == "B"
    assert extract("The area is 15 cm.", ("9", "12", "15")).value == "C"
    assert extract("12.0", ("9", "12", "15")).value == "B"
    assert extract("A", ("9", "12", "15")).value == "A"


def test_a_letter_beyond_the_options_is_none_of_them():
    assert extract("C", ("yes", "no")).value is None
    assert extract("no", ("yes", "no")).value == "B"


def test_an_open_answer_is_a_number_yes_or_no_or_words():
    cases = [
        ("3", "3", "number"),
        ("3.", "3", "number"),
        ("**Answer:** 13.8", "13.8", "number"),
        ("*Answer*: 1,250", "1250", "number"),
        ("$1,000.99", "1000.99", "number"),
        ("-5", "-5", "number"),
        ("25%", "25%", "number"),
        ("1/4", "1/4", "number"),
        ("\\boxed{\\frac{14}{3}}", "14/3", "number"),
        ("$\\frac13$", "1/3", "number"),
        ("12 cm", "12", "number"),
        ("x = 5", "5", "number"),
        ("three", "3", "number"),
        ("$90^\\circ$", "90", "number"),
        ("7,425,000 people", "7425000", "number"),
        ("The final answer is: 4", "4", "number"),
        ("The answer is 5 because 2 + 3 = 5.", "5", "number in a sentence"),
        ("Therefore, the median of the numbers is 9.", "9", "number in a sentence"),
        ("Yes", "yes", "yes/no"),
        ("No, they are the same size.", "no", "yes/no"),
        ("yes.", "yes", "yes/no"),
        ("The answer is no.", "no", "yes/no"),
        ("top left", "top left", "text"),
        ('"Lung"', "Lung", "text"),
        ("no parking", "no parking", "text"),
        ("The answer is: a bird.", "a bird", "text"),
        ("a\n\nb", "b", "text"),
        ("", None, "none"),
        ("...", None, "none"),
    ]
    wrong = [(text, value, by) for text, value, by in cases if extract(text) != (value, by)]
    assert wrong == []


@STEADY
@given(st.one_of(st.text(), st.text("AB1. ()\\boxed{}answer:is\n%/-,")), st.lists(st.text(max_size=5), max_size=6))
def test_extraction_and_comparison_never_raise(text, options):
    value = extract(text, options).value
    assert value is None or not options or value in "ABCDEF"[: len(options)]
    assert isinstance(correct(value, text, options), bool)
    assert isinstance(correct(text, text), bool)


@pytest.mark.parametrize("piece", ["answer is ", "(", "A ", "1,000", "\\boxed{", "option is the ", "1/", "\n", "= $"])
def test_extraction_of_a_long_text_takes_no_time(piece):
    started = time.process_time()
    extract(piece * 20_000, FOUR)
    extract(piece * 20_000)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("family", FAMILIES)
def test_the_answer_of_a_drawn_question_is_read_in_any_wording(family):
    for seed in range(30):
        example = draw(family, seed)
        said = example.options["ABCD".index(example.answer)] if example.options else example.answer
        for text in (example.answer, said, f"The answer is {said}.", render(example.stages), plain(example.stages)):
            assert correct(extract(text, example.options).value, example.answer, example.options), (text, example.qid)


def test_extraction_cannot_see_the_gold_answer():
    assert list(inspect.signature(extract).parameters) == ["text", "options"]


def test_a_choice_is_read_in_prose_json_and_chinese():
    cases = [
        ("Specifically, (C) the line and (B) the dot are established. The others have not been.", "B"),
        ("(A) red\n(B) blue\n(C) dark blue\n(D) green\nIt is hard to say.", None),
        ("Either (A) or (B).", None),
        ('{"choice": "b"}', "B"),
        ("B不是 A", "B"),
        ("推理过程\n答案：B是正确的，D是干扰项", "B"),
        ("答案：无法确定", None),
    ]
    wrong = [(text, value) for text, value in cases if extract(text, FOUR).value != value]
    assert wrong == []


def test_an_open_answer_is_read_after_so_and_without_spaces():
    cases = [
        ("By Pythagoras it is the hypotenuse. So, yes, the value of x is 5.", "yes"),
        ("\\$16386.17", "16386.17"),
        ("So yesterday it was 3.", "3"),
        ("所以一共有3 + 10 = 13只鸟", "13"),
    ]
    wrong = [(text, value) for text, value in cases if extract(text).value != value]
    assert wrong == []


# ---------------------------------------------------------------- comparison


def test_the_same_answer_in_another_form_is_right():
    cases = [
        ("1000", "1,000"),
        ("3.0", "3"),
        ("1.24", "1.2"),
        ("0.33", "1/3"),
        ("1/2", "0.5"),
        ("25%", "0.25"),
        ("25", "25%"),
        ("12 cm", "12"),
        ("12", "12 cm"),
        ("$5", "5 dollars"),
        ("three", "3"),
        ("8/46", "4/23"),
        ("The Bird", "bird"),
        ("top  left.", "Top left"),
        ("Yes", "yes"),
        ("-1/2", "-0.5"),
        ("a", "A"),
        ("２５９０", "2590"),
        ("2-\\sqrt{3}", "$2-\\sqrt{3}$"),
    ]
    wrong = [(value, gold) for value, gold in cases if not correct(value, gold)]
    assert wrong == []


def test_another_answer_is_wrong():
    cases = [
        ("13.2", "13"),
        ("1.26", "1.2"),
        ("12 m", "12 cm"),
        ("-5", "5"),
        ("left", "top left"),
        ("no", "yes"),
        ("", "3"),
        (None, "3"),
        ("1/0", "0"),
        ("3 1", "31"),
        ("bird", ""),
        ("", ""),
    ]
    wrong = [(value, gold) for value, gold in cases if correct(value, gold)]
    assert wrong == []


def test_a_choice_is_compared_by_letter():
    cases = [
        ("B", "B", True),
        ("B", "C", False),
        ("B", "blue", True),
        ("blue", "B", True),
        (None, "B", False),
        ("E", "E", False),
    ]
    wrong = [(value, gold, right) for value, gold, right in cases if correct(value, gold, FOUR) is not right]
    assert wrong == []


# ---------------------------------------------------------------- metrics


def line(qid, right, **more):
    return {
        "qid": qid,
        "correct": right,
        "pred": "B",
        "test_set": "mini-MMStar",
        "skill": "math",
        "family": "mini-CLEVR",
        "format": "tags",
        "output": render(dict.fromkeys(STAGES, "x")),
        "group": None,
        "stage_scores": None,
        "option_likelihood_correct": None,
        "ledger": None,
    } | more


def test_accuracy_has_wilsons_interval():
    # 8 of 10: the textbook interval
    found = accuracy([line(str(k), k < 8) for k in range(10)])
    assert found == {"value": 0.8, "n": 10, "low": 0.490162, "high": 0.943318}


ASKED_FOUR_TIMES = [
    line(f"g{k}", False, test_set="mini-MMBench", group="g", pred=None, output="B", option_likelihood_correct=False)
    | {"stage_scores": {"caption": False, "first_break": "caption"}, "ledger": {"generated": 8, "seconds": 3.0}}
    for k in range(4)
]
ASKED_ONCE = line("a", True, option_likelihood_correct=True) | {
    "stage_scores": {"caption": True, "first_break": None},
    "ledger": {"generated": 4, "seconds": 1.0},
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *dict.fromkeys(("accuracy", "skill/math", "family/mini-CLEVR", "unread", "well_formed"), 0.5).items(),
        *dict.fromkeys(("option_likelihood", "stage/caption", "first_break/caption"), 0.5).items(),
        ("cost/generated", 6),
        ("processed_tokens", 6),
    ],
)
def test_rotations_of_a_question_weigh_as_much_as_one_question(name, value):
    """Four wrong rotations and one right answer are one question of two, not one line of five."""
    assert metrics([*ASKED_FOUR_TIMES, ASKED_ONCE])[name]["value"] == value


def test_the_interval_of_an_accuracy_is_one_over_questions():
    """Four rotations that go the same way say no more than one answer."""
    questions = [[line(f"{k}/{n}", k < 8, group=f"{k}") for n in range(4)] for k in range(10)]
    found = accuracy([row for rows in questions for row in rows])
    assert found == {"value": 0.8, "n": 40, "low": 0.490162, "high": 0.943318}


def test_circular_accuracy_requires_every_rotation():
    rows = [line(f"{group}{k}", group == "a" or k > 0, group=group) for group in "ab" for k in range(4)]
    found = circular_accuracy([*rows, line("c", True)])
    assert (found["value"], found["n"]) == (round(2 / 3, 6), 3)


def hallusion_rows(wrong):
    qids = [f"p{pair}#{figure}#{question}" for pair in (1, 2) for figure in ("plain", "edited") for question in "xyz"]
    return [line(qid, qid not in wrong, test_set="mini-HallusionBench", group=qid.split("#")[0]) for qid in qids]


def test_hallusion_counts_lines_figures_and_questions():
    found = hallusion(hallusion_rows({"p1#edited#x", "p1#edited#y"}))
    assert [(found[key]["value"], found[key]["n"]) for key in ("aAcc", "fAcc", "qAcc")] == [
        (round(10 / 12, 6), 12),
        (0.75, 4),
        (round(4 / 6, 6), 6),
    ]
    assert found["mean"]["value"] == 0.75 and found["mean"]["low"] < 0.75 < found["mean"]["high"] <= 1


def test_a_hallusion_qid_without_its_three_parts_is_named():
    with pytest.raises(UserError, match="'p1#x' of mini-HallusionBench is not '<pair>#<figure>#<question>'"):
        metrics([line("p1#x", True, test_set="mini-HallusionBench")])


def test_each_set_has_a_headline_and_six_have_an_average():
    """The average is over the six sets of the papers."""
    rows = [
        line(f"{name}{k}", k < 3, test_set=name, group="g" if name == "mini-MMBench" else None)
        for name in ("mini-MMStar", "mini-MMBench", "mini-MM-Vet", "mini-MathVista", "mini-AI2D", "mini-VRC-Bench")
        for k in range(4)
    ]
    found = metrics(rows)
    assert found["mini-MMStar"]["value"] == found["mini-MMBench/plain"]["value"] == 0.75
    assert found["mini-MMBench"] == {"value": 0.0, "n": 1, "low": 0.0, "high": pytest.approx(0.793451)}
    assert found["mini-MMStar/math"]["n"] == 4 and found["skill/math"]["n"] == 24 == found["family/mini-CLEVR"]["n"]
    assert "mini-average" not in found
    found = metrics(rows + hallusion_rows(set()))
    assert found["mini-average"]["value"] == pytest.approx((4 * 0.75 + 0 + 1) / 6, abs=1e-6)
    assert 0 <= found["mini-average"]["low"] < found["mini-average"]["high"] <= 1


def test_stage_scores_and_costs_average_the_lines_that_have_them():
    ledger = {"generated": 10, "judge": 4, "prefilled": 6, "images": 1, "calls": 3, "seconds": 0.5}
    scores = {"caption": True, "reasoning": 0.5, "first_break": "reasoning"}
    rows = [
        line("a", True, stage_scores=scores, ledger=ledger),
        line(
            "b",
            True,
            stage_scores={"caption": False, "reasoning": 1, "first_break": None},
            ledger=ledger | {"judge": 0},
        ),
        line("c", False, option_likelihood_correct=True, pred=None, output="B"),
    ]
    found = metrics(rows)
    assert found["stage/caption"]["value"] == 0.5 and found["stage/reasoning"] == {
        "value": 0.75,
        "n": 2,
        "low": 0.260009,
        "high": 1.0,
    }
    assert found["first_break/reasoning"]["value"] == found["first_break/none"]["value"] == 0.5
    assert "stage/summary" not in found and found["option_likelihood"]["n"] == 1
    assert found["processed_tokens"]["value"] == 18 and found["cost/judge"]["value"] == 2
    assert (found["unread"]["value"], found["well_formed"]["value"]) == (0.333333, 0.666667)


def test_an_output_is_checked_against_its_own_format():
    cases = [
        (render(dict.fromkeys(STAGES, "x")), "tags", True),
        (render(dict.fromkeys(STAGES, "x"), STAGES[::-1]), "tags", False),
        (render(dict.fromkeys(STAGES, "x"), STAGES[::-1]), "shuffled", True),
        (render(dict.fromkeys(STAGES[:3], "x")), "shuffled", False),
        ("B", "special_tags", False),
        (plain(dict.fromkeys(STAGES, "x")), "no_tags", True),
        ("x\n\nB", "four_turn", False),
        ("B", "direct", None),
    ]
    wrong = [(output, format, kept) for output, format, kept in cases if well_formed(output, format) is not kept]
    assert wrong == []


def test_a_break_that_never_occurs_is_measured_as_zero():
    """It is not left out."""
    found = metrics([line("a", True, stage_scores={"caption": True, "first_break": None})])
    assert found["first_break/caption"]["value"] == 0 and found["first_break/caption"]["high"] > 0


def test_vrc_bench_has_a_score_for_steps_and_for_final_answers():
    found = metrics(
        [
            line("a", True, test_set="mini-VRC-Bench", stage_scores={"reasoning_precision": 0.75}),
            line("b", False, test_set="mini-VRC-Bench"),
            line("c", True, stage_scores={"reasoning_precision": 0}),
        ]
    )
    assert (found["mini-VRC-Bench/steps"]["value"], found["mini-VRC-Bench"]["value"]) == (0.75, 0.5)


def test_candidates_are_compared_by_their_whole_text_per_round():
    texts = [(0, 0, "a"), (0, 0, "b"), (0, 1, "a"), (0, 1, "b"), (1, 0, "a"), (1, 1, "c"), (2, 0, "alone")]
    found = metrics(
        [
            line("a", True, candidates=[{"round": r, "candidate": c, "text": t} for r, c, t in texts]),
            line("b", True, candidates=[{"round": 0, "candidate": 0, "text": "x"}]),
            line("c", True),
        ]
    )
    assert found["distinct_candidates"]["value"] == 0.75 and found["distinct_candidates"]["n"] == 1


def test_metrics_are_the_same_after_a_round_trip_through_a_file():
    rows = [line(str(k), k % 3 == 0, test_set=None) for k in range(7)] + hallusion_rows({"p1#plain#x"})
    again = [json.loads(json.dumps(row)) for row in rows]
    assert metrics(rows) == metrics(again) == json.loads(json.dumps(metrics(again)))


def test_no_predictions_give_no_metrics():
    assert metrics([]) == {}
