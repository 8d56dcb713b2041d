"""The benchmarks' own forms: every question is asked with its options and has the right gold answer, or is refused."""

import json

import pytest
from PIL import Image

from o1lib.data.benchmarks import BENCHMARKS, fields, load_benchmark
from o1lib.data.benchmarks.known import published
from o1lib.records import UserError

pytestmark = pytest.mark.filterwarnings("ignore:.*that VLMEvalKit pins:UserWarning")


def load(tmp_path, name, *rows, ending=".json"):
    """Return the items of rows in a JSON file of benchmark `name`."""
    Image.new("RGB", (8, 8)).save(tmp_path / "p.png")
    rows = [{"id": str(number), "image": "p.png"} | row for number, row in enumerate(rows)]
    (tmp_path / f"set{ending}").write_text(json.dumps(rows))
    return load_benchmark(name, tmp_path / f"set{ending}", tmp_path / "store").items


def mathvista(**more):
    """A row in the form of MathVista's own testmini.json."""
    return {
        "question": "Which hand points up?",
        "choices": None,
        "unit": None,
        "precision": None,
        "question_type": "free_form",
        "answer_type": "integer",
        "answer": "3",
        "metadata": {"task": "math word problem"},
    } | more


LETTER = "Hint: Please answer the question and provide the correct option letter, e.g., A, B, C, D, at the end."


def test_a_choice_of_mathvistas_own_file_is_asked_with_its_options(tmp_path):
    row = mathvista(choices=["left", "right"], answer="right", question_type="multi_choice", answer_type="text")
    [item] = load(tmp_path, "MathVista_MINI", row)
    assert item.question == f"{LETTER}\nQuestion: Which hand points up?\nChoices:\n(A) left\n(B) right"
    assert (item.options, item.answer, item.skill) == (("left", "right"), "B", "math word problem")


@pytest.mark.parametrize(
    ("more", "hint"),
    [
        ({}, "requiring an integer answer and provide the final value, e.g., 1, 2, 3,"),
        ({"answer_type": "float", "precision": 1}, "with one decimal place and provide the final value, e.g., 1.2,"),
        (
            {"answer_type": "float", "precision": 2.0},
            "with two decimal places and provide the final value, e.g., 1.23,",
        ),
        ({"answer_type": "list", "answer": "[1, 2]"}, "requiring a Python list as an answer"),
    ],
)
def test_an_open_question_of_mathvistas_own_file_has_its_hint(tmp_path, more, hint):
    [item] = load(tmp_path, "MathVista_MINI", mathvista(unit="cm", **more))
    first, asked = item.question.split("\n")
    assert hint in first and first.endswith("at the end.") and asked == "Question: Which hand points up? (Unit: cm)"
    assert item.options == ()


def test_a_query_that_shows_the_options_is_kept(tmp_path):
    """As in the hub's dataset (`query`), and in VLMEvalKit's TSV, whose question is the query."""
    own = f"{LETTER}\nQuestion: Which?\nChoices:\n(A) 3\n(B) 4"
    row = mathvista(choices=["3", "4"], answer="4", question_type="multi_choice")
    for more in ({"query": own}, {"question": own}):
        assert load(tmp_path, "MathVista_MINI", row | more)[0].question == own


def test_a_query_that_lacks_the_options_is_built_again(tmp_path):
    row = mathvista(
        choices=["3", "4"], answer="4", question_type="multi_choice", query="Question: Which hand points up?"
    )
    assert load(tmp_path, "MathVista_MINI", row)[0].question.endswith("Choices:\n(A) 3\n(B) 4")


@pytest.mark.parametrize(
    ("choices", "more", "answer"),
    [
        (["B", "A", "C"], {"answer": "A"}, "B"),  # in MathVista's own file the answer is a text
        (["B", "A", "C"], {"answer": "A", "answer_option": "A"}, "A"),  # in VLMEvalKit's it is a letter
        (["1.2", "1.24"], {"answer": "1.24"}, "B"),
        (["145°", "150°"], {"answer": "145°"}, "A"),
        ("['3', '4']", {"answer": "4"}, "B"),
        (["2", "1", "0"], {"answer": "1"}, "B"),
    ],
)
def test_mathvistas_answer_is_a_text_unless_it_is_called_a_letter(tmp_path, choices, more, answer):
    row = mathvista(choices=choices, question_type="multi_choice", **more)
    assert load(tmp_path, "MathVista_MINI", row)[0].answer == answer


@pytest.mark.parametrize(
    ("options", "answer", "letter"),
    [
        (["1", "2", "3", "4"], "1", "B"),
        (["4", "3", "5", "0"], "0", "A"),
        (["1", "2", "3", "4"], 3, "D"),
        (["a", "b"], "1", "B"),
        (["a", "b"], "B", "B"),
        (["a", "b"], "b", "B"),
        (["2", "1", "0"], 2.0, "C"),
        (["2", "1", "0"], "2.0", "C"),
        ({"A": "x", "C": "y", "D": "z"}, "C", "C"),
    ],
)
@pytest.mark.parametrize("name", ["AI2D_TEST", "AI2D_TEST_NO_MASK"])
def test_ai2ds_own_form_counts_options_from_0_whatever_their_texts(tmp_path, name, options, answer, letter):
    [item] = load(tmp_path, name, {"question": "How many stages?", "options": options, "answer": answer})
    assert item.answer == letter


@pytest.mark.parametrize("answer", [4, "4", 4.0, "-1", "1.5", "2.5e0", "1e400"])
def test_a_number_that_is_no_index_is_refused_even_if_it_is_an_option(tmp_path, answer):
    with pytest.raises(UserError, match="is none of its 4 options"):
        load(tmp_path, "AI2D_TEST", {"question": "How many?", "options": ["4", "-1", "1.5", "2.5"], "answer": answer})


def test_a_number_is_an_index_only_where_it_is_published_as_one(tmp_path):
    row = {"question": "How many?", "A": "1", "B": "2", "answer": "1"}
    assert load(tmp_path, "AI2D_TEST", row)[0].answer == "A"
    with pytest.raises(UserError, match="the answer '1' is none of its 2 options: .*MMStar.tsv"):
        load(tmp_path, "MMStar", {"question": "Which?", "options": ["red", "blue"], "answer": "1"})


def test_an_answer_with_two_meanings_is_refused(tmp_path):
    with pytest.raises(UserError, match="'A' is the letter of one option and the text of another: use VLMEvalKit's"):
        load(tmp_path, "MMStar", {"question": "Which?", "options": ["B", "A"], "answer": "A"})
    assert load(tmp_path, "MMStar", {"question": "Which?", "A": "B", "B": "A", "answer": "A"})[0].answer == "A"


def test_an_empty_option_cell_keeps_the_letters_of_the_others(tmp_path):
    """As VLMEvalKit asks: an empty cell is not offered, and the options after it keep their letters."""
    whole = {"question": "Which?", "A": "red", "B": "blue", "C": "green", "D": "pink", "answer": "B"}
    gap, last = whole | {"C": "", "answer": "D"}, whole | {"C": None, "D": float("nan")}
    items = load(tmp_path, "AI2D_TEST", whole, gap, last)
    assert [item.answer for item in items] == ["B", "D", "B"]
    assert items[1].options == ("red", "blue", "", "pink") and items[2].options == ("red", "blue")
    assert items[1].question.split("\n")[2:5] == ["A. red", "B. blue", "D. pink"]


def test_a_row_whose_right_option_is_empty_is_left_out_and_counted(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "p.png")
    row = {"question": "Which?", "A": "red", "B": "", "C": "green", "image": "p.png"}
    rows = [row | {"id": "1", "answer": "B"}, row | {"id": "2", "answer": "C"}]
    (tmp_path / "set.json").write_text(json.dumps(rows))
    with pytest.warns(UserWarning, match="1 row whose right option is an empty cell left out"):
        items, counts = load_benchmark("AI2D_TEST", tmp_path / "set.json", tmp_path / "store")
    assert [item.qid for item in items] == ["2"] and counts["right_option_is_empty"] == 1


@pytest.mark.parametrize(
    ("name", "row", "reason", "words"),
    [
        ("MMStar", {"A": "x", "B": "y", "C": "", "D": "", "answer": "C"}, "right_option_is_empty", "is an empty cell"),
        ("MMStar", {"A": "x", "B": "", "answer": "A"}, "only_one_option", "only one option"),
        ("MMStar", {"choices": ["x", "y", ""], "answer": "C"}, "right_option_is_empty", "is an empty cell"),
        ("AI2D_TEST", {"options": ["red"], "answer": 0}, "only_one_option", "only one option"),
        ("MathVista_MINI", mathvista(choices=["1", ""], answer="1"), "only_one_option", "only one option"),
        ("MathVista_MINI", mathvista(choices=["1"], answer="1"), "only_one_option", "only one option"),
    ],
)
def test_a_row_that_offers_no_choice_is_left_out_and_counted(tmp_path, name, row, reason, words):
    Image.new("RGB", (8, 8)).save(tmp_path / "p.png")
    asked = {"question": "Which?", "A": "x", "B": "y", "answer": "B"}
    rows = [{"question": "Which?", "image": "p.png", "id": "1"} | row, asked | {"image": "p.png", "id": "2"}]
    (tmp_path / "set.json").write_text(json.dumps(rows))
    with pytest.warns(UserWarning, match=f"1 row .*{words} left out"):
        items, counts = load_benchmark(name, tmp_path / "set.json", tmp_path / "store")
    assert [item.qid for item in items] == ["2"] and counts[reason] == 1


@pytest.mark.parametrize("listed", ["Choices:\n(A) 3.0\n(B) 4.0", ""])
def test_a_question_that_is_the_query_is_asked_once(tmp_path, listed):
    """Also if its options are written differently, or not in it."""
    own = f"{LETTER}\nQuestion: Which?\n{listed}".strip()
    row = mathvista(question=own, choices=["3", "4"], answer="4", question_type="multi_choice")
    [item] = load(tmp_path, "MathVista_MINI", row)
    assert item.question.count("Hint:") == item.question.count("Question:") == item.question.count("Choices:") == 1
    assert item.question.startswith(own)


def test_two_options_that_are_equal_have_the_letter_of_the_first(tmp_path):
    row = mathvista(choices=["2", "2", "3"], answer="2", question_type="multi_choice")
    assert load(tmp_path, "MathVista_MINI", row)[0].answer == "A"


def test_rotations_are_of_the_options_that_are_offered(tmp_path):
    items = load(tmp_path, "MMBench_DEV_EN", {"question": "Which?", "A": "red", "B": "", "C": "green", "answer": "C"})
    right = [(item.options[ord(item.answer) - 65], item.answer) for item in items]
    assert right == [("green", "C"), ("green", "A")] and items[1].options == ("green", "red")


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("MMStar", {"question": "Which?\nOptions: A: x, B: y, C: no C: z, D: w"}),
        ("MMStar", {"question": "Which?"}),
        ("MMStar", {"question": "Which?", "options": "['red' 'blue']"}),  # an array of NumPy as text
        ("MMBench_DEV_CN", {"question": "Which?", "options": "red, blue"}),
        ("MMStar", {"question": "Which?\nA. x\nB. y", "options": "red, blue"}),
        ("MMStar", {"question": "Which?\nA. x\nB. y", "choices": [["red"], ["blue"]]}),
        ("VRC-Bench", {"question": "Which?\nChoices: A. x B. y", "choices": "red or blue"}),
        ("MathVista_MINI", {"question": "Which?\nChoices: (A) x (B) y", "choices": "3; 4"}),
        ("MathVista_MINI", {"question": "Which?", "question_type": "multi_choice", "choices": "[left; right]"}),
        ("MathVista_MINI", {"question": "Which?\nChoices: (A) x (A) y", "choices": None}),
        ("VRC-Bench", {"question": "Which? Choices: A) x, B. y"}),
    ],
)
def test_a_choice_whose_options_cannot_be_read_is_refused_and_never_asked_openly(tmp_path, name, row):
    with pytest.raises(UserError, match="row 1: a choice whose options cannot be read: use ") as caught:
        load(tmp_path, name, row | {"answer": "B"})
    assert str(caught.value).endswith(published(name))


def test_every_benchmark_names_a_file_to_use():
    assert all(f"{name}.tsv" in published(name) or BENCHMARKS[name].hub in published(name) for name in BENCHMARKS)


def test_options_in_a_question_are_asked_once(tmp_path):
    [item] = load(tmp_path, "MMStar", {"question": "Which?\nOptions: A: red, B: blue", "answer": "B"})
    assert item.question.count("red") == 1 and item.bare == "Which?" and item.options == ("red", "blue")


def test_options_of_vrc_bench_in_a_column_are_shown(tmp_path):
    [item] = load(tmp_path, "VRC-Bench", {"question": "Which?", "choices": ["red", "blue"], "answer": "B"})
    assert item.question.startswith("Which?\nChoices:\n(A) red\n(B) blue\nPlease select") and item.answer == "B"


def test_nan_is_a_missing_value_and_never_an_answer(tmp_path):
    (tmp_path / "set.json").write_text('[{"id": "1", "question": "Which?", "answer": NaN, "image": "p.png"}]')
    with pytest.raises(UserError, match="row 1: no answer"):
        load_benchmark("MMVet", tmp_path / "set.json", tmp_path / "store")


@pytest.mark.parametrize("index", ["9" * 5000, "1" + "0" * 30])
def test_a_huge_index_is_a_name(tmp_path, index):
    row = {"id": index, "question": "Which?", "A": "red", "B": "blue", "answer": "A"}
    assert {item.group for item in load(tmp_path, "MMBench_DEV_EN", row)} == {index}
    with pytest.raises(UserError, match="is none of its 2 options"):
        load(tmp_path, "AI2D_TEST", row | {"options": ["a", "b"], "answer": index})


@pytest.mark.parametrize("form", ["lines", "array"])
@pytest.mark.parametrize("ending", [".json", ".jsonl"])
def test_a_json_file_is_an_array_or_lines_whatever_its_name(tmp_path, form, ending):
    Image.new("RGB", (8, 8)).save(tmp_path / "p.png")
    rows = [{"id": str(k), "question": "Is it?", "answer": "it", "image": "p.png"} for k in range(3)]
    text = json.dumps(rows, indent=1) if form == "array" else "\n".join(map(json.dumps, rows))
    (tmp_path / f"set{ending}").write_text(text)
    assert len(load_benchmark("MMVet", tmp_path / f"set{ending}", tmp_path / "store").items) == 3


@pytest.mark.parametrize("text", ["[1]\n[2]\n", "[{}]\n[{}]\n", '[{"a": 1}', "[[1]]"])
@pytest.mark.parametrize("ending", [".json", ".jsonl"])
def test_a_file_of_arrays_is_refused(tmp_path, text, ending):
    (tmp_path / f"set{ending}").write_text(text)
    with pytest.raises(UserError, match=rf"set{ending}"):
        load_benchmark("MMVet", tmp_path / f"set{ending}", tmp_path / "store")


@pytest.mark.parametrize("ending", [".json", ".jsonl"])
def test_half_a_character_is_named_with_the_row(tmp_path, ending):
    (tmp_path / f"set{ending}").write_text('{"id": 1, "question": "Which \\ud800?", "answer": "it"}')
    with pytest.raises(UserError, match=rf"set{ending}, after row 0: .*half a character"):
        load_benchmark("MMVet", tmp_path / f"set{ending}", tmp_path / "store")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (".", "image '.' names no file"),
        ("./", "image './' names no file"),
        ("x" * 300 + ".png", "the picture 'xxx.* is missing"),
        ("sub.folder", "is a folder and not a picture"),
        (["p.png", "p.png"], "2 pictures instead of one"),
        ({"bytes": None, "path": "no.png"}, "the picture 'no.png' is missing"),
    ],
)
def test_a_picture_that_cannot_be_one_is_named_with_the_row(tmp_path, image, message):
    (tmp_path / "sub.folder").mkdir()
    with pytest.raises(UserError, match=f"set.json row 1: .*{message}"):
        load(tmp_path, "MMVet", {"question": "Which?", "answer": "it", "image": image})


def test_a_list_of_one_picture_is_that_picture(tmp_path):
    rows = [{"question": "Which?", "answer": "it", "image": ["p.png"]}]
    rows += [{"question": "Which?", "answer": "it", "image": None, "images": ["./p.png"]}]
    assert {item.image.name for item in load(tmp_path, "MMVet", *rows)} == {"p.png"}


def test_pictures_in_lists_of_a_parquet_file_are_left_undecoded(tmp_path):
    """The library that reads it would decode them without their rotation and without a bound."""
    from datasets import Dataset, Features, List, Value
    from datasets import Image as Picture

    from o1lib.data.table_files import rows

    Image.new("RGB", (8, 8)).save(tmp_path / "p.png")
    features = Features({"id": Value("string"), "images": List(Picture())})
    pictures = [{"bytes": (tmp_path / "p.png").read_bytes(), "path": None}]
    Dataset.from_dict({"id": ["1"], "images": [pictures]}, features).to_parquet(str(tmp_path / "val.parquet"))
    [(_, row)] = rows(tmp_path / "val.parquet")
    assert row["images"][0]["bytes"] == (tmp_path / "p.png").read_bytes()
    assert fields.cell(row, *fields.PICTURES) == row["images"]
