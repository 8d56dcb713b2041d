"""The text of an answer in pieces, one a stage: what ends a stage, how pieces join, what a stage said.

steps = (Step("caption", ("</CAPTION>",)), Step("conclusion", ("</CONCLUSION>",)))
said([Piece("caption", "<CAPTION> Two dots. </CAPTION>")], "caption")           # "Two dots."
"""

import re
from dataclasses import dataclass, replace

from o1lib.formats.chat import from_special
from o1lib.formats.stages import STAGES, close_tag, open_tag, parse, parse_plain

BROKEN = -1e6  # added to the log-probability of a piece that broke off
_TAGS = re.compile("|".join(tag(stage) for stage in STAGES for tag in (open_tag, close_tag)))


@dataclass(frozen=True)
class Step:
    """One stage to generate: its name, the strings that end it (none: the turn's end), the user turn asking for it."""

    stage: str
    stop: tuple[str, ...] = ()
    turn: str | None = None  # None: the text goes on where it stands
    stages: int = 1  # how many stages it may be as long as


@dataclass(frozen=True)
class Piece:
    """A stage's text, its tokens' summed log-probability at temperature 1, its end (a stop, eos, length or nan)."""

    stage: str
    text: str
    logprob: float = 0.0
    tokens: int = 0
    end: str = "eos"
    wanted: str = "eos"  # the end it should have come to
    turn: bool = False  # opened by a user turn of its own

    @property
    def problem(self) -> str:
        """Say what is wrong with the end of this piece; "" when nothing is."""
        if self.end == "length":
            return f"cut after {self.tokens} tokens"
        if self.end == "nan":
            return f"broke off after {self.tokens} tokens: the model's numbers were not finite"
        return f"ended before {self.wanted}" if self.end == "eos" != self.wanted else ""


def joined(pieces) -> str:
    """Return the text of the pieces, a blank line before each one that opened a turn."""
    return "\n\n".join(turns(pieces))


def turns(pieces) -> list[str]:
    """Return the text of the pieces, one string a turn."""
    found = []
    for piece in pieces:
        if piece.turn or not found:
            found.append("")
        found[-1] += piece.text
    return found


def said(pieces, stage: str) -> str:
    """Return the words of one stage: between its tags where they are found, else its piece, else all text."""
    own = joined([replace(piece, turn=False) for piece in pieces if piece.stage == stage])
    for text in (own, joined(pieces)):
        found = parse(from_special(text)).stages
        if stage in found:
            return found[stage]
    return own.strip() or joined(pieces).strip()


def found_stages(pieces) -> dict[str, str]:
    """Return the stages of a whole answer of any format: by its tags, else one a turn, else one a paragraph."""
    text, own = joined(pieces), turns(pieces)
    tagged = parse(from_special(text)).stages
    if tagged:
        return tagged
    return dict(zip(STAGES, own)) if len(own) == len(STAGES) else parse_plain(text)


def untagged(text: str) -> str:
    """Return a text without its tags, on one line."""
    return " ".join(_TAGS.sub(" ", from_special(text)).split())


def hint(pieces, kind: str) -> str:
    """Return what the release takes as given when it judges `kind` (LLaVA-o1's simple_inference.py).

    The caption for reasoning, caption and reasoning for a conclusion, the text so far for a sentence, else nothing.
    """
    if kind == "sentence":
        return joined(pieces)
    given = {"reasoning": ("caption",), "conclusion": ("caption", "reasoning")}.get(kind, ())
    spoken = {piece.stage for piece in pieces}
    return " ".join(said(pieces, stage) for stage in STAGES if stage in given and stage in spoken)


def next_step(steps, at: int, ended: bool) -> int | None:
    """Return the index of the step after step `at`: once a turn has ended, only one with its own turn can follow."""
    later = (k for k in range(at + 1, len(steps)) if steps[k].turn is not None or not ended)
    return next(later, None)
