"""Bundle the scripts and the style of the site with npm: Observable Plot, hyparquet, and the code in site_src/.

write_scripts(Path("site"))      # site.js, site.css and the licenses; the first call installs what the lock file names
"""

import json
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from o1lib.records import UserError, project_root, sha256

SOURCES = "site_src"
PICTURES = "easy-vqa"  # its test pictures are part of the site where a study answers them
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
    (site / "licenses.txt").write_text(licenses(folder), encoding="utf8")


def licenses(folder: Path) -> str:
    """Return the license texts of all packages in the bundle, which must go with every copy of them."""
    packages = json.loads((folder / "package-lock.json").read_text(encoding="utf8"))["packages"]
    bundled = [name for name, entry in packages.items() if name and not entry.get("dev")]
    texts = []
    for name in bundled:
        found = sorted((folder / name).glob("[Ll][Ii][Cc][Ee][Nn][SsCc][Ee]*"))
        said = found[0].read_text(encoding="utf8") if found else f"License: {packages[name].get('license', 'unknown')}"
        texts.append(f"{name.rpartition('node_modules/')[2]} {packages[name]['version']}\n\n{said.strip()}\n")
    return f"\n{'-' * 80}\n".join([*texts, *_pictures_license()])


def _pictures_license() -> list[str]:
    """Return the license of the package whose pictures the explorer shows, [] if it is not installed."""
    try:
        found = [path for path in files(PICTURES) or [] if path.name == "LICENSE"]
    except PackageNotFoundError:
        return []
    return [f"{PICTURES}\n\n{path.read_text().strip()}\n" for path in found]


def _npm(npm: str, folder: Path, *words: str) -> None:
    done = subprocess.run([npm, *words], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        told = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise UserError(f"`npm {' '.join(words)}` failed in {SOURCES}/ ({told}): run it there to see all of its output")
