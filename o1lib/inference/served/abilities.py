"""What a server can do: found by one probe of a few tokens, or named by hand.

    abilities = probed(endpoint)
    abilities.text()                        # "n yes, stop yes, continuation no, seed yes, logprobs no"
    named("n,stop,continuation")            # without asking

A server that refuses the probe is asked for one ability after the other. `n` and `logprobs` are seen in the reply.
`stop` and `seed` are believed if they are accepted. A server continues an open assistant turn if the flags for it make
the prompt shorter: then the turn was not closed, and no new one begun. Without both prompts' tokens it does not.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from o1lib.models.endpoint import Endpoint, Reply, Request
from o1lib.records import UserError

NONE = "none"


@dataclass(frozen=True)
class Abilities:
    """Whether a server draws `n` choices at once, ends them at `stop` strings, continues an open assistant turn, draws
    under a `seed`, and gives log-probabilities."""

    n: bool = False
    stop: bool = False
    continuation: bool = False
    seed: bool = False
    logprobs: bool = False

    def text(self) -> str:
        """Return the abilities in a few words."""
        return ", ".join(f"{name} {'yes' if able else 'no'}" for name, able in asdict(self).items())

    def consequences(self) -> str:
        """Return what is done in place of what is lacking, in a sentence for each."""
        lacking = {
            "n": "Every candidate takes a request of its own.",
            "stop": "A stage is cut here where it ends, and what follows is paid for.",
            "continuation": "The text so far is sent again in the prompt, with the request to go on.",
            "seed": "The same search, asked anew, draws other candidates.",
            "logprobs": "No judge can read likelihoods.",
        }
        return " ".join(words for name, words in lacking.items() if not getattr(self, name))


NAMES = tuple(asdict(Abilities()))
_CHAT = [
    {"role": "user", "content": "Count to ten."},
    {"role": "assistant", "content": "One, two, three,"},
]
_WITH = {
    "n": {"n": 2},
    "stop": {"stop": ("ten",)},
    "continuation": {"continues": True},
    "seed": {"seed": 1},
    "logprobs": {"top_logprobs": 2},
}
_PLAIN = Request(_CHAT, temperature=1.0, max_tokens=2, key="abilities", may_be_empty=True)


def named(names: str | Sequence[str]) -> Abilities:
    """Return the abilities with these names, between commas or plus signs, or in a list; "none" for none.

    Raises UserError for another name.
    """
    given = re.split(r"[,+\s]+", names) if isinstance(names, str) else [str(name).strip() for name in names]
    words = [word for word in given if word and word != NONE]
    if unknown := [word for word in words if word not in NAMES]:
        raise UserError(f"unknown ability '{unknown[0]}' of a server: name those of {', '.join(NAMES)}, or {NONE}")
    return Abilities(**dict.fromkeys(words, True))


def probed(endpoint: Endpoint) -> Abilities:
    """Ask a server for everything at once, and return what it did.

    Raises UserError for a server that answers none of the requests, and as `Endpoint.ask` does.
    """
    everything = replace(_PLAIN, **{name: value for fields in _WITH.values() for name, value in fields.items()})
    bare, full = endpoint.ask([_PLAIN, everything])
    if not full.error:
        return _seen(full, bare, NAMES)
    replies = list(endpoint.ask([replace(_PLAIN, **_WITH[name]) for name in NAMES]))
    if bare.error and all(reply.error for reply in replies):
        raise UserError(f"the server of {endpoint.model} answers no request ({bare.error}): check that it runs")
    found = [_seen(reply, bare, (name,)) for name, reply in zip(NAMES, replies, strict=True)]
    return Abilities(**{name: any(getattr(one, name) for one in found) for name in NAMES})


def _seen(reply: Reply, bare: Reply, asked: tuple[str, ...]) -> Abilities:
    """Return what the reply shows of the abilities that were asked for; `bare` is the reply to the plain request."""
    if reply.error:
        return Abilities()
    read, plain = (one.usage.get("prompt_tokens", 0) for one in (reply, bare))
    seen = {
        "n": len(reply.choices) > 1,
        "stop": True,
        "continuation": not bare.error and 0 < read < plain,  # nothing to compare with: not believed
        "seed": True,
        "logprobs": reply.choices[0].drawn is not None,
    }
    return Abilities(**{name: seen[name] for name in asked})
