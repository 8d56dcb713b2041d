"""Figures show the values of their table: every point with its interval, its n, and its label."""

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from o1lib.analysis import plots


@pytest.fixture(autouse=True)
def closed():
    """Close the figures a test made."""
    yield
    plt.close("all")


def table(**columns):
    """Three arms; `b` has an interval that is wider to the left."""
    frame = pd.DataFrame(
        {
            "arm": ["a", "b", "c"],
            "value": [0.5, 0.6, 0.7],
            "low": [0.4, 0.3, 0.6],
            "high": [0.6, 0.65, 0.8],
            "n": [90, 90, 80],
            "seeds": [3, 3, 2],
        }
    )
    return frame.assign(**columns)


def drawn(ax):
    """Return the points of an Axes as (x, y), in the order drawn."""
    return [tuple(map(float, point)) for container in ax.containers for point in container.lines[0].get_xydata()]


def ends(ax, axis):
    """Return the (low, high) ends of all error bars along an axis."""
    bars = [container.lines[2][0].get_segments() for container in ax.containers]
    return [(float(segment[0][axis]), float(segment[1][axis])) for segments in bars for segment in segments]


def test_points_have_their_values_and_intervals():
    ax = plots.points(table(), "arm")
    assert sum(drawn(ax), ()) == pytest.approx((50, 0, 60, 1, 70, 2))
    assert ends(ax, 0)[1] == pytest.approx((30, 65))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c"]


def test_a_category_has_the_same_style_whichever_occur():
    def style(names, label):
        verdicts = pd.Categorical(names, ["yes", "no", "perhaps"])
        ax = plots.points(table(verdict=verdicts), "arm", "verdict")
        line = next(bar.lines[0] for bar in ax.containers if bar.get_label() == label)
        return line.get_marker(), line.get_color()

    assert style(["no", "no", "no"], "no") == style(["yes", "no", "perhaps"], "no")
    assert style(["perhaps", "no", "no"], "no") != style(["perhaps", "no", "no"], "perhaps")


def test_n_and_seeds_are_on_the_figure():
    assert plots.points(table(), "arm").get_title("right") == "n = 80 to 90, 2 to 3 seeds"
    assert plots.points(table(n=90, seeds=1), "arm").get_title("right") == "n = 90"


def test_a_value_outside_its_interval_draws_no_negative_bar():
    plots.points(table(low=0.65), "arm")  # matplotlib refuses negative lengths


def test_what_was_not_run_keeps_its_line_and_says_so():
    ax = plots.points(table(), "arm", order=["a", "x", "b", "c"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "x (not run)", "b", "c"]
    assert drawn(ax)[1] == pytest.approx((60, 2))


def test_an_empty_table_is_a_figure_that_says_not_run():
    nothing = table()[:0]
    assert plots.points(nothing, "arm").get_title("right") == "not run"
    assert plots.panels(nothing, "arm", "arm").get_title() == "not run"
    assert plots.curves(nothing, "n", "arm", log=True).get_title("right") == "not run"


def test_differences_are_points_around_a_line_of_no_difference():
    ax = plots.points(table(), "arm", zero=True)
    assert ax.get_xlabel() == "difference (points), 95 % interval"
    assert any(list(line.get_xdata()) == [0, 0] for line in ax.lines)


def test_a_difference_that_decides_nothing_is_gray():
    frame = table(value=[0.1, 0.0, -0.2], low=[0.05, -0.1, -0.3], high=[0.2, 0.1, -0.1])
    colors = {}
    for container in plots.points(frame, "arm", zero=True).containers:
        line = container.lines[0]
        colors |= {round(y): line.get_color() for _, y in line.get_xydata()}
    assert colors[1] == plots.GRAY and colors[0] == colors[2] != plots.GRAY


def test_shares_are_never_gray():
    assert all(bar.lines[0].get_color() != plots.GRAY for bar in plots.points(table(low=-0.1), "arm").containers)


def test_a_gray_part_of_a_group_keeps_its_marker_and_has_one_name():
    frame = pd.concat([table(kind="one", low=[0.1, -0.3, 0.1]), table(kind="two", low=-0.1)])
    ax = plots.points(frame, "arm", hue="kind", zero=True)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]
    assert [bar.lines[0].get_marker() for bar in ax.containers] == ["o", "o", "s"]


def test_groups_differ_in_color_and_in_marker():
    frame = pd.concat([table(kind="one"), table(kind="two")])
    ax = plots.points(frame, "arm", hue="kind")
    lines = [container.lines[0] for container in ax.containers]
    assert lines[0].get_marker() != lines[1].get_marker() and lines[0].get_color() != lines[1].get_color()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]
    assert drawn(ax)[0][1] < 0 < drawn(ax)[3][1]


def test_a_group_that_only_marks_its_lines_does_not_move_them():
    ax = plots.points(table(kind=["x", "y", "x"]), "arm", hue="kind")
    assert sorted(y for _, y in drawn(ax)) == [0, 1, 2]


def test_a_panel_shows_the_given_chance_level():
    frame = pd.concat([table(set="one"), table(set="two")])
    axes = plots.panels(frame, "arm", "set", chance={"two": 0.25}).figure.axes
    marks = [[line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == ":"] for ax in axes]
    assert marks == [[], [25]]


def test_lines_that_differ_in_n_can_carry_their_own():
    assert list(plots.with_n(pd.DataFrame({"part": ["a", "b"], "n": [8.0, 76.0]}), "part").part) == [
        "a, n = 8",
        "b, n = 76",
    ]


def test_seeds_that_differ_are_named_as_a_range():
    assert plots.sample_sizes(pd.DataFrame({"n": [90, 90], "seeds": [1, 2]})) == "n = 90, 1 to 2 seeds"


def test_panels_share_their_lines_and_name_their_own_n():
    frame = pd.concat([table(set="one"), table(set="two", n=7)[:2]])
    first = plots.panels(frame, "arm", "set", order=["a", "b", "c", "d"])
    axes = first.figure.axes
    assert [ax.get_title("left") for ax in axes] == ["one", "two"]
    assert axes[1].get_title("right") == "n = 7, 3 seeds"
    assert [label.get_text() for label in first.get_yticklabels()] == ["a", "b", "c", "d (not run)"]


def test_curves_rise_with_x_whatever_the_order_of_lines():
    frame = table(method="search", x=[4, 1, 2])
    ax = plots.curves(frame, "x", "method")
    assert [x for x, _ in drawn(ax)] == pytest.approx([1, 2, 4], abs=0.2)
    assert [y for _, y in drawn(ax)] == pytest.approx([60, 70, 50])
    assert ends(ax, 1)[0] == pytest.approx((30, 65)) and ax.get_ylabel() == "accuracy (%), 95 % interval"


def test_the_axis_of_a_headline_is_no_accuracy():
    ax = plots.curves(table(method="search", x=[4, 1, 2]), "x", "method", score=plots.axis_of("mini-headline"))
    assert ax.get_ylabel() == "headline score (%), 95 % interval"
    assert plots.axis_of("mini-average") == "accuracy (%), 95 % interval"


def test_costs_are_drawn_where_they_are_on_a_logarithmic_axis():
    frame = pd.concat([table(method="one", x=[100, 1000, 10000]), table(method="two", x=[100, 1000, 10000])])
    ax = plots.curves(frame, "x", "method", log=True, label="tokens")
    assert ax.get_xscale() == "log" and ax.get_xlabel() == "tokens"
    assert [x for x, _ in drawn(ax)] == pytest.approx([100, 1000, 10000] * 2)


@pytest.mark.slow
def test_the_same_figure_is_saved_as_the_same_bytes(tmp_path):
    first = [path.read_bytes() for path in plots.save(plots.points(table(), "arm"), tmp_path / "one", "figure")]
    second = [path.read_bytes() for path in plots.save(plots.points(table(), "arm"), tmp_path / "two", "figure")]
    assert first == second
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["figure.png", "figure.svg"]


@pytest.mark.slow
@pytest.mark.parametrize("draw", [lambda: plots.points(table(), "arm"), lambda: plots.panels(table(), "arm", "arm")])
def test_a_title_is_whole_and_above_the_drawing(tmp_path, draw):
    ax = draw()
    plots.save(ax, tmp_path, "figure", "pilot", "word " * 40)
    [title] = [text for text in ax.figure.texts if text.get_text().startswith("word")]
    title = ax.figure._suptitle or title
    ax.figure.draw_without_rendering()  # at the figure's own dpi again, as it was saved at another
    box = title.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    inches = ax.figure.get_size_inches()
    assert title.get_text().split() == ["word"] * 40
    widest = max(inches[0], ax.figure.get_tightbbox().width)
    assert box.y0 > ax.get_position().y1 * inches[1] and box.width <= widest


@pytest.mark.slow
def test_a_title_is_as_wide_as_what_is_drawn_under_it(tmp_path):
    """Long names widen the drawing, and a title in a third of its width would need twice the lines."""
    lines = []
    for suffix in ("", " and a name that is much longer than the axes are wide"):
        ax = plots.points(table().assign(arm=table().arm + suffix), "arm")
        plots.save(ax, tmp_path, "figure", "pilot", "word " * 40)
        lines += [text.get_text().count("\n") for text in ax.figure.texts if text.get_text().startswith("word")]
    assert lines[1] < lines[0]


def test_a_number_of_a_title_keeps_its_unit_and_an_interval_is_whole():
    for inches in (2, 2.5, 3, 4):
        lines = plots.wrapped("a judge wins 11 % [-90, 112] of what an oracle gains, +5.5 points [-1.2, +12.1]", inches)
        assert not [line for line in lines.splitlines() if line.startswith("%") or line.count("[") != line.count("]")]


@pytest.mark.slow
@pytest.mark.parametrize("draw", [lambda: plots.points(table(), "arm"), lambda: plots.panels(table(), "arm", "arm")])
def test_a_mark_is_inside_the_drawing(tmp_path, draw):
    ax = draw()
    plots.save(ax, tmp_path, "figure", "pilot")
    [mark] = [text for text in ax.figure.texts if text.get_text() == "pilot"]
    inside = mark.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    drawn = ax.figure.get_tightbbox()
    assert inside.x0 >= drawn.x0 and inside.y0 >= drawn.y0 and (drawn.width > 2 * inside.width)
    others = [text.get_window_extent() for text in ax.figure.texts if text is not mark]
    assert not any(mark.get_window_extent().overlaps(other) for other in others)


def test_a_learning_curve_has_its_loss_and_its_shares():
    log = [
        {"step": 1, "examples": 10, "loss": 3.0},
        {"step": 2, "examples": 20, "loss": 2.0},
        {"step": 2, "examples": 20, "answers": 0.25, "suite": {"early/area": {"value": 0.5}}},
    ]
    ax = plots.learning_curve(log)
    assert len(ax.figure.axes[1].lines) == 1
    assert ax.lines[0].get_ydata().tolist() == [3, 2]
    assert ax.figure.axes[1].lines[0].get_ydata().tolist() == [25]
