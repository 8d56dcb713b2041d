"""What is sent to a served model, what comes back, and what it cost.

request = Request([{"role": "user", "content": "How many?"}], max_tokens=50)
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """A chat request. `schema` asks for JSON of that schema; `key` distinguishes requests that are otherwise equal.

    `temperature` and `top_p` None are the server's defaults. The further fields are for searches: `n` asks for as many
    choices, `stop` holds the strings that end a choice, `top_logprobs` the number of likeliest tokens to name at each
    place (None: no log-probabilities). `continues`: the last message is an open turn of the assistant, which the reply
    continues, as vLLM and SGLang do with `continue_final_message`. `may_be_empty`: a reply without words is an answer.
    """

    messages: Sequence[Mapping]
    schema: Mapping | None = None
    temperature: float | None = 0.0
    max_tokens: int = 1024
    key: str = ""
    n: int = 1
    stop: Sequence[str] = ()
    top_p: float | None = None
    seed: int | None = None
    top_logprobs: int | None = None
    continues: bool = False
    may_be_empty: bool = False

    def more(self) -> dict:
        """Return the fields of the body that a plain question does not have."""
        found = {"n": self.n if self.n > 1 else None, "stop": list(self.stop) or None, "top_p": self.top_p}
        found |= {"seed": self.seed, "logprobs": self.top_logprobs is not None or None}
        found |= {"top_logprobs": self.top_logprobs or None, "continue_final_message": self.continues or None}
        found |= {"add_generation_prompt": False if self.continues else None}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True)
class Choice:
    """One of the continuations in a reply.

    `stopped` is the stop string that ended it, by the server's word: "" for none, None if the server does not say.
    `drawn` holds the number of characters and the log-probability of each of its tokens, None without
    log-probabilities. `top` holds the likeliest first tokens with theirs. `index` is its number among the choices that
    were asked for: others may be missing.
    """

    text: str
    finish: str = ""
    stopped: str | None = None
    drawn: Sequence[tuple[int, float]] | None = None
    top: Sequence[tuple[str, float]] = ()
    index: int = 0


@dataclass(frozen=True)
class Reply:
    """The reply to a request.

    `choices` holds all choices, the first of which is `text`. `usage` holds {prompt_tokens, completion_tokens}, and
    cached_tokens if the server says how much of the prompt it did not read again. `cached`: it was in the log. `finish`
    is the server's reason for the end ("length": cut at max_tokens, which `problem` says in words; the text so far is
    an answer all the same). `error` says why there is no answer, "" if there is one.
    """

    text: str
    usage: Mapping[str, int] = field(default_factory=dict)
    cached: bool = False
    error: str = ""
    finish: str = ""
    choices: Sequence[Choice] = ()

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
