"""Bound the time of a call as a whole.

within(60.0, call, request)         # its result, or RetryableError after a minute

A time-out of the HTTP client bounds each read: a server that sends a byte now and then would hold a call for ever.
"""

import queue
import threading
from collections.abc import Callable

from o1lib.models.endpoint.errors import RetryableError


def within(seconds: float, call: Callable, *given):
    """Return call(*given), or raise what it raises. Raises RetryableError if it has not ended after `seconds`.

    The call runs in a thread of its own, which is left behind when it takes too long and never keeps the process alive.
    """
    ended = queue.SimpleQueue()

    def run():
        """Put the result of the call, or its error, into the queue."""
        try:
            ended.put((call(*given), None))
        except BaseException as error:
            ended.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        result, error = ended.get(timeout=seconds)
    except queue.Empty:
        raise RetryableError(f"no whole reply within {seconds:g} seconds") from None
    if error is not None:
        raise error
    return result
