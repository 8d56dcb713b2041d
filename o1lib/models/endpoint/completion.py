"""Read the body of a chat completion: its text, why it ended and its tokens, or what is wrong with it.

entry_of({"choices": [{"message": {"content": "B"}, "finish_reason": "stop"}]}, request)["text"]     # "B"
error_in({"error": {"message": "context exceeded"}})                                # ("context exceeded", "")

Servers differ: the text may be a list of parts, an error may come with status 200, and counts of tokens may be absent
or absurd. A reply without any text of its own is no answer, even if the server calls it a success.
"""

import json
from collections.abc import Mapping, Sequence

from o1lib.formats.characters import mended
from o1lib.formats.thoughts import without_thoughts
from o1lib.models.endpoint.choices import choice_of, kept, numbers_of, restored
from o1lib.models.endpoint.errors import RetryableError
from o1lib.models.endpoint.messages import Choice, Reply, Request
from o1lib.records.limits import MOST_TOKENS_OF_A_REPLY

EMPTY_TRIES = 3  # attempts at a request whose replies hold no text: each of them is paid for
_FILTERED = ("content_filter", "safety", "image_safety", "prohibited_content", "recitation", "blocklist", "sensitive")
_BROKEN = ("abort", "error", "insufficient_system_resource", "cancelled", "network_error")
_CHARACTERS = 4  # of a token, roughly: where a server's count cannot be true


def entry_of(reply, request: Request) -> dict:
    """Return {text, finish, prompt_tokens, completion_tokens} of a reply to `request`, and its `choices` if asked for.

    `estimated` is added if a count of tokens cannot be true: then it is one token for four characters. Choices that are
    no answer are left out, and the others keep their numbers. Raises RetryableError for another form, and for a reply
    without text or one that the server filtered or broke off. Its `spent` holds the tokens that such a reply cost. A
    text that ends at the token limit is an answer: its `finish` is "length", which `Reply.problem` names.
    """
    try:
        given = reply["choices"][: request.n]
        found = [(choice_of(choice, k), choice["message"]) for k, choice in zip(numbers_of(given, request.n), given)]
        usage = reply.get("usage")
        usage = usage if isinstance(usage, Mapping) else {}
        read, written = map(usage.get, ("prompt_tokens", "completion_tokens"))
        texts = [one.text for one, _ in found] or [reply["choices"][0]]
    except (AttributeError, IndexError, KeyError, TypeError):
        raise RetryableError("the reply is not a chat completion") from None
    counts = _counts({"prompt_tokens": (read, _sent(request)), "completion_tokens": (written, "".join(texts))})
    if cached := _cached(usage):
        counts["cached_tokens"] = min(cached, counts["prompt_tokens"])
    lacks = [_lack(one.text, one.finish, message, request.max_tokens, request.may_be_empty) for one, message in found]
    good = [one for (one, _), lack in zip(found, lacks) if not lack]
    if not good:
        raise RetryableError(lacks[0], most=EMPTY_TRIES, spent=(counts["prompt_tokens"], counts["completion_tokens"]))
    entry = {"text": good[0].text, "finish": good[0].finish} | counts
    return entry | ({"choices": kept(good)} if request.more() or request.may_be_empty else {})


def is_answer(entry: Mapping) -> bool:
    """Return whether an entry of a log is an answer, by the same rule as for a reply that has just come.

    Raises TypeError, ValueError or KeyError for choices of another form.
    """
    if "choices" in entry:
        return bool(restored(entry["choices"]))
    return not _lack(entry["text"], str(entry.get("finish") or ""), {}, 0)


def reply_of(entry: Mapping, cached: bool = False) -> Reply:
    """Return an entry, perhaps from a log, as a reply."""
    usage = {name: token_count(entry.get(name)) or 0 for name in ("prompt_tokens", "completion_tokens")}
    usage |= {"cached_tokens": token_count(entry["cached_tokens"]) or 0} if "cached_tokens" in entry else {}
    text, finish = mended(entry["text"]), str(entry.get("finish") or "")
    choices = restored(entry["choices"]) if "choices" in entry else [Choice(text, finish)]
    return Reply(text, usage, cached, finish=finish, choices=choices)


def _lack(text: str, finish: str, message: Mapping, limit: int, may_be_empty: bool = False) -> str:
    """Return why a reply is no answer, "" if it is one."""
    reason = finish.lower()
    if reason in (*_FILTERED, *_BROKEN):
        what = "filtered the reply" if reason in _FILTERED else "broke off the reply"
        return f"the server {what} (finish_reason {finish})"
    if may_be_empty or without_thoughts(text).strip():
        return ""
    if finish == "length":
        return f"the token limit was reached before any text (max_tokens is {limit:,}): raise it"
    thought = text.strip() or any(message.get(name) for name in ("reasoning", "reasoning_content"))
    return "the reply holds thoughts but no text" if thought else "the reply is empty"


def token_count(value) -> int | None:
    """Return a count of tokens, None if it is no whole number from 0 to the largest that can be true."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST_TOKENS_OF_A_REPLY:
        return None
    return int(value)


def _counts(given: Mapping[str, tuple]) -> dict:
    """Return the counts of tokens; what a server does not report is 0, and what cannot be true is estimated."""
    entry, estimated = {}, False
    for name, (count, text) in given.items():
        found = 0 if count is None else token_count(count)
        estimated |= found is None
        entry[name] = len(text) // _CHARACTERS + 1 if found is None else found
    return entry | ({"estimated": True} if estimated else {})


def _cached(usage: Mapping) -> int:
    """Return the tokens of the prompt that the server took from its cache, 0 if it does not say."""
    details = usage.get("prompt_tokens_details")
    return token_count(details.get("cached_tokens")) or 0 if isinstance(details, Mapping) else 0


def _sent(request: Request) -> str:
    """Return the texts of a request, without its pictures."""
    contents = [message.get("content") or "" for message in request.messages]
    parts = [part for content in contents for part in ([content] if isinstance(content, str) else content)]
    return "".join(part if isinstance(part, str) else part.get("text", "") for part in parts)


def error_in(reply) -> tuple[str, str] | None:
    """Return (words, code) of an error in a body, None if there is none.

    An error all of whose fields are 0, empty or null is none.
    """
    if isinstance(reply, list) and reply:
        reply = reply[0]
    if not isinstance(reply, Mapping):
        return None
    choices = reply.get("choices")
    first = choices[0] if isinstance(choices, Sequence) and choices and isinstance(choices[0], Mapping) else {}
    found = next(filter(_says_something, (reply.get("error"), first.get("error"))), None)
    if not found and (reply.get("object") == "error" or not choices):
        found = reply if reply.get("message") else reply.get("detail")
    if not found:
        return None
    if not isinstance(found, Mapping):
        return str(found), ""
    words = found.get("message") or found.get("detail") or json.dumps(found, default=str)
    return str(words), str(found.get("code") or found.get("type") or "")


def _says_something(error) -> bool:
    return any(error.values()) if isinstance(error, Mapping) else bool(error)
