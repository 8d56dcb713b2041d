"""Answers of every kind that strangers got wrong, and the texts beside them that are no answers.

The cases are in cases/*.jsonl: {"kind", "text", "options", "wanted"} for extraction, {"said", "gold", "equal"} for
comparison. `wanted` null is a text without an answer.
"""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from o1lib.minivqa.facts import check_steps
from o1lib.scoring import correct, extract
from o1lib.scoring.equality import quantity

CASES = Path(__file__).parent / "cases"
STEADY = settings(deadline=None, max_examples=200)
FOUR = ("red", "blue", "green", "yellow")


def rows(name):
    return [json.loads(line) for line in (CASES / name).read_text(encoding="utf8").splitlines()]


EXTRACTION = rows("extraction.jsonl")


@pytest.mark.parametrize("kind", list(dict.fromkeys(row["kind"] for row in EXTRACTION)))
def test_every_case_of_a_kind_is_read(kind):
    own = [row for row in EXTRACTION if row["kind"] == kind]
    found = [(row["text"], row["wanted"], extract(row["text"], tuple(row["options"])).value) for row in own]
    assert len(own) >= 15 and [one for one in found if one[1] != one[2]] == []


def test_numbers_are_compared_to_the_precision_of_the_gold_one():
    found = [(row["said"], row["gold"], correct(row["said"], row["gold"])) for row in rows("equality.jsonl")]
    assert [one for one, row in zip(found, rows("equality.jsonl"), strict=True) if one[2] is not row["equal"]] == []


def test_a_step_with_thousands_of_digits_does_not_hold():
    long = "1" * 5000  # more than Python turns into an integer
    steps = check_steps(
        f"{long} + 1 = {long}. 2 + {long} = 3. 2 + 3 = {long}. 2 + 3 = 5", ("2 cups", "3 jugs"), frozenset()
    )
    assert [holds for _, holds in steps] == [False, False, False, True]


# ---------------------------------------------------------------- properties


@STEADY
@given(st.text(), st.sampled_from(["think", "thinking", "thought"]), st.sampled_from(FOUR))
def test_no_thought_changes_an_answer(thought, tag, answer):
    thought = thought.replace("<", "").replace("[", "").replace("◁", "")
    assert extract(f"<{tag}>{thought}</{tag}>\n{answer}", FOUR) == extract(answer, FOUR)
    assert extract(f"{thought}</{tag}>\n{answer}", FOUR) == extract(answer, FOUR)
    assert extract(f"<{tag}>{thought}", FOUR).value is None


@STEADY
@given(st.sampled_from("ABCD"), st.sampled_from(["{}", "({})", "**{}**", '"{}"', "'{}'", "option {}"]))
def test_a_denied_letter_is_never_read(letter, form):
    said = form.format(letter)
    for text in (f"It is not {said}.", f"{said} is wrong.", f"{said} is incorrect, as it is too long."):
        assert extract(text, ("w1", "x1", "y1", "z1")).value is None, text


BEHIND = ["", ".", " based on the picture.", " in this case.", " from the chart", " for sure", " over all others."]


@pytest.mark.parametrize(
    "form", ["The answer is {}{}", "Answer: {}{}", "I choose {}{}", "So it must be option {}{}", "I pick {}{}"]
)
@pytest.mark.parametrize("behind", BEHIND)
def test_every_letter_is_read_where_the_others_are(form, behind):
    """A is an article too, and I a pronoun: no benchmark may lose the answers that are these letters."""
    assert [extract(form.format(letter, behind), FOUR).value for letter in "ABCD"] == list("ABCD")


@STEADY
@given(
    st.permutations("ABCD"), st.sampled_from(["{} is better than {}.", "I prefer {} to {}.", "I choose {} over {}."])
)
def test_of_two_compared_letters_the_better_one_is_read(letters, form):
    assert extract(form.format(*letters), FOUR).value == letters[0]


@STEADY
@given(
    st.floats(min_value=1e-30, max_value=1e30, allow_nan=False),
    st.integers(min_value=1, max_value=6),
    st.sampled_from(["{}e{}", "{} \\times 10^{{{}}}", "{} × 10^{}", "{}·10^{{{}}}", "{} x 10**{}"]),
)
def test_a_power_of_ten_is_the_same_number_in_any_notation(value, places, form):
    mantissa, exponent = f"{value:.{places}e}".split("e")
    written = form.format(mantissa, int(exponent))
    assert correct(written, f"{mantissa}e{exponent}") and not correct(written, f"{mantissa}e{int(exponent) + 1}")
    assert extract(f"The value is {written}.").value == f"{mantissa}e{int(exponent)}"


@STEADY
@given(st.from_regex(r"-?\d{1,3}(\.\d{1,3})?[eE][-+]?\d{1,4}", fullmatch=True), st.text(max_size=9))
def test_no_number_is_too_large_to_read_or_compare(number, gold):
    for text in (number, f"so it is {number} of them", f"1/{number}", f"{number}%"):
        assert isinstance(correct(extract(text).value, gold), bool) and isinstance(correct(gold, text), bool)
        assert isinstance(correct(text, number), bool) and extract(text, (number, "2")).by
    found = quantity(number)
    assert found is None or math.isfinite(found.value)


@STEADY
@given(
    st.text(st.sampled_from("ABCDabi ()*_\"'.,:;!?\n0123456789e×^{}\\是不选或のはい네¬</think>answerCONCLUSION")),
    st.lists(st.text(st.sampled_from("AB12 红是e."), max_size=6), max_size=6),
)
def test_extraction_never_raises_on_what_answers_are_made_of(text, options):
    value = extract(text, options).value
    assert value is None or not options or value in "ABCDEF"[: len(options)]
    assert isinstance(correct(value, text, options), bool)
