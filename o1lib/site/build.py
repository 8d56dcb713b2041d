"""Build the site from the published records: data, pages, reports, scripts.

build_site(project_root() / "site")       # what `make site` does; the folder is complete or as it was before
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from o1lib.analysis.depth_gains import FIGURE, LABELS, STAGES, gains_by_depth, summarize_gains
from o1lib.records import atomic_folder, project_root, shown
from o1lib.site.catalog import write_data
from o1lib.site.claims import ORDER, claim_rows, forest_points
from o1lib.site.documents import PLACES, Documents
from o1lib.site.examples import search_example, staged_example
from o1lib.site.pages import write_page
from o1lib.site.reports import write_reports
from o1lib.site.scripts import write_scripts
from o1lib.site.studies import Study, published_studies
from o1lib.site.summary import summarize

TEXTS = {"docs/findings.md": "Findings", "results/PROTOCOL.md": "Protocol", "results/LOG.md": "Log"}


def build_site(site: Path, repository: str = "", studies: Sequence[Study] = ()) -> None:
    """Write the whole site into the folder `site`, which it replaces.

    `repository` is the address of the published source, "" if there is none. `studies` default to all that results/
    holds. Raises UserError if nothing is published, and without npm.
    """
    studies = list(studies) or published_studies()
    with atomic_folder(site) as part:
        write_scripts(part)
        catalog = write_data(studies, part)
        write_pages(part, studies, catalog, repository)
    files = [path for path in site.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    print(f"{len(files)} files, {size:.1f} MB in {shown(site)}: `python -m http.server -d {shown(site)}` shows them")


def write_pages(site: Path, studies: Sequence[Study], catalog: dict, repository: str = "") -> None:
    """Write every page. The front page is about the first study that judged claims."""
    texts = Documents(site, repository)
    asked = {one["name"]: {claim["id"] for claim in one["claims"]} for one in catalog["studies"]}
    judging = [study for study in studies if study.lines] or list(studies[:1])
    for study in judging:
        _write_claims(site, study, judging, asked.get(study.name, set()))
    _write_front(site, judging[0], texts)
    _write_method(site, judging[0], texts)
    _write_texts(site, texts)
    write_page(site, "explore.html", "explore", title="Explore", current="explore")
    reports = [(study, write_reports(study, site)) for study in studies]
    write_page(site, "reports.html", "reports", title="Reports", current="reports", reports=reports)
    first = [line["id"] for line in judging[0].lines[:1]]
    told = {"title": "Reproduce", "current": "reproduce", "studies": studies, "claims": first}
    write_page(site, "reproduce.html", "reproduce", **told)


def _write_front(site: Path, study: Study, texts: Documents) -> None:
    rows = [row for row in claim_rows(study) if row["main"]]
    write_page(
        site,
        "index.html",
        "index",
        title="Which ingredient does the work?",
        current="index",
        study=study,
        told=summarize(study),
        rows=rows,
        points=forest_points(rows),
        gains=_gains(site, study),
        findings=texts.there("docs/findings.md"),
    )


def _gains(site: Path, study: Study) -> dict:
    """Copy the figure of what stages gain by depth; return its path and its numbers in words, {} without the figure."""
    source = study.folder / "figures" / f"{FIGURE}.svg"
    if not source.is_file():
        return {}
    target = site / "figures" / source.name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    told = summarize_gains(gains_by_depth(study.records, *STAGES), *LABELS)
    return {"path": target.relative_to(site).as_posix(), "told": [one.replace("*", "") for one in told]}


def _write_method(site: Path, study: Study, texts: Documents) -> None:
    drawn = {"staged": staged_example(site), "search": search_example(study, site)}
    body = texts.html("docs/method.md")
    write_page(site, "method.html", "method", title="Method", current="method", body=body, **drawn)


def _write_texts(site: Path, texts: Documents) -> None:
    """Write the pages that show one text of the repository."""
    body = texts.html("docs/how-to.md")
    write_page(site, "use.html", "use", title="Use it on your model", current="use", body=body)
    for path, title in TEXTS.items():
        if texts.there(path):
            write_page(site, PLACES[path], "text", title=title, current="", body=texts.html(path))


def _write_claims(site: Path, study: Study, judging: Sequence[Study], shown_claims: set[str]) -> None:
    """Write the claims page of one study; that of the first is claims.html, so that its address stays."""
    rows = claim_rows(study, shown_claims)
    write_page(
        site,
        _claims_path(study, judging),
        "claims",
        title="Claims",
        current="claims",
        study=study,
        rows=rows,
        points=forest_points(rows),
        verdicts=[name for name in ORDER if any(row["verdict"] == name for row in rows)],
        papers=sorted({row["paper"] for row in rows}),
        others=[(one.title, _claims_path(one, judging)) for one in judging if one is not study],
    )


def _claims_path(study: Study, judging: Sequence[Study]) -> str:
    """Return the name of a study's claims page."""
    return "claims.html" if study is judging[0] else f"claims-{study.name}.html"


def default_folder() -> Path:
    """Return the folder that `make site` writes."""
    return project_root() / "site"
