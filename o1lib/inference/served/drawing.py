"""The candidates of one generation request while a server draws them, a request or more for each of their parts.

    drawing = Drawing(decoder, request)
    while asks := drawing.asks():
        for ask in asks:
            ask.take(reply)                 # the reply to ask.request
    drawing.candidates()

All candidates that continue the same words share one request if the server draws `n` choices. Choices that are missing
in its reply are asked for one by one, under their own numbers.
"""

from dataclasses import dataclass, replace

from o1lib.inference.served.chat import new_in, segment_of
from o1lib.models.endpoint import Reply, Request
from o1lib.search.segments import FAILED, Segment, StageSpec, next_stage
from o1lib.search.types import Candidate, Conversation, GenerationRequest, Usage


def parts_of(stages: tuple[StageSpec, ...], by_stage: bool) -> tuple[StageSpec, ...]:
    """Return what is asked for at a time: every stage, or else all stages of a turn together as "all"."""
    if by_stage:
        return stages
    turns = []
    for spec in stages:
        if turns and spec.turn is None:
            turns[-1].append(spec)
        else:
            turns.append([spec])
    return tuple(turn[0] if len(turn) == 1 else _together(turn) for turn in turns)


def _goes_on(part: StageSpec, text: str) -> bool:
    """Whether a text goes on after the first stop of its stage."""
    return any(text.partition(stop)[2].strip() for stop in part.stop)


def _together(turn: list[StageSpec]) -> StageSpec:
    return StageSpec("all", turn[-1].stop, turn[0].turn, sum(spec.length_factor for spec in turn))


@dataclass
class Row:
    """One candidate: its part (None once it is finished), the conversation up to there, its segments and its cost."""

    index: int
    conversation: Conversation
    at: int | None = 0
    segments: tuple = ()
    cost: Usage = Usage()
    failed: bool = False

    def opened(self, turn: str | None) -> Conversation:
        """Return the conversation with the user turn of the next part, if it has one."""
        one = self.conversation
        if turn is None:
            return one
        return replace(one, users=(*one.users, turn), replies=(*one.replies, one.prefix), prefix="")


@dataclass(frozen=True)
class Ask:
    """One HTTP request and the rows that its choices continue."""

    drawing: "Drawing"
    rows: tuple[Row, ...]
    request: Request

    def take(self, reply: Reply) -> None:
        """Give every row its choice. Rows without one wait for a request of their own."""
        self.drawing.take(self.rows, reply)


class Drawing:
    """The candidates of `request`; `decoder` builds requests and counts what they cost."""

    def __init__(self, decoder, request: GenerationRequest):
        self.decoder, self.request, self.alone = decoder, request, False
        self.parts = parts_of(request.stages, decoder.by_stage)
        start = request.state or decoder.opening(request.task)
        self.rows = [Row(request.first + k, start) for k in range(request.n)]

    def asks(self) -> list[Ask]:
        """Return the next requests, none once all rows are finished, or have begun and the budget is spent."""
        left = self.request.budget - sum(row.cost.processed for row in self.rows)
        spent = self.request.budget and left <= 0
        rows = [row for row in self.rows if row.at is not None and not (spent and row.segments)]
        shared = len(rows) > 1 and not self.alone and self.decoder.draws_together(self.request)
        self.alone = True  # after the first request the rows differ
        groups = [tuple(rows)] if shared else [(row,) for row in rows]
        return [self._ask(group, max(1, left // len(rows))) for group in groups]

    def _ask(self, rows: tuple[Row, ...], room: int) -> Ask:
        """Return the request for the next part of these rows, each of which has room for so many tokens."""
        part, row = self.parts[rows[0].at], rows[0]
        most = self.decoder.max_new_tokens * part.length_factor
        if self.request.budget:
            most = min(most, room)
        conversation, stop = row.opened(part.turn), () if self._whole(part) else part.stop
        how = {"n": len(rows), "stop": stop, "most": most, "greedy": self.request.greedy}
        plain = not (stop or conversation.prefix or self.request.first) and self.request.n == 1
        key = self.request.task.qid, part.stage, row.index
        return Ask(self, rows, self.decoder.asked(conversation, key, plain=plain, **how))

    def _whole(self, part: StageSpec) -> bool:
        return part not in self.request.stages

    def take(self, rows: tuple[Row, ...], reply: Reply) -> None:
        """Continue the rows by the choices of a reply; if there is no reply they end here."""
        part = self.parts[rows[0].at]
        for row in rows if reply.error else ():
            row.segments = (*row.segments, Segment(part.stage, "", end=FAILED, turn=part.turn is not None))
            row.at, row.failed = None, True
        for choice, (cost, tokens) in zip(reply.choices, self.decoder.paid(self.request.task.qid, reply)):
            row = rows[choice.index]
            conversation = row.opened(part.turn)
            resent = self.decoder.resends(conversation)
            segment = segment_of(part, choice, conversation.prefix, resent, self._whole(part))
            new = new_in(choice.text, conversation.prefix, part.stage) if resent else choice.text
            self.decoder.overran += not self._whole(part) and _goes_on(part, new)
            row.conversation = replace(conversation, prefix=conversation.prefix + segment.text)
            segment = segment if choice.drawn else replace(segment, tokens=tokens)
            row.segments, row.cost = (*row.segments, segment), row.cost + cost
            row.at = next_stage(self.parts, row.at, segment.end in ("eos", "length"))

    def candidates(self) -> list[Candidate]:
        """Return the candidates that a server answered, or one that says that it did not."""
        good = [row for row in self.rows if not row.failed] or self.rows[:1]
        return [Candidate(row.index, row.segments, row.conversation, row.cost) for row in good]
