"""The form of a question follows from its options and its right answer, and every module means the same forms."""

import pytest

from o1lib.analysis import breakdowns
from o1lib.analysis.observations import LINES
from o1lib.formats.answer_forms import FORMS, YES_NO, form_of
from o1lib.minivqa import depth, shortcuts
from o1lib.minivqa.words import CLASSES
from o1lib.scoring import fixed_policies


@pytest.mark.parametrize(
    ("options", "answer", "form"),
    [
        (("x", "y"), "A", "choice"),
        (("yes", "no"), "A", "choice"),
        ((), "no", "yes_no"),
        ((), "7", "open"),
        ((), "left", "open"),
        ((), None, "open"),
    ],
)
def test_the_form_of_a_question(options, answer, form):
    assert form_of(options, answer) == form


def test_every_module_has_the_same_forms():
    """Of Mini-VQA's shortcuts the open answers are divided further, into numbers and words."""
    answered = {form for policy in fixed_policies.POLICIES.values() for form in policy.forms}
    assert set(FORMS) == set(depth.FORMS) == answered
    assert set(FORMS) <= LINES.keys() and set(FORMS) <= set(breakdowns.FORMS.values())
    assert set(shortcuts.FORMS) - set(FORMS) == {"number", "word"} and set(FORMS) - set(shortcuts.FORMS) == {"open"}


@pytest.mark.parametrize("form", FORMS)
def test_a_drawn_question_has_the_form_that_it_was_drawn_in(form):
    example = depth.draw("arrows", 0, depth=3, form=form)
    assert form_of(example.options, example.answer) == form


def test_yes_and_no_are_mini_vqas():
    assert CLASSES["yes"] == YES_NO
