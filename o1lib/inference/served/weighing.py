"""What a reply cost, shared out over its choices, and the weight of options among the likeliest first tokens.

shares(reply)                               # the tokens of each choice
weights([" 1", " 2"], choice.top)           # their log-probabilities
"""

from collections.abc import Sequence
from math import inf, isfinite

from o1lib.models.endpoint import Reply


def shares(reply: Reply) -> list[int]:
    """Return the tokens of each choice; without log-probabilities, shares of all by the length of the texts."""
    counts = [len(choice.drawn) for choice in reply.choices if choice.drawn is not None]
    if len(counts) == len(reply.choices):
        return counts
    total, length = reply.usage.get("completion_tokens", 0), sum(len(choice.text) for choice in reply.choices)
    ends, so_far = [0], 0
    for choice in reply.choices:
        so_far += len(choice.text)
        ends.append(round(total * so_far / length) if length else 0)
    ends[-1] = total
    return [after - before for before, after in zip(ends, ends[1:])]


def weights(options: Sequence[str], top: Sequence[tuple[str, float]]) -> list[float]:
    """Return the log-probability of each option's first token, minus infinity if the server names no tokens.

    `top` holds the likeliest tokens. An option whose token is not among them gets the log-probability of the last.
    """
    found = [_first(option.strip(), top) for option in options]
    least = min((logprob for _, logprob in top), default=-inf)
    return [one if isfinite(one) else least for one in found]


def _first(word: str, top) -> float:
    """Return the log-probability of the longest token that the word begins with."""
    bare = [(token.strip(), logprob) for token, logprob in top]
    fitting = [(len(token), logprob) for token, logprob in bare if token and word.startswith(token)]
    return max(fitting)[1] if fitting else -inf
