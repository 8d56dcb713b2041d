"""Benchmarks are read from their published files, in every form, and scored by their own rules."""

import base64
import hashlib
import io
import json
import os
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from o1lib.data.benchmarks import BENCHMARKS, Benchmark, fields, load_benchmark, prompt
from o1lib.data.images import picture_of
from o1lib.data.table_files import rows
from o1lib.evaluation import inputs
from o1lib.evaluation.graders.dispatch import grade
from o1lib.models.endpoint import Reply
from o1lib.records import UserError
from o1lib.scoring import metrics

pytestmark = pytest.mark.filterwarnings("ignore:.*that VLMEvalKit pins:UserWarning")
needs_real_data = pytest.mark.skipif(
    "O1LIB_REAL_DATA" not in os.environ, reason="O1LIB_REAL_DATA names no folder of real rows"
)


def png(color="red", format="PNG"):
    data = io.BytesIO()
    Image.new("RGB", (8, 8), color).save(data, format)
    return data.getvalue()


IMAGE = base64.b64encode(png()).decode()


def tsv(path, *some, columns=("index", "question", "A", "B", "C", "D", "answer", "category", "l2-category", "image")):
    lines = ["\t".join(columns)]
    lines += ["\t".join(str(row.get(column, "")) for column in columns) for row in some]
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    return path


def row(index=1, **more):
    return {
        "index": index,
        "question": "Which?",
        "A": "red",
        "B": "blue",
        "answer": "B",
        "category": "math",
        "image": IMAGE,
    } | more


def read(tmp_path, name, *some, **more):
    """Return the items of rows written as a TSV of benchmark `name`."""
    return load_benchmark(name, tsv(tmp_path / "set.tsv", *some, **more), tmp_path / "store")


# ---------------------------------------------------------------- VLMEvalKit's TSV


def test_a_multiple_choice_row_gets_vlmevalkits_prompt(tmp_path):
    [item], counts = read(tmp_path, "MMStar", row(7))
    assert item.question == (
        "Question: Which?\nOptions:\nA. red\nB. blue\nPlease select the correct answer from the options above."
    )
    assert (item.qid, item.options, item.answer) == ("7", ("red", "blue"), "B")
    assert (item.skill, item.test_set) == ("math", "MMStar")
    assert Image.open(item.image).size == (8, 8) and counts == {"rows": 1, "without_picture": 0}


def test_a_hint_precedes_the_question():
    asked = prompt("Which?", ("a", "b"), "Look closely.")
    assert asked.startswith("Hint: Look closely.\nQuestion: Which?\nOptions:\nA. a")


def test_words_for_missing_values_are_options_and_answers(tmp_path):
    """Spreadsheet readers take these words for missing cells."""
    words = ["None", "NA", "nan", "null", "N/A", "0", "12.0"]
    items, _ = read(tmp_path, "MMStar", *(row(k, A=word, answer="A") for k, word in enumerate(words)))
    assert [item.options for item in items] == [(word, "blue") for word in words]


def test_options_beyond_d_are_read_up_to_the_last_letter(tmp_path):
    letters = "ABCDEFGHIJ"
    columns = ("index", "question", *letters, "answer", "image")
    [item], _ = read(
        tmp_path, "MMStar", row(answer="J", **{letter: f"option {letter}" for letter in letters}), columns=columns
    )
    assert len(item.options) == 10 and item.answer == "J" and "J. option J" in item.question


def test_a_picture_that_rows_share_is_stored_once(tmp_path):
    blue = base64.b64encode(png("blue")).decode()
    items, _ = read(tmp_path, "MMStar", row(1, image="2"), row(2), row(3), row(4, image=blue))
    assert items[0].image == items[1].image == items[2].image != items[3].image
    assert len(list((tmp_path / "store").iterdir())) == 2


def test_a_picture_in_the_folders_zip_is_found(tmp_path):
    with zipfile.ZipFile(tmp_path / "image.zip", "w") as archive:
        archive.writestr("a.png", png("blue"))
    [item], _ = read(tmp_path, "MMStar", row(image="a.png"))
    assert picture_of(item).getcolors() == [(64, (0, 0, 255))]


def test_a_data_url_and_a_jpeg_are_pictures_too(tmp_path):
    jpeg = base64.b64encode(png("blue", "JPEG")).decode()
    items, _ = read(tmp_path, "MMStar", row(1, image=f"data:image/png;base64,{IMAGE}"), row(2, image=jpeg))
    assert [item.image.suffix for item in items] == [".png", ".jpeg"]


def test_paths_are_relative_to_the_file_and_stay_in_its_folder(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "1.png").write_bytes(png())
    [item], _ = read(tmp_path, "MMStar", row(image="./images/1.png"))
    assert item.image.read_bytes() == png()
    for path in ("../../secret.png", "/etc/passwd.png", "images/../../x.png"):
        with pytest.raises(UserError, match=r"set.tsv row 1: image '.*' leaves"):
            read(tmp_path, "MMStar", row(image=path))


@pytest.mark.parametrize("question", ["../../../etc/passwd", "<image src=/etc/passwd>", "\\..\\x", "Now open /x"])
def test_words_of_a_question_never_become_a_path(tmp_path, question):
    [item], _ = read(tmp_path, "MMStar", row(index="../../a/b", question=question))
    assert item.image.parent == tmp_path / "store"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set.tsv", "store"]


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("some", "message"),
    [
        ([row(1), row(1)], r"set.tsv row 2: the id '1' occurs twice \(before in set.tsv row 1\)"),
        ([row(1), row("")], "set.tsv row 2: the id is missing"),
        ([row(answer="")], "set.tsv row 1: no answer"),
        ([row(answer="E")], "row 1: the answer 'E' is none of its 2 options"),
        ([row(question=" ")], "row 1: no question"),
        (
            [row(B="", A="", answer="A")],
            r"row 1: a choice whose options cannot be read: use VLMEvalKit's MMStar.tsv \(",
        ),
        ([row(image="?" * 80)], "row 1: the picture is not base64"),
        ([row(image="9")], "question 1 shares the picture of row '9', which does not exist"),
        ([row(image=IMAGE[:80])], "row 1: the picture is corrupt"),
        ([row(image="no.png")], "row 1: the picture 'no.png' is missing"),
        ([row(image=base64.b64encode(b"MZ" * 99).decode())], "row 1: the picture is no PNG"),
        ([], r"has no question that can be asked \(it has no rows\): name the file of MMStar"),
        ([row(image="")], r"has no question that can be asked \(1 row without a picture\)"),
        (
            [row(1, A="", answer="A"), row(2, image=""), row(3, image="")],
            r"asked \(2 rows without a picture and 1 row with only one option\): name the file of MMStar",
        ),
    ],
)
def test_a_row_that_cannot_be_scored_is_named(tmp_path, some, message):
    with pytest.raises(UserError, match=message):
        read(tmp_path, "MMStar", *some)


def test_an_unknown_benchmark_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(UserError, match=r"unknown benchmark 'MMstar' \(did you mean MMStar\?\): choose one of MMStar"):
        load_benchmark("MMstar", "x.tsv", tmp_path)


@pytest.mark.parametrize("ending", [".tsv", ".csv", ".json", ".jsonl"])
def test_byte_order_marks_are_skipped_and_other_encodings_refused(tmp_path, ending):
    path = tmp_path / f"set{ending}"
    text = {".tsv": "index\tquestion\n1\tWhat is ä?\n", ".csv": "index,question\n1,What is ä?\n"}.get(
        ending, '{"index": "1", "question": "What is ä?"}'
    )
    path.write_text(text, encoding="utf-8-sig")
    assert [found for _, found in rows(path)] == [{"index": "1", "question": "What is ä?"}]
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=rf"set{ending}, after row 0: not UTF-8"):
        list(rows(path))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", "a.json, after row 0: cannot be read"),
        ("a.json", "[1]", "a.json row 1: int instead of an object"),
        ("a.jsonl", '{"a": 1}\n{"a"', "a.jsonl, after row 1: cannot be read"),
        ("a.json", "[" * 99_999, r"a.json, after row 0: cannot be read \(nested too deep\)"),
        ("a.tsv", "a\tb\n1\t2\t3\t4\n5", "a.tsv, after row"),
        ("a.tsv", "", "a.tsv, after row 0"),
    ],
)
def test_a_broken_file_is_named_with_the_row(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message):
        list(rows(tmp_path / name))


@pytest.mark.slow
def test_a_missing_file_or_unreachable_dataset_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="no.tsv is missing: name a file that ends in .tsv"):
        list(rows(tmp_path / "no.tsv"))
    with pytest.raises(UserError, match="neither a file .* nor a dataset of the hub that can be read"):
        list(rows("nobody/nothing:val"))


ANYTHING = st.none() | st.text(max_size=20) | st.integers() | st.lists(st.text(max_size=5), max_size=30)


COLUMNS = st.sampled_from([*fields.IDS, *fields.ANSWERS, "question", "choices", "options", "A", "B", "C"])


@pytest.mark.slow
@given(st.dictionaries(COLUMNS, ANYTHING), st.sampled_from(["choice", "yes/no", "open", "mixed", "steps"]))
def test_a_row_of_any_values_raises_only_user_errors(given_row, kind):
    try:
        found = fields.read(given_row, "row 1", Benchmark(kind, counts_from_0=True))
    except UserError:
        return
    assert found.question and len(found.options) <= 26
    # a single option is counted as a row that cannot be asked
    assert kind != "choice" or sum(map(bool, found.options)) > 1 or len(found.options) > 0 and not found.answer


# ---------------------------------------------------------------- rotations


def test_mmbench_questions_count_only_if_all_rotations_are_right(tmp_path):
    items, _ = read(tmp_path, "MMBench_DEV_EN", row(5, C="green", answer="C"), row(6))
    assert [(item.options[ord(item.answer) - 65], item.answer) for item in items] == [
        ("green", "C"),
        ("green", "B"),
        ("green", "A"),
        ("blue", "B"),
        ("blue", "A"),
    ]
    assert [item.group for item in items] == ["5"] * 3 + ["6"] * 2 and len({item.qid for item in items}) == 5
    assert all(f"{item.answer}. {item.options[ord(item.answer) - 65]}" in item.question for item in items)
    always_b = [line(item, item.answer == "B") for item in items]
    found = metrics(always_b)
    assert found["MMBench_DEV_EN"]["value"] == 0
    assert found["MMBench_DEV_EN/plain"]["value"] == pytest.approx((1 / 3 + 1 / 2) / 2, abs=1e-5)


def test_rotations_in_the_file_are_grouped_and_not_added_again(tmp_path):
    items, _ = read(tmp_path, "MMBench_DEV_EN", row(5), row(1_000_005, A="blue", B="red", answer="A"))
    assert len(items) == 2 and {item.group for item in items} == {"5"}


def test_a_rotated_question_keeps_its_hint(tmp_path):
    columns = ("index", "question", "hint", "A", "B", "answer", "image")
    items, _ = read(tmp_path, "MMBench_DEV_EN", row(5, hint="Question: trap"), columns=columns)
    assert [item.question.split("\n")[0] for item in items] == ["Hint: Question: trap"] * 2


# ---------------------------------------------------------------- the benchmarks' own forms


def line(item, right, **more):
    return {
        "qid": item.qid,
        "correct": right,
        "pred": "x",
        "test_set": item.test_set,
        "skill": item.skill,
        "family": item.family,
        "format": "direct",
        "output": "x",
        "group": item.group or None,
    } | more


def test_mm_vet_in_its_own_json(tmp_path):
    (tmp_path / "v1_0.png").write_bytes(png())
    own = {
        "v1_0": {
            "imagename": "v1_0.png",
            "question": "What is x?",
            "answer": "-1<AND>-5",
            "capability": ["ocr", "math"],
        }
    }
    (tmp_path / "mm-vet.json").write_text(json.dumps(own))
    [item], _ = load_benchmark("MMVet", tmp_path / "mm-vet.json", tmp_path / "store")
    assert (item.qid, item.question, item.answer, item.skill) == ("v1_0", "What is x?", "-1<AND>-5", "ocr,math")


def test_mathvista_json_has_open_and_multiple_choice_questions(tmp_path):
    (tmp_path / "1.png").write_bytes(png())
    common = {"image": "1.png", "metadata": {"task": "geometry problem solving"}}
    own = {
        "1": common
        | {
            "pid": "1",
            "question": "How long?",
            "query": "Hint: a float.\nQuestion: How long?",
            "choices": None,
            "answer": "1.2",
            "question_type": "free_form",
            "answer_type": "float",
        },
        "2": common
        | {
            "pid": "2",
            "question": "Which?",
            "query": "Question: Which?\nChoices:\n(A) 3\n(B) 4",
            "choices": ["3", "4"],
            "answer": "4",
            "question_type": "multi_choice",
            "answer_type": "text",
        },
    }
    (tmp_path / "testmini.json").write_text(json.dumps(own))
    [free, choice], _ = load_benchmark("MathVista_MINI", tmp_path / "testmini.json", tmp_path / "store")
    assert free.question == "Hint: a float.\nQuestion: How long?" and (free.answer, free.options) == ("1.2", ())
    assert choice.question.endswith("(B) 4") and (choice.answer, choice.options) == ("B", ("3", "4"))
    assert free.skill == "geometry problem solving"


def test_mmstar_lists_its_options_in_the_question_on_the_hub(tmp_path):
    from datasets import Dataset

    made = {
        "index": [0],
        "question": ["Which color?\nOptions: A: red, B: dark blue, C: green, D: none of these"],
        "answer": ["B"],
        "category": ["math"],
        "image": [{"bytes": png(), "path": None}],
    }
    Dataset.from_dict(made).to_parquet(str(tmp_path / "val.parquet"))
    [item], _ = load_benchmark("MMStar", tmp_path / "val.parquet", tmp_path / "store")
    assert item.options == ("red", "dark blue", "green", "none of these") and item.answer == "B"


def test_ai2d_counts_options_from_zero_and_keeps_variants_apart(tmp_path):
    rows_ = [{"question": "Which?", "options": ["a", "b", "c"], "answer": "2", "image": "1.png"}]
    (tmp_path / "1.png").write_bytes(png())
    (tmp_path / "ai2d.json").write_text(json.dumps(rows_))
    for name in ("AI2D_TEST", "AI2D_TEST_NO_MASK"):
        [item], _ = load_benchmark(name, tmp_path / "ai2d.json", tmp_path / "store")
        assert (item.test_set, item.answer, item.qid) == (name, "C", "1")
        assert metrics([line(item, True)])[name]["value"] == 1


def test_vrc_bench_has_reference_steps_and_asks_for_the_letter(tmp_path):
    (tmp_path / "1.png").write_bytes(png())
    own = [
        {
            "idx": 3,
            "question": "Which? Choices: A. red B. blue",
            "final_answer": "B",
            "image": "1.png",
            "steps": "Step 1: Look.\nStep 2: Say.",
        },
        {"idx": 4, "question": "How many?", "final_answer": "three", "steps": ["Count."], "image": "1.png"},
    ]
    (tmp_path / "vrc.json").write_text(json.dumps(own))
    [choice, free], _ = load_benchmark("VRC-Bench", tmp_path / "vrc.json", tmp_path / "store")
    assert choice.steps == ("Step 1: Look.", "Step 2: Say.") and choice.question.endswith("option by its letter.")
    assert (choice.options, choice.answer) == (("red", "blue"), "B")
    assert (free.question, free.answer, free.steps) == ("How many?", "three", ("Count.",))


def hallusion(figure, question, answer, **more):
    return {
        "category": "VS",
        "subcategory": "map",
        "set_id": "1",
        "figure_id": figure,
        "question_id": question,
        "question": "Is it?",
        "gt_answer": answer,
        "visual_input": "1",
        "filename": "./1.png",
    } | more


def test_hallusionbench_counts_answers_figures_and_questions(tmp_path):
    (tmp_path / "1.png").write_bytes(png())
    own = [
        hallusion("1", "0", "1"),
        hallusion("1", "1", "0"),
        hallusion("2", "0", "0"),
        hallusion("2", "1", "0"),
        hallusion("0", "0", "1", visual_input="0", filename=None),
    ]
    (tmp_path / "h.json").write_text(json.dumps(own))
    items, counts = load_benchmark("HallusionBench", tmp_path / "h.json", tmp_path / "store")
    assert counts == {"rows": 5, "without_picture": 1} and {item.group for item in items} == {"VS/map/1"}
    assert [item.answer for item in items] == ["yes", "no", "no", "no"]
    found = metrics([line(item, item.qid != "VS/map/1#1#0") for item in items])
    assert [found[f"HallusionBench/{part}"]["value"] for part in ("aAcc", "fAcc", "qAcc")] == [0.75, 0.5, 0.5]
    assert found["HallusionBench"]["value"] == pytest.approx((0.75 + 0.5 + 0.5) / 3, abs=1e-6)


def test_hallusionbench_in_vlmevalkits_form_has_the_same_groups(tmp_path):
    columns = ("index", "question", "answer", "category", "l2-category", "image")
    items, _ = read(tmp_path, "HallusionBench", row("HallusionBench_VS_map_1_2_0", answer="Yes"), columns=columns)
    assert items[0].qid == "HallusionBench_VS_map/1#2#0" and items[0].answer == "yes" and items[0].question == "Which?"
    with pytest.raises(UserError, match="row 1: neither the columns"):
        read(tmp_path, "HallusionBench", row("7", answer="Yes"), columns=columns)
    with pytest.raises(UserError, match="'maybe' is neither yes nor no"):
        read(tmp_path, "HallusionBench", row("x_1_2_0", answer="maybe"), columns=columns)


# ---------------------------------------------------------------- metrics


def test_the_reasoning_subsets_are_plain_means_of_their_skills():
    """Paper A, version 6: MMStar-R of its full model, 57.5, follows from its Table 3."""
    table_3 = {
        "coarse perception": 68.8,
        "fine-grained perception": 46.8,
        "instance reasoning": 63.2,
        "logical reasoning": 58.0,
        "math": 64.0,
        "science & technology": 44.8,
    }
    lines = [
        {"qid": f"{skill}{k}", "correct": k < round(10 * share), "pred": "A", "test_set": "MMStar", "skill": skill}
        for skill, share in table_3.items()
        for k in range(1000)
    ]
    found = metrics(lines)
    assert found["MMStar-R"]["value"] == pytest.approx(0.575, abs=1e-4)
    assert found["MMStar/math"]["value"] == 0.64
    assert "MMStar-R" not in metrics([one for one in lines if one["skill"] != "math"])


def test_the_mini_sets_keep_the_names_of_their_metrics():
    lines = [
        {"qid": str(k), "correct": True, "pred": "A", "test_set": f"mini-{name}", "skill": "math", "group": "g"}
        for k, name in enumerate(("MMStar", "MMBench", "MM-Vet", "MathVista", "AI2D"))
    ]
    names = {name for name in metrics(lines) if name.startswith("mini-")}
    assert names == {
        "mini-MMStar",
        "mini-MMStar/math",
        "mini-MMBench",
        "mini-MMBench/plain",
        "mini-MM-Vet",
        "mini-MathVista",
        "mini-AI2D",
    }


def test_a_tsv_of_another_edition_or_variant_gives_a_warning(tmp_path, monkeypatch):
    path = tsv(tmp_path / "set.tsv", row(1))
    with pytest.warns(UserWarning, match="set.tsv is not the AI2D_TEST.tsv that VLMEvalKit pins: it has another MD5"):
        load_benchmark("AI2D_TEST", path, tmp_path / "store")
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setitem(BENCHMARKS, "AI2D_TEST_NO_MASK", replace(BENCHMARKS["AI2D_TEST_NO_MASK"], md5=md5))
    with pytest.warns(UserWarning, match="it is AI2D_TEST_NO_MASK"):
        load_benchmark("AI2D_TEST", path, tmp_path / "store")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_benchmark("AI2D_TEST_NO_MASK", path, tmp_path / "store")


def test_a_toy_benchmark_works_through_the_registry_alone(tmp_path, monkeypatch):
    """An entry is enough to load a benchmark, to score it, and to have a judge read unclear answers."""
    monkeypatch.setitem(BENCHMARKS, "Toy", Benchmark("choice", ("topic",)))
    columns = ("index", "question", "A", "B", "answer", "topic", "image")
    [item], _ = read(tmp_path, "Toy", row(1, topic="toys"), columns=columns)
    assert (item.test_set, item.skill, item.answer) == ("Toy", "toys", "B")
    assert metrics([line(item, True)])["Toy"]["value"] == 1
    unclear = line(item, False, pred=None, output="Perhaps blue.")
    [graded] = grade([unclear], [item], lambda requests: (Reply('{"answer": "B"}') for _ in requests))
    assert graded["correct"] and graded["graded"]["score"] == 1


def test_benchmarks_with_similar_names_describe_their_variant():
    families = [name.split("_")[0] for name in BENCHMARKS]
    assert all(benchmark.variant for name, benchmark in BENCHMARKS.items() if families.count(name.split("_")[0]) > 1)


# ---------------------------------------------------------------- real rows


@needs_real_data
@pytest.mark.parametrize(
    ("name", "file", "first"),
    [
        ("MMBench_DEV_EN", "mmbench_samples_en.vlmevalkit.tsv", "1"),
        ("MMBench_DEV_CN", "mmbench_samples_cn.vlmevalkit.tsv", "1000001"),
    ],
)
def test_real_mmbench_rows_are_read_rotated_and_scored(tmp_path, name, file, first):
    items, counts = load_benchmark(name, Path(os.environ["O1LIB_REAL_DATA"]) / "native" / file, tmp_path / "store")
    assert counts["rows"] == 9 and len(items) == 8 * 4 + 3 and items[0].qid == first
    assert {item.skill for item in items} >= {"logic_reasoning", "attribute_reasoning", "relation_reasoning"}
    found = metrics([line(item, True) for item in items])
    assert found[name]["n"] == 9 and found[f"{name}-R"]["value"] == 1
    assert all(Image.open(item.image).format == "JPEG" for item in items)


@needs_real_data
def test_real_hallusionbench_rows_have_the_benchmarks_groups(tmp_path):
    real = [found for _, found in rows(Path(os.environ["O1LIB_REAL_DATA"]) / "native" / "HallusionBench.sample.json")]
    (tmp_path / "one.png").write_bytes(png())
    (tmp_path / "h.json").write_text(json.dumps([found | {"filename": "one.png"} for found in real]))
    items, _ = load_benchmark("HallusionBench", tmp_path / "h.json", tmp_path / "store")
    found = metrics([line(item, item.answer == "yes") for item in items])
    figures = {(one["subcategory"], one["set_id"], one["figure_id"]) for one in real}
    questions = {(one["subcategory"], one["set_id"], one["question_id"]) for one in real}
    assert found["HallusionBench/fAcc"]["n"] == len(figures) and found["HallusionBench/qAcc"]["n"] == len(questions)
    yes = sum(one["gt_answer"] == "1" for one in real) / len(real)
    assert found["HallusionBench/aAcc"]["value"] == pytest.approx(yes, abs=1e-6)


@needs_real_data
@pytest.mark.parametrize("file", ["mcq_example.tsv", "mcq_example.jsonl"])
def test_real_rows_with_listed_options_are_read(tmp_path, file):
    for where, found in rows(Path(os.environ["O1LIB_REAL_DATA"]) / "native" / "evalscope" / file):
        one = fields.read(found, where)
        assert len(one.options) == 4 and one.answer in "ABCD" and one.picture.endswith(".jpg")


def test_notebook_03s_questions_may_be_a_benchmarks_file(tmp_path):
    from types import SimpleNamespace

    run = SimpleNamespace(path=lambda name: tmp_path / name, root=tmp_path, seed=0)
    file = tsv(tmp_path / "set.tsv", row(1), row(2))
    items = inputs.test_items(run, f"MMBench_DEV_EN@{file}", questions=3)
    assert [item.qid for item in items] == ["1", "1+1"]
    subject = SimpleNamespace(provenance=lambda: {"device": "cpu"})
    assert len(inputs.hashes(run, f"MMBench_DEV_EN@{file}", subject)["dataset_hash"]) == 64
