"""Messages of other errors are quoted in one line, and never as nothing."""

import pytest

from o1lib.records import brief, first_line


@pytest.mark.parametrize(
    "quoted, error, said",
    [
        (brief, OSError("no\n  such   host"), "no such host"),
        (brief, OSError("x" * 500), "x" * 160),
        (lambda error: brief(error, 3), OSError("disk full"), "dis"),
        (brief, TimeoutError(), "TimeoutError"),
        (first_line, OSError("\nno such host\nat line 3"), "no such host"),
        (first_line, TimeoutError(), "TimeoutError"),
    ],
)
def test_an_error_is_quoted_in_one_line(quoted, error, said):
    assert quoted(error) == said
