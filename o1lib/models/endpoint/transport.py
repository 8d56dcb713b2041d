"""One attempt at one request, and its outcome: a reply, a retryable error, a permanent error, or the end of the run.

transport = Transport("http://127.0.0.1:8000/v1", "qwen2.5-vl", timeout=60.0, api_key_env="OPENAI_API_KEY")
transport.call(Request([...]))["text"]
"""

import dataclasses
import json
import os
import re
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from o1lib.records import UserError

OPENAI = "https://api.openai.com/v1"
_TRANSIENT = (408, 409, 425, 429)


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
    the end ("length": cut at max_tokens). `error` says why there is no answer, "" if there is one.
    """

    text: str
    usage: Mapping[str, int] = field(default_factory=dict)
    cached: bool = False
    error: str = ""
    finish: str = ""


@dataclass
class ServedUsage:
    """The usage of this process: replies by calls, replies from the log, requests without a reply, retries, tokens.

    `money` is in the unit of the price table, None if the table has no price for the model.
    """

    calls: int = 0
    cached: int = 0
    failed: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    money: float | None = None

    def facts(self) -> dict:
        """Return the usage as plain values, for a record."""
        return dataclasses.asdict(self)


class RetryableError(Exception):
    """No reply, but the next attempt may get one, after `wait` seconds (None: the server did not say)."""

    def __init__(self, message: str, wait: float | None = None):
        super().__init__(message)
        self.wait = wait


class PermanentError(Exception):
    """No reply to this request in any attempt."""


class Transport:
    """The connection to a served model. Raises UserError for an invalid address, or one that contains a password."""

    def __init__(self, base_url: str, model: str, timeout: float, api_key_env: str):
        self.base_url, self.model, self.timeout = base_url.strip() or OPENAI, model, timeout
        self.api_key_env, self._limit_name = api_key_env, "max_tokens"
        self._made, self._guard = None, threading.Lock()
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise UserError(
                f"base_url of model '{model}' must be an address such as http://127.0.0.1:8000/v1, "
                f"without user name and password; put the key into the environment variable {api_key_env}."
            )
        if not model:
            raise UserError("the endpoint's model has no name: give the name of a model on the server.")

    def __str__(self) -> str:
        return f"the endpoint {self.base_url} (model '{self.model}')"

    def close(self) -> None:
        """Close the connections."""
        if self._made:
            self._made.close()

    def call(self, request: Request) -> dict:
        """Return {model, text, finish, prompt_tokens, completion_tokens}.

        Raises RetryableError, PermanentError, or UserError if the run cannot continue.
        """
        import openai

        limit_name = self._limit_name
        try:
            # the client's plain `post`: its typed methods copy and check every message, a millisecond per call
            reply = self._client().post("/chat/completions", body=self._body(request, limit_name), cast_to=object)
        except openai.APIStatusError as error:
            if error.status_code == 400 and limit_name == "max_tokens" and "max_completion_tokens" in str(error):
                self._limit_name = "max_completion_tokens"  # newer models of OpenAI accept only this name
                return self.call(request)
            raise self._judged(error) from None
        except openai.APIConnectionError as error:  # also time-outs and replies that were cut off
            raise RetryableError(f"no connection: {self._cleaned(str(error.__cause__ or error))}") from None
        except UserError:
            raise
        except (ValueError, RecursionError, openai.OpenAIError) as error:
            raise RetryableError(f"the reply is not JSON: {self._cleaned(str(error))}") from None
        return self._entry(self._page(reply) if isinstance(reply, str) else reply)

    def _page(self, text):
        """Return the JSON in a reply with another content type. Raises UserError for a web page."""
        if text.lstrip().startswith("{"):
            with suppress(ValueError, RecursionError):
                return json.loads(text)
        raise UserError(
            f"{self} answers with text or a web page instead of JSON: give the address of the API, which usually "
            "ends in /v1."
        )

    def _body(self, request, limit_name):
        body = {"model": self.model, "messages": list(request.messages), limit_name: request.max_tokens}
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": dict(request.schema), "strict": True},
            }
        return body

    def _client(self):
        import openai

        with self._guard:
            if self._made is None:
                secret = self._secret()
                if not secret and urlsplit(self.base_url).hostname == urlsplit(OPENAI).hostname:
                    raise UserError(f"{self} needs a key: set the environment variable {self.api_key_env}.")
                self._made = openai.OpenAI(
                    base_url=self.base_url,
                    api_key=secret or "none",
                    timeout=self.timeout,
                    max_retries=0,
                    http_client=openai.DefaultHttpxClient(follow_redirects=False),
                )
            return self._made

    def _secret(self):
        return os.environ.get(self.api_key_env, "").strip()

    def _entry(self, reply):
        try:
            choice, usage = reply["choices"][0], reply.get("usage") or {}
            message = choice["message"]
            text = message.get("content")
            text = message.get("refusal") or "" if text is None else text
            entry = {"model": self.model, "text": text, "finish": str(choice.get("finish_reason") or "")}
            entry |= {name: int(usage.get(name) or 0) for name in ("prompt_tokens", "completion_tokens")}
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            raise RetryableError("the reply is not a chat completion") from None
        if not isinstance(text, str):
            raise RetryableError("the reply's content is not text")
        return entry

    def _judged(self, error):
        """Return the exception for a refused call."""
        status, message = error.status_code, self._cleaned(str(error))
        broke = error.code == "insufficient_quota"  # a 429 that waiting does not change
        if status in _TRANSIENT and not broke or status >= 500:
            return RetryableError(f"HTTP {status}: {message}", _seconds(error.response.headers.get("retry-after")))
        if 300 <= status < 400:
            return UserError(
                f"{self} redirects elsewhere (HTTP {status}): give the final address as base_url if you trust it; "
                "a key is never sent to another address."
            )
        if status in (401, 403, 404) or broke:
            return UserError(
                f"{self} refused (HTTP {status}: {message}): check the key in {self.api_key_env}, the "
                "account, the address and the model's name."
            )
        return PermanentError(f"HTTP {status}: {message}")

    def _cleaned(self, text):
        """Return a server's message in one short line, without anything that looks like a key."""
        text = text.replace(self._secret(), "***") if self._secret() else text
        return " ".join(re.sub(r"\bsk-[\w*-]+", "***", text).split())[:200]


def _seconds(text):
    """Return a Retry-After header in seconds, None if it is absent or a date."""
    return float(text) if text and re.fullmatch(r"\d{1,6}(\.\d{1,3})?", text.strip()) else None
