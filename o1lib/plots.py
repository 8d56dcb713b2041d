"""Figures of the study: a long-form table in, a matplotlib Axes out.

Every figure carries its intervals and its n; colours are seaborn's colour-blind safe palette. Nothing is computed here
that is not in the table, so a figure can be redrawn from the published records alone.

Example:
    >>> import pandas as pd
    >>> table = pd.DataFrame({"arm": ["direct"], "value": [0.5], "low": [0.4], "high": [0.6], "n": [90]})
    >>> points(table, "arm").get_xlabel()
    'accuracy (%), 95 % interval'
"""
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

PALETTE = "colorblind"
BREAKS = ("caption", "reasoning", "conclusion", "none")
INTERVAL_LABEL = "accuracy (%), 95 % interval"


def points(table, y, hue=None, ax=None, zero=False):
    """Draw one horizontal point with its interval a row.

    `table` has columns value, low, high (fractions, or differences of fractions) and those named by `y` and `hue`;
    `zero` draws the line of no difference. Returns the Axes.
    """
    ax = ax or plt.subplots(figsize=(6.4, 0.9 + 0.34 * len(table)))[1]
    labels = list(dict.fromkeys(table[y]))
    groups = list(dict.fromkeys(table[hue])) if hue else [None]
    colours = sns.color_palette(PALETTE, len(groups))
    for k, group in enumerate(groups):
        part = table if group is None else table[table[hue] == group]
        spots = np.array([labels.index(v) for v in part[y]]) + (k - (len(groups) - 1) / 2) * 0.16
        reach = 100 * np.array([part.value - part.low, part.high - part.value])
        ax.errorbar(100 * part.value, spots, xerr=np.maximum(reach, 0), fmt="o", color=colours[k], capsize=2, label=group)
    if zero:
        ax.axvline(0, color="grey", linewidth=1)
    ax.set_yticks(range(len(labels)), labels)
    ax.invert_yaxis()
    ax.set_xlabel("difference (points), 95 % interval" if zero else INTERVAL_LABEL)
    if hue:
        ax.legend(frameon=False, fontsize="small")
    sns.despine(ax=ax)
    return ax


def lines(table, x, hue, ax=None, log=False):
    """Draw accuracy against a number (N, tokens, seconds), one line with intervals for each value of `hue`."""
    ax = ax or plt.subplots(figsize=(6.4, 3.6))[1]
    groups = list(dict.fromkeys(table[hue]))
    for colour, marker, group in zip(sns.color_palette(PALETTE, len(groups)), "osD^vP*X<>hd" * 4, groups):
        part = table[table[hue] == group].sort_values(x)
        reach = 100 * np.array([part.value - part.low, part.high - part.value])
        ax.errorbar(part[x], 100 * part.value, yerr=np.maximum(reach, 0), fmt=f"{marker}-", color=colour, capsize=2, label=group)
    if log:
        ax.set_xscale("log")
    ax.set(xlabel=x, ylabel=INTERVAL_LABEL)
    ax.legend(frameon=False, fontsize="small")
    sns.despine(ax=ax)
    return ax


def first_break(table, ax=None):
    """Draw, for each label of the index, the shares (0..1) of answers whose chain first breaks at each of BREAKS."""
    ax = ax or plt.subplots(figsize=(6.4, 1.1 + 0.32 * len(table)))[1]
    table[list(BREAKS)].mul(100).plot.barh(stacked=True, ax=ax, color=sns.color_palette(PALETTE, len(BREAKS)), width=0.7)
    ax.invert_yaxis()
    ax.set(xlabel="answers (%)", ylabel="")
    ax.legend(title="the chain first breaks at", frameon=False, fontsize="small", ncol=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    sns.despine(ax=ax)
    return ax


def save(ax, folder, name):
    """Write the figure of `ax` as SVG and PNG into `folder`; return the two paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.{kind}" for kind in ("svg", "png")]
    for path in paths:
        ax.figure.savefig(path, bbox_inches="tight", dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
    return paths
