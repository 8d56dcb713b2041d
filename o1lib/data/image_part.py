"""A picture as a content part of a chat message.

picture_part(Path("photo.png"))["image_url"]["url"]        # "data:image/jpeg;base64,..." if it is a JPEG inside
"""

import base64
import io
from pathlib import Path

from PIL import Image

from o1lib.data.images import KINDS, header, rgb
from o1lib.data.split_zip import Member, PictureError

_SIDE, _BYTES = 2048, 4_000_000  # what served models scale down to by themselves, and what they take in one request


def picture_part(image: Path | str | bytes | Member | Image.Image) -> dict:
    """Return the content part that shows a picture: a data URL with the MIME type that the content has.

    `image` is a file, its bytes, a zip's member or a PIL picture. A still PNG, JPEG, WebP or GIF of common mode and
    size goes as it is, everything else as an RGB PNG of at most 2,048 pixels a side. Raises PictureError for what does
    not decode.
    """
    if not isinstance(image, Image.Image):
        what = "the picture" if isinstance(image, bytes) else f"the picture {image}"
        data = image if isinstance(image, bytes) else _bytes(image, what)
        image = rgb(data, what)  # decodes, so that nothing broken is sent
        with header(data, what) as opened:
            if _goes_as_it_is(opened, data):
                return _part(KINDS[opened.format], data)
    image = image if image.mode in ("L", "RGB") else image.convert("RGB")
    if max(image.size) > _SIDE:
        image = image.copy()
        image.thumbnail((_SIDE, _SIDE))
    packed = io.BytesIO()
    image.save(packed, "PNG")
    return _part("image/png", packed.getvalue())


def _goes_as_it_is(opened, data):
    return (
        opened.format in ("PNG", "JPEG", "WEBP", "GIF")
        and opened.mode in ("1", "L", "P", "RGB", "RGBA", "LA")
        and not getattr(opened, "is_animated", False)
        and max(opened.size) <= _SIDE
        and len(data) <= _BYTES
    )


def _bytes(image, what):
    try:
        return (Path(image) if isinstance(image, str) else image).read_bytes()
    except OSError as error:
        raise PictureError(f"{what} cannot be read ({error.strerror}); restore it or remove the line.") from None


def _part(mime, data):
    return {"type": "image_url", "image_url": {"url": f"data:{mime};base64,{base64.b64encode(data).decode()}"}}
