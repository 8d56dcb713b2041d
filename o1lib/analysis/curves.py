"""Plot two kinds of curves: the value of a judge against its accuracy, and accuracy during fine-tuning.

    plot_judge_value(judge_values(records, "structured"), one)     # `one` is the pooled cell of one sample
    plot_learning(validation_curve(records, ARMS), "examples", "examples seen")

Both take the long table of their module (`o1lib.analysis.judge_value`, `o1lib.analysis.learning_curves`) and return
matplotlib Axes in the style of `o1lib.analysis.plots`.
"""

import matplotlib.pyplot as plt
import seaborn as sns

from o1lib.analysis.plots import ACCURACY, MARKERS, PALETTE, error_bars, legend, sample_sizes
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


def plot_learning(found, x, label, ax=None):
    """Draw the lines of `validation_curve`, exact answers by arm against the column `x`; return the Axes.

    An arm is one line, the mean over its seeds with intervals; several seeds are also drawn as thin lines. Arms are
    shifted a little along x, so that their intervals do not overlap. `label` is the name of the x axis.
    """
    ax = ax or plt.subplots(figsize=(7.2, 4.0))[1]
    means, seeds = found[found.seed.isna()], found[found.seed.notna()]
    arms = list(dict.fromkeys(found.label))
    step = 0.006 * found[x].max() if arms else 0
    for place, (arm, color) in enumerate(zip(arms, sns.color_palette(PALETTE, len(arms)), strict=True)):
        part = means[means.label == arm].sort_values(x)
        ax.errorbar(
            part[x] + step * (place - (len(arms) - 1) / 2),
            100 * part.value,
            yerr=error_bars(part),
            color=color,
            marker=MARKERS[place % len(MARKERS)],
            capsize=2,
            elinewidth=0.8,
            markersize=5,
            label=arm,
        )
        for _, thin in seeds[(seeds.label == arm) & (part.seeds.max() > 1)].groupby("seed"):
            ax.plot(thin[x], 100 * thin.value, color=color, linewidth=0.7, alpha=0.5)
    return _finish(ax, means, label, "exact validation answers (%), 95 % interval")
