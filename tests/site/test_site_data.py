"""The explorer's data: searches as rounds, questions drawn again and checked, Parquet files, the catalog."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from support import toyrecords, toysite

from o1lib.site import catalog, questions, shards, trees
from o1lib.site.questions import CHOICE, OPEN, YES_NO, Questions


@pytest.fixture(scope="module")
def written(study, tmp_path_factory):
    """(folder of the data, catalog)."""
    site = tmp_path_factory.mktemp("site")
    return site, catalog.write_data([study], site)


# ---------------------------------------------------------------- searches


@pytest.mark.parametrize("method, n", [("stage_beam", 4), ("stage_beam", 2), ("best_of_n", 5), ("sentence_beam", 3)])
def test_verdicts_name_the_candidates_that_met(method, n):
    line = toysite.search_line(method, n)
    rounds = trees.rounds_of(line, toysite.SEED)
    assert sum(len(one["matches"]) for one in rounds) == len(line["verdicts"]) > 0
    for one in rounds:
        said = {card["n"]: card["text"] for card in one["candidates"]}
        for match in one["matches"]:
            told = [f"{int(''.join(filter(str.isdigit, said[side].split()[-1])))}" for side in (match["a"], match["b"])]
            assert match["note"] == " : ".join(told)


def test_the_kept_candidate_won_the_last_match():
    for one in trees.rounds_of(toysite.search_line(n=4), toysite.SEED):
        assert [card["n"] for card in one["candidates"] if card["kept"]] == [one["matches"][-1]["winner"]]


def test_matches_are_left_out_where_the_bracket_does_not_fit():
    line = toysite.search_line(n=4)
    line["verdicts"] = [verdict | {"winner": 1 - verdict["winner"]} for verdict in line["verdicts"]]
    kept = [one["matches"] for one in trees.rounds_of(line, toysite.SEED)]
    assert any(matches == [] for matches in kept)


def test_a_prediction_without_verdicts_has_candidates_only():
    line = toysite.search_line(n=2)
    del line["verdicts"]
    assert [(len(one["candidates"]), one["matches"]) for one in trees.rounds_of(line, 0)] == [(2, [])] * 4


def test_the_stages_of_an_answer():
    line = toysite.search_line()
    assert [stage for stage, _ in trees.stages_of(line)] == ["summary", "caption", "reasoning", "conclusion"]
    assert trees.stages_of(line | {"format": "direct", "output": "B"}) == [["all", "B"]]


# ---------------------------------------------------------------- questions


def test_questions_are_drawn_again_with_picture_and_true_stages(study, tmp_path):
    record = study.by_row["structured.sample"][0]
    asked = Questions()
    assert asked.add(record.predictions(), record, study.folder) == list(range(len(record.predictions())))
    table = asked.table(tmp_path)
    example = toyrecords.questions()[0]
    assert table["question"][0] == example.bare and table["true_caption"][0] == example.stages["caption"]
    assert (tmp_path / table["picture"][0]).is_file()


@pytest.mark.parametrize("change", [{"gold": "Z"}, {"template": "another"}, {"options": ["x"]}, {"family": "other"}])
def test_a_drawing_that_contradicts_a_prediction_is_not_shown(study, tmp_path, change):
    record = study.by_row["direct.sample"][0]
    line = record.predictions()[0] | change
    asked = Questions()
    asked.add([line], record, study.folder)
    table = asked.table(tmp_path)
    assert (table["picture"], table["question"], table["true_caption"]) == ([""], [""], [""])
    assert list(tmp_path.iterdir()) == []


def test_a_drawing_on_which_other_statements_hold_is_not_shown(study):
    record = study.by_row["hostile.stage_beam4.self"][0]
    line = record.predictions()[1]
    told = Questions()
    told.add([line], record, study.folder)
    assert told.shown(line["qid"]) is not None
    line["stage_scores"]["wrong_statements"] = []
    told = Questions()
    told.add([line], record, study.folder)
    assert told.shown(line["qid"]) is None


@pytest.mark.parametrize("gold, options, form", [("B", ["x", "y"], CHOICE), ("yes", [], YES_NO), ("7", [], OPEN)])
def test_the_form_of_a_question(gold, options, form):
    assert questions.form(gold, options) == form


def test_equal_pictures_share_a_file(tmp_path):
    first = toyrecords.questions()[0]
    names = {questions.save_picture(item, tmp_path) for item in (first, replace(first, qid="other"))}
    assert len(names) == len(list(tmp_path.iterdir())) == 1


# ---------------------------------------------------------------- files


def test_texts_that_utf8_cannot_hold_are_escaped(tmp_path):
    shards.write_table({"pred": ["\ud800"]}, tmp_path / "x.parquet")
    assert pd.read_parquet(tmp_path / "x.parquet").pred[0] == "\\ud800"


def test_a_run_is_a_small_table_and_blocks_of_texts(written, study):
    site, found = written
    record = study.by_row["structured.sample"][0]
    folder = site / "data" / "mini" / "structured.sample@0"
    lines, predictions = pd.read_parquet(folder / "lines.parquet"), record.predictions()
    assert list(lines.correct) == [line["correct"] for line in predictions]
    assert len(list(folder.glob("texts-*.parquet"))) == -(-len(predictions) // found["block"])
    table = pd.read_parquet(site / "data" / "mini" / f"questions-{found['studies'][0]['runs'][0]['questions']}.parquet")
    assert [table.qid[place] for place in lines.place] == [line["qid"] for line in predictions]


def test_the_texts_of_a_line_are_in_its_block(written, study):
    site, found = written
    record = study.by_row["hostile.stage_beam4.self"][0]
    k = 7
    block = pd.read_parquet(site / f"data/mini/{record.row}@0/texts-{k // found['block']}.parquet")
    assert json.loads(block.rounds[k % found["block"]]) == trees.rounds_of(record.predictions()[k], 0)


def test_the_catalog_lists_every_scored_run(written, study):
    runs = written[1]["studies"][0]["runs"]
    scored = {(one.row, one.seed) for one in study.records if "accuracy" in one.metrics}
    assert {(run["row"], run["seed"]) for run in runs} == scored


def test_claims_lead_to_rows_that_answered_the_same_questions(written):
    entry = written[1]["studies"][0]
    asked = {run["row"]: run["questions"] for run in entry["runs"]}
    assert entry["claims"] and all(asked[one["a"]] == asked[one["b"]] for one in entry["claims"])


def test_a_claim_on_one_set_shows_that_set_alone():
    assert catalog.sets_of({"metric": "mini-MM-Vet"}) == ["mini-MM-Vet"]
    assert catalog.sets_of({"metric": "accuracy", "sets": ("mini-AI2D",)}) == ["mini-AI2D"]
    assert catalog.sets_of({"metric": "accuracy"}) == []
