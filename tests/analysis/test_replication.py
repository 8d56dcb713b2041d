"""Contrasts of a replication lie inside, above or below the published intervals, or are not compared."""

import json

import pytest
from support import toystudy

from o1lib.analysis.claims.page import claims_page, incomplete_claims
from o1lib.analysis.claims.replication import (
    ABOVE,
    BELOW,
    INSIDE,
    OURS,
    YOURS,
    compare_with_published,
    place,
    published,
    replication_table,
    summarize_agreement,
    summarize_replication,
)
from o1lib.records import UserError
from o1lib.study import publish, runner


def line(name="A1", value=0.02, low=0.0, high=0.04, verdict="inconclusive", **more):
    return {
        "id": name,
        "paper": "A",
        "table": "Table 2",
        "statement": f"{name} holds.",
        "kind": "difference",
        "reported": {"a": {"value": 2}, "b": {"value": 1}},
        "contrast": {"a": "x", "b": "y", "metric": "accuracy"},
        "value": value,
        "low": low,
        "high": high,
        "n": 48,
        "seeds": 1,
        "verdict": verdict,
        "why": "because",
        "cost": None,
    } | more


NOTHING = incomplete_claims([], [])
UNTESTED = {"value": None, "low": None, "high": None, "verdict": "not tested"}


@pytest.mark.parametrize(("value", "where"), [(0.02, INSIDE), (0.04, INSIDE), (0.041, ABOVE), (-0.01, BELOW)])
def test_a_value_lies_inside_an_interval_above_or_below_it(value, where):
    assert place(value, 0.0, 0.04) == where


def test_every_contrast_is_classified_and_counted():
    yours = [line("A1"), line("A2", 0.1), line("A3", -0.1), line("A4", **UNTESTED), line("A5"), line("A6", **UNTESTED)]
    ours = [line("A1"), line("A2"), line("A3"), line("A4"), line("A5", **UNTESTED), line("A6", **UNTESTED)]
    pairs = compare_with_published(yours, ours)
    assert [pair["place"] for pair in pairs] == [INSIDE, ABOVE, BELOW, YOURS, OURS]
    assert "Of 3 contrasts" in summarize_agreement(pairs)
    assert "interval in 1 (all but A2, A3)" in summarize_agreement(pairs)
    assert list(replication_table(pairs).index) == ["A1", "A2", "A3", "A4", "A5"]


def test_the_published_records_are_not_compared_with_themselves():
    pairs = compare_with_published([line("A1"), line("A2", 0.1)], [line("A1"), line("A2", 0.1)])
    assert summarize_agreement(pairs).startswith("All 2 contrasts have the published values and intervals")
    assert replication_table(pairs).empty


def test_a_value_without_an_interval_is_not_compared():
    seconds = {"low": None, "high": None, "kind": "ratio", "verdict": "no verdict"}
    assert compare_with_published([line(**seconds)], [line(**seconds)]) == []


def test_a_claim_that_was_not_published_is_not_compared():
    assert compare_with_published([line("A1")], [line("A2")]) == []
    assert "nothing to compare" in summarize_agreement([])
    assert summarize_replication([]) == summarize_agreement([])


def test_the_text_has_a_line_for_each_contrast_of_both_studies():
    text = summarize_replication(
        compare_with_published([line("A1"), line("A2", 0.1, seeds=3)], [line("A1", seeds=2), line("A2")])
    )
    head, first, second, said = text.splitlines()
    assert head.split() == ["yours", "published", "seeds", "(published)", "your", "value", "lies"]
    assert first.split()[0] == "A1" and first.endswith(INSIDE) and "  1 (2)  " in first
    assert second.split()[0] == "A2" and second.endswith(ABOVE) and "  3 (1)  " in second
    assert said.startswith("Of 2 contrasts")


def test_the_text_names_untested_claims_with_the_reason():
    incomplete_claims = UNTESTED | {"why": "needs row x, which has no record"}
    yours = [line("A1"), line("A2", **incomplete_claims), line("A3", **incomplete_claims), line("A4")]
    text = summarize_replication(
        compare_with_published(
            yours, [line("A1"), line("A2"), line("A3"), line("A4", **UNTESTED | {"why": "other data"})]
        )
    )
    assert text.splitlines()[2:4] == [
        "not tested by you: A2, A3 (needs row x, which has no record)",
        "not tested in the published study: A4 (other data)",
    ]


def test_untested_claims_are_listed_if_nothing_is_compared():
    text = summarize_replication(compare_with_published([line(**UNTESTED | {"why": "needs row x"})], [line()]))
    assert text.startswith("not tested by you: A1 (needs row x)\nNo contrast was tested both")


def test_the_page_shows_both_studies_if_one_is_published():
    pairs = compare_with_published([line(value=0.03, statement="<b>A1</b>")], [line()])
    text = claims_page([line()], "note", NOTHING, replication=replication_table(pairs), agreement="a < b")
    assert "compared with the published" in text
    assert "&lt;b&gt;A1" in text and "a &lt; b" in text
    assert "compared with the published" not in claims_page(
        [line()], "note", NOTHING, replication=replication_table([]), agreement=summarize_agreement([])
    )
    assert "compared with the published" not in claims_page([line()], "note", NOTHING)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A toy study at scale mini, all of it recorded, whose report judged one claim; nothing is published."""
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    toystudy.make_project(tmp_path, toystudy.STUDY.replace("smoke: {", "mini: {"))
    for step in toystudy.planned("core", scale="mini").jobs:
        folder = toystudy.record(step.job)
    toystudy.notebook(folder / "notebook.ipynb", toystudy.COMMON, "print(1)")
    leave(folder, [line()])
    return tmp_path


def leave(folder, lines):
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    (folder / "tables" / "claims.json").write_text(json.dumps(lines), encoding="utf8")


def test_a_study_ends_with_the_comparison(project, capsys):
    leave(project / "results" / "mini", [line(low=0.05, high=0.07)])
    assert runner.run(toystudy.planned("core", scale="mini")) == 0
    said = capsys.readouterr().out.strip().splitlines()
    assert said[-2].startswith("A1") and said[-2].endswith(BELOW)
    assert said[-1].startswith("Of 1 contrasts")


def test_a_study_ends_without_comparison_if_none_is_published(project, capsys):
    runner.run(toystudy.planned("core", scale="mini"))
    assert "contrast" not in capsys.readouterr().out


@pytest.mark.slow
def test_comparing_ends_with_the_contrasts(project, capsys):
    leave(project / "results" / "mini", [line()])
    toystudy.notebook(project / "results/mini/executed/report.ipynb", toystudy.COMMON, "print(1)")
    publish.compare("mini")
    assert capsys.readouterr().out.strip().splitlines()[-2].endswith(INSIDE)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '["A1"]',
        '[{"id": "A1"}]',
        '[{"id": "A1", "kind": "rate", "verdict": "x"}]',
        json.dumps([line(low=None)]),
        json.dumps([line(value="0.1")]),
    ],
)
def test_published_claims_of_another_form_are_named(project, text):
    leave(project / "results" / "mini", [])
    (project / "results/mini/tables/claims.json").write_text(text, encoding="utf8")
    with pytest.raises(UserError, match="results/mini/tables/claims.json is not a list of judged claims"):
        published("mini")
