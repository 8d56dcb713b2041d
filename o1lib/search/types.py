"""The data classes of a search: requests to a model, candidates, comparisons, verdicts, and the result.

Searches (methods.py), decoders (o1lib.inference) and judges (judges.py) exchange nothing else, so each of them can be
replaced: a toy proposer and a toy judge run the same control flow.

    task = Task("q1", "How many dots?", picture, (StageSpec("caption", ("</CAPTION>",)), StageSpec("conclusion")))
    GenerationRequest(task, None, task.stages[:1], n=4)         # four captions of one question
"""

from dataclasses import dataclass, field
from typing import Any

from o1lib.search.segments import FAILED, Segment, StageSpec, join_segments, turn_texts


@dataclass(frozen=True)
class Usage:
    """The cost of something: tokens, images through the vision tower, calls of a model, seconds (a share of a batch's).

    `generated`: tokens written as candidates. `judge`: tokens read and written in order to judge. `prefilled`: prompt
    tokens read in order to generate.
    """

    generated: int = 0
    judge: int = 0
    prefilled: int = 0
    images: int = 0
    calls: int = 0
    seconds: float = field(default=0.0, compare=False)  # wall time never repeats

    @property
    def processed(self) -> int:
        """All tokens that a model read or wrote: generated, for judging, and of prompts."""
        return self.generated + self.judge + self.prefilled

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(mine + its for mine, its in zip(self.astuple(), other.astuple())))

    def astuple(self) -> tuple:
        """Return the six numbers in the order of their fields."""
        return self.generated, self.judge, self.prefilled, self.images, self.calls, self.seconds


@dataclass(frozen=True)
class Task:
    """One question about one picture, and the stages of its format.

    `prompt` is the first user turn ("": the question alone).
    """

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
    """A chat about a task's question, up to where the model speaks next.

    `users` are the user turns, `replies` the model's replies between them, `prefix` the beginning of its next reply.
    `picture`: the first turn shows the task's picture.
    """

    task: Task
    users: tuple[str, ...]
    replies: tuple[str, ...] = ()
    prefix: str = ""
    picture: bool = True


@dataclass(frozen=True)
class Candidate:
    """One continuation: a segment for each stage, its cost, and the decoder's state after it (opaque to a search)."""

    index: int
    segments: tuple[Segment, ...]
    state: Any = field(default=None, compare=False, repr=False)
    cost: Usage = Usage()

    @property
    def text(self) -> str:
        """Return the generated text, turns joined by blank lines."""
        return join_segments(self.segments)

    @property
    def logprob(self) -> float:
        """Return the summed log-probability of all its tokens."""
        return sum(segment.logprob for segment in self.segments)

    @property
    def tokens(self) -> int:
        """Return its number of tokens."""
        return sum(segment.tokens for segment in self.segments)

    @property
    def problem(self) -> str:
        """Say what is wrong with its segments, "" if nothing."""
        return "; ".join(f"{segment.stage}: {segment.problem}" for segment in self.segments if segment.problem)

    @property
    def ended(self) -> bool:
        """Whether its last turn is over, so that only a new user turn can follow."""
        return bool(self.segments) and self.segments[-1].end in ("eos", "length", "nan", FAILED)


@dataclass(frozen=True)
class GenerationRequest:
    """Ask for `n` continuations of `state` (None: of the question) through `stages`; candidates count from `first`.

    `beams` above 1 asks for one continuation, found by beam search over tokens. `budget` bounds the tokens of all
    candidates together, with the prompt if it is read for them (0: no bound).
    """

    task: Task
    state: Any
    stages: tuple[StageSpec, ...]
    n: int = 1
    first: int = 0
    greedy: bool = False
    beams: int = 1
    budget: int = 0


@dataclass(frozen=True)
class Comparison:
    """Ask which of two candidates is better.

    `kind` is a stage, "sentence" or "all" (a whole answer). `hint` is the text that the judge may take as given. `pool`
    holds all candidates of the round. `key` names the comparison for seeded coins. `before` holds the segments that
    both candidates continue.
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
    """Ask how good one candidate of stage `kind` is; the other fields are those of a Comparison."""

    task: Task
    kind: str
    hint: str
    candidate: Candidate
    before: tuple[Segment, ...] = ()


@dataclass(frozen=True)
class Score:
    """How good a candidate is (higher is better), and the cost of the score."""

    value: float
    cost: Usage = Usage()


@dataclass(frozen=True)
class Verdict:
    """Which candidate won (0 or 1), whether a coin settled a tie, and whether the judge's answer could be read.

    `choices` holds for each order in which the two were shown the response that was chosen: 1 (shown first), 2, or None
    for none. It is empty for a judge to whom nothing is shown.
    """

    winner: int
    tie: bool = False
    parsed: bool = True
    note: str = ""
    cost: Usage = Usage()
    choices: tuple[int | None, ...] = ()


@dataclass(frozen=True)
class SearchRound:
    """One stage: its candidates, the matches (two indices and the verdict), and the index of the survivor.

    If candidates are scored instead of compared (retracing), `scores` are in their order, and `kept` is -1 in a round
    that the answer does not use.
    """

    stage: str
    candidates: tuple[Candidate, ...]
    matches: tuple[tuple[int, int, Verdict], ...]
    kept: int
    scores: tuple[Score, ...] = ()


@dataclass(frozen=True)
class SearchResult:
    """A finished search: every candidate by stage, every verdict, the surviving segments, and the cost of all of it.

    `stopped`: the search used up its token budget and holds its best answer until then.
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
        """Return the surviving text, turns joined by blank lines."""
        return join_segments(self.segments)

    @property
    def turns(self) -> list[str]:
        """Return the surviving text turn by turn (one turn for one-turn formats)."""
        return turn_texts(self.segments)

    @property
    def problem(self) -> str:
        """Say what is wrong with the surviving segments, or that the budget ended the search; "" if nothing."""
        stopped = ["stopped at its budget of tokens"] if self.stopped else []
        return "; ".join(filter(None, [Candidate(0, self.segments).problem, *stopped]))

    def rows(self) -> list[dict]:
        """Return one plain dict for each candidate and stage, as a predictions file keeps them."""
        return [
            {
                "round": number,
                "candidate": candidate.index,
                "kept": candidate.index == one.kept,
                "problem": segment.problem,
                **{name: getattr(segment, name) for name in ("stage", "text", "logprob", "tokens")},
            }
            for number, one in enumerate(self.rounds)
            for candidate in one.candidates
            for segment in candidate.segments
        ]
