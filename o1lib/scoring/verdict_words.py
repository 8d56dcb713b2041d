"""Yes or no, read out of a text: alone, first with an explanation after it, or in the middle of a sentence.

yes_no("No\\nThe two lines differ.")                                  # "no"
yes_no("Based on the picture, no, they are not parallel.")           # "no"
yes_no("No parking")                                                 # None
"""

import re

_GOES_ON = (
    r"(?:it|there|the|this|that|these|those|they|because|since|as|he|she|we|you|both|all|in|its|his|her|their|my|i)"
)
# "No. 5" and "No: 18" are numbers of things, "no-one" is a word, and "Yes, I can help" answers another question.
_FIRST = re.compile(
    r"\W{0,5}\b(yes|no)\b(?!\s?[.:#]\s?(?:of\b|#?\d))"
    r"(?!\W{1,3}(?:sure\b|of course\b|i can (?:help|assist|answer|do|tell)|i(?:'ll| will|'d)\b|let(?:'s| me| us)\b"
    r"|here(?:'s| is| are)\b))"
    rf"(?:\W{{0,3}}$|\W?[,.;:!](?!\w)|\*{{1,2}}(?:\s|$)|\s[-–—]|—|\s{_GOES_ON}\b)",
    re.I | re.M,
)
_WITHIN = (
    re.compile(r"\b(?:so|thus|therefore|hence)\W{1,3}(yes|no)\b(?=\W?[,.;:!]|\W{0,3}$)", re.I | re.M),
    re.compile(
        r"(?:\b(?:answer|reply|response)(?:\s(?:is|would be|here is)\b|\s?:)|^\W{0,4}answer\b"
        r"|\b(?:i|we|i['’]d|would)\s(?:can |must |have to )?(?:say|answer|reply|think|go)(?: with)?\b"
        r"|\bgoing (?:to (?:say|answer)|with)\b|^\W{0,4}in my (?:opinion|view)\b)"
        r"\W{0,4}\b(yes|no)\b(?=\W?[,.;:!]|\W{0,3}$|\s(?:because|since|as)\b)",
        re.I | re.M,
    ),
    re.compile(r"[,:—]\s?(yes|no)\s?[,.;!](?!\s?(?:or|and|nor)\b)", re.I),
    re.compile(r"[.!?]\s{1,2}\W{0,3}(yes|no)\b(?=\W{0,3}$|,\s)", re.I | re.M),
)
# "Yes, actually no": the writer takes the first one back.
_TAKEN_BACK = re.compile(
    r"\b(?:actually|wait|sorry|correction|i mean|or rather|on second thoughts?)\b\W{1,4}(yes|no)\b"
    r"(?!\s?[.:#]\s?(?:of\b|#?\d))(?=\W?[,.;:!](?!\w)|\W{0,3}$|\s(?:because|since)\b)",
    re.I,
)
_YES = r"是的?|对的?|正确|没错|有的|はい|ええ|네|예"
_NO = r"不是的?|不对|不|否|没有|错误|いいえ|いえ|아니요|아니오|아뇨"
_UNSPACED = re.compile(rf"[\s*_(\"]{{0,4}}(?:(?P<no>{_NO})|(?P<yes>{_YES}))(?=[\s*)\"]{{0,4}}(?:$|[,。、.!;]))", re.M)


def yes_no(text: str) -> str | None:
    """Return "yes" or "no" if the text says so as its answer, None if it does not, or says it only of something.

    The last line counts most, then the first, each from its beginning. What is taken back ("Yes, actually no") does not
    count.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    for line in (*lines[:-2:-1], *lines[:1]):
        if found := _first_in(line):
            corrected = _TAKEN_BACK.findall(line)
            return corrected[-1].lower() if corrected else found
    return None


def _first_in(line: str) -> str | None:
    """Return the "yes" or "no" that one line says first."""
    if found := _WITHIN[0].search(line) or _FIRST.match(line):
        return found[1].lower()
    if found := _UNSPACED.match(line):
        return "no" if found["no"] else "yes"
    found = next((found for pattern in _WITHIN[1:] if (found := pattern.search(line))), None)
    return found[1].lower() if found else None
