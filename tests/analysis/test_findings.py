"""Titles and opening sentences say what the table says, and name intervals that exclude zero with their limits."""

import pandas as pd
import pytest

from o1lib.analysis import findings
from o1lib.analysis.claims import brief
from o1lib.analysis.stats import VERDICTS
from o1lib.records import UserError

NAN = float("nan")


def contrasts(*intervals, **columns):
    """One line for each (value, low, high), named a, b, c in order."""
    lines = [dict(zip(("value", "low", "high"), one, strict=True)) for one in intervals]
    named = [
        line | {"contrast": name, "n": 90, "seeds": 2, "why": ""} for name, line in zip("abcd", lines, strict=False)
    ]
    return pd.DataFrame(named).assign(**columns)


UP, UNSURE, DOWN = (0.08, 0.02, 0.14), (0.01, -0.05, 0.07), (-0.12, -0.2, -0.04)


def test_an_interval_that_includes_zero_decides_nothing():
    assert list(findings.undecided(contrasts(UP, UNSURE, DOWN))) == [False, True, False]


def test_an_interval_that_touches_zero_decides_nothing():
    assert list(findings.undecided(contrasts((0.1, 0.0, 0.2)))) == [True]


def test_a_verdict_decides_before_the_interval():
    found = contrasts(UNSURE, UNSURE, UP, verdict=["negligible", "inconclusive", "not told apart"])
    assert list(findings.undecided(found)) == [False, True, True]


def test_intervals_without_zero_are_named_largest_first():
    assert findings.differences(contrasts(UP, UNSURE, DOWN)) == (
        "2 of 3 differences have an uncorrected 95 % interval without zero: c -12.0 points; a +8.0 points"
    )


def test_further_intervals_without_zero_are_counted():
    told = findings.differences(contrasts(UP, DOWN, UP), most=1)
    assert told == "3 of 3 differences have an uncorrected 95 % interval without zero: b -12.0 points; and 2 more"


def test_the_limits_of_a_named_difference_are_told():
    failed = "672 of 672 answers of “x” failed"
    told = findings.differences(contrasts(UP).assign(seeds=1, incomplete="a seed lacks", ill_formed=failed))
    assert told.endswith(f"a +8.0 points (one seed, incomplete, {failed})")


def test_the_lowest_and_the_highest_level_are_named():
    cells = pd.DataFrame({"label": ["a", "b", "c"], "value": [0.2, 0.31, NAN]}, index=[4, 4, 4]).reset_index(drop=True)
    assert findings.levels(cells, "label") == "Values lie between 20.0 % (a) and 31.0 % (b)"
    assert findings.levels(cells[:0], "label") == "Nothing is shown: rows were not run"


@pytest.mark.parametrize(
    "found, told",
    [
        (contrasts(UNSURE, UNSURE), "All 2 differences have an uncorrected 95 % interval that includes zero"),
        (contrasts(UNSURE), "The uncorrected 95 % interval of the difference includes zero"),
        (contrasts((NAN, NAN, NAN)), "Nothing is compared: rows were not run"),
    ],
)
def test_nothing_certain_is_said(found, told):
    assert findings.differences(found) == told


def test_what_was_not_run_is_not_counted():
    told = findings.differences(contrasts(UP, (NAN, NAN, NAN)))
    assert told == "1 of 1 differences has an uncorrected 95 % interval without zero: a +8.0 points"


def test_the_place_of_most_breaks_is_named_with_its_range():
    places = {"at the caption": "c", "at the reasoning": "r"}
    cells = pd.DataFrame(
        {
            "label": ["a", "a", "b", "b", "a", "b"],
            "metric": ["at the caption", "at the reasoning"] * 2 + ["nowhere"] * 2,
            "value": [0.2, 0.6, 0.3, 0.7, 0.9, 0.9],
        }
    )
    assert findings.breaks(cells, places) == "Chains break most often at the reasoning: 60 to 70 % of answers"
    blind = pd.DataFrame({"label": ["c"] * 2, "metric": list(places), "value": [1.0, 0.0]})
    told = findings.breaks(pd.concat([cells, blind]), places)
    assert told == "Chains break most often at the reasoning in 2 of 3 rows: 60 to 70 % of answers"
    assert findings.breaks(cells[:0], places) == "No row has chains whose stages were checked"


def test_letters_stand_beside_chance():
    assert "in 30 to 36 % of cases (at random: 28 %)" in findings.letters(pd.DataFrame({"value": [0.3, 0.36]}), 0.28)
    assert findings.letters(pd.DataFrame({"value": []}), NAN) == "No chain states an option"


def test_a_report_opens_with_its_first_contrast_and_says_how_sure_it_is():
    found = contrasts(UNSURE, UNSURE, verdict=["inconclusive", "inconclusive"])
    first, all_of_them, sure = findings.opening(found, "b", "pilot")
    assert first == "**b**: +1.0 points [-5.0, +7.0], **inconclusive**."
    assert all_of_them == "All 2 differences have an uncorrected 95 % interval that includes zero."
    assert sure.startswith("In this pilot, a difference") and "90 questions and 2 seeds" in sure and "±6 points" in sure


def test_an_opening_names_the_least_seeds_too():
    found = contrasts(UP, UNSURE, verdict="inconclusive").assign(seeds=[1, 2])
    assert "90 questions and 1 to 2 seeds" in findings.opening(found, "b")[2]


def test_an_opening_without_its_contrast_gives_the_reason():
    found = contrasts((NAN, NAN, NAN), verdict="not tested").assign(why="needs row x, which has no record", n=NAN)
    assert findings.opening(found, "a") == [
        "**a**: not tested, needs row x, which has no record.",
        "Nothing is compared: rows were not run.",
        "No contrast could be tested.",
    ]


def test_the_tokens_of_searches_are_told_in_those_of_one_sample():
    found = pd.DataFrame({"N": [1, 2, 4], "tokens": [100.0, 250.0, 420.0]})
    assert findings.spending(found).endswith("processes 2.5 to 4.2 times the tokens of one sample")
    assert findings.spending(found[:1]) == "No search is compared with one sample"


def claims():
    return [{"id": "A1", "paper": "A", "verdict": VERDICTS[0]}, {"id": "B8", "paper": "B", "verdict": VERDICTS[3]}]


def test_verdicts_are_counted_in_words():
    assert brief.counted(claims()) == "1 is supported, 1 is inconclusive"
    assert brief.counted(claims()[:1]) == "the only one is supported"


def test_the_answer_says_that_verdicts_are_not_corrected():
    told = brief.answer_in_brief([one | {"value": None, "contrast": {"metric": ""}} for one in claims()], [])[-1]
    assert told.endswith("Each of the 2 tested ones is judged by its own uncorrected 95 % interval.")
    corrected = [one | {"value": None, "contrast": {"metric": ""}, "p_holm": 0.1} for one in claims()]
    assert "uncorrected" not in brief.answer_in_brief(corrected, [])[-1]


@pytest.mark.parametrize(
    "only, ids", [("all", ["A1", "B8"]), ("A1", ["A1"]), ("LLaVA-o1", ["A1"]), ("A1, B8", ["A1", "B8"])]
)
def test_claims_are_chosen_by_id_or_paper(only, ids):
    assert [line["id"] for line in brief.chosen_claims(claims(), only)] == ids


def test_without_a_name_the_main_claims_are_chosen():
    assert [line["id"] for line in brief.chosen_claims(claims())] == ["B8"]  # A1 is no main claim
    assert [line["id"] for line in brief.chosen_claims(claims()[:1])] == ["A1"]


def test_an_unknown_claim_is_refused_with_those_that_exist():
    with pytest.raises(UserError, match="A2.*A1"):
        brief.chosen_claims(claims(), "A2")
