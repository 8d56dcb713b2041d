"""The two sentences with which an audit ends: is the chain used, and is a search with this judge worth its cost?

    chain_verdict(reading.metrics)          # "**It hardly uses its chain.** ..."
    judge_verdict(answers, gains, 0.02)     # "**Not worth it.** ..."

A sentence decides only what its whole 95 % interval allows.
"""

from collections.abc import Mapping

import pandas as pd

from o1lib.analysis.audits.spread import JudgeSpread

LITTLE, MOST = 0.2, 0.5  # of all answers: less is hardly any, more is the majority
WORTH, NOT_WORTH, UNDECIDED = "Worth it", "Not worth it", "Undecided"
EFFECT, PICTURE, STATED = "swap/indirect_effect", "swap/direct_effect", "corrupted/follows"


def chain_verdict(metrics: Mapping[str, Mapping]) -> str:
    """Return in words whether a model's answers follow its chain (Markdown).

    It goes by the indirect effect of the chain, or where no chains could be swapped, by how often a corrupted last step
    is followed.
    """
    effect, stated = metrics.get(EFFECT), metrics.get(STATED)
    if not (effect or stated):
        return f"**{UNDECIDED}.** Neither could chains be swapped, nor did a last step state an answer to corrupt."
    cell = effect or stated
    if cell["high"] <= LITTLE:
        start = "It hardly uses its chain"
    elif cell["low"] >= MOST:
        start = "It uses its chain"
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
        parts.append(f"An answer falsified in the last step is repeated in {points(stated)} of 100 ({stated['n']}).")
    return parts


def points(cell: Mapping) -> str:
    """Return a share or a difference of shares in percent, with its interval."""
    return f"{100 * cell['value']:.0f} [{100 * cell['low']:.0f}, {100 * cell['high']:.0f}]"


def judge_verdict(answers: JudgeSpread | None, gains: pd.DataFrame | None, least: float) -> str:
    """Return in one sentence whether a search with this judge is worth its cost (Markdown).

    It is worth it if the interval of a search's gain lies at or above `least`: the cheapest such search is named. It is
    not if the intervals of all searches lie below; otherwise nothing is decided. Without `answers` no two candidates of
    a question differ in being right.
    """
    if answers is None or gains is None:
        return (
            f"**{NOT_WORTH}.** No question got both right and wrong answers, so no judge can gain anything on these "
            "questions."
        )
    enough, best = gains[gains.low >= least], gains.loc[gains.value.idxmax()]
    if len(enough):
        best, start, what = enough.loc[enough.times.idxmin()], WORTH, "is expected to gain"
    elif (gains.high < least).all():
        start, what = NOT_WORTH, "the best of the searches, is expected to gain only"
    else:
        start, what = UNDECIDED, "the best of the searches, is expected to gain"
    judge = f"This judge is right in {points(answers.right)} % of {answers.right['n']} pairs, a coin in 50 %"
    comma = "" if start == WORTH else ","
    ending = f"; more questions would decide whether it reaches {100 * least:g}" if start == UNDECIDED else ""
    return (
        f"**{start}.** {judge}: {best.search}{comma} {what} {points(best)} points, at {best.times:.1f} times the "
        f"tokens of one answer{ending}.{_unread(answers)}"
    )


def _unread(answers):
    share = answers.unread["value"]
    if not share:
        return ""
    return f" {100 * share:.0f} % of its verdicts name no response, so they count as it settles them: mostly by a coin."
