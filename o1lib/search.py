"""Search methods as plain control flow: what to propose next, whom to compare with whom, what to keep.

A search is a generator. It yields lists of Propose or of Match and is sent the answers; it knows neither
the model nor the judge. `drive` runs the searches of many questions side by side and asks for everything
that they wait for at once.

    searches = [METHODS["stage_beam"](task, 4, seed=0) for task in tasks]
    trees = drive(searches, decoder.propose, judge)
    trees[0].text

Papers: stage-level beam search, best-of-N and sentence-level beam search are LLaVA-o1's (arXiv:2411.10440v1,
section 3.3 and the released `simple_inference.py`); the token beam is LlamaV-o1's (`eval/inference.py`).
"""

from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from difflib import get_close_matches

from .formats import SPECIAL_TAGS, prompt_turns
from .pieces import Step, hint, next_step
from .records import UserError
from .stages import STAGES, close_tag
from .tree import Candidate, Ledger, Match, Propose, Round, Task, Tree, keyed

MOST_SENTENCES = 60

Search = Generator[list, list, Tree]


def task_for(qid: str, question: str, image, format: str) -> Task:
    """Return a question as a task: its first user turn, and the stages its format can be stopped after.

    Tags end stages where there are tags, blank lines in `no_tags`, the turn's end in `four_turn`; the other formats
    (and `shuffled`, whose order is the model's own choice) are one piece. Raises UserError for an unknown format.
    """
    turns = prompt_turns(question, format)
    ends = {
        "tags": [close_tag(stage) for stage in STAGES],
        "special_tags": SPECIAL_TAGS[1::2],
        "no_tags": ["\n\n"] * 3 + [""],
        "four_turn": [""] * 4,
    }.get(format)
    if ends is None:
        return Task(qid, question, image, (Step("all", stages=4 if format == "shuffled" else 1),), turns[0])
    opened = [None, *turns[1:]] if len(turns) > 1 else [None] * 4
    steps = tuple(Step(stage, (end,) if end else (), turn) for stage, end, turn in zip(STAGES, ends, opened))
    return Task(qid, question, image, steps, turns[0])


def greedy(task: Task, n: int = 1, seed: int = 0) -> Search:
    """The likeliest next token, once (`n` must be 1)."""
    return (yield from _whole("greedy", task, 1, seed, greedy=True))


def sample(task: Task, n: int = 1, seed: int = 0) -> Search:
    """One sample, as the papers' models are decoded without scaling (`n` must be 1)."""
    return (yield from _whole("sample", task, 1, seed))


def best_of_n(task: Task, n: int, seed: int = 0) -> Search:
    """`n` whole samples and one tournament over their full texts."""
    return (yield from _whole("best_of_n", task, n, seed))


def stage_beam(task: Task, n: int, seed: int = 0) -> Search:
    """At every stage `n` candidates, of which a tournament keeps one to continue (LLaVA-o1; n - 1 matches a stage)."""
    state, pieces, rounds, at = None, (), [], 0
    while at is not None:
        step = task.steps[at]
        [candidates] = yield [Propose(task, state, (step,), n)]
        one = yield from _round(task, step.stage, step.stage, candidates, pieces, seed)
        rounds.append(one)
        winner = candidates[one.kept]
        state, pieces = winner.state, pieces + winner.pieces
        at = next_step(task.steps, at, winner.ended)
    return _tree(task, "stage_beam", n, rounds, pieces)


def sentence_beam(task: Task, n: int, seed: int = 0) -> Search:
    """`n` next sentences at a time, of which a tournament keeps one, until the last stage is closed.

    A sentence ends at the token that brings a full stop, as released ("3.5" is cut after "3."). Turn formats go turn
    by turn. After MOST_SENTENCES the text is taken as it is.
    """
    state, pieces, rounds, at = None, (), [], _last_of_turn(task.steps, 0)
    while at is not None:
        step = task.steps[at]
        turn = step.turn if not pieces or pieces[-1].end != "." else None
        sentence = Step(f"sentence {len(rounds) + 1}", (".", *step.stop), turn)
        [candidates] = yield [Propose(task, state, (sentence,), n)]
        candidates = [_meant(candidate, step) for candidate in candidates]
        one = yield from _round(task, "sentence", sentence.stage, candidates, pieces, seed)
        rounds.append(one)
        winner = candidates[one.kept]
        state, pieces = winner.state, pieces + winner.pieces
        if winner.pieces[-1].end != ".":
            at = next_step(task.steps, at, ended=True)
        if len(rounds) >= MOST_SENTENCES:
            at = None
    return _tree(task, "sentence_beam", n, rounds, pieces)


def token_beam(task: Task, n: int, seed: int = 0) -> Search:
    """At every stage or turn one continuation, found by a beam of width `n` over tokens: no judge (LlamaV-o1)."""
    state, pieces, rounds, at = None, (), [], 0
    while at is not None:
        [[candidate]] = yield [Propose(task, state, (task.steps[at],), beams=n)]
        rounds.append(Round(task.steps[at].stage, (candidate,), (), 0))
        state, pieces = candidate.state, pieces + candidate.pieces
        at = next_step(task.steps, at, candidate.ended)
    return _tree(task, "token_beam", n, rounds, pieces)


METHODS: dict[str, Callable[..., Search]] = {
    "greedy": greedy,
    "sample": sample,
    "best_of_n": best_of_n,
    "sentence_beam": sentence_beam,
    "stage_beam": stage_beam,
    "token_beam": token_beam,
}


def make(method: str, n: int = 1) -> Callable[..., Search]:
    """Return a method by name. Raises UserError for an unknown name, n < 1, or n > 1 where one text is drawn."""
    if method not in METHODS:
        near = get_close_matches(method, METHODS, 1)
        guess = f", did you mean {near[0]}?" if near else ""
        raise UserError(f"unknown search '{method}'{guess}: choose one of {', '.join(METHODS)}")
    if n < 1 or (n > 1 and method in ("greedy", "sample")):
        raise UserError(
            f"n = {n} candidates is nothing that {method} can do: use n = 1{'' if n < 1 else ', or method best_of_n'}"
        )
    return METHODS[method]


def drive(
    searches: Iterable[Search], propose: Callable, judge: Callable, progress: Callable[[int], object] | None = None
) -> list[Tree]:
    """Run searches to their ends side by side and return their trees in order.

    `propose` takes a list of Propose and returns a list of candidates for each; `judge` takes a list of Match and
    returns a verdict for each. `progress` is called with the number of searches that ended since its last call.
    """
    searches = dict(enumerate(searches))
    waiting, trees = {number: next(search) for number, search in searches.items()}, {}
    while waiting:
        before = len(trees)
        judging = any(
            isinstance(asked[0], Match) for asked in waiting.values()
        )  # proposals wait: the larger their batch, the better
        turn = {number: asked for number, asked in waiting.items() if isinstance(asked[0], Match) == judging}
        answers = iter((judge if judging else propose)([request for asked in turn.values() for request in asked]))
        for number, asked in turn.items():
            try:
                waiting[number] = searches[number].send([next(answers) for _ in asked])
            except StopIteration as end:
                trees[number] = end.value
                del waiting[number]
        if progress and len(trees) > before:
            progress(len(trees) - before)
    return [trees[number] for number in sorted(trees)]


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


def _whole(name, task, n, seed, greedy=False):
    [candidates] = yield [Propose(task, None, task.steps, n, greedy=greedy)]
    one = yield from _round(task, "all", "all", candidates, (), seed)
    return _tree(task, name, n, [one], candidates[one.kept].pieces)


def _round(task, kind, key, candidates, before, seed):
    """Play a tournament over the candidates of one stage and return it; one candidate wins without a match."""
    slots, matches, given = dict(enumerate(candidates)), [], hint(before, kind)
    for level in bracket(len(candidates), keyed(seed, task.qid, key, "bracket")):
        asked = [
            Match(task, kind, given, slots[a], slots[b], tuple(candidates), f"{key}/{slot}") for a, b, slot in level
        ]
        verdicts = yield asked
        for (_, _, slot), match, verdict in zip(level, asked, verdicts):
            slots[slot] = (match.a, match.b)[verdict.winner]
            matches.append((match.a.index, match.b.index, verdict))
    return Round(key, tuple(candidates), tuple(matches), slots[max(slots)].index)


def _tree(task, method, n, rounds, pieces):
    """Close a search: add up its costs, and let go of the decoder's states."""
    costs = [candidate.cost for one in rounds for candidate in one.candidates]
    costs += [verdict.cost for one in rounds for _, _, verdict in one.matches]
    bare = [
        replace(one, candidates=tuple(replace(candidate, state=None) for candidate in one.candidates)) for one in rounds
    ]
    return Tree(task, method, n, tuple(bare), tuple(pieces), sum(costs, Ledger()))


def _last_of_turn(steps, at):
    """Return the index of the last step of the turn that step `at` belongs to."""
    following = (k for k in range(at + 1, len(steps)) if steps[k].turn is not None)
    return next(following, len(steps)) - 1


def _meant(candidate: Candidate, step: Step) -> Candidate:
    """Return a sentence candidate whose last piece knows the proper end of its turn, which may be the turn's end."""
    last = candidate.pieces[-1]
    return replace(
        candidate, pieces=(*candidate.pieces[:-1], replace(last, wanted=step.stop[-1] if step.stop else "eos"))
    )
