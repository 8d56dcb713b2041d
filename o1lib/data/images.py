"""Pictures from anywhere, opened in one place: paths kept inside their folder, bombs refused, every mode made RGB.

found = Pictures(folder).find("coco/1.jpg", "train.jsonl line 7")   a file inside or a member of the folder's zip
picture = rgb(found)                                PIL, RGB; first frame, upright, white behind alpha
"""

import io
import os
from pathlib import Path, PurePosixPath

from PIL import Image, ImageOps

from o1lib.data.split_zip import TOPS, Archive, Member, PictureError
from o1lib.records import UserError

# What browsers and served models read. Pillow opens many more, some by starting other programs.
KINDS = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "MPO": "image/jpeg",
}
MOST_PIXELS = 64_000_000  # 8,000 x 8,000: 192 MB once decoded
_ORIENTATION = 0x0112  # EXIF tag; values from 5 on swap width and height
_DEEP = ("I;16", "I;16L", "I;16B", "I", "F")


class Pictures:
    """The pictures of a dataset folder: files below it, or members of its split zip.

    `archive` is None where there is no zip. Raises UserError for a zip that is not whole.
    """

    def __init__(self, folder: Path | str):
        self.folder, self.archive = Path(folder), Archive.of(Path(folder))

    def find(self, image: str, where: str) -> Path | Member | None:
        """Return a picture, None where there is none. Raises UserError for a name that leaves the folder."""
        name = PurePosixPath(image)
        if name.is_absolute() or Path(image).is_absolute() or ".." in name.parts or "\0" in image:
            self._leaves(image, where)
        member = self.archive and self.archive.member(image, where)
        return member or next(filter(None, (self._file(top + image, where) for top in TOPS)), None)

    def _file(self, image, where):
        path = Path(os.path.realpath(self.folder / image))
        if not path.is_relative_to(os.path.realpath(self.folder)):  # by a link
            self._leaves(image, where)
        return path if path.exists() else None

    def _leaves(self, image, where):
        raise UserError(
            f"{where}: image '{image}' leaves {self.folder}; put the picture inside and give a relative path."
        )


def header(source: Path | bytes | Member, what: str) -> Image.Image:
    """Return a picture of which only the header was read, the caller's to close.

    Raises PictureError, `what` being its subject, for what is missing, no picture, or larger than MOST_PIXELS.
    """
    if isinstance(source, Member):
        source = source.read_bytes()
    try:
        picture = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=tuple(KINDS))
    except FileNotFoundError:
        raise PictureError(f"{what} is missing; restore it or remove the line.") from None
    except Image.DecompressionBombError:
        raise PictureError(f"{what} has more than {MOST_PIXELS:,} pixels; shrink it.") from None
    except Exception as error:  # Pillow raises many kinds for a broken file
        raise _corrupt(what, error) from None
    if picture.width * picture.height > MOST_PIXELS:
        picture.close()
        raise PictureError(
            f"{what} has {picture.width:,} x {picture.height:,} pixels, more than {MOST_PIXELS:,}; shrink it."
        )
    return picture


def rgb(source: Path | bytes | Member, what: str = "") -> Image.Image:
    """Return the picture decoded as RGB: the first frame, turned upright, white where it is transparent.

    Sixteen-bit grey becomes eight-bit, CMYK becomes RGB. Raises PictureError as `header` does, and for a picture that
    is cut short; `what` is its subject, by default the path.
    """
    what = what or f"the picture {source if isinstance(source, (Path, Member)) else ''}".rstrip()
    with header(source, what) as picture:
        try:
            picture.load()
            return _plain(ImageOps.exif_transpose(picture))
        except Exception as error:
            raise _corrupt(what, error) from None


def as_rgb(image: Image.Image | Path | str | bytes | Member) -> Image.Image:
    """Return a picture as `rgb` does, from its file, its bytes or a PIL picture. Raises PictureError."""
    if isinstance(image, Image.Image):
        return _plain(ImageOps.exif_transpose(image))
    return rgb(Path(image) if isinstance(image, str) else image)


def upright_size(source: Path | bytes | Member, what: str = "the picture") -> tuple[int, int]:
    """Return (width, height) of the picture that `rgb` would return, from its header alone. Raises PictureError."""
    with header(source, what) as picture:
        turned = picture.getexif().get(_ORIENTATION, 1) >= 5
        return picture.size[::-1] if turned else picture.size


def check(source: Path | bytes | Member, what: str) -> None:
    """Check header and, where the format has them, checksums. Raises PictureError as `header` does."""
    with header(source, what) as picture:
        try:
            picture.verify()
        except Exception as error:
            raise _corrupt(what, error) from None


def _corrupt(what, error):
    said = " ".join(str(error).split())[:120] or type(error).__name__
    return PictureError(f"{what} is corrupt ({said}); restore it or remove the line.")


def _plain(picture):
    if picture.mode in _DEEP:
        low, high = picture.getextrema()
        top = 255 if high <= 255 and low >= 0 else max(65535, high)  # Pillow's own conversion clips at 255
        return picture.convert("F").point(lambda value: value * (255 / top)).convert("L").convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        behind = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(behind, layer).convert("RGB")
    return picture.convert("RGB")


def grey(picture: Image.Image) -> Image.Image:
    """Return a picture of the same size that shows nothing: what a model answers to it, it guesses."""
    return Image.new("RGB", picture.size, (128, 128, 128))


def picture_of(item, blind: bool = False) -> Image.Image:
    """Return an item's picture in RGB, with `blind` a grey one of its size. The item may carry it or name its file."""
    picture = as_rgb(item.image)
    return grey(picture) if blind else picture
