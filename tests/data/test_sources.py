"""Data sources: splits that share no picture, counts of what was left out, and the registry."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from o1lib.data import easy_vqa
from o1lib.data.dataset import read_items, write_items
from o1lib.data.sources import SOURCES, Source, load_splits
from o1lib.data.splits import Splits, set_sizes
from o1lib.formats.stages import STAGES, render
from o1lib.minivqa import depth
from o1lib.minivqa.facts import caption_score, check_steps
from o1lib.minivqa.testsets import TEST_SETS
from o1lib.records import UserError
from o1lib.study.experiments import parameters_of, read_experiments

STAGED = render(dict(zip(STAGES, ("plan", "a dot", "one dot", "B"), strict=True)))


def released(folder, records):
    """Write records in the released form, with a small picture at each path that they name."""
    for record in records:
        if record.get("image"):
            path = folder / record["image"]
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.effect_noise((8, 8), 90).convert("RGB").save(path)
    (folder / "train.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf8")
    return folder


def llava_cot(folder, n_train, n_validation, n_test, **options):
    """Return the splits of a folder in the released form."""
    return load_splits("llava_cot", folder, n_train=n_train, n_validation=n_validation, n_test=n_test, **options)


def record(id, image, *answers, question="What?\nA. one\nB. two"):
    turns = [
        turn for answer in answers for turn in ({"from": "human", "value": question}, {"from": "gpt", "value": answer})
    ]
    return {"id": id, "conversations": turns} | ({"image": image} if image else {})


def test_minivqa_splits_have_the_sizes_asked_for():
    splits = load_splits("minivqa", n_train=20, n_validation=10, n_test=8)
    train, validation, test = (list(split) for split in splits[:3])
    assert (len(train), len(validation)) == (20, 10)
    assert Counter(example.test_set for example in test) == dict.fromkeys(TEST_SETS, 8)
    assert len({example.qid for example in [*train, *validation, *test]}) == 30 + len(test)


def test_a_test_set_can_have_a_size_of_its_own():
    found = set_sizes(12, "mini-MMBench=4x, mini-AI2D=30", TEST_SETS)
    assert found == dict.fromkeys(TEST_SETS, 12) | {"mini-MMBench": 48, "mini-AI2D": 30}
    assert set_sizes(12, "", TEST_SETS) == dict.fromkeys(TEST_SETS, 12)


@pytest.mark.parametrize(
    "text, named", [("mini-MMBnch=4x", "did you mean mini-MMBench"), ("mini-MMBench", "as mini-MMBench=4x"),
                    ("mini-MMBench=0", "mini-MMBench=0"), ("mini-MMBench=x4", "mini-MMBench=x4")],
)  # fmt: skip
def test_a_size_in_another_form_is_refused_before_drawing(text, named):
    with pytest.raises(UserError, match=named):
        load_splits("minivqa", n_train=1, n_validation=1, n_test=4, n_test_by_set=text)


def test_minivqa_draws_the_sizes_of_its_sets():
    splits = load_splits("minivqa", n_train=1, n_validation=1, n_test=4, n_test_by_set="mini-MMBench=2x")
    assert Counter(example.test_set for example in splits.test) == dict.fromkeys(TEST_SETS, 4) | {"mini-MMBench": 8}


def test_the_published_scale_has_48_groups_of_rotations_and_of_twins():
    data = parameters_of(read_experiments(), "mini", "data")
    sizes = set_sizes(data["n_test"], data["n_test_by_set"], TEST_SETS)
    assert min(sizes["mini-MMBench"], sizes["mini-HallusionBench"]) >= 4 * 48


def test_the_published_scale_asks_480_questions_of_mini_depth_in_equal_groups():
    """So that a group of depths has 72 serial and 48 parallel questions, whose gains are shown apart."""
    data = parameters_of(read_experiments(), "mini", "data")
    assert set_sizes(data["n_test"], data["n_test_by_set"], TEST_SETS)["mini-Depth"] == 480
    assert 480 % (len(depth.TASKS) * len(depth.BINS) * len(depth.FORMS)) == 0


def test_the_set_on_which_searches_are_judged_is_larger_than_the_others():
    """A17 to A22 are tested on mini-MM-Vet alone, so its questions are all that they have."""
    for scale, split in (("mini", "devtest"), ("confirmatory", "test")):
        data = parameters_of(read_experiments(), scale, "data")
        assert data.get("test_split", "devtest") == split
        assert set_sizes(data["n_test"], data["n_test_by_set"], TEST_SETS)["mini-MM-Vet"] >= 4 * 48


def test_a_released_folder_is_split_by_picture_and_counted(tmp_path):
    records = [record(str(k), f"ai2d/{k}.png", STAGED) for k in range(20)]
    records += [record("text", None, STAGED), record("rounds", "coco/1.png", STAGED, "raw answer", STAGED)]
    splits = llava_cot(released(tmp_path, records), 100, 4, 5)
    counted = ("records", "without_picture", "several_rounds", "rounds_without_stages")
    assert [splits.counts[name] for name in counted] == [22, 1, 1, {"no tags": 1}]
    train, validation, test = (list(split) for split in splits[:3])
    assert (len(test), len(validation)) == (5, 4) and len(train) >= 12
    pictures = [{item.image for item in split} for split in (train, validation, test)]
    assert sum(map(len, pictures)) == len(set.union(*pictures))


def test_each_released_round_with_stages_is_an_item(tmp_path):
    rounds = record("rounds", "coco/1.png", STAGED, "raw answer", STAGED)
    folder = released(tmp_path, [rounds, record("1", "ai2d/1.png", STAGED)])
    assert {item.qid for item in llava_cot(folder, 9, 0, 0).train} == {"rounds#1", "rounds#3", "1"}


def test_a_released_split_does_not_depend_on_the_line_order(tmp_path):
    records = [record(str(k), f"ai2d/{k}.png", STAGED) for k in range(30)]
    first = llava_cot(released(tmp_path / "a", records), 10, 5, 10)
    second = llava_cot(released(tmp_path / "b", records[::-1]), 10, 5, 10)
    for one, other in zip(first[:3], second[:3], strict=True):
        assert [item.qid for item in one] == [item.qid for item in other]


def test_released_items_know_family_options_and_answer(tmp_path):
    splits = llava_cot(released(tmp_path, [record("1", "sqa/1.png", STAGED)]), 1, 0, 0)
    (item,) = splits.train
    assert (item.family, item.options, item.answer) == ("ScienceQA", ("one", "two"), "B")


@pytest.mark.parametrize(
    "question, options",
    [
        ("Which?\nA. a dog\nB. a big cat", ("a dog", "a big cat")),
        ("Which? (A) 3 cm (B) 4 cm", ("3 cm", "4 cm")),
        ("Is A. Smith here?", ()),
        ("How many?", ()),
    ],
)
def test_options_are_read_from_a_question_only_when_listed(tmp_path, question, options):
    splits = llava_cot(released(tmp_path, [record("1", "sqa/1.png", STAGED, question=question)]), 1, 0, 0)
    assert next(splits.train).options == options


def test_released_splits_are_written_and_read_as_any_other(tmp_path):
    folder = released(tmp_path / "raw", [record(str(k), f"ai2d/{k}.png", STAGED) for k in range(4)])
    items = read_items(write_items(llava_cot(folder, 4, 0, 0).train, tmp_path / "train"))
    assert sorted(item.qid for item in items) == ["0", "1", "2", "3"] and items[0].stages["conclusion"] == "B"


@pytest.mark.skipif("O1LIB_REAL_DATA" not in os.environ, reason="O1LIB_REAL_DATA names no folder of real data")
def test_real_outputs_on_real_pictures_become_a_dataset(tmp_path):
    real = Path(os.environ["O1LIB_REAL_DATA"])
    with open(real / "outputs" / "staged_with_images.jsonl", encoding="utf8") as file:
        rows = [json.loads(line) for line in file]
    shutil.copytree(real / "images", tmp_path / "images")
    records = [
        record(str(row["index"]), row["image"], row["prediction"], question="<image>\n" + row["question"])
        for row in rows
    ]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf8")
    splits = llava_cot(tmp_path, 8, 2, 2)
    items = [item for split in splits[:3] for item in read_items(write_items(split, tmp_path / "split"), decode=True)]
    assert splits.counts["records"] == len(items) == 12
    assert {item.question for item in items} == {row["question"].strip() for row in rows}


@pytest.mark.parametrize(
    "records, message",
    [
        ([record("1", "../out.png", STAGED)], "line 1: image '../out.png' leaves"),
        ([record("1", "ai2d/1.png", STAGED) | {"conversations": "none"}], "line 1: conversations"),
    ],
)
def test_a_broken_released_line_is_named(tmp_path, records, message):
    with pytest.raises(UserError, match=message):
        list(llava_cot(released(tmp_path / "raw", records), 1, 0, 0).train)


def test_missing_pictures_are_reported_together(tmp_path):
    released(tmp_path, [record(str(k), f"{name}/{k}.png", STAGED) for k in range(4) for name in ("ai2d", "coco")])
    for name in ("ai2d/1.png", "coco/0.png", "coco/3.png"):
        (tmp_path / name).unlink()
    with pytest.raises(UserError, match=r"lacks 3 of its 8 pictures \(coco 2, ai2d 1; the first is coco/0.png\)"):
        llava_cot(tmp_path, 1, 0, 0)
    splits = llava_cot(tmp_path, 9, 0, 0, allow_missing=True)
    assert len(list(splits.train)) == 5 and splits.counts["missing_pictures"] == {"coco": 2, "ai2d": 1}


def test_an_id_that_repeats_is_numbered_and_counted(tmp_path):
    splits = llava_cot(released(tmp_path, [record("1", f"ai2d/{k}.png", STAGED) for k in range(3)]), 9, 0, 0)
    assert {item.qid for item in splits.train} == {"1", "1~2", "1~3"} and splits.counts["repeated_ids"] == 2


@pytest.mark.parametrize(
    "source, message",
    [
        ("minivaq", r"unknown source 'minivaq' \(did you mean minivqa\?\): choose one of"),
        ("llava_cot", "needs `folder`"),
    ],
)
def test_an_unusable_source_is_refused_with_the_remedy(source, message):
    with pytest.raises(UserError, match=message):
        load_splits(source, n_train=1, n_validation=1, n_test=1)


def test_an_unknown_test_split_is_refused_before_drawing():
    with pytest.raises(UserError, match="unknown split 'tets'"):
        load_splits("minivqa", n_train=1, n_validation=1, n_test=1, test_split="tets")


def test_a_toy_source_loads_through_the_registry_alone(monkeypatch):
    def load(options):
        return Splits(range(options.n_train), range(options.n_validation), range(options.n_test), {"left_out": 1})

    monkeypatch.setitem(SOURCES, "toy", Source(load, "numbers"))
    splits = load_splits("toy", n_train=3, n_validation=2, n_test=1)
    assert [list(split) for split in splits[:3]] == [[0, 1, 2], [0, 1], [0]] and splits.counts == {"left_out": 1}


def test_every_source_has_a_description():
    assert [name for name, source in SOURCES.items() if not source.description] == []


@pytest.fixture(scope="module")
def easy_splits():
    return easy_vqa.splits()


def test_easy_vqa_splits_share_no_picture(easy_splits):
    train, validation, test, counts = easy_splits
    assert len(train) + len(validation) + counts["train_questions_left_out"] == 38575
    assert len(test) + counts["test_questions_left_out"] == 9673 and len(test) > 8500
    assert {item.image.parts[-3] for item in train + validation} == {"train"}
    assert {item.image.parts[-3] for item in test} == {"test"}
    assert {item.image for item in train}.isdisjoint(item.image for item in validation)


def test_easy_vqa_answers_agree_with_the_rule(easy_splits):
    for item in easy_splits[2]:
        ((_, color, shape),) = (fact.split() for fact in item.facts)
        assert easy_vqa.answer(item.question, color, shape) == item.answer == item.stages["conclusion"]


def test_easy_vqa_deduced_colors_are_in_the_pictures(easy_splits):
    shades = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "black": (0, 0, 0)}
    seen = 0
    for item in easy_splits[2][:400]:
        color = item.facts[0].split()[1]
        with Image.open(item.image) as picture:
            counts = sorted(picture.convert("RGB").getcolors(4096), reverse=True)
        if color in shades:
            seen += 1
            distances = [sum(abs(a - b) for a, b in zip(rgb, shades[color], strict=True)) for _, rgb in counts[:2]]
            assert min(distances) < 150, item.qid
    assert seen > 100


@pytest.mark.slow
def test_easy_vqa_stages_pass_the_checker(easy_splits):
    for item in easy_splits[2][::4]:
        assert caption_score(item.stages["caption"], item.facts)["exact"]
        assert all(holds for _, holds in check_steps(item.stages["reasoning"], item.facts, item.true))


def test_easy_vqa_rule_answers_each_kind_of_question():
    right = {
        "is there not a blue shape?": "no",
        "is no circle present?": "yes",
        "does the image contain a triangle?": "yes",
        "what color is the triangle?": "blue",
        "what is the blue shape?": "triangle",
        "what is the red shape?": None,
    }
    assert {question: easy_vqa.answer(question, "blue", "triangle") for question in right} == right
