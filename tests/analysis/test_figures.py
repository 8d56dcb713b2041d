"""Figures of reports: what they draw of their tables."""

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import pytest

from o1lib.analysis import figures
from o1lib.analysis.stats import VERDICTS


class Kept:
    """Takes the place of a report: keeps the figure that it would save."""

    def figure(self, name, ax, title):
        self.ax, self.title = ax, title
        return name


@pytest.fixture(autouse=True)
def closed():
    """Close the figures a test made."""
    yield
    plt.close("all")


def lines(count):
    told = {
        "kind": "difference",
        "statement": "Tags help",
        "value": 0.01,
        "low": -0.1,
        "high": 0.12,
        "n": 48,
        "seeds": 2,
    }
    return [told | {"id": f"A{k}", "paper": "A", "verdict": VERDICTS[3 * (k > 0)]} for k in range(count)]


def names(report):
    return [text.get_text() for ax in report.ax.figure.axes for text in ax.get_yticklabels()]


def test_a_few_claims_are_drawn_with_their_statements():
    report = Kept()
    figures.claims(report, "claims", lines(3))
    assert [name.split(":")[0] for name in names(report)] == ["A0", "A1", "A2"] and "Tags help" in names(report)[0]


def test_many_claims_are_drawn_by_their_ids_in_columns():
    report = Kept()
    figures.claims(report, "claims", lines(40))
    figure = report.ax.figure
    assert names(report) == [f"A{k}" for k in range(40)] and len(figure.axes) == 3
    wide, high = figure.get_size_inches()
    assert high < wide
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["supported", "inconclusive"]
    assert report.title == "Of 40 claims with a measured difference, 1 is supported, 39 are inconclusive"


def test_the_title_counts_the_claims_that_are_drawn():
    report = Kept()
    others = [line | {"id": f"B{k}", "value": None, "verdict": "not tested"} for k, line in enumerate(lines(2))]
    figures.claims(report, "claims", lines(3) + others)
    assert report.title == "Of 3 claims with a measured difference, 1 is supported, 2 are inconclusive"


@pytest.mark.parametrize("count", [4, 40])
def test_a_wide_interval_is_cut_with_an_arrow_and_hides_no_other(count):
    report = Kept()
    figures.claims(report, "claims", [*lines(count), lines(1)[0] | {"id": "A99", "low": -1.0, "high": 1.0}])
    axes = [ax for ax in report.ax.figure.axes if ax.axison]
    assert all(ax.get_xlim() == pytest.approx((-25.2, 25.2)) for ax in axes)
    arrows = [line for ax in axes for line in ax.lines if line.get_marker() in "<>" and line.get_color() == "black"]
    assert [line.get_xdata()[0] for line in arrows] == pytest.approx([-25.2, 25.2])
    last = axes[-1].get_yticklabels()[int(arrows[0].get_ydata()[0])].get_text()
    assert arrows[0].axes is axes[-1] and last.startswith("A99")


def test_without_a_tested_difference_there_is_no_figure_of_claims():
    shown = figures.claims(Kept(), "claims", [lines(1)[0] | {"value": None}])
    assert "No claim about a difference" in shown.data
