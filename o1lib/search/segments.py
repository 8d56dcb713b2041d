"""The text of an answer in segments, one a stage: what ends a stage, how segments join, what a stage said.

steps = (Step("caption", ("</CAPTION>",)), Step("conclusion", ("</CONCLUSION>",)))
said([Piece("caption", "<CAPTION> Two dots. </CAPTION>")], "caption")           # "Two dots."
"""

import re
from dataclasses import dataclass, replace

from o1lib.formats.chat import from_special
from o1lib.formats.stages import STAGES, close_tag, open_tag, parse, parse_plain

BROKEN = -1e6  # added to the log-probability of a segment that broke off
_TAGS = re.compile("|".join(tag(stage) for stage in STAGES for tag in (open_tag, close_tag)))


@dataclass(frozen=True)
class StageSpec:
    """One stage to generate: its name, the strings that end it (none: the turn's end), the user turn asking for it."""

    stage: str
    stop: tuple[str, ...] = ()
    turn: str | None = None  # None: the text goes on where it stands
    length_factor: int = 1  # length budget, in multiples of the per-stage limit


@dataclass(frozen=True)
class Segment:
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
        """Say what is wrong with the end of this segment; "" when nothing is."""
        if self.end == "length":
            return f"cut after {self.tokens} tokens"
        if self.end == "nan":
            return f"broke off after {self.tokens} tokens: the model's numbers were not finite"
        return f"ended before {self.wanted}" if self.end == "eos" != self.wanted else ""


def join_segments(segments) -> str:
    """Return the text of the segments, a blank line before each one that opened a turn."""
    return "\n\n".join(turn_texts(segments))


def turn_texts(segments) -> list[str]:
    """Return the text of the segments, one string a turn."""
    found = []
    for segment in segments:
        if segment.turn or not found:
            found.append("")
        found[-1] += segment.text
    return found


def stage_text(segments, stage: str) -> str:
    """Return the words of one stage: between its tags where they are found, else its segment, else all text."""
    own = join_segments([replace(segment, turn=False) for segment in segments if segment.stage == stage])
    for text in (own, join_segments(segments)):
        found = parse(from_special(text)).stages
        if stage in found:
            return found[stage]
    return own.strip() or join_segments(segments).strip()


def found_stages(segments) -> dict[str, str]:
    """Return the stages of a whole answer of any format: by its tags, else one a turn, else one a paragraph."""
    text, own = join_segments(segments), turn_texts(segments)
    tagged = parse(from_special(text)).stages
    if tagged:
        return tagged
    return dict(zip(STAGES, own)) if len(own) == len(STAGES) else parse_plain(text)


def untagged(text: str) -> str:
    """Return a text without its tags, on one line."""
    return " ".join(_TAGS.sub(" ", from_special(text)).split())


def hint(segments, kind: str) -> str:
    """Return what the release takes as given when it judges `kind` (LLaVA-o1's simple_inference.py).

    The caption for reasoning, caption and reasoning for a conclusion, the text so far for a sentence, else nothing.
    """
    if kind == "sentence":
        return join_segments(segments)
    given = {"reasoning": ("caption",), "conclusion": ("caption", "reasoning")}.get(kind, ())
    spoken = {segment.stage for segment in segments}
    return " ".join(stage_text(segments, stage) for stage in STAGES if stage in given and stage in spoken)


def next_stage(steps, at: int, ended: bool) -> int | None:
    """Return the index of the stage after stage `at`: once a turn has ended, only one with its own turn can follow."""
    later = (k for k in range(at + 1, len(steps)) if steps[k].turn is not None or not ended)
    return next(later, None)
