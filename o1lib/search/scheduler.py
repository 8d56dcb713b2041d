"""Many searches side by side: everything that they wait for is asked for together, and none waits for another.

As soon as the candidates of one question are done they are judged and its next stage enters the batch, while others
still decode. Judges are asked when the batch has room, so that they, too, are asked for many matches at once.

    trees = drive(searches, decoder, judge, at_once=64, budget=4000)
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from o1lib.search.state import BudgetExhausted, Search
from o1lib.search.types import GenerationRequest, SearchResult


class BatchedProposer:
    """A plain `propose` function as a stream: everything that was added is asked for in one call."""

    def __init__(self, propose: Callable):
        self.propose, self.fresh = propose, []

    hungry = True  # proposals wait for judges: the larger their one call, the better

    def add(self, key, request: GenerationRequest) -> None:
        """Take a request; `key` comes back with its candidates."""
        self.fresh.append((key, request))

    def next(self) -> list[tuple]:
        """Answer all requests."""
        fresh, self.fresh = self.fresh, []
        return [(key, found) for (key, _), found in zip(fresh, self.propose([request for _, request in fresh]))]


class _Driven:
    """One search on its way: what it waits for, what came of it, and what it has spent."""

    def __init__(self, search: Search, budget: int):
        self.search, self.budget, self.spent, self.tree = search, budget, 0, None
        self.asked = next(search)
        self._begin()

    @property
    def judged(self) -> bool:
        """Whether it waits for a judge."""
        return not isinstance(self.asked[0], GenerationRequest)

    def take(self, number: int, answer) -> bool:
        """Take one answer; return True when it was the last and the search has gone on."""
        self.answers[number] = answer
        self.spent += sum(one.cost.processed for one in (answer if isinstance(answer, list) else [answer]))
        if len(self.answers) < len(self.asked):
            return False
        answers = [self.answers[k] for k in range(len(self.asked))]
        try:
            self.asked = self.search.send(answers)
            if self.budget and self.spent >= self.budget:
                self.asked = self.search.throw(BudgetExhausted())
        except StopIteration as end:
            used_up = bool(self.budget) and self.spent >= self.budget
            self.tree, self.asked = replace(end.value, stopped=end.value.stopped or used_up), []
        self._begin()
        return True

    def _begin(self):
        """Make ready for answers; candidates share what is left of the budget."""
        self.answers = {}
        if self.budget and self.asked and not self.judged:
            left, n = self.budget - self.spent, sum(request.n for request in self.asked)
            self.asked = [replace(request, budget=max(1, left * request.n // n)) for request in self.asked]


def run_searches(
    searches: Iterable[Search],
    propose,
    judge: Callable,
    progress: Callable[[int], object] | None = None,
    at_once: int = 0,
    budget: int = 0,
    done: Callable[[int, SearchResult], object] | None = None,
) -> list[SearchResult]:
    """Run searches to their ends side by side and return their trees in order.

    `propose` is a decoder of either engine, or takes a list of Propose and returns a list of candidates for each;
    `judge` takes a list of Match (or Rate) and returns a verdict (or score) for each. At most `at_once` searches are
    begun at a time (0: all). `budget` bounds the tokens a search may process (0: no bound): its candidates are cut
    where it ends, nothing more is asked for, and it returns its best so far. `progress` is called with the number of
    searches that ended since its last call, `done` with every search's number and tree when it ends.
    """
    stream = propose.stream() if hasattr(propose, "stream") else BatchedProposer(getattr(propose, "propose", propose))
    waiting, driven, trees, more = enumerate(searches), {}, {}, True
    while more or driven:
        while more and (not at_once or len(driven) < at_once):
            number, search = next(waiting, (None, None))
            more = search is not None
            if more:
                driven[number] = _Driven(search, budget)
                _ask(stream, number, driven[number])
        pending = [number for number, one in driven.items() if one.judged]
        if pending and stream.hungry:
            moved = _judged(judge, driven, pending)
        else:
            answers = stream.next() if driven else []
            moved = [number for (number, k), found in answers if driven[number].take(k, found)]
        for number in moved:
            _ask(stream, number, driven[number])
        ended = [number for number in moved if driven[number].tree]
        for number in ended:
            trees[number] = driven.pop(number).tree
            if done:
                done(number, trees[number])
        if progress and ended:
            progress(len(ended))
    return [trees[number] for number in sorted(trees)]


def _ask(stream, number, one):
    if one.asked and not one.judged:
        for k, request in enumerate(one.asked):
            stream.add((number, k), request)


def _judged(judge, driven, numbers):
    """Ask the judge for all matches that these searches wait for."""
    asked = [(number, k, match) for number in numbers for k, match in enumerate(driven[number].asked)]
    answers = judge([match for _, _, match in asked])
    return [number for (number, k, _), answer in zip(asked, answers) if driven[number].take(k, answer)]
