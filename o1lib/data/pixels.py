"""Turn an opened picture upright and convert its pixels to RGB, whatever their mode.

bare_rgb(picture)       # PIL, RGB: as its EXIF data says, on white, and without metadata that would turn it again
"""

import numpy
from PIL import Image

_ORIENTATION = 0x0112  # EXIF tag; values from 5 on swap width and height
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LAYERED = ("RGBA", "LA", "PA", "RGBa", "La")
_DEEP = ("I;16", "I;16L", "I;16B", "I", "F")


def bare_rgb(picture: Image.Image) -> Image.Image:
    """Return a new picture in RGB, upright, on white, with an empty `info`; `picture` keeps its own.

    Raises ValueError for a pixel that is not a number or infinite, and what Pillow raises for a broken file.
    """
    picture.load()
    turn = _TURNS.get(orientation(picture))
    made = _to_rgb(picture if turn is None else picture.transpose(turn))
    made.info = {}  # EXIF and XMP data would turn it once more at the next door, a transparent color would whiten it
    return made


def orientation(picture: Image.Image) -> int:
    """Return the orientation in a picture's EXIF data, 1 to 8; 1 is upright, and also what broken EXIF data gives."""
    try:
        found = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # Pillow raises many kinds for broken EXIF data
        return 1
    return found if found in range(1, 9) else 1


def is_opaque(picture: Image.Image) -> bool:
    """Return whether a picture has no transparency, by its mode and header."""
    return picture.mode not in _LAYERED and "transparency" not in picture.info


def _to_rgb(picture):
    if picture.mode in _DEEP:
        return _scaled(numpy.asarray(picture, dtype="float32"))
    if not is_opaque(picture):
        layer = picture.convert("RGBA")
        background = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(background, layer).convert("RGB")
    return picture.convert("RGB")


def _scaled(gray):
    """Return gray values as RGB: those of 8 bits as they are, others scaled by their maximum.

    The maximum and not the width of a sample, because 12 bits are stored in 16, and floats run to 1 or to 65,535.
    """
    low, high = min(float(gray.min()), 0.0), float(gray.max())
    if not numpy.isfinite([low, high]).all() or numpy.isnan(gray).any():
        raise ValueError("a pixel is not a number, or infinite")
    span = 255 if low == 0 and 1 < high <= 255 else max(high, 0) - low
    return Image.fromarray(((gray - low) * (255 / (span or 1))).clip(0, 255).astype("uint8")).convert("RGB")
