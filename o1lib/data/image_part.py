"""Encode a picture as a content part of a chat message.

picture_part(Path("photo.png"))["image_url"]["url"]        # "data:image/jpeg;base64,..." if the content is a JPEG
"""

import base64
import io
from pathlib import Path

from PIL import Image

from o1lib.data.images import KINDS, as_rgb, content, header, rgb
from o1lib.data.pixels import is_opaque, orientation
from o1lib.data.split_zip import Member

_MAX_SIDE = 2048  # pixels; served models scale larger pictures down
_MAX_BYTES = 4_000_000  # a common limit of one request


def picture_part(image: Path | str | bytes | Member | Image.Image) -> dict:
    """Return the content part of a picture: a data URL with the MIME type of its content.

    `image` is a file, its bytes, a zip's member or a PIL picture. A still PNG, JPEG, WebP or GIF of common mode and
    size is sent unchanged if it is opaque and upright, because servers differ in what they make of the others.
    Everything else is sent as an RGB PNG of at most 2,048 pixels per side. Raises PictureError for a picture that
    cannot be decoded.
    """
    if not isinstance(image, Image.Image):
        what = "the picture" if isinstance(image, bytes) else f"the picture {image}"
        data = image if isinstance(image, bytes) else content(Path(image) if isinstance(image, str) else image, what)
        image = rgb(data, what)  # decoded even if sent unchanged, so that no corrupt picture is sent
        with header(data, what) as opened:
            if _sent_unchanged(opened, data):
                return _part(KINDS[opened.format], data)
    else:
        image = as_rgb(image)  # of any mode: an opened photograph may still have to be turned
    if max(image.size) > _MAX_SIDE:
        image.thumbnail((_MAX_SIDE, _MAX_SIDE))
    encoded = io.BytesIO()
    image.save(encoded, "PNG")
    return _part("image/png", encoded.getvalue())


def _sent_unchanged(opened, data):
    return (
        opened.format in ("PNG", "JPEG", "WEBP", "GIF")
        and opened.mode in ("1", "L", "P", "RGB")
        and is_opaque(opened)
        and orientation(opened) == 1
        and not getattr(opened, "is_animated", False)
        and max(opened.size) <= _MAX_SIDE
        and len(data) <= _MAX_BYTES
    )


def _part(mime, data):
    return {"type": "image_url", "image_url": {"url": f"data:{mime};base64,{base64.b64encode(data).decode()}"}}
