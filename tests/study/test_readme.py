"""The blocks of README.md and docs/claims.md are generated from published results and written between their marks."""

import json
import re
import shutil
import tomllib

import pytest
from support import toystudy

import o1lib
from o1lib.minivqa import draw
from o1lib.records import UserError
from o1lib.scoring.extraction import extract
from o1lib.study import publish, readme

LINE = {
    "id": "A1",
    "paper": "A",
    "table": "Table 2",
    "statement": "stages <b>help</b> | always",
    "kind": "difference",
    "reported": {"a": {"value": 63.5}, "b": {"value": 56.6}},
    "value": 0.021,
    "low": 0.003,
    "high": 0.039,
    "n": 48,
    "seeds": 1,
    "verdict": "supported",
    "contrast": {"a": "a", "b": "b", "metric": "mini-average"},
    "margin": None,
    "why": "because",
}
UNTESTED = LINE | {"id": "B1", "paper": "B", "value": None, "seeds": None, "verdict": "not tested"}
COST = LINE | {
    "id": "B16",
    "paper": "B",
    "kind": "ratio",
    "statement": "as many calls",
    "value": 1.0,
    "verdict": "no verdict",
    "why": "holds by construction",
}
BASE_COST = re.compile(r", plus [^,\n]+ to train the base that all runs start from")
METRIC = {"value": 0.5, "n": 8, "low": 0.2, "high": 0.8}
MAIN = LINE | {
    "id": "A5",
    "statement": "tags are better",
    "value": -0.01,
    "low": -0.03,
    "high": 0.01,
    "verdict": "inconclusive",
}
README = (
    "# Title\n\n<!-- results -->\nold\n<!-- /results -->\n\nbetween\n\n<!-- tree -->\nold\n<!-- /tree -->\n\nthe rest\n"
)
CLAIMS = "# Claims\n\n<!-- claims -->\nold\n<!-- /claims -->\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A toy study at scale mini with all records, the claims of its report and two figures."""
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    toystudy.make_project(tmp_path, toystudy.STUDY.replace("smoke: {", "mini: {"))
    (tmp_path / "README.md").write_text(README, encoding="utf8")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/claims.md").write_text(CLAIMS, encoding="utf8")
    (tmp_path / "docs/architecture.md").write_text("<!-- files -->\n<!-- /files -->\n", encoding="utf8")
    for entry in toystudy.planned("core", scale="mini").jobs:
        folder = toystudy.record(entry.job)
    shutil.copyfile(toystudy.REPOSITORY / "claims.yaml", tmp_path / "claims.yaml")
    shutil.copytree(toystudy.REPOSITORY / "results/reported", tmp_path / "results/reported")
    lines = json.dumps([LINE, MAIN, UNTESTED, COST])
    for name, text in (
        ("notebook.ipynb", "{}"),
        ("tables/claims.json", lines),
        ("figures/claims.png", ""),
        ("figures/forms.png", ""),
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf8")
    return tmp_path


def block(project, name):
    page = next(page for page, names in readme.PAGES.items() if name in names)
    text = (project / page).read_text(encoding="utf8")
    return text.partition(f"<!-- {name} -->")[2].partition(f"<!-- /{name} -->")[0]


def test_publishing_writes_between_the_marks_and_nothing_else(project):
    publish.publish("mini")
    text = (project / "README.md").read_text(encoding="utf8")
    assert text.startswith("# Title\n\n<!-- results -->\n") and text.endswith("<!-- /tree -->\n\nthe rest\n")
    assert "<!-- /results -->\n\nbetween\n\n<!-- tree -->" in text and "\nold\n" not in text
    claims = (project / "docs/claims.md").read_text(encoding="utf8")
    assert claims.startswith("# Claims\n\n<!-- claims -->\n") and "\nold\n" not in claims
    assert str(project) not in text + claims


def test_the_readme_shows_main_claims_counts_and_one_figure(project):
    publish.publish("mini")
    text = block(project, "results")
    assert "| A5 | LLaVA-o1: tags are better | 63.5 against 56.6 | -1.0 points [-3.0, +1.0] | inconclusive |" in text
    assert "always" not in text
    assert "Of 3 claims about both papers: 1 supported, 0 opposite, 0 negligible, 1 inconclusive, 1 not tested." in text
    assert "one seed" in text and "commit c0ffee0000" in text
    assert text.count("](results/mini/figures/") == 1 and "forms.png" in text


def amend(path, **parts):
    """Change parts of the record at `path`."""
    made = json.loads(path.read_text(encoding="utf8"))
    path.write_text(json.dumps(made | {name: made[name] | part for name, part in parts.items()}), encoding="utf8")


@pytest.mark.parametrize("same", [True, False])
def test_the_readme_gives_the_hours_of_the_runs_and_of_their_base(project, same):
    """Not those of another base that is shipped since."""
    [first, *others] = sorted((project / "work/mini/runs").glob("*/seed0/record.json"))
    base = project / "results/checkpoints/trained/record.json"
    base.parent.mkdir(parents=True)
    shutil.copyfile(first, base)
    amend(base, provenance={"seconds": 7200.0} | ({} if same else {"model_hash": "f" * 64}))
    amend(
        first, provenance={"seconds": 9000.0, "device": "cpu"}, parameters={"checkpoint": "results/checkpoints/trained"}
    )
    for path in others:
        amend(path, provenance={"seconds": 0.0})
    publish.publish("mini")
    assert f"Cost: {1 + len(others)} runs, 2.5 h in total, on cpu" + (
        ", plus 2.0 h to train the base that all runs start from." if same else "."
    ) in block(project, "results")


def test_a_base_without_a_record_of_its_own_has_no_cost(project):
    amend(next((project / "work/mini/runs").glob("*/seed0/record.json")), parameters={"checkpoint": "elsewhere"})
    publish.publish("mini")
    assert "in total, on any device." in block(project, "results")


def test_the_claims_page_shows_every_tested_claim(project):
    """With the verdicts by paper and the figure."""
    publish.publish("mini")
    text = block(project, "claims")
    assert "| LLaVA-o1 | 1 | 0 | 0 | 1 | 0 |" in text and "| LlamaV-o1 | 0 | 0 | 0 | 0 | 1 |" in text
    assert (
        "63.5 against 56.6 | +2.1 points [+0.3, +3.9] | – | supported (for this seed only) |" in text
        and "| A5 |" in text
    )
    assert "(../results/mini/figures/claims.png)" in text


def test_a_pilot_is_marked_in_text_table_and_figure(project):
    for path in (project / "work/mini/runs").glob("*/seed0/record.json"):
        amend(path, metrics={"accuracy": METRIC})
    publish.publish("mini")
    first, full = block(project, "results"), block(project, "claims")
    assert first.strip().startswith("**This is a pilot**") and "measured here (pilot)" in first
    assert "option it states (pilot)](" in first and "interval (pilot)](" in full and "| pilot |" in full


def test_costs_are_a_table_of_their_own_without_verdicts(project):
    publish.publish("mini")
    text = block(project, "claims")
    claims, costs = text.split("Statements about cost, without a verdict:")
    assert "| B16 |" not in claims
    assert "| B16 | as many calls | 63.5 against 56.6 | 1.0 times [0.0, 0.0] | holds by construction |" in costs


def test_the_pages_say_why_a_study_cannot_decide(project):
    publish.publish("mini")
    for name in ("results", "claims"):
        text = block(project, name)
        assert "This study cannot tell which ingredient works: " in text
        assert "not corrected for chance" in text and "no margin was frozen" in text


@pytest.mark.slow
def test_publishing_twice_changes_nothing(project):
    publish.publish("mini")
    once = (project / "README.md").read_text(encoding="utf8")
    publish.publish("mini")
    assert (project / "README.md").read_text(encoding="utf8") == once


def test_markup_in_a_claim_is_escaped(project):
    publish.publish("mini")
    line = next(line for line in block(project, "claims").splitlines() if "always" in line)
    assert "\\<b\\>help\\</b\\> \\| always" in line


@pytest.mark.parametrize(
    "text",
    [
        "no marks",
        "<!-- /results --> <!-- results -->",
        README + "<!-- results -->",
        README.replace("<!-- /tree -->", ""),
    ],
)
def test_a_readme_without_its_marks_is_refused(project, text):
    """Nothing is copied."""
    (project / "README.md").write_text(text, encoding="utf8")
    with pytest.raises(UserError, match="README.md must have one"):
        publish.publish("mini")
    assert not (project / "results/mini").exists() and (project / "README.md").read_text(encoding="utf8") == text


def test_the_claims_page_without_its_marks_is_refused(project):
    (project / "docs/claims.md").write_text("no marks", encoding="utf8")
    with pytest.raises(UserError, match="docs/claims.md must have one"):
        publish.publish("mini")
    assert not (project / "results/mini").exists()


@pytest.mark.slow
def test_the_pages_of_this_project_are_up_to_date(monkeypatch):
    """They hold what `python -m o1lib readme` would write, or wrote while the published rows had the shipped base."""
    monkeypatch.setenv("O1LIB_ROOT", str(toystudy.REPOSITORY))
    found = readme.blocks(toystudy.REPOSITORY / "results" / "mini")
    for page, names in readme.PAGES.items():
        text = (toystudy.REPOSITORY / page).read_text(encoding="utf8")
        for name in names:
            written = text if BASE_COST.search(found[name]) else BASE_COST.sub("", text)
            assert f"<!-- {name} -->\n{found[name]}\n<!-- /{name} -->" in written, (page, name)


@pytest.mark.slow
def test_the_shipped_model_answers_the_question_of_the_readme(monkeypatch):
    """The README says that the letter is right; whether the steps are is another matter."""
    monkeypatch.setenv("O1LIB_ROOT", str(toystudy.REPOSITORY))
    item = draw("mini-ChartQA", 100_000_000)
    asked = item.question.partition(" A. ")[0]
    assert asked in (toystudy.REPOSITORY / "README.md").read_text(encoding="utf8")
    decoder, answer_format = o1lib.load_decoder(str(toystudy.REPOSITORY / "results/checkpoints/mini-structured"))
    result = o1lib.answer(decoder, item.image, item.question, answer_format, method="stage_beam", n=4)
    assert extract(result.text, item.options).value == item.answer == "A"


def test_the_readme_keeps_to_1800_words():
    assert len((toystudy.REPOSITORY / "README.md").read_text(encoding="utf8").split()) <= 1800


def test_packages_are_listed_in_the_order_of_the_import_contract():
    contract = tomllib.loads((toystudy.REPOSITORY / "pyproject.toml").read_text(encoding="utf8"))["tool"][
        "importlinter"
    ]
    layers = [layer.split(" | ") for layer in reversed(contract["contracts"][0]["layers"])]
    assert [sorted(layer) for layer in layers] == [
        sorted(readme.PACKAGES[i : i + len(layer)])
        for layer, i in zip(layers, (sum(map(len, layers[:k])) for k in range(len(layers))))
    ]


def test_every_package_is_in_the_tree():
    library = toystudy.REPOSITORY / "o1lib"
    assert sorted(readme.PACKAGES) == sorted(path.parent.name for path in library.glob("*/__init__.py"))
