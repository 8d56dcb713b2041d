"""The two sentences with which an audit ends: is the chain used, and is a search with this judge worth its cost?

    chain_verdict(reading.metrics)          # "**It hardly uses its chain.** ..."
    judge_verdict(answers, stages, gains, 0.02)     # "**Not worth it.** ..."

A sentence decides only what its whole 95 % interval allows.
"""

from collections.abc import Mapping

import pandas as pd

from o1lib.analysis.audits.gain import STAGE_BEAM
from o1lib.analysis.audits.spread import JudgeSpread

LITTLE, MOST = 0.2, 0.5  # of all answers: less is hardly any, more is the majority
WORTH, NOT_WORTH, UNDECIDED = "Worth it", "Not worth it", "Undecided"
EFFECT, PICTURE, STATED = "swap/indirect_effect", "swap/direct_effect", "corrupted/follows"
EARLIER = "corrupted/earlier_changes"


def chain_verdict(metrics: Mapping[str, Mapping]) -> str:
    """Return in words whether a model's answers follow its chain (Markdown).

    It goes by the indirect effect of the chain, or where no chains could be swapped, by how often a corrupted last step
    is followed. A chain of which mostly the stated answer counts is named as such: an error in an earlier step then
    changes less than every second answer.
    """
    effect, stated = metrics.get(EFFECT), metrics.get(STATED)
    if not (effect or stated):
        return f"**{UNDECIDED}.** Neither could chains be swapped, nor did a last step state an answer to corrupt."
    cell = effect or stated
    if cell["high"] <= LITTLE:
        start = "It hardly uses its chain"
    elif cell["low"] >= MOST:
        ends = metrics.get(EARLIER, {"high": 1})["high"] <= MOST
        start = "It uses its chain" + ", mostly the answer with which it ends" * ends
    elif cell["low"] > (0 if effect else LITTLE):
        start = "It uses its chain in part"
    else:
        start = UNDECIDED
    return " ".join([f"**{start}.**", *_chain_parts(metrics, effect, stated)])


def _chain_parts(metrics, effect, stated):
    picture, parts = metrics.get(PICTURE), []
    if effect:
        parts.append(
            f"With the chain of another picture instead of its own, {points(effect)} of 100 answers are lost "
            f"({effect['n']} pairs)."
        )
    if effect and picture:
        parts.append(f"With another picture and its own chain, {points(picture)} are.")
    if stated:
        parts.append(
            f"An answer falsified in the last step is repeated in {points(stated)} of 100 ({stated['n']} questions)."
        )
    if earlier := metrics.get(EARLIER):
        parts.append(f"An error in an earlier step changes {points(earlier)} of 100 ({earlier['n']} questions).")
    return parts


def points(cell: Mapping, digits: int = 0) -> str:
    """Return a share or a difference of shares in percent, with its interval."""
    value, low, high = (f"{round(100 * cell[name], digits) + 0.0:.{digits}f}" for name in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def unmixed_verdict(most: Mapping, least: float) -> str:
    """Return the sentence for questions of which none got both right and wrong answers (Markdown).

    `most` is what a perfect judge gains by the searches that it names (`o1lib.analysis.audits.gain.largest_gain`). Few
    such questions decide nothing.
    """
    some, high = most["n"], f"{100 * most['high']:.1f} points"
    none = f"None of {some} question{'s' * (some > 1)} got both right and wrong answers"
    if most["high"] < least:
        return f"**{NOT_WORTH}.** {none}: by {most['search']}, even a perfect judge gains less than {high}."
    gain = f"By {most['search']}, a perfect judge could still gain up to {high}"
    return f"**{UNDECIDED}.** {none}. {gain}; more questions would decide."


def judge_verdict(answers: JudgeSpread, stages: JudgeSpread | None, gains: pd.DataFrame, least: float) -> str:
    """Return in one sentence whether a search with this judge is worth its cost (Markdown).

    It is worth it if a search's gain surely lies at or above `least`, with allowance for the number of searches that
    were tried: the cheapest such search is named. It is not if the intervals of all searches lie below; otherwise
    nothing is decided. `answers` and `stages` are the judge's accuracies.
    """
    enough, best, wanted = gains[gains.sure >= least], gains.loc[gains.value.idxmax()], f"{100 * least:g} points"
    if len(enough):
        best = enough.loc[enough.times.idxmin()]
    gain = f"{points(best, 1)} points at {best.times:.1f} times the tokens of one answer"
    if len(enough):
        start, end = WORTH, f"{best.search} is expected to gain {gain}"
    elif (gains.high < least).all():
        start, end = NOT_WORTH, f"no search is expected to gain {wanted}; the best, {best.search}, gains {gain}"
    else:
        start, end = UNDECIDED, f"the best search, {best.search}, is expected to gain {gain}"
        end += f"; more questions would decide whether it reaches {wanted}"
    staged = stages is not None and best.method == STAGE_BEAM
    spread, what = (stages, "stages") if staged else (answers, "whole answers")
    judge = f"This judge is right in {points(spread.right)} % of {spread.right['n']} pairs of {what}, a coin in 50 %"
    return f"**{start}.** {judge}: {end}.{_unread(answers)}"


def _unread(answers):
    share = answers.unread["value"]
    if not share:
        return ""
    return f" {100 * share:.0f} % of its verdicts could not be read; the judge `preference` needs no words."
