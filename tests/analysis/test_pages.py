"""HTML pages keep their form, and text from outside never becomes markup."""

import ast
import json
import re
from pathlib import Path

import jinja2
import nbconvert
import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter
from IPython.display import HTML
from nbformat import v4
from support.pages import PICTURE, pages, parsed, structure

from o1lib.analysis.report import Report
from o1lib.analysis.views.gallery import gallery
from o1lib.data.dataset import Item
from o1lib.formats.stages import STAGES
from o1lib.records import project_root
from o1lib.records.html import markdown, render

GOLDEN = Path(__file__).parent / "golden"
TEXT = """5 < 6 & 'so' "on\""""
HOSTILE = [
    "<img src=x onerror=alert(1)>",
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


def output(value):
    """Return a value as the output of a cell, as IPython shows it."""
    return v4.new_output("execute_result", data=DisplayFormatter().format(value)[0])


def executed(*values, source=""):
    """Return an executed notebook with one cell, as the HTML that nbconvert makes of it."""
    cell = v4.new_code_cell(source, outputs=[output(value) for value in values], execution_count=1)
    return nbconvert.HTMLExporter().from_notebook_node(v4.new_notebook(cells=[cell]))[0]


def dangers(page):
    """Return what a page would run: scripts with an alert, and elements with a handler of an event."""
    events = parsed(page)
    handlers = [one for one in events if one[0] == "<" and any(name.startswith("on") for name in one[2])]
    scripts = [b for a, b in zip(events, events[1:]) if a[:2] == ("<", "script") and "alert(" in str(b)]
    return [one for one in handlers if "alert" in str(one)] + scripts


def test_a_page_that_runs_something_is_told_apart():
    """The test below can fail: raw Markdown and an unescaped table are found."""
    raw = type("Raw", (), {"_repr_markdown_": lambda self: HOSTILE[0]})()
    assert dangers(executed(raw)) and dangers(executed(pd.DataFrame({"a": [1]}).style.set_caption(HOSTILE[1])))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_runs_nothing_in_an_executed_notebook(text):
    """Tables of pandas, Markdown, pages and the parameters themselves, through nbconvert."""
    report = Report.__new__(Report)
    report.rows, report.extra, report.records, report.mark = {}, {}, [], text
    frame = pd.DataFrame({text: [text]}, index=pd.Index([text], name=text))
    names = {"a": text, "b": text}
    shown = [frame, frame[text], markdown(text), markdown(f"- **{text}**"), report.conclude([text]), report.note()]
    shown += [report.gallery("a", "b", names), report.tree(text), report.baselines(text), report.html(frame, text)]
    assert dangers(executed(*shown, source=f"model = {text!r}")) == []


def cells(notebook, word):
    """Return the code cells of a notebook that hold a word."""
    book = json.loads((project_root() / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf8"))
    sources = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]
    return [source for source in sources if word in source]


def shown_by(source, **names):
    """Run a cell with these names, and return what its last expression shows as HTML."""
    tree = ast.parse(source)
    exec(compile(ast.Module(tree.body[:-1], []), "cell", "exec"), names)
    last = tree.body[-1]
    assert isinstance(last, ast.Expr)
    return DisplayFormatter().format(eval(compile(ast.Expression(last.value), "cell", "eval"), names))[0]["text/html"]


@pytest.mark.parametrize("text", HOSTILE[:2])
def test_hostile_items_run_nothing_in_the_table_of_targets(text):
    [source] = cells("01_build_dataset", "for name in FORMATS")
    item = Item("q", text, text, text, dict.fromkeys(STAGES, text), PICTURE, options=(text, "other"), test_set=text)
    page = shown_by(source, read_back={"train": [item]}, HTML=HTML)
    tags = {event[1] for event in parsed(page) if event[0] == "<"}
    assert dangers(page) == [] and not tags & {"script", "img"} and "&lt;" in page


@pytest.mark.parametrize("text", HOSTILE[:2])
def test_hostile_names_of_files_and_models_add_no_element(text):
    row = {"qid": text, "correct": True, "output": text, "gold": text, "test_set": text}
    page = gallery([row], [row | {"correct": False}], {}, (f"results/{text}/model", f"{text}.jsonl"))
    tags = {event[1] for event in parsed(page) if event[0] == "<"}
    assert tags <= {"div", "h4", "b", "i", "span", "table", "tr", "td"}


ALLOWED = {
    "o1lib/records/html.py": ["Markup(", "Markdown("],
    "o1lib/analysis/tables.py": ["Markup("],
    "o1lib/site/documents.py": ["Markup("],  # the repository's own texts, whose HTML mistune escapes
}
# the notebooks as nbconvert made them
SAFE = ["report.html.j2"]


def test_html_is_made_in_one_place_only():
    """Elsewhere nobody calls what lets markup through: Styler, raw Markdown, Markup, joined HTML, escape=False."""
    files = [*(project_root() / "o1lib").rglob("*.py"), *(project_root() / "notebooks").glob("*.ipynb")]
    found = {}
    for path in files:
        text = path.read_text(encoding="utf8")
        wild = [word for word in ("Markdown(", "Markup(", ".style.", "escape=False", "html.escape") if word in text]
        wild += re.findall(r"HTML\(f?[\"'\\][^)]*", text)
        name = path.relative_to(project_root()).as_posix()
        found |= {name: wild} if wild and wild != ALLOWED.get(name, [])[::-1] and wild != ALLOWED.get(name) else {}
    assert found == {}


def test_no_template_marks_a_value_as_safe():
    paths = [path for path in (project_root() / "o1lib").glob("*/templates/**/*.j2") if path.is_file()]
    marked = [path.name for path in paths if re.search(r"\|\s*safe\b", path.read_text(encoding="utf8"))]
    assert len(paths) > 5 and marked == SAFE


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="'url' is undefined"):
        render("analysis/picture.html.j2", width=1, height=1)


def test_a_template_that_does_not_exist_is_an_error():
    with pytest.raises(jinja2.TemplateNotFound):
        render("analysis/nothing.html.j2")
