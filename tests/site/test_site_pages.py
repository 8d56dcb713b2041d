"""Pages of the site: claims, the front page in words, texts of the repository, reports, and the whole build."""

import re
import shutil
from string import ascii_uppercase

import pytest

from o1lib.records import UserError, project_root
from o1lib.site import build, claims, scripts, summary
from o1lib.site.documents import Documents
from o1lib.site.reports import write_reports
from o1lib.site.studies import Study, published_studies


@pytest.fixture(scope="module")
def site(study, tmp_path_factory):
    """The pages of the toy study, without scripts and data."""
    folder = tmp_path_factory.mktemp("pages")
    build.write_pages(folder, [study], {"studies": [{"name": "mini", "claims": [{"id": "A5"}]}]})
    return folder


def read(site, name):
    return (site / name).read_text(encoding="utf8")


# ---------------------------------------------------------------- scripts and styles


def test_every_option_of_a_question_has_a_letter():
    """Questions have up to 26 options."""
    script = (project_root() / "site_src" / "src" / "question.js").read_text(encoding="utf8")
    assert re.search('const LETTERS = "(.*)"', script)[1] == ascii_uppercase


def test_a_picture_that_is_no_square_keeps_its_proportions():
    style = (project_root() / "site_src" / "src" / "style.css").read_text(encoding="utf8")
    assert "object-fit: contain" in re.search(r"^\.picture \{(.*)\}", style, re.M)[1]


# ---------------------------------------------------------------- studies


def test_the_confirmatory_study_comes_first_and_pilots_by_name(study, tmp_path):
    for name in ("pilot1", "mini", "another"):
        shutil.copytree(study.folder, tmp_path / name)
    assert [one.name for one in published_studies(tmp_path)] == ["mini", "another", "pilot1"]
    assert published_studies(tmp_path)[0].title == "mini (pilot)"


def test_without_a_published_study_the_remedy_is_named(tmp_path):
    with pytest.raises(UserError, match="make publish"):
        published_studies(tmp_path)


# ---------------------------------------------------------------- claims


def test_every_claim_is_a_row_with_its_anchor(site, study):
    page = read(site, "claims.html")
    assert re.findall(r'<tr id="(\w+)"', page) == [line["id"] for line in study.lines]


def test_reported_numbers_stand_beside_measured_levels(study):
    rows = [row for row in claims.claim_rows(study) if row["levels"]]
    assert rows and all(" vs " in row["reported"] or "nearest" in row["reported"] for row in rows)
    for row in rows:
        a, b = map(float, row["levels"].split(" (")[0].split(" vs "))
        assert a - b == pytest.approx(row["value"], abs=0.2), row["id"]


def test_the_reported_difference_stands_beside_its_levels(study, site):
    [row] = [row for row in claims.claim_rows(study) if row["id"] == "A5"]
    high, low = map(float, row["reported"].split(" vs "))
    assert row["gain"] == pytest.approx(high - low)
    assert f'{row["reported"]} <span class="whole">({row["gain"]:+.1f})</span>' in read(site, "claims.html")


def test_levels_stand_beside_their_chance_level(study):
    rows = [row for row in claims.claim_rows(study) if row["levels"]]
    averages = [row["levels"] for row in rows if row["metric"].startswith("mini-")]
    assert averages and all("(chance level " in told for told in averages)


def test_only_claims_with_an_interval_are_in_the_figure(study):
    rows = claims.claim_rows(study)
    drawn = {point["id"] for point in claims.forest_points(rows)}
    in_points = [line for line in study.lines if line["kind"] in ("difference", "equivalence")]
    assert drawn == {line["id"] for line in in_points if line["low"] is not None}


def test_only_claims_with_published_questions_link_to_them(site):
    assert re.findall(r"explore.html\?study=mini&amp;claim=(\w+)", read(site, "claims.html")) == ["A5"]


def test_every_study_has_its_claims_page_and_the_first_keeps_the_address(study, tmp_path):
    other = Study(shutil.copytree(study.folder, tmp_path / "pilot1"), study.records, study.lines)
    build.write_pages(tmp_path / "out", [study, other], {"studies": []})
    first, second = read(tmp_path / "out", "claims.html"), read(tmp_path / "out", "claims-pilot1.html")
    assert 'href="claims-pilot1.html"' in first and 'href="claims.html">mini' in second


# ---------------------------------------------------------------- the front page


def test_the_answer_counts_the_verdicts(study):
    told = " ".join(summary.summarize(study)["answer"])
    judged = [line for line in study.lines if line["verdict"] != "no verdict"]
    assert f"Of all {len(judged)} claims of the two papers" in told
    assert f"{sum(line['verdict'] == 'not tested' for line in judged)} are not tested" in told


def test_a_study_without_claims_has_a_front_page(study):
    told = summary.summarize(Study(study.folder, study.records, []))
    assert told["decided"] == [] and told["sure"]


def test_gains_by_depth_are_figure_1_once_the_figure_is_published(study, tmp_path):
    other = Study(shutil.copytree(study.folder, tmp_path / "mini"), study.records, study.lines)
    build.write_pages(tmp_path / "before", [other], {"studies": []})
    assert "Figure 1.</b> The main claims" in read(tmp_path / "before", "index.html")
    (other.folder / "figures").mkdir(exist_ok=True)
    (other.folder / "figures" / "gains_by_depth.svg").write_text("<svg/>")
    build.write_pages(tmp_path / "after", [other], {"studies": []})
    page = read(tmp_path / "after", "index.html")
    assert 'src="figures/gains_by_depth.svg"' in page and (tmp_path / "after/figures/gains_by_depth.svg").is_file()
    assert "Figure 1.</b> What stages gain over direct training" in page and "Figure 2.</b> The main claims" in page


# ---------------------------------------------------------------- texts of the repository


@pytest.mark.parametrize(
    "target, page, address",
    [
        ("claims.md", "docs/findings.md", "claims.html"),
        ("../results/PROTOCOL.md", "docs/method.md", "protocol.html"),
        ("#verdicts", "docs/method.md", "#verdicts"),
        ("https://arxiv.org", "docs/method.md", "https://arxiv.org"),
        ("../CONTRIBUTING.md", "docs/method.md", "https://x.org/r/blob/main/CONTRIBUTING.md"),
    ],
)
def test_links_lead_to_pages_or_to_the_source(tmp_path, target, page, address):
    assert Documents(tmp_path, "https://x.org/r/").target(target, page) == address


def test_a_file_without_an_address_is_plain_text(tmp_path):
    assert Documents(tmp_path).target("../CONTRIBUTING.md", "docs/method.md") is None


def test_every_link_within_the_site_has_its_target(site):
    pages = {path.name: path.read_text(encoding="utf8") for path in site.glob("*.html")}
    lost = {
        (name, target)
        for name, text in pages.items()
        for target in re.findall(r'href="([^":]*)"', text)
        if not target.startswith(("site.", "licenses.")) and not _there(target, name, pages, site)
    }
    assert lost == set()


def _there(target, name, pages, site):
    path, _, anchor = target.split("?")[0].partition("#")
    path = path or name
    if not (site / path).is_file():
        return False
    return not anchor or path not in pages or f'id="{anchor}"' in pages[path]


# ---------------------------------------------------------------- reports


def test_a_report_folds_code_and_describes_its_figures(study, tmp_path):
    [page] = write_reports(study, tmp_path)
    assert page["answer"] == "a − b: +1.0 points, inconclusive."
    text = read(tmp_path, page["path"])
    assert page["title"] == "Which ingredient?" and '<details class="code">' in text
    [figure] = re.findall(r'<img alt="Figure: Arms. One line for each arm." src="([^"]+)"', text)
    assert (tmp_path / page["path"]).parent.joinpath(figure).is_file()
    assert "pink" not in text


def test_the_list_of_reports_shows_their_answers(site):
    assert '<p class="answer">a − b: +1.0 points, inconclusive.</p>' in read(site, "reports.html")


def test_a_notebook_without_a_title_is_a_report(study, tmp_path):
    nbformat = pytest.importorskip("nbformat")
    folder = tmp_path / "mini"
    (folder / "executed").mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(), folder / "executed" / "x.ipynb")
    assert write_reports(Study(folder, [], []), tmp_path)[0]["title"] == "Report"


# ---------------------------------------------------------------- the build


def test_without_npm_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(scripts.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match="install Node.js 18"):
        scripts.write_scripts(tmp_path)


def test_a_failing_bundler_is_one_sentence(tmp_path, monkeypatch):
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'no registry' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setattr(scripts.shutil, "which", lambda name: str(npm))
    with pytest.raises(UserError, match=r"failed in site_src/ \(no registry\)"):
        scripts.write_scripts(tmp_path)


def test_an_old_site_survives_a_failed_build(study, tmp_path, monkeypatch):
    old = tmp_path / "site" / "index.html"
    old.parent.mkdir()
    old.write_text("old")
    monkeypatch.setattr(scripts.shutil, "which", lambda name: None)
    with pytest.raises(UserError):
        build.build_site(tmp_path / "site", studies=[study])
    assert old.read_text() == "old"
