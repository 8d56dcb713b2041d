"""Compare our answer extraction with the unit tests of other extractors, and name the reason for each difference.

    agrees, cause = compare_case({"kind": "mcq_parse", "input": "ANSWER: B", "choices": ["x", "y"], "expected": ["B"]})

A case is a row of lighteval, Math-Verify, evalscope, lmms-eval or OpenCompass: the input of that tool and the result
that its test expects. The tasks of these tools differ, so extraction cannot meet every expectation.
"""

from o1lib.scoring.equality import LETTERS, correct, same
from o1lib.scoring.extraction import extract

SYMBOLIC = "symbolic mathematics (expressions, relations, sets), which is compared by its words here"
SEVERAL = "several choices at once, where one is asked for here"
LANGUAGE = "another language than English"
OTHER_TASK = "another task than reading an answer"
THOUGHTS = "an answer before a closing mark of thoughts, which is a thought here"
UNEXPLAINED = "read or compared otherwise"
BY_FUNCTION = {
    "extract_boxed_content": "no box is no answer there; the last line is read here",
    "extract_mc_answer": "the whole reply is the answer there; no letter is read here",
    "extract_choice": "a digit counts the options there; it is an option's text here",
}

_LETTER_FUNCTIONS = ("extract_mc_answer", "_extract", "extract_characters_regex")
_OPEN_FUNCTIONS = ("extract_oe_answer", "parse_answer", "extract_boxed_content")


def compare_case(case: dict) -> tuple[bool, str]:
    """Return (whether extraction gives the expected result, "" or the reason for the difference)."""
    agrees = _agrees(case)
    return agrees, "" if agrees else _reason(case)


def _agrees(case: dict) -> bool:
    kind, expected, function = case["kind"], case["expected"], case.get("function", "")
    if kind == "mcq_letter_match":
        return (_letter(case["pred"]) == _letter(case["gold"])) == bool(expected)
    if kind == "math_match":
        return correct(extract(case["pred"]).value, extract(case["gold"]).value or "") == bool(expected)
    if kind == "mcq_parse":
        return _letter(case["input"], len(case["choices"])) == "".join(expected)
    given = [] if case.get("args") is None else case["args"]
    if kind == "mcq_extract_index":
        found = _letter(given[0], given[1])
        return (LETTERS.index(found) if found else None) == expected
    if function in _LETTER_FUNCTIONS:
        return _as_tested(case, _letter(given[0], 14))
    if function in _OPEN_FUNCTIONS:
        found = extract(given[0]).value or ""
        return same(found, expected) if expected else not found
    if kind == "ocr_answer_match":
        return correct(given[1], given[0]) == bool(expected)
    return False


def _letter(text: str, n: int = 5) -> str:
    """Return the extracted letter among `n` options with unknown texts, "" for none."""
    return extract(text, tuple(f"option {letter}" for letter in LETTERS[:n])).value or ""


def _as_tested(case: dict, found: str) -> bool:
    equal = found == (case["expected"] or "")
    return not equal if case.get("op") == "NotEq" else equal


def _reason(case: dict) -> str:
    target = case.get("expected")
    if case.get("multiple") or isinstance(target, str) and len(target) > 1 and set(target) <= set("ABCDE"):
        return SEVERAL
    if case["kind"] in ("postprocess", "docvqa_anls", "ocr_answer_match"):
        return OTHER_TASK
    if "</think>" in str(case.get("input", "")):
        return THOUGHTS
    if case.get("language", "ENGLISH").lower() not in ("english", "en"):
        return LANGUAGE
    if case["kind"] == "math_match":
        return SYMBOLIC
    return BY_FUNCTION.get(case.get("function"), UNEXPLAINED)
