"""The page of an audit: one HTML file that needs no other file, with both sentences, figures, tables and anchors.

page = audit_page("my-model", reading, judged, "the model itself", n)
"""

import io
from importlib import resources

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from PIL import Image

from o1lib.analysis.audits.gain import STAGE_BEAM
from o1lib.analysis.audits.words import points
from o1lib.analysis.plots import points as dots
from o1lib.data.images import as_rgb
from o1lib.evaluation.audits.chains import ChainReading
from o1lib.evaluation.probes.page import MEANINGS
from o1lib.evaluation.probes.suite import PROBES
from o1lib.records.html import png_url, render
from o1lib.study.audit import JudgeAudit, chain_sentence

SHOWN = {  # metric: what it says, in the order of the page
    "swap/indirect_effect": "lost with another picture's chain, own picture",
    "swap/direct_effect": "lost with another picture, own chain",
    "swap/follows_chain": "gives the answer of the other chain",
    "swap_caption/indirect_effect": "lost with another picture's caption, own picture",
    "early/area": "area over the curve: 0 if no step matters",
    "early/same_without": "same answer without any step",
    "corrupted/follows": "repeats an answer falsified in the last step",
    "corrupted/earlier_changes": "changes after an error in an earlier step",
    "filler/filler_costs": "lost with filler in the chain's place",
    "no_picture/told": "same answer from question and caption, no picture",
    "masked/mask_costs": "lost with the picture masked after the caption",
}
JUDGED = {
    "right": "prefers the better one (a tie counts one half)",
    "decided": "prefers the better one, ties left out",
    "tie": "ties, which a coin settles",
    "unread": "verdicts that name no response",
    "bias": "chooses the response shown first, minus one half",
}


def anchors() -> pd.DataFrame:
    """Return the published numbers that are shown next to an audit's: metric, value, who, source, url, read."""
    with resources.files("o1lib.analysis.audits").joinpath("anchors.csv").open(encoding="utf8") as file:
        return pd.read_csv(file)


def chain_table(reading: ChainReading) -> list[dict]:
    """Return the rows of the chain reading: what was measured, value with interval in percent, n, published anchors."""
    return [
        {"what": what, "value": points(cell), "n": cell["n"], "anchors": _beside(name)}
        for name, what in SHOWN.items()
        if (cell := reading.metrics.get(name))
    ]


def judge_table(judged: JudgeAudit) -> list[dict]:
    """Return the rows of the judge's value: on whole answers and on stages, in percent; bias in points."""
    rows = []
    for on, spread in (("whole answers", judged.answers), ("stages", judged.stages)):
        for name, what in JUDGED.items() if spread else ():
            if cell := getattr(spread, name):
                near = _beside("judge/right") if name == "right" and on == "whole answers" else []
                rows.append({"on": on, "what": what, "value": points(cell), "n": cell["n"], "anchors": near})
    return rows


def _beside(name):
    found = anchors()
    return found[found.metric == name].to_dict("records")


def gain_table(judged: JudgeAudit) -> list[dict]:
    """Return the rows of the expected gains, in points of right answers."""
    if judged.gains is None:
        return []
    return [
        {
            "search": row["search"],
            "gain": points(row, 1),
            "most": f"{100 * row['most']:.1f}",
            "tokens": f"{row['tokens']:,.0f}",
            "times": f"{row['times']:.1f}",
        }
        for row in judged.gains.to_dict("records")
    ]


def every_metric(reading: ChainReading) -> list[dict]:
    """Return all metrics of the suite in words, "right" being the model's own free answer."""
    rows = []
    for name, cell in reading.metrics.items():
        probe, _, what = name.partition("/")
        if probe in PROBES:
            meaning = MEANINGS[probe].get(what, "no readable answer").replace("right", "as by itself")
            rows.append({"probe": PROBES[probe].label, "what": meaning, "value": points(cell), "n": cell["n"]})
    return rows


def audit_page(model: str, reading: ChainReading, judged: JudgeAudit, judge: str, about: str = "") -> str:
    """Return the page. `judge` is the label of the judge, `about` says what was asked, in a paragraph for each line."""
    return render(
        "study/audit.html.j2",
        model=model,
        about=about.splitlines(),
        judge=judge,
        chain=_bold(chain_sentence(reading)),
        worth=_bold(judged.sentence),
        facts=reading.facts,
        accuracy=points(reading.accuracy) if reading.accuracy else "",
        chain_rows=chain_table(reading),
        chain_figure=png_url(as_picture(chain_figure(reading))) if reading.metrics else "",
        missing=[f"{PROBES[name].label}: {why}" for name, why in reading.missing.items()],
        every=every_metric(reading),
        judged=judged,
        judge_rows=judge_table(judged),
        gain_rows=gain_table(judged),
        gain_figure=png_url(as_picture(gain_figure(judged))) if judged.gains is not None else "",
        curve_figure=png_url(as_picture(curve_figure(judged))) if _staged(judged) else "",
    )


def _staged(judged: JudgeAudit) -> bool:
    """Return whether a stage beam has an expected gain, which is read off the curve."""
    return judged.gains is not None and (judged.gains.method == STAGE_BEAM).any()


def _bold(sentence: str) -> tuple[str, str]:
    """Return the bold start of a sentence in Markdown and its rest."""
    start, _, rest = sentence.removeprefix("**").partition("**")
    return (start, rest.strip()) if sentence.startswith("**") else ("", sentence)


def chain_figure(reading: ChainReading):
    """Return the Axes of the shares and effects of the chain reading with their intervals."""
    lines = [{"what": what} | dict(reading.metrics[name]) for name, what in SHOWN.items() if name in reading.metrics]
    return dots(pd.DataFrame(lines), "what", zero=True, label="of 100 answers, 95 % interval", width=4.6)


def gain_figure(judged: JudgeAudit):
    """Return the Axes of the expected gains with their intervals."""
    table = judged.gains.assign(n=judged.answers.right["n"])
    return dots(table, "search", zero=True, label="expected gain (points), 95 % interval", width=4.6)


def curve_figure(judged: JudgeAudit):
    """Return the Axes of the measured gain of a judge, with the interval of this judge's accuracy as a band."""
    curve, spread = judged.curve, judged.stages or judged.answers
    ax = plt.subplots(figsize=(5.2, 3.4))[1]
    low, high = np.percentile(curve.drawn, (2.5, 97.5), axis=0)
    ax.fill_between(100 * curve.levels, 100 * low, 100 * high, color="tab:blue", alpha=0.15, linewidth=0)
    ax.plot(100 * curve.levels, 100 * curve.values, "-", color="tab:blue")
    ax.plot(100 * curve.points.p, 100 * curve.points.value, "o", color="tab:blue", label="measured in the study")
    ax.axvspan(100 * spread.right["low"], 100 * spread.right["high"], color="tab:orange", alpha=0.25, linewidth=0)
    ax.axvline(100 * spread.right["value"], color="tab:orange", label="this judge, 95 % interval")
    ax.axhline(0, color="grey", linewidth=1)
    ax.set(xlabel="prefers the better of two (%)", ylabel="won of an oracle's gain (%)")
    ax.legend(frameon=False, fontsize="small", loc="upper left")
    return ax


def as_picture(ax) -> Image.Image:
    """Return the figure of an Axes as a picture, and close it."""
    data = io.BytesIO()
    ax.figure.savefig(data, format="png", dpi=110, bbox_inches="tight")
    plt.close(ax.figure)
    return as_rgb(data.getvalue())
