"""Replace generated blocks of a Markdown file, each between its own marks.

    replace_blocks("README.md", {"results": "| claim | ..."})  # the text between <!-- results --> and <!-- /results -->

A file with a missing mark, a repeated mark or marks in the wrong order is refused and stays unchanged.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from o1lib.records import UserError, atomic_file, project_root, shown


def read_with_marks(path: Path | str, names: Iterable[str]) -> str:
    """Return the text of a file of the project after checking that it has the marks of all `names`.

    Raises UserError if a mark is missing, or the path is not a text file.
    """
    path, names = project_root() / path, list(names)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(f"{shown(path)} {what}: name a text file with the marks {', '.join(_marks(names[0]))}")
    try:
        text = path.read_text(encoding="utf8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{shown(path)} cannot be read as text ({error}): save it as UTF-8") from error
    for name in names:
        first, last = _marks(name)
        if [text.count(first), text.count(last)] != [1, 1] or text.index(first) > text.index(last):
            raise UserError(
                f"{shown(path)} must have one {first} and after it one {last}, with the block {name!r} between them: "
                "put the two lines back"
            )
    return text


def replace_blocks(path: Path | str, blocks: Mapping[str, str]) -> None:
    """Write each block between the marks of its name. The rest of the file stays.

    Raises UserError if a mark is missing, or the path is not a text file.
    """
    path, text = project_root() / path, read_with_marks(path, blocks)
    for name, block in blocks.items():
        first, last = _marks(name)
        text = re.sub(f"(?s){re.escape(first)}.*{re.escape(last)}", lambda _, b=f"{first}\n{block}\n{last}": b, text)
    with atomic_file(path) as part:
        part.write_text(text, encoding="utf8")


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name} -->", f"<!-- /{name} -->"
