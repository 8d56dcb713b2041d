"""At which share of deep questions would the sign of a difference between two arms turn?

A test set is a mixture of shallow and deep questions, and its authors choose the share w of deep ones. The difference
of two arms on it is (1 - w) S + w D, where S and D are their differences on shallow and on deep questions. If S and D
have opposite signs, the difference is zero at w = S / (S - D): below that share it has the sign of S, above it that
of D. A share is given only where the intervals of both exclude zero, because otherwise a sign may not turn at all.

    found = turning_share(one, other)            # answers of two arms: tables with seed, qid, depth and value
    found.summary("structured", "direct")
"""

from dataclasses import dataclass

import pandas as pd

from o1lib.analysis.stats import Interval, contrast
from o1lib.records import UserError

DEEP = 3  # mini-Depth's groups of depths are 1, 2, 3-4 and 5-8; a direct answer can take one or two steps at once


@dataclass(frozen=True)
class TurningShare:
    """The paired differences a - b on shallow and deep questions, and the share of deep ones with a mixture of zero.

    `share` is in 0..1. It is None where the signs agree or one of the intervals holds zero. `present` is the share of
    deep questions in the data.
    """

    shallow: Interval
    deep: Interval
    share: float | None
    present: float

    def summary(self, a: str, b: str) -> str:
        """Return one sentence with both differences and their intervals, and where the sign of a - b turns."""
        told = f"{a} − {b} is {_points(self.shallow)} on shallow and {_points(self.deep)} on deep questions"
        if self.share is not None:
            return f"{told}: the sign turns at {self.share:.0%} of deep questions (here {self.present:.0%} are deep)."
        if _sure(self.shallow) and _sure(self.deep):
            return f"{told}: no share of deep questions turns the sign."
        return f"{told}: an interval holds zero, so no share is given at which the sign would turn."


def turning_share(one: pd.DataFrame, other: pd.DataFrame, deep: int = DEEP) -> TurningShare:
    """Return where the sign of a - b turns, from the answers of both: columns seed, qid, depth and value.

    Questions of at least `deep` steps are deep. The questions of a group have equal weight. Raises UserError if there
    are not two shallow and two deep questions, and as `contrast` does.
    """
    depths = one.drop_duplicates("qid").depth
    if min((depths < deep).sum(), (depths >= deep).sum()) < 2:
        named = ", ".join(map(str, sorted(set(depths)))) or "none"
        raise UserError(f"depths {named}: score two questions or more both below and from {deep} steps on")
    shallow = contrast(one[one.depth < deep], other[other.depth < deep], "value")
    gain = contrast(one[one.depth >= deep], other[other.depth >= deep], "value")
    turns = _sure(shallow) and _sure(gain) and shallow.value * gain.value < 0
    share = shallow.value / (shallow.value - gain.value) if turns else None
    return TurningShare(shallow, gain, share, float((depths >= deep).mean()))


def _sure(found: Interval) -> bool:
    """Return whether an interval excludes zero."""
    return found.low > 0 or found.high < 0


def _points(found: Interval) -> str:
    low, high = 100 * found.low, 100 * found.high
    return f"{100 * found.value:+z.1f} points [{low:+z.1f}, {high:+z.1f}]"
