"""Two figures of one kind each: the gain of a judge that is right p of the time, and accuracy against training.

    payoff(worth(records, "structured"), one)               # o1lib.analysis.judge_value; `one` is the pooled cell of one sample
    learning(looks(records, ARMS), "examples")              # o1lib.analysis.learning_curves

Both take the long tables of their modules and return matplotlib Axes, drawn as those of `o1lib.analysis.plots` are.
"""

import matplotlib.pyplot as plt
import seaborn as sns

from o1lib.analysis.plots import ACCURACY, MARKERS, PALETTE, legend, reach, sizes

RIGHT = "how often the judge prefers the truer of two (%)"


def payoff(found, one=None, ax=None):
    """Draw the lines of `o1lib.analysis.judge_value.worth`: accuracy against how often the judge is right; return the Axes.

    Synthetic judges are joined to a curve over their set probability, the others stand at their measured accuracy with
    both intervals. `one` ({"value", "low", "high"}: one sample, no search) is a band across.
    """
    ax = ax or plt.subplots(figsize=(7.2, 4.2))[1]
    if one:
        ax.axhspan(100 * one["low"], 100 * one["high"], color="0.92", zorder=0)
        ax.axhline(100 * one["value"], color="0.55", linewidth=1, zorder=1, label="one sample, no search")
    drawn, placed = found[found.p.notna()], found[found.p.isna()]
    if len(drawn):
        ax.errorbar(
            100 * drawn.p,
            100 * drawn.value,
            yerr=reach(drawn),
            color="black",
            marker=".",
            capsize=2,
            linewidth=1,
            zorder=2,
            label="right with a set chance",
        )
    colours = sns.color_palette(PALETTE, len(placed))
    for line, colour, marker in zip(placed.itertuples(), colours, MARKERS * len(placed), strict=False):
        part = placed.loc[[line.Index]]
        sides = reach(part.assign(value=part.right, low=part.right_low, high=part.right_high))
        ax.errorbar(
            100 * part.right,
            100 * part.value,
            xerr=sides,
            yerr=reach(part),
            color=colour,
            marker=marker,
            capsize=2,
            elinewidth=0.8,
            zorder=3,
            label=line.label,
        )
    ax.set(xlabel=f"{RIGHT}, 95 % interval", ylabel=ACCURACY)
    ax.set_title(sizes(found), fontsize="small", loc="right")
    if len(found):
        legend(ax)
    sns.despine(ax=ax)
    return ax


def learning(found, x, label, ax=None):
    """Draw the lines of `o1lib.analysis.learning_curves.looks` against the column `x`: exact answers by arm; return the Axes.

    One line an arm, the mean over its seeds with the interval; where there are several seeds each one is a thin line.
    Arms stand a little beside each other, so that intervals at the same x can be told apart.
    """
    ax = ax or plt.subplots(figsize=(7.2, 4.0))[1]
    means, seeds = found[found.seed.isna()], found[found.seed.notna()]
    arms = list(dict.fromkeys(found.label))
    step = 0.006 * found[x].max() if arms else 0
    for place, (arm, colour) in enumerate(zip(arms, sns.color_palette(PALETTE, len(arms)), strict=True)):
        part = means[means.label == arm].sort_values(x)
        ax.errorbar(
            part[x] + step * (place - (len(arms) - 1) / 2),
            100 * part.value,
            yerr=reach(part),
            color=colour,
            marker=MARKERS[place % len(MARKERS)],
            capsize=2,
            elinewidth=0.8,
            markersize=5,
            label=arm,
        )
        for _, thin in seeds[(seeds.label == arm) & (part.seeds.max() > 1)].groupby("seed"):
            ax.plot(thin[x], 100 * thin.value, color=colour, linewidth=0.7, alpha=0.5)
    ax.set(xlabel=label, ylabel="exact validation answers (%), 95 % interval")
    ax.set_title(sizes(means), fontsize="small", loc="right")
    if arms:
        legend(ax)
    sns.despine(ax=ax)
    return ax
