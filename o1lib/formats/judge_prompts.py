"""The prompts that ask a model to judge, and the parsing of its verdicts.

LLaVA-o1 (arXiv:2411.10440, section 3.3 and the released `simple_inference.py`): the prompt shows two
candidates of one stage with the picture and the question, and the model itself says which is better. The long form
keeps the literals of the release, including the misspelled "Repsonse", because a verdict may depend on them. The role
sentence and the criteria are in our own words. The short form asks the same in a dozen words, for a model of a few
million parameters.

    judge_prompt("caption", "How many squares?", "", "Two squares.", "Three.", short=True)
    parse_verdict("Since it has fewer errors, I choose response 1.")      # 1
    reasoned_verdict(named_reason(2, "blue is 7"), 1)   # "Since response 2 says blue is 7, I choose response 1."
"""

import re

from o1lib.formats.thoughts import answer_part

KINDS = ("summary", "caption", "reasoning", "conclusion", "all", "sentence")
VERDICT = "Since {reason}, I choose response {k}."
VERDICT_FORMAT = "Since [reason], I choose response [1/2]."
REASONS = {
    "summary": "it plans the steps better",
    "caption": "it describes the picture better",
    "reasoning": "it has fewer errors",
    "conclusion": "it agrees with the reasoning",
    "all": "it answers the question better",
    "sentence": "it continues better",
}
CORRECT, INCORRECT = "correct", "incorrect"

_ROLE = "You compare two responses to one question about a picture and say which of them is better."
_CRITERIA = {
    "summary": "The better summary outlines the main approach to the question. It holds no concrete reasoning and no "
    "formulas yet.",
    "caption": "The better caption has fewer errors about the picture. It is as thorough and detailed as can be while "
    "accurate, and makes no general comments.",
    "reasoning": "The better reasoning explains better, with fewer errors. Review the question, examine each response, "
    "note where they differ, then decide.",
    "conclusion": "The better conclusion agrees with the reasoning in the hint. It must never refuse to answer.",
    "all": "The better response answers the question better.",
    "sentence": "The better response is the better next sentence of the answer.",
}
_SHORT = {
    "summary": "Which summary is better?",
    "caption": "Which caption is better?",
    "reasoning": "Which reasoning is better?",
    "conclusion": "Which conclusion is better?",
    "all": "Which answer is better?",
    "sentence": "Which next sentence is better?",
}


def judge_prompt(kind: str, question: str, hint: str, a: str, b: str, short: bool = False) -> str:
    """Return the user text that asks for a comparison of `a` with `b`. The picture goes in front of it.

    `hint` is the context that the release gives: "" for a summary or a caption, the caption for reasoning, caption and
    reasoning for a conclusion, the text so far for a sentence. Raises KeyError for a kind that is not in KINDS.
    """
    if short:
        hints = [f"Hint: {hint}"] if hint else []
        return "\n".join([_SHORT[kind], f"Question: {question}", *hints, f"Response 1: {a}", f"Response 2: {b}"])
    hints = [f"Hint about the Question: {hint}"] if hint else []
    return "\n\n".join(
        [
            f"{_ROLE} {_CRITERIA[kind]}",
            f"Question: {question}",
            *hints,
            f"Repsonse 1: {a}",
            f"Repsonse 2: {b}",
            f"{_CRITERIA[kind]} Answer strictly in the following format, and write nothing else:\n{VERDICT_FORMAT}",
        ]
    )


def check_prompt(caption: str, reasoning: str, short: bool = False) -> str:
    """Return the text-only prompt that asks whether `reasoning` is correct given `caption` (the veto of LLaVA-o1)."""
    if short:
        return f"Is this reasoning correct or incorrect?\nCaption: {caption}\nReasoning: {reasoning}"
    return (
        f"Assume that the description of a picture is true and check the reasoning built on it. Verify every "
        f"calculation.\n\nDescription: {caption}\n\nReasoning: {reasoning}\n\n"
        f"Answer with one word, '{CORRECT}' or '{INCORRECT}'."
    )


def statement_prompt(statement: str) -> str:
    """Return the user text that asks whether one statement about the picture is true."""
    return f"Is this statement {CORRECT} or {INCORRECT}?\n{statement}."


def verdict_prefix(reason: str) -> str:
    """Return the verdict up to the word before its digit. The next token is " 1" or " 2"."""
    return VERDICT.split(" {k}")[0].format(reason=reason)


def verdict(kind: str, k: int) -> str:
    """Return the whole verdict for response `k` (1 or 2), with the one reason that goes with `kind`."""
    return reasoned_verdict(REASONS[kind], k)


def named_reason(response: int, statement: str) -> str:
    """Return the reason that response 1 or 2 makes a false statement, to go into `reasoned_verdict`."""
    return f"response {response} says {statement}"


def reasoned_verdict(reason: str, k: int) -> str:
    """Return the whole verdict for response `k` (1 or 2), with a reason of its own."""
    return VERDICT.format(reason=reason, k=k)


def parse_verdict(text: str, strict: bool = False) -> int | None:
    """Return the chosen response, 1 or 2. As released, any text without "I choose response 1" means 2.

    With `strict` the result is None if the verdict is unreadable or names both responses. Without it such a verdict
    favors the second response. Thoughts before the verdict are not read.
    """
    text = answer_part(text)
    if not strict:
        return 1 if "I choose response 1" in text else 2
    named = set(re.findall(r"choose response\s*\[?([12])\b", text, flags=re.IGNORECASE))
    return int(named.pop()) if len(named) == 1 else None


def parse_check(text: str) -> bool:
    """Return False if the answer to a check says "incorrect", as released. Any other answer passes."""
    return INCORRECT not in answer_part(text).lower()


def parse_statement(text: str) -> bool | None:
    """Return whether the answer to `statement_prompt` is "correct", None if it is neither that nor "incorrect"."""
    return {CORRECT: True, INCORRECT: False}.get(answer_part(text).strip().rstrip(".").lower())
