"""Options and gold letters of questions that strangers wrote: read or left unread, never wrongly or slowly."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1lib.data import llava_cot_splits
from o1lib.data.options import LONGEST, by_letter, by_text, from_cell, gold_letter, listed, shows


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("Which?\nOptions: A: red, B: dark blue, C: green", ("red", "dark blue", "green")),
        ("Which?\nA. a dog\nB. a big cat", ("a dog", "a big cat")),
        ("Which? (A) 3 cm (B) 4 cm", ("3 cm", "4 cm")),
        ("Which? Choices: A. red\nB. blue\nC. green", ("red", "blue", "green")),
        ("Which?\nChoices: ['A. x', 'B. y']", ("x", "y")),
        ('Which?\nOptions: ["x", "y"]', ("x", "y")),
        ("Options: A: Mr. B. Smith, B: Ms. C. Jones", ("Mr. B. Smith", "Ms. C. Jones")),
        (
            "Where?\nA. Washington D.C.\nB. the U.S.\nC. Vitamin C. only",
            ("Washington D.C.", "the U.S.", "Vitamin C. only"),
        ),
        ("Between (A) and (B)?\n(A) 1\n(B) 2", ("1", "2")),
        ("Which?\nA. x\nB. y\nAnswer with the option's letter from the given choices directly.", ("x", "y")),
        ("Options of plan A: none. Is it?", ()),
        ("A: x, B: y, C: no C: z, D: w", ()),
        ("Is A. Smith here?", ()),
        ("Which?\nA. x\nC. y", ()),
        ("Which?\nA.\nB.", ()),
        ("", ()),
        ("Who is John A. Smith and Mary B. Jones?", ()),
        ("Point A: (1,2). Point B: (3,4). What is the distance?", ()),
        ("Who won?\nJohn A. Smith or Mary B. Jones", ()),
        ("Pick one: A. red B. blue", ("red", "blue")),
        ("选择？A. 红 B. 蓝", ("红", "蓝")),
        ("哪个？\n选项：A. 红 B. 蓝", ("红", "蓝")),
        ("哪个。选项: A. 红 B. 蓝", ("红", "蓝")),
    ],
)
def test_a_list_is_read_or_left_unread(question, options):
    assert listed(question).options == options


def test_the_options_of_a_released_question_are_read_as_fast():
    """A run of spaces made it quadratic: ten seconds for 16 KB."""
    begun = time.process_time()
    assert llava_cot_splits._options("A. x" + " " * 200_000 + "y", "A") == ()
    assert time.process_time() - begun < 0.5


def test_the_question_is_cut_before_its_list():
    assert listed("Which color?\nOptions: A: red, B: blue").question == "Which color?"
    assert listed("Which color? (A) red (B) blue").question == "Which color?"


ADVERSARIAL = (
    "A. ",
    "A: x B",
    " ",
    "(A)",
    "A.\nB.\n",
    "Options:",
    "[",
    "\nA. x\nB. y",
    "A. x\n",
    "\n\t ",
    "A) ",
    "(",
    "Choices: A. ",
    "(A) x ",
    ",;",
)


@pytest.mark.parametrize("part", ADVERSARIAL)
@pytest.mark.parametrize("start", ["", "Options: A. x"])
def test_reading_takes_linear_time(part, start):
    """The text of 1 MB takes no longer than the one of 20 KB, because only the end of a question is read."""
    seconds = []
    for length in (LONGEST, 50 * LONGEST):
        text = start + part * (length // len(part)) + "q"
        begun = time.process_time()
        listed(text)
        shows(text, ("x", "y"))
        by_letter(text, ("x", "y"))
        seconds.append(time.process_time() - begun)
    assert max(seconds) < 5  # seconds; a quadratic rule took ten for 16 KB


@given(st.text("AB. :()\n,;xOptions[']", max_size=200))
def test_any_text_is_read_without_error(text):
    found = listed(text)
    assert len(found.options) != 1 and all(found.options)


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        (["red", "blue"], ("red", "blue")),
        ("['red', 'blue']", ("red", "blue")),
        ('["red", null]', ("red", "")),
        ('["caf\\u00e9", "a\\/b"]', ("café", "a/b")),
        (["A. red", "B. blue"], ("red", "blue")),
        (["A. Smith", "C. Jones"], ("A. Smith", "C. Jones")),
        ({"B": "blue", "A": "red"}, ("red", "blue")),
        ('{"A": "red", "B": "blue"}', ("red", "blue")),
        ([1, 2.5], ("1", "2.5")),
        ("red", ()),
        ("[" * 10_000, ()),
        ("[" + "1" * 5000 + "]", ()),
        ({"A": "x", "C": "y", "D": "z"}, ("x", "", "y", "z")),
        ('{"B": "y"}', ("", "y")),
        ({"A": "x", "B": ["y"]}, ()),
        ([["x"], ["y"]], ()),
        ([{"text": "x"}, {"text": "y"}], ()),
        ("['red' 'blue']", ()),
        ({}, ()),
        (float("nan"), ()),
        (None, ()),
    ],
)
def test_a_cell_holds_options_in_any_form(cell, options):
    assert from_cell(cell) == options


@pytest.mark.parametrize(
    ("answer", "options", "letter"),
    [
        ("1.24", ("1.2", "1.24"), "B"),
        ("1", ("1.0", "1"), "B"),
        ("The Sun", ("the moon", "sun"), "B"),
        ("1,000", ("10", "1000"), "B"),
        ("Yes", ("yes", "no"), "A"),
        ("x", ("x", "x"), "A"),
        ("2", ("2", "2", "3"), "A"),
        ("X", ("x", "x"), ""),
        ("one", ("1", "2"), "A"),
        ("", ("", "x"), ""),
        ("y", ("x", ""), ""),
    ],
)
def test_the_gold_option_is_the_one_with_the_same_characters_first(answer, options, letter):
    assert by_text(answer, options) == letter


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B", "B"),
        ("(b)", "B"),
        ("B.", "B"),
        ("B. blue", "B"),
        ("(B) Blue", "B"),
        ("B. red", ""),
        ("C", ""),
        ("blue", ""),
    ],
)
def test_a_gold_letter_may_have_its_option_behind_it(answer, letter):
    assert by_letter(answer, ("red", "blue")) == letter


def test_a_question_shows_options_only_with_their_letters():
    assert shows("Is it left or right?\n(A) left\n(B) right", ("left", "right"))
    assert not shows("Is it left or right?", ("left", "right"))
    assert not shows("(A) 10 (B) 2", ("1", "2"))
    assert not shows("(A) right (B) left", ("left", "right"))
    assert shows("A. x\nC. z", ("x", "", "z"))


@pytest.mark.parametrize(
    ("answer", "means", "letter"),
    [("A", "letter", "A"), ("A", "text", "B"), ("B. A", "either", "B"), ("B. A", "text", "B"), ("c", "either", "")],
)
def test_a_gold_answer_that_is_a_letter_and_a_text_means_what_its_file_means(answer, means, letter):
    assert gold_letter(answer, ("B", "A"), means) == letter


def test_a_gold_answer_with_two_meanings_is_an_error():
    with pytest.raises(ValueError, match="'A' is the letter of one option and the text of another"):
        gold_letter("A", ("B", "A"))
    assert gold_letter("A", ("A", "B")) == "A"
