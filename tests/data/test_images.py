"""Pictures: every mode becomes RGB, and what cannot be used is named. Who opens them: test_picture_doors."""

import base64
import io

import numpy
import pytest
from PIL import Image

from o1lib.data.image_part import picture_part
from o1lib.data.images import as_rgb, rgb
from o1lib.records import UserError


def png():
    data = io.BytesIO()
    Image.new("RGB", (8, 8)).save(data, "PNG")
    return data.getvalue()


MODES = {
    "L": 120,
    "P": 3,
    "RGBA": (255, 0, 0, 0),
    "CMYK": (0, 255, 255, 0),
    "I;16": 30_000,
    "1": 1,
    "LA": (9, 0),
    "RGB": (9, 9, 9),
    "F": 0.5,
    "I": 70_000,
}
FORMS = {"CMYK": "TIFF", "F": "TIFF", "I": "TIFF"}


def test_every_mode_becomes_rgb(tmp_path):
    """The files have a wrong extension, too."""
    decoded = {}
    for mode, color in MODES.items():
        Image.new(mode, (3, 2), color).save(tmp_path / "p.jpg", FORMS.get(mode, "PNG"))
        decoded[mode] = rgb(tmp_path / "p.jpg")
    assert [mode for mode, picture in decoded.items() if (picture.mode, picture.size) != ("RGB", (3, 2))] == []


def test_transparent_pixels_become_white(tmp_path):
    Image.new("RGBA", (2, 2), (255, 0, 0, 0)).save(tmp_path / "a.png")
    assert rgb(tmp_path / "a.png").getpixel((0, 0)) == (255, 255, 255)


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path):
    Image.fromarray(numpy.array([[0, 32768, 65535]], dtype="uint16")).save(tmp_path / "b.png")
    assert [value[0] for value in rgb(tmp_path / "b.png").get_flattened_data()] == [0, 127, 255]


def test_an_animation_becomes_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert rgb(tmp_path / "a.gif").getpixel((0, 0)) == (255, 0, 0)


def test_a_photograph_is_rotated_as_its_exif_data_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4, 2)).save(tmp_path / "a.jpg", exif=exif)
    assert rgb(tmp_path / "a.jpg").size == (2, 4)


def test_one_pixel_and_a_long_strip_are_pictures(tmp_path):
    for size in ((1, 1), (10_000, 1)):
        Image.new("RGB", size).save(tmp_path / "a.png")
        assert rgb(tmp_path / "a.png").size == size


@pytest.mark.slow
@pytest.mark.parametrize("side", [10_000, 20_000])
def test_a_picture_with_too_many_pixels_is_refused_undecoded(tmp_path, side):
    Image.new("1", (side, side)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="a.png has (10,000 x 10,000|more than)"):
        rgb(tmp_path / "a.png")


@pytest.mark.parametrize("data", [b"", png()[:40]])
def test_a_picture_without_its_header_is_named(tmp_path, data):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UserError, match="a.png is corrupt"):
        rgb(tmp_path / "a.png")


@pytest.mark.parametrize("data", [b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg/>", b"MZ" + bytes(50), b"\0\0\0\x20ftypheic"])
@pytest.mark.parametrize("as_bytes", [True, False])
def test_a_file_of_another_kind_is_to_be_converted(tmp_path, data, as_bytes):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UserError, match="is no PNG, JPEG, WebP, GIF, BMP or TIFF; convert it to one of them") as caught:
        rgb(data if as_bytes else tmp_path / "a.png")
    assert "corrupt" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "kind", "gray"),
    [
        ([0.0, 0.5, 1.0], "float32", [0, 127, 255]),
        ([0, 2048, 4095], "uint16", [0, 127, 255]),
        ([0, 100, 200], "float32", [0, 100, 200]),
        ([0, 100_000, 200_000], "int32", [0, 127, 255]),
        ([-1.0, 0.0, 1.0], "float32", [0, 127, 255]),
        ([0, 0, 0], "uint16", [0, 0, 0]),
    ],
)
def test_deep_gray_is_scaled_by_its_maximum(tmp_path, values, kind, gray):
    Image.fromarray(numpy.array([values], dtype=kind)).save(tmp_path / "a.tiff")
    assert [value[0] for value in rgb(tmp_path / "a.tiff").get_flattened_data()] == gray


@pytest.mark.parametrize("places", [[0], [1], [2]])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_pixel_that_is_no_number_is_refused(tmp_path, places, value):
    pixels = numpy.ones((1, 3), dtype="float32")
    pixels[0, places] = value
    Image.fromarray(pixels).save(tmp_path / "a.tiff")
    with pytest.raises(UserError, match="a.tiff is corrupt .a pixel is not a number, or infinite."):
        rgb(tmp_path / "a.tiff")


def photograph(orientation, form, mode="RGB", **more):
    """An opened photograph, red in the corner that its EXIF data turn."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.new("RGB", (40, 20))
    picture.paste((255, 0, 0), (0, 0, 10, 10))
    data = io.BytesIO()
    picture.convert(mode).save(data, form, exif=exif, **more)
    return Image.open(data)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_decoded_photograph_is_not_turned_again(form, orientation):
    once = as_rgb(photograph(orientation, form))
    assert as_rgb(once).tobytes() == once.tobytes() and as_rgb(once).size == once.size
    assert once.info == {} and not once.getexif()


def test_a_photograph_keeps_its_metadata_when_it_is_decoded():
    opened = photograph(6, "PNG")
    assert as_rgb(opened).size == as_rgb(opened).size == (20, 40) and "exif" in opened.info


def test_metadata_in_xmp_do_not_turn_a_photograph_twice(tmp_path):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    Image.new("RGB", (4, 2)).save(tmp_path / "a.jpg", xmp=xmp)
    assert as_rgb(rgb(tmp_path / "a.jpg")).size == rgb(tmp_path / "a.jpg").size == (2, 4)


def test_a_transparent_color_is_replaced_once(tmp_path):
    """The color of the file's transparency may occur in what was made opaque."""
    picture = Image.new("RGB", (2, 1), (255, 0, 0))
    picture.save(tmp_path / "a.png", transparency=(255, 0, 0))
    assert rgb(tmp_path / "a.png").info == {} and rgb(tmp_path / "a.png").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_opened_photograph_is_sent_upright(mode, orientation):
    opened = photograph(orientation, "PNG", mode)
    url = picture_part(opened)["image_url"]["url"]
    sent = Image.open(io.BytesIO(base64.b64decode(url.partition("base64,")[2])))
    assert sent.convert("RGB").tobytes() == as_rgb(opened).tobytes() and sent.getexif().get(0x0112, 1) == 1


def test_a_truncated_picture_is_named(tmp_path):
    Image.effect_noise((64, 64), 90).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:700])
    with pytest.raises(UserError, match="a.jpg is corrupt"):
        rgb(tmp_path / "a.jpg")
