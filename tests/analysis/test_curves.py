"""The curves of judges and of arms during fine-tuning show the values of their tables."""

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from o1lib.analysis.curves import plot_judge_value, plot_learning

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
        "label": ["direct"] * 6,
        "seed": [NAN, NAN, 0, 0, 1, 1],
        "examples": [100, 200] * 3,
        "n": 64,
        "seeds": [2, 2] + [1] * 4,
        "value": [0.2, 0.4, 0.1, 0.3, 0.3, 0.5],
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


def test_synthetic_judges_form_a_curve_and_others_are_points():
    curve, judge = points(plot_judge_value(JUDGES))
    assert [x for x, _ in curve] == pytest.approx([50, 90]) and judge == [pytest.approx((60, 35))]


def test_judges_and_one_sample_are_named_in_words():
    ax = plot_judge_value(JUDGES, {"value": 0.3, "low": 0.2, "high": 0.4})
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["one sample, no search", "right with a set chance", "the model itself"]
    assert ax.get_title("right") == "n = 90"


def test_without_a_synthetic_row_the_judges_are_drawn_alone():
    assert len(points(plot_judge_value(JUDGES[2:]))) == 1


def test_learning_curves_show_the_mean_and_thin_seeds():
    ax = plot_learning(LOOKS, "examples", "examples")
    assert points(ax) == [[pytest.approx((100, 20)), pytest.approx((200, 40))]]
    assert (
        sum(
            line.get_linewidth() < 1 and len(line.get_xdata()) == 2 and line.get_label().startswith("_child")
            for line in ax.lines
        )
        == 2
    )


def test_one_seed_is_not_drawn_twice():
    single = LOOKS[LOOKS.seed.isna() | (LOOKS.seed == 0)].assign(seeds=1)
    drawn, mean_alone = (plot_learning(looks, "examples", "examples") for looks in (single, single[:2]))
    assert len(drawn.lines) == len(mean_alone.lines)
