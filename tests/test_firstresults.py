"""README's block of first results comes from what is published, between its marks, or not at all."""

import json

import pytest
import toystudy

from o1lib import firstresults, publish
from o1lib.records import UserError

LINE = {"id": "A1", "paper": "A", "table": "Table 2", "statement": "stages <b>help</b> | always", "kind": "difference",
        "reported": {"a": {"value": 63.5}, "b": {"value": 56.6}}, "value": 0.021, "low": 0.003, "high": 0.039,
        "n": 48, "seeds": 1, "verdict": "reproduced", "why": "because"}
UNTESTED = LINE | {"id": "B1", "paper": "B", "value": None, "seeds": None, "verdict": "not tested"}
METRIC = {"value": 0.5, "n": 8, "low": 0.2, "high": 0.8}
README = "# Title\n\n<!-- results -->\nold\n<!-- /results -->\n\nthe rest\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A toy study at scale mini, all of it recorded, whose claims report left its lines and a figure."""
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    toystudy.make_project(tmp_path, toystudy.STUDY.replace("smoke: {", "mini: {"))
    (tmp_path / "README.md").write_text(README, encoding="utf8")
    for step in toystudy.planned("core", scale="mini").steps:
        folder = toystudy.record(step.job)
    lines = json.dumps([LINE, UNTESTED])
    for name, text in (("notebook.ipynb", "{}"), ("tables/claims.json", lines), ("figures/claims.png", "")):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf8")
    return tmp_path


def test_publishing_writes_verdicts_tested_claims_and_the_figure_between_the_marks(project):
    publish.publish("mini")
    text = (project / "README.md").read_text(encoding="utf8")
    assert text.startswith("# Title\n\n<!-- results -->\n") and text.endswith("<!-- /results -->\n\nthe rest\n")
    assert "\nold\n" not in text
    assert "| LLaVA-o1 | 1 | 0 | 0 | 0 |" in text and "| LlamaV-o1 | 0 | 0 | 0 | 1 |" in text
    assert "63.5 against 56.6 | +2.1 points [+0.3, +3.9] | reproduced |" in text and "one seed" in text
    assert "(results/mini/figures/claims.png)" in text and "commit c0ffee0000" in text and str(project) not in text


def test_the_block_of_a_pilot_says_so_in_its_first_words_and_at_table_and_figure(project):
    for path in (project / "work/mini/runs").glob("*/seed0/record.json"):
        scored = json.loads(path.read_text(encoding="utf8")) | {"metrics": {"accuracy": METRIC}}
        path.write_text(json.dumps(scored), encoding="utf8")
    publish.publish("mini")
    text = (project / "README.md").read_text(encoding="utf8").partition("<!-- results -->")[2]
    assert text.strip().startswith("**This is a pilot**") and "measured here (pilot)" in text
    assert "interval (pilot)](" in text and "| pilot |" in text


def test_publishing_twice_changes_nothing(project):
    publish.publish("mini")
    once = (project / "README.md").read_text(encoding="utf8")
    publish.publish("mini")
    assert (project / "README.md").read_text(encoding="utf8") == once


def test_a_claims_words_break_neither_the_table_nor_the_page(project):
    publish.publish("mini")
    line = next(line for line in (project / "README.md").read_text(encoding="utf8").splitlines() if "always" in line)
    assert "\\<b\\>help\\</b\\> \\| always" in line


@pytest.mark.parametrize("text", ["no marks", "<!-- /results --> <!-- results -->", README + "<!-- results -->"])
def test_a_readme_without_its_place_is_refused_before_anything_is_copied(project, text):
    (project / "README.md").write_text(text, encoding="utf8")
    with pytest.raises(UserError, match="README.md must have one"):
        publish.publish("mini")
    assert not (project / "results/mini").exists() and (project / "README.md").read_text(encoding="utf8") == text


def test_the_readme_of_this_project_has_its_place(monkeypatch):
    monkeypatch.setenv("O1LIB_ROOT", str(toystudy.REPOSITORY))
    firstresults.check()
