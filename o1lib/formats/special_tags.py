"""The stage tags as reserved tokens: eight single tokens instead of the text of four tags (format `special_tags`).

to_special("<SUMMARY> Count. </SUMMARY>")     # "<|stage_0|> Count. <|stage_1|>"
"""

from o1lib.formats.stages import STAGES, close_tag, open_tag

SPECIAL_TAGS = tuple(f"<|stage_{k}|>" for k in range(2 * len(STAGES)))
_TEXT_TAGS = tuple(tag(stage) for stage in STAGES for tag in (open_tag, close_tag))


def to_special(text: str) -> str:
    """Return the text with each stage tag replaced by its reserved token, `<|stage_0|>` to `<|stage_7|>`."""
    for tag, token in zip(_TEXT_TAGS, SPECIAL_TAGS, strict=True):
        text = text.replace(tag, token)
    return text


def from_special(text: str) -> str:
    """Return the text with each reserved token replaced by its stage tag, the inverse of `to_special`."""
    for tag, token in zip(_TEXT_TAGS, SPECIAL_TAGS, strict=True):
        text = text.replace(token, tag)
    return text
