"""Evaluation under faults: logits that are not finite, too little memory, interruptions and a full disk."""

import json
import warnings
from dataclasses import replace

import pytest
import torch
from support import tiny

from o1lib.evaluation import run as evaluate
from o1lib.evaluation.resume import FinishedQuestions
from o1lib.inference.kv_cache import BatchedCache
from o1lib.inference.sequential import make_decoder as decoder_of
from o1lib.minivqa.testsets import test_set as drawn_set
from o1lib.records import UserError
from o1lib.search import judges
from o1lib.search.methods import make_search
from o1lib.search.scheduler import run_searches
from o1lib.search.segments import StageSpec
from o1lib.search.types import Conversation, GenerationRequest

ITEMS = drawn_set("mini-MMStar", 20)


def speaker(engine="batched", **how):
    return decoder_of(engine, *tiny.trained(), **{"max_new_tokens": 12, "temperature": 1.0, "rows": 8} | how)


def broken_logits(model, when):
    """Return a hook that sets rows of the logits to NaN: those that `when(number of the call, logits)` returns."""
    calls = []

    def spoil(module, args, output):
        calls.append(1)
        for row in when(len(calls), output):
            output[row] = float("nan")
        return output

    return model.lm_head.register_forward_hook(spoil)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["batched", "one_at_a_time"])
def test_a_candidate_with_nan_logits_is_marked_and_loses(engine):
    """The other candidates do not change; at this temperature all three differ from the first token on."""
    one, [task] = speaker(engine, temperature=2.0), tiny.coloured_tasks(1)
    task = replace(task, stages=(StageSpec("all"),))
    [[sound, _, _]] = one.propose([GenerationRequest(task, None, task.stages, n=3)])
    place = {
        "batched": lambda call, out: [1] if call == 4 else [],
        "one_at_a_time": lambda call, out: [0] if call == sound.tokens + 4 else [],
    }[engine]
    again = speaker(engine, temperature=2.0)
    hook = broken_logits(tiny.trained()[0], place)
    [tree] = run_searches([make_search("best_of_n", 3)(task, 3)], again, judges.make_judge("likelihood"))
    hook.remove()
    candidates = tree.rounds[0].candidates
    assert candidates[0].text == sound.text and tree.rounds[0].kept != 1
    assert "numbers were not finite" in candidates[1].problem and candidates[1].tokens == 3
    json.dumps(tree.rows(), allow_nan=False)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["batched", "one_at_a_time"])
def test_a_model_with_only_nan_logits_is_refused(engine):
    hook = broken_logits(tiny.trained()[0], lambda call, out: range(len(out)))
    with pytest.raises(UserError, match="not finite at question c0: .* float32"):
        speaker(engine).propose([GenerationRequest(task, None, task.stages) for task in tiny.coloured_tasks(2)])
    hook.remove()


@pytest.mark.slow
def test_a_verdict_from_nan_logits_is_an_unparsed_tie():
    one, asked = speaker(), tiny.coloured_tasks(1)
    [tree] = run_searches([make_search("stage_beam", 2)(asked[0], 2)], one, judges.make_judge("likelihood"))
    [(match, _), *_] = judges.own_comparisons([tree])
    match = replace(
        match, b=replace(match.b, segments=(replace(match.b.segments[0], text="<SUMMARY> other </SUMMARY>"),))
    )
    hook = broken_logits(tiny.trained()[0], lambda call, out: range(len(out)))
    [verdict] = judges.make_judge("self", decoder=one)([match])
    hook.remove()
    assert verdict.tie and not verdict.parsed


def small_memory(monkeypatch, rows):
    """Make every batch of more than `rows` rows raise the error of a GPU without free memory."""
    whole = BatchedCache.read

    def read(self, tokens, *args, **kwargs):
        if len(tokens) > rows:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(self, tokens, *args, **kwargs)

    monkeypatch.setattr(BatchedCache, "read", read)


@pytest.mark.slow
@pytest.mark.parametrize("method, who", [("stage_beam", "self"), ("best_of_n", "likelihood")])
def test_a_batch_too_large_for_memory_is_halved(monkeypatch, method, who):
    """The search results do not change."""
    asked = tiny.coloured_tasks(5)

    def searched():
        one = speaker(rows=16)
        return run_searches(
            [make_search(method, 3)(task, 3) for task in asked], one, judges.make_judge(who, decoder=one)
        )

    before = searched()
    small_memory(monkeypatch, 3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        after = searched()
    assert [tree.text for tree in after] == [tree.text for tree in before]
    assert [tree.usage.generated for tree in after] == [tree.usage.generated for tree in before]
    assert 1 <= sum("does not fit in memory" in str(one.message) for one in caught) <= 8


@pytest.mark.slow
def test_a_candidate_too_large_for_memory_is_refused(monkeypatch):
    one, [task] = speaker(), tiny.coloured_tasks(1)
    one.propose([GenerationRequest(task, None, task.stages)])
    small_memory(monkeypatch, 0)
    with pytest.raises(UserError, match="c0 does not fit .* even alone"):
        one.propose([GenerationRequest(task, None, task.stages)])
    with pytest.raises(UserError, match="one prompt alone does not fit"):
        one.likelihoods([Conversation(task, ("Is it?",))], [["yes"]])


def run(one, tmp_path, items=ITEMS[:12], **more):
    return evaluate.evaluate(
        items,
        "tags",
        one,
        **{"method": "stage_beam", "n": 2, "judge": "likelihood"} | more,
        journal=tmp_path / "searched.jsonl",
    )


def test_the_journal_of_the_other_engine_is_not_used(tmp_path, capsys):
    for engine in ("batched", "one_at_a_time"):
        run(speaker(engine, max_new_tokens=3), tmp_path, ITEMS[:1], n=1, method="greedy")
    assert "searched.jsonl: it is a journal of other settings, so it was renamed" in capsys.readouterr().err


def test_the_journal_of_another_dtype_is_not_used(tmp_path, capsys):
    for dtype in (torch.float32, torch.bfloat16):
        run(speaker(max_new_tokens=3, dtype=dtype), tmp_path, ITEMS[:1], n=1, method="greedy")
    assert "searched.jsonl: it is a journal of other settings, so it was renamed" in capsys.readouterr().err


def comparable(rows):
    """Return rows without the values that differ between two runs: seconds, and last digits of log-probabilities."""
    return [
        row
        | {
            "ledger": {name: value for name, value in row["ledger"].items() if name != "seconds"},
            "candidates": [one | {"logprob": round(one["logprob"], 3)} for one in row["candidates"]],
        }
        for row in rows
    ]


@pytest.mark.slow
def test_an_interrupted_evaluation_run_resumes(tmp_path, monkeypatch):
    """Finished questions are not searched again, and the results equal those of an uninterrupted run."""
    whole_trees, whole = run(speaker(), tmp_path / "whole")
    monkeypatch.setattr(evaluate, "SCORED_AT_ONCE", 2)
    monkeypatch.setattr(evaluate, "AT_ONCE", 4)
    scored = evaluate.score

    def stop(trees, *rest):
        if len((tmp_path / "searched.jsonl").read_text(encoding="utf8").splitlines()) > 6:
            raise KeyboardInterrupt
        return scored(trees, *rest)

    monkeypatch.setattr(evaluate, "score", stop)
    with pytest.raises(KeyboardInterrupt):
        run(speaker(), tmp_path)
    monkeypatch.setattr(evaluate, "score", scored)
    kept = len((tmp_path / "searched.jsonl").read_text(encoding="utf8").splitlines()) - 1
    one, asked = speaker(), []
    monkeypatch.setattr(
        one.prefiller, "encode", lambda tasks, encode=one.prefiller.encode: asked.extend(tasks) or encode(tasks)
    )
    trees, rows = run(one, tmp_path)
    assert kept == 6 and len({task.qid for task in asked}) == 6
    assert comparable(rows) == comparable(whole)
    assert [tree.text for tree in trees] == [tree.text for tree in whole_trees]
    assert [[one.kept for one in tree.rounds] for tree in trees] == [
        [one.kept for one in tree.rounds] for tree in whole_trees
    ]


@pytest.mark.slow
def test_a_torn_or_foreign_journal_is_not_used(tmp_path):
    trees, rows = run(speaker(), tmp_path, ITEMS[:3])
    path = tmp_path / "searched.jsonl"
    lines = path.read_text(encoding="utf8").split("\n")
    settings = json.loads(lines[0])["settings"]
    path.write_text("\n".join([*lines[:3], lines[3][:40]]), encoding="utf8")
    found = FinishedQuestions(path, settings).found
    assert len(found) == 2
    assert found[trees[0].task.qid].tree(trees[0].task).rounds == trees[0].rounds
    assert path.read_text(encoding="utf8").count("\n") == 3  # the torn line is gone, so that the next one is whole
    assert (
        FinishedQuestions(path, settings | {"seed": 1}).found == {} and path.read_text(encoding="utf8").count("\n") == 1
    )


def test_without_a_path_no_journal_is_written(tmp_path):
    journal = FinishedQuestions(None, {})
    journal.add(None, {})
    assert journal.found == {} and not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_full_disk_is_one_sentence(tmp_path, small_files):
    trees, rows = run(speaker(), tmp_path, ITEMS[:1])
    journal = FinishedQuestions(tmp_path / "other.jsonl", {})
    with small_files(200), pytest.raises(UserError, match="cannot write"):
        journal.add(trees[0], rows[0])
