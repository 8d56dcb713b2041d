"""Search methods as plain control flow: what to propose next, whom to compare with whom, what to keep.

A search is a generator. It yields lists of Propose, of Match or of Rate and is sent the answers; it knows neither
the model nor the judge. `drive` (drive.py) runs the searches of many questions side by side; a search whose budget is
spent has Spent thrown in and returns the best that it has.

    searches = [METHODS["stage_beam"](task, 4, seed=0) for task in tasks]
    trees = drive(searches, decoder, judge)
    trees[0].text

Papers: stage-level beam search, best-of-N and sentence-level beam search are LLaVA-o1's (arXiv:2411.10440v1,
section 3.3 and the released `simple_inference.py`); the token beam is LlamaV-o1's (`eval/inference.py`). Stage-wise
retracing (arXiv:2411.10440v6, section 3.2) is in retrace.py.
"""

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from functools import partial

from o1lib.formats.chat import SPECIAL_TAGS, prompt_turns
from o1lib.formats.stages import STAGES, close_tag
from o1lib.records import UserError
from o1lib.search.retracing import retracing
from o1lib.search.segments import StageSpec, hint, next_stage
from o1lib.search.state import BudgetExhausted, Search, SearchState, within_budget
from o1lib.search.types import Candidate, Comparison, GenerationRequest, SearchRound, Task, keyed_rng

MOST_SENTENCES = 60


def task_for(qid: str, question: str, image, format: str) -> Task:
    """Return a question as a task: its first user turn, and the stages its format can be stopped after.

    Tags end stages where there are tags, blank lines in `no_tags`, the turn's end in `four_turn`; the other formats
    (and `shuffled`, whose order is the model's own choice) are one segment. Raises UserError for an unknown format.
    """
    turns = prompt_turns(question, format)
    ends = {
        "tags": [close_tag(stage) for stage in STAGES],
        "special_tags": SPECIAL_TAGS[1::2],
        "no_tags": ["\n\n"] * 3 + [""],
        "four_turn": [""] * 4,
    }.get(format)
    if ends is None:
        return Task(qid, question, image, (StageSpec("all", length_factor=4 if format == "shuffled" else 1),), turns[0])
    opened = [None, *turns[1:]] if len(turns) > 1 else [None] * 4
    steps = tuple(StageSpec(stage, (end,) if end else (), turn) for stage, end, turn in zip(STAGES, ends, opened))
    return Task(qid, question, image, steps, turns[0])


def greedy(task: Task, n: int = 1, seed: int = 0) -> Search:
    """The likeliest next token, once (`n` must be 1)."""
    path = SearchState(task, "greedy", 1)
    return (yield from within_budget(path, _whole(path, seed, greedy=True)))


def sample(task: Task, n: int = 1, seed: int = 0) -> Search:
    """One sample, as the papers' models are decoded without scaling (`n` must be 1)."""
    path = SearchState(task, "sample", 1)
    return (yield from within_budget(path, _whole(path, seed)))


def best_of_n(task: Task, n: int, seed: int = 0) -> Search:
    """`n` whole samples and one tournament over their full texts."""
    path = SearchState(task, "best_of_n", n)
    return (yield from within_budget(path, _whole(path, seed)))


def stage_beam(task: Task, n: int, seed: int = 0) -> Search:
    """At every stage `n` candidates, of which a tournament keeps one to continue (LLaVA-o1; n - 1 matches a stage)."""
    path = SearchState(task, "stage_beam", n)
    return (yield from within_budget(path, _stages(path, seed)))


def sentence_beam(task: Task, n: int, seed: int = 0) -> Search:
    """`n` next sentences at a time, of which a tournament keeps one, until the last stage is closed.

    A sentence ends at the token that brings a full stop, as released ("3.5" is cut after "3."). Turn formats go turn
    by turn. After MOST_SENTENCES the text is taken as it is.
    """
    path = SearchState(task, "sentence_beam", n)
    return (yield from within_budget(path, _sentences(path, seed)))


def token_beam(task: Task, n: int, seed: int = 0) -> Search:
    """At every stage or turn one continuation, found by a beam of width `n` over tokens: no judge (LlamaV-o1)."""
    path = SearchState(task, "token_beam", n)
    return (yield from within_budget(path, _turns(path)))


METHODS: dict[str, Callable[..., Search]] = {
    "greedy": greedy,
    "sample": sample,
    "best_of_n": best_of_n,
    "sentence_beam": sentence_beam,
    "stage_beam": stage_beam,
    "token_beam": token_beam,
    "retracing": retracing,
}


def make_search(method: str, n: int = 1, **options) -> Callable[..., Search]:
    """Return a method by name, with `options` set (retracing has some, see retrace.py).

    Raises UserError for an unknown name, n < 1, or n > 1 where one text is drawn.
    """
    if method not in METHODS:
        near = get_close_matches(method, METHODS, 1)
        guess = f", did you mean {near[0]}?" if near else ""
        raise UserError(f"unknown search '{method}'{guess}: choose one of {', '.join(METHODS)}")
    if n < 1 or (n > 1 and method in ("greedy", "sample")):
        raise UserError(
            f"n = {n} candidates is nothing that {method} can do: use n = 1{'' if n < 1 else ', or method best_of_n'}"
        )
    return partial(METHODS[method], **options) if options else METHODS[method]


def bracket(n: int, rng) -> list[list[tuple[int, int, int]]]:
    """Return a random bracket of `n` entrants as rounds of (slot a, slot b, slot of the winner).

    As released: two entrants drawn from the pool at random, the winner put back, until one is left. Who meets whom does
    not depend on who wins, so matches whose entrants are known are grouped into one round.
    """
    pool, level, rounds = list(range(n)), dict.fromkeys(range(n), 0), []
    for slot in range(n, 2 * n - 1):
        a, b = (pool.pop(int(rng.integers(len(pool)))) for _ in range(2))
        level[slot] = max(level[a], level[b]) + 1
        rounds += [[]] * (level[slot] - len(rounds))
        rounds[level[slot] - 1] = [*rounds[level[slot] - 1], (a, b, slot)]
        pool.append(slot)
    return rounds


def _whole(path, seed, greedy=False):
    [candidates] = yield [GenerationRequest(path.task, None, path.task.stages, path.n, greedy=greedy)]
    yield from _round(path, "all", "all", candidates, seed)


def _stages(path, seed):
    at = 0
    while at is not None:
        spec = path.task.stages[at]
        [candidates] = yield [GenerationRequest(path.task, path.state, (spec,), path.n)]
        winner = yield from _round(path, spec.stage, spec.stage, candidates, seed)
        at = next_stage(path.task.stages, at, winner.ended)


def _sentences(path, seed):
    steps = path.task.stages
    at = _last_of_turn(steps, 0)
    while at is not None and len(path.rounds) < MOST_SENTENCES:
        spec = steps[at]
        turn = spec.turn if not path.segments or path.segments[-1].end != "." else None
        sentence = StageSpec(f"sentence {len(path.rounds) + 1}", (".", *spec.stop), turn)
        [candidates] = yield [GenerationRequest(path.task, path.state, (sentence,), path.n)]
        candidates = [_meant(candidate, spec) for candidate in candidates]
        winner = yield from _round(path, "sentence", sentence.stage, candidates, seed)
        if winner.segments[-1].end != ".":
            at = next_stage(steps, at, ended=True)


def _turns(path):
    at = 0
    while at is not None:
        spec = path.task.stages[at]
        [[candidate]] = yield [GenerationRequest(path.task, path.state, (spec,), beams=path.n)]
        path.keep(SearchRound(spec.stage, (candidate,), (), 0), candidate)
        at = next_stage(path.task.stages, at, candidate.ended)


def _round(path, kind, key, candidates, seed):
    """Play a tournament over the candidates of one stage and return the winner; one candidate wins without a match.

    When the budget is spent on the way, whoever won last is kept.
    """
    slots, matches, given, task = dict(enumerate(candidates)), [], hint(path.segments, kind), path.task
    try:
        for level in bracket(len(candidates), keyed_rng(seed, task.qid, key, "bracket")):
            asked = [
                Comparison(task, kind, given, slots[a], slots[b], tuple(candidates), f"{key}/{slot}", path.segments)
                for a, b, slot in level
            ]
            verdicts = yield asked
            for (_, _, slot), match, verdict in zip(level, asked, verdicts):
                slots[slot] = (match.a, match.b)[verdict.winner]
                matches.append((match.a.index, match.b.index, verdict))
    except BudgetExhausted:
        path.stopped = True
    winner = slots[max(slots)] if matches else candidates[0]
    path.keep(SearchRound(key, tuple(candidates), tuple(matches), winner.index), winner)
    if path.stopped:
        raise BudgetExhausted
    return winner


def _last_of_turn(steps, at):
    """Return the index of the last stage of the turn that stage `at` belongs to."""
    following = (k for k in range(at + 1, len(steps)) if steps[k].turn is not None)
    return next(following, len(steps)) - 1


def _meant(candidate: Candidate, spec: StageSpec) -> Candidate:
    """Return a sentence candidate whose last segment knows the proper end of its turn, which may be the turn's end."""
    last = candidate.segments[-1]
    return replace(
        candidate, segments=(*candidate.segments[:-1], replace(last, wanted=spec.stop[-1] if spec.stop else "eos"))
    )
