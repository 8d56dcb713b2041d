"""Render HTML from templates with every value escaped.

render("analysis/gallery.html.j2", parts=[])     # the template o1lib/analysis/templates/gallery.html.j2
markdown("**supported**: 3 claims")             # Markdown for a notebook

A page shows questions, captions and model outputs, which may hold markup. So no page is put together by hand.
"""

import base64
import io
from functools import cache
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image


def render(template: str, **values) -> Markup:
    """Return the HTML of a template, named "<package>/<file>", with `values` escaped.

    The result is a `str` that a further template takes as HTML, so that pages can be nested. Raises
    jinja2.UndefinedError for a value that the template uses and the call lacks.
    """
    return Markup(_environment().get_template(template).render(values))


@cache
def _environment() -> Environment:
    # a missing value is an error, because an empty place on a page would not be noticed
    return Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _source(template: str) -> str | None:
    package, _, file = template.partition("/")
    path = resources.files("o1lib").joinpath(package, "templates", file)
    return path.read_text(encoding="utf8") if path.is_file() else None


def markdown(text: str):
    """Return Markdown for a notebook. HTML in it, which Markdown would pass on, is shown as it was written."""
    from IPython.display import Markdown  # pyright: ignore[reportPrivateImportUsage]

    return Markdown(text.replace("&", "&amp;").replace("<", "&lt;"))


def png_url(picture: Image.Image) -> str:
    """Return a picture as a data: URL, for pages that need no other file."""
    data = io.BytesIO()
    picture.save(data, "PNG")
    return f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode('ascii')}"
