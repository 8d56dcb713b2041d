"""A judge's accuracy on pairs with a known better side, its ties and its position bias, with intervals and draws.

    found = judge_spread(lines)             # lines of `o1lib.evaluation.audits.candidates.ask_judge`
    found.right                             # {"value": 0.81, "n": 120, "low": 0.73, "high": 0.87}
    found.draws                             # accuracies that the lines allow, for intervals of what follows from them

A tie is settled by a coin, so it counts one half. The accuracy is 1/2 + d (a - 1/2), with d the share of pairs that the
judge decides and a its accuracy on these. Both are drawn from Jeffreys' posterior of a share (Brown, Cai and DasGupta
2001, doi:10.1214/ss/1009213286, section 3.1.3), with the numbers of pairs divided by the design effect of
several pairs of one question. So a judge that tied on every pair is close to a coin: it decides few others, and how it
would decide those is not known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from o1lib.analysis.judge_kinds import clustered_share, effective_size
from o1lib.scoring.intervals import metric

DRAWS = 4000
SIDES = (2.5, 97.5)  # percentiles of a 95 % interval


@dataclass(frozen=True)
class JudgeSpread:
    """What is known of a judge's accuracy: shares as metrics (None: not measured), draws, mean tokens of a verdict.

    `right` counts a tie one half; `decided` is the accuracy without ties. `bias` is the share of choices of the
    response shown first minus one half.
    """

    right: dict
    decided: dict | None
    tie: dict
    unread: dict
    bias: dict | None
    draws: np.ndarray
    tokens: float
    questions: int


def judge_spread(lines: Sequence[dict], seed: int = 0) -> JudgeSpread | None:
    """Return the accuracy of a judge from its lines, None without lines."""
    if not lines:
        return None
    table = pd.DataFrame(list(lines))
    table["hit"] = table.winner == table.better
    decided = table[~table.tie]
    found = clustered_share(decided.hit, decided.qid)
    tie = clustered_share(table.tie, table.qid)
    rng, half = np.random.default_rng(seed), 0.5
    share = _draws(rng, ~table.tie, table.qid)
    right = _draws(rng, decided.hit, decided.qid)
    draws = half + share * (right - half)
    value = half + (1 - tie["value"]) * ((found["value"] if found else half) - half)
    shown = table.explode("choices").dropna(subset="choices")
    bias = clustered_share(shown.choices == 1, shown.qid) if len(shown) else None
    return JudgeSpread(
        metric(value, len(table), *_around(value, draws)),
        found,
        tie,
        clustered_share(~table["read"].astype(bool), table.qid),
        bias and bias | {name: bias[name] - half for name in ("value", "low", "high")},
        draws,
        float(table.tokens.mean()),
        table.qid.nunique(),
    )


def _draws(rng, flags, questions) -> np.ndarray:
    """Return draws of the share of true flags; flags of one question count as fewer if they are alike."""
    flags = np.asarray(flags, dtype=bool)
    n, hits = len(flags), int(flags.sum())
    scale = effective_size(flags, questions) / n if n else 0.0
    return rng.beta(scale * hits + 0.5, scale * (n - hits) + 0.5, DRAWS)


def _around(value, draws) -> tuple[float, float]:
    """Return the 95 % interval of draws, which holds the value."""
    low, high = np.percentile(draws, SIDES)
    return min(value, float(low)), max(value, float(high))
