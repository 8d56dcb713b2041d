"""The noisy teacher: its errors are real, the filter's recall is measured, and datasets are built."""

import itertools
import json
import random

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
    corrupt,
    measure,
    salvaged,
)
from o1lib.data.annotation.teacher import annotate
from o1lib.data.dataset import read_items, write_items
from o1lib.data.sources import flatten_counts, load_splits
from o1lib.formats.stages import STAGES, parse, render
from o1lib.minivqa import mixture
from o1lib.minivqa.facts import caption_score, check_steps, statements
from o1lib.records import UserError, to_json

EXAMPLES = list(mixture("train", 150))


def corrupted(kind):
    return [(example, corrupt(example, kind, random.Random(k))) for k, example in enumerate(EXAMPLES)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_corrupted_text_is_never_the_true_one(kind):
    assert all(text != render(example.stages) for example, text in corrupted(kind))


def test_an_altered_fact_makes_only_the_caption_wrong():
    for example, text in corrupted("fact"):
        stages = parse(text).stages
        assert not caption_score(stages["caption"], example.facts, statements(example.stages["caption"]))["exact"]
        assert stages | {"caption": ""} == dict(example.stages) | {"caption": ""}


def test_an_altered_step_makes_only_the_reasoning_wrong():
    for example, text in corrupted("step"):
        stages = parse(text).stages
        steps = check_steps(stages["reasoning"], example.facts, example.true)
        assert not all(holds for _, holds in steps) or len(steps) < len(example.steps)
        assert stages | {"reasoning": ""} == dict(example.stages) | {"reasoning": ""}


def test_the_error_rate_is_as_set_and_kinds_are_equally_frequent():
    teacher = NoisyTeacher(0.5)
    kinds = [teacher.kind(annotation_request(example), attempt) for example in EXAMPLES for attempt in range(1, 11)]
    assert sum(map(bool, kinds)) / len(kinds) == pytest.approx(0.5, abs=0.05)
    assert all(kinds.count(kind) / sum(map(bool, kinds)) == pytest.approx(0.2, abs=0.05) for kind in KINDS)


def test_without_noise_every_true_answer_is_kept():
    results = list(annotate(map(annotation_request, EXAMPLES), NoisyTeacher()))
    assert [result.stages for result in results] == [example.stages for example in EXAMPLES]


@pytest.mark.slow
def test_the_filter_catches_form_and_answers_but_not_facts():
    found = measure(0.6, 300)
    recall = {row["spoilt"]: row["value"] for row in found.by_kind()}
    assert recall["answer"] >= 0.98 and recall["refusal"] >= 0.98 and recall["tags"] >= 0.98
    assert recall["fact"] == recall["step"] == recall["nothing"] == 0
    assert all(row["value"] == 1 for row in found.by_reason() if row["reason"] != "kept")
    assert "which it cannot see" in found.summarize() and to_json(found.by_kind(), "here")


def test_shares_come_with_their_counts_and_intervals():
    rows = {row["spoilt"]: row for row in measure(0.5, 60).by_kind()}
    assert sum(rows[kind]["n"] for kind in ("nothing", *KINDS)) == 60
    assert all(row["value"] is None or row["low"] <= row["value"] <= row["high"] for row in rows.values())
    assert {row["n"]: row["value"] for row in Measure(NoisyTeacher()).by_kind()} == {0: None}


@pytest.mark.slow
def test_without_the_filter_the_noise_stays_in_the_dataset(tmp_path):
    made = {}
    for filtered in (True, False):
        train, _, test, counts = annotated_splits(AnnotationConfig(noise=0.8, filtered=filtered), 60, 0, 0)
        made[filtered] = read_items(write_items(train, tmp_path / str(filtered)))
        assert len(made[filtered]) == 60 and test is None and sum(counts["train"]["ends"].values()) >= 60
    sorry = [sum("I'm sorry" in item.stages["conclusion"] for item in items) for items in made.values()]
    assert sorry[0] == 0 and sorry[1] > 3
    assert any(NOTHING in item.stages.values() for item in made[False])
    assert all(item.answer == item.stages["conclusion"] for items in made.values() for item in items)


def test_a_noisy_teacher_leaves_the_test_sets_true():
    kept = load_splits("teacher", n_train=4, n_validation=2, n_test=4, annotation=AnnotationConfig(noise=0.9))
    clean = load_splits("minivqa", n_train=1, n_validation=1, n_test=4)
    assert [item.stages for item in kept.test] == [item.stages for item in clean.test]


def test_a_text_without_stages_is_salvaged_as_a_conclusion():
    assert salvaged("No.") == dict.fromkeys(STAGES, NOTHING) | {"conclusion": "No."}


def test_a_file_of_questions_gives_splits_that_share_no_picture(tmp_path):
    for k in range(12):
        Image.effect_noise((8, 8), 50).convert("RGB").save(tmp_path / f"{k}.png")
    with open(tmp_path / "items.jsonl", "w", encoding="utf8") as file:
        for k in range(24):
            file.write(json.dumps({"id": str(k), "image": f"{k % 12}.png", "question": f"Is it {k}?", "answer": "3"}))
            file.write("\n")
    staged = render(dict(zip(STAGES, ("plan", "a dot", "one dot", "3"), strict=True)))
    with serve(lambda body, number: answer(staged)) as server:
        config = AnnotationConfig(str(tmp_path / "items.jsonl"), server.url, "m", log=str(tmp_path / "log.jsonl"))
        made = load_splits("teacher", n_train=9, n_validation=4, n_test=4, annotation=config)
        items = [
            read_items(write_items(split, tmp_path / name))
            for name, split in zip(("a", "b", "c"), made[:3], strict=True)
        ]
    pictures = [{item.image.read_bytes() for item in split} for split in items]
    assert [len(split) for split in items] == [10, 4, 4]
    assert all(not one & other for one, other in itertools.combinations(pictures, 2))
    assert flatten_counts(made.counts)["train, ends, kept"] == 10 and flatten_counts(made.counts)["ledger, calls"] == 18


@pytest.mark.parametrize(
    "config, words",
    [
        (AnnotationConfig(noise=1.5), "must be a share"),
        (AnnotationConfig("items.jsonl", noise=0.1), "noise=0.1 is for Mini-VQA"),
        (AnnotationConfig("none.jsonl"), "has no name"),
        (AnnotationConfig("none.jsonl", model="m"), "none.jsonl is missing"),
    ],
)
def test_an_invalid_annotation_config_is_refused(tmp_path, monkeypatch, config, words):
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    with pytest.raises(UserError, match=words):
        annotated_splits(config, 1, 1, 1)
