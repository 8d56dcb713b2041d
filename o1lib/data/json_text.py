"""Read JSON that strangers wrote: every flaw is a ValueError, and no text holds half a character.

parsed('{"id": 7}')             # {"id": 7}
parsed('"\\\\ud800"')             # ValueError: half a character, which can be neither written nor tokenized
"""

import json
from typing import Any

from o1lib.formats.characters import has_half


def parsed(text: str) -> Any:
    """Return the value of a JSON text; NaN and Infinity, which tables write for an empty cell, are None.

    Raises ValueError for another text, for values nested too deep, and for a lone surrogate (half a character).
    """
    try:
        value = json.loads(text, parse_constant=lambda name: None)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if "\\ud" in text.lower():
        _check(value)
    return value


def _check(value: Any) -> None:
    """Raise ValueError if a text or a key in `value` holds a lone surrogate."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if has_half(value):
                raise ValueError("half a character (a lone surrogate such as \\ud800) in a text")
        elif isinstance(value, dict):
            waiting += [*value, *value.values()]
        elif isinstance(value, list):
            waiting += value
