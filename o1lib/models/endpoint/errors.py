"""Why a request got no reply: for now (RetryableError) or for good (PermanentError).

raise RetryableError("HTTP 429: busy", wait=2.0)        # asked again after two seconds
"""


class RetryableError(Exception):
    """No reply, but the next attempt may get one, after `wait` seconds (None: the server did not say).

    `most` is the largest number of attempts at such a request (None: that of the endpoint). `spent` holds the (prompt,
    completion) tokens that the failed attempt still cost.
    """

    def __init__(
        self, message: str, wait: float | None = None, most: int | None = None, spent: tuple[int, int] = (0, 0)
    ):
        super().__init__(message)
        self.wait, self.most, self.spent = wait, most, spent


class PermanentError(Exception):
    """No reply to this request in any attempt."""


def enough(attempts: int):
    """Return when to stop, as tenacity asks: after `attempts` attempts, or fewer if the error says so."""
    return lambda state: state.attempt_number >= min(attempts, state.outcome.exception().most or attempts)
