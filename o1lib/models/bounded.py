"""Run a piece of Python that may never end, or may fill the memory, within bounds: chat templates are others' programs.

with bounded(seconds=5.0):
    text = processor.apply_chat_template(chat)          # Runaway after five seconds, MemoryError beyond the memory
"""

import sys
import time
from contextlib import contextmanager
from pathlib import Path

MEMORY = 2 << 30  # bytes that the block may add to the process


class Runaway(Exception):
    """The block did not end in time."""


@contextmanager
def bounded(seconds: float, memory: int = MEMORY):
    """Raise Runaway in this thread once functions called in the block ran for `seconds`.

    On Linux, a block that asks for more than `memory` bytes gets a MemoryError.
    """
    end, before = time.monotonic() + seconds, sys.gettrace()

    def watch(frame, event, argument):
        """Raise Runaway once the time is over; Python calls this for every line."""
        if time.monotonic() > end:
            raise Runaway
        return watch

    with _less_memory(memory):
        sys.settrace(watch)  # called for every line of the functions that begin from here on
        try:
            yield
        finally:
            sys.settrace(before)


@contextmanager
def _less_memory(most):
    """Let the process grow by at most so many bytes, where the system can be asked for that."""
    used = Path("/proc/self/statm")
    if not used.is_file():
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = int(used.read_text().split()[0]) * resource.getpagesize() + most
    wanted = min([wanted, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)])
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
