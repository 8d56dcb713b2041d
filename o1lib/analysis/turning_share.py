"""At which share of deep questions would the sign of a difference between two arms turn?

A test set is a mixture of shallow and deep questions, and its authors choose the share w of deep ones. The difference
of two arms on it is (1 - w) S + w D, where S and D are their differences on shallow and on deep questions. If S and D
have opposite signs, the difference is zero at w = S / (S - D): below that share it has the sign of S, above it that
of D.

    found = turning_share({1: (200, 0.80, 0.86), 4: (100, 0.55, 0.43)})
    round(found.share, 2)                        # 0.33: with more deep questions the first arm is ahead
"""

from collections.abc import Mapping
from dataclasses import dataclass

from o1lib.records import UserError

DEEP = 3  # mini-Depth's groups of depths are 1, 2, 3-4 and 5-8; a direct answer can take one or two steps at once


@dataclass(frozen=True)
class TurningShare:
    """The differences a - b on shallow and deep questions, and the share of deep ones at which their mixture is zero.

    `share` is in 0..1, and None if there is no such share: the signs agree, or one of the differences is zero.
    `present` is the share of deep questions in the data.
    """

    shallow: float
    deep: float
    share: float | None
    present: float

    def summary(self, a: str, b: str) -> str:
        """Return one sentence that says where the sign of a - b turns."""
        shallow, deep = 100 * self.shallow, 100 * self.deep
        told = f"{a} − {b} is {shallow:+z.1f} points on shallow and {deep:+z.1f} on deep questions"
        if self.share is None:
            return f"{told}: no share of deep questions turns the sign."
        return f"{told}: the sign turns at {self.share:.0%} of deep questions (here {self.present:.0%} are deep)."


def turning_share(cells: Mapping[int, tuple[int, float, float]], deep: int = DEEP) -> TurningShare:
    """Return where the sign of a - b turns, from {depth: (number of questions, accuracy of a, accuracy of b)}.

    Questions of at least `deep` steps are deep. The questions of a group have equal weight. Accuracies are shares,
    corrected for chance or not. Raises UserError if there are no shallow or no deep questions.
    """
    groups = [[cell for depth, cell in cells.items() if (depth >= deep) == side] for side in (False, True)]
    sizes = [sum(n for n, _, _ in group) for group in groups]
    if not all(sizes):
        depths = ", ".join(map(str, sorted(cells))) or "none"
        raise UserError(f"depths {depths} are not both below and from {deep} on: score questions of both kinds")
    shallow, gain = (sum(n * (a - b) for n, a, b in group) / size for group, size in zip(groups, sizes, strict=True))
    turns = shallow * gain < 0
    return TurningShare(shallow, gain, shallow / (shallow - gain) if turns else None, sizes[1] / sum(sizes))
