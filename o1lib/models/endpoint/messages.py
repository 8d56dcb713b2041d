"""What is sent to a served model, what comes back, and what it cost.

request = Request([{"role": "user", "content": "How many?"}], max_tokens=50)
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """A chat request. `schema` asks for JSON of that schema; `key` distinguishes requests that are otherwise equal.

    `temperature` None is the server's default.
    """

    messages: Sequence[Mapping]
    schema: Mapping | None = None
    temperature: float | None = 0.0
    max_tokens: int = 1024
    key: str = ""


@dataclass(frozen=True)
class Reply:
    """The reply to a request.

    `usage` holds {prompt_tokens, completion_tokens}. `cached`: it was in the log. `finish` is the server's reason for
    the end ("length": cut at max_tokens, which `problem` says in words; the text so far is an answer all the same).
    `error` says why there is no answer, "" if there is one.
    """

    text: str
    usage: Mapping[str, int] = field(default_factory=dict)
    cached: bool = False
    error: str = ""
    finish: str = ""

    @property
    def problem(self) -> str:
        """What is wrong with the reply, "" if nothing is."""
        return self.error or ("cut off at the token limit" if self.finish == "length" else "")


@dataclass
class ServedUsage:
    """The usage of this process: replies by calls, replies from the log, requests without a reply, retries, tokens.

    `estimated` counts replies whose reported tokens cannot be true and are estimated. `money` is in the unit of the
    price table, None if the table has no price for the model.
    """

    calls: int = 0
    cached: int = 0
    failed: int = 0
    retries: int = 0
    estimated: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    money: float | None = None

    def facts(self) -> dict:
        """Return the usage as plain values, for a record."""
        return dataclasses.asdict(self)
