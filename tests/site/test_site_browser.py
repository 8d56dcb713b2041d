"""The site in a real browser: Chromium by Playwright, on a toy study with hostile texts, served from a sub-path.

The scripts are those that `make site` bundles, so the tests need its node_modules, and an installed browser
(`support.browsers`).
"""

import functools
import http.server
import json
import re
import shutil
import threading
from pathlib import Path

import pandas as pd
import pytest
from support import toyrecords
from support.browsers import AXE, BROWSER, needs_browser, needs_packages

from o1lib.records import project_root
from o1lib.site import build
from o1lib.site.reports import write_reports
from o1lib.site.shards import BLOCK, write_run, write_table
from o1lib.site.studies import Study

PATIENCE = 60_000  # milliseconds, for a busy machine
sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
expect.set_options(timeout=PATIENCE)
PAGES = (
    "index.html",
    "claims.html",
    "explore.html",
    "method.html",
    "reports.html",
    "reports/mini/04_ablations.html",
    "use.html",
    "reproduce.html",
    "findings.html",
    "protocol.html",
    "log.html",
)
REPORTS = sorted((project_root() / "results").glob("*/executed/*.ipynb"))  # of every published study
RUNS, LINES = 1000, 600  # of the large catalog: 600,000 predictions
MEGABYTES, SECONDS = 2, 2  # the first view's bounds; seconds are those that the page's own thread worked
pytestmark = [pytest.mark.slow, needs_browser, needs_packages]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def folder(study, tmp_path_factory):
    """The built site of the toy study, in a sub-folder of what is served."""
    place = tmp_path_factory.mktemp("served") / "some" / "site"
    build.build_site(place, studies=[study])
    return place


@pytest.fixture(scope="module")
def address(folder):
    handler = functools.partial(_Quiet, directory=folder.parents[1])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/some/site/"
    server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def watched(page):
    """Return lists that fill with errors and with addresses that the page asks for."""
    errors, asked = [], []
    page.on("console", lambda said: errors.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    return errors, asked


def opened(page, address):
    """Open an address and wait until the explorer, if it is one, has told what it shows."""
    page.goto(address, wait_until="networkidle")
    if "explore.html" in address:
        expect(page.locator("#told")).not_to_contain_text("Loading")


def told(page):
    return page.locator("#told").inner_text()


# ---------------------------------------------------------------- every page


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_without_errors_or_outside_requests(page, address, name):
    errors, asked = watched(page)
    opened(page, address + name)
    outside = [url for url in asked if not url.startswith((address, "data:"))]
    assert (errors, outside) == ([], []) and page.locator("h1").count() >= 1


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_window_and_axe_finds_no_serious_fault(page, address, name, width):
    """Both color schemes are checked, without loading the page again."""
    page.set_viewport_size({"width": width, "height": 900})
    opened(page, address + name)
    assert serious_faults(page) == {"light": [], "dark": []}
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def serious_faults(page):
    """Return what axe finds in each color scheme: rule and markup of its serious and critical faults."""
    page.evaluate(AXE.read_text(encoding="utf8"))
    faults = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        faults[scheme] = [
            (one["id"], one["nodes"][0]["html"])
            for one in page.evaluate("axe.run()")["violations"]
            if one["impact"] in ("serious", "critical")
        ]
    return faults


# ---------------------------------------------------------------- the published reports


@pytest.fixture(scope="module")
def published(folder, address):
    """The address of the pages of all published reports, beside the scripts of the toy study's site."""
    place = folder.parent / "published"
    place.mkdir()
    for name in ("site.js", "site.css"):
        shutil.copyfile(folder / name, place / name)
    for results in {path.parents[1] for path in REPORTS}:
        write_reports(Study(results, [], []), place)
    return address.replace("/some/site/", "/some/published/")


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: f"{path.parents[1].name}-{path.stem}")
def test_a_published_report_opens_in_a_browser_and_fits_it(page, published, path):
    """Wide tables scroll in their own frame: at both widths nothing else does, and every figure is there."""
    errors, asked = watched(page)
    opened(page, f"{published}reports/{path.parents[1].name}/{path.stem}.html")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert serious_faults(page) == {"light": [], "dark": []}  # on a phone, where more has to scroll
    missing = "all => all.filter(one => !one.complete || !one.naturalWidth || !one.alt).map(one => one.outerHTML)"
    assert page.locator(".notebook img").evaluate_all(missing) == []
    assert (errors, [url for url in asked if not url.startswith((published, "data:"))]) == ([], [])


def test_the_navigation_leads_to_every_page(page, address):
    opened(page, address)
    names = page.locator("nav a").all_inner_texts()
    for name in names:
        page.get_by_role("link", name=name, exact=True).first.click()
        assert page.locator("nav a[aria-current]").inner_text() == name
    assert len(names) == 7


def test_the_keyboard_skips_to_the_content(page, address):
    opened(page, address + "claims.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"


def test_the_licenses_of_bundled_packages_go_with_the_site(folder):
    text = (folder / "licenses.txt").read_text(encoding="utf8")
    assert "@observablehq/plot 0.6" in text and "hyparquet 1" in text and "easy-vqa\n" in text and "esbuild" not in text


# ---------------------------------------------------------------- claims


def rows(page):
    return page.locator("#claims tbody tr:visible").evaluate_all("rows => rows.map(row => row.id)")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_link_to_a_claim_opens_it_at_once_and_stays(page, address, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(address + "claims.html#A17", wait_until="load")
    page.wait_for_selector("#A17 details[open]")
    place = "row => [row.getBoundingClientRect().top, innerHeight]"
    first, height = page.locator("#A17").evaluate(place)
    page.wait_for_timeout(1000)  # longer than the debounced redrawing of the figure above, and than a slow scroll
    last, _ = page.locator("#A17").evaluate(place)
    assert 0 <= first < height and abs(last - first) < 2


def test_filters_of_claims_stay_in_the_address(page, address):
    opened(page, address + "claims.html")
    every = rows(page)
    page.get_by_label("Verdict").select_option("not tested")
    page.wait_for_url("**/claims.html?verdict=not+tested*")
    left = rows(page)
    assert 0 < len(left) < len(every)
    opened(page, page.url)
    assert rows(page) == left and page.locator(".count").inner_text() == f"{len(left)} of {len(every)} claims"


@pytest.mark.parametrize("title, sort", [("reported", "gain"), ("measured here", "value"), ("verdict", "rank")])
def test_claims_are_sorted_by_a_column_both_ways(page, address, title, sort):
    """What has no number comes last in either direction, and a link keeps the order."""
    opened(page, address + "claims.html")
    button = page.locator("#claims thead").get_by_role("button", name=title)
    for order, backwards in (("ascending", False), ("descending", True)):
        button.click()
        page.wait_for_url(f"**sort={sort}&down=1*" if backwards else f"**sort={sort}*")
        numbers = shown_values(page, sort)
        there = [one for one in numbers if one is not None]
        assert len(set(there)) > 1 and there == sorted(there, reverse=backwards) == numbers[: len(there)]
        assert page.locator(f"th[aria-sort={order}]").inner_text().strip().startswith(title)
    ordered = rows(page)
    opened(page, page.url)
    assert rows(page) == ordered


def shown_values(page, name):
    """Return the numbers by which the rows of the claims table are sorted, None where a row has none."""
    texts = page.locator("#claims tbody tr").evaluate_all(f"rows => rows.map(row => row.dataset.{name})")
    return [float(text) if text else None for text in texts]


def test_the_forest_plot_answers_the_pointer(page, address):
    opened(page, address + "claims.html")
    chart = page.locator(".forest svg[role=img]")
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2)
    expect(page.locator(".forest")).to_contain_text("measured:")
    page.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2)
    page.wait_for_url(re.compile("#[AB][0-9]+$"))


def test_a_wide_interval_is_cut_and_hides_no_other(page, address):
    """The axis ends near the other intervals, and arrows say that the wide one goes on."""

    def widened(route):
        text = route.fetch().text()
        held = re.search(r'(?<=class="points">).*?(?=</script>)', text)[0]
        points = [point | {"value": 1.0, "low": -5.0, "high": 7.0} for point in json.loads(held)]
        points[0] |= {"low": -95.0, "high": 95.0}
        route.fulfill(body=text.replace(held, json.dumps(points)), content_type="text/html")

    page.route("**/claims.html", widened)
    opened(page, address + "claims.html")
    texts = page.locator(".forest svg[role=img] text").all_text_contents()
    ticks = [
        int(text.replace("\N{MINUS SIGN}", "-")) for text in texts if re.fullmatch("[-\N{MINUS SIGN}]?[0-9]+", text)
    ]
    assert ticks and max(map(abs, ticks)) < 20
    assert (texts.count("◀"), texts.count("▶")) == (1, 1)


def test_a_claim_leads_to_the_questions_that_decide_it(page, address):
    opened(page, address + "claims.html")
    page.locator("#A5").get_by_role("link", name="see them").click()
    page.wait_for_selector("details.question")
    assert told(page).startswith("Claim A5:")


# ---------------------------------------------------------------- explore


def counted(study, a, b):
    """Return on how many questions only row a, and only row b, is right."""
    one, other = ({line["qid"]: line["correct"] for line in study.by_row[row][0].predictions()} for row in (a, b))
    pairs = [(one[qid], other[qid]) for qid in one.keys() & other.keys()]
    return pairs.count((True, False)), pairs.count((False, True))


def test_the_explorer_counts_what_each_run_wins(page, address, study):
    a, b = "structured.sample", "direct.sample"
    opened(page, f"{address}explore.html?a={a}&b={b}")
    won, lost = counted(study, a, b)
    assert f"only A is right on {won}, only B on {lost}" in told(page)
    assert f"{won + lost} are listed" in told(page)


@pytest.mark.parametrize("name", ["family", "skill", "form", "set", "depth"])
def test_a_filter_leaves_its_questions_and_stays_in_the_address(page, address, name):
    opened(page, f"{address}explore.html?a=structured.sample&b=direct.sample&outcome=all")
    select = page.locator(f"select[name={name}]")
    value = select.locator("option").nth(1).get_attribute("value")
    before = told(page)
    select.select_option(value)
    expect(page.locator("#told")).not_to_have_text(before)
    after = told(page)
    opened(page, page.url)
    assert (told(page), page.locator(f"select[name={name}]").input_value()) == (after, value)


def loaded(folder, row):
    """Return a run of the built site as a table: what the explorer loads, a line for each question that was asked."""
    questions = pd.read_parquet(folder / "data" / "mini" / "questions-0.parquet")
    lines = pd.read_parquet(folder / "data" / "mini" / f"{row}@0" / "lines.parquet").set_index("place")
    return questions.join(lines, how="inner")


SEARCHED = "explore.html?a=hostile.stage_beam4.self&b=structured.sample&outcome=all"


def test_a_depth_leaves_its_questions(page, address, folder):
    asked = loaded(folder, "hostile.stage_beam4.self").join(loaded(folder, "structured.sample")[["pred"]], rsuffix="_b")
    depth = asked.depth[asked.depth > 0].iloc[0]
    opened(page, address + SEARCHED)
    page.locator("select[name=depth]").select_option(str(depth))
    page.wait_for_url(f"**depth={depth}*")
    left = int((asked.depth == depth).sum())
    assert left < len(asked) and told(page).startswith(f"Of {left} questions, ")


def test_a_broken_step_leaves_the_questions_on_which_either_run_broke_there(page, address, folder):
    a, b = loaded(folder, "hostile.stage_beam4.self"), loaded(folder, "structured.sample")
    b = b.loc[a.index]
    places = {name: (a.broken == name) | (b.broken == name) for name in ("caption", "reasoning", "conclusion", "none")}
    name, left = next((name, where) for name, where in places.items() if 0 < where.sum() < len(a))
    opened(page, address + SEARCHED)
    page.get_by_label("First broken step").select_option(name)
    page.wait_for_url(f"**broken={name}*")
    assert told(page).startswith(f"Of {left.sum()} questions, ")
    assert sorted(shown_questions(page)) == sorted(a.qid[left])
    opened(page, page.url)
    assert told(page).startswith(f"Of {left.sum()} questions, ")


def test_words_leave_the_questions_that_hold_them_all(page, address, folder):
    asked = loaded(folder, "hostile.stage_beam4.self")
    one, other = asked.question.iloc[0].rstrip("?").split()[:2]
    texts = (asked.question + " " + asked.qid).str.lower()
    left = texts.str.contains(one.lower(), regex=False) & texts.str.contains(other.lower(), regex=False)
    opened(page, address + SEARCHED)
    page.get_by_role("searchbox", name="Search").fill(f"{other} {one.upper()}")
    page.wait_for_url("**q=*")
    assert 0 < left.sum() < len(asked) and sorted(shown_questions(page)) == sorted(asked.qid[left])
    address_of_words = page.url
    page.get_by_role("searchbox", name="Search").fill("no question says so")
    expect(page.locator("#told")).to_contain_text("Of 0 questions")
    assert page.locator("details.question").count() == 0 and page.locator("#summary").is_hidden()
    opened(page, address_of_words)
    assert sorted(shown_questions(page)) == sorted(asked.qid[left])


def shown_questions(page):
    return page.locator("details.question").evaluate_all("all => all.map(one => one.id)")


def test_the_outcome_filters_won_and_lost(page, address, study):
    won, _ = counted(study, "structured.sample", "direct.sample")
    opened(page, f"{address}explore.html?a=structured.sample&b=direct.sample&outcome=a")
    assert f"{won} are listed" in told(page)
    marks = page.locator("details.question summary").evaluate_all("all => all.map(one => one.textContent)")
    assert marks and all(text.index("✓") < text.index("✗") for text in marks)


def test_a_question_opens_to_stages_broken_steps_and_the_search(page, address, study):
    line = study.by_row["hostile.stage_beam4.self"][0].predictions()[3]
    opened(page, f"{address}explore.html?a=hostile.stage_beam4.self&b=direct.sample&outcome=all&open={line['qid']}")
    body = page.locator("details.question[open] .body")
    body.get_by_text("first broken step").first.wait_for()
    body.get_by_text("The search: every candidate and verdict").click()
    assert body.locator(".rounds > li").count() == 4
    assert body.locator(".candidate.kept").count() == 4
    body.get_by_text("3 verdicts").first.click()
    assert "beats" in body.inner_text()


@pytest.mark.parametrize("k", [0, 15])
def test_a_link_to_a_question_leads_to_it(page, address, k):
    opened(page, f"{address}explore.html?a=structured.sample&b=direct.sample&outcome=all")
    qid = page.locator("details.question").nth(k).get_attribute("id")
    opened(page, f"{address}explore.html?a=structured.sample&b=direct.sample&outcome=all&open={qid}")
    place = page.locator("details.question[open]").evaluate("one => one.getBoundingClientRect().top / innerHeight")
    assert 0 <= place < 1


def test_another_grouping_of_the_chart_leaves_the_place_on_the_page(page, address):
    opened(page, f"{address}explore.html?a=structured.sample&b=direct.sample&outcome=all")
    page.locator("details.question summary").nth(3).click()
    page.wait_for_url("**open=*")
    page.evaluate("scrollTo(0, 0)")
    page.locator("select[name=by]").select_option("skill")
    page.wait_for_url("**by=skill*")
    assert page.evaluate("scrollY") < 300 and page.locator("details.question[open]").count() == 1


def test_pictures_are_shown_and_described(page, address):
    opened(page, f"{address}explore.html?a=structured.sample&b=direct.sample")
    first = page.locator("details.question img").first
    expect(first).to_have_js_property("naturalWidth", 64)
    assert first.get_attribute("alt").startswith("Drawn picture: ")


def test_markup_of_a_model_stays_text(page, address, study):
    line = study.by_row["hostile.stage_beam4.self"][0].predictions()[0]
    opened(page, f"{address}explore.html?a=hostile.stage_beam4.self&b=direct.sample&outcome=all&open={line['qid']}")
    body = page.locator("details.question[open] .body")
    body.get_by_text("The search: every candidate and verdict").click()
    assert "<script>window.hacked = 1</script>" in body.inner_text()
    assert page.evaluate("window.hacked") is None
    assert page.locator("#questions script, #questions img[src=x]").count() == 0


def test_a_question_opens_by_keyboard(page, address):
    opened(page, f"{address}explore.html?a=structured.sample&b=direct.sample")
    page.locator("details.question summary").first.focus()
    page.keyboard.press("Enter")
    page.locator("details.question[open] .answer-of").first.wait_for()
    assert "open=" in page.url


def test_a_page_from_a_disk_says_what_it_needs(page, folder):
    page.goto((folder / "explore.html").as_uri())
    expect(page.locator("#told")).to_contain_text("python -m http.server")


# ---------------------------------------------------------------- many predictions


@pytest.fixture(scope="module")
def large(folder, address, study):
    """The address of a site whose catalog has RUNS runs of LINES lines; every run has its own files."""
    place = folder.parent / "large"
    shutil.copytree(folder, place, ignore=shutil.ignore_patterns("data"))
    data = place / "data" / "mini"
    some = study.by_row["hostile.stage_beam4.self"][0].predictions()[1:]
    columns = pd.read_parquet(folder / "data" / "mini" / "questions-0.parquet").to_dict("list")
    many = {name: [values[k % len(values)] for k in range(LINES)] for name, values in columns.items()}
    many["qid"] = [f"{qid}/{k}" for k, qid in enumerate(many["qid"])]
    write_table(many, data / "questions-0.parquet")
    for run, first in enumerate((0, 7)):
        lines = [some[(k + first) % len(some)] | {"correct": (k + run) % 3 > 0} for k in range(LINES)]
        write_run(lines, list(range(LINES)), 0, data / f"row{run}@0")
    entry = {"what": "toy", "right": 400, "n": LINES, "questions": 0, "seed": 0}
    for k in range(2, RUNS):
        shutil.copytree(data / f"row{k % 2}@0", data / f"row{k}@0", copy_function=_linked)
    runs = [entry | {"row": f"row{k}"} for k in range(RUNS)]
    catalog = {"block": BLOCK, "studies": [{"name": "mini", "title": "mini", "runs": runs, "claims": []}]}
    (place / "data" / "catalog.json").write_text(json.dumps(catalog), encoding="utf8")
    return address.replace("/some/site/", "/some/large/")


def _linked(source, target):
    Path(target).hardlink_to(source)


class Work:
    """How long a page's own thread worked, in seconds of the processor: other programs do not lengthen it."""

    def __init__(self, page):
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._before = 0.0

    def since(self):
        """Return the seconds of work since the last call."""
        told = self._session.send("Performance.getMetrics")["metrics"]
        [now] = [one["value"] for one in told if one["name"] == "TaskDuration"]
        self._before, spent = now, now - self._before
        return spent


def test_600000_predictions_load_by_shard_and_stay_fluid(page, large, record_property):
    sizes, work = [], Work(page)
    page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    opened(page, f"{large}explore.html?a=row0&b=row1")
    first, loaded, requests = work.since(), sum(sizes) / 1e6, len(sizes)
    [shown] = page.evaluate("performance.getEntriesByName('shown').map(entry => entry.startTime)")[:1]
    page.locator("select[name=b]").select_option("row999")
    page.wait_for_url("**b=row999*")
    switched = work.since()
    page.locator("select[name=outcome]").select_option("all")
    expect(page.locator("#told")).to_contain_text("600 are listed")
    filtered = work.since()
    record_property(
        "measured",
        f"the explorer of {RUNS * LINES:,} predictions: first view {first:.2f} s of work, {loaded:.2f} MB in "
        f"{requests} requests, shown after {shown / 1000:.2f} s; "
        f"another run {switched:.2f} s, a filter {filtered:.2f} s of work",
    )
    assert loaded < MEGABYTES and 0 < first < SECONDS and switched < SECONDS / 2 and filtered < SECONDS / 2


def test_the_toy_study_has_every_kind_of_row_that_the_tests_name(study):
    assert {"structured.sample", "direct.sample", "hostile.stage_beam4.self"} <= study.by_row.keys()
    assert len(toyrecords.questions()) >= 20
