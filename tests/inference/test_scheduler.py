"""Concurrent searches: what they wait for, what a budget does, and stage-wise retracing."""

from collections import Counter

import pytest
from support import tiny

from o1lib.inference.decoder import Decoder
from o1lib.search import judges, methods
from o1lib.search.rewards import make_judge_or_reward
from o1lib.search.scheduler import run_searches
from o1lib.search.segments import Segment, StageSpec
from o1lib.search.types import Candidate, GenerationRequest, Score, Task, Usage, Verdict

STEPS = tuple(StageSpec(stage, (f"</{stage}>",)) for stage in ("summary", "caption", "reasoning", "conclusion"))


def task(qid="q", steps=STEPS):
    return Task(qid, "How many?", None, steps)


def said(request, index, cost=10):
    """Return a candidate of the request's one stage that holds its stage and number, for `cost` tokens."""
    step = request.stages[0]
    text, tokens = (
        f"<{step.stage}>{index}{step.stop[-1]}",
        min(cost, request.budget // request.n) if request.budget else cost,
    )
    end = step.stop[-1] if tokens == cost else "length"
    segment = Segment(step.stage, text, -1.0, tokens, end, step.stop[-1])
    return Candidate(index, (segment,), (request.state or "") + text, Usage(generated=tokens, calls=1))


def toy(requests):
    return [[said(request, index) for index in range(request.first, request.first + request.n)] for request in requests]


def first_wins(matches):
    return [Verdict(0, cost=Usage(judge=7, calls=1)) for _ in matches]


class OneByOne:
    """A decoder whose stream answers the requests of one question first, one request per call."""

    def __init__(self, liked):
        self.liked, self.order, self.open = liked, [], []

    hungry = True

    def stream(self):
        return self

    def add(self, key, request):
        self.open.append((key, request))

    def next(self):
        key, request = min(self.open, key=lambda pair: pair[1].task.qid != self.liked)
        self.open.remove((key, request))
        self.order.append((request.task.qid, request.stages[0].stage))
        return [(key, toy([request])[0])]


def test_a_question_does_not_wait_for_the_stages_of_another():
    decoder = OneByOne("fast")
    run_searches([methods.stage_beam(task(qid), 3) for qid in ("slow", "fast")], decoder, first_wins)
    assert [qid for qid, _ in decoder.order] == ["fast"] * 4 + ["slow"] * 4


def test_a_judge_is_asked_for_half_of_the_questions_at_once():
    asked = []

    def judge(matches):
        asked.append(len({match.task.qid for match in matches}))
        return first_wins(matches)

    run_searches([methods.stage_beam(task(f"q{k}"), 2) for k in range(6)], OneByOne("q0"), judge)
    assert asked[0] == 3 and sum(asked) == 6 * 4


def test_at_most_at_once_searches_run_and_others_follow():
    begun = Counter()

    def tasks():
        for k in range(7):
            begun["begun"] += 1
            yield methods.stage_beam(task(f"q{k}"), 2)

    most = []
    trees = run_searches(
        tasks(),
        toy,
        lambda matches: most.append(begun["begun"] - begun["done"]) or first_wins(matches),
        at_once=3,
        done=lambda number, tree: begun.update(["done"]),
    )
    assert [tree.task.qid for tree in trees] == [f"q{k}" for k in range(7)] and max(most) <= 3 and begun["done"] == 7


@pytest.mark.parametrize(
    "budget, stages, tokens", [(0, 4, 4 * 20 + 4 * 7), (54, 2, 54), (27, 1, 27), (25, 1, 27), (20, 1, 20)]
)
def test_a_budget_ends_a_search_with_its_best_so_far(budget, stages, tokens):
    [tree] = run_searches([methods.stage_beam(task(), 2)], toy, first_wins, budget=budget)
    assert len(tree.rounds) == len(tree.segments) == stages and tree.usage.processed == tokens
    assert tree.stopped == bool(budget) and ("budget" in tree.problem) == bool(budget)


def test_candidates_cut_by_the_budget_are_still_compared():
    [tree] = run_searches([methods.stage_beam(task(), 2)], toy, first_wins, budget=36)
    assert [segment.end for segment in tree.segments] == ["</summary>", "length"] and tree.stopped


@pytest.mark.slow
@pytest.mark.parametrize("method", ["best_of_n", "sentence_beam", "stage_beam", "token_beam", "retracing"])
@pytest.mark.parametrize("budget", [30, 60, 100])
def test_a_real_search_keeps_its_budget_and_returns_text(method, budget):
    speaker = Decoder(*tiny.trained(), max_new_tokens=40, temperature=1.0)
    referee = make_judge_or_reward(method, "likelihood")
    asked = tiny.coloured_tasks(3)
    for tree in run_searches(
        [methods.make_search(method, 3)(one, 3) for one in asked], speaker, referee, budget=budget
    ):
        prompt = len(speaker.chat.inputs([tree.task])["input_ids"][0])
        assert tree.usage.processed <= max(budget, prompt) + 3 and tree.segments and tree.text
        assert tree.stopped or tree.usage.processed < budget


@pytest.mark.slow
def test_the_tokens_of_an_asking_judge_count_for_the_budget():
    speaker = Decoder(*tiny.trained(), max_new_tokens=40, temperature=1.0)
    [tree] = run_searches(
        [methods.make_search("stage_beam", 4)(tiny.coloured_tasks(1)[0], 4)],
        speaker,
        judges.make_judge("self", decoder=speaker),
        budget=150,
    )
    assert tree.stopped and tree.usage.judge and 1 <= len(tree.rounds) < 4 and tree.text


def scored(table):
    """Return a reward that looks up a score by (stage, index), 0 if it is missing; it costs one token."""
    return lambda rates: [Score(table.get((rate.kind, rate.candidate.index), 0.0), Usage(judge=1)) for rate in rates]


def retraced(table, **options):
    asked = []
    referee = scored(table)

    def both(requests):
        asked.extend(requests)
        return toy(requests)

    [tree] = run_searches([methods.make_search("retracing", 4, **options)(task(), 4)], both, referee)
    return tree, asked


def test_retracing_goes_straight_on_while_a_candidate_passes():
    tree, asked = retraced(
        {("reasoning", 2): 1.0, ("conclusion", 1): 1.0}, cutoffs={"reasoning": 0.5, "conclusion": 0.5}
    )
    assert [one.stage for one in tree.rounds] == ["summary", "caption", "reasoning", "conclusion"]
    assert [sum(request.n for request in asked if request.stages[0] == step) for step in STEPS] == [1, 4, 4, 4]
    assert tree.rounds[2].kept == 2 or tree.rounds[3].kept == 1 and not tree.problem


def test_retracing_draws_the_stage_before_again_until_one_passes():
    tree, asked = retraced({("reasoning", 6): 1.0}, cutoffs={"reasoning": 0.5})
    assert [one.stage for one in tree.rounds] == [
        "summary",
        "caption",
        "reasoning",
        "caption",
        "reasoning",
        "conclusion",
    ]
    captions = [request for request in asked if request.stages[0].stage == "caption"]
    assert [request.state for request in captions] == ["<summary>0</summary>"] * 2
    assert [request.first for request in captions] == [0, 4]  # other draws than before
    assert tree.rounds[4].scores[2].value == 1.0 and "<reasoning>6</reasoning>" in tree.text
    assert tree.rounds[1].kept == tree.rounds[2].kept == -1 and tree.rounds[3].kept >= 4


@pytest.mark.parametrize("most", [0, 1, 3])
def test_retracing_stops_after_its_retraces_with_the_best_of_all(most):
    tree, asked = retraced({("reasoning", 1): 0.4}, cutoffs={"reasoning": 0.5}, retraces=most)
    assert [one.stage for one in tree.rounds] == [
        "summary",
        "caption",
        *["reasoning", "caption"] * most,
        "reasoning",
        "conclusion",
    ]
    assert "<reasoning>1</reasoning>" in tree.text


def test_retracing_answers_with_the_highest_score():
    tree, _ = retraced(
        {("caption", 3): 2.0, ("reasoning", 1): 1.0, ("conclusion", 1): 3.0, ("conclusion", 3): 2.0}, keep=2
    )
    assert tree.text.endswith("<conclusion>1</conclusion>") and [one.kept for one in tree.rounds][0] == 0
    line = "".join(c.text for one in tree.rounds for c in one.candidates if c.index == one.kept)
    assert (
        line == tree.text
        and sum(score.cost.judge for one in tree.rounds for score in one.scores) == 12 == tree.usage.judge
    )


def test_summary_and_caption_are_never_retraced():
    tree, _ = retraced({}, cutoffs={"caption": 9.0})
    assert [one.stage for one in tree.rounds] == ["summary", "caption", "reasoning", "conclusion"]
    assert not tree.rounds[0].scores and len(tree.rounds[0].candidates) == 1


def test_survivors_spawn_equal_shares():
    _, asked = retraced({}, keep=2)
    assert [request.n for request in asked] == [1, 4, 2, 2, 2, 2] and asked[3].first == 2


def test_candidates_that_cannot_go_on_are_passed_over():
    def broken(requests):
        own = toy(requests)
        for request, candidates in zip(requests, own):
            if request.stages[0].stage == "caption":
                segment = candidates[0].segments[0]
                candidates[0] = Candidate(
                    0, (Segment("caption", "no tag", 0.0, 1, "eos", segment.wanted),), "x", candidates[0].cost
                )
        return own

    [tree] = run_searches([methods.retracing(task(), 4)], broken, scored({("caption", 0): 9.0}))
    assert len(tree.segments) == 4 and "no tag" not in tree.text


def test_requests_of_one_question_share_its_budget():
    asked = []
    searches = [methods.retracing(task(), 4)]
    run_searches(searches, lambda requests: asked.extend(requests) or toy(requests), scored({}), budget=1000)
    assert isinstance(asked[0], GenerationRequest) and asked[0].budget == 1000
    assert [request.budget for request in asked[2:4]] == [(1000 - 10 - 40 - 4) // 2] * 2
