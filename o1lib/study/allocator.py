"""Name the memory allocator that rows are run with, where the machine has one that suits training.

preload({})      # {"LD_PRELOAD": "libtcmalloc_minimal.so.4"}, or {} where no such library is installed

Batches of unequal lengths leave glibc's heap in pieces. It then searches longer and longer for a free block, and a
training on a CPU slows down within minutes (results/LOG.md, 2026-12-01). tcmalloc and jemalloc do not search.
"""

import os
import sys
from collections.abc import Mapping
from ctypes.util import find_library

LIBRARIES = ("tcmalloc_minimal", "tcmalloc", "jemalloc")  # the first that is installed is taken
VARIABLE = "LD_PRELOAD"


def preload(given: Mapping[str, str]) -> dict[str, str]:
    """Return the variable that puts a suitable allocator before glibc's; {} if `given` has that variable already.

    Returns {} outside Linux and where none of `LIBRARIES` is installed.
    """
    if given.get(VARIABLE) or not sys.platform.startswith("linux"):
        return {}
    found = next(filter(None, map(find_library, LIBRARIES)), None)
    return {VARIABLE: found} if found else {}


def advice() -> str:
    """Return a sentence that says what to install, "" where rows have a suitable allocator or need none."""
    if os.environ.get(VARIABLE) or not sys.platform.startswith("linux") or preload({}):
        return ""
    return (
        "training slows down within minutes with glibc's allocator: `apt-get install libtcmalloc-minimal4` prevents it"
    )
