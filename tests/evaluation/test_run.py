"""Evaluation runs: predictions and option likelihoods from search results, and arms and questions from row ids."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest
from support import tiny

from o1lib.analysis.views.search_tree import show_tree
from o1lib.data.dataset import target
from o1lib.evaluation import inputs, predictions
from o1lib.evaluation import run as evaluate
from o1lib.formats.chat import FORMATS, answer_text, prompt_turns
from o1lib.formats.stages import STAGES
from o1lib.inference.decoder import Decoder
from o1lib.minivqa.testsets import TEST_SETS
from o1lib.minivqa.testsets import test_set as drawn_set
from o1lib.models.checkpoint import save
from o1lib.records import UserError, finish, start
from o1lib.scoring import metrics
from o1lib.scoring.stage_scores import CHAIN
from o1lib.search.methods import task_for
from o1lib.search.segments import Segment
from o1lib.search.types import Candidate, SearchResult, SearchRound, Usage

STAGED = [name for name, entry in FORMATS.items() if entry.staged]
ITEMS = drawn_set("mini-MMStar", 6) + drawn_set("mini-MM-Vet", 2)


def said(item, format, text=None):
    """Return a search result whose output is exactly the training target, or `text`."""
    task = task_for(item.qid, item.question, item.image, format)
    if format == "four_turn":
        segments = tuple(Segment(s, item.stages[s], turn=k > 0) for k, s in enumerate(STAGES))
    else:
        segments = (Segment("all", target(item, format) if text is None else text),)
    candidates = tuple(Candidate(k, segments) for k in range(2))
    return SearchResult(
        task, "best_of_n", 2, (SearchRound("all", candidates, (), 0),), segments, Usage(generated=9, images=1)
    )


def speaker(**settings):
    return Decoder(*tiny.model_and_processor(), **{"max_new_tokens": 6} | settings)


def run_at(tmp_path, row="row"):
    namespace = {
        "row": row,
        "seed": 0,
        "scale": "smoke",
        "root": str(tmp_path),
        "format": "no_tags",
        "schedule": "mixed",
    }
    cell = "\n".join(f"{name}: {type(value).__name__} = {value!r}" for name, value in namespace.items())
    return start(namespace | {"In": ["", cell]})


@pytest.mark.parametrize("format", FORMATS)
def test_training_targets_are_right_answers_in_every_format(format):
    rows = predictions.score([said(item, format) for item in ITEMS], ITEMS, format)
    assert all(row["correct"] and row["pred"] == row["gold"] for row in rows if row["options"])
    assert [row["correct"] for row in rows] == [True] * len(ITEMS)


@pytest.mark.parametrize("format", STAGED)
def test_true_stages_are_scored_true_in_every_staged_format(format):
    rows = predictions.score([said(item, format) for item in ITEMS], ITEMS, format)
    assert all(row["stage_scores"]["first_break"] is None for row in rows)
    found, chain = metrics(rows), [stage for stage in CHAIN if stage in FORMATS[format].stages]
    chain += ["faithful"] if "reasoning" in chain else []
    assert {name: found[f"stage/{name}"]["value"] for name in chain} == dict.fromkeys(chain, 1)
    assert found["well_formed"]["value"] == found["accuracy"]["value"] == 1


@pytest.mark.parametrize("format", [name for name in FORMATS if name not in STAGED])
def test_formats_without_stages_have_no_stage_scores(format):
    assert [
        row["stage_scores"] for row in predictions.score([said(item, format) for item in ITEMS], ITEMS, format)
    ] == [None] * 8


def test_items_without_known_facts_have_no_stage_scores():
    bare = [replace(item, facts=()) for item in ITEMS]
    assert {row["stage_scores"] for row in predictions.score([said(item, "tags") for item in bare], bare, "tags")} == {
        None
    }


def test_every_prediction_has_every_key_and_plain_values():
    [row] = predictions.score([said(ITEMS[0], "tags")], ITEMS[:1], "tags", [True], 0.6, "mixed", "self")
    wanted = {
        "qid",
        "test_set",
        "family",
        "skill",
        "template",
        "depth",
        "format",
        "schedule",
        "method",
        "judge",
        "n",
        "temperature",
        "gold",
        "options",
        "pred",
        "correct",
        "extracted_by",
        "output",
        "stage_scores",
        "option_likelihood_correct",
        "group",
        "ledger",
        "candidates",
        "verdicts",
        "problem",
    }
    assert set(row) == wanted and row["schedule"] == "mixed" and row["option_likelihood_correct"]
    assert row["depth"] == ITEMS[0].depth > 0
    assert row["ledger"] == {"generated": 9, "judge": 0, "prefilled": 0, "images": 1, "calls": 0, "seconds": 0.0}
    assert [line["kept"] for line in row["candidates"]] == [True, False]


def test_garbage_is_scored_as_wrong_and_not_refused():
    rows = predictions.score([said(item, "tags", "<CAPTION> \ud800 <script>") for item in ITEMS], ITEMS, "tags")
    assert not any(row["correct"] for row in rows) and {row["stage_scores"]["first_break"] for row in rows} == {
        "caption"
    }


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_options_are_scored_in_the_place_of_the_answer(format):
    decoder, item = speaker(), ITEMS[0]
    context = predictions._before_answer(said(item, format), format)
    letter = (" " if context.prefix.endswith(">") else "") + item.answer
    words = decoder.chat.render(context.users, context.replies) + context.prefix + letter
    asked = prompt_turns(item.question, format)
    assert all(turn in words for turn in asked)
    spoken = words.split("assistant<|end_header_id|>\n\n", 1)[1]
    if format == "four_turn":
        assert context.replies == tuple(item.stages[stage] for stage in STAGES[:3]) and not context.prefix
    else:
        assert target(item, format).startswith(spoken)
    assert answer_text(target(item, format), format).startswith(item.answer)


def test_option_likelihood_is_none_for_open_questions():
    class Sure:
        def likelihoods(self, contexts, options):
            return [([float(word.strip() == "B") for word in own], Usage()) for own in options]

    found = predictions.option_likelihoods([said(item, "tags") for item in ITEMS], ITEMS, "tags", Sure())
    assert found == [item.answer == "B" if item.options else None for item in ITEMS]


@pytest.mark.slow
@pytest.mark.parametrize(
    "format, method, n",
    [
        ("tags", "stage_beam", 3),
        ("four_turn", "sample", 1),
        ("direct", "greedy", 1),
        ("no_tags", "best_of_n", 2),
        ("shuffled", "sentence_beam", 2),
        ("special_tags", "token_beam", 2),
    ],
)
def test_a_real_model_is_searched_and_scored_in_every_way(format, method, n):
    decoder = speaker()
    trees, rows = evaluate.evaluate(ITEMS, format, decoder, method=method, n=n, judge="likelihood")
    assert [row["qid"] for row in rows] == [item.qid for item in ITEMS] == [tree.task.qid for tree in trees]
    assert {row["judge"] for row in rows} == ({"likelihood"} if n > 1 and method != "token_beam" else {""})
    assert all((row["option_likelihood_correct"] is None) == (not row["options"]) for row in rows)
    assert {row["temperature"] for row in rows} == {0.0 if method == "greedy" else 0.6}
    assert metrics(rows)["processed_tokens"]["value"] > 0
    assert not decoder.prefiller.cached  # pictures are let go


def test_blind_models_see_gray():
    assert {evaluate.picture_of(item, True).getcolors()[0][1] for item in ITEMS} == {(128, 128, 128)}
    assert evaluate.picture_of(ITEMS[0], False) == ITEMS[0].image


def test_a_capped_test_keeps_sets_even_and_groups_whole():
    items = [item for name in TEST_SETS for item in drawn_set(name, 8)]
    kept = inputs.capped(items, 14)
    assert Counter(item.test_set for item in kept).keys() == set(TEST_SETS) and len(kept) == 14
    groups = Counter(item.group for item in kept if item.group)
    assert set(groups.values()) == {4}
    assert [item.qid for item in kept] == [item.qid for item in items if item.qid in {one.qid for one in kept}]
    assert inputs.capped(items, 10_000) == items and inputs.capped([], 5) == []


def test_without_data_questions_are_drawn():
    items = inputs.test_items(SimpleNamespace(root=None, seed=0), "", 20)
    assert len(items) <= 20 and {item.test_set for item in items} == set(TEST_SETS)


def test_a_row_can_name_its_test_sets():
    run = SimpleNamespace(root=None, seed=0)
    found = inputs.test_items(run, "", 16, "mini-AI2D, mini-MMBench")
    assert len(found) == 16 and {item.test_set for item in found} == {"mini-AI2D", "mini-MMBench"}
    with pytest.raises(UserError, match="unknown test set in sets 'mini-AI2' .did you mean mini-AI2D"):
        inputs.test_items(run, "", 12, "mini-AI2")


@pytest.mark.slow
def test_an_arm_knows_the_format_it_was_trained_in(tmp_path):
    run = run_at(tmp_path)
    save(*tiny.model_and_processor(), run.folder / "model")
    finish(run, {})
    found = inputs.load_arm(run, "row")
    assert (found.format, found.schedule) == ("no_tags", "mixed") and len(found.model_hash) == 64
    assert inputs.load_arm(run, "row", "direct").format == "direct"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, format, words",
    [
        ("results/nowhere", "", "there is no model in results/nowhere"),
        ("missing", "", "missing"),
        ("row", "tagged", "unknown format 'tagged'"),
    ],
)
def test_an_arm_without_model_or_format_is_refused(tmp_path, name, format, words):
    run = run_at(tmp_path)
    save(*tiny.model_and_processor(), run.folder / "model")
    finish(run, {})
    with pytest.raises(UserError, match=words):
        inputs.load_arm(run, name, format)


@pytest.mark.slow
def test_a_checkpoint_without_a_record_needs_a_format(tmp_path, monkeypatch):
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    save(*tiny.model_and_processor(), tmp_path / "shipped" / "arm")
    with pytest.raises(UserError, match="shipped/arm has no record of its format"):
        inputs.load_arm(SimpleNamespace(root=tmp_path, seed=0), "shipped/arm")
    assert inputs.load_arm(SimpleNamespace(root=tmp_path, seed=0), "shipped/arm", "tags").format == "tags"


def test_a_tree_page_shows_candidates_and_escapes_output():
    hostile = "<CAPTION> <script>alert('&')</script> </CAPTION>"
    trees, _ = evaluate.evaluate(ITEMS[:2], "tags", speaker(), method="stage_beam", n=3, judge="likelihood")
    page = show_tree(replace(trees[0], rounds=said(ITEMS[0], "tags", hostile).rounds + trees[0].rounds), gold="<b>")
    assert "<script>" not in page and "&lt;script&gt;" in page and "right: &lt;b&gt;" in page
    assert page.count(" kept</b>") == 1 + len(trees[0].rounds) and page.count(" against ") == 2 * len(trees[0].rounds)
    assert page.startswith("<!doctype html>") and page.count("<img") == 1 and "http" not in page


def test_the_synthetic_judge_gets_its_accuracy():
    assert evaluate._referee(ITEMS, speaker(), "stage_beam", "synthetic", None, 0.3).p == 0.3
