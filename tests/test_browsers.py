"""Tests in a browser find the browser of any system, and never stay away silently."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import browsers

TESTS = Path(__file__).parent


@pytest.mark.parametrize("name", browsers.NAMES)
def test_a_browser_of_any_usual_name_is_found(tmp_path, name):
    program = tmp_path / name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert browsers.find_browser(str(tmp_path), tmp_path) == str(program)


def test_the_browser_that_playwright_installs_is_found(tmp_path):
    program = tmp_path / "ms-playwright" / "chromium-1200" / "chrome-linux64" / "chrome"
    program.parent.mkdir(parents=True)
    program.write_text("")
    assert browsers.find_browser(str(tmp_path), tmp_path) == str(program)
    assert browsers.find_browser(str(tmp_path), tmp_path / "empty") is None


def run(tmp_path, required):
    """Run the tests of a page where there is no browser; return the exit code and what pytest says."""
    lean = {"PATH": str(tmp_path), "HOME": str(tmp_path), "PYTHONPATH": str(TESTS.parent)}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/analysis/test_layout.py"]
    environment = os.environ | lean | {"O1LIB_NEEDS_BROWSER": required}
    done = subprocess.run(words, cwd=TESTS.parent, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout


@pytest.mark.slow
def test_the_end_of_a_run_tells_that_no_browser_was_there(tmp_path):
    code, told = run(tmp_path, "")
    assert code == 0 and "WARNING: " in told and "skipped tests in a browser: no Chromium was found" in told


@pytest.mark.slow
def test_where_a_browser_is_required_its_absence_is_a_failure(tmp_path):
    code, told = run(tmp_path, "1")
    assert code == 1 and "FAILED" in told and "skipped" not in told
