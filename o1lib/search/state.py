"""How far a search has come: rounds, surviving segments, and what becomes of them when the budget is spent.

path = Path(task, "stage_beam", n=4)
path.keep(Round(...), winner)                    # the next stage goes on from path.state
tree = yield from guarded(path, walk)            # the finished search, also when Spent ended the walk
"""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any

from o1lib.search.segments import Segment
from o1lib.search.types import Candidate, SearchResult, SearchRound, Task, Usage

Search = Generator[list, list, SearchResult]


class BudgetExhausted(Exception):
    """Thrown into a search whose budget of tokens is spent: it ends with the best that it has."""


@dataclass
class SearchState:
    """A search on its way: its rounds, the segments that survived them, and the decoder's state behind these."""

    task: Task
    method: str
    n: int
    rounds: list[SearchRound] = field(default_factory=list)
    segments: tuple[Segment, ...] = ()
    state: Any = None
    stopped: bool = False

    def keep(self, played: SearchRound, winner: Candidate) -> None:
        """Note a round, and go on from its winner."""
        self.rounds.append(played)
        self.state, self.segments = winner.state, (*self.segments, *winner.segments)

    def tree(self) -> SearchResult:
        """Return the search as finished: its costs added up, the decoder's states let go."""
        costs = [candidate.cost for one in self.rounds for candidate in one.candidates]
        costs += [verdict.cost for one in self.rounds for _, _, verdict in one.matches]
        costs += [score.cost for one in self.rounds for score in one.scores]
        bare = [
            replace(one, candidates=tuple(replace(candidate, state=None) for candidate in one.candidates))
            for one in self.rounds
        ]
        return SearchResult(
            self.task, self.method, self.n, tuple(bare), self.segments, sum(costs, Usage()), self.stopped
        )


def within_budget(path: SearchState, walk) -> Search:
    """Walk to the end, or until the budget is spent; return the finished search."""
    try:
        yield from walk
    except BudgetExhausted:
        path.stopped = True
    return path.tree()
