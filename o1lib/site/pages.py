"""Write the pages of the site: templates around texts, with links that are relative and so work under any address.

write_page(site, "claims.html", "claims", title="Claims", current="claims", rows=rows)
"""

import os
from pathlib import Path

from o1lib.records import atomic_file
from o1lib.records.html import render

PAGES = {
    "index": "In one minute",
    "claims": "Claims",
    "explore": "Explore",
    "method": "Method",
    "reports": "Reports",
    "use": "Use it on your model",
    "reproduce": "Reproduce",
}


def write_page(site: Path, path: str, template: str, **values) -> None:
    """Write the page `path` of the site from templates/<template>.html.j2, given its title and its current entry."""
    up = os.path.relpath(".", Path(path).parent)
    root = "" if up == "." else f"{up}/"
    text = render(f"site/{template}.html.j2", root=root, pages=PAGES, **values)
    with atomic_file(site / path) as part:
        part.write_text(text, encoding="utf8", errors="backslashreplace")
