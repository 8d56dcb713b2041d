"""The text of an answer in segments, one per stage: what ends a stage, how segments join, the text of a stage.

stages = (StageSpec("caption", ("</CAPTION>",)), StageSpec("conclusion", ("</CONCLUSION>",)))
stage_text([Segment("caption", "<CAPTION> Two dots. </CAPTION>")], "caption")           # "Two dots."
"""

import re
from dataclasses import dataclass, replace

from o1lib.formats.special_tags import from_special
from o1lib.formats.stages import STAGES, close_tag, open_tag, parse, parse_plain
from o1lib.formats.thoughts import without_thoughts

FAILED = "failed"  # the end of a segment for which a server gave no reply
BROKEN = -1e6  # added to the log-probability of a segment whose logits were not finite
_TAGS = re.compile("|".join(tag(stage) for stage in STAGES for tag in (open_tag, close_tag)))


@dataclass(frozen=True)
class StageSpec:
    """One stage to generate.

    `stop` holds the strings that end it (none: only the end of the turn does). `turn` is the user turn that asks for it
    (None: the text continues where it is). `length_factor` is its length budget, in multiples of the per-stage limit.
    """

    stage: str
    stop: tuple[str, ...] = ()
    turn: str | None = None
    length_factor: int = 1


@dataclass(frozen=True)
class Segment:
    """The generated text of one stage.

    `logprob` is the summed log-probability of its `tokens` tokens at temperature 1. `end` is the stop string that ended
    it, or eos, length, nan or FAILED; `wanted` is the end that it should have reached. `turn`: its own user turn opened
    it.
    """

    stage: str
    text: str
    logprob: float = 0.0
    tokens: int = 0
    end: str = "eos"
    wanted: str = "eos"
    turn: bool = False

    @property
    def problem(self) -> str:
        """Say what is wrong with the end of this segment, "" if nothing."""
        if self.end == "length":
            return f"cut after {self.tokens} tokens"
        if self.end == "nan":
            return f"broke off after {self.tokens} tokens: the model's numbers were not finite"
        if self.end == FAILED:
            return "the server did not answer"
        return f"ended before {self.wanted}" if self.end == "eos" != self.wanted else ""


def join_segments(segments) -> str:
    """Return the text of the segments, with a blank line before each one that opened a turn."""
    return "\n\n".join(turn_texts(segments))


def turn_texts(segments) -> list[str]:
    """Return the text of the segments, one string per turn."""
    found = []
    for segment in segments:
        if segment.turn or not found:
            found.append("")
        found[-1] += segment.text
    return found


def stage_text(segments, stage: str) -> str:
    """Return the text of one stage: between its tags if they are found, else its segment, else all text.

    Thoughts are left out.
    """
    own = [replace(segment, turn=False) for segment in segments if segment.stage == stage]
    texts = [without_thoughts(join_segments(some)) for some in (own, segments)]
    for text in texts:
        found = parse(from_special(text)).stages
        if stage in found:
            return found[stage]
    return texts[0].strip() or texts[1].strip()


def found_stages(segments) -> dict[str, str]:
    """Return the stages of a whole answer of any format: by its tags, else one per turn, else one per paragraph.

    Thoughts are left out.
    """
    text, own = without_thoughts(join_segments(segments)), [without_thoughts(turn) for turn in turn_texts(segments)]
    tagged = parse(from_special(text)).stages
    if tagged:
        return tagged
    return dict(zip(STAGES, own)) if len(own) == len(STAGES) else parse_plain(text)


def untagged(text: str) -> str:
    """Return a text without its thoughts and tags, on one line."""
    return " ".join(_TAGS.sub(" ", from_special(without_thoughts(text))).split())


def hint(segments, kind: str) -> str:
    """Return what the release takes as given when `kind` is judged (LLaVA-o1's simple_inference.py).

    This is the caption for reasoning, caption and reasoning for a conclusion, the text so far for a sentence, else "".
    """
    if kind == "sentence":
        return join_segments(segments)
    given = {"reasoning": ("caption",), "conclusion": ("caption", "reasoning")}.get(kind, ())
    written = {segment.stage for segment in segments}
    return " ".join(stage_text(segments, stage) for stage in STAGES if stage in given and stage in written)


def next_stage(stages, at: int, ended: bool) -> int | None:
    """Return the index of the stage after stage `at`, None after the last one.

    If a turn has ended, only a stage with a user turn of its own can follow.
    """
    later = (k for k in range(at + 1, len(stages)) if stages[k].turn is not None or not ended)
    return next(later, None)
