"""Extract the answer that a text gives, without seeing the gold answer.

extract("So the answer is (B).", ("red", "blue"))     # Extracted("B", "stated letter")
extract("**Answer:** $1,250")                         # Extracted("1250", "number")
extract("<think> Is it 3? No. </think> 4")            # Extracted("4", "number")
"""

from collections.abc import Sequence
from typing import NamedTuple

from o1lib.formats.thoughts import answer_part, conclusion
from o1lib.scoring.choices import read_choice
from o1lib.scoring.endings import without_farewell
from o1lib.scoring.equality import ascii_forms
from o1lib.scoring.open_answers import read_open

_LONGEST = 20_000  # characters that are read; an answer is at the end of a text


class Extracted(NamedTuple):
    """The extracted value (None if there is none) and the rule that found it."""

    value: str | None
    by: str


def extract(text: str, options: Sequence[str] = ()) -> Extracted:
    """Return the answer that `text` gives and the rule that found it.

    Thoughts are not read. Of a text with answer marks only their content is, of a staged text only its conclusion:
    without one there is no answer. Words of farewell and questions to the reader at the end are not read either, and
    remarks at the end ("Note that ...") only if there is no answer without them.

    With `options` (up to 26) the value is a letter. The rules look for a text that is a letter, a boxed or stated one
    ("the answer is B"), the text of an option, the last line, and then any single mention. A denied letter or option is
    no mention, and if all but one are denied, that one is the value. If options are themselves letters, a letter in the
    text is read as the mark of an option. Without options the value is "yes" or "no", "true" or "false", a number
    without separators and unit, a list of numbers, or the words of the boxed, stated or last line. The value is None if
    two readings conflict or nothing is found.
    """
    text = ascii_forms(conclusion(answer_part(text)))[-_LONGEST:]
    questions = any("?" in option for option in options)
    for keep_remarks in (False, True):
        said = without_farewell(text, questions, keep_remarks)
        found = (read_choice(said, options) if options else read_open(said)) if said.strip() else (None, "none")
        if found[0] is not None:
            break
    return Extracted(*found)
