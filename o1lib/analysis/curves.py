"""Plot two kinds of curves: the value of a judge against its accuracy, and small multiples of curves.

    plot_judge_value(judge_values(records, "structured"), one)     # `one` is the pooled cell of one sample
    curve_panels(scaling_table(records, "structured"), "tokens", "method", log=True)

Both take a long table and return matplotlib Axes in the style of `o1lib.analysis.plots`.
"""

import math
from textwrap import fill

import matplotlib.pyplot as plt
import seaborn as sns

from o1lib.analysis.plots import ACCURACY, MARKERS, PALETTE, error_bars, groups, legend, log_axis, sample_sizes
from o1lib.analysis.tables import NOT_RUN
from o1lib.search.judges import JUDGES

RIGHT = "how often the judge prefers the truer of two (%)"


def plot_judge_value(found, one=None, ax=None, score=ACCURACY):
    """Draw the lines of `judge_values`, accuracy of the answers against accuracy of the judge; return the Axes.

    `score` is the name of the axis of the answers.

    Synthetic judges form a curve over their given accuracy. The other judges are points at their measured accuracy,
    with both intervals. `one` ({"value", "low", "high"}: one sample without search) is a horizontal band.
    """
    ax = ax or plt.subplots(figsize=(7.2, 4.2))[1]
    if one:
        ax.axhspan(100 * one["low"], 100 * one["high"], color="0.92", zorder=0)
        ax.axhline(100 * one["value"], color="0.55", linewidth=1, zorder=1, label="one sample, no search")
    _draw_synthetic(ax, found[found.p.notna()])
    _draw_measured(ax, found[found.p.isna()])
    return _finish(ax, found, f"{RIGHT}, 95 % interval", score)


def _draw_synthetic(ax, judges):
    style = {"color": "black", "marker": ".", "capsize": 2, "linewidth": 1, "zorder": 2}
    if len(judges):
        x, y, label = 100 * judges.p, 100 * judges.value, JUDGES["synthetic"].label
        ax.errorbar(x, y, yerr=error_bars(judges), label=label, **style)


def _draw_measured(ax, judges):
    style = {"capsize": 2, "elinewidth": 0.8, "zorder": 3}
    colors = sns.color_palette(PALETTE, len(judges))
    for line, color, marker in zip(judges.itertuples(), colors, MARKERS * len(judges), strict=False):
        part = judges.loc[[line.Index]]
        across = error_bars(part.assign(value=part.right, low=part.right_low, high=part.right_high))
        x, y, up = 100 * part.right, 100 * part.value, error_bars(part)
        ax.errorbar(x, y, xerr=across, yerr=up, color=color, marker=marker, label=line.label, **style)


def _finish(ax, table, xlabel, ylabel):
    """Add labels, sample sizes and a legend to an Axes; return it."""
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.set_title(sample_sizes(table), fontsize="small", loc="right")
    if len(table):
        legend(ax)
    sns.despine(ax=ax)
    return ax


def curve_panels(table, x, by, hue=None, columns=3, log=False, label="", score=ACCURACY):
    """Draw accuracy against column `x` in one panel for each value of `by`; return the first Axes.

    Behind the curve of a panel are those of the other panels in light gray, so that curves which overlap can be told
    apart. With `hue` a panel has one curve for each of its values, and nothing behind them. `label` and `score` are the
    names of the axes. With `log` the x axis is logarithmic.
    """
    names = list(dict.fromkeys(table[by]))
    columns = max(1, min(columns, len(names)))
    rows = math.ceil(max(1, len(names)) / columns)
    size = (0.8 + 2.3 * columns, 0.6 + 2.0 * rows)
    figure, axes = plt.subplots(
        rows, columns, figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    for ax, name in zip(axes.flat, names, strict=False):
        _panel(ax, table, x, by, name, hue)
        if log:
            log_axis(ax, (1, 3))
        ax.tick_params(labelsize="small")
    for ax in axes.flat[max(0, len(names) - columns) : len(names)]:
        ax.tick_params(labelbottom=True)
    for ax in axes.flat[len(names) :]:
        ax.set_axis_off()
    if not names:
        axes.flat[0].set_title(NOT_RUN)
    if hue and names:
        axes.flat[0].legend(frameon=False, fontsize="small")
    figure.supxlabel(label or x, fontsize="medium")
    figure.supylabel(score, fontsize="medium")
    return axes.flat[0]


def _panel(ax, table, x, by, name, hue):
    """Draw the curves of one panel of `curve_panels`, with its name and n above."""
    own = table[table[by] == name].sort_values(x)
    if not hue:
        for _, other in table[table[by] != name].groupby(by):
            other = other.sort_values(x)
            ax.plot(other[x], 100 * other.value, color="0.85", linewidth=1, zorder=0)
    for _, part, style in groups(own, hue):
        ax.errorbar(part[x], 100 * part.value, yerr=error_bars(part), ls="-", markersize=4, elinewidth=0.8, **style)
    ax.set_title(fill(name, 32), fontsize="small", loc="left", y=1.08)
    ax.set_title(sample_sizes(own), fontsize="x-small", loc="right", color="dimgrey")
    sns.despine(ax=ax)
