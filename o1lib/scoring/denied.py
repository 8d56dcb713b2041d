"""Letters and options that a text denies: "not B", "(A) is too small", "neither C nor D", "选项B是错误的".

    without_denied("Choice **A** is incorrect.", ("red", "blue"))     # ("Choice **¬** is incorrect.", {"A"})

What is denied is no answer. The rules that look for one read the text with the denied letters masked.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from o1lib.scoring.articles import is_word

MASK = "¬"
ALONE = r"(?![A-Za-z0-9_])"  # an ASCII \b: Chinese is written without spaces, and its characters count as \w
_OPEN, _SHUT = r"[(\[{*_\"'“‘`]{0,4}", r"[)\]}*_\"'”’`]{0,4}"
_NEAR = 60  # characters before and 120 behind a mention that are searched for a denial

_NOUNS = r"(?:answer|option|choice|letter|statement|one|match)s?"
_BEFORE = re.compile(
    r"(?:\b(?:not|no reason to|none of|(?:nor|neither)(?: (?:is|are|does|do))?|never|cannot|rather than|instead of"
    r"|unlike"
    r"|(?P<except>other than|except(?: for)?)"
    r"|exclud(?:e|es|ed|ing)|eliminat(?:e|es|ed|ing)|(?:rule|rules|ruled|ruling) out|reject(?:s|ed|ing)?"
    r"|discard(?:s|ed|ing)?|dismiss(?:es|ed|ing)?|(?:wrong|incorrect)(?: to (?:say|choose|pick|select)|:))"
    r"|n['’ ]t(?: (?:think|believe|feel|suppose)(?: that)? (?:it(?:['’]?s| is)|the (?:answer|option|choice) is))?"
    r"|(?P<compared>(?:better|superior|preferable|preferred|more (?:likely|plausible|probable|suitable|appropriate"
    r"|accurate|fitting|convincing|reasonable|consistent|correct)) (?:than|over)"
    r"|(?:superior|preferable|preferred) to(?! (?:be|choose|select|pick|say)\b)"
    r"|(?:choose|chose|pick|picked|select|selected|favor|take|go with) [^.,;:!?\n]{1,24} (?:over|than)"
    r"|prefer(?:red)? [^.,;:!?\n]{1,24} (?:over|than|to(?! (?:be|choose|select|pick|say)\b))"
    r"|rather [^.,;:!?\n]{1,40} than)"
    r"|不(?:是|能|应|该|应该|可能|会|选|为|要)?|并非|排除|没有|没(?=选)|别(?=选)|非|无法是)"
    rf"(?:\s?(?:be|choose|select|pick|say|the|an?|options?|choices?|answers?|letters?|statements?|either|both|it|look"
    rf"|seem|appear|like|to|on|in|(?:correct|right)(?= {_NOUNS}\b)|选项|选择|选|答案)\b|选项|选择|选){{0,5}}"
    r"[\s(\[{*_\"'“‘`:]{0,6}$",
    re.I,
)
# "None other than B" and "all except B are wrong" choose B.
_ALL_OTHERS = re.compile(
    r"(?:n['’ ]t|\b(?:no|none|nothing|not|cannot|never|all|everything|every|only))\b[^.,;:!?|\n]{0,30}$", re.I
)
# "No option is better than B" and "A is not better than B" do not deny B.
_NO_BETTER = re.compile(
    r"(?:n['’ ]t|\b(?:no(?! doubt)|none|nothing|nobody|neither|not(?! only)|cannot|never|few|hardly|anything))\b"
    r"[^.,;:!?|\n]{0,60}$",
    re.I,
)
_CUED = re.compile(
    r"(?:\b(?:(?:answer|choice|conclusion)\b[^.,;:!?|\n]{0,20}(?:\b(?:is|be)\b|:)|choose|select|pick|go(?:ing)? with)"
    r"(?: (?:an?|the|option|choice|letter))*|(?:答案|正解|正答|정답)\S{0,3})[\s(\[{*_\"'“‘`:]{0,6}$",
    re.I,
)
_A_STATEMENT = re.compile(r"\bstatements?[\s(\[{*_\"'“‘`]{1,4}$", re.I)  # a question may ask for the false one
_WRONG = (
    r"(?:wrong|incorrect|false|invalid|impossible|implausible|unlikely|inaccurate|untrue|irrelevant|inconsistent"
    r"|unsupported|ruled out|eliminated|excluded|rejected|discarded|off the table)"
)
_CLAUSE = r"(?:,? (?:which|that|and that) )"
_LINK = rf"(?:(?P<clause>{_CLAUSE})|,? (?:both|all|also) |[\s:=–-]{{0,4}})"
_BE = (
    r"(?:(?:is|are|was|were|seems?|looks?|appears?|be|being|(?:would|can|could|must|should|may) be|has been|have been)"
    r"\s)?(?:to be )?"
)
_DEGREE = (
    r"(?:(?:also|both|all|clearly|definitely|therefore|thus|simply|just|obviously|then|completely|far|much|way|equally"
    r"|already)\s){0,3}"
)
_IS_WRONG = rf"{_BE}{_DEGREE}(?:(?:an?|the)\s(?={_WRONG} (?:answer|option|choice|letter|one|match)s?\b))?{_WRONG}\b"
# Only what judges an answer denies it: "B is not red" and "B does not belong" may well give the answer B.
_VERDICT = (
    rf"(?:(?:be|an?|the|quite|really|actually|necessarily|entirely|fully)\s){{0,3}}(?:be\b(?=\W{{0,4}}$|\s?[.,;:!|])"
    r"|(?:correct|right|true|valid|possible|plausible|applicable|suitable|appropriate|consistent|supported|accurate"
    rf"|{_NOUNS}|(?:fit|match|apply|work|correspond|hold)\b(?!\s(?:its|his|her|their|an?)\b))\b)"
)
_IS_NOT = (
    rf"{_BE}{_DEGREE}(?:(?:(?:is|are|was|were|do|does|did|can|could|would|should|must|has|have|will)\s?"
    r"(?:n['’ ]t|\bnot|never)|cannot)\b"
    rf"(?:\s{_VERDICT}|(?=[\s)*_\"']{{0,4}}(?:$|[.,;!|\n])))|not\s{_VERDICT})"
)
_LESS = (
    rf"{_BE}{_DEGREE}(?:less (?:likely|plausible|probable|suitable|appropriate|accurate|fitting|convincing|reasonable"
    r"|consistent|correct)|worse|inferior|weaker) (?:than|to)\b"
)
_ONLY_IF = r"would (?:only )?be (?:the )?(?:correct|right|true)\b"
_IN_CHINESE = (
    r"\s?(?:项|选项|是|都|也|则|を|は|が|은|는|이|가|도){0,3}\s?(?:不(?:是|对|正确|符|成立|合|能|可能|满足)|错|有误|排除|并非"
    r"|ではな|じゃな|誤り|間違|違い|正しくな|아니|아닙|틀렸|틀린|오답)(?!\s?(?:\(|(?-i:[A-Z])))"
)
_BEHIND = re.compile(
    rf"{_LINK}(?:(?P<wrong>{_IS_WRONG})|{_IS_NOT}|{_LESS}|{_ONLY_IF}.{{0,20}}\bif\b)"
    rf"|\s?this (?:(?:option|choice|answer) )?(?:is {_WRONG}\b|{_ONLY_IF})|{_IN_CHINESE}",
    re.I,
)
_SOFT_BEHIND = re.compile(
    rf"{_CLAUSE}?[\s:–-]{{0,4}}(?:(?:(?:is|are|was|were|seems?|looks?|appears?)\s|(?<=[:–-] )){_DEGREE}too\s\w"
    r"|(?:also|all|both)\stoo\s\w|(?:fails?|contradicts?|lacks?)\b"
    r"|(?:may|might|could|would|seems?|appears?|looks?|is tempting|was my)\b[^.;:!?|\n]{0,50}\b(?:but|yet|however)\b)",
    re.I,
)
# "Although A seems plausible, ...": what a sentence begins with a concession of is softly denied.
_CONCEDED = re.compile(
    r"(?:^|[.!?\n])\W{0,4}(?:while|although|though|even (?:if|though))(?: (?:option|choice|answer|the))*"
    r"[\s(\[{*_\"'“‘`]{1,6}$",
    re.I,
)
# "It is not true that B is wrong", "I do not think B is right": what is said of B there holds the other way round.
_NOT_SO = re.compile(
    r"(?:(?:n['’ ]t|\b(?:not|never|cannot))(?: be| necessarily)?"
    r" (?:(?:true|correct|right|the case|(?:say|said|claim|claimed)) that|(?:think|believe|say)(?: that)?)"
    r"|\b(?:false|untrue|wrong|incorrect)(?: to (?:say|claim))? that)"
    r"(?: (?:the|option|choice|answer|letter|statement))*[\s(\[{*_\"'“‘`]{1,6}$",
    re.I,
)
_IS_RIGHT = re.compile(
    rf"[\s:=–-]{{0,4}}{_BE}{_DEGREE}(?:the )?(?:correct|right|true|valid|plausible|possible|likely|(?:best "
    rf"|correct )?{_NOUNS})\b",
    re.I,
)


@lru_cache(maxsize=64)
def _mentions(mark: str) -> re.Pattern:
    """Return the pattern of one letter, or of several that are joined: "A", "(A) and **B**", "A, B or C"."""
    one = rf"{_OPEN}(?<![A-Za-z0-9_'’∠△-]){mark}{ALONE}(?!['’]\w){_SHUT}"
    joined = rf"(?:\s?[,、]\s?(?:option\s)?{one}){{0,24}}\s?,?\s?(?:or|and|nor|/|&|和|或|及|与|、)\s?(?:option\s)?{one}"
    return re.compile(rf"{one}(?:{joined})?")


def is_cued(text: str, start: int) -> bool:
    """Return whether "the answer is", "I choose" and the like stand right before `start`."""
    return bool(_CUED.search(text[max(0, start - _NEAR) : start]))


def is_denied(text: str, start: int, end: int, soft: bool = True) -> bool:
    """Return whether what stands at `start` to `end` in `text` is denied by the words before or behind it.

    `soft` also takes a remark for a denial that need not be one: "B is too dark", "statement B is false".
    """
    before, behind = text[max(0, start - _NEAR) : start], text[end : end + 2 * _NEAR]
    if _NOT_SO.search(before):
        return bool(_IS_RIGHT.match(behind))
    if found := _BEFORE.search(before):
        others = found["except"] and _ALL_OTHERS.search(before[: found.start()])
        return not (others or found["compared"] and _NO_BETTER.search(before[: found.end("compared")]))
    cued = is_cued(text, start)
    if found := _BEHIND.match(behind):
        return not (cued and found["clause"] or found["wrong"] and not soft and _A_STATEMENT.search(before))
    return soft and not cued and bool(_SOFT_BEHIND.match(behind) or _CONCEDED.search(before))


def without_denied(text: str, options: Sequence[str], mark: str, soft: bool = True) -> tuple[str, set[str]]:
    """Return (text with MASK over each denied letter and the option's text behind it, denied letters).

    `mark` is the pattern of a letter of the options, such as "[A-D]"; see `is_denied` for `soft`.
    """
    kept, position, denied = [], 0, set()
    for found in _mentions(mark).finditer(text):
        letters = re.findall(rf"(?<![A-Za-z]){mark}(?![A-Za-z])", found[0])
        bare = len(found[0]) == 1
        if found.start() < position or bare and is_word(text, letters[-1], found.end()):
            continue
        end = found.end() + _length_of_option(text[found.end() : found.end() + 2 * _NEAR], letters[-1], options)
        end += end == found.end() and text[end : end + 1] in (".", ":") and _opens_line(text, found.start())
        if _names_option(text[max(0, found.start() - 20) : found.start()], found[0], letters[0], options):
            continue
        # Behind the option's own text the letter itself may be denied: "A (red) is wrong", "A is wrong (red)".
        if any(is_denied(text, found.start(), last, soft) for last in {end, found.end()}):
            denied.update(letters)
            masked = re.sub(rf"(?<![A-Za-z]){mark}(?![A-Za-z])", MASK, found[0])
            kept += [text[position : found.start()], masked, MASK * (end - found.end())]
            position = end
    return "".join([*kept, text[position:]]), denied


def _names_option(before: str, mention: str, letter: str, options: Sequence[str]) -> bool:
    """Return whether a letter in parentheses stands behind the first word of its own option: "neither (C)"."""
    last = re.search(r"([a-z]+)\s$", before.lower())
    option = options[ord(letter) - ord("A")].lower() if letter.isalpha() else ""
    return bool(last) and mention.startswith("(") and bool(re.match(rf"{last[1]}\b", option))


def _opens_line(text: str, start: int) -> bool:
    before = text[max(0, start - 8) : start]
    return not before.rpartition("\n")[2].strip() and (start < 8 or "\n" in before)


def _length_of_option(behind: str, letter: str, options: Sequence[str]) -> int:
    """Return the length of the option's own text, or of a remark in parentheses, right behind its letter."""
    option = options[ord(letter) - ord("A")].strip() if letter.isalpha() else ""
    found = re.match(r"[\s.):,*-]{0,4}", behind)
    start = found.end() if found else 0
    if option and behind[start : start + len(option)].lower() == option.lower():
        shut = re.match(r"[,.)*_:\"']{0,4}(?=\s|$)", behind[start + len(option) :])
        return start + len(option) + (len(shut[0]) if shut else 0)
    remark = re.match(r"\s?\([^()\n]{1,40}\)", behind)
    return remark.end() if remark else 0
