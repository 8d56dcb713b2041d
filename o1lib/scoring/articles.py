"""Whether a single A or I in a text is an article or a pronoun, or the letter of an option.

is_word("A bird is there.", "A", 1)                                          # True
is_word("A in this case.", "A", 1)                                           # False: no article stands before "in"
is_word_behind_cue("The answer is A bright one.", "A", 15, ("dark", "dim"))  # False: a sentence writes articles small
is_word_behind_cue("The answer is A dim one.", "A", 15, ("dark", "dim"))     # True: it names an option
"""

import re
from collections.abc import Sequence

from o1lib.scoring.equality import words

# No noun phrase begins with these, so the A or I before them is a letter.
_BETWEEN_PHRASES = {
    *("about", "above", "after", "at", "before", "behind", "between", "by", "due", "during", "for", "from", "if", "in"),
    *(
        "into",
        "of",
        "on",
        "out",
        "over",
        "than",
        "through",
        "to",
        "under",
        "unless",
        "until",
        "when",
        "where",
        "whereas",
    ),
    *("without", "instead", "therefore", "thus", "hence", "though", "although", "however", "according", "per", "via"),
    *("is", "as", "because", "since", "and", "but", "not", "so", "which", "with", "or", "nor", "here", "if", "rather"),
}
_OPTION_GOES_ON = _BETWEEN_PHRASES | {
    *("was", "are", "does", "cannot", "can", "would", "could", "should", "has", "seems", "looks", "appears"),
    *("fails", "fits", "matches", "must", "contradicts", "lacks", "isn", "doesn", "based", "might", "may", "did"),
    *("also", "only", "again", "then", "alone", "instead", "wins", "best", "better", "shows"),
}
_CLAUSE_END = re.compile(r"[.,;:!?\n]")
_BEHIND_CUE = 80  # characters of a clause that are searched for an option


def is_word(text: str, letter: str, end: int) -> bool:
    """Return whether a single A or I that ends at `end` is an article or a pronoun instead of an option letter."""
    after = re.match(r" ([a-z]+)(?!-)\b", text[end : end + 20])
    known = _OPTION_GOES_ON if letter == "A" else _BETWEEN_PHRASES
    return letter in ("A", "I") and bool(re.match(r" [a-z]", text[end : end + 2])) and not (after and after[1] in known)


def is_word_behind_cue(text: str, letter: str, end: int, options: Sequence[str]) -> bool:
    """Return `is_word` for a letter behind "the answer is", "option" and the like.

    A capital A is an article there only if its clause names an option ("The answer is A dark blue shape"), or behind a
    colon, where a sentence may begin.
    """
    if not is_word(text, letter, end) or letter != "A":
        return is_word(text, letter, end)
    clause = words(_CLAUSE_END.split(text[end : end + _BEHIND_CUE])[0])
    named = any(f" {words(option)} " in f" {clause} " for option in options if words(option))
    return named or text[: end - 1].rstrip(" *_\n")[-1:] == ":"
