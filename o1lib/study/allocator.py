"""Name the memory allocator that rows are run with, where the machine has one that suits training.

    preload({})      # {"LD_PRELOAD": "libtcmalloc_minimal.so.4"}, or {} where no such library is installed

Batches of unequal lengths fragment glibc's heap. Each allocation then takes longer, and a training on a CPU slows down
within minutes (results/LOG.md, 2026-12-01). It does not with tcmalloc.
"""

import sys
from collections.abc import Mapping
from ctypes.util import find_library

LIBRARIES = ("tcmalloc_minimal", "tcmalloc", "jemalloc")  # the first that is installed is taken
VARIABLE = "LD_PRELOAD"


def preload(given: Mapping[str, str]) -> dict[str, str]:
    """Return the variable that puts a suitable allocator before glibc's; {} if `given` has that variable already.

    Returns {} outside Linux and where none of `LIBRARIES` is installed.
    """
    found = next(filter(None, map(find_library, LIBRARIES)), None) if _open(given) else None
    return {VARIABLE: found} if found else {}


def advice(given: Mapping[str, str]) -> str:
    """Return a sentence that says what to install, "" where rows have a suitable allocator or need none."""
    if not _open(given) or preload(given):
        return ""
    return (
        "training slows down within minutes with glibc's allocator: `apt-get install libtcmalloc-minimal4` prevents it"
    )


def _open(given: Mapping[str, str]) -> bool:
    """Return whether rows would run with glibc's allocator and the user has named no other."""
    return sys.platform.startswith("linux") and not given.get(VARIABLE)
