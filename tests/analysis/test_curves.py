"""The curves of judges and the panels of curves show the values of their tables."""

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from o1lib.analysis.curves import curve_panels, judge_panels

NAN = float("nan")
JUDGES = pd.DataFrame(
    {
        "label": ["right with chance 0.5", "right with chance 0.9", "the model itself"],
        "p": [0.5, 0.9, NAN],
        "right": [0.51, 0.9, 0.6],
        "right_low": [0.5, 0.8, 0.55],
        "right_high": [0.6, 0.95, 0.65],
        "value": [0.3, 0.5, 0.35],
        "low": [0.2, 0.4, 0.25],
        "high": [0.4, 0.6, 0.45],
        "n": 90,
        "seeds": 1,
    }
)
LOOKS = pd.DataFrame(
    {
        "label": ["direct", "direct", "staged", "staged"],
        "examples": [200, 100] * 2,
        "n": 64,
        "seeds": 2,
        "value": [0.4, 0.2, 0.3, 0.1],
        "low": 0.05,
        "high": 0.6,
    }
)


@pytest.fixture(autouse=True)
def closed():
    """Close the figures a test made."""
    yield
    plt.close("all")


def points(ax):
    return [[tuple(map(float, point)) for point in container.lines[0].get_xydata()] for container in ax.containers]


def judge_axes(table, **options):
    return [ax for ax in judge_panels(table, **options).figure.axes if ax.axison]


def curve_behind(ax):
    return [[tuple(map(float, point)) for point in line.get_xydata()] for line in ax.lines if line.get_color() == "0.6"]


def test_each_judge_has_a_panel_with_the_curve_of_synthetic_judges_behind():
    two = pd.concat([JUDGES, JUDGES[2:].assign(label="a coin", right=0.5, value=0.3)], ignore_index=True)
    axes = judge_axes(two)
    assert [ax.get_title("left") for ax in axes] == ["the model itself", "a coin"]
    assert [points(ax) for ax in axes] == [[[pytest.approx((60, 35))]], [[pytest.approx((50, 30))]]]
    assert [curve_behind(ax) for ax in axes] == [[[pytest.approx((50, 30)), pytest.approx((90, 50))]]] * 2


def test_one_sample_is_a_band_in_every_panel():
    [ax] = judge_axes(JUDGES, one={"value": 0.3, "low": 0.2, "high": 0.4})
    assert any(line.get_linestyle() == ":" and line.get_ydata()[0] == pytest.approx(30) for line in ax.lines)
    assert ax.get_title("right") == "n = 90"


def test_without_a_synthetic_row_the_judges_are_drawn_alone():
    [ax] = judge_axes(JUDGES[2:])
    assert len(points(ax)) == 1 and curve_behind(ax) == [[]]


def test_without_a_judge_the_synthetic_curve_is_drawn():
    [ax] = judge_axes(JUDGES[:2])
    assert points(ax) == [] and len(curve_behind(ax)[0]) == 2 and ax.get_title("left") == "right with a set chance"


def panel_axes(table, **options):
    return [ax for ax in curve_panels(table, "examples", "label", **options).figure.axes if ax.axison]


def test_each_panel_has_its_own_curve_with_the_others_behind():
    axes = panel_axes(LOOKS)
    assert [points(ax) for ax in axes] == [
        [[pytest.approx((100, 20)), pytest.approx((200, 40))]],
        [[pytest.approx((100, 10)), pytest.approx((200, 30))]],
    ]
    behind = [[list(line.get_ydata()) for line in ax.lines if line.get_color() == "0.85"] for ax in axes]
    assert behind == [[[pytest.approx(10), pytest.approx(30)]], [[pytest.approx(20), pytest.approx(40)]]]


def test_panels_name_their_curve_and_its_n():
    axes = panel_axes(LOOKS)
    assert [ax.get_title("left") for ax in axes] == ["direct", "staged"]
    assert [ax.get_title("right") for ax in axes] == ["n = 64, 2 seeds"] * 2


def test_panels_with_several_curves_have_nothing_behind():
    [ax] = panel_axes(LOOKS.assign(kind=LOOKS.label, label="all"), hue="kind")
    assert len(points(ax)) == 2 and not [line for line in ax.lines if line.get_color() == "0.85"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["direct", "staged"]


def test_panels_of_nothing_say_not_run():
    assert curve_panels(LOOKS[:0], "examples", "label", log=True).get_title() == "not run"


def test_panels_can_have_a_logarithmic_axis():
    assert {ax.get_xscale() for ax in panel_axes(LOOKS, log=True)} == {"log"}
