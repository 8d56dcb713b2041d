"""HTML pages keep their form, and text from outside never becomes markup."""

from pathlib import Path

import jinja2
import pytest
from support.pages import pages, parsed, structure

from o1lib.records import project_root
from o1lib.records.html import render

GOLDEN = Path(__file__).parent / "golden"
TEXT = """5 < 6 & 'so' "on\""""
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><img src=x onerror=alert(1)>",
    "</pre></td></style><b onclick=alert(1)>",
    "{{ 7 * 7 }} {% raw %}",
]


@pytest.fixture(scope="module")
def plain():
    """All pages with a text that needs escaping but is no markup."""
    return pages(TEXT)


def test_pages_are_those_of_the_golden_files(plain):
    """White space is ignored except where a browser shows it; the bytes of pictures are ignored."""
    golden = {path.stem: parsed(path.read_text(encoding="utf8")) for path in GOLDEN.glob("*.html")}
    assert {name: parsed(page) for name, page in plain.items()} == golden


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_adds_no_element_to_any_page(plain, text):
    found, expected = ({name: structure(page) for name, page in made.items()} for made in (pages(text), plain))
    assert found == expected
    assert not [tag for tags in found.values() for tag in tags if tag[0] == "script" or "onerror" in tag]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_it_was_written(text):
    shown = {
        name: "".join(event[1] for event in parsed(page) if event[0] == "text") for name, page in pages(text).items()
    }
    assert [name for name, words in shown.items() if " ".join(text.split()) not in " ".join(words.split())] == []


def test_no_template_marks_a_value_as_safe():
    paths = list((project_root() / "o1lib").glob("*/templates/*"))
    assert len(paths) > 5 and [path.name for path in paths if "safe" in path.read_text(encoding="utf8")] == []


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="'url' is undefined"):
        render("analysis/picture.html.j2", width=1, height=1)


def test_a_template_that_does_not_exist_is_an_error():
    with pytest.raises(jinja2.TemplateNotFound):
        render("analysis/nothing.html.j2")
