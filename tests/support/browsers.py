"""The browser that tests of pages use, and what is lacking where they cannot run.

Such tests are skipped without a browser. `tests/conftest.py` then says so at the end of a run, and with the environment
variable O1LIB_NEEDS_BROWSER they fail instead, so that a continuous integration does not pass without them.
"""

import os
import shutil
from pathlib import Path

import pytest

from o1lib.records import project_root
from o1lib.site import scripts

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
OWN = "ms-playwright/chromium-*/chrome-linux*/chrome"  # what `playwright install chromium` leaves in the user's cache
AXE = project_root() / scripts.SOURCES / "node_modules" / "axe-core" / "axe.min.js"
LACKING = "tests in a browser: "  # what the reason of such a skip begins with
NO_BROWSER = f"{LACKING}no Chromium was found: `apt-get install chromium`, or `.venv/bin/playwright install chromium`"
NO_PACKAGES = f"{LACKING}the packages of site_src/ are not installed: `make site`, which needs npm"


def find_browser(path: str | None = None, cache: Path | None = None) -> str | None:
    """Return the program of an installed browser of Chromium's kind, None if there is none on the search path."""
    installed = (shutil.which(name, path=path) for name in NAMES)
    own = sorted((cache or Path.home() / ".cache").glob(OWN))
    return next(filter(None, [*installed, *map(str, own)]), None)


BROWSER = find_browser()
REQUIRED = bool(os.environ.get("O1LIB_NEEDS_BROWSER"))
needs_browser = pytest.mark.skipif(not BROWSER and not REQUIRED, reason=NO_BROWSER)
needs_packages = pytest.mark.skipif(not AXE.is_file() and not REQUIRED, reason=NO_PACKAGES)


def lacking(reasons: list[str]) -> list[str]:
    """Return one line for each reason for which tests in a browser were skipped, with their number."""
    own = [reason.removeprefix("Skipped: ") for reason in reasons]
    own = [reason for reason in own if reason.startswith(LACKING)]
    return [f"{own.count(reason)} skipped {reason}" for reason in dict.fromkeys(own)]
