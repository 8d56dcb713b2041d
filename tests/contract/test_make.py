"""`make` has every promised target, and each target prints commands that exist. No command is run.

`make` sets up an environment if there is none. The tests give it links to this environment with the stamp of a complete
setup, and use `make -n`, which prints commands without running them.
"""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.contract import ROOT, environment, failure, python

TARGETS = [
    "study", "plan", "test", "test-fast", "lint", "lab", "compare", "why", "publish", "site", "base", "ship",
    "bench-search", "bench-train", "bench-teacher", "check-models", "push-hub", "setup", "help",
]  # fmt: skip
# {target: variables that README or `make help` let a user give it, each with a value that must reach the command}
VARIABLES = {
    "study": {
        "SCALE": "smoke",
        "ROWS": "all",
        "SEEDS": "0,1,2",
        "JOBS": "3",
        "FRESH": "1",
        "MINUTES": "90",
        "SNAKEMAKE": "--dry-run",
    },
    "plan": {"SCALE": "confirmatory", "ROWS": "served", "SEEDS": "4,5", "JOBS": "7", "FRESH": "1"},
    "test": {"TESTS": "tests/records", "WORKERS": "5"},
    "compare": {"SCALE": "smoke"},
    "why": {"CLAIM": "A5", "SCALE": "smoke"},
    "publish": {"SCALE": "gpu"},
    "site": {"REPOSITORY": "https://example.org/o1lib"},
    "base": {"SCALE": "gpu", "FROM": "work/mini/runs/base/seed0", "FRESH": "1"},
    "ship": {"SCALE": "gpu", "ROWS": "direct", "SEEDS": "7"},
    "push-hub": {"OWNER": "me", "PARTS": "models", "SCALE": "smoke", "DRY": "1"},
    "bench-search": {"MODEL": "results/checkpoints/mini-base"},
    "bench-train": {"SCALE": "gpu"},
}

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")]


def make(*words, venv: Path, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    """Run make without the variables of an outer make."""
    outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MAKEFILES")
    env = {name: value for name, value in environment().items() if name not in outer}
    command = ["make", "--no-print-directory", f"VENV={venv}", f"PYTHON={sys.executable}", *map(str, words)]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """The path of an environment that does not exist."""
    return tmp_path_factory.mktemp("bare") / "venv"


@pytest.fixture(scope="module")
def venv(tmp_path_factory, bare):
    """Links to this environment, with the stamp of a complete setup."""
    place = tmp_path_factory.mktemp("stamped") / "venv"
    place.mkdir()
    for entry in Path(sys.prefix).iterdir():
        if not entry.name.startswith("install"):
            (place / entry.name).symlink_to(entry)
    stamp = re.search(r"touch \S*/(installed-\w+)", make("-n", "setup", venv=bare).stdout)
    (place / stamp.group(1)).touch()
    return place


def lines(done: subprocess.CompletedProcess) -> list[str]:
    """Return the commands that make printed, with continued lines joined and without make's own messages."""
    joined = [line.strip() for line in re.sub(r"\\\n\s*", "", done.stdout).splitlines()]
    return [line for line in joined if line and not line.startswith("make: ")]


@pytest.fixture(scope="module")
def options():
    """A function from a command of o1lib to the options in its help, None if there is no such command."""
    found: dict[str, set[str] | None] = {}

    def options_of(command: str) -> set[str] | None:
        if command not in found:
            done = python("o1lib", command, "--help")
            found[command] = None if done.returncode else set(re.findall(r"--[a-z-]+", done.stdout))
        return found[command]

    return options_of


def wrong(line: str, venv: Path, options) -> str:
    """Return the first part of a command line that does not exist, "" if all parts exist."""
    words = [word for word in shlex.split(line) if not re.match(r"\w+=", word)]
    if not words[0].startswith(str(venv)):
        return "" if shutil.which(words[0]) else f"{words[0]} is not a program"
    if not os.access(words[0], os.X_OK):
        return f"{words[0]} is not in the environment"
    if Path(words[0]).name != "python":
        return ""
    if words[1] != "-m":
        return "" if (ROOT / words[1]).is_file() else f"{words[1]} is not a file"
    if importlib.util.find_spec(words[2]) is None:
        return f"{words[2]} is not a module"
    if words[2] != "o1lib":
        return ""
    known, given = options(words[3]), {word for word in words[4:] if word.startswith("--")}
    return f"{words[3]} is not a command" if known is None else " ".join(sorted(given - known))


# ---------------------------------------------------------------- targets


def absent(targets: list[str], venv: Path) -> list[str]:
    """Return the targets for which make has no rule."""
    done = make("-n", "-k", *targets, venv=venv)
    found = re.findall(r"No rule to make target [`']([^']+)'", done.stderr)
    assert bool(found) == bool(done.returncode), failure(done)
    return found


def test_every_promised_target_exists(venv):
    assert absent(TARGETS, venv) == []


def test_every_target_named_in_docs_exists(venv):
    pages = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    named = {
        target
        for page in pages
        for target in re.findall(r"(?:`|^ {4}|^\$ )make ([a-z][a-z-]*)", page.read_text(encoding="utf8"), re.M)
    }
    assert len(named) >= 2 and absent(sorted(named), venv) == []


def test_help_lists_every_target(venv):
    printed = make("help", venv=venv).stdout
    assert [target for target in TARGETS if not re.search(rf"^make {target}\s+\S", printed, re.M)] == []


@pytest.mark.slow
def test_without_a_target_the_study_is_run(venv):
    assert make("-n", venv=venv).stdout == make("-n", "study", venv=venv).stdout


@pytest.mark.slow
def test_every_printed_command_line_exists(venv, options):
    printed = lines(make("-n", *TARGETS, venv=venv))
    assert len(printed) >= len(TARGETS) - 1
    assert {line: wrong(line, venv, options) for line in printed if wrong(line, venv, options)} == {}


# ---------------------------------------------------------------- variables


@pytest.mark.slow
def test_variables_reach_the_command(venv):
    lost = {}
    for target, given in VARIABLES.items():
        done = make("-n", target, *(f"{name}={value}" for name, value in given.items()), venv=venv)
        words = [word for line in lines(done) for word in shlex.split(line)]
        if done.returncode or (missing := set(given.values()) - set(words)):
            lost[target] = failure(done) if done.returncode else missing
    assert lost == {}


@pytest.mark.parametrize("name", ["ROW", "scale", "SEED", "FOO"])
def test_an_unknown_variable_is_refused(venv, name):
    done = make("-n", "study", f"{name}=1", venv=venv)
    assert done.returncode == 2 and f"unknown variable {name}" in done.stderr and not done.stdout


@pytest.mark.parametrize("target", ["bench-search", "bench-train", "bench-teacher"])
def test_a_loaded_machine_is_allowed_by_a_variable_alone(venv, target):
    assert "--loaded" in make("-n", target, "LOADED=1", venv=venv).stdout
    assert "--loaded" not in make("-n", target, venv=venv).stdout


def test_a_variable_of_the_environment_is_accepted(venv, monkeypatch):
    monkeypatch.setenv("FOO", "1")
    assert make("-n", "study", venv=venv).returncode == 0


# ---------------------------------------------------------------- the environment


def test_a_bare_checkout_is_set_up_before_anything_runs(bare):
    printed = lines(make("-n", "plan", venv=bare))
    installed = [k for k, line in enumerate(printed) if "-m pip install" in line]
    assert installed and max(installed) < next(k for k, line in enumerate(printed) if "-m o1lib plan" in line)
    assert not bare.exists()


def test_torch_comes_from_the_given_index(bare):
    printed = lines(make("-n", "setup", "TORCH_INDEX=https://example.org/cpu", venv=bare))
    torch = [line for line in printed if "--index-url 'https://example.org/cpu'" in line]
    assert len(torch) == 1 and re.search(r"torch==\d", torch[0])


def test_a_stamped_environment_is_not_set_up_again(venv):
    assert "pip install" not in make("-n", "study", venv=venv).stdout


@pytest.mark.slow
def test_make_runs_the_command_and_fails_with_it(venv):
    done = make("why", "CLAIM=A99", venv=venv)
    assert done.returncode == 2 and "o1lib: CLAIM='A99'" in done.stderr, failure(done)
