"""How far a search has come: rounds, surviving pieces, and what becomes of them when the budget is spent.

path = Path(task, "stage_beam", n=4)
path.keep(Round(...), winner)                    # the next stage goes on from path.state
tree = yield from guarded(path, walk)            # the finished search, also when Spent ended the walk
"""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any

from o1lib.search.segments import Piece
from o1lib.search.types import Candidate, Ledger, Round, Task, Tree

Search = Generator[list, list, Tree]


class Spent(Exception):
    """Thrown into a search whose budget of tokens is spent: it ends with the best that it has."""


@dataclass
class Path:
    """A search on its way: its rounds, the pieces that survived them, and the decoder's state behind these."""

    task: Task
    method: str
    n: int
    rounds: list[Round] = field(default_factory=list)
    pieces: tuple[Piece, ...] = ()
    state: Any = None
    stopped: bool = False

    def keep(self, played: Round, winner: Candidate) -> None:
        """Note a round, and go on from its winner."""
        self.rounds.append(played)
        self.state, self.pieces = winner.state, (*self.pieces, *winner.pieces)

    def tree(self) -> Tree:
        """Return the search as finished: its costs added up, the decoder's states let go."""
        costs = [candidate.cost for one in self.rounds for candidate in one.candidates]
        costs += [verdict.cost for one in self.rounds for _, _, verdict in one.matches]
        costs += [score.cost for one in self.rounds for score in one.scores]
        bare = [
            replace(one, candidates=tuple(replace(candidate, state=None) for candidate in one.candidates))
            for one in self.rounds
        ]
        return Tree(self.task, self.method, self.n, tuple(bare), self.pieces, sum(costs, Ledger()), self.stopped)


def guarded(path: Path, walk) -> Search:
    """Walk to the end, or until the budget is spent; return the finished search."""
    try:
        yield from walk
    except Spent:
        path.stopped = True
    return path.tree()
