"""Stage-wise retracing (SWIRES, arXiv:2411.10440v6, section 3.2): scored stages, and a step back where none is good.

At each stage `n` candidates are drawn, spread over the `keep` survivors of the stage before, and scored. If none passes
the stage's cutoff, the stage before is drawn anew and this one again on top of it, at most `retraces` times; the best
`keep` of all that were drawn go on. The first stage (a plan) is taken as it comes, and the second, which has nothing
but the plan before it, is never retraced. The answer is the last stage's candidate with the highest score.

The release has fixed cutoffs (mean -0.77 plus 0.2533 standard deviations 2.08, of one reward on one test set). Here
they are measured on validation questions for the model and the reward at hand: `rewards.calibrate`.

    search = retracing(task, 4, seed=0, cutoffs={"reasoning": -0.31, "conclusion": -0.02})
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from o1lib.search.segments import hint, next_stage
from o1lib.search.state import BudgetExhausted, Search, SearchState, within_budget
from o1lib.search.types import Candidate, GenerationRequest, RewardRequest, SearchRound, Task

_NONE: Mapping = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Node:
    """A candidate with all that stands before it."""

    candidate: Candidate
    segments: tuple = ()
    value: float = 0.0
    parent: "Node | None" = None

    @property
    def rank(self):
        """What the best are chosen by: those that can be continued first, then the score."""
        return not self.candidate.ended, self.value


def retracing(task: Task, n: int, seed: int = 0, keep: int = 2, retraces: int = 3, cutoffs: Mapping = _NONE) -> Search:
    """Retracing with `n` candidates a stage, `keep` survivors, at most `retraces` steps back a stage, and its cutoffs.

    The published numbers are 4, 2 and 3. A stage without a cutoff is never retraced. `seed` is of the decoder's draws.
    """
    path = SearchState(task, "retracing", n)
    return (yield from within_budget(path, _Walk(path, keep, retraces, dict(cutoffs)).stages()))


class _Walk:
    """One question's way through the stages; `drawn` counts candidates by stage, so that each has its own draws."""

    def __init__(self, path, keep, retraces, cutoffs):
        self.path, self.keep, self.retraces, self.cutoffs = path, max(1, min(keep, path.n)), retraces, cutoffs
        self.task, self.drawn, self.owners, self.at_before = path.task, {}, [], 0

    def stages(self):
        """Go through all stages; the path always holds the best so far."""
        at, beam = 0, [None]
        while at is not None:
            pool = yield from self._grown(beam, at, 1 if at == 0 and len(self.task.stages) > 1 else self.path.n)
            self._note(pool)
            for _ in range(self.retraces if beam[0] and beam[0].parent else 0):
                if max(node.value for node in pool) > self.cutoffs.get(self.task.stages[at].stage, float("-inf")):
                    break
                origins = list(dict.fromkeys(node.parent for node in beam))
                again = self._best((yield from self._grown(origins, self.at_before, self.path.n)))
                pool = pool + (yield from self._grown(again, at, self.path.n))
                self._note(pool)
            beam, self.at_before = self._best(pool), at
            following = {next_stage(self.task.stages, at, node.candidate.ended) for node in beam}
            beam = beam if len(following) == 1 else [node for node in beam if not node.candidate.ended]
            at = next_stage(self.task.stages, at, beam[0].candidate.ended)

    def _best(self, pool):
        return sorted(pool, key=lambda node: node.rank, reverse=True)[: self.keep]

    def _grown(self, origins, at, n):
        """Draw `n` candidates of stage `at`, spread over the nodes they continue, score them, and note the round."""
        spec, requests = self.task.stages[at], []
        first = self.drawn.get(at, 0)
        for k, origin in enumerate(origins[:n]):
            share = n // len(origins[:n]) + (k < n % len(origins[:n]))
            requests.append(GenerationRequest(self.task, origin and origin.candidate.state, (spec,), share, first))
            first += share
        self.drawn[at] = first
        grown = yield requests
        pairs = [(origin, candidate) for origin, own in zip(origins, grown) for candidate in own]
        nodes = [
            Node(candidate, (*(origin.segments if origin else ()), *candidate.segments), parent=origin)
            for origin, candidate in pairs
        ]
        self.owners.append(tuple(node.candidate for node in nodes))
        self.path.rounds.append(SearchRound(spec.stage, self.owners[-1], (), -1))
        if len(nodes) == 1 and spec.stage not in self.cutoffs:
            return nodes
        scores = yield from self._scored(nodes, spec.stage)
        self.path.rounds[-1] = replace(self.path.rounds[-1], scores=tuple(scores))
        return [replace(node, value=score.value) for node, score in zip(nodes, scores)]

    def _scored(self, nodes, stage):
        """Return the nodes' scores; when the budget is spent before, the first of them is as good as any."""
        given = [node.parent.segments if node.parent else () for node in nodes]
        try:
            return (
                yield [
                    RewardRequest(self.task, stage, hint(before, stage), node.candidate, before)
                    for node, before in zip(nodes, given)
                ]
            )
        except BudgetExhausted:
            if len(nodes[0].segments) > len(self.path.segments):
                self._note(nodes[:1])
            raise

    def _note(self, pool):
        """Let the path hold the best node so far and mark, in every round, whoever of its line stands there."""
        node = best = max(pool, key=lambda node: node.value)
        line = set()
        while node:
            line.add(id(node.candidate))
            node = node.parent
        self.path.segments, self.path.state = best.segments, best.candidate.state
        for k, one in enumerate(self.path.rounds):
            kept = [candidate.index for candidate in self.owners[k] if id(candidate) in line]
            self.path.rounds[k] = replace(one, kept=kept[0] if kept else -1)
