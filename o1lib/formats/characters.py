"""Find and replace lone surrogates: half characters, which can be neither encoded as UTF-8 nor tokenized.

has_half("a\\ud800")            # True
mended("a\\ud800")              # "a?"
"""

import re
from collections.abc import Mapping

_LONE = re.compile("[\ud800-\udfff]")


def has_half(text: str) -> bool:
    """Return whether `text` holds a lone surrogate."""
    return not text.isascii() and bool(_LONE.search(text))


def mended(text: str) -> str:
    """Return `text` with every lone surrogate replaced by a question mark."""
    return _LONE.sub("?", text) if has_half(text) else text


def all_mended(value):
    """Return a JSON value with the lone surrogates replaced in all its strings and keys."""
    if isinstance(value, str):
        return mended(value)
    if isinstance(value, Mapping):
        return {mended(name): all_mended(item) for name, item in value.items()}
    return [all_mended(item) for item in value] if isinstance(value, (list, tuple)) else value
