"""A progress bar in a notebook is one output that is not on the error stream; in a terminal it is tqdm's."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

import o1lib
from o1lib.records import progress

COUNT = """from o1lib.records.progress import progress_bar, say
for number in progress_bar(range(3), desc="counting", mininterval=0):
    pass
say("done")"""
OTHERS = """from o1lib.records.progress import import_quietly
import_quietly()
from tqdm.auto import tqdm  # as huggingface_hub does"""
WAITING = """for number in progress_bar(range(3), delay=60):
    pass
with progress_bar(total=3, disable=True) as hidden:
    hidden.update(3)"""


@pytest.fixture(scope="module")
def executed() -> nbformat.NotebookNode:
    """A notebook that counted to three, as a batch executes it."""
    notebook = new_notebook(cells=[new_code_cell(COUNT), new_code_cell(WAITING), new_code_cell(OTHERS)])
    return NotebookClient(notebook, kernel_name="python3", timeout=120).execute()


@pytest.mark.slow
def test_a_bar_in_a_notebook_is_one_output_with_its_last_state(executed):
    bars = [one for one in executed.cells[0].outputs if one.output_type == "display_data"]
    assert len(bars) == 1 and "counting: 100%" in bars[0].data["text/plain"] and "3/3" in bars[0].data["text/plain"]


@pytest.mark.slow
def test_nothing_is_on_the_error_stream_of_a_notebook(executed):
    streams = [(one.name, one.text) for one in executed.cells[0].outputs if one.output_type == "stream"]
    assert streams == [("stdout", "done\n")]


@pytest.mark.slow
def test_a_bar_that_waits_or_is_disabled_shows_nothing(executed):
    assert executed.cells[1].outputs == []


@pytest.mark.slow
def test_other_libraries_import_their_bars_without_a_warning(executed):
    assert executed.cells[2].outputs == []


def test_every_bar_of_the_packages_used_in_notebooks_is_one_of_these():
    package = Path(o1lib.__file__).parent
    own = {path.relative_to(package).as_posix() for path in package.rglob("*.py") if "from tqdm" in path.read_text()}
    assert own == {"records/progress.py", "site/catalog.py"}  # the site is built by a command alone


def test_outside_of_a_notebook_a_bar_is_on_the_error_stream(capsys):
    assert list(progress.progress_bar(range(3), desc="counting", mininterval=0)) == [0, 1, 2]
    progress.say("done")
    out, error = capsys.readouterr()
    assert out == "" and "counting: 100%" in error and "done" in error
