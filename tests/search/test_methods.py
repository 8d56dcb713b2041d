"""Control flow of the searches, with toy proposers and judges: requests, comparisons, survivors."""

import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1lib.formats.chat import FORMATS
from o1lib.records import UserError
from o1lib.search import methods
from o1lib.search.scheduler import run_searches
from o1lib.search.segments import Segment, next_stage
from o1lib.search.types import Candidate, Usage, Verdict

COST = Usage(generated=1, calls=1)


def toy_texts(request, step, index):
    """Return a number that depends on everything a draw is keyed by, in the tags of the stage if it has any."""
    word = str(random.Random(f"{request.task.qid}/{step.stage}/{index}").randrange(1000))
    return f"<{step.stage.upper()}> {word} {step.stop[-1]}" if step.stop else word


def toy(requests, texts=toy_texts):
    """Propose as a decoder does: go through the stages in order, with all text so far as the state."""
    replies = []
    for request in requests:
        own = []
        for index in range(request.first, request.first + request.n):
            segments, at, state = [], 0, request.state or ""
            while at is not None:
                step = request.stages[at]
                text = texts(request, step, index)
                end = next((stop for stop in step.stop if stop in text), "eos")
                segments.append(
                    Segment(
                        step.stage,
                        text,
                        -len(text),
                        len(text),
                        end,
                        step.stop[-1] if step.stop else "eos",
                        step.turn is not None,
                    )
                )
                state += text
                at = next_stage(request.stages, at, end == "eos")
            own.append(Candidate(index, tuple(segments), state, COST))
        replies.append(own)
    return replies


def larger(matches):
    """Prefer the larger number; a tie goes to the second."""
    number = [
        [float("0" + "".join(filter(str.isdigit, side.segments[-1].text))) for side in (match.a, match.b)]
        for match in matches
    ]
    return [Verdict(int(a <= b), tie=a == b, cost=Usage(judge=2, calls=1)) for a, b in number]


def tasks(n, format="tags"):
    return [methods.task_for(f"q{k}", "How many?", None, format) for k in range(n)]


def run(method, n, count=3, format="tags", texts=toy_texts, judge=larger):
    searches = [methods.make_search(method, n)(task, n, seed=0) for task in tasks(count, format)]
    return run_searches(searches, lambda requests: toy(requests, texts), judge)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 8])
def test_stage_beam_plays_n_minus_1_matches_at_every_stage(n):
    for tree in run("stage_beam", n):
        assert [one.stage for one in tree.rounds] == ["summary", "caption", "reasoning", "conclusion"]
        assert all(len(one.candidates) == n and len(one.matches) == n - 1 for one in tree.rounds)
        assert tree.usage == Usage(generated=4 * n, judge=8 * (n - 1), calls=4 * n + 4 * (n - 1))


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_the_best_candidate_survives_a_perfect_judge(n):
    for tree in run("stage_beam", n):
        for one in tree.rounds:
            best = max(one.candidates, key=lambda candidate: int("".join(filter(str.isdigit, candidate.text))))
            assert one.kept == best.index
        assert tree.text == "".join(one.candidates[one.kept].text for one in tree.rounds)


def test_every_stage_continues_the_survivor():
    states = []
    searches = [methods.stage_beam(task, 3) for task in tasks(1)]
    [tree] = run_searches(searches, lambda requests: states.extend(r.state for r in requests) or toy(requests), larger)
    texts = [segment.text for segment in tree.segments]
    assert states == [None, *("".join(texts[:k]) for k in (1, 2, 3))]


@pytest.mark.parametrize("method", ["sample", "best_of_n", "stage_beam"])
def test_one_candidate_is_one_sample(method):
    assert [tree.text for tree in run(method, 1)] == [tree.text for tree in run("sample", 1)]
    assert all(not one.matches for tree in run(method, 1) for one in tree.rounds)


def test_best_of_n_compares_whole_texts():
    seen = []
    searches = [methods.best_of_n(task, 4) for task in tasks(2)]
    for tree in run_searches(searches, toy, lambda matches: seen.extend(matches) or larger(matches)):
        assert len(tree.rounds) == 1 and len(tree.rounds[0].candidates) == 4 and len(tree.rounds[0].matches) == 3
        assert tree.text == tree.rounds[0].candidates[tree.rounds[0].kept].text
    assert {match.kind for match in seen} == {"all"} and {match.hint for match in seen} == {""}


def test_hints_are_what_the_release_takes_as_given():
    seen = {}
    searches = [methods.stage_beam(task, 2) for task in tasks(1)]
    [tree] = run_searches(
        searches, toy, lambda matches: seen.update({m.kind: m.hint for m in matches}) or larger(matches)
    )
    words = [segment.text.split()[1] for segment in tree.segments]
    assert seen == {"summary": "", "caption": "", "reasoning": words[1], "conclusion": f"{words[1]} {words[2]}"}


@pytest.mark.parametrize(
    "method, n, most",
    [("greedy", 1, 1), ("sample", 1, 1), ("stage_beam", 4, 12), ("best_of_n", 8, 7), ("sentence_beam", 3, 4 * 60)],
)
def test_questions_are_searched_concurrently(method, n, most):
    asked = Counter()
    searches = [methods.make_search(method, n)(task, n) for task in tasks(5)]
    run_searches(
        searches, lambda r: asked.update(["propose"]) or toy(r), lambda m: asked.update(["judge"]) or larger(m)
    )
    assert asked["judge"] <= most and asked["propose"] <= (methods.MOST_SENTENCES if method == "sentence_beam" else 4)


def test_a_candidate_without_its_tag_is_marked_and_may_win():
    def broken(request, step, index):
        return "999 and no tag" if (step.stage, index) == ("caption", 2) else toy_texts(request, step, index)

    for tree in run("stage_beam", 3, texts=broken):
        caption = tree.rounds[1]
        assert caption.candidates[2].problem == "caption: ended before </CAPTION>"
        assert caption.kept == 2 and any(2 in match[:2] for match in caption.matches)
        assert [one.stage for one in tree.rounds] == ["summary", "caption"]  # nothing can follow the turn's end
        assert "caption: ended before" in tree.problem


def test_a_turn_that_was_cut_does_not_end_the_dialog():
    for tree in run("stage_beam", 2, format="four_turn"):
        assert [one.stage for one in tree.rounds] == ["summary", "caption", "reasoning", "conclusion"]
        assert tree.turns == [segment.text for segment in tree.segments] and len(tree.turns) == 4
        assert tree.text == "\n\n".join(tree.turns) and tree.problem == ""


def test_an_unreadable_verdict_still_names_a_survivor():
    for tree in run("stage_beam", 4, judge=lambda matches: [Verdict(1, parsed=False, note="?") for _ in matches]):
        assert all(one.kept in range(4) and not verdict.parsed for one in tree.rounds for _, _, verdict in one.matches)


@given(st.integers(1, 12), st.integers(0, 2**32))
def test_a_bracket_lets_every_entrant_lose_once_but_one(n, seed):
    rounds = methods.bracket(n, np.random.default_rng(seed))
    known, lost = set(range(n)), []
    for one in rounds:
        assert all({a, b} <= known for a, b, _ in one)
        known |= {slot for _, _, slot in one}
        lost += [entrant for a, b, _ in one for entrant in (a, b)]
    assert sorted(lost) == list(range(2 * n - 2)) and sum(map(len, rounds)) == n - 1


def test_brackets_are_random_but_fixed_by_seed_and_question():
    pairs = [[match[:2] for match in tree.rounds[0].matches] for tree in run("stage_beam", 6, count=6)]
    assert pairs == [[match[:2] for match in tree.rounds[0].matches] for tree in run("stage_beam", 6, count=6)]
    assert len({tuple(own) for own in pairs}) > 1


def test_a_question_alone_is_searched_as_in_a_batch():
    together = run("stage_beam", 4, count=5)
    alone = run_searches([methods.stage_beam(tasks(5)[3], 4)], toy, larger)
    assert alone[0] == together[3]


def sentences(request, step, index):
    """Return one of three sentences, the third closed by the tag, if there is one."""
    number = int(step.stage.split()[1])
    return f" {index}{number}." if number % 3 else f" {index} " + (step.stop[-1] if len(step.stop) > 1 else "")


def test_sentence_beam_goes_on_until_the_last_tag():
    for tree in run("sentence_beam", 3, texts=sentences):
        assert [one.stage for one in tree.rounds] == ["sentence 1", "sentence 2", "sentence 3"]
        assert all(len(one.matches) == 2 for one in tree.rounds)
        assert tree.text == " 21. 22. 2 </CONCLUSION>" and tree.problem == ""


def test_sentence_beam_shows_the_judge_the_text_so_far():
    hints = []
    searches = [methods.sentence_beam(task, 2) for task in tasks(1)]
    run_searches(
        searches, lambda r: toy(r, sentences), lambda matches: hints.extend(m.hint for m in matches) or larger(matches)
    )
    assert hints == ["", " 11.", " 11. 12."]


def test_sentence_beam_goes_turn_by_turn():
    for tree in run("sentence_beam", 2, format="four_turn", texts=sentences):
        assert len(tree.turns) == 4 and tree.turns[0] == " 11. 12. 1 " and tree.problem == ""
        assert [segment.turn for segment in tree.segments] == [False] * 3 + [True, False, False] * 3


def test_sentence_beam_ends_even_when_the_model_does_not():
    for tree in run("sentence_beam", 2, texts=lambda request, step, index: " more."):
        assert len(tree.rounds) == methods.MOST_SENTENCES


def test_token_beam_asks_for_one_text_per_stage_and_no_judge():
    asked = []
    searches = [methods.token_beam(task, 4) for task in tasks(2)]
    trees = run_searches(searches, lambda requests: asked.extend(requests) or toy(requests), judge=None)
    assert {(request.n, request.beams, len(request.stages)) for request in asked} == {(1, 4, 1)}
    assert all(len(tree.rounds) == 4 and tree.usage.judge == 0 for tree in trees)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_a_task(format):
    task = tasks(1, format)[0]
    whole = format in ("direct", "filler", "separate", "shuffled")  # cannot be stopped after a stage
    assert len(task.stages) == (1 if whole else len(FORMATS[format].stages))
    assert [step.turn is not None for step in task.stages] == (
        [False, True, True, True] if format == "four_turn" else [False] * len(task.stages)
    )
    assert task.question == "How many?" and task.opening.startswith("How many?")
    for tree in run("stage_beam", 2, format=format):
        assert len(tree.rounds) == len(task.stages) and tree.problem == ""


@pytest.mark.parametrize("method", ["best_of_n", "stage_beam", "token_beam"])
@pytest.mark.parametrize("stage", ["caption", "reasoning"])
def test_searches_go_over_the_one_stage_and_the_answer(stage, method):
    """The hint for the conclusion is the stage that was written."""
    hints = []
    trees = run(method, 2, format=f"{stage}_only", judge=lambda asked: hints.extend(asked) or larger(asked))
    closed = [f"</{stage.upper()}>", "</CONCLUSION>"]
    assert all(re.findall("</[A-Z]+>", tree.text) == closed and not tree.problem for tree in trees)
    assert all(one.hint for one in hints if one.kind == "conclusion")


def test_progress_counts_every_question_once():
    heard = []
    run_searches([methods.sample(task) for task in tasks(5)], toy, larger, heard.append)
    assert sum(heard) == 5


def test_a_tree_keeps_every_candidate_as_plain_values():
    [tree] = run("stage_beam", 2, count=1)
    rows = tree.rows()
    assert len(rows) == 8 and sum(row["kept"] for row in rows) == 4
    assert set(rows[0]) == {"round", "candidate", "kept", "problem", "stage", "text", "logprob", "tokens"}


@pytest.mark.parametrize(
    "method, n, words",
    [
        ("stage_bean", 2, "did you mean stage_beam"),
        ("zzz", 1, "choose one of greedy"),
        ("stage_beam", 0, "n = 0"),
        ("sample", 4, "best_of_n"),
        ("greedy", 2, "use n = 1"),
    ],
)
def test_an_unknown_method_or_a_wrong_n_is_refused(method, n, words):
    with pytest.raises(UserError, match=words):
        methods.make_search(method, n)


def test_methods_import_neither_models_nor_judges():
    imports = re.findall(r"^from (\S+) import", Path(methods.__file__).read_text(encoding="utf8"), re.MULTILINE)
    forbidden = ("o1lib.models", "o1lib.inference", "o1lib.search.judges", "o1lib.search.scheduler", "torch")
    assert imports and not [name for name in imports if name.startswith(forbidden)]
