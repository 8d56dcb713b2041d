"""The public names of `o1lib`, and the example in the README that uses them."""

import re
import subprocess
import sys

import pytest

import o1lib
from o1lib.records import project_root


def python(code, folder):
    """Return what a fresh interpreter prints for `code`, started in `folder`."""
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return done.stdout


def example():
    """Return the Python example of the README."""
    blocks = re.findall(r"^```python\n(.*?)^```", (project_root() / "README.md").read_text("utf8"), re.M | re.S)
    [code] = [block for block in blocks if "load_decoder" in block]
    return code


def test_importing_the_package_imports_no_module_of_it():
    code = "import sys, o1lib; print([name for name in sys.modules if name.startswith('o1lib.')])"
    assert python(code, project_root()) == "[]\n"


def test_the_public_names_are_offered_and_others_are_not():
    assert set(o1lib.__all__) == {"answer", "load_decoder", "show_tree"} <= set(dir(o1lib))
    assert all(callable(getattr(o1lib, name)) for name in o1lib.__all__)
    with pytest.raises(AttributeError, match="module 'o1lib' has no attribute 'nothing'"):
        o1lib.__getattr__("nothing")


@pytest.mark.slow
@pytest.mark.parametrize("folder", [".", "notebooks"])
def test_the_readme_example_runs_from_both_folders(folder, tmp_path):
    page = tmp_path / "tree.html"
    assert '"tree.html"' in example()
    printed = python(example().replace('"tree.html"', repr(str(page))), project_root() / folder)
    assert page.read_text("utf8").startswith("<!doctype html>")
    assert "purple is 1. red is 6. orange is 7." in printed, "README says that the model reads the bars"
    assert "<CONCLUSION> A </CONCLUSION>" in printed, "README says that its letter is right"
