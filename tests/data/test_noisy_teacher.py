"""A teacher that errs on purpose: its errors are errors, what the filter does to them is known, and data comes out."""

import itertools
import json

import pytest
from PIL import Image
from support.served import answer, serve

from o1lib.data.annotation.build import AnnotationConfig, annotated_splits
from o1lib.data.annotation.noisy_teacher import (
    KINDS,
    NOTHING,
    Measure,
    NoisyTeacher,
    annotation_request,
    measure,
    salvaged,
    spoil,
)
from o1lib.data.annotation.teacher import annotate
from o1lib.data.dataset import read_items, write_items
from o1lib.data.sources import flatten_counts, load_splits
from o1lib.formats.stages import STAGES, parse, render
from o1lib.minivqa import mixture
from o1lib.minivqa.facts import caption_score, check_steps
from o1lib.records import UserError, to_json

EXAMPLES = list(mixture("train", 150))


def spoilt(kind):
    import random

    return [(example, spoil(example, kind, random.Random(k))) for k, example in enumerate(EXAMPLES)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_spoilt_text_is_never_the_true_one(kind):
    assert all(text != render(example.stages) for example, text in spoilt(kind))


def test_an_altered_fact_makes_the_caption_wrong_and_nothing_else():
    for example, text in spoilt("fact"):
        stages = parse(text).stages
        assert not caption_score(stages["caption"], example.facts)["exact"]
        assert stages | {"caption": ""} == dict(example.stages) | {"caption": ""}


def test_an_altered_step_makes_the_reasoning_wrong_and_nothing_else():
    for example, text in spoilt("step"):
        stages = parse(text).stages
        steps = check_steps(stages["reasoning"], example.facts, example.true)
        assert not all(holds for _, holds in steps) or len(steps) < len(example.steps)
        assert stages | {"reasoning": ""} == dict(example.stages) | {"reasoning": ""}


def test_the_share_of_noise_is_the_one_asked_for_and_the_kinds_are_equally_frequent():
    program = NoisyTeacher(0.5)
    kinds = [program.kind(annotation_request(example), attempt) for example in EXAMPLES for attempt in range(1, 11)]
    assert sum(map(bool, kinds)) / len(kinds) == pytest.approx(0.5, abs=0.05)
    assert all(kinds.count(kind) / sum(map(bool, kinds)) == pytest.approx(0.2, abs=0.05) for kind in KINDS)


def test_without_noise_everything_is_kept_as_the_program_knows_it():
    outcomes = list(annotate(map(annotation_request, EXAMPLES), NoisyTeacher()))
    assert [outcome.stages for outcome in outcomes] == [example.stages for example in EXAMPLES]


def test_the_filter_catches_form_refusals_and_answers_and_is_blind_to_facts_and_steps():
    found = measure(0.6, 300)
    recall = {row["spoilt"]: row["value"] for row in found.by_kind()}
    assert recall["answer"] >= 0.98 and recall["refusal"] >= 0.98 and recall["tags"] >= 0.98
    assert recall["fact"] == recall["step"] == recall["nothing"] == 0
    assert all(row["value"] == 1 for row in found.by_reason() if row["reason"] != "kept")
    assert "which it cannot see" in found.conclusion() and to_json(found.by_kind(), "here")


def test_shares_come_with_their_counts_and_intervals():
    rows = {row["spoilt"]: row for row in measure(0.5, 60).by_kind()}
    assert sum(rows[kind]["n"] for kind in ("nothing", *KINDS)) == 60
    assert all(row["value"] is None or row["low"] <= row["value"] <= row["high"] for row in rows.values())
    assert {row["n"]: row["value"] for row in Measure(NoisyTeacher()).by_kind()} == {0: None}


def test_the_filter_makes_a_clean_form_and_without_it_the_noise_is_kept_as_it_came(tmp_path):
    made = {}
    for filtered in (True, False):
        train, _, test, counts = annotated_splits(AnnotationConfig(noise=0.8, filtered=filtered), 60, 0, 0)
        made[filtered] = read_items(write_items(train, tmp_path / str(filtered)))
        assert len(made[filtered]) == 60 and test is None and sum(counts["train"]["ends"].values()) >= 60
    sorry = [sum("I'm sorry" in item.stages["conclusion"] for item in items) for items in made.values()]
    assert sorry[0] == 0 and sorry[1] > 3
    assert any(NOTHING in item.stages.values() for item in made[False])
    assert all(item.answer == item.stages["conclusion"] for items in made.values() for item in items)


def test_the_teacher_s_test_sets_are_true_ones():
    kept = load_splits("teacher", n_train=4, n_validation=2, n_test=4, teaching=AnnotationConfig(noise=0.9))
    clean = load_splits("minivqa", n_train=1, n_validation=1, n_test=4)
    assert [item.stages for item in kept.test] == [item.stages for item in clean.test]


def test_a_text_without_stages_is_salvaged_as_a_conclusion():
    assert salvaged("No.") == dict.fromkeys(STAGES, NOTHING) | {"conclusion": "No."}


def test_a_file_of_questions_becomes_splits_that_share_no_picture(tmp_path):
    for k in range(12):
        Image.effect_noise((8, 8), 50).convert("RGB").save(tmp_path / f"{k}.png")
    with open(tmp_path / "items.jsonl", "w", encoding="utf8") as file:
        for k in range(24):
            file.write(json.dumps({"id": str(k), "image": f"{k % 12}.png", "question": f"Is it {k}?", "answer": "3"}))
            file.write("\n")
    staged = render(dict(zip(STAGES, ("plan", "a dot", "one dot", "3"), strict=True)))
    with serve(lambda body, number: answer(staged)) as server:
        teaching = AnnotationConfig(str(tmp_path / "items.jsonl"), server.url, "m", log=str(tmp_path / "log.jsonl"))
        made = load_splits("teacher", n_train=9, n_validation=4, n_test=4, teaching=teaching)
        items = [
            read_items(write_items(split, tmp_path / name))
            for name, split in zip(("a", "b", "c"), made[:3], strict=True)
        ]
    pictures = [{item.image.read_bytes() for item in split} for split in items]
    assert [len(split) for split in items] == [10, 4, 4]
    assert all(not one & other for one, other in itertools.combinations(pictures, 2))
    assert flatten_counts(made.counts)["train, ends, kept"] == 10 and flatten_counts(made.counts)["ledger, calls"] == 18


@pytest.mark.parametrize(
    "teaching, words",
    [
        (AnnotationConfig(noise=1.5), "must be a share"),
        (AnnotationConfig("items.jsonl", noise=0.1), "noise is for Mini-VQA"),
        (AnnotationConfig("none.jsonl"), "has no name"),
        (AnnotationConfig("none.jsonl", model="m"), "none.jsonl is missing"),
    ],
)
def test_a_teacher_that_cannot_teach_is_refused(tmp_path, monkeypatch, teaching, words):
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    with pytest.raises(UserError, match=words):
        annotated_splits(teaching, 1, 1, 1)
