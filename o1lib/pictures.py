"""Pictures from anywhere, opened in one place: paths kept inside their folder, bombs refused, every mode made RGB.

    path = inside(folder, "coco/1.jpg", "train.jsonl line 7")       checked: does not leave the folder
    picture = rgb(path, "train.jsonl line 7")                       PIL, RGB; first frame, upright, white behind alpha
    kind(data)                                                      "image/png", by content and never by extension
"""
import io
import os
from pathlib import Path

from PIL import Image, ImageOps

from .records import UserError

# What browsers and served models read. Pillow opens many more, some by starting other programs.
KINDS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif", "BMP": "image/bmp",
         "TIFF": "image/tiff", "MPO": "image/jpeg"}
MOST_PIXELS = 64_000_000     # 8,000 x 8,000: 192 MB once decoded
_DEEP = ("I;16", "I;16L", "I;16B", "I", "F")


def inside(folder: Path, image: str, where: str) -> Path:
    """Return the path of a picture named relative to `folder`. Raises UserError naming `where` if it leaves it."""
    path = Path(os.path.realpath(folder / image))
    if Path(image).is_absolute() or not path.is_relative_to(os.path.realpath(folder)):
        raise UserError(f"{where}: image '{image}' leaves {folder}; put the picture inside and give a relative path.")
    return path


def header(source: Path | bytes, where: str) -> Image.Image:
    """Return a picture of which only the header was read, the caller's to close.

    Raises UserError naming `where` for what is missing, not a picture, or larger than MOST_PIXELS.
    """
    try:
        picture = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=tuple(KINDS))
    except FileNotFoundError:
        raise UserError(f"{where}: the picture is missing; restore it or remove the line.") from None
    except Image.DecompressionBombError:
        raise UserError(f"{where}: the picture has more than {MOST_PIXELS:,} pixels; shrink it.") from None
    except Exception as error:                          # Pillow raises many kinds for a broken file
        raise UserError(f"{where}: the picture is corrupt ({_said(error)}); restore it or remove the line.") from None
    if picture.width * picture.height > MOST_PIXELS:
        picture.close()
        raise UserError(f"{where}: the picture has {picture.width:,} x {picture.height:,} pixels, more than "
                        f"{MOST_PIXELS:,}; shrink it.")
    return picture


def rgb(source: Path | bytes, where: str) -> Image.Image:
    """Return the picture decoded as RGB: the first frame, turned upright, white where it is transparent.

    Sixteen-bit grey becomes eight-bit, CMYK becomes RGB. Raises UserError naming `where` (see `header`), also for a
    picture that is cut short.
    """
    with header(source, where) as picture:
        try:
            picture.load()
            return _plain(ImageOps.exif_transpose(picture))
        except Exception as error:
            raise UserError(f"{where}: the picture is corrupt ({_said(error)}); restore it or remove the line."
                            ) from None


def check(source: Path | bytes, where: str) -> None:
    """Check header and, where the format has them, checksums, without decoding. Raises UserError as `header` does."""
    with header(source, where) as picture:
        try:
            picture.verify()
        except Exception as error:
            raise UserError(f"{where}: the picture is corrupt ({_said(error)}); restore it or remove the line."
                            ) from None


def kind(source: Path | bytes, where: str = "picture") -> str:
    """Return the MIME type that the content has. Raises UserError as `header` does."""
    with header(source, where) as picture:
        return KINDS[picture.format]


def _plain(picture):
    if picture.mode in _DEEP:
        low, high = picture.getextrema()
        top = 255 if high <= 255 and low >= 0 else max(65535, high)     # Pillow's own conversion clips at 255
        return picture.convert("F").point(lambda value: value * (255 / top)).convert("L").convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        behind = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(behind, layer).convert("RGB")
    return picture.convert("RGB")


def _said(error):
    return " ".join(str(error).split())[:120] or type(error).__name__
