"""One attempt at one request, and its outcome: a reply, a retryable error, a permanent error, or the end of the run.

transport = Transport("http://127.0.0.1:8000/v1", "qwen2.5-vl", timeout=60.0, api_key_env="OPENAI_API_KEY")
transport.call(Request([...]))["text"]
"""

import codecs
import json
import os
import re
import threading
import time
from urllib.parse import urlencode, urlsplit

from o1lib.formats.characters import all_mended
from o1lib.models.endpoint.completion import entry_of, error_in
from o1lib.models.endpoint.errors import PermanentError, RetryableError
from o1lib.models.endpoint.keys import cleaned, scrubbed, split_address
from o1lib.models.endpoint.messages import Request
from o1lib.models.endpoint.patience import within
from o1lib.records import UserError
from o1lib.records.limits import MOST_BYTES_OF_A_REPLY

OPENAI = "https://api.openai.com/v1"
_TRANSIENT = (408, 409, 425, 429)
_PASSING = re.compile(  # words of an error that came with status 200 and that waiting may change
    r"overload|rate.?limit|too many|busy|capacity|try again|time.?out|timed out|unavailable|internal|server.?error",
    re.I,
)
_CODES = {"invalid_api_key": 401, "model_not_found": 404, "context_length_exceeded": 400}
_UNREAD = {"X-Stainless-Raw-Response": "stream"}  # the client then leaves the body to be read here, within bounds


class Transport:
    """The connection to a served model; `timeout` is in seconds, for a whole call.

    Raises UserError for an invalid address, or one that contains a password or a key.
    """

    def __init__(self, base_url: str, model: str, timeout: float, api_key_env: str):
        self.model, self.timeout, self.api_key_env = model, timeout, api_key_env
        self.base_url, self._query = split_address(base_url.strip() or OPENAI, api_key_env)
        self._limit_name, self._made, self._guard = "max_tokens", None, threading.Lock()
        if not model:
            raise UserError("the endpoint's model has no name: give the name of a model on the server.")

    def __str__(self) -> str:
        return f"the endpoint {self.base_url} (model '{self.model}')"

    @property
    def server(self) -> str:
        """The address with its query, by which servers are told apart."""
        return f"{self.base_url.rstrip('/')}?{urlencode(self._query)}"

    def close(self) -> None:
        """Close the connections."""
        if self._made:
            self._made.close()

    def call(self, request: Request) -> dict:
        """Return {model, text, finish, prompt_tokens, completion_tokens}, and `estimated` as `completion.entry_of`.

        Raises RetryableError, PermanentError, or UserError if the run cannot continue.
        """
        import openai

        limit_name, client = self._limit_name, self._client()
        try:
            kind, body = within(self.timeout, self._posted, client, self._body(request, limit_name))
        except openai.APIStatusError as error:
            words, code = _told(error.response)
            if error.status_code == 400 and limit_name == "max_tokens" and "max_completion_tokens" in words:
                self._limit_name = "max_completion_tokens"  # newer models of OpenAI accept only this name
                return self.call(request)
            wait = _seconds(error.response.headers.get("retry-after"))
            raise self._judged(error.status_code, words, code, wait) from None
        except openai.OpenAIError as error:  # also time-outs
            raise RetryableError(f"no connection: {self._cleaned(str(error.__cause__ or error))}") from None
        return self._entry(scrubbed(self._json(kind, body), self._secret()), request)

    def _posted(self, client, body) -> tuple[str, bytes]:
        """Return the content type and the body of the reply. Raises RetryableError if it is cut off or too long."""
        # the client's plain `post`: its typed methods copy and check every message, a millisecond per call
        reply = client.post("/chat/completions", body=body, cast_to=object, options={"headers": _UNREAD})
        until, size, parts = time.monotonic() + self.timeout, 0, []
        try:
            for part in reply.iter_bytes():
                size += len(part)
                parts.append(part)
                if size > MOST_BYTES_OF_A_REPLY or time.monotonic() > until:  # then nobody waits any more
                    raise RetryableError(f"the reply is longer than {MOST_BYTES_OF_A_REPLY / 1e6:.0f} MB or never ends")
        except RetryableError:
            raise
        except Exception as error:  # of whichever library carries the bytes for the client
            raise RetryableError(f"no connection: {self._cleaned(str(error))}") from None
        finally:
            reply.close()
        return reply.headers.get("content-type", ""), b"".join(parts)

    def _json(self, kind: str, body: bytes):
        """Return the JSON of a reply, also under another content type. Raises UserError for text or a web page.

        Raises RetryableError for an empty body and for JSON that is broken.
        """
        body = body.removeprefix(codecs.BOM_UTF8).strip()
        if not body:
            raise RetryableError("the reply is empty")
        if "json" not in kind and not body.startswith(b"{"):
            raise UserError(
                f"{self} answers with text or a web page instead of JSON: give the address of the API, which usually "
                "ends in /v1."
            )
        try:
            return json.loads(body, parse_int=_number)
        except (ValueError, RecursionError) as error:
            raise RetryableError(f"the reply is not JSON: {self._cleaned(str(error))}") from None

    def _body(self, request, limit_name):
        body = {"model": self.model, "messages": list(request.messages), limit_name: request.max_tokens}
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": dict(request.schema), "strict": True},
            }
        return all_mended(body | request.more())

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
                    default_query=self._query,
                    http_client=openai.DefaultHttpxClient(follow_redirects=False),
                )
            return self._made

    def _secret(self):
        return os.environ.get(self.api_key_env, "").strip()

    def _entry(self, reply, request):
        if found := error_in(reply):
            words, code = found
            passing = 429 if _PASSING.search(f"{words} {code}") else 400
            status = int(code) if re.fullmatch(r"[45]\d\d", code) else _CODES.get(code, passing)
            raise self._judged(status, words, code, name="an error in the reply")
        return {"model": self.model} | entry_of(reply, request)

    def _judged(self, status, words, code, wait=None, name=""):
        """Return the exception for a refused call; `name` replaces the status in its message."""
        message, named = self._cleaned(words), name or f"HTTP {status}"
        broke = code == "insufficient_quota"  # a 429 that waiting does not change
        if status in _TRANSIENT and not broke or status >= 500:
            return RetryableError(f"{named}: {message}", wait)
        if 300 <= status < 400:
            return UserError(
                f"{self} redirects elsewhere (HTTP {status}): give the final address as base_url if you trust it; "
                "a key is never sent to another address."
            )
        if status in (401, 403, 404) or broke:
            return UserError(
                f"{self} refused ({named}: {message}): check the key in {self.api_key_env}, the "
                "account, the address and the model's name."
            )
        return PermanentError(f"{named}: {message}")

    def _cleaned(self, text):
        return cleaned(text, self._secret())


def _seconds(text):
    """Return a Retry-After header in seconds, None if it is absent or a date."""
    return float(text) if text and re.fullmatch(r"\d{1,6}(\.\d{1,3})?", text.strip()) else None


def _number(digits: str) -> int | float:
    """Return a whole number of JSON; one with thousands of digits, which Python refuses to read, is infinite."""
    return int(digits) if len(digits) <= 100 else float(digits)


def _told(response) -> tuple[str, str]:
    """Return (words, code) of a refused call: those of its error, otherwise the first characters of its body."""
    try:
        found = error_in(json.loads(response.content, parse_int=_number))
    except (ValueError, RecursionError):
        found = None
    return found or (response.text.strip()[:200] or "the server says nothing more", "")
