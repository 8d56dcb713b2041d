"""Datasets on disk: written completely, read back equal, and every broken file named."""

import dataclasses
import json
import shutil
from types import SimpleNamespace

import pytest
from PIL import Image

from o1lib.data import dataset
from o1lib.data.dataset import Item, opened, read_items, write_items
from o1lib.minivqa import mixture
from o1lib.minivqa.contact_sheet import sheet
from o1lib.records import UserError


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_items(mixture("train", 30), tmp_path_factory.mktemp("data") / "train")


@pytest.fixture
def folder(written, tmp_path):
    return shutil.copytree(written, tmp_path / "train")


def lines(folder, name="train.jsonl"):
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf8").splitlines()]


def change(folder, number, **fields):
    """Rewrite one line of train.jsonl with other fields."""
    records = lines(folder)
    records[number] |= fields
    (folder / "train.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf8")


def test_what_was_written_is_read_back_equal(written):
    for item, example in zip(read_items(written, decode=True), mixture("train", 30), strict=True):
        for name in (f.name for f in dataclasses.fields(Item) if f.name not in ("image", "stages")):
            assert getattr(item, name) == getattr(example, name), name
        assert item.stages == {stage: text.strip() for stage, text in example.stages.items()}
        assert item.description == example.description and item.depth >= 1
        with Image.open(item.image) as picture:
            assert picture.tobytes() == example.image.tobytes()


def test_a_record_has_the_released_form_exactly(written):
    record = lines(written)[0]
    assert list(record) == ["id", "image", "conversations"]
    assert [list(turn) for turn in record["conversations"]] == [["from", "value"]] * 2
    assert [turn["from"] for turn in record["conversations"]] == ["human", "gpt"]
    assert record["conversations"][1]["value"].startswith("<SUMMARY> ") and (written / record["image"]).is_file()


def test_writing_twice_gives_the_same_bytes(written, tmp_path):
    again = write_items(mixture("train", 30), tmp_path / "again")
    for path in written.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (again / path.relative_to(written)).read_bytes()


def test_a_picture_that_items_share_is_stored_once(written, tmp_path):
    first = read_items(written)[0]
    twin = dataclasses.replace(first, qid="twin")
    copy = read_items(write_items([first, twin], tmp_path / "copy"))
    assert copy[0].image == copy[1].image and copy[0].image.read_bytes() == first.image.read_bytes()
    assert dataclasses.replace(copy[1], qid=first.qid, image=first.image) == first


def broken_after(n, error):
    yield from mixture("train", n)
    raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device"), ValueError("bad draw")])
def test_an_interrupted_write_leaves_nothing(tmp_path, error):
    with pytest.raises((UserError, KeyboardInterrupt, ValueError)):
        write_items(broken_after(3, error), tmp_path / "train")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_the_old_dataset(folder):
    before = (folder / "train.jsonl").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write_items(broken_after(3, KeyboardInterrupt()), folder)
    assert (folder / "train.jsonl").read_bytes() == before and len(list(folder.parent.iterdir())) == 1


def test_a_full_disk_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="No space left.*free"):
        write_items(broken_after(3, OSError(28, "No space left on device")), tmp_path / "train")


def test_duplicate_ids_are_refused_when_writing(tmp_path):
    with pytest.raises(UserError, match="occurs twice"):
        write_items([*mixture("train", 1), *mixture("train", 1)], tmp_path / "train")


def test_an_empty_split_is_refused_when_writing(tmp_path):
    with pytest.raises(UserError, match="empty"):
        write_items(iter(()), tmp_path / "train")


def test_a_missing_dataset_names_the_notebook_that_makes_it(tmp_path):
    with pytest.raises(UserError, match="train.jsonl is missing.*notebook 01"):
        read_items(tmp_path)


def test_an_empty_file_is_an_empty_split(folder):
    (folder / "train.jsonl").write_text("\n", encoding="utf8")
    with pytest.raises(UserError, match="split is empty"):
        read_items(folder)


def test_a_line_that_is_not_json_is_named(folder):
    path = folder / "train.jsonl"
    text = path.read_text(encoding="utf8").splitlines(keepends=True)
    path.write_text("".join([*text[:4], "{'id': 1}\n", *text[4:]]), encoding="utf8")
    with pytest.raises(UserError, match="train.jsonl line 5: not JSON; correct or remove"):
        read_items(folder)


def test_duplicate_ids_are_named_with_both_lines(folder):
    change(folder, 7, id=lines(folder)[2]["id"])
    with pytest.raises(UserError, match="line 8: id .* already used in .*line 3; remove one"):
        read_items(folder)


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"image": "images/none.png"}, "line 2: image 'images/none.png' is missing"),
        ({"image": "/etc/passwd"}, "leaves"),
        ({"image": "../train.jsonl"}, "leaves"),
        ({"image": ""}, "no image"),
        ({"image": None}, "no image"),
        ({"image": "train.jsonl"}, "is no PNG"),
        ({"image": "images"}, "is a folder and not a picture"),
        ({"image": 3}, "image"),
        ({"conversations": []}, "conversations"),
        ({"conversations": "hello"}, "conversations"),
        ({"conversations": [{"from": "human", "value": "q"}]}, "conversations"),
        ({"conversations": [{"from": "gpt", "value": "q"}, {"from": "human", "value": "a"}]}, "alternate human, gpt"),
        ({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": ""}]}, "conversations"),
        (
            {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "just B"}]},
            "no summary.*llava_cot",
        ),
        (
            {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}] * 2},
            "2 rounds.*llava_cot",
        ),
        ({"id": ""}, "id"),
        ({"id": "unheard of"}, "not in truth.jsonl"),
    ],
)
def test_a_broken_record_is_named_with_file_line_and_remedy(folder, fields, message):
    change(folder, 1, **fields)
    with pytest.raises(UserError, match=r"train\.jsonl line 2.*" + message if "line" not in message else message):
        read_items(folder)


def test_a_link_out_of_the_folder_is_refused(folder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    Image.new("RGB", (8, 8)).save(outside / "a.png")
    (folder / "images" / "link").symlink_to(outside)
    change(folder, 0, image="images/link/a.png")
    with pytest.raises(UserError, match="line 1: image 'images/link/a.png' leaves"):
        read_items(folder)


@pytest.mark.parametrize("keep", [0, 20, 200])
def test_a_truncated_picture_is_named(folder, keep):
    image = lines(folder)[0]["image"]
    (folder / image).write_bytes((folder / image).read_bytes()[:keep])
    with pytest.raises(UserError, match=f"line 1: image '{image}' is (corrupt|missing)".replace("+", r"\+")):
        read_items(folder)


def test_a_truncated_jpeg_is_found_by_decoding(folder):
    path = folder / "images" / "a.jpg"
    Image.effect_noise((64, 64), 90).save(path)
    path.write_bytes(path.read_bytes()[:700])
    change(folder, 0, image="images/a.jpg")
    assert read_items(folder)[0].image == path
    with pytest.raises(UserError, match="corrupt"):
        read_items(folder, decode=True)


@pytest.mark.parametrize("line, message", [("[1]", "truth.jsonl line 1"), ("{", "truth.jsonl line 1: not JSON")])
def test_a_broken_sidecar_is_named(folder, line, message):
    text = (folder / "truth.jsonl").read_text(encoding="utf8").splitlines()
    (folder / "truth.jsonl").write_text("\n".join([line, *text[1:]]), encoding="utf8")
    with pytest.raises(UserError, match=message):
        read_items(folder)


def test_a_sidecar_of_wrong_types_is_named(folder):
    truths = lines(folder, "truth.jsonl")
    truths[0]["options"] = 7
    (folder / "truth.jsonl").write_text("".join(json.dumps(t) + "\n" for t in truths), encoding="utf8")
    with pytest.raises(UserError, match="line 1: truth.jsonl, options"):
        read_items(folder)


def test_without_a_sidecar_the_answer_is_the_conclusion(folder):
    (folder / "truth.jsonl").unlink()
    item = read_items(folder)[0]
    assert item.answer == item.stages["conclusion"] and item.facts == () and item.family == "images"


def test_an_opened_item_can_be_shown(written):
    item = read_items(written)[0]
    assert opened(item).image.size == (64, 64) and opened(item, 16).image.size == (16, 16)
    assert sheet([opened(item)]).count("<img") == 1


def test_writing_holds_one_picture_at_a_time(tmp_path):
    alive = set()

    class Picture:
        def __init__(self, number):
            self.number = number
            alive.add(number)

        def save(self, path, **options):
            assert len(alive) <= 2
            Image.new("RGB", (8, 8)).save(path)

        def __del__(self):
            alive.discard(self.number)

    blank = next(mixture("train", 1))
    fields = {f.name: getattr(blank, f.name) for f in dataclasses.fields(Item)}
    write_items(
        (SimpleNamespace(**fields | {"qid": str(k), "image": Picture(k)}) for k in range(50)), tmp_path / "train"
    )


def test_chat_formats_are_reached_through_data():
    assert dataset.messages and dataset.FORMATS and dataset.answer_text
