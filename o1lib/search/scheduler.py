"""Run many searches concurrently: requests are batched across searches, and no search waits for another.

When the candidates of one question are complete they are judged and its next stage enters the batch, while other
questions still decode. Judges are asked when the batch has room and half of the questions wait for them, so that they
too get many comparisons at once: a judge that replies in words takes as many steps for one reply as for a hundred.

    results = run_searches(searches, decoder, judge, at_once=64, budget=4000)
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from o1lib.search.state import BudgetExhausted, Search
from o1lib.search.types import Candidate, GenerationRequest, SearchResult


class BatchedProposer:
    """A plain `propose` function as a stream: all requests that were added are answered in one call."""

    hungry = True  # generation waits for judges: the larger its one call, the better

    def __init__(self, propose: Callable):
        self.propose, self.added = propose, []

    def add(self, key, request: GenerationRequest) -> None:
        """Take a request; `key` comes back with its candidates."""
        self.added.append((key, request))

    def next(self) -> list[tuple[object, list[Candidate]]]:
        """Answer all requests."""
        added, self.added = self.added, []
        found = self.propose([request for _, request in added])
        return [(key, candidates) for (key, _), candidates in zip(added, found)]


class _RunningSearch:
    """One unfinished search: what it waits for, the answers so far, and the tokens that it has spent."""

    def __init__(self, search: Search, budget: int):
        self.search, self.budget, self.spent = search, budget, 0
        self.result: SearchResult | None = None
        self.asked = next(search)
        self._await_answers()

    @property
    def judged(self) -> bool:
        """Whether it waits for a judge."""
        return not isinstance(self.asked[0], GenerationRequest)

    def take(self, number: int, answer) -> bool:
        """Take one answer; return True if it was the last one and the search has continued."""
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
            self.result, self.asked = replace(end.value, stopped=end.value.stopped or used_up), []
        self._await_answers()
        return True

    def _await_answers(self):
        """Expect answers to what is asked; candidates share the rest of the budget."""
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
    """Run searches to their ends concurrently and return their results in order.

    `propose` is a decoder of either engine, or a function from a list of GenerationRequest to a list of candidates for
    each. `judge` takes a list of Comparison (or RewardRequest) and returns a verdict (or score) for each. At most
    `at_once` searches run at a time (0: all). `budget` bounds the tokens that a search may process (0: no bound): its
    candidates are cut where it ends, nothing more is asked for, and the search returns its best answer so far.
    `progress` is called with the number of searches that ended since its last call, `done` with every search's number
    and result when it ends.
    """
    stream = propose.stream() if hasattr(propose, "stream") else BatchedProposer(getattr(propose, "propose", propose))
    waiting, more = enumerate(searches), True
    running: dict[int, _RunningSearch] = {}
    results: dict[int, SearchResult] = {}
    while more or running:
        while more and (not at_once or len(running) < at_once):
            number, search = next(waiting, (0, None))
            more = search is not None
            if search is not None:
                running[number] = _RunningSearch(search, budget)
                _request(stream, number, running[number])
        moved = _step(stream, judge, running)
        for number in moved:
            _request(stream, number, running[number])
        ended = {number: found for number in moved if (found := running[number].result)}
        for number, result in ended.items():
            results[number] = result
            del running[number]
            if done:
                done(number, result)
        if progress and ended:
            progress(len(ended))
    return [results[number] for number in sorted(results)]


def _step(stream, judge, running) -> list[int]:
    """Ask the judge if the batch has room and half of the searches wait, else decode; return those that moved."""
    pending = [number for number, one in running.items() if one.judged]
    if pending and stream.hungry and 2 * len(pending) >= len(running):
        return _judge(judge, running, pending)
    answers = stream.next() if running else []
    return [number for (number, k), found in answers if running[number].take(k, found)]


def _request(stream, number, one) -> None:
    """Add what a search wants generated to the stream."""
    if one.asked and not one.judged:
        for k, request in enumerate(one.asked):
            stream.add((number, k), request)


def _judge(judge, running, numbers) -> list[int]:
    """Ask the judge for everything that these searches wait for; return the searches that continued."""
    asked = [(number, k, one) for number in numbers for k, one in enumerate(running[number].asked)]
    answers = judge([one for _, _, one in asked])
    return [number for (number, k, _), answer in zip(asked, answers) if running[number].take(k, answer)]
