"""The only module that opens pictures: it keeps paths inside their folder, bounds sizes and decodes to RGB.

found = Pictures(folder).find("coco/1.jpg", "train.jsonl line 7")   # a file in the folder, or a member of its zip
picture = rgb(found)                                                # PIL, RGB; first frame, upright, on white
"""

import io
import os
import stat
from pathlib import Path, PurePosixPath

from PIL import Image, UnidentifiedImageError

from o1lib.data.pixels import bare_rgb, orientation
from o1lib.data.split_zip import TOPS, Archive, Member, PictureError
from o1lib.records import UserError, brief

# The formats that browsers and served models read. Pillow opens many more, and starts other programs for some.
KINDS = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "MPO": "image/jpeg",
}
_OPENED = tuple(kind for kind in KINDS if kind != "MPO")  # Pillow opens an MPO as a JPEG first
_STARTS = (b"\x89PNG", b"\xff\xd8", b"RIFF", b"GIF8", b"BM", b"II*\0", b"MM\0*")
MAX_PIXELS = 64_000_000  # 8,000 x 8,000: 192 MB once decoded
MAX_BYTES = 260_000_000  # of one file: as many pixels as above, uncompressed, with transparency


class Pictures:
    """The pictures of a dataset folder: files below it, or members of its split zip.

    `archive` is None if there is no zip. Raises UserError for an incomplete zip.
    """

    def __init__(self, folder: Path | str):
        self.folder, self.archive = Path(folder), Archive.of(Path(folder))

    def find(self, image: str, where: str) -> Path | Member | None:
        """Return the place of a picture, or None if it does not exist.

        `image` is a path relative to the folder, `where` the line that names it. Raises UserError for a path that
        leaves the folder, and for one that names no file.
        """
        name = PurePosixPath(image)
        if name.is_absolute() or Path(image).is_absolute() or ".." in name.parts or "\0" in image:
            raise self._outside(image, where)
        if not name.parts:
            raise UserError(f"{where}: image '{image}' names no file; give the path of its picture or remove the line.")
        member = self.archive and (self.archive.member(image, where) or self.archive.member(str(name), where))
        return member or next(filter(None, (self._file(f"{top}{name}", where) for top in TOPS)), None)

    def _file(self, image, where):
        path = Path(os.path.realpath(self.folder / image))
        if not path.is_relative_to(os.path.realpath(self.folder)):  # a symbolic link can lead outside
            raise self._outside(image, where)
        return path if os.path.exists(path) else None  # unlike Path.exists, False for a name that is too long

    def _outside(self, image, where):
        return UserError(
            f"{where}: image '{image[:80]}' leaves {self.folder}; put the picture inside and give a relative path."
        )


def header(source: Path | bytes | Member, what: str) -> Image.Image:
    """Return a picture of which only the header has been read. The caller closes it.

    Raises PictureError for a file that is missing, a folder, a pipe or a device, is not a picture of a kind in KINDS,
    or has more than MAX_PIXELS pixels. `what` is the subject of its message.
    """
    if isinstance(source, Member):
        source = source.read_bytes()
    if isinstance(source, Path):
        _check_file(source, what)
    try:
        picture = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=_OPENED)
    except UnidentifiedImageError:
        raise _unknown(source, what) from None
    except Image.DecompressionBombError:
        raise PictureError(f"{what} has more than {MAX_PIXELS:,} pixels; shrink it.") from None
    except Exception as error:  # Pillow raises many kinds for a broken file
        raise _corrupt(what, error) from None
    _check_pixels(picture, what)
    return picture


def _unknown(source, what):
    with open(source, "rb") if isinstance(source, Path) else io.BytesIO(source) as file:
        start = file.read(4)
    if not start or start.startswith(_STARTS):
        return _corrupt(what, "empty" if not start else "its header cannot be read")
    return PictureError(f"{what} is no PNG, JPEG, WebP, GIF, BMP or TIFF; convert it to one of them, or restore it.")


def _check_pixels(picture, what):
    if picture.width * picture.height > MAX_PIXELS:
        picture.close()
        raise PictureError(
            f"{what} has {picture.width:,} x {picture.height:,} pixels, more than {MAX_PIXELS:,}; shrink it."
        )


def _check_file(path, what):
    """Raise PictureError unless `path` is a file: a pipe would block for ever, and a device may never end."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        raise PictureError(f"{what} is missing; restore it or remove the line.") from None
    except (OSError, ValueError) as error:  # a name that is too long, or a folder that may not be entered
        raise PictureError(f"{what} cannot be read ({getattr(error, 'strerror', error)}); correct its path.") from None
    if not stat.S_ISREG(found.st_mode):
        kind = "folder" if stat.S_ISDIR(found.st_mode) else "pipe or device"
        raise PictureError(f"{what} is a {kind} and not a picture; name the file of a picture.")
    if found.st_size > MAX_BYTES:
        raise PictureError(f"{what} has {found.st_size:,} bytes, more than {MAX_BYTES:,}; shrink it.")


def content(source: Path | Member, what: str) -> bytes:
    """Return the bytes of a picture's file. Raises PictureError as `header` does for what is no file or too large."""
    if isinstance(source, Member):
        return source.read_bytes()
    _check_file(source, what)
    try:
        return source.read_bytes()
    except OSError as error:
        raise PictureError(f"{what} cannot be read ({error.strerror}); restore it or remove the line.") from None


def rgb(source: Path | bytes | Member, what: str = "") -> Image.Image:
    """Return the picture decoded as RGB: the first frame, rotated as its EXIF data says, on a white background.

    Gray of more than 8 bits is scaled by its maximum, CMYK becomes RGB. The picture has no metadata, so that nobody
    turns it again. Raises PictureError as `header` does, for a truncated picture, and for a pixel that is no number;
    `what` is the subject of the message, by default the path.
    """
    what = what or f"the picture {source if isinstance(source, (Path, Member)) else ''}".rstrip()
    with header(source, what) as picture:
        try:
            return bare_rgb(picture)
        except Exception as error:
            raise _corrupt(what, error) from None


def as_rgb(image: Image.Image | Path | str | bytes | Member) -> Image.Image:
    """Return a picture as `rgb` does, from a file, bytes or a PIL picture. Raises PictureError as `rgb` does."""
    if isinstance(image, Image.Image):
        _check_pixels(image, "the picture")
        try:
            return bare_rgb(image)
        except Exception as error:  # a picture that was opened elsewhere is decoded only now
            raise _corrupt("the picture", error) from None
    return rgb(Path(image) if isinstance(image, str) else image)


def upright_size(source: Path | bytes | Member, what: str = "the picture") -> tuple[int, int]:
    """Return (width, height) in pixels of the picture that `rgb` would return, read from the header alone.

    Raises PictureError as `header` does.
    """
    with header(source, what) as picture:
        turned = orientation(picture) >= 5 and picture.format != "TIFF"  # of a TIFF Pillow turns the size itself
        return picture.size[::-1] if turned else picture.size


def whole(source: Path | bytes | Member, what: str) -> None:
    """Check a picture as `check` does and decode all its pixels, as training will: only that finds a truncated JPEG.

    Raises PictureError as `header` does, and for a truncated picture.
    """
    check(source, what)
    with header(source, what) as picture:
        try:
            picture.load()
        except Exception as error:
            raise _corrupt(what, error) from None


def check(source: Path | bytes | Member, what: str) -> None:
    """Check the header, and the checksums of formats that have them. Raises PictureError as `header` does."""
    with header(source, what) as picture:
        try:
            picture.verify()
        except Exception as error:
            raise _corrupt(what, error) from None


def _corrupt(what, error):
    return PictureError(f"{what} is corrupt ({brief(error, 120)}); restore it or remove the line.")


def grey(picture: Image.Image) -> Image.Image:
    """Return a uniformly gray picture of the same size: a model can only guess an answer to it."""
    return Image.new("RGB", picture.size, (128, 128, 128))


def picture_of(item, blind: bool = False) -> Image.Image:
    """Return an item's picture in RGB, or with `blind` a gray one of its size.

    `item.image` is a PIL picture or the place of one. Raises PictureError as `rgb` does.
    """
    picture = as_rgb(item.image)
    return grey(picture) if blind else picture
