"""Texts of the repository as HTML: headings with anchors, links to pages of the site, or to the source.

texts = Documents(site, repository="https://github.com/me/o1lib")
texts.html("docs/method.md")            # Markup of the page without its title
"""

import os
import re
import shutil
from pathlib import Path

import mistune
from markupsafe import Markup, escape

from o1lib.records import project_root

PLACES = {  # the page of the site that shows a text of the repository
    "README.md": "index.html",
    "docs/claims.md": "claims.html",
    "docs/method.md": "method.html",
    "docs/how-to.md": "use.html",
    "docs/findings.md": "findings.html",
    "results/PROTOCOL.md": "protocol.html",
    "results/LOG.md": "log.html",
}
PICTURES = (".png", ".svg", ".webp", ".jpg")


class Documents:
    """Turns Markdown of the repository into HTML for pages in the top folder of `site`.

    `repository` is the address of the source, "" if it is not published; links to files then become plain text.
    """

    def __init__(self, site: Path, repository: str = ""):
        self.site, self.repository = site, repository.rstrip("/")

    def there(self, path: str) -> bool:
        """Return whether the repository has a text."""
        return (project_root() / path).is_file()

    def html(self, path: str) -> Markup:
        """Return a text of the repository as HTML, without the title in its first line."""
        text = (project_root() / path).read_text(encoding="utf8")
        renderer = _Renderer(lambda target: self.target(target, path), self._picture(path))
        body = re.sub(r"\A# .*\n", "", re.sub(r"<!--.*?-->\n?", "", text, flags=re.S))
        return Markup(mistune.create_markdown(renderer=renderer, plugins=["table", "strikethrough"])(body))

    def target(self, target: str, page: str) -> str | None:
        """Return the address of a link on a page of the repository, None for a file that no reader can open."""
        if re.match(r"[a-z]+:|#", target):
            return target
        name, _, anchor = target.partition("#")
        path = os.path.normpath(os.path.join(os.path.dirname(page), name))
        if path in PLACES and (path == "README.md" or self.there(path)):
            return PLACES[path] + (f"#{anchor}" if anchor else "")
        return self.source(path)

    def source(self, path: str) -> str | None:
        """Return the address of a file's source, None where the repository has no address."""
        return f"{self.repository}/blob/main/{path}" if self.repository else None

    def _picture(self, page: str):
        def copied(target: str) -> str:
            path = project_root() / os.path.dirname(page) / target
            if path.suffix in PICTURES and path.is_file():
                (self.site / "images").mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, self.site / "images" / path.name)
            return f"images/{path.name}"

        return copied


class _Renderer(mistune.HTMLRenderer):
    """HTML with anchored headings, links by `target`, pictures by `picture`, and tables that scroll on their own."""

    def __init__(self, target, picture):
        super().__init__(escape=True)
        self._target, self._copied = target, picture

    def heading(self, text: str, level: int, **attrs) -> str:
        """Return a heading with the anchor that GitHub gives it."""
        plain = re.sub(r"<[^>]+>", "", text).lower()
        slug = re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", plain).strip())
        return f'<h{level} id="{escape(slug)}">{text}</h{level}>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """Return a link, or only its text if the site has no place for it."""
        address = self._target(url)
        return f'<a href="{escape(address)}">{text}</a>' if address else text

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Return a picture that is copied to the site."""
        return f'<img src="{escape(self._copied(url))}" alt="{escape(text)}" loading="lazy">'

    def block_code(self, code: str, info: str | None = None) -> str:
        """Return a block of code that a keyboard can scroll."""
        return f'<pre tabindex="0"><code>{escape(code)}</code></pre>\n'

    def table(self, text: str) -> str:
        """Return a table that a keyboard can scroll."""
        return f'<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>\n{text}</table></div>\n'
