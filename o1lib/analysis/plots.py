"""Draw the figures of the study: functions take a long-form table and return matplotlib Axes.

Every figure shows its intervals and its n. Groups differ in marker and in color, from seaborn's palette for
color-blind readers. A difference that decides nothing is gray. All drawn values are in the table, so that a figure can
be redrawn from published records alone.

Example:
    >>> import pandas as pd
    >>> table = pd.DataFrame({"arm": ["direct"], "value": [0.5], "low": [0.4], "high": [0.6], "n": [90]})
    >>> points(table, "arm").get_xlabel()
    'accuracy (%), 95 % interval'
"""

import math
import re
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from o1lib.analysis.findings import undecided
from o1lib.analysis.tables import NOT_RUN
from o1lib.scoring.chance_level import HEADLINE

PALETTE, MARKERS = "colorblind", "osD^vP*X<>hd"
ACCURACY, DIFFERENCE = "accuracy (%), 95 % interval", "difference (points), 95 % interval"
SCORE = "headline score (%), 95 % interval"  # accuracies corrected for chance; it can be negative
GRAY = "0.6"  # of what decides nothing
_WIDTH, _LINE = 6.4, 0.34  # inches: the width of a figure, the height of one line
_PER_INCH = 11  # characters of a title in an inch of a figure


def error_bars(part):
    """Return the two lengths of each error bar in percent, shape (2, lines), never negative."""
    return np.maximum(100 * np.array([part.value - part.low, part.high - part.value]), 0)


def axis_of(metric):
    """Return the label of the axis of a metric of all sets."""
    return SCORE if metric == HEADLINE else ACCURACY


def groups(table, name):
    """Yield (shift, lines, style) of each group of column `name`, in the table's order; None is one group of all lines.

    A category of a categorical column has the same style whichever categories occur in the table.
    """
    names = [None] if name is None else list(dict.fromkeys(table[name]))
    if name and isinstance(table[name].dtype, pd.CategoricalDtype):
        names = list(table[name].cat.categories)
    colors = sns.color_palette(PALETTE, len(names))
    for place, group in enumerate(names):
        if name and not (table[name] == group).any():
            continue
        style = {"color": colors[place], "marker": MARKERS[place % len(MARKERS)], "capsize": 2, "label": group}
        shift = (place - (len(names) - 1) / 2) * 0.8 / max(4, len(names))
        yield shift, table[table[name] == group] if name else table, style


def sample_sizes(table):
    """Return the number of questions and seeds as 'n = 90, 2 seeds', with ranges; one seed is not mentioned."""
    if not len(table):
        return NOT_RUN
    few, many = int(table.n.min()), int(table.n.max())
    fewest, most = (int(table.seeds.min()), int(table.seeds.max())) if "seeds" in table else (1, 1)
    seeds = f", {f'{fewest} to ' if fewest < most else ''}{most} seeds" if most > 1 else ""
    return f"n = {few}" + (f" to {many}" if many > few else "") + seeds


def with_n(table, y):
    """Return the table with each line's n after its name in column `y`, for figures whose lines differ in n."""
    return table.assign(**{y: [f"{name}, n = {n:.0f}" for name, n in zip(table[y], table.n, strict=True)]})


def legend(ax, **options):
    """Draw the legend of an Axes to its right; `options` are those of `Axes.legend`."""
    ax.legend(**({"frameon": False, "fontsize": "small", "loc": "upper left", "bbox_to_anchor": (1, 1)} | options))


def _marked(order, there):
    return [name if name in set(there) else f"{name} ({NOT_RUN})" for name in order]


def _by_decision(part, style):
    """Return (lines, style) of the lines of a group that decide something, and in gray of the others."""
    gray = undecided(part)
    parts = [(part[~gray], style), (part[gray], style | {"color": GRAY})]
    first, *rest = [(lines, look) for lines, look in parts if len(lines)] or parts[:1]
    return [first, *((lines, look | {"label": "_nolegend_"}) for lines, look in rest)]


def points(table, y, hue=None, ax=None, zero=False, label="", order=None, width=_WIDTH):
    """Draw each line of `table` as a point with a horizontal interval; return the Axes.

    `table` has columns value, low, high (fractions, or differences of fractions), n, and those named by `y` and `hue`.
    `zero` draws the line of no difference, and what decides nothing in gray. `label` is the name of the x axis. `order`
    lists the values of `y`; one that is not in the table has an empty line. `width` is in inches, without names and
    legend.
    """
    order = list(order or dict.fromkeys(table[y]))
    several = table[y].duplicated().any()
    tall = _LINE * sum(1 + 0.3 * str(name).count("\n") for name in order)  # names may be wrapped
    ax = ax or plt.subplots(figsize=(width, 1 + tall * (1.6 if several else 1)))[1]
    for shift, part, style in groups(table, hue):
        for shown, look in _by_decision(part, style) if zero else [(part, style)]:
            spots = [order.index(name) + shift * several for name in shown[y]]
            ax.errorbar(100 * shown.value, spots, xerr=error_bars(shown), ls="none", **look)
    if zero:
        ax.axvline(0, color="grey", linewidth=1)
    wrapped = any("\n" in str(name) for name in order)
    ax.set_yticks(range(len(order)), _marked(order, table[y]), fontsize="small" if wrapped else "medium")
    ax.set_ylim(max(len(order), 1) - 0.5, -0.5)
    ax.set_xlabel(label or (DIFFERENCE if zero else ACCURACY))
    ax.set_title(sample_sizes(table), fontsize="small", loc="right")
    if hue and len(table):
        legend(ax)
    sns.despine(ax=ax)
    return ax


def panels(table, y, by, order=None, columns=3, label="", chance=None):
    """Draw `points` in one panel for each value of `by`, with the same lines `y`; return the first Axes.

    `chance` maps values of `by` to their chance level (a fraction), which is drawn as a dotted line.
    """
    names, order = list(dict.fromkeys(table[by])), list(order or dict.fromkeys(table[y]))
    columns = max(1, min(columns, len(names)))
    rows = math.ceil(max(1, len(names)) / columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(1.8 + 2.1 * columns, 0.4 + rows * (0.7 + _LINE * len(order))),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for ax, name in zip(axes.flat, names, strict=False):
        part = table[table[by] == name]
        points(part, y, ax=ax, order=order).set(xlabel="", title="")
        if name in (chance or {}):
            ax.axvline(100 * chance[name], color="grey", linewidth=1, linestyle=":")
        above = 1 + 0.15 / (_LINE * len(order))  # above the n
        ax.set_title(name, fontsize="medium", loc="left", y=above)
        ax.set_title(sample_sizes(part), fontsize="x-small", loc="right", color="dimgrey")
    for ax in axes.flat[len(names) :]:
        ax.set_axis_off()
    if not names:
        axes.flat[0].set_title(NOT_RUN)
    for ax in axes.flat[max(0, len(names) - columns) : len(names)]:
        ax.tick_params(labelbottom=True)
    axes.flat[0].set_yticks(range(len(order)), _marked(order, table[y]))
    figure.supxlabel(label or ACCURACY, fontsize="medium")
    return axes.flat[0]


def log_axis(ax, at=(1, 2, 5)):
    """Make the x axis logarithmic, with labels at these multiples of powers of ten."""
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=at))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))


def curves(table, x, hue, ax=None, log=False, label="", score=ACCURACY):
    """Draw accuracy against column `x` (N, tokens, seconds), a curve with intervals for each value of `hue`.

    `label` and `score` are the names of the axes. With `log` the x axis is logarithmic. Without it, groups are shifted
    a little along x, so that their intervals do not overlap. Returns the Axes.
    """
    ax = ax or plt.subplots(figsize=(_WIDTH, 3.6))[1]
    for shift, part, style in groups(table, hue):
        part = part.sort_values(x)
        ax.errorbar(part[x] + (0 if log else 0.6 * shift), 100 * part.value, yerr=error_bars(part), ls="-", **style)
    if log and len(table):
        log_axis(ax)
    elif len(table):
        ax.set_xticks(sorted(set(table[x])))
    ax.set(xlabel=label or x, ylabel=score)
    ax.set_title(sample_sizes(table), fontsize="small", loc="right")
    if len(table):
        legend(ax)
    sns.despine(ax=ax)
    return ax


def wrapped(title, inches):
    """Return a title in lines that fit a width; a number stays with its "%", and an interval stays whole."""
    together = re.sub(r"(?<=\d) (?=%)|(?<=,) (?=[-+]?[\d.]+])", "\N{NO-BREAK SPACE}", title)
    return fill(together, int(_PER_INCH * inches), break_on_hyphens=False)


def _write_around(figure, mark, title):
    """Write `title` above and `mark` into the lower left corner of the drawing, which can extend beyond the figure."""
    drawn, (wide, high) = figure.get_tightbbox(), figure.get_size_inches()
    if mark:
        look = {"fontsize": "small", "fontstyle": "italic", "color": "firebrick", "va": "bottom"}
        figure.text(drawn.x0 / wide + 0.005, drawn.y0 / high + 0.005, mark, **look)
    if title:
        told = wrapped(title, drawn.width)
        figure.text(drawn.x0 / wide, (drawn.y1 + 0.08) / high, told, va="bottom", fontweight="bold")


def save(ax, folder, name, mark="", title=""):
    """Write the figure of `ax` as SVG and PNG into `folder`; return both paths. Equal figures give equal bytes.

    `mark` is a word for the corner of the figure, such as "pilot". `title` says what the figure shows; it is wrapped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths, figure = [folder / f"{name}.{kind}" for kind in ("svg", "png")], ax.figure
    laid_out = figure.get_layout_engine() is not None
    if laid_out:  # lay out once instead of for every file, because it takes most of the time
        if title:
            told = wrapped(title, figure.get_size_inches()[0])
            figure.suptitle(told, x=0.01, ha="left", fontsize="medium", fontweight="bold")
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
    if mark or (title and not laid_out):
        _write_around(figure, mark, "" if laid_out else title)
    with plt.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        for path in paths:
            undated = {"Date": None} if path.suffix == ".svg" else None
            figure.savefig(path, bbox_inches=None if laid_out else "tight", dpi=150, metadata=undated)
    return paths


def learning_curve(log, ax=None):
    """Draw a training log against the number of examples seen; return the left Axes.

    The log is a list of dicts: some have `examples` and `loss`, others `examples` and shares such as `answers`. The
    loss is on the left axis, and shares, if there are any, are on the right axis in percent.
    """
    ax = ax or plt.subplots(figsize=(6.4, 3.2))[1]
    losses = [(line["examples"], float(line["loss"])) for line in log if "loss" in line]
    shares = [line for line in log if "loss" not in line and "examples" in line]
    ax.plot(*zip(*losses, strict=True), color="grey", label="loss")
    ax.set(xlabel="examples seen", ylabel="loss a token")
    logged = dict.fromkeys(name for line in shares for name, value in line.items() if not isinstance(value, dict))
    names = [name for name in logged if name not in ("step", "examples") and not name.endswith("asked")]
    right = ax.twinx() if names else ax
    for color, name in zip(sns.color_palette(PALETTE, len(names)), names, strict=True):
        own = [p for p in shares if name in p]
        right.plot([p["examples"] for p in own], [100 * p[name] for p in own], "o-", color=color, label=name)
    if names:
        right.set(ylabel="share right (%)", ylim=(0, 100))
        right.legend(frameon=False, fontsize="small")
    sns.despine(ax=ax, right=not names)
    return ax
