"""The answer to a question without options: yes or no, true or false, a number, a list of numbers, or the words.

read_open("There are two models with a score greater than 60.")     # ("2", "number in a sentence")
read_open("The perimeter is **16 m**.")                             # ("16", "number in a sentence")
"""

import re

from o1lib.scoring.denied import ALONE
from o1lib.scoring.endings import boxed, last_line, stated
from o1lib.scoring.equality import NUMBER, NUMBER_WORDS, clean, quantity, unspaced, with_exponents
from o1lib.scoring.verdict_words import yes_no

_AMOUNT = re.compile(
    rf"(?<![A-Za-z0-9_./])(?<!out of )(?P<digits>-?(?:{NUMBER})(?:/(?:{NUMBER}))?){ALONE}(?:\s?(?:%|percent\b))?"
    rf"|(?<![\w-])(?P<word>{'|'.join(NUMBER_WORDS)})(?![\w-])"
)
# What stands right before the number that a sentence gives, before one of its condition, and before "the two lines".
_GIVEN = re.compile(
    r"(?:\b(?:is|are|was|were|equals?|answered by)|there's|(?<![!<>=])[=≈])\s(?:about |only |exactly |\$)?$"
)
_ONE = rf"(?:\d{{1,15}}|{'|'.join(NUMBER_WORDS)})(?![\w-])"
# What stands before or behind the number that a sentence comes to: "leaves 8", "7 in total", "8 remain", "so 7".
_HEDGE = r"(?:(?:about|around|roughly|only|exactly|nearly|almost|just|approximately) )?"
_COMES_TO = re.compile(
    r"(?:\b(?:leaves?|leaving|left with|makes?|making|gives?|giving|totals?|totaling|equals?|comes? to"
    r"|adds? up to|add(?:ing)? to"
    r"|an? (?:difference|sum|total|product|average|mean|ratio|result) of))"
    rf"(?: us| you)? {_HEDGE}[$\"'(]?$"
)
_SO_MANY = re.compile(
    r"\b(?:so|thus|hence|therefore),?(?: (?:we|it|that|they|i|you) (?:have|has|had|get|see|count))?"
    rf" {_HEDGE}[$\"'(]?$"
)
_ENDS_CLAUSE = re.compile(r"(?:(?! (?:is|are|was|were|and|or)\b) [a-z-]{1,20}){0,3}\W{0,3}(?:$|[.;!])")
_OTHER_CLAUSE = re.compile(r"\b(?:after|once|when|if|because|since|from|not)\b|[(:]")
_OPERATOR = re.compile(r"\s?[-+*/×÷^=<>]")
_IN_TOTAL = re.compile(
    r"(?: (?!(?:at|on|in|to|the|of|from|by|top|bottom|upper|lower)\b)[a-z-]{1,20}){0,2}"
    r"(?:,? (?:in total|in all|altogether|overall|total|combined)\b|,? (?:(?:are"
    r"|is) )?(?:remain(?:s|ing)?"
    r"|left(?: over)?)(?=\W{0,3}$|[.,;!]| after\b))"
)
# "3 of the 7 cars": the number of all is none of what is asked.
_ALL = re.compile(
    rf"(?:\d|\b(?:{'|'.join(NUMBER_WORDS)}))(?: [a-z]{{1,20}})? (?:out )?of (?:(?:all|the|these|those|its) ){{0,2}}$"
)
_OF_ALL = re.compile(rf" (?:[a-z]{{1,20}} )?(?:out )?of (?:(?:all|the|these|those|its) ){{0,2}}{_ONE}")
_CONDITION = re.compile(
    r"\b(?:than|above|below|over|under|exceed(?:s|ing)?|at least|at most|up to|least|most|between|within|beyond"
    r"|reach(?:es)?|since|before|after|until|during|in|than or equal to|equal to)\s(?:or equal to )?[$\"'(]?$"
)
# In "it has four sides" the number ends the sentence; in "it has four sides and is red" it is part of a description.
_EXACTLY = re.compile(
    r"\b(?:only|exactly|around|roughly|nearly|almost|approximately|precisely)\s$|^(?:about|just|maybe|probably)\s$"
)
_HAS = re.compile(r"\b(?:has|have|had|contains?|shows?|see|count(?:ed)?|found|find)\s$")
_ENDS_SENTENCE = re.compile(r"(?! of )[^.,;:!?]{0,60}$")
_OF_THEM = re.compile(r"\sof (?:them|these|those)\W{0,3}$")
# A reason that has a number of its own and the clause that answers: "Because two were removed, three remain".
_SO = r"(?:(?:so|thus|therefore|hence|then),? )?"
_REASON_FIRST = re.compile(
    rf"(?:^|[.!?:;] ){_SO}(?:because|since|as|if|when|after|once|with|given that) (?P<reason>[^,;:.!?]{{1,80}}),"
    rf" (?:then |only |exactly |just )?(?P<main>{_ONE}[^;:!?]{{0,200}})$"
)
_REASON_LAST = re.compile(
    rf"^{_SO}(?P<main>{_ONE}[^,;:.!?]{{0,80}}?),? (?:because|since|if|when|after|once|given that)"
    r" (?P<reason>.{1,200})$"
)
_BECAUSE = re.compile(
    r"^(?P<main>[^;:.!?]{1,200}?),? (?:because|since|as there (?:are|is)|given that) (?P<reason>.{1,200})$"
)
_CONCLUDES = re.compile(r"\b(?:so|thus|therefore|hence|then|total|altogether|leaves|answer)\b")
# A text of up to three words is a number with these, and a name with others ("Room 12").
_SAYS = re.compile(
    r"(?:(?:i|we|you|it|that|this|there|they|there['’ ]?s|it['’ ]?s|that['’ ]?s|i['’ ]?d|would|say|see|got|get"
    r"|count(?:ed|s)?|find"
    r"|found|guess|think|estimate|read(?:s)?|shows?|costs?|makes?|equals?|gives?|says?|contains?|has|have|had"
    r"|needs?|takes?|weighs?"
    r"|measures?|leaves?|exactly|precisely|around|about|approximately|approx\.?|roughly|nearly|almost|only|just|maybe"
    r"|probably|perhaps|likely|possibly|some|so|then|thus|hence|therefore|total|of|sum|a|the|answer|result"
    r"|count)[,:]? )+[$~≈(]?$"
)
_BESIDE = re.compile(r"\s?(?:(?:out )?of \d{1,9}|\([^()]{1,30}\)?|[,;–-] ?[a-z ]{1,30})$")
_REFERENCE = re.compile(r"\b(?:the|these|those|this|that|both|all|any|each|every|other|first|last|next|which|no)\s$")
_NUMBERS = r"-?\d{1,15}(?:\.\d{1,15})?(?:e[-+]?\d{1,3})?"  # without separators, which a list has between numbers
_LIST = re.compile(
    rf"(?:\[\s?({_NUMBERS}(?:\s?,\s?{_NUMBERS})+)\s?\]"
    rf"|(?:\b(?:is|are|be)|[:=])\s?({_NUMBERS}(?:, {_NUMBERS})*,? (?:and|&) {_NUMBERS}))[\s.*)]{{0,4}}$"
)
_TUPLE = re.compile(rf"(?:^|\s)\$?(\({_NUMBERS}(?:\s?,\s?{_NUMBERS})+\))\$?[\s.*]{{0,4}}$")
_RATIO = re.compile(
    r"\bratio\b[^.;\n]{0,60}\b(?:is|was|of|=|:)\s(\d{1,9}(?:\.\d{1,9})?(?: ?(?::"
    r"|to) ?\d{1,9}(?:\.\d{1,9})?){1,3})[\s.*)]{0,4}$",
    re.I,
)
_CLOCK = re.compile(r"\b(?:is|at|was)\s(\d{1,2}:\d{2}(?::\d{2})?)(?:\s?[ap]\.?m\b\.?)?[\s.*]{0,4}$", re.I)
_LABEL = re.compile(r"[^\W\d][\w'-]{0,20}(?: [^\W\d][\w'-]{0,20}){0,4} ?:\s{0,9}(?=\S)")


def read_open(text: str) -> tuple[str | None, str]:
    """Return (answer, rule): what the box, the statement or the last line gives, or a yes or no first in the text."""
    said = boxed(text) or stated(text)
    plain = said or last_line(text)
    part = with_exponents(plain)
    if found := yes_no(said or text) or _truth(said or text):
        return found, "yes/no"
    for one in (part, part[found.end() :] if (found := _LABEL.match(part)) else ""):
        if number := quantity(_OF_THEM.sub("", one)):
            return number.text + "%" * number.percent, "number"
    if listed := _LIST.search(part):
        return "[" + ", ".join(re.findall(_NUMBERS, listed[1] or listed[2])) + "]", "list"
    if found := _TUPLE.search(part) or _CLOCK.search(part):
        return found[1], "tuple or time"
    if found := _RATIO.search(part):
        return re.sub(r"\s?(?::|to)\s?", ":", found[1]), "ratio"
    if number := _number_in(part):
        return number, "number in a sentence"
    value = plain.strip(" \t.*_`\"'$。")
    return value or None, "text" if value else "none"


def _truth(text: str) -> str | None:
    """Return "true" or "false" if a text starts with it, or ends by saying that the statement is so."""
    found = re.match(r"\W{0,5}(true|false)\b(?=\W{0,3}$|\W?[,.;:!\n])", text, re.I)
    found = found or re.search(r"\bstatement is (true|false)\b(?=\W{0,3}$|[,.;]\s)", text, re.I)
    return found[1].lower() if found else None


def _number_in(sentence: str) -> str | None:
    """Return the number that a sentence gives, None for words with a number of something else.

    It is the number in bold type, the last one after "is" or "=", or the last one; a number word counts only where a
    sentence gives it (see `_counts`). A number of a condition ("greater than 60") counts only if there is no other.
    """
    bold = [found for part in re.findall(r"\*\*([^*\n]{1,60})\*\*", sentence) if (found := quantity(part.strip(" :")))]
    if len(bold) == 1:
        return bold[0].text + "%" * bold[0].percent
    whole = clean(sentence)
    sentence = _without_reason(whole)
    found = [(match, sentence[max(0, match.start() - 60) : match.start()]) for match in _AMOUNT.finditer(sentence)]
    found = [
        (match, before)
        for match, before in found
        if match["digits"] or _counts(match, before, sentence) or _opens(match, sentence, whole)
    ]
    rest = _given(found, sentence)
    if not rest or _is_name(whole, rest[-1]):
        return None
    number = quantity(rest[-1][0])
    return number.text + "%" * number.percent if number else None


def _given(found: list[tuple[re.Match, str]], sentence: str) -> list[re.Match]:
    """Return the numbers of the best kind: what "is" or what the sentence comes to, any digits, a lone number word.

    Those of a condition are the last choice, and those behind "of the" are none at all, if there are others.
    """
    parts = [(match, before) for match, before in found if not _ALL.search(before)] or found
    free = [(match, before) for match, before in parts if not _CONDITION.search(before)]
    spoken = [match for match, _ in free] if len(free) == 1 else []
    ends = [match.start() for match, _ in free[1:]] + [len(sentence)]
    kinds = (
        [found[0] for found, end in zip(free, ends, strict=False) if _is_result(*found, sentence, end)],
        [match for match, _ in free if match["digits"]],
        spoken,
        [match for match, _ in parts if match["digits"]],
    )
    return next((kind for kind in kinds if kind), [])


def _is_result(match: re.Match, before: str, sentence: str, end: int) -> bool:
    """Return whether a number is what "is", or what a sentence comes to; `end` is where its next number begins.

    A sentence does not come to a number that another one follows, unless in another clause: "so 8 remain after removing
    2".
    """
    if _GIVEN.search(before):
        return True
    if _OPERATOR.match(sentence, match.end()):
        return False  # "makes 3 + 4 = 7"
    if end < len(sentence) and not _OTHER_CLAUSE.search(sentence, match.end(), end):
        return False
    alone = _SO_MANY.search(before) and _ENDS_CLAUSE.match(sentence, match.end())  # not "so 6 is too high"
    return bool(alone or _COMES_TO.search(before) or _IN_TOTAL.match(sentence, match.end()))


def _is_name(text: str, number: re.Match) -> bool:
    """Return whether a text of up to three words is a name with a number in it ("Room 12"), not a count ("I see 5")."""
    if len(text.split()) > 3 or unspaced(text) or re.search(r"\b(?:is|are|was|were)\b", text):
        return False
    start = text.find(number[0])
    return not (_SAYS.match(text[:start]) if start > 0 else _BESIDE.match(text[start + len(number[0]) :]))


def _without_reason(sentence: str) -> str:
    """Return the clause that begins with a number, without the reason next to it, if that has a number of its own."""
    found = _REASON_FIRST.search(sentence) or _REASON_LAST.search(sentence) or _BECAUSE.search(sentence)
    if not found or _CONCLUDES.search(found["reason"]) or not _AMOUNT.search(found["main"]):
        return sentence
    reason = found["reason"]
    own = any(not _REFERENCE.search(reason[: number.start()]) for number in _AMOUNT.finditer(reason))
    return found["main"] if own else sentence


def _opens(match: re.Match, clause: str, whole: str) -> bool:
    """Return whether a number word opens a clause that was cut out of a sentence; "one" may be a pronoun."""
    return clause != whole and match.start() == 0 and match["word"] != "one"


def _counts(match: re.Match, before: str, sentence: str) -> bool:
    """Return whether a number word gives a number.

    It does after "is" or "only", at the beginning of a sentence that has the number of a condition ("Two bars are above
    5"), and after "has" or "I see" up to the end of the sentence. It does not in "the two lines", "one of them" or "no
    one".
    """
    if _GIVEN.search(before) or _EXACTLY.search(before):
        return match["word"] != "one" or not sentence.startswith(" of ", match.end())
    if _REFERENCE.search(before) or match["word"] == "one":
        return False
    if match.start() == 0 and _OF_ALL.match(sentence, match.end()):
        return True
    behind = sentence[match.end() :]
    restated = any(
        _CONDITION.search(sentence[: found.start()]) for found in _AMOUNT.finditer(sentence) if found["digits"]
    )
    return restated or bool(_HAS.search(before) and _ENDS_SENTENCE.match(behind) and " and " not in behind)
