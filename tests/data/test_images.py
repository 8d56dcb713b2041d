"""Pictures: every mode becomes RGB, and what cannot be used is named. Who opens them: test_picture_doors."""

import io

import numpy
import pytest
from PIL import Image

from o1lib.data.images import rgb
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


@pytest.mark.parametrize("data", [b"", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg/>", png()[:40], b"MZ" + bytes(50)])
def test_a_file_that_is_no_picture_is_named(tmp_path, data):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UserError, match="a.png is corrupt"):
        rgb(tmp_path / "a.png")


def test_a_truncated_picture_is_named(tmp_path):
    Image.effect_noise((64, 64), 90).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:700])
    with pytest.raises(UserError, match="a.jpg is corrupt"):
        rgb(tmp_path / "a.jpg")
