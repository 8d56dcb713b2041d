"""The released form as downloaded: split zips, the hub's cache, and every kind of broken file."""

import io
import json
import zipfile

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from o1lib.data import hub
from o1lib.data.card import card
from o1lib.data.dataset import opened, read_items, write_items
from o1lib.data.images import Pictures, rgb
from o1lib.data.llava_cot import Pictured, lines, records
from o1lib.data.sources import load_splits
from o1lib.data.split_zip import Archive, ConcatenatedFiles
from o1lib.data.survey import TABLE_1, Survey, survey, table_1
from o1lib.formats.stages import STAGES, render
from o1lib.records import UserError

STAGED = render(dict(zip(STAGES, ("plan", "a dot", "one dot", "B"), strict=True)))


def llava_cot(folder, n_train, n_validation, n_test):
    """Return the splits of a folder in the released form."""
    return load_splits("llava_cot", folder, n_train=n_train, n_validation=n_validation, n_test=n_test)


def record(id, image, *answers):
    turns = [
        turn
        for text in answers or (STAGED,)
        for turn in ({"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": text})
    ]
    return {"id": id, "image": image, "conversations": turns}


def png(shade=0, side=8):
    data = io.BytesIO()
    Image.new("RGB", (side, side), (shade, 0, 0)).save(data, "PNG")
    return data.getvalue()


def packed(folder, members, records=(), parts=4):
    """Write a folder as it is downloaded: train.jsonl and a zip split into parts."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    data, size = data.getvalue(), -(-len(data.getvalue()) // parts)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(parts):
        (folder / f"image.zip.part-a{'abcdefgh'[number]}").write_bytes(data[number * size : (number + 1) * size])
    (folder / "train.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf8")
    return folder


@pytest.fixture
def split_zip(tmp_path):
    names = [f"{folder}/{k}.png" for folder in ("ai2d/images", "ai2d/abc_images", "coco/train2017") for k in range(4)]
    members = {name: png(k) for k, name in enumerate(names)}
    return packed(tmp_path / "raw", members, [record(name, name) for name in names])


@pytest.mark.parametrize("top", ["", "image/", "images/"])
def test_a_split_zip_is_read_without_joining_or_unpacking(tmp_path, top):
    names = [f"coco/{k}.png" for k in range(6)]
    folder = packed(
        tmp_path / "raw", {top + name: png(k) for k, name in enumerate(names)}, [record(name, name) for name in names]
    )
    before = sorted(path.name for path in folder.iterdir())
    splits = llava_cot(folder, 9, 0, 0)
    assert {rgb(item.image).getpixel((0, 0))[0] for item in splits.train} == set(range(6))
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_dataset_made_from_a_split_zip_links_the_zip(split_zip, tmp_path):
    items = read_items(write_items(llava_cot(split_zip, 12, 0, 0).train, tmp_path / "train"), decode=True)
    assert len(items) == 12 and not list((tmp_path / "train").rglob("*.png"))
    part = tmp_path / "train" / "image.zip.part-aa"
    assert part.samefile(split_zip / part.name)
    assert opened(items[0]).image.size == (8, 8)
    assert card({"train": items, "test": items[:2]})["splits"]["train"]["pictures"] == 12


def test_a_missing_part_is_named(split_zip):
    (split_zip / "image.zip.part-ab").unlink()
    with pytest.raises(UserError, match="image.zip.part-ab is missing"):
        llava_cot(split_zip, 1, 0, 0)


def test_a_missing_last_part_is_named(split_zip):
    (split_zip / "image.zip.part-ad").unlink()
    with pytest.raises(UserError, match="not a complete zip .* the last part is missing"):
        llava_cot(split_zip, 1, 0, 0)


def test_a_truncated_part_is_named(tmp_path):
    noise = {f"coco/{k}.png": numpy.random.default_rng(k).bytes(4000) for k in range(8)}
    folder = packed(tmp_path / "raw", noise, [record(name, name) for name in noise])
    part = folder / "image.zip.part-ab"
    part.write_bytes(part.read_bytes()[:-100])
    with pytest.raises(UserError, match="corrupt|is no PNG|not a complete zip"):
        list(llava_cot(folder, 9, 0, 0).train)


def test_a_picture_that_the_zip_lacks_is_reported(split_zip):
    with open(split_zip / "train.jsonl", "a", encoding="utf8") as file:
        file.write(json.dumps(record("x", "vg/1.png")) + "\n")
    with pytest.raises(UserError, match=r"lacks 1 of its 13 pictures \(vg 1; the first is vg/1.png\)"):
        llava_cot(split_zip, 1, 0, 0)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "coco/../../x.png", "x\0.png"])
def test_a_name_that_leaves_the_archive_is_refused(tmp_path, name):
    folder = packed(tmp_path / "raw", {name.replace("\0", ""): png()}, [record("1", name)])
    with pytest.raises(UserError, match="line 1: image .* leaves"):
        llava_cot(folder, 1, 0, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_a_zip_bomb_is_refused_before_it_is_uncompressed(tmp_path):
    folder = packed(tmp_path / "raw", {"coco/1.png": bytes(5_000_000)}, [record("1", "coco/1.png")])
    with pytest.raises(UserError, match="line 1: image 'coco/1.png' has 5,000,000 bytes uncompressed"):
        llava_cot(folder, 1, 0, 0)


@pytest.mark.slow
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=6), st.integers(0, 250), st.integers(0, 250))
def test_parts_read_as_if_they_were_joined(tmp_path_factory, contents, start, length):
    folder = tmp_path_factory.mktemp("parts")
    paths = [folder / str(k) for k in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    joined = ConcatenatedFiles(paths)
    joined.seek(start)
    assert joined.read(length) == b"".join(contents)[start : start + length]
    joined.close()


def test_table_1_is_recomputed_from_picture_folders(split_zip):
    found = survey(split_zip)
    rows = {row["sources"]: row["rounds"] for row in found["table_1"]}
    assert rows["AI2D"] == 8 and rows["ShareGPT4V + A-OKVQA"] == 4 and rows["ChartQA"] == 0
    assert sum(row["Table 1 (thousands)"] for row in found["table_1"]) == pytest.approx(sum(TABLE_1.values()))
    assert table_1({"nowhere": 3})[-1]["sources"] == "none of Table 1's"


def test_the_variant_of_ai2d_is_named(split_zip):
    assert survey(split_zip)["ai2d_variant"] == {"unmasked": 4, "masked": 4}


def test_malformed_stages_are_counted_by_kind():
    found = Survey()
    for text in (
        "B",
        STAGED.replace("CAPTION", "CAPTOIN"),
        STAGED[:-5],
        STAGED,
        STAGED.replace("one dot", ""),
        "Sure! " + STAGED.replace("<SUMMARY>", "<summary>"),
    ):
        found.answer(text)
    assert found.facts()["rounds_without_stages"] == {
        "no tags": 1,
        "no caption": 1,
        "a stage left open": 1,
        "an empty stage": 1,
    }


def test_a_dataset_of_the_hub_is_found_in_its_cache(split_zip, tmp_path, monkeypatch):
    import huggingface_hub.constants

    place = tmp_path / "hub" / "datasets--some--data"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("a" * 40)
    (place / "snapshots").mkdir()
    split_zip.rename(place / "snapshots" / ("a" * 40))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub._snapshot_download.HF_HUB_CACHE", str(tmp_path / "hub"), raising=False)
    assert len(list(llava_cot("some/data", 99, 0, 0).train)) == 12
    with pytest.raises(UserError, match="'some/other' could not be downloaded from the hub"):
        hub.folder_of("some/other@v1")


@pytest.mark.parametrize(
    "data, message",
    [
        (b'{"id": "caf\xe9"}\n', r"line 1: not UTF-8 \(byte 12\); save the file as UTF-8"),
        (b'\n{"id": \n', "line 2: not JSON"),
        (b"[" * 100_000 + b"\n", "line 1: nested too deep"),
        (json.dumps({"id": "x" * 17_000_000}).encode(), "line 1: longer than 16 MB"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path, data, message):
    (tmp_path / "train.jsonl").write_bytes(data)
    with pytest.raises(UserError, match=message):
        list(lines(tmp_path / "train.jsonl"))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_byte_order_mark_does_not_matter(tmp_path, mark):
    (tmp_path / "train.jsonl").write_bytes(mark + '{"id": "é"}\r\n\r\n'.encode())
    assert [value for _, value in lines(tmp_path / "train.jsonl")] == [{"id": "é"}]


@pytest.mark.parametrize("change", [{"id": None}, {"id": ""}, {"id": [1]}])
def test_an_id_that_is_missing_is_named(tmp_path, change):
    (tmp_path / "train.jsonl").write_text(json.dumps(record("1", "a.png") | change), encoding="utf8")
    with pytest.raises(UserError, match="line 1: id: "):
        list(records(tmp_path / "train.jsonl"))


@given(st.binary(max_size=200))
def test_any_bytes_raise_only_user_errors(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "train.jsonl"
    path.write_bytes(data)
    try:
        list(records(path))
    except UserError as error:
        assert str(path) in str(error)


def test_a_folder_without_zip_has_no_archive(tmp_path):
    assert Archive.of(tmp_path) is None and Pictures(tmp_path).find("a.png", "here") is None


@pytest.mark.parametrize(
    ("line", "image"),
    [
        ({"images": [{"path": "a.png"}]}, "a.png"),
        ({"images": [{"bytes": None, "path": "a.png"}]}, "a.png"),
        ({"image": {"path": "a.png"}}, "a.png"),
        ({"image": "a.png", "images": ["a.png"]}, "a.png"),
        ({"image": "a.png", "images": []}, "a.png"),
        ({"image": None, "images": "a.png"}, "a.png"),
    ],
)
def test_a_path_is_read_from_image_and_from_images(line, image):
    assert Pictured.model_validate({"id": "1"} | line).image == image


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ({"image": "a.png", "images": ["b.png"]}, "name two pictures"),
        ({"image": "a.png", "images": [{"path": "b.png"}]}, "name two pictures"),
        ({"image": "a.png", "images": ["a.png", "b.png"]}, "2 images"),
        ({"images": [{"bytes": "x"}]}, "an image without a path"),
    ],
)
def test_two_pictures_and_one_without_a_path_are_refused(line, problem):
    with pytest.raises(ValidationError, match=problem):
        Pictured.model_validate({"id": "1"} | line)
