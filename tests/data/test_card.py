"""The dataset card: comparison with Table 1, leakage between splits, and baselines."""

import dataclasses

import pytest
from PIL import Image

from o1lib.data.card import TABLE_1, baselines, card, depths, families, summarize_card, tokenizer_of, written_steps
from o1lib.data.dataset import Item, read_items, write_items
from o1lib.minivqa import FAMILIES, mixture
from o1lib.records import UserError, to_json

SKILLED = [(1, "coarse perception"), (2, "math"), (3, "logical reasoning"), (0, "math")]  # depth, skill
STAGES = {"summary": "plan", "caption": "a dot", "reasoning": "one dot", "conclusion": "yes"}


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return {
        name: read_items(write_items(mixture(split, n), folder / name))
        for name, split, n in (("train", "train", 60), ("validation", "validation", 10), ("test", "devtest", 20))
    }


def item(qid, folder, shade=0, **fields):
    path = folder / f"{shade}.png"
    Image.new("RGB", (8, 8), (shade, 0, 0)).save(path)
    return dataclasses.replace(Item(qid, "mini-CLEVR", "Is it red?", "yes", STAGES, path), **fields)


def test_the_families_shares_are_table_1_s():
    shares = {name.removeprefix("mini-"): family.share for name, family in FAMILIES.items()}
    assert shares == TABLE_1
    assert sum(TABLE_1.values()) == pytest.approx(99.0)


def test_drawn_splits_share_nothing(splits):
    described = card(splits)
    assert list(described["leakage"].values()) == [{"pictures": 0, "keys": 0}] * 3
    assert "No picture and no (facts, question) key occurs in two splits" in summarize_card(described)


def test_a_card_counts_its_items_and_goes_into_a_record(splits):
    described = card(splits)
    assert [split["items"] for split in described["splits"].values()] == [60, 10, 20]
    assert sum(described["splits"]["train"]["families"].values()) == 60
    assert [row["family"] for row in described["families"]] == [f"mini-{name}" for name in TABLE_1]
    assert sum(row["train"] for row in described["families"]) == 60
    to_json(described, "card")


def test_depths_are_counted_by_split_and_by_test_set(tmp_path):
    train = [item(str(k), tmp_path, depth=depth, skill=skill) for k, (depth, skill) in enumerate(SKILLED)]
    test = [item("t", tmp_path, depth=2, skill="math", test_set="mini-AI2D")]
    assert depths({"train": train, "test": test}) == [
        {"set": "train", "skills": "all", "n": 3, "mean": 2.0, "depth 1": 1, "depth 2": 1, "depth 3": 1},
        {"set": "train", "skills": "reasoning", "n": 2, "mean": 2.5, "depth 1": 0, "depth 2": 1, "depth 3": 1},
        {"set": "mini-AI2D", "skills": "all", "n": 1, "mean": 2.0, "depth 1": 0, "depth 2": 1, "depth 3": 0},
        {"set": "mini-AI2D", "skills": "reasoning", "n": 1, "mean": 2.0, "depth 1": 0, "depth 2": 1, "depth 3": 0},
    ]


def test_written_steps_are_counted_as_in_the_released_answers(tmp_path):
    """The last statement gives the answer; items without statements have the steps of their text."""
    told = {"summary": "", "caption": "", "reasoning": "Read both. 2 + 3 = 5. Therefore, it is 5.", "conclusion": "5"}
    train = [
        item("1", tmp_path, steps=("a is 2", "b is 3", "so the answer is 5"), depth=1, skill="math"),
        item("2", tmp_path, steps=("so the answer is 5",)),
        item("3", tmp_path, stages=told),
    ]
    assert written_steps({"train": train}) == [
        {"set": "train", "skills": "all", "n": 3, "mean": pytest.approx(5 / 3), "steps 1": 1, "steps 2": 2},
        {"set": "train", "skills": "reasoning", "n": 1, "mean": 2.0, "steps 1": 0, "steps 2": 1},
    ]
    assert card({"train": train, "test": train})["steps"] == written_steps({"train": train, "test": train})


def test_a_drawn_split_has_a_depth_for_every_item(splits):
    rows = {(row["set"], row["skills"]): row for row in card(splits)["depths"]}
    assert rows["train", "all"]["n"] == 60 and rows["train", "reasoning"]["mean"] > rows["train", "all"]["mean"] > 1


def test_a_planted_leak_is_found_by_picture_and_by_key(splits):
    test = [*splits["test"], dataclasses.replace(splits["train"][0], qid="leaked")]
    described = card(splits | {"test": test})
    assert described["leakage"]["train & test"] == {"pictures": 1, "keys": 1}
    assert "Splits share** train & test: 1 pictures, 1 keys" in summarize_card(described)


def test_equal_facts_and_question_are_a_leak_by_key(tmp_path):
    a, b = (item(str(k), tmp_path, shade=k, facts=("red dot", "blue dot")[::order]) for k, order in ((1, 1), (2, -1)))
    assert card({"train": [a], "test": [b]})["leakage"]["train & test"] == {"pictures": 0, "keys": 1}


def test_without_facts_the_key_is_that_of_the_picture(tmp_path):
    described = card({"train": [item("1", tmp_path, shade=1)], "test": [item("2", tmp_path, shade=2)]})
    assert described["leakage"]["train & test"] == {"pictures": 0, "keys": 0}


def test_duplicates_are_counted_within_a_split(tmp_path):
    twins = [item("1", tmp_path), item("2", tmp_path), item("3", tmp_path, question="Is it blue?")]
    assert card({"train": twins, "test": twins[:1]})["splits"]["train"]["duplicates"] == {"pictures": 2, "keys": 1}


def test_the_hash_is_of_the_content(splits):
    first = card(splits)["dataset_hash"]
    changed = [dataclasses.replace(splits["train"][0], question="Another?"), *splits["train"][1:]]
    assert card(splits)["dataset_hash"] == first != card(splits | {"train": changed})["dataset_hash"]


def test_lengths_are_in_what_the_tokenizer_returns(tmp_path):
    described = card({"train": [item("1", tmp_path)], "test": [item("2", tmp_path)]}, list, "letters")
    assert described["splits"]["train"]["tokens"]["question"] == {"q05": 10, "q50": 10, "q95": 10, "max": 10}


def test_baselines_are_what_a_blind_answerer_gets(tmp_path):
    train = [item(str(k), tmp_path, answer="yes" if k < 6 else "no") for k in range(10)]
    train += [item(f"b{k}", tmp_path, question="Is it blue?", answer="no") for k in range(3)]
    test = [
        item("t", tmp_path),
        item("u", tmp_path, question="Is it blue?", answer="no"),
        item("v", tmp_path, question="New?"),
    ]
    majority, by_question = baselines(train, test).values()
    assert majority["value"] == pytest.approx(1 / 3) and by_question["value"] == pytest.approx(2 / 3)
    assert 0 <= majority["low"] < 1 / 3 < majority["high"] <= 1


def test_baselines_leave_mini_depth_out_unless_it_is_alone(tmp_path):
    train, deep = [item("a", tmp_path)], item("d", tmp_path, answer="no", test_set="mini-Depth")
    assert {(one["n"], one["value"]) for one in baselines(train, [item("t", tmp_path), deep]).values()} == {(1, 1.0)}
    assert {(one["n"], one["value"]) for one in baselines(train, [deep]).values()} == {(1, 0.0)}


def test_baselines_count_a_question_and_its_rotations_as_one(tmp_path):
    turned = [item(f"g{k}", tmp_path, answer="no", test_set="mini-MMBench", group="g") for k in range(4)]
    found = baselines([item("a", tmp_path)], [item("t", tmp_path, test_set="mini-AI2D"), *turned])
    assert {one["value"] for one in found.values()} == {0.5}


def test_a_family_outside_table_1_has_a_row_without_a_share(tmp_path):
    rows = families({"train": [item("1", tmp_path, family="easy-VQA")]})
    assert rows[-1]["family"] == "easy-VQA" and rows[-1]["Table 1 (%)"] is None and rows[-1]["train"] == 1


def test_a_missing_tokenizer_is_named(tmp_path):
    with pytest.raises(UserError, match="tokenizer.json"):
        tokenizer_of(tmp_path)
