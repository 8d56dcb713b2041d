"""Let a real model reply to the requests of probes, with the picture hidden from later tokens where that is asked.

    reply = replies(decoder, "tags")                # greedy, by o1lib.inference.decoder.Decoder
    reply([ask(item, start, masked=True)])          # ["\\n\\n<REASONING> ... </CONCLUSION>"]

The mask is exact in both kinds of model. Mllama sees its picture through cross-attention layers, which are left out for
the tokens after the forced start. (A cross-attention mask of zeros would not do: transformers turns a fully masked row
into one that attends to everything.) In other models the picture is a run of tokens, whose keys and values are taken
out of the cache. Either way the tokens of the forced start were read with the picture, and are not changed.
"""

from collections.abc import Sequence
from dataclasses import replace

from o1lib.data.images import grey, picture_of
from o1lib.evaluation.probes.forced import Reply, Request
from o1lib.formats.chat import FORMATS
from o1lib.formats.stages import STAGES
from o1lib.inference.candidate import CandidateDecoding
from o1lib.inference.kv_cache import RowState
from o1lib.records import UserError
from o1lib.search.segments import FAILED, StageSpec
from o1lib.search.types import Conversation, GenerationRequest, Task


def replies(decoder, format: str) -> Reply:
    """Return the `reply` of a suite for the model of a batched `decoder`: greedy, turn by turn, until the turns end.

    A text has all that the model wrote after the forced start, turns joined by blank lines. Raises UserError for a
    decoder of the other engine, which keeps no cache from which a reply could be forced.
    """
    if not hasattr(decoder, "prefiller"):
        raise UserError(
            f"probes need the batched engine{f', and {decoder.why}' if decoder.why else ''}: name another model"
        )
    spec = StageSpec("reply", length_factor=_stages(format))

    def written(open_requests, chats, turn, places):
        return _decoded(decoder, _states(decoder, open_requests, chats), spec)

    return _turn_by_turn(decoder, written)


def replies_by_turn(decoder, format: str) -> Reply:
    """Return the `reply` of a suite for any decoder with a `reply` of its own, greedy, turn by turn.

    It takes decoders without a cache that could be forked, and those that ask a server. Pictures cannot be masked. A
    reply that a server lost is None.
    """

    def written(open_requests, chats, turn, places):
        chats = [_opened(decoder, chat) for chat in chats]
        keys = [f"{turn}/{k}" for k in places]
        replied = decoder.reply(chats, keys, greedy=True, stages=_stages(format))
        return [None if found.segments[-1].end == FAILED else found.text for found in replied]

    return _turn_by_turn(decoder, written)


def _opened(decoder, chat: Conversation) -> Conversation:
    """Return a chat whose first turn asks for stages in words, if the decoder is one that asks so."""
    if not hasattr(decoder, "opening"):
        return chat
    return replace(chat, users=(*decoder.opening(chat.task).users, *chat.users[1:]))


def _stages(format: str) -> int:
    """Return for how many stages one reply needs room."""
    return len(STAGES) if FORMATS[format].staged else 1


def _turn_by_turn(decoder, written) -> Reply:
    """Return the `reply` of a suite: `written` returns the texts of one turn, for the requests that are still open."""

    def reply(requests: Sequence[Request]) -> list[str | None]:
        """Return the text that completes each request, None where a server lost one of its turns."""
        said = [[] for _ in requests]
        tasks = [_task(request) for request in requests]
        for turn in range(max((len(one.users) for one in requests), default=0)):
            open = [
                k for k, one in enumerate(requests) if len(one.replies) <= turn < len(one.users) and None not in said[k]
            ]
            chats = [_conversation(tasks[k], requests[k], said[k]) for k in open]
            for k, text in zip(open, written([requests[k] for k in open], chats, turn, open)):
                said[k].append(text)
        decoder.forget()
        return [None if None in texts else "\n\n".join(texts) for texts in said]

    return reply


def without_picture(state: RowState, runner) -> RowState:
    """Return a state from which later tokens do not see the picture; the tokens read so far are as they were.

    `runner` is the ModelRunner that read the state.
    """
    if runner.cross_layers:
        return replace(state, picture=None)
    kept = [k for k, token in enumerate(state.ids) if token != runner.image_token]
    ids = tuple(state.ids[k] for k in kept)
    removed = len(state.ids) - len(kept)
    return replace(state, ids=ids, kv=state.kv[..., kept, :], shift=state.shift + removed)


def _task(request):
    image = picture_of(request) if request.shown else None
    return Task(
        f"{request.shown}/{'gray' * request.gray}", "", grey(image) if request.gray else image, (), request.users[0]
    )


def _conversation(task, request, said):
    """Return the chat up to the model's next turn; `said` are the turns that it has written so far."""
    first = [request.prefix + text for text in said[:1]]
    replies = (*request.replies, *first, *said[1:])
    prefix = "" if said else request.prefix
    return Conversation(task, request.users[: len(replies) + 1], replies, prefix, picture=bool(request.shown))


def _states(decoder, requests, chats):
    """Return the model's state after each chat, read up to where it speaks."""
    with decoder.reading():
        states = _read(decoder, chats)
        for k, request in enumerate(requests):
            if request.masked and request.shown:
                states[k] = _masked(decoder, request, chats[k], states[k])
    return states


def _masked(decoder, request, chat, state):
    """Return the state of a chat in which all after the forced start was read without the picture.

    Raises UserError if a turn has other tokens once another turn follows it.
    """
    users, replies, prefix = request.users[: len(request.replies) + 1], request.replies, request.prefix
    if replies and not prefix:  # the forced start ends with the last reply
        users, replies, prefix = users[:-1], replies[:-1], replies[-1]
    if (users, replies, prefix) == (chat.users, chat.replies, chat.prefix):
        return without_picture(state, decoder.runner)
    [seen] = _read(decoder, [Conversation(chat.task, users, replies, prefix)])
    if state.ids[: len(seen.ids)] != seen.ids:
        raise UserError("the tokens of a turn change with the next turn, so the picture cannot be masked after it")
    hidden = without_picture(seen, decoder.runner)
    return decoder.runner.extend([hidden], [list(state.ids[len(seen.ids) :])])[0]


def _read(decoder, chats):
    states = [None] * len(chats)
    for part in decoder.prefiller.read(chats):
        for numbers, state, _ in part:
            for k in numbers:
                states[k] = state
    return states


def _decoded(decoder, states, spec):
    """Return the greedy text after each state."""
    rows = []
    for k, state in enumerate(states):
        request = GenerationRequest(Task(str(k), "", None, (spec,)), None, (spec,), greedy=True)
        rows.append(CandidateDecoding(decoder, request, 0, state))
    with decoder.reading():
        for pictured in (True, False):  # rows with and without a picture cannot share a batch
            decoder.new_batch().run([row for row in rows if (row.state.picture is not None) == pictured])
    return [row.candidate().text for row in rows]
