"""The records of a search: what is asked of a model, what it proposes, who judged what, and what was kept.

Searches (search.py), the decoder (decode.py) and the judges (judge.py) speak to each other in these
words only, so that each can be replaced: a toy proposer and a toy judge drive the same control flow.

    task = Task("q1", "How many dots?", picture, (Step("caption", ("</CAPTION>",)), Step("conclusion")))
    Propose(task, None, task.stages[:1], n=4)        # four captions of one question
"""

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from o1lib.search.segments import Segment, StageSpec, join_segments, turn_texts


@dataclass(frozen=True)
class Usage:
    """What was paid: tokens, rows through the vision tower, calls of a model, seconds (a share of the batch's)."""

    generated: int = 0
    judge: int = 0  # tokens read and written in order to judge
    prefilled: int = 0  # prompt tokens read in order to propose
    images: int = 0
    calls: int = 0
    seconds: float = field(default=0.0, compare=False)  # wall time never repeats

    @property
    def processed(self) -> int:
        """All tokens that a model read or wrote: generated, for judging, of prompts."""
        return self.generated + self.judge + self.prefilled

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(mine + its for mine, its in zip(self.astuple(), other.astuple())))

    def astuple(self) -> tuple:
        """Return the six numbers in the order of their fields."""
        return self.generated, self.judge, self.prefilled, self.images, self.calls, self.seconds


@dataclass(frozen=True)
class Task:
    """One question about one picture, and the stages of its format; `prompt`: the first user turn if it says more."""

    qid: str
    question: str
    image: Any = field(repr=False)
    stages: tuple[StageSpec, ...]
    prompt: str = ""

    @property
    def opening(self) -> str:
        """Return the first user turn."""
        return self.prompt or self.question


@dataclass(frozen=True)
class Conversation:
    """A dialog about a task's picture (or without it): user turns, the replies between, the last reply's beginning."""

    task: Task
    users: tuple[str, ...]
    replies: tuple[str, ...] = ()
    prefix: str = ""
    picture: bool = True


@dataclass(frozen=True)
class Candidate:
    """One continuation: a segment for each stage it went through, and the decoder's state (opaque to a search)."""

    index: int
    segments: tuple[Segment, ...]
    state: Any = field(default=None, compare=False, repr=False)
    cost: Usage = Usage()

    @property
    def text(self) -> str:
        """Return the words as generated, turns joined by blank lines."""
        return join_segments(self.segments)

    @property
    def logprob(self) -> float:
        """Return the summed log-probability of all its tokens."""
        return sum(segment.logprob for segment in self.segments)

    @property
    def tokens(self) -> int:
        """Return how many tokens it has."""
        return sum(segment.tokens for segment in self.segments)

    @property
    def problem(self) -> str:
        """Say what is wrong with its segments; "" when nothing is."""
        return "; ".join(f"{segment.stage}: {segment.problem}" for segment in self.segments if segment.problem)

    @property
    def ended(self) -> bool:
        """True when the last turn is over, so that only a new user turn can follow."""
        return bool(self.segments) and self.segments[-1].end in ("eos", "length", "nan")


@dataclass(frozen=True)
class GenerationRequest:
    """Ask for `n` continuations of `state` (None: of the question) through `steps`; candidates count from `first`.

    `budget`: tokens that all of them together may take, the prompt included where it is read for them (0: no bound).
    """

    task: Task
    state: Any
    stages: tuple[StageSpec, ...]
    n: int = 1
    first: int = 0
    greedy: bool = False
    beams: int = 1  # > 1: one continuation, found by beam search over tokens
    budget: int = 0


@dataclass(frozen=True)
class Comparison:
    """Ask which of two candidates is better.

    `pool`: the whole round; `key` names the match for coins; `before`: the segments that both continue.
    """

    task: Task
    kind: str
    hint: str
    a: Candidate
    b: Candidate
    pool: tuple[Candidate, ...] = ()
    key: str = ""
    before: tuple[Segment, ...] = ()


@dataclass(frozen=True)
class RewardRequest:
    """Ask how good one candidate of stage `kind` is; `before`: the segments that it continues, `hint` as in a Match."""

    task: Task
    kind: str
    hint: str
    candidate: Candidate
    before: tuple[Segment, ...] = ()


@dataclass(frozen=True)
class Score:
    """How good a candidate is, the more the better, and what it cost to say so."""

    value: float
    cost: Usage = Usage()


@dataclass(frozen=True)
class Verdict:
    """Which candidate won (0 or 1), whether a coin settled a tie, whether the judge could be read."""

    winner: int
    tie: bool = False
    parsed: bool = True
    note: str = ""
    cost: Usage = Usage()


@dataclass(frozen=True)
class SearchRound:
    """One stage: its candidates, the matches (two indices and the verdict), and the index of the survivor.

    Where candidates are scored instead of compared (retracing), `scores` are in their order, and no candidate of a
    round that came to nothing is kept (-1).
    """

    stage: str
    candidates: tuple[Candidate, ...]
    matches: tuple[tuple[int, int, Verdict], ...]
    kept: int
    scores: tuple[Score, ...] = ()


@dataclass(frozen=True)
class SearchResult:
    """A finished search: every candidate by stage, every verdict, the surviving segments and what all of it cost.

    `stopped`: it used up its budget of tokens and is what was best until then.
    """

    task: Task
    method: str
    n: int
    rounds: tuple[SearchRound, ...]
    segments: tuple[Segment, ...]
    usage: Usage
    stopped: bool = False

    @property
    def text(self) -> str:
        """Return the survivor's words, turns joined by blank lines."""
        return join_segments(self.segments)

    @property
    def turns(self) -> list[str]:
        """Return the survivor's words turn by turn (one turn for one-turn formats)."""
        return turn_texts(self.segments)

    @property
    def problem(self) -> str:
        """Say what is wrong with the survivor's segments, or that the budget ended the search; "" when nothing is."""
        stopped = ["stopped at its budget of tokens"] if self.stopped else []
        return "; ".join(filter(None, [Candidate(0, self.segments).problem, *stopped]))

    def rows(self) -> list[dict]:
        """Return one plain dict for each candidate and stage: what a predictions file keeps."""
        return [
            {
                "round": number,
                "candidate": candidate.index,
                "kept": candidate.index == one.kept,
                "problem": segment.problem,
                **{
                    name: value
                    for name, value in asdict(segment).items()
                    if name in ("stage", "text", "logprob", "tokens")
                },
            }
            for number, one in enumerate(self.rounds)
            for candidate in one.candidates
            for segment in candidate.segments
        ]


def keyed_rng(*key) -> np.random.Generator:
    """Return a random stream that depends on `key` alone, whatever else is drawn: Philox under blake2b of the key."""
    digest = hashlib.blake2b("\x1f".join(map(str, key)).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest, dtype=np.uint64)))
