"""The rules that read a choice out of a text as the letter of an option, the most reliable rule first.

read_choice("(A) is too small. So it must be the 28 cm.", ("14cm", "28cm"))     # ("B", "option in the last line")
"""

import re
from collections.abc import Callable, Iterator, Sequence

from o1lib.scoring.articles import is_word, is_word_behind_cue
from o1lib.scoring.denied import ALONE, is_cued, is_denied, without_denied
from o1lib.scoring.endings import boxed, last_line, stated
from o1lib.scoring.equality import LETTERS, letter_of, unspaced, words
from o1lib.scoring.verdict_words import yes_no

_OR = r"\W{{0,2}}(?:,|/|&|、|\bor\b|\band\b|或|和|与)\W{{0,3}}{mark}(?![A-Za-z0-9_])"  # "A or B" chooses neither
_GAP = r"[ \t:*()\[\]{}\"'=>$\\_`-]{0,8}"
_FILLER = (
    r"(?i:is|are|be|would|should|must|for|sure|therefore|thus|clearly|the|correct|option|choice|letter|final|to|this"
    r"|question|here)"
)
_CUE = (
    rf"(?:\b(?i:answer|option|choice|choose|select|pick)\b(?:{_GAP}\b{_FILLER}\b){{0,6}}"
    r"|(?:答案|选项|选择|应选|故选|选|正解|正答|答え|解答|정답|답|(?:正确|错误|不对)的(?:选项|说法|一项|答案)?(?=是)|认为(?=是|选)|而(?=是|选|应)|(?<=¬[,，])(?=是))(?:应该|应当|应|就|只能|可能|为|是|了|は|が|은|는|이|가|을|를|\s){0,6})"
)
# Behind a lower-case letter: a closing mark, the end of its sentence or a reason.
_LOWER_END = r"(?:[)\"']|[*_`]{0,3}[.,;:!](?:\s|$)|[*_`]{1,3}(?:\s|$)|\s(?:because|since|as)\b)"
_BEHIND_IN_CHINESE = (
    r"\s?(?:项|选项)?(?:是正确|正确|最(?:符合|合适|接近|恰当)|是对的|才对"
    r"|が正解|が正しい|を選|です|가 정답|이 정답|를 선택|을 선택|입니다)"
)

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
_ORDINAL = re.compile(
    rf"(?<!and )(?<!or )\bthe (?P<place>{'|'.join(_ORDINALS)}|last)"
    r" (?:(?P<named>(?:answer )?(?:option|choice))\b(?! (?:and|or)\b)|one(?=\W{0,3}(?:$|[.,;!\n])))",
    re.I,
)
_WORD = re.compile(r"[^\W_]")
# "B is correct", where nothing behind a cue was found: not in "if B is correct", nor of two letters.
_APPROVED = (
    r"(?<![A-Za-z0-9_'’∠△-])(?P<letter>{mark})[)\]}}*_\"'”’`]{{0,4}} (?:is|must be|has to be|would be|fits|matches)"
    r"(?: (?:the|clearly|definitely|therefore|thus|then|indeed|actually|still))*"
    r" (?:(?:correct|right|best|better|preferable|(?:(?:correct|right|best|better|only|most likely) )?"
    r"(?:answer|option|choice|fit|match))(?=\W{{0,4}}(?:$|[.,;:!\n])| (?:than|here|because|since|as|to|answer|one)\b))"
)
_UNSURE = re.compile(
    r"\b(?:if|whether|and|or|nor|that|why|unless|statements?)\W{1,4}(?:option |choice |answer )?\W{0,4}$", re.I
)

_BREAK = re.compile(r"[.,;:!?](?=\s|$)|[\n。，；！？、]")  # no denial reaches over one
_DENIED_BOX = re.compile(r"(\b(?:not|never)|n['’]t)\s{1,3}\$?\\boxed\{([^{}]*)\}")
_JOINED_WITHIN = 120  # characters
_BETWEEN = r" (?:\| )?"  # an option of several sentences has breaks of its own


def read_choice(text: str, options: Sequence[str]) -> tuple[str | None, str]:
    """Return (letter, rule) of the first rule that finds a letter, (None, "none") if none does.

    Denied letters and options are not read. If all options but one are denied, that one is the choice. If nothing is
    found, the text is read again with what only may be a denial ("B is too dark") as none.
    """
    mark, text = f"[{LETTERS[: len(options)]}]", _DENIED_BOX.sub(r"\1 \2", _without_list(text, options))
    for soft in (True, False):
        masked, denied = without_denied(text, options, mark, soft)
        for letter, rule in _letter_rules(text, masked, options, mark, soft):
            if letter:
                return letter, rule
        if left := _left(text, options, mark):
            return left, "the one that is left"
        if soft and (letter := _ordinal_letter(text, options)):
            return letter, "place among the options"
    return None, "none"


def _ordinal_letter(text: str, options: Sequence[str]) -> str | None:
    """Return the only letter whose place is said: "I choose the second one", or "the last option" in the last line.

    "The bar on the right is the second one" is about something else. Options in these words have no place.
    """
    if any(_ORDINAL.search(f"{option}.") for option in options):
        return None
    last = len(text.rstrip()) - len(last_line(text))
    places, found = (*_ORDINALS[: len(options)], "last"), []
    for spot in _ORDINAL.finditer(text):
        alone = not _WORD.search(text, last, spot.start()) and not _WORD.search(text, spot.end())
        said = is_cued(text, spot.start()) or spot.start() >= last and (spot["named"] or alone)
        if said and spot["place"].lower() in places and not is_denied(text, *spot.span()):
            found.append(LETTERS[min(places.index(spot["place"].lower()), len(options) - 1)])
    return _only(found)


def _left(text: str, options: Sequence[str], mark: str) -> str | None:
    """Return the only letter that is not denied; of two options, a soft denial of one does not choose the other."""
    soft = len(options) > 2
    denied = without_denied(text, options, mark, soft)[1] | _options_in(text, options, soft)[1]
    left = [letter for letter in LETTERS[: len(options)] if letter not in denied]
    return left[0] if denied and len(left) == 1 else None


def _without_list(text: str, options: Sequence[str]) -> str:
    """Return `text` without lines that list all options again, each behind its letter."""
    lines = text.split("\n")
    listed = [words(f"{letter} {option}") for letter, option in zip(LETTERS, options, strict=False)]
    if len(listed) < 2:
        return text
    spots = [k for k, line in enumerate(lines) if line.lstrip(" *-([")[:1] == "A" and words(line) == listed[0]]
    for start in reversed(spots):
        if [words(line) for line in lines[start : start + len(listed)]] == listed:
            del lines[start : start + len(listed)]
    return "\n".join(lines)


def _letter_rules(
    text: str, masked: str, options: Sequence[str], mark: str, soft: bool
) -> Iterator[tuple[str | None, str]]:
    """Yield (letter or None, rule), the most reliable rule first. `masked` is `text` without its denied letters."""
    last, said = last_line(masked), stated(masked)
    openings = [_leading_letter(line, mark) for line in masked.splitlines()]
    bare = text.strip(" \n\t.*()[]\"'。").upper()
    yield bare if re.fullmatch(mark, bare) else None, "letter"
    box = boxed(text)
    if box is not None:
        yield letter_of(re.sub(r"\\\w+|[{}() .]", "", box), options) or letter_of(box, options), "boxed"
    yield _stated_letter(masked, mark, options), "stated letter"
    yield letter_of(said or "", options), "stated option"
    yield _approved_letter(masked, mark), "letter that is said to be right"
    yield _only([letter for letter in openings if letter]), "leading letter"
    yield letter_of(last, options), "option"
    yield _leading_letter(last, mark) or _closing_letter(last, mark), "letter in the last line"
    yield _option_of_verdict(masked, options), "yes/no"
    yield _only(_options_in(said or last, options, soft)[0]), "option in the last line"
    yield _only(_options_in(masked, options, soft)[0]), "option in the text"
    yield _lone_letter(masked, mark), "letter in the text"
    yield _last_in_parentheses(masked, mark), "last letter in parentheses"


def _approved_letter(text: str, mark: str) -> str | None:
    """Return the only letter that is said to be right: "B is correct"."""
    found = re.finditer(_APPROVED.format(mark=mark), text, re.M)
    return _only([m["letter"] for m in found if not _UNSURE.search(text[max(0, m.start() - 24) : m.start()])])


def _stated_letter(text: str, mark: str, options: Sequence[str]) -> str | None:
    """Return the letter of the last "answer is B", "option (B)", "I choose B" or "答案是B", unless one of two."""
    low = mark.lower()
    lower = rf"(?:{low}(?={_LOWER_END})|(?!a){low}(?=\s{{0,3}}(?:\n|$)))"  # "The answer is a" may be cut short
    pattern = re.compile(
        rf"{_CUE}{_GAP}(?::[ *]{{0,3}}\n\s{{0,3}}{_GAP})?"
        rf"(?:(?<![A-Za-z0-9_])(?P<upper>{mark}){ALONE}|(?<![A-Za-z0-9_])(?P<lower>{lower}))"
        rf"(?!{_OR.format(mark=mark)})(?!['’]\w)"
        rf"|(?<![A-Za-z0-9_])(?P<before>{mark})[)」]?{_BEHIND_IN_CHINESE}"
    )
    found = [m for m in pattern.finditer(text) if not is_word_behind_cue(text, m["upper"] or "", m.end(), options)]
    if not found:
        return None
    return found[-1]["upper"] or found[-1]["before"] or found[-1]["lower"].upper()


def _leading_letter(line: str, mark: str) -> str | None:
    """Return the letter that a line starts with: "B", "(B)", "B. blue", "**B**"."""
    match = re.match(
        rf"[\s*_\"'(\[]{{0,6}}(?:option\s)?(?P<letter>{mark})"
        rf"(?!{_OR.format(mark=mark)})(?:[)\].:,;*\s\u4e00-\u9fff。]|$)",
        line,
    )
    return None if not match or is_word(line, match["letter"], match.end("letter")) else match["letter"]


def _closing_letter(line: str, mark: str) -> str | None:
    """Return the letter that a line ends with, or the last one in parentheses in it."""
    line = re.sub(rf"\b{mark}{_OR.format(mark=mark)}", "", line)
    end = re.search(rf"(?:^|[\s(*\[])({mark})[\s.)*\]\"'。]{{0,6}}$", line[-40:])
    inside = re.findall(rf"\(({mark})\)", line)
    return end[1] if end else inside[-1] if inside else None


def _only(found: Sequence[str] | set[str]) -> str | None:
    return next(iter(found)) if len(set(found)) == 1 else None


def _lone_letter(text: str, mark: str) -> str | None:
    """Return the only option letter that occurs as a separate word in `text`."""
    found = re.finditer(rf"(?<![\w'’∠△-]){mark}(?![\w'’-])", text)
    return _only([match[0] for match in found if not is_word(text, match[0], match.end())])


def _last_in_parentheses(text: str, mark: str) -> str | None:
    """Return the last letter in parentheses, not counting lists of the options (the last rule of MMMU's script)."""
    prose = "\n".join(line for line in text.splitlines() if not _leading_letter(line, mark))
    several = rf"\({mark}\)(?:\W{{0,2}}(?:\bor\b|\band\b|[,/&、和或])\W{{0,2}}\({mark}\))+"
    found = re.findall(rf"\(({mark})\)", re.sub(several, "", prose))
    return found[-1] if found else None


def _option_of_verdict(text: str, options: Sequence[str]) -> str | None:
    """Return the letter of the option "yes" or "no" that a text means, if these are among the options."""
    meant = {yes_no(option): letter for letter, option in zip(LETTERS, options, strict=False)}
    return meant.get(yes_no(text)) if {"yes", "no"} <= meant.keys() and yes_no(text) else None


def _options_in(text: str, options: Sequence[str], soft: bool) -> tuple[set[str], set[str]]:
    """Return (letters of the options whose words occur in `text`, letters of those that are only denied there).

    An option inside a longer one does not count.
    """
    parts, found, denied = [words(part) for part in _BREAK.split(text) if part.strip()], set(), set()
    rest, joined = f" {' | '.join(part for part in parts if part)} ", _joined_to_denied(options)
    for option in sorted(options, key=len, reverse=True):
        tokens = words(option).split()
        if not tokens or not all(token in rest for token in tokens):
            continue
        inside = _BETWEEN.join(map(re.escape, tokens))
        inside = re.compile(inside if unspaced(option) else f"(?<= ){inside}(?= )")
        spots = list(inside.finditer(rest))
        if spots:
            wanted = any(not (is_denied(rest, *spot.span(), soft) or joined(rest, spot.start())) for spot in spots)
            (found if wanted else denied).add(letter_of(option, options))
            rest = inside.sub("|", rest)
    return found, denied - found


def _joined_to_denied(options: Sequence[str]) -> Callable[[str, int], bool]:
    """Return a test of whether a place in a text follows a denied option and "or": "not red or [green]"."""
    any_of = "|".join(re.escape(words(option)) for option in options if words(option))
    before = re.compile(
        rf"(?:\bnot|n t|\bneither)(?: (?:be|either|on|in|look|seem|to)){{0,3}} (?:{any_of}) (?:or|nor) $"
    )
    return lambda text, start: bool(before.search(text[max(0, start - _JOINED_WITHIN) : start]))
