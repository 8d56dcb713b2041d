"""The part of a text that gives its answer: boxed, stated after a cue, or the last line before words of farewell.

stated("First answer: 3. The answer is 4, I think.")                                        # "4, I think"
without_farewell("The area is **16 m**.\\n\\nIs there anything else I can help you with?")     # "The area is **16 m**."
"""

import re

STATED = re.compile(
    r"(?i)(?:\b(?:answer|conclusion)\b[*_ ]{0,3}(?:is\b|:|=)"
    r"|(?:答案|正解|答え|정답|답)\s?(?:应该是|应为|应是|是|为|は|은|는|이|:|=))"
    r"[\s*_:]{0,6}([^\n]{1,300})"
)
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')*_]{0,3}\s+|(?<=[。！？])")
_FAREWELL = re.compile(
    r"[\W_]{0,8}(?:(?:i )?hope (?:this|that|it|these)\b|(?:please )?(?:let me know|feel free|do(?:n't| not) hesitate)\b"
    r"|if (?:you(?:'d|'re|'ve)? (?:have|need|want|would|like|are|still)"
    r"|there(?:'s| is| are) (?:any|something|some|more|other|another|still)\w{0,5})\b.{0,80}"
    r"(?:\bask\b|help|question|let me know|feel free)|(?:is|was) there anything\b"
    r"|(?:i'm |i am )?(?:happy|glad) to (?:help|assist|explain|clarify)\b"
    r"|希望(?:这|以上|对|能)|如果(?:你|您)?(?:还)?有|如有|还有(?:什么|其他)|请(?:随时|告诉)|お役に立て|他に(?:何か|ご)|ご不明"
    r"|도움이 되|더 궁금|궁금한)",
    re.I,
)
# These end a text only behind an answer: alone they may be one, such as the words on a sign.
_REMARK = re.compile(
    r"[\W_]{0,8}(?:(?:please )?note(?: that\b|:)|disclaimer:|remark:|confidence\b.{0,9}\d|anything else\b"
    r"|thank(?:s| you)(?: (?:so |very )?much| for\b.{0,80}| again)?(?=\W{0,4}$|[,.!;])"
    r"|have a (?:nice|great|good) (?:day|one|time|evening|night|week|weekend)\W{0,4}$"
    r"|good luck(?: with\b|\W{0,4}$|[,.!;]))",
    re.I,
)
_TURN_END = re.compile(
    r"</s>|<\|(?:im_end|endoftext|end_of_text|eot_id|end|return)\|>|<(?:eos|end_of_(?:turn|utterance))>"
)
_WORD = re.compile(r"[^\W_]")


def boxed(text: str) -> str | None:
    """Return the content of the last \\boxed{...} with balanced braces."""
    start = text.rfind("\\boxed{")
    depth = 0
    for position in range(start + 6, len(text) if start >= 0 else 0):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[start + 7 : position]
    return None


def stated(text: str) -> str | None:
    """Return what follows the last "answer is", "Answer:" or "答案是" up to the end of its sentence."""
    found = STATED.findall(text)
    return re.split(r"[.;](?:\s|$)|[。；]", found[-1])[0].strip() if found else None


def last_line(text: str) -> str:
    """Return the last line that is not blank, without a mark of a list in front of it."""
    line = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
    return re.sub(r"^(?:[-*•]\s+|\d{1,2}[.)]\s+(?=[^\W\d]))", "", line)


def without_farewell(text: str, keep_questions: bool = False, keep_remarks: bool = False) -> str:
    """Return `text` up to the end of its turn, without the words of farewell and questions to the reader that end it.

    `keep_questions` is for options that are questions, `keep_remarks` for notes that may give the answer ("Note that B
    is correct"). A question or remark that is the whole text is kept, and so is a remark that states an answer.
    """
    lines = _TURN_END.split(text)[0].rstrip().split("\n")
    first = next((k for k, line in enumerate(lines) if _WORD.search(line)), 0)
    while lines:
        sentences = _sentences(lines[-1])
        while sentences:
            alone = len(sentences) == 1 and first >= len(lines) - 1
            start, end = sentences[-1]
            if not _says_nothing(lines[-1][start:end], keep_questions or alone, keep_remarks or alone):
                return "\n".join([*lines[:-1], lines[-1][:end]])
            sentences.pop()
        lines.pop()
    return ""


def _sentences(line: str) -> list[tuple[int, int]]:
    """Return (start, end) of each sentence of a line that is not blank."""
    breaks = [(0, 0), *(found.span() for found in _SENTENCE_END.finditer(line)), (len(line), len(line))]
    spans = [(breaks[k][1], breaks[k + 1][0]) for k in range(len(breaks) - 1)]
    return [(start, end) for start, end in spans if line[start:end].strip()]


def _says_nothing(sentence: str, keep_questions: bool, keep_remarks: bool) -> bool:
    """Return whether a sentence is a farewell, a question to the reader, a remark, or marks without a word."""
    asks = sentence.rstrip(" \"')*_").endswith(("?", "？"))
    remarks = _REMARK.match(sentence) and not (STATED.search(sentence) or "\\boxed" in sentence)
    return bool(_FAREWELL.match(sentence)) or asks and not keep_questions or bool(remarks) and not keep_remarks
