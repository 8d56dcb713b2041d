"""Read the choices of a chat completion: text, end, tokens and log-probabilities of each.

choice_of({"message": {"content": "B"}, "finish_reason": "stop", "stop_reason": None}, 0)    # Choice("B", "stop", "")
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from o1lib.formats.characters import mended
from o1lib.models.endpoint.errors import RetryableError
from o1lib.models.endpoint.messages import Choice

_TEXTS = ("text", "output_text")  # kinds of parts that are the answer; thoughts and pictures are not
_LONGEST_FINISH = 40  # characters
_STOP_NAMES = ("stop_reason", "matched_stop")  # of vLLM and of SGLang: the string or the token that ended a choice


def choice_of(choice: Mapping, index: int) -> Choice:
    """Return one choice. Raises RetryableError if its content is not text, and KeyError or TypeError for no choice."""
    text, finish = _text(choice["message"]), mended(str(choice.get("finish_reason") or "")[:_LONGEST_FINISH])
    return Choice(text, finish, _stopped(choice), _drawn(choice), _top(choice), index)


def numbers_of(choices: Sequence[Mapping], n: int) -> list[int]:
    """Return the numbers of a reply's choices, below `n`: their indices, or their order if these cannot be true."""
    named = [choice.get("index") for choice in choices]
    true = all(type(one) is int and 0 <= one < n for one in named) and len(set(named)) == len(named)
    return named if true else list(range(len(named)))


def kept(choices: list[Choice]) -> list[dict]:
    """Return choices as plain values for a log."""
    return [asdict(choice) for choice in choices]


def restored(entries) -> list[Choice]:
    """Return the choices of a log's entry. Raises TypeError, ValueError or KeyError for another form."""
    found = [Choice(**entry | {name: _pairs(entry[name]) for name in ("drawn", "top")}) for entry in entries]
    if not all(isinstance(one.text, str) and isinstance(one.finish, str) for one in found):
        raise TypeError
    return found


def _pairs(values) -> tuple[tuple, ...] | None:
    """Return the pairs that JSON has made lists of."""
    return None if values is None else tuple((one, other) for one, other in values)


def _text(message: Mapping) -> str:
    """Return the answer's text: its parts joined, or the refusal that replaces it."""
    content = message.get("content")
    parts = content if isinstance(content, list) else [content]
    found = [
        part.get("text") if isinstance(part, Mapping) and (part.get("type") or "text") in _TEXTS else part
        for part in parts
    ]
    words = [part for part in found if not isinstance(part, Mapping) and part is not None]
    if not all(isinstance(word, str) for word in words):
        raise RetryableError("the reply's content is not text")
    refusals = [part.get("refusal") for part in (*parts, message) if isinstance(part, Mapping)]
    return mended("".join(words) or "".join(one for one in refusals if isinstance(one, str)))


def _stopped(choice: Mapping) -> str | None:
    """Return the string that ended a choice, "" for a token or the end of the turn, None if nothing is said."""
    named = [choice[name] for name in _STOP_NAMES if name in choice]
    return None if not named else named[0] if isinstance(named[0], str) else ""


def _drawn(choice: Mapping) -> tuple[tuple[int, float], ...] | None:
    """Return length and log-probability of the tokens, None if there are none or they cannot be read."""
    content = _content(choice)
    try:
        return tuple((len(one["token"]), float(one["logprob"])) for one in content) if content else None
    except (KeyError, TypeError, ValueError):
        return None


def _top(choice: Mapping) -> tuple[tuple[str, float], ...]:
    """Return the likeliest first tokens with their log-probabilities."""
    try:
        return tuple((str(one["token"]), float(one["logprob"])) for one in (_content(choice) or [])[0]["top_logprobs"])
    except (KeyError, TypeError, ValueError, IndexError):
        return ()


def _content(choice: Mapping):
    found = choice.get("logprobs")
    return found.get("content") if isinstance(found, Mapping) and isinstance(found.get("content"), list) else None
