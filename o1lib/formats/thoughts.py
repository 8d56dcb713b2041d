"""What a reply says in the end: without the thoughts before it, in its answer marks, and of four stages the last.

    without_thoughts("<think> A? No. </think> B")                           # " B"
    answer_part("<think> 3 + 4 </think><answer> 7 </answer>")               # "7"
    conclusion("<REASONING> 3 + 4 </REASONING> <CONCLUSION> 7 </CONCLUSION>")     # "7"

Reasoning models write their thoughts in front of an answer, in marks of their own. A thought weighs answers that the
model then drops, so no reader of an answer, a stage or a verdict may see it.
"""

import re

from o1lib.formats.stages import parse

# The marks of DeepSeek-R1, Qwen3 and GLM-4.1V, then those of Magistral, Kimi-VL, OpenThoughts and gpt-oss.
_NAMES = r"(?:seed:)?(?:think|thinking|thoughts?|reflection|scratchpad)"
_THOUGHT = re.compile(
    rf"(?P<open><\s?{_NAMES}\s?>|\[THINK\]|◁think▷|<\|begin_of_thought\|>|<\|channel\|>analysis(?:<\|message\|>)?)"
    rf"|<\s?/\s?{_NAMES}\s?>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>|<\|channel\|>final(?:<\|message\|>)?",
    re.I,
)
_ANSWER = re.compile(
    r"(?P<open><\s?answer\s?>|<\|begin_of_(?:box|solution)\|>)|<\s?/\s?answer\s?>|<\|end_of_(?:box|solution)\|>", re.I
)
_LAST_PART = re.compile(r"<\s?(?P<name>answer|conclusion)\s?>", re.I)


def without_thoughts(text: str) -> str:
    """Return the part of a reply outside its thoughts, in time linear in its length.

    A thought ends at its closing mark. If only a closing mark is there (chat templates write the opening one into the
    prompt), all text before it is a thought. A thought without a closing mark ends at an answer in whole marks that
    ends the text, otherwise with the text.
    """
    kept, position, inside = [], 0, False
    for mark in _THOUGHT.finditer(text):
        if mark["open"] and inside:
            continue
        if mark["open"]:
            kept.append(text[position : mark.start()])
        elif not inside:
            kept.clear()
        inside, position = bool(mark["open"]), mark.end()
    return "".join([*kept, _whole_answer(text[position:]) if inside else text[position:]])


def _whole_answer(text: str) -> str:
    """Return the answer or conclusion in whole marks that ends `text`, with its marks, otherwise ""."""
    opened = list(_LAST_PART.finditer(text))
    if not opened:
        return ""
    part = text[opened[-1].start() :].rstrip()
    return part if re.search(rf"<\s?/\s?{opened[-1]['name']}\s?>\Z", part[-40:], re.I) else ""


def answer_part(text: str) -> str:
    """Return the text in the last answer marks outside the thoughts, or all that is outside them without such marks.

    A missing closing mark is the end of the text, a missing opening mark its beginning.
    """
    text = without_thoughts(text)
    marks = list(_ANSWER.finditer(text))
    if not marks:
        return text
    opened = next((k for k in reversed(range(len(marks))) if marks[k]["open"]), None)
    if opened is None:
        return text[: marks[0].start()]
    return text[marks[opened].end() : marks[opened + 1].start() if opened + 1 < len(marks) else len(text)]


def without_marks(text: str) -> str:
    """Return `text` without the marks of thoughts and answers, so that who quotes it does not write them."""
    return _ANSWER.sub("|", _THOUGHT.sub("|", text))


def unfenced(text: str) -> str:
    """Return a text without outer blanks and without the code fence that a model puts around JSON."""
    text = text.strip()
    return text.removeprefix("```json").removeprefix("```").removesuffix("```").strip()


def conclusion(text: str) -> str:
    """Return the conclusion of a staged text, or the whole text if it has no tags of stages; thoughts are left out.

    A staged text without a conclusion, or with an empty one, says nothing but what follows its last closing tag.
    """
    text = without_thoughts(text)
    parsed = parse(text)
    return text if parsed.no_tags else parsed.stages.get("conclusion") or parsed.rest
