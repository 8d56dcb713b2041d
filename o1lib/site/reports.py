"""The executed report notebooks as pages: output in full, code folded, figures as files with alternative texts.

pages = write_reports(study, Path("site"))
pages[0]            # title, about, answer, name ("04_ablations") and path ("reports/mini/04_ablations.html")
"""

import re
import shutil
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from traitlets.config import Config

from o1lib.site.pages import write_page
from o1lib.site.studies import Study

TEMPLATES = Path(__file__).with_name("templates")
FIGURE = "{unique_key}_{cell_index}_{index}{extension}"
ENLARGED = 1.4  # a figure has small letters at the size that it has in a notebook
MIME_OF_FIGURES = ("image/png", "image/svg+xml")


def write_reports(study: Study, site: Path) -> list[dict]:
    """Write a page for each executed notebook of a study, with its figures and the notebook; return what they are."""
    return [_write_report(path, study, site) for path in study.notebooks]


def _write_report(path: Path, study: Study, site: Path) -> dict:
    notebook = nbformat.read(path, as_version=4)
    title, about = heading(notebook)
    told = {"title": title, "about": about, "answer": answer(notebook), "name": path.stem}
    describe_figures(notebook)
    place = Path("reports", study.name, f"{path.stem}.html")
    resources = {"unique_key": path.stem, "output_files_dir": "figures"}
    body, found = exporter().from_notebook_node(notebook, resources)
    for name, data in (found.get("outputs") or {}).items():
        figure = site / place.parent / name
        figure.parent.mkdir(parents=True, exist_ok=True)
        figure.write_bytes(data)
    shown = {"current": "reports", "study": study, "body": body, **told}
    write_page(site, place.as_posix(), "report", **shown)
    shutil.copyfile(path, site / place.with_suffix(".ipynb"))
    return told | {"path": place.as_posix()}


def exporter() -> HTMLExporter:
    """Return an exporter that folds code, leaves out prompts and warnings, and writes figures as files."""
    config = Config()
    config.ExtractOutputPreprocessor.enabled = True
    config.ExtractOutputPreprocessor.output_filename_template = FIGURE
    return HTMLExporter(
        config=config,
        template_name="notebook",
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_anchor_links=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )


def heading(notebook) -> tuple[str, str]:
    """Return the title of a notebook and its first paragraph, from its first text cell, which loses the title."""
    first = next((cell for cell in notebook.cells if cell.cell_type == "markdown"), None)
    if first is None:
        return "Report", ""
    title, _, rest = first.source.partition("\n")
    if not title.startswith("# "):
        return "Report", ""
    first.source = rest.strip()
    about = first.source.partition("\n\n")[0]
    return title[2:].strip(), _plain(about)


def answer(notebook) -> str:
    """Return the sentences that a report opens with, which are its first output of text, "" where it has none."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    return next((_plain(one.data["text/markdown"]) for one in outputs if "text/markdown" in one.get("data", {})), "")


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[*`]", "", text).split())


def describe_figures(notebook) -> None:
    """Give every figure an alternative text, its section and the sentence before it, and letters as large as text."""
    section = said = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            titles = re.findall(r"^#+ (.+)$", cell.source, re.M)
            section = titles[-1] if titles else section
            said = _first_sentence(re.sub(r"^#+ .*$", "", cell.source, flags=re.M))
            continue
        for output in cell.get("outputs", []):
            for mime in MIME_OF_FIGURES:
                if mime in output.get("data", {}):
                    about = output.metadata.setdefault(mime, {})
                    about.setdefault("alt", f"Figure: {section}. {said}".strip())
                    about |= {side: round(ENLARGED * about[side]) for side in ("width", "height") if side in about}


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", " ".join(re.sub(r"[*_`]", "", text).split()), maxsplit=1)[0]
