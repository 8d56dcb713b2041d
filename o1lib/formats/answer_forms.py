"""The forms in which a question wants its answer: a choice among options, yes or no, or open words and numbers.

form_of(("red", "blue"), "A")      # "choice"
form_of((), "yes")                 # "yes_no"
form_of((), "7")                   # "open"
"""

from collections.abc import Sequence

CHOICE, OPEN, YES_OR_NO = "choice", "open", "yes_no"
FORMS = (CHOICE, OPEN, YES_OR_NO)  # in the order in which mini-Depth draws them
YES_NO = ("yes", "no")  # answers to questions without options that a coin could guess


def form_of(options: Sequence[str], answer: str | None) -> str:
    """Return the form of a question by its options and its right answer, one of FORMS."""
    return CHOICE if options else YES_OR_NO if answer in YES_NO else OPEN
