"""Search methods as plain control flow: what to generate next, which candidates to compare, which one to keep.

A search is a generator. It yields lists of GenerationRequest, Comparison or RewardRequest and is sent the answers; it
knows neither the model nor the judge. `run_searches` (scheduler.py) runs the searches of many questions concurrently. A
search whose budget is spent gets BudgetExhausted thrown in and returns the best answer so far.

    searches = [stage_beam(task, 4, seed=0) for task in tasks]
    results = run_searches(searches, decoder, judge)
    results[0].text

Stage-level beam search, best-of-N and sentence-level beam search are LLaVA-o1's (arXiv:2411.10440v1, section 3.3, and
the released `simple_inference.py`). The token beam is LlamaV-o1's (arXiv:2501.06186, `eval/inference.py`). Stage-wise
retracing (arXiv:2411.10440v6, section 3.2) is in retracing.py.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from o1lib.formats.chat import FORMATS, prompt_turns
from o1lib.formats.stages import STAGES
from o1lib.records import UserError, choose
from o1lib.records.limits import check_size
from o1lib.search.registry import MethodSpec
from o1lib.search.retracing import retracing
from o1lib.search.segments import StageSpec, hint, next_stage
from o1lib.search.state import BudgetExhausted, Search, SearchState, within_budget
from o1lib.search.streams import keyed_rng
from o1lib.search.types import Candidate, Comparison, GenerationRequest, SearchRound, Task

MOST_SENTENCES = 60


def task_for(qid: str, question: str, image, format: str) -> Task:
    """Return a question as a task: its first user turn, and the stages after which its format can be stopped.

    Stages end as the format's `stage_ends` say. A format without them is one segment, with the length budget of all
    stages if its answer holds the stages (`shuffled`, whose order is the model's own choice). Raises UserError for an
    unknown format.
    """
    turns, entry = prompt_turns(question, format), FORMATS[format]
    if not entry.stage_ends:
        whole = StageSpec("all", length_factor=len(STAGES) if entry.staged else 1)
        return Task(qid, question, image, (whole,), turns[0])
    opening = [None, *turns[1:]] if len(turns) > 1 else [None] * len(entry.stage_ends)
    stages = tuple(
        StageSpec(stage, (end,) if end else (), turn) for (stage, end), turn in zip(entry.stage_ends.items(), opening)
    )
    return Task(qid, question, image, stages, turns[0])


def greedy(task: Task, n: int = 1, seed: int = 0) -> Search:
    """The most likely next token, in one candidate (`n` must be 1)."""
    state = SearchState(task, "greedy", 1)
    return (yield from within_budget(state, _whole(state, seed, greedy=True)))


def sample(task: Task, n: int = 1, seed: int = 0) -> Search:
    """One sample, as the papers decode without test-time scaling (`n` must be 1)."""
    state = SearchState(task, "sample", 1)
    return (yield from within_budget(state, _whole(state, seed)))


def best_of_n(task: Task, n: int, seed: int = 0) -> Search:
    """`n` whole samples and one tournament over their full texts."""
    state = SearchState(task, "best_of_n", n)
    return (yield from within_budget(state, _whole(state, seed)))


def stage_beam(task: Task, n: int, seed: int = 0) -> Search:
    """`n` candidates at every stage; a tournament of n - 1 comparisons keeps one to continue (LLaVA-o1)."""
    state = SearchState(task, "stage_beam", n)
    return (yield from within_budget(state, _stages(state, seed)))


def sentence_beam(task: Task, n: int, seed: int = 0) -> Search:
    """`n` next sentences at a time; a tournament keeps one, until the last stage is closed.

    A sentence ends at the token that brings a full stop, as released ("3.5" is cut after "3."). Formats with turns go
    turn by turn. After MOST_SENTENCES the text is taken as it is.
    """
    state = SearchState(task, "sentence_beam", n)
    return (yield from within_budget(state, _sentences(state, seed)))


def token_beam(task: Task, n: int, seed: int = 0) -> Search:
    """One continuation per stage or turn, found by a beam of width `n` over tokens, without a judge (LlamaV-o1)."""
    state = SearchState(task, "token_beam", n)
    return (yield from within_budget(state, _turns(state)))


METHODS: dict[str, MethodSpec] = {
    "greedy": MethodSpec("greedy decoding", run=greedy, judged=False, greedy=True, max_n=1),
    "sample": MethodSpec("one sample", run=sample, judged=False, max_n=1),
    "best_of_n": MethodSpec("best-of-N", run=best_of_n),
    "sentence_beam": MethodSpec("sentence-level beam", run=sentence_beam),
    "stage_beam": MethodSpec("stage-level beam", run=stage_beam),
    "token_beam": MethodSpec("token beam in each turn", run=token_beam, judged=False),
    "retracing": MethodSpec("retracing", run=retracing, rewarded=True, options=("keep", "retraces", "cutoffs")),
}


def make_search(method: str, n: int = 1, **options) -> Callable[..., Search]:
    """Return a method by its name in METHODS, with `options` set (those of retracing: see retracing.py).

    Raises UserError for an unknown name, n < 1, or n above the method's bound.
    """
    spec = choose(method, METHODS, "search method")
    if n < 1:
        raise UserError(f"n = {n} is too small: a search needs 1 candidate or more")
    check_size("n", n)
    if spec.max_n and n > spec.max_n:
        raise UserError(f"n = {n} is too large: {method} takes at most {spec.max_n}; use n = {spec.max_n} or best_of_n")
    return partial(spec.run, **options) if options else spec.run


def bracket(n: int, rng) -> list[list[tuple[int, int, int]]]:
    """Return a random bracket of `n` entrants as rounds of (slot a, slot b, slot of the winner).

    As released: two entrants are drawn from the pool at random and the winner is put back, until one is left. Who meets
    whom does not depend on who wins, so comparisons whose entrants are known are grouped into one round.
    """
    pool, level, rounds = list(range(n)), dict.fromkeys(range(n), 0), []
    for slot in range(n, 2 * n - 1):
        a, b = (pool.pop(int(rng.integers(len(pool)))) for _ in range(2))
        level[slot] = max(level[a], level[b]) + 1
        rounds += [[]] * (level[slot] - len(rounds))
        rounds[level[slot] - 1] = [*rounds[level[slot] - 1], (a, b, slot)]
        pool.append(slot)
    return rounds


def _whole(state, seed, greedy=False):
    [candidates] = yield [GenerationRequest(state.task, None, state.task.stages, state.n, greedy=greedy)]
    yield from _round(state, "all", "all", candidates, seed)


def _stages(state, seed):
    at = 0
    while at is not None:
        spec = state.task.stages[at]
        [candidates] = yield [GenerationRequest(state.task, state.decoder_state, (spec,), state.n)]
        winner = yield from _round(state, spec.stage, spec.stage, candidates, seed)
        at = next_stage(state.task.stages, at, winner.ended)


def _sentences(state, seed):
    stages = state.task.stages
    at = _last_of_turn(stages, 0)
    while at is not None and len(state.rounds) < MOST_SENTENCES:
        spec = stages[at]
        turn = spec.turn if not state.segments or state.segments[-1].end != "." else None
        sentence = StageSpec(f"sentence {len(state.rounds) + 1}", (".", *spec.stop), turn)
        [candidates] = yield [GenerationRequest(state.task, state.decoder_state, (sentence,), state.n)]
        candidates = [_with_end(candidate, spec) for candidate in candidates]
        winner = yield from _round(state, "sentence", sentence.stage, candidates, seed)
        if winner.segments[-1].end != ".":
            at = next_stage(stages, at, ended=True)


def _turns(state):
    at = 0
    while at is not None:
        spec = state.task.stages[at]
        [[candidate]] = yield [GenerationRequest(state.task, state.decoder_state, (spec,), beams=state.n)]
        state.keep(SearchRound(spec.stage, (candidate,), (), 0), candidate)
        at = next_stage(state.task.stages, at, candidate.ended)


def _round(state, kind, key, candidates, seed):
    """Play a tournament over the candidates of one stage and return the winner; one candidate wins unopposed.

    If the budget is spent meanwhile, the last winner is kept.
    """
    slots, matches, given, task = dict(enumerate(candidates)), [], hint(state.segments, kind), state.task
    try:
        for level in bracket(len(candidates), keyed_rng(seed, task.qid, key, "bracket")):
            asked = [
                Comparison(task, kind, given, slots[a], slots[b], tuple(candidates), f"{key}/{slot}", state.segments)
                for a, b, slot in level
            ]
            verdicts = yield asked
            for (_, _, slot), match, verdict in zip(level, asked, verdicts):
                slots[slot] = (match.a, match.b)[verdict.winner]
                matches.append((match.a.index, match.b.index, verdict))
    except BudgetExhausted:
        state.stopped = True
    winner = slots[max(slots)] if matches else candidates[0]
    state.keep(SearchRound(key, tuple(candidates), tuple(matches), winner.index), winner)
    if state.stopped:
        raise BudgetExhausted
    return winner


def _last_of_turn(stages, at):
    """Return the index of the last stage of the turn that stage `at` belongs to."""
    following = (k for k in range(at + 1, len(stages)) if stages[k].turn is not None)
    return next(following, len(stages)) - 1


def _with_end(candidate: Candidate, spec: StageSpec) -> Candidate:
    """Return a sentence candidate whose last segment records how its stage should end (`wanted`)."""
    *earlier, last = candidate.segments
    wanted = spec.stop[-1] if spec.stop else "eos"
    return replace(candidate, segments=(*earlier, replace(last, wanted=wanted)))
