"""Every dependency is pinned, conda and constraints agree with the pins, and a search needs no extra."""

import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from support.toystudy import REPOSITORY

from o1lib.cli.app import as_command

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
# What the extras bring that a plain `pip install .` does not: import names, where they differ from the package's.
MODULES = {"scikit-learn": "sklearn", "pyyaml": "yaml", "easy-vqa": "easy_vqa", "pytest-timeout": "pytest_timeout"}
HARNESSES = ("inspect", "lmms")  # extras that neither make nor conda installs
NEEDED_BELOW = {"filelock", "pyyaml"}  # huggingface_hub brings them


def pins(words):
    """Return the packages, not the project's own extras."""
    return {word for word in words if not word.startswith("o1lib[")}


def everything(but=()):
    """Return the packages of a plain installation and of all extras except those in `but`."""
    return pins([*PROJECT["dependencies"], *(word for name in EXTRAS.keys() - set(but) for word in EXTRAS[name])])


def test_every_dependency_is_pinned():
    assert [word for word in everything() if not re.fullmatch(r"[\w-]+==[\w.]+", word)] == []


def test_constraints_hold_every_dependency():
    held = (REPOSITORY / "constraints.txt").read_text(encoding="utf8").lower().split()
    assert {pin.lower() for pin in everything()} <= set(held)


def test_the_conda_environment_has_all_pins_and_extras():
    conda = yaml.safe_load((REPOSITORY / "environment.yml").read_text(encoding="utf8"))["dependencies"][-1]["pip"]
    assert {word for word in conda if "==" in word} == everything(but=HARNESSES)
    assert {word for word in conda if "==" not in word} == {"--constraint constraints.txt", "--editable ."}


def test_no_package_is_in_two_extras():
    lists = [pins(PROJECT["dependencies"]), *map(pins, EXTRAS.values())]
    assert sum(map(len, lists)) == len(everything())


SEARCH = """
import sys
sys.modules.update(dict.fromkeys({blocked!r}))  # None: as if it were not installed
import o1lib
from PIL import Image
decoder, format = o1lib.load_decoder({folder!r}, "tags", max_new_tokens=8)
found = o1lib.answer(decoder, Image.new("RGB", (32, 32)), "How many?", format, method="stage_beam", n=2)
assert "<div" in o1lib.show_tree(found)
from o1lib.cli import app
"""


@pytest.mark.slow
def test_a_search_needs_no_extra(tiny_folder):
    """What a plain `pip install .` does not bring is not imported."""
    names = {word.partition("==")[0] for words in EXTRAS.values() for word in pins(words)} - NEEDED_BELOW
    blocked = sorted(MODULES.get(name, name.replace("-", "_")) for name in names)
    code = SEARCH.format(blocked=blocked, folder=str(tiny_folder))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_missing_package_is_one_sentence(monkeypatch, capsys):
    def needs_an_extra():
        raise ModuleNotFoundError("No module named 'trl'", name="trl")

    monkeypatch.setattr(sys, "argv", ["o1lib"])
    with pytest.raises(SystemExit, match="2"):
        as_command(needs_an_extra)
    assert capsys.readouterr().err == "o1lib: this needs the package trl: pip install 'o1lib[study]' brings it\n"


def test_a_broken_import_of_the_library_itself_is_not_hidden(monkeypatch):
    def broken():
        raise ModuleNotFoundError("No module named 'o1lib.egg'", name="o1lib.egg")

    monkeypatch.setattr(sys, "argv", ["o1lib"])
    with pytest.raises(ModuleNotFoundError):
        as_command(broken)
