"""Start a reply for the model: stages of a chain that it has to continue, or after which it has to answer at once.

    start = continued(item, "tags", ("summary", "caption"))        # the model goes on with its reasoning
    start = answering(item.question, stages, "tags")               # the model gives its answer
    request = ask(item, start)                                     # about the item's own picture
    read_answer(request, reply([request])[0], "tags", item.options)

A request holds all that a model is told, so that a probe needs no model and a test can reply by any rule.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple

from o1lib.formats.chat import FORMATS
from o1lib.formats.stages import STAGES
from o1lib.scoring import extract

CHAIN = STAGES[:-1]


class Start(NamedTuple):
    """The user turns of a question, the model's forced replies to the first of them, and the start of its next one."""

    users: tuple[str, ...]
    replies: tuple[str, ...] = ()
    prefix: str = ""


@dataclass(frozen=True)
class Request:
    """What a model is asked: a `Start` and a picture.

    `shown` names the picture, "" for none. `image` is a PIL picture or a file. With `gray` it is replaced by a gray
    picture of its size. With `masked` the tokens after the forced start do not see it.
    """

    users: tuple[str, ...]
    replies: tuple[str, ...]
    prefix: str
    shown: str
    image: Any = field(compare=False, repr=False)
    gray: bool = False
    masked: bool = False


Reply = Callable[[Sequence[Request]], Sequence[str | None]]  # None: a server lost the reply


def ask(item, start: Start, *, gray: bool = False, masked: bool = False, picture: bool = True) -> Request:
    """Return the request that shows the picture of `item`, a gray one, or with `picture` False none."""
    return Request(*start, item.qid if picture else "", item.image if picture else None, gray, masked)


def chain_stages(format: str) -> tuple[str, ...]:
    """Return the stages that a format writes before its answer, in order; () if none, or in any order."""
    return tuple(stage for stage in FORMATS[format].stage_ends if stage != STAGES[-1])


def fresh(question: str, format: str) -> Start:
    """Return the start of a free reply: the question alone."""
    return Start(tuple(FORMATS[format].prompts(question, STAGES)))


def continued(item, format: str, stages: Sequence[str], steps: Sequence[str] = ()) -> Start:
    """Return a reply that holds these first `stages` of the item's chain, from where the model goes on.

    With `steps` the reasoning is open after them: the model may write more steps.
    """
    entry, given = FORMATS[format], tuple(stage for stage in chain_stages(format) if stage in stages)
    users, texts = fresh(item.question, format).users, {stage: item.stages[stage] for stage in given}
    begun = ". ".join(steps) + "." if steps else ""
    if entry.by_turn:
        return Start(users, tuple(texts.values()), begun)
    if not begun:
        return Start(users, (), _written(item.question, texts, format))
    whole = _written(item.question, texts | {"reasoning": begun}, format)
    return Start(users, (), whole[: whole.rindex(begun) + len(begun)])


def answering(question: str, texts: Mapping[str, str], format: str) -> Start:
    """Return a reply that holds the stages `texts` as its whole chain, so that only the answer can follow."""
    entry, own = FORMATS[format], chain_stages(format)
    texts = {stage: texts[stage] for stage in own if stage in texts}
    view = SimpleNamespace(question=question, answer="", stages=texts | {STAGES[-1]: "answer"})
    exchanges = entry.exchanges(view, (*texts, STAGES[-1]), None)
    if entry.by_turn:
        return Start(tuple(user for user, _ in exchanges), tuple(reply for _, reply in exchanges[:-1]))
    return Start(fresh(question, format).users, (), entry.before_answer(exchanges[0][1]))


def read_answer(request: Request, text: str, format: str, options: Sequence[str]) -> str | None:
    """Return the answer that the model gave after the forced start; None if there is no readable one.

    The forced words themselves are never read as the model's answer.
    """
    if not text.strip():
        return None
    entry = FORMATS[format]
    found = entry.answer(text if entry.by_turn else request.prefix + text)
    return extract(found if len(found) <= len(text) else entry.answer(text), options).value


def _written(question, texts, format):
    """Return the target text of these stages up to the end of the last one."""
    if not texts:
        return ""
    view = SimpleNamespace(question=question, answer="", stages=texts)
    text = FORMATS[format].exchanges(view, tuple(texts), None)[0][1]
    end = FORMATS[format].stage_ends[tuple(texts)[-1]]
    return text if text.endswith(end) else text + end
