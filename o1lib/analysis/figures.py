"""The figures of the reports: each is drawn from a table, titled with what the table shows, and saved by its report.

    figures.first_breaks(report, "first_break", {"structured": "structured.sample"})
    figures.claims(report, "main_claims", lines)

Every function returns the picture that a notebook shows, as `o1lib.analysis.report.Report.figure` does. `rows` maps
labels to ids of rows.
"""

import matplotlib.pyplot as plt
import numpy as np

from o1lib.analysis.breakdowns import BLINDLY
from o1lib.analysis.chance_lines import chance_in
from o1lib.analysis.claims.brief import counted
from o1lib.analysis.claims.page import difference_claims
from o1lib.analysis.curves import curve_panels, judge_panels
from o1lib.analysis.depth_bins import ordered
from o1lib.analysis.depth_gains import NOT_SCORED, title_of_gains
from o1lib.analysis.findings import breaks, differences, letters, plain, spending
from o1lib.analysis.plots import DIFFERENCE, axis_of, panels, points, with_n
from o1lib.analysis.shared_seeds import of_seeds
from o1lib.analysis.tables import pooled
from o1lib.records.html import markdown

LETTER = "its option's letter"  # of the questions of every form, the one about a chain's letter
FEWEST = 30  # questions of a part that is drawn
MOST = 12  # claims that are drawn with their statements; more are drawn by their ids
NOT_RUN = "Not run"
SHARE = "answers (%), 95 % interval"


def forms(report, name, shares, rows):
    """Draw accuracy by form of question, and how often a chain gives the letter of the option that it states.

    `shares` is the table of `metrics_from_predictions` with the metrics FORMS.
    """
    blindly = shares.loc[shares.metric == BLINDLY, "value"].mean()
    drawn = shares[(shares.metric != BLINDLY) & shares.label.isin(rows)]
    chance = chance_in(drawn) | {LETTER: blindly}
    ax = panels(drawn, "label", "metric", list(rows), columns=2, chance=chance)
    return report.figure(name, ax, letters(drawn[drawn.metric == LETTER], blindly))


def effects(report, name, found):
    """Draw the parts of a table of `o1lib.analysis.breakdowns.effects` that have enough questions."""
    enough = found[found.n >= FEWEST].dropna(subset="value")
    return report.figure(name, points(with_n(enough, "part"), "part", zero=True), differences(enough, "part"))


def depths(report, name, found, told):
    """Draw accuracy by number of steps, if mini-Depth was run; the first of the sentences `told` is the title."""
    if not len(found):
        return markdown("*mini-Depth: not run.*")
    return report.figure(name, _over_steps(found, "label", "kind"), plain(told[0]))


def gains(report, name, found):
    """Draw the table of `gains_by_depth`, a panel for each kind of steps and a curve for each base, if there is any."""
    if not len(found):
        return markdown(f"*{NOT_SCORED}*")
    drawn, several = found.assign(tasks=found.kind + " steps"), found.base.nunique() > 1
    first = _over_steps(drawn, "tasks", "base" if several else None, score=DIFFERENCE)
    for ax in first.figure.axes:
        ax.axhline(0, color="grey", linewidth=1, zorder=0)
    return report.figure(name, first, title_of_gains(found))


def _over_steps(found, by, hue, **options):
    """Draw `curve_panels` over the groups of depths that occur, equally far apart; return the first Axes."""
    names = ordered(found.depth)
    places = found.assign(place=[names.index(name) for name in found.depth])
    first = curve_panels(places, "place", by, hue, label="steps", **options)
    for ax in first.figure.axes:
        ax.set_xticks(range(len(names)), names)
    return first


def learning(report, name, seen, told, arm="structured"):
    """Draw the table of `validation_curve`; of the sentences `told`, the one on `arm` is the title."""
    if not len(seen):
        return markdown(f"*{told[0]}*")
    ax = curve_panels(seen[seen.seed.isna()], "examples", "label", label="examples seen")
    return report.figure(name, ax, _about(told, arm))


def first_breaks(report, name, rows):
    """Draw the share of answers whose chain first breaks at each stage, or nowhere."""
    places = {f"at the {stage}": f"first_break/{stage}" for stage in ("caption", "reasoning", "conclusion")}
    cells = report.cells(rows, places | {"nowhere": "first_break/none"})
    return report.figure(name, panels(cells, "label", "metric", list(rows), 2, SHARE), breaks(cells, places))


def by_candidates(report, name, found, told):
    """Draw the table of `scaling_table` against the number of candidates N."""
    ax = curve_panels(found, "N", "method", label="candidates N", score=axis_of(report.metric))
    return report.figure(name, ax, told)


def by_tokens(report, name, found, told=""):
    """Draw the table of `scaling_table` against the tokens of a question; without `told` the title says their cost."""
    ax = curve_panels(
        found, "tokens", "method", log=True, label="tokens processed a question", score=axis_of(report.metric)
    )
    return report.figure(name, ax, told or spending(found))


def judges(report, name, judged, told, arm="the model itself"):
    """Draw the table of `judge_values` beside one sample of the same seeds.

    Of the sentences `told`, the one on `arm` is the title.
    """
    seeds = judged.pooled.iloc[0] if len(judged) else ""
    one = pooled(of_seeds(report.rows.get("structured.sample", []), seeds), report.metric)
    return report.figure(name, judge_panels(judged, one, score=axis_of(report.metric)), _about(told, arm))


def claims(report, name, lines):
    """Draw the measured differences of claims: a few with their statements, many by their ids in three columns."""
    found = difference_claims(lines)
    ids = {told.partition(":")[0] for told in found.claim}
    if not ids:
        return markdown("*No claim about a difference was tested.*")
    if len(found) > MOST:
        ax = _in_columns(found.assign(claim=found.claim.str.partition(":")[0]))
    else:
        ax = points(with_n(found, "claim"), "claim", "verdict", zero=True, width=4.2)
    drawn = [line for line in lines if line["id"] in ids]
    _cut([one for one in ax.figure.axes if one.axison], found)
    return report.figure(name, ax, f"Of {len(drawn)} claims with a measured difference, {counted(drawn)}")


def _in_columns(found, columns=3):
    """Draw the lines of a table of `difference_claims` in columns that share the axis of differences."""
    parts = [found.iloc[places] for places in np.array_split(np.arange(len(found)), columns)]
    size = (8.6, 1.3 + 0.24 * len(parts[0]))
    figure, axes = plt.subplots(1, columns, figsize=size, sharex=True, layout="constrained")
    shown = {}
    for ax, part in zip(axes, parts, strict=True):
        points(part, "claim", "verdict", ax=ax, zero=True)
        handles, names = ax.get_legend_handles_labels()
        shown |= dict(zip(names, handles, strict=True))
        ax.get_legend().remove()
        ax.tick_params(labelsize="small")
        ax.set_xlabel("")
        ax.title.set_fontsize("x-small")
    figure.legend(
        shown.values(), shown.keys(), loc="outside upper right", ncols=len(shown), frameon=False, fontsize="small"
    )
    figure.supxlabel(DIFFERENCE, fontsize="medium")
    return axes[0]


def _cut(axes, table, most=2):
    """Narrow the axis of `points` of differences so that a few wide intervals do not hide the others.

    `axes` hold the lines of `table` in order. The axis ends at `most` times the median reach of an interval, but beyond
    every value. An interval that goes on has an arrow at the edge.
    """
    ends = np.maximum(table.low.abs(), table.high.abs())
    reach = 105 * max(table.value.abs().max(), min(ends.max(), most * ends.median()))
    place = 0
    for ax in axes:
        count = len(ax.get_yticks())
        for spot, line in enumerate(table.iloc[place : place + count].itertuples()):
            for edge, beyond, marker in ((-reach, -line.low, "<"), (reach, line.high, ">")):
                if 100 * beyond > reach:
                    ax.plot(edge, spot, marker=marker, color="black", markersize=5, clip_on=False, label="_nolegend_")
        ax.set_xlim(-reach, reach)
        place += count


def _about(told, arm):
    """Return as a title the sentence on an arm, NOT_RUN where there is none."""
    return next((plain(sentence) for sentence in told if sentence.startswith(f"**{arm}**")), NOT_RUN)
