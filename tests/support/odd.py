"""Odd content for files that a kill, a full disk or an editor may have damaged."""

from hypothesis import strategies as st

DEEP = b"[" * 100_000  # json.loads raises RecursionError
TEXTS = {
    "empty": b"",
    "torn": b'{"row": "b", "seed"',
    "cut inside a character": '{"row": "ü'.encode()[:-1],
    "not UTF-8": b"\xff\xfe{",
    "a number": b"5",
    "null": b"null",
    "a list": b"[1]",
    "nested too deep": DEEP,
    "nested objects": b'{"a":' * 100_000,
    "a huge number": b"9" * 5000,
    "NaN": b"NaN",
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


@st.composite
def mutated(draw, value):
    """Return a copy of a JSON value in which one part has another value or is missing."""
    if not isinstance(value, (dict, list)) or not value or draw(st.integers(0, 3)) == 0:
        return draw(VALUES)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = draw(st.sampled_from(keys))
    copy = dict(value) if isinstance(value, dict) else list(value)
    if draw(st.integers(0, 5)) == 0:
        del copy[key]
    else:
        copy[key] = draw(mutated(value[key]))
    return copy


@st.composite
def damaged(draw, text):
    """Return bytes in which a piece is cut out and random ones stand in its place."""
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, len(text)))
    return text[:start] + draw(st.binary(max_size=6)) + text[end:]
