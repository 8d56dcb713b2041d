"""Bundle the scripts and the style of the site with npm: Observable Plot, hyparquet, and the code in site_src/.

write_scripts(Path("site"))      # site.js and site.css; the first call installs what package-lock.json names
"""

import shutil
import subprocess
from pathlib import Path

from o1lib.records import UserError, project_root, sha256

SOURCES = "site_src"
STAMP = "node_modules/.installed"  # holds the hash of the lock file that node_modules was made from


def write_scripts(site: Path) -> None:
    """Write site.js and site.css into `site`. Raises UserError without npm, and if npm or the bundler fails."""
    folder, npm = project_root() / SOURCES, shutil.which("npm")
    if npm is None:
        raise UserError("the site's scripts are bundled with npm, which was not found: install Node.js 18 or later")
    lock = sha256(folder / "package-lock.json")
    stamp = folder / STAMP
    if not stamp.is_file() or stamp.read_text() != lock:
        _npm(npm, folder, "ci", "--no-audit", "--no-fund")
        stamp.write_text(lock)
    _npm(npm, folder, "run", "--silent", "build")
    site.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / "build" / "site.js", site / "site.js")
    shutil.copyfile(folder / "build" / "style.css", site / "site.css")


def _npm(npm: str, folder: Path, *words: str) -> None:
    done = subprocess.run([npm, *words], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        told = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise UserError(f"`npm {' '.join(words)}` failed in {SOURCES}/ ({told}): run it there to see all of its output")
