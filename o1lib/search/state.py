"""How far a search has come: rounds, surviving segments, and the result when the budget is spent.

state = SearchState(task, "stage_beam", n=4)
state.keep(SearchRound(...), winner)                 # the next stage continues from state.decoder_state
result = yield from within_budget(state, steps)      # the finished search, also when BudgetExhausted ended it
"""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any

from o1lib.search.segments import Segment
from o1lib.search.types import Candidate, SearchResult, SearchRound, Task, Usage

Search = Generator[list, list, SearchResult]


class BudgetExhausted(Exception):
    """Thrown into a search whose token budget is spent: it ends with the best answer so far."""


@dataclass
class SearchState:
    """An unfinished search: its rounds, the segments that survived them, and the decoder's state after these."""

    task: Task
    method: str
    n: int
    rounds: list[SearchRound] = field(default_factory=list)
    segments: tuple[Segment, ...] = ()
    decoder_state: Any = None  # opaque: what a candidate of the decoder carries
    stopped: bool = False

    def keep(self, played: SearchRound, winner: Candidate) -> None:
        """Add a round, and continue from its winner."""
        self.rounds.append(played)
        self.decoder_state, self.segments = winner.state, (*self.segments, *winner.segments)

    def result(self) -> SearchResult:
        """Return the finished search: its costs added up, the decoder's states dropped."""
        costs = [candidate.cost for one in self.rounds for candidate in one.candidates]
        costs += [verdict.cost for one in self.rounds for _, _, verdict in one.matches]
        costs += [score.cost for one in self.rounds for score in one.scores]
        bare = [
            replace(one, candidates=tuple(replace(candidate, state=None) for candidate in one.candidates))
            for one in self.rounds
        ]
        usage = sum(costs, Usage())
        return SearchResult(self.task, self.method, self.n, tuple(bare), self.segments, usage, self.stopped)


def within_budget(state: SearchState, steps: Generator[list, list, None]) -> Search:
    """Run `steps` to their end, or until the budget is spent, and return the finished search."""
    try:
        yield from steps
    except BudgetExhausted:
        state.stopped = True
    return state.result()
