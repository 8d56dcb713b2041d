"""Plot small multiples: the value of each judge against its accuracy, and curves.

    judge_panels(judge_values(records, "structured"), one)         # `one` is the pooled cell of one sample
    curve_panels(scaling_table(records, "structured"), "tokens", "method", log=True)

Both take a long table and return matplotlib Axes in the style of `o1lib.analysis.plots`.
"""

import math
from textwrap import fill

import matplotlib.pyplot as plt
import seaborn as sns

from o1lib.analysis.plots import ACCURACY, PALETTE, error_bars, groups, log_axis, sample_sizes
from o1lib.analysis.tables import NOT_RUN
from o1lib.search.judges import JUDGES

RIGHT = "how often the judge prefers the truer of two (%)"


def judge_panels(found, one=None, columns=3, score=ACCURACY):
    """Draw each judge of `judge_values` in a panel: accuracy of the answers against its own; return the first Axes.

    Judges differ by less than their intervals, so they do not share a panel. Behind each is the curve of the synthetic
    judges over their given accuracy, in gray, and `one` ({"value", "low", "high"}: one sample without search) as a
    band. Where only synthetic judges were run, their curve has a panel of its own. `score` names the axis of answers.
    """
    synthetic, judges = found[found.p.notna()], found[found.p.isna()]
    shown = [judges.loc[[place]] for place in judges.index] or [synthetic]
    figure, axes = _panels(len(shown), columns)
    for ax, part in zip(axes.flat, shown, strict=False):
        if one:
            ax.axhspan(100 * one["low"], 100 * one["high"], color="0.93", zorder=0)
            ax.axhline(100 * one["value"], color="0.7", linewidth=1, linestyle=":", zorder=1)
        ax.plot(100 * synthetic.p, 100 * synthetic.value, color="0.6", marker=".", linewidth=1, zorder=2)
        if len(judges):
            _draw_judge(ax, part)
        _headed(ax, part.label.iloc[0] if len(judges) else JUDGES["synthetic"].label, part)
    return _labeled(figure, axes, len(shown), f"{RIGHT}, 95 % interval", score)


def _draw_judge(ax, part):
    """Draw one judge with the intervals of its accuracy and of the answers that it chooses."""
    across = error_bars(part.assign(value=part.right, low=part.right_low, high=part.right_high))
    style = {"marker": "o", "capsize": 2, "elinewidth": 0.8, "zorder": 3, "color": sns.color_palette(PALETTE)[0]}
    ax.errorbar(100 * part.right, 100 * part.value, xerr=across, yerr=error_bars(part), ls="none", **style)


def curve_panels(table, x, by, hue=None, columns=3, log=False, label="", score=ACCURACY):
    """Draw accuracy against column `x` in one panel for each value of `by`; return the first Axes.

    Behind the curve of a panel are those of the other panels in light gray, so that curves which overlap can be told
    apart. With `hue` a panel has one curve for each of its values, and nothing behind them. `label` and `score` are the
    names of the axes. With `log` the x axis is logarithmic.
    """
    names = list(dict.fromkeys(table[by]))
    figure, axes = _panels(len(names), columns)
    for ax, name in zip(axes.flat, names, strict=False):
        _panel(ax, table, x, by, name, hue)
        if log:
            log_axis(ax, (1, 3))
    if not names:
        axes.flat[0].set_title(NOT_RUN)
    if hue and names:
        axes.flat[0].legend(frameon=False, fontsize="small")
    return _labeled(figure, axes, len(names), label or x, score)


def _panel(ax, table, x, by, name, hue):
    """Draw the curves of one panel of `curve_panels`, with its name and n above."""
    own = table[table[by] == name].sort_values(x)
    if not hue:
        for _, other in table[table[by] != name].groupby(by):
            other = other.sort_values(x)
            ax.plot(other[x], 100 * other.value, color="0.85", linewidth=1, zorder=0)
    for _, part, style in groups(own, hue):
        ax.errorbar(part[x], 100 * part.value, yerr=error_bars(part), ls="-", markersize=4, elinewidth=0.8, **style)
    _headed(ax, name, own)


def _panels(count, columns):
    """Return a figure of `count` panels that share their axes, and its array of Axes, some of which stay empty."""
    columns = max(1, min(columns, count))
    rows = math.ceil(max(1, count) / columns)
    size = (0.8 + 2.3 * columns, 0.6 + 2.0 * rows)
    return plt.subplots(rows, columns, figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained")


def _headed(ax, name, table):
    """Write the name and the n of a panel above it."""
    ax.set_title(fill(name, 32), fontsize="small", loc="left", y=1.08)
    ax.set_title(sample_sizes(table), fontsize="x-small", loc="right", color="dimgrey")
    ax.tick_params(labelsize="small")
    sns.despine(ax=ax)


def _labeled(figure, axes, count, across, up):
    """Name the axes of a figure of panels, hide its empty panels, and return the first Axes."""
    for ax in axes.flat[max(0, count - axes.shape[1]) : count]:
        ax.tick_params(labelbottom=True)
    for ax in axes.flat[count:]:
        ax.set_axis_off()
    figure.supxlabel(across, fontsize="medium")
    figure.supylabel(up, fontsize="medium")
    return axes.flat[0]
