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
    assert report.title == "Of 40 claims, 1 is supported, 39 are inconclusive"
