"""Pages as a browser draws them: nothing sticks out at the width of a laptop or a phone, and pictures keep their shape.

Skipped without a browser, of which the end of the run tells.
"""

import html
import re
import subprocess
from types import SimpleNamespace

import nbconvert
import pytest
from nbformat import v4
from PIL import Image
from support.browsers import BROWSER, needs_browser
from support.pages import pages, parsed

from o1lib.analysis.views.gallery import gallery

NAME = "four_turn_two_phase.stage_beam4.self_as_released"  # as long as names of rows get
FRAME = """<body style="margin:0"><iframe id="frame" src="page.html" style="width:{}px;height:900px;border:0"></iframe>
<script>addEventListener("load", () => {{
  const frame = document.getElementById("frame"), page = frame.contentDocument
  const shapes = [...page.querySelectorAll("img")].map(p => p.clientWidth / p.clientHeight * p.naturalHeight / p.naturalWidth)
  const found = document.createElement("pre")
  found.id = "found"
  found.textContent = [page.documentElement.scrollWidth - frame.clientWidth, ...shapes].join(" ")
  document.body.append(found)
}})</script>"""  # noqa: E501


def drawn(page, width, folder):
    """Return (pixels that stick out, the distortion of each picture: 1 is none) of a page at a width."""
    (folder / "page.html").write_text(page, encoding="utf8")
    (folder / "frame.html").write_text(FRAME.format(width), encoding="utf8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--window-size=1400,1000"]
    flags += [f"--user-data-dir={folder}/profile", "--virtual-time-budget=3000", "--dump-dom"]
    done = subprocess.run([BROWSER, *flags, f"file://{folder}/frame.html"], capture_output=True, text=True, timeout=300)
    beyond, *shapes = map(float, html.unescape(re.search(r'<pre id="found">(.*?)</pre>', done.stdout)[1]).split())
    return beyond, shapes


def gallery_in_a_report():
    """Return a gallery with pictures of several shapes and long answers, as an executed notebook shows it."""
    said = f"{'I look at the picture and count. ' * 20}{'x' * 300}"
    rows = [{"qid": str(k), "correct": True, "output": said, "gold": "B", "test_set": NAME} for k in range(3)]
    sizes = [(64, 64), (500, 400), (2000, 500)]
    examples = {
        str(k): SimpleNamespace(image=Image.new("RGB", size, "red"), question="How many? " * (1 + 20 * k))
        for k, size in enumerate(sizes)
    }
    page = gallery(rows, [row | {"correct": False} for row in rows], examples, ("structured", "direct training"))
    shown = v4.new_output("display_data", data={"text/html": str(page)})
    cell = v4.new_code_cell("report.gallery()", outputs=[shown], execution_count=1)
    return nbconvert.HTMLExporter().from_notebook_node(v4.new_notebook(cells=[cell]))[0]


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_a_gallery_keeps_the_shapes_of_its_pictures(tmp_path, width):
    beyond, shapes = drawn(gallery_in_a_report(), width, tmp_path)
    assert beyond <= 0 and len(shapes) == 3 and all(abs(shape - 1) < 0.02 for shape in shapes)


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_the_claims_stay_inside_the_page(tmp_path, width):
    assert drawn(pages(f"A sentence on {NAME}, and one more of the same length.")["claims"], width, tmp_path)[0] <= 0


def test_every_table_of_the_claims_has_a_box_that_scrolls():
    boxes, tables = [], 0
    for event in parsed(pages("x")["claims"]):
        if event[:2] == ("<", "div"):
            boxes.append(event[2].get("class"))
        elif event[:2] == ("</", "div"):
            boxes.pop()
        elif event[:2] == ("<", "table"):
            tables += 1
            assert boxes == ["wide"]
    assert tables == 5
