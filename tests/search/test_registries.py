"""The registries of judges, rewards and methods: an entry is enough to add one, and search needs no model library."""

import subprocess
import sys

import pytest
from support import tiny

from o1lib.evaluation.answer import answer
from o1lib.inference.decoder import Decoder
from o1lib.records import UserError
from o1lib.search.judges import JUDGES, make_judge
from o1lib.search.methods import METHODS, make_search
from o1lib.search.registry import JudgeSpec, MethodSpec
from o1lib.search.rewards import REWARDS, make_judge_or_reward
from o1lib.search.scheduler import run_searches
from o1lib.search.state import SearchState, within_budget
from o1lib.search.types import Comparison, GenerationRequest, SearchRound, Verdict


class LongestJudge:
    """A toy judge: the longer text wins."""

    def __call__(self, comparisons):
        return [Verdict(int(len(one.b.text) > len(one.a.text)), note="longest") for one in comparisons]


def duel(task, n, seed=0):
    """A toy method: `n` whole samples, of which the first two are compared."""
    state = SearchState(task, "duel", n)
    return (yield from within_budget(state, _duel(state)))


def _duel(state):
    [candidates] = yield [GenerationRequest(state.task, None, state.task.stages, state.n)]
    a, b, *_ = candidates
    [verdict] = yield [Comparison(state.task, "all", "", a, b, tuple(candidates), "duel")]
    winner = (a, b)[verdict.winner]
    state.keep(SearchRound("all", tuple(candidates), ((a.index, b.index, verdict),), winner.index), winner)


@pytest.fixture
def toys(monkeypatch):
    """Add the toy judge and the toy method to the registries."""
    monkeypatch.setitem(JUDGES, "longest", JudgeSpec("the longer text", make=lambda **_: LongestJudge()))
    monkeypatch.setitem(METHODS, "duel", MethodSpec("a duel", run=duel, max_n=3))


def is_longest_of_two(result):
    [played] = result.rounds
    first, second, _ = (len(candidate.text) for candidate in played.candidates)
    [(a, b, verdict)] = played.matches
    return (a, b, verdict.note) == (0, 1, "longest") and len(result.text) == max(first, second)


@pytest.mark.slow
def test_a_toy_judge_and_method_run_by_name(toys):
    decoder, tasks = Decoder(*tiny.trained(), max_new_tokens=30, temperature=1.0), tiny.coloured_tasks(3)
    search = make_search("duel", 3)
    results = run_searches([search(task, 3) for task in tasks], decoder, make_judge("longest"))
    assert len(results) == 3 and all(map(is_longest_of_two, results))


@pytest.mark.slow
def test_answer_takes_a_toy_judge_and_method_by_name(toys):
    decoder = Decoder(*tiny.trained(), max_new_tokens=30, temperature=1.0)
    picture = tiny.coloured("red")
    assert is_longest_of_two(answer(decoder, picture, "How many?", "tags", method="duel", n=3, judge="longest"))


def test_a_method_bounds_its_number_of_candidates(toys):
    with pytest.raises(UserError, match="n = 4 is too large: duel takes at most 3"):
        make_search("duel", 4)


def test_a_rewarded_method_takes_rewards_and_others_take_judges():
    for method, spec in METHODS.items():
        registry, other = (REWARDS, JUDGES) if spec.rewarded else (JUDGES, REWARDS)
        assert callable(make_judge_or_reward(method, "likelihood")), method
        for name in other.keys() - registry.keys():
            with pytest.raises(UserError, match=f"unknown .* '{name}'"):
                make_judge_or_reward(method, name)


def test_every_entry_has_a_label_and_refuses_what_it_lacks():
    for what, registry in {"judge": JUDGES, "reward": REWARDS}.items():
        method = "retracing" if what == "reward" else "stage_beam"
        for name, spec in registry.items():
            assert spec.label, name
            if spec.needs_model or spec.needs_truth:
                with pytest.raises(UserError, match=f"{what} '{name}' (asks a model|must know the truth)"):
                    make_judge_or_reward(method, name)
            else:
                assert callable(make_judge_or_reward(method, name)), name
    assert all(spec.label for spec in METHODS.values())


@pytest.mark.slow
def test_search_imports_neither_torch_nor_transformers():
    names = ("judges", "methods", "oracle", "registry", "retracing", "rewards", "scheduler", "segments", "self_judge")
    imports = ", ".join(f"o1lib.search.{name}" for name in names)
    heavy = "('torch', 'transformers', 'pandas', 'o1lib.models', 'o1lib.inference', 'o1lib.training')"
    code = f"import sys, {imports}; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
