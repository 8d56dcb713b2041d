"""Stage-wise retracing (SWIRES, arXiv:2411.10440v6, section 3.2): scored stages, and a step back where none is good.

At each stage `n` candidates are drawn, spread over the `keep` survivors of the stage before, and scored. If none passes
the stage's cutoff, the stage before is drawn again and this stage on top of it, at most `retraces` times. The best
`keep` of all candidates of the stage continue. The first stage (a plan) is not scored, and the second stage, before
which there is only the plan, is never retraced. The answer is the candidate of the last stage with the highest score.

The release has fixed cutoffs: mean -0.77 plus 0.2533 standard deviations of 2.08, for one reward on one test set. Here
they are measured on validation questions, for the model and the reward in use (`rewards.calibrate`).

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
    """A candidate with all segments up to its end, its score, and the node that it continues."""

    candidate: Candidate
    segments: tuple = ()
    value: float = 0.0
    parent: "Node | None" = None

    @property
    def rank(self):
        """Sort key: candidates that can be continued first, then the score."""
        return not self.candidate.ended, self.value


def retracing(task: Task, n: int, seed: int = 0, keep: int = 2, retraces: int = 3, cutoffs: Mapping = _NONE) -> Search:
    """Retracing with `n` candidates per stage, `keep` survivors, and at most `retraces` steps back per stage.

    The published numbers are 4, 2 and 3. `cutoffs` maps stages to scores; a stage without a cutoff is never retraced.
    `seed` is unused: all draws are the decoder's.
    """
    state = SearchState(task, "retracing", n)
    return (yield from within_budget(state, _Retracing(state, keep, retraces, dict(cutoffs)).stages()))


class _Retracing:
    """The retracing search of one question; `drawn` counts candidates by stage, so that each has its own draws."""

    def __init__(self, state, keep, retraces, cutoffs):
        self.state, self.keep, self.retraces, self.cutoffs = state, max(1, min(keep, state.n)), retraces, cutoffs
        self.task, self.drawn, self.owners, self.at_before = state.task, {}, [], 0

    def stages(self):
        """Go through all stages; the state always holds the best answer so far."""
        at, beam = 0, [None]
        while at is not None:
            pool = yield from self._grown(beam, at, 1 if at == 0 and len(self.task.stages) > 1 else self.state.n)
            self._note(pool)
            pool = yield from self._retraced(pool, beam, at)
            beam, self.at_before = self._best(pool), at
            following = {next_stage(self.task.stages, at, node.candidate.ended) for node in beam}
            beam = beam if len(following) == 1 else [node for node in beam if not node.candidate.ended]
            at = next_stage(self.task.stages, at, beam[0].candidate.ended)

    def _retraced(self, pool, beam, at):
        """Draw the stage before and this one again until a candidate passes the cutoff; return all candidates."""
        cutoff = self.cutoffs.get(self.task.stages[at].stage, float("-inf"))
        for _ in range(self.retraces if beam[0] and beam[0].parent else 0):
            if max(node.value for node in pool) > cutoff:
                break
            origins = list(dict.fromkeys(node.parent for node in beam))
            again = self._best((yield from self._grown(origins, self.at_before, self.state.n)))
            pool = pool + (yield from self._grown(again, at, self.state.n))
            self._note(pool)
        return pool

    def _best(self, pool):
        return sorted(pool, key=lambda node: node.rank, reverse=True)[: self.keep]

    def _grown(self, origins, at, n):
        """Draw `n` candidates of stage `at`, spread over the nodes they continue, score them, and add the round."""
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
        self.state.rounds.append(SearchRound(spec.stage, self.owners[-1], (), -1))
        if len(nodes) == 1 and spec.stage not in self.cutoffs:
            return nodes
        scores = yield from self._scored(nodes, spec.stage)
        self.state.rounds[-1] = replace(self.state.rounds[-1], scores=tuple(scores))
        return [replace(node, value=score.value) for node, score in zip(nodes, scores)]

    def _scored(self, nodes, stage):
        """Return the nodes' scores; if the budget is spent before, the first node is taken as the best."""
        given = [node.parent.segments if node.parent else () for node in nodes]
        requests = [
            RewardRequest(self.task, stage, hint(before, stage), node.candidate, before)
            for node, before in zip(nodes, given)
        ]
        try:
            return (yield requests)
        except BudgetExhausted:
            if len(nodes[0].segments) > len(self.state.segments):
                self._note(nodes[:1])
            raise

    def _note(self, pool):
        """Let the state hold the best node so far, and mark in every round the candidate that it descends from."""
        node = best = max(pool, key=lambda node: node.value)
        line = set()
        while node:
            line.add(id(node.candidate))
            node = node.parent
        self.state.segments, self.state.decoder_state = best.segments, best.candidate.state
        for k, one in enumerate(self.state.rounds):
            kept = [candidate.index for candidate in self.owners[k] if id(candidate) in line]
            self.state.rounds[k] = replace(one, kept=kept[0] if kept else -1)
