"""Records that strangers wrote: lists, arrays, half characters, odd paths and lying zips are read, or named."""

import io
import json
import os
import tracemalloc
import zipfile
import zlib
from types import SimpleNamespace

import pytest
from PIL import Image

from o1lib.data.annotation.build import AnnotationConfig
from o1lib.data.annotation.questions import annotation_requests
from o1lib.data.annotation.teacher import AnnotationRequest, filter_verdict
from o1lib.data.benchmarks import load_benchmark
from o1lib.data.dataset import Item, read_items, write_items
from o1lib.data.images import Pictures
from o1lib.data.llava_cot import MAX_ARRAY_BYTES, lines, records
from o1lib.data.sources import load_splits
from o1lib.data.split_zip import Archive
from o1lib.data.survey import survey
from o1lib.evaluation import inputs
from o1lib.formats.stages import STAGES, render
from o1lib.records import UserError

STAGED = dict(zip(STAGES, ("plan", "a dot", "one dot", "B"), strict=True))


def record(id="1", **more):
    turns = [{"from": "human", "value": "What?"}, {"from": "gpt", "value": render(STAGED)}]
    return {"id": id, "image": "coco/1.png", "conversations": turns} | more


def released(folder, *some, text=""):
    (folder / "coco").mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(folder / "coco" / "1.png")
    (folder / "train.jsonl").write_text(text or "".join(json.dumps(one) + "\n" for one in some), encoding="utf8")
    return folder


def train(folder):
    return list(load_splits("llava_cot", folder, n_train=9, n_validation=0, n_test=0).train)


@pytest.mark.parametrize("more", [{"image": ["coco/1.png"]}, {"image": None, "images": ["coco/1.png"]}])
def test_a_list_of_one_image_is_that_image(tmp_path, more):
    [item] = train(released(tmp_path, record(**more)))
    assert item.image.name == "1.png" and item.family == "coco"


@pytest.mark.parametrize("images", [[], None])
def test_an_empty_list_of_images_is_a_record_without_picture(tmp_path, images):
    found = survey(released(tmp_path, record(), record("2", image=None, images=images)))
    assert found["without_picture"] == 1


def test_a_record_of_several_images_is_named(tmp_path):
    folder = released(tmp_path, record(), record("2", image=None, images=["coco/1.png", "coco/1.png"]))
    with pytest.raises(UserError, match="line 2: .*2 images, but a question is about one"):
        train(folder)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_array_is_read_as_its_records(tmp_path, indent):
    folder = released(tmp_path, text="\ufeff \n" + json.dumps([record("1"), record("2")], indent=indent))
    assert [one.id for _, one in records(folder / "train.jsonl")] == ["1", "2"]
    assert sorted(item.qid for item in train(folder)) == ["1", "2"]


def test_a_broken_record_of_an_array_is_named(tmp_path):
    folder = released(tmp_path, text=json.dumps([record("1"), record("2", image=["a", "b"])]))
    with pytest.raises(UserError, match="train.jsonl record 2: .*2 images"):
        train(folder)


@pytest.mark.parametrize("text", ['[{"id": "1"},', "[1]\n[2]", "[" * 50_000])
def test_an_array_that_is_none_is_named(tmp_path, text):
    with pytest.raises(UserError, match=r"train.jsonl line 1: (not JSON|nested too deep)"):
        train(released(tmp_path, text=text))


def test_an_array_too_large_to_be_read_as_a_whole_is_refused_unread(tmp_path):
    folder = released(tmp_path, text="[\n")
    with open(folder / "train.jsonl", "r+b") as file:
        file.truncate(MAX_ARRAY_BYTES + 1)
    with pytest.raises(UserError, match="an array of more than 1 GiB; write one record on a line"):
        next(lines(folder / "train.jsonl"))


@pytest.mark.parametrize("image", [".", "./", "./."])
def test_an_image_that_names_no_file_is_named(tmp_path, image):
    folder = released(tmp_path, record(image=image))
    for read in (survey, train):
        with pytest.raises(UserError, match=r"line 1: image: .* names no file"):
            read(folder)


@pytest.mark.parametrize("image", ["x" * 300 + ".png", "coco/" + "é" * 200, "x/" * 3000 + "1.png"])
def test_an_over_long_name_is_a_missing_picture(tmp_path, image):
    folder = released(tmp_path, record(image=image))
    assert sum(survey(folder)["missing_pictures"].values()) == 1
    with pytest.raises(UserError, match="lacks 1 of its 1 pictures"):
        train(folder)
    assert Pictures(folder).find(image, "here") is None


@pytest.mark.parametrize("more", [{"image": "\ud800.png"}, {"id": "a\udc00"}])
def test_half_a_character_is_named_with_its_line(tmp_path, more):
    folder = released(tmp_path, record("0"), record(**more))
    with pytest.raises(UserError, match=r"train.jsonl line 2: half a character \(a lone surrogate"):
        train(folder)


def test_whole_characters_written_as_two_escapes_are_text(tmp_path):
    folder = released(tmp_path, record("\U0001f600"))
    assert "\\ud83d\\ude00" in (folder / "train.jsonl").read_text() and train(folder)[0].qid == "\U0001f600"


def test_half_a_character_from_a_teacher_is_dropped():
    text = render(STAGED | {"reasoning": "one \ud800 dot"})
    assert filter_verdict(text, AnnotationRequest("q", "", "What?", "B")) == ({}, "half a character")


def test_half_a_character_is_not_written(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "1.png")
    item = Item("q", "f", "What?", "B", STAGED | {"caption": "\ud800"}, tmp_path / "1.png")
    with pytest.raises(UserError, match="question 'q' has a text with half a character"):
        write_items([item], tmp_path / "train")
    assert not (tmp_path / "train").exists()


def test_a_truth_whose_id_is_a_list_is_named(tmp_path):
    folder = released(tmp_path, record())
    (folder / "truth.jsonl").write_text('{"id": [1]}\n')
    with pytest.raises(UserError, match="truth.jsonl line 1: not a truth record with an id"):
        read_items(folder)


def place(folder, kind):
    path = folder / "coco" / "1.png"
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        os.symlink("/dev/zero", path)


@pytest.mark.parametrize(
    ("kind", "message"), [("pipe", "is a pipe or device"), ("folder", "is a folder"), ("device", "leaves")]
)
def test_a_picture_that_is_no_file_is_named_with_its_line(tmp_path, kind, message):
    folder = released(tmp_path, record())
    place(folder, kind)
    with pytest.raises(UserError, match=f"line 1: image 'coco/1.png' {message}"):
        train(folder)


def test_a_pipe_in_the_place_of_a_zip_is_named(tmp_path):
    folder = released(tmp_path, record())
    os.mkfifo(folder / "image.zip.part-aa")
    with pytest.raises(UserError, match="image.zip.part-aa is no file"):
        train(folder)


def jpeg():
    data = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(data, "JPEG")
    return data.getvalue()


def zipped(folder, name, content, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(folder / "image.zip", "w", method) as archive:
        archive.writestr(name, content)


@pytest.mark.parametrize("packed", [False, True])
def test_a_truncated_jpeg_is_found_when_the_dataset_is_made(tmp_path, packed):
    folder = released(tmp_path / "raw", record(image="coco/1.jpg"))
    cut = jpeg()[:-300]
    zipped(folder, "coco/1.jpg", cut) if packed else (folder / "coco" / "1.jpg").write_bytes(cut)
    items = train(folder)
    with pytest.raises(UserError, match="question '1': the picture .*1.jpg is corrupt .*truncated"):
        write_items(items, tmp_path / "train")
    assert not (tmp_path / "train").exists()


def lying(folder, content, announced):
    """Write a zip whose only member holds `content`, but announces another size in both of its headers."""
    zipped(folder, "coco/1.png", content)
    data = bytearray((folder / "image.zip").read_bytes())
    real = len(content).to_bytes(4, "little")
    assert data.count(real) == 2
    (folder / "image.zip").write_bytes(bytes(data).replace(real, announced.to_bytes(4, "little")))


@pytest.mark.parametrize("announced", [1000, 0, 50_000_000])
def test_a_zip_that_lies_about_a_size_costs_no_more_memory_than_announced(tmp_path, announced):
    (tmp_path / "coco").mkdir()
    lying(tmp_path, bytes(60_000_000), announced)
    tracemalloc.start()
    with pytest.raises(UserError, match="is corrupt|bytes uncompressed"):
        found = Archive.of(tmp_path).member("coco/1.png", "line 1")
        found.read_bytes() or pytest.fail("nothing was read")
        raise UserError("is corrupt")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


def test_a_member_that_is_shorter_than_announced_is_corrupt(tmp_path):
    (tmp_path / "coco").mkdir()
    lying(tmp_path, jpeg(), 50_000)
    with pytest.raises(UserError, match="'coco/1.png' in the zip is corrupt"):
        Archive.of(tmp_path).member("coco/1.png", "line 1").read_bytes()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compression_without_a_bound_is_refused(tmp_path, method):
    zipped(tmp_path, "coco/1.png", jpeg(), method)
    with pytest.raises(UserError, match="line 1: image 'coco/1.png' is neither stored nor deflated"):
        Archive.of(tmp_path).member("coco/1.png", "line 1")


def test_a_path_is_found_however_it_is_spelled(tmp_path):
    folder = released(tmp_path)
    for image in ("coco/1.png", "./coco/1.png", "coco//1.png", "coco/./1.png"):
        assert Pictures(folder).find(image, "here").name == "1.png"
    zipped(folder, "vg/./2.png", jpeg())
    assert str(Pictures(folder).find("vg/./2.png", "here")).endswith("vg/./2.png")


def questions(folder, **more):
    Image.new("RGB", (8, 8)).save(folder / "1.png")
    line = {"id": "1", "image": "1.png", "question": "Is it left or right?", "answer": "B"} | more
    (folder / "items.jsonl").write_text(json.dumps(line))
    return list(annotation_requests(folder / "items.jsonl"))


def test_options_that_a_question_only_mentions_are_listed_with_letters(tmp_path):
    [one] = questions(tmp_path, options=["left", "right"])
    assert one.question == "Is it left or right?\nA. left\nB. right" and one.gold == "B"
    [one] = questions(tmp_path, options=["left", "right"], question="Which? (A) left (B) right")
    assert one.question == "Which? (A) left (B) right"


def test_a_teachers_gold_answer_is_exact_and_has_one_meaning(tmp_path):
    assert questions(tmp_path, options=["1.2", "1.24"], answer="1.24")[0].gold == "B"
    with pytest.raises(UserError, match="'A' is the letter of one option and the text of another; .*'A. B'"):
        questions(tmp_path, options=["B", "A"], answer="A")
    assert questions(tmp_path, options=["B", "A"], answer="B. A")[0].gold == "B"


def test_a_questions_file_may_have_lists_of_one_image(tmp_path):
    assert questions(tmp_path, image=None, images=["1.png"])[0].image.name == "1.png"
    with pytest.raises(UserError, match="line 1: image"):
        questions(tmp_path, image=".")


@pytest.mark.parametrize("number", [-1, 10**9])
def test_a_number_of_questions_has_bounds(number):
    with pytest.raises(UserError, match=rf"questions={number} is invalid: give 0 for all"):
        inputs.test_items(None, "", number)


def test_the_checksum_of_a_member_is_still_checked(tmp_path):
    content = jpeg()
    zipped(tmp_path, "coco/1.png", content, zipfile.ZIP_STORED)
    data = (tmp_path / "image.zip").read_bytes()
    (tmp_path / "image.zip").write_bytes(data.replace(content, content[:-1] + b"?"))
    assert zlib.crc32(content) != zlib.crc32(content[:-1] + b"?")
    with pytest.raises(UserError, match="in the zip is corrupt"):
        Archive.of(tmp_path).member("coco/1.png", "line 1").read_bytes()


@pytest.mark.parametrize("place", ["~nobody-of-that-name/set", "x" * 5000, "a\0b"])
def test_a_place_that_cannot_be_a_path_is_a_sentence(place, tmp_path):
    calls = (
        lambda: train(place),
        lambda: load_benchmark("MMStar", f"{place}.tsv", tmp_path),
        lambda: inputs.test_items(SimpleNamespace(path=lambda name: tmp_path), f"MMStar@{place}.tsv"),
        lambda: load_splits(
            "teacher",
            n_train=1,
            n_validation=0,
            n_test=0,
            annotation=AnnotationConfig(place, "http://127.0.0.1:1/v1", "m", log=str(tmp_path / "log")),
        ),
    )
    for call in calls:
        with pytest.raises(UserError, match="cannot be a path"):
            call()
