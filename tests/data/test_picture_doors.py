"""Every door for pictures leads through one opener: upright, on white, bounded, and files only."""

import base64
import io
import os
import re
import struct
import zlib
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import EpsImagePlugin, Image, ImageFile

import o1lib
from o1lib.analysis.views.gallery import inline
from o1lib.data.annotation.teacher import AnnotationRequest
from o1lib.data.annotation.teacher import messages as to_teacher
from o1lib.data.benchmarks import load_benchmark
from o1lib.data.dataset import Item, opened, read_items, write_items
from o1lib.data.images import as_rgb, picture_of, rgb, upright_size
from o1lib.evaluation import answer
from o1lib.formats.stages import STAGES
from o1lib.inference.chat import ChatTokenizer
from o1lib.inference.served.decoder import ServedDecoder
from o1lib.records import UserError
from o1lib.search.methods import task_for
from o1lib.training.positions import picture_size

STAGED = dict(zip(STAGES, ("plan", "a dot", "one dot", "B"), strict=True))


def item(path):
    return Item("q", "photos", "How many?", "B", STAGED, path)


def from_url(url):
    return Image.open(io.BytesIO(base64.b64decode(url.partition("base64,")[2]))).convert("RGB")


class Seen(Exception):
    """Ends a search as soon as its picture is known."""


def by_answer(path, monkeypatch):
    def stop(qid, question, image, format):
        raise Seen(image)

    monkeypatch.setattr(answer, "task_for", stop)
    with pytest.raises(Seen) as seen:
        answer.answer(SimpleNamespace(seed=0), path, "How many?", "tags", judge="random")
    return seen.value.args[0]


def by_served_request(path, monkeypatch):
    one = item(path)
    task = task_for(one.qid, one.question, one.image, "direct")
    return from_url(ServedDecoder(SimpleNamespace(model="m"))._picture(task)["image_url"]["url"])


def by_teacher(path, monkeypatch):
    chat = to_teacher(AnnotationRequest("q", path, "How many?", "B"))
    return from_url(chat[0]["content"][0]["image_url"]["url"])


def by_dataset(path, monkeypatch):
    [read] = read_items(write_items([item(path)], path.parent / "written"))
    return opened(read).image


def by_benchmark(path, monkeypatch):
    table = path.parent / "set.jsonl"
    table.write_text(f'{{"id": 1, "question": "Is it?", "answer": "it", "image": "{path.name}"}}')
    [read], _ = load_benchmark("MMVet", table, path.parent / "store")
    return picture_of(read)


def by_decoder(path, monkeypatch):
    def processor(images, **_):
        return {"seen": images[0][0]}

    processor.tokenizer = type("T", (), {"eos_token_id": 0, "pad_token_id": 0, "bos_token_id": 0, "__len__": len})()
    chat = ChatTokenizer.__new__(ChatTokenizer)
    chat.processor = processor
    return chat.batch([path], ["How many?"])["seen"]


def by_preflight(path, monkeypatch):
    picture = picture_of(item(path))
    assert picture_size(item(path)) == picture.size
    return picture


def by_page(path, monkeypatch):
    return from_url(re.search(r'src="([^"]+)"', inline(path))[1])


DOORS = (
    by_answer,
    by_served_request,
    by_teacher,
    by_dataset,
    by_benchmark,
    by_decoder,
    by_preflight,
    by_page,
)


@pytest.mark.parametrize("door", DOORS)
def test_a_transparent_picture_lies_on_white_at_every_door(tmp_path, monkeypatch, door):
    Image.new("RGBA", (4, 2), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert door(tmp_path / "clear.png", monkeypatch).getcolors() == [(8, (255, 255, 255))]


@pytest.mark.parametrize("door", DOORS)
def test_a_turned_photograph_is_upright_at_every_door(tmp_path, monkeypatch, door):
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (16, 8)).save(tmp_path / "turned.jpg", exif=turned)
    assert door(tmp_path / "turned.jpg", monkeypatch).size == (8, 16)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("door", DOORS)
def test_the_decoder_does_not_turn_again_what_a_door_turned(tmp_path, monkeypatch, door, orientation, form):
    """Asymmetric in both directions, so that a second turn would show."""
    turned = Image.Exif()
    turned[0x0112] = orientation
    picture = Image.new("RGB", (40, 20))
    picture.paste((255, 0, 0), (0, 0, 10, 10))
    picture.save(tmp_path / "turned.png", form, exif=turned)
    seen = door(tmp_path / "turned.png", monkeypatch)
    again = by_decoder(seen, monkeypatch)
    assert again.size == seen.size == rgb(tmp_path / "turned.png").size
    assert again.tobytes() == seen.tobytes() and not again.info


@pytest.mark.parametrize("door", DOORS)
def test_the_first_frame_of_a_stereo_photograph_is_seen_at_every_door(tmp_path, monkeypatch, door):
    """MPO: a JPEG that holds several."""
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "two.jpg", "MPO", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "two.jpg") as saved:
        assert saved.format == "MPO"
    red, green, blue = door(tmp_path / "two.jpg", monkeypatch).getpixel((4, 4))
    assert red > 250 and green < 5 and blue < 5


def large(path):
    """Write a PNG whose header announces 13,000 x 13,000 pixels."""
    Image.new("1", (1, 1)).save(path)
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 13_000, 13_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)


def postscript(path):
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n%%EOF\n")


def pipe(path):
    os.mkfifo(path)


def folder(path):
    path.mkdir()


def device(path):
    os.symlink("/dev/zero", path)


def truncated(path):
    Image.effect_noise((64, 64), 90).save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:-200])


REFUSED = {
    large: "13,000 x 13,000 pixels, more than 64,000,000",
    postscript: "is no PNG, JPEG",
    pipe: "is a pipe or device",
    folder: "is a folder",
    device: "is a pipe or device|leaves",
    truncated: "is corrupt .*truncated",
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("make", REFUSED)
@pytest.mark.parametrize("door", DOORS)
def test_what_is_no_picture_is_refused_with_a_sentence_at_every_door(tmp_path, monkeypatch, door, make):
    """Before anything is decoded, and without another program."""
    make(tmp_path / "a.png")
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("Ghostscript was called"))
    if make is large:
        monkeypatch.setattr(ImageFile.ImageFile, "load", lambda *_: pytest.fail("the picture was decoded"))
    with pytest.raises(UserError, match=REFUSED[make]):
        door(tmp_path / "a.png", monkeypatch)


@pytest.mark.parametrize("name", ["x" * 300, "x/" * 3000 + "a.png", "\ud800.png", "a\0.png"])
def test_a_path_that_cannot_exist_is_a_sentence(tmp_path, name):
    with pytest.raises(UserError, match=r"is missing|cannot be read"):
        rgb(tmp_path / name)


def test_a_file_larger_than_any_picture_is_refused_unread(tmp_path):
    with open(tmp_path / "a.png", "wb") as file:
        file.truncate(300_000_000)
    with pytest.raises(UserError, match="300,000,000 bytes, more than"):
        rgb(tmp_path / "a.png")


@pytest.mark.parametrize("form", ["TIFF", "JPEG", "PNG", "WEBP", "MPO"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_in_the_header_is_that_of_the_decoded_picture(tmp_path, form, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.new("RGB", (40, 20))
    picture.paste((255, 0, 0), (0, 0, 10, 10))  # the corner that turns
    more = {"save_all": True, "append_images": [Image.new("RGB", (40, 20))]} if form == "MPO" else {}
    picture.save(tmp_path / "a", form, exif=exif, **more)
    found = rgb(tmp_path / "a")
    x, y = found.width - 3, found.height - 3
    corners = [found.getpixel(place)[0] > 128 for place in ((2, 2), (x, 2), (2, y), (x, y))]
    assert found.size == upright_size(tmp_path / "a")
    assert corners.index(True) == (0, 1, 3, 2, 0, 1, 3, 2)[orientation - 1]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0II*\0\xff\xff\xff\x7f", b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_broken_exif_data_do_not_cost_the_picture(tmp_path, exif):
    Image.new("RGB", (16, 8)).save(tmp_path / "a.jpg", exif=exif)
    assert rgb(tmp_path / "a.jpg").size == upright_size(tmp_path / "a.jpg") == (16, 8)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_that_was_opened_elsewhere_is_bounded_too(tmp_path):
    large(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as found, pytest.raises(UserError, match="13,000 x 13,000 pixels"):
        as_rgb(found)


OPENS = re.compile(
    r"\bImage\.open\b|from PIL\.Image import|\bimread\b|\bload_images?\b|\bread_image\b|\bdecode_image\b|ImageFile\b"
    r"|\bimageio\b|\bcv2\b|\bskimage\b"
)


def test_no_other_module_of_the_repository_opens_pictures():
    """Elsewhere paths would be unchecked, sizes unbounded, and rotated or transparent pictures decoded differently."""
    root = Path(o1lib.__file__).parents[1]
    files = [path for folder in ("o1lib", "tools", "notebooks") for path in (root / folder).rglob("*.[pi]*")]
    sources = [path for path in files if path.suffix in (".py", ".ipynb")]
    openers = [path for path in sources if OPENS.search(path.read_text(encoding="utf8"))]
    assert len(sources) > 100 and openers == [root / "o1lib" / "data" / "images.py"]
