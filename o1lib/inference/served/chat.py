"""A conversation as the messages of a chat request, and what comes back as the next words of the reply.

messages(conversation, picture, continues=True)         # its open reply is the last message, of the assistant
messages(conversation, picture, continues=False)        # its open reply is in the last user turn, to be gone on with
"""

from math import inf

from o1lib.formats.stages import STAGES, open_tag
from o1lib.search.segments import Segment, StageSpec
from o1lib.search.types import Conversation

RESENT = "{user}\n\nYour answer so far:\n\n{prefix}\n\nGo on exactly where it stops, and repeat nothing of it."
UP_TO = " Write up to {stop}."


def messages(conversation: Conversation, picture: dict | None, continues: bool, stop: str = "") -> list[dict]:
    """Return the messages of a conversation; `picture` is the content part of its first user turn.

    The beginning of the next reply is the last message if the server `continues` it. Otherwise it is sent again in the
    last user turn, with the request to go on, up to `stop` if that is given.
    """
    users, prefix = list(conversation.users), conversation.prefix
    if prefix and not continues:
        users[-1] = RESENT.format(user=users[-1], prefix=prefix) + (UP_TO.format(stop=stop) if stop else "")
    chat = []
    for k, user in enumerate(users):
        parts = [picture, {"type": "text", "text": user}] if picture and not k else user
        chat.append({"role": "user", "content": parts})
        chat += [{"role": "assistant", "content": reply} for reply in conversation.replies[k : k + 1]]
    return chat + ([{"role": "assistant", "content": prefix}] if prefix and continues else [])


def segment_of(spec: StageSpec, choice, prefix: str, resent: bool = False, whole: bool = False) -> Segment:
    """Return a choice as the segment of a stage, cut at the first of the stage's stops.

    `resent`: the text before it, `prefix`, was sent again in the prompt, so that the choice may repeat it. `whole`: no
    stop was asked for, and the text is kept as it is.
    """
    first = _place_of_new(choice.text, prefix, spec.stage) if resent else 0
    new = choice.text[first:]
    places = [(new.index(stop) + len(stop), stop) for stop in spec.stop if stop in new]
    place, end = min(places, default=(len(new), ""))
    logprob, tokens = _drawn(choice, first, first + place if end and not whole else inf)
    text = new if whole else new[:place]
    text = _set_apart(text, prefix) if resent else text
    if not end and choice.finish == "length":
        end = "length"
    elif not end and not whole:
        end = _left_out(spec, choice, text)
        text += end
    wanted, turn = spec.stop[-1] if spec.stop else "eos", spec.turn is not None
    return Segment(spec.stage, text, logprob, tokens, end or "eos", wanted, turn)


def _drawn(choice, first: float, last: float) -> tuple[float, int]:
    """Return summed log-probability and number of the tokens that begin in this part of a choice's text."""
    at, found = 0, []
    for length, logprob in choice.drawn or ():
        if first <= at < last:
            found.append(logprob)
        at += length
    return sum(found), len(found)


def _left_out(spec: StageSpec, choice, text: str) -> str:
    """Return the stop string that ended a choice and that the server left out, "" for none.

    Where the server does not say, a closing tag is taken to have been written if its tag is open, and any other stop if
    there is text before it.
    """
    if choice.stopped is not None or choice.finish != "stop":
        return choice.stopped if choice.stopped in spec.stop else ""
    for stop in reversed(spec.stop):
        opened = stop.replace("</", "<", 1)
        if opened in text if opened != stop else text.strip():
            return stop
    return ""


def unrepeated(text: str, prefix: str, stage: str = "") -> str:
    """Return what is new in a text that may repeat its beginning, set apart from what stands before it.

    A text that repeats the beginning in other words is taken from the opening tag of `stage` on, if that is given.
    """
    return _set_apart(new_in(text, prefix, stage), prefix)


def new_in(text: str, prefix: str, stage: str = "") -> str:
    """Return what is new in a text that may repeat its beginning, as it is written; arguments as in `unrepeated`."""
    return text[_place_of_new(text, prefix, stage) :]


def _place_of_new(text: str, prefix: str, stage: str) -> int:
    """Return where a text that may repeat `prefix` goes on after it."""
    said, bare = prefix.strip(), text.lstrip()
    if said and bare.startswith(said):
        return len(text) - len(bare) + len(said)
    return max(0, text.find(open_tag(stage))) if stage in STAGES else 0


def _set_apart(text: str, prefix: str) -> str:
    """Return a text with a space or a blank line before it where none is."""
    if not prefix or not text or prefix[-1].isspace() or text[0].isspace():
        return text
    return ("\n\n" if text[0] == "<" else " ") + text
