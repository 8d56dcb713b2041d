"""Margins within which a difference is called negligible, set so that a true zero is found.

    margin_for(sd=0.4, n=6000)                    # Margin(value=0.0168, needed=0.0168, power=0.8)
    planned_margin(variances(a, b), n=6000, seeds=8)

Two one-sided tests (Schuirmann 1987, https://doi.org/10.1007/BF01068419) call a difference negligible where its
interval lies within ±m. The 95 % interval of the verdicts makes each of the two a test at 2.5 %. If the true difference
is zero, and its estimate has the standard error e, estimated as S with f degrees of freedom, both reject with
probability

    E[ max(0, 2 Phi((m - t S) / e) - 1) ],   S = e sqrt(chi2_f / f),   t = t_f(0.975)

(the exact power of Shieh 2016, https://doi.org/10.1371/journal.pone.0162093, at a true difference of zero; for a known
standard error m = e (z_0.975 + z_(1 + power) / 2), Julious 2004, https://doi.org/10.1002/sim.1783). The margin is the
m at which this probability is the wanted one.
"""

import math
from dataclasses import dataclass

from o1lib.analysis.stats.intervals import exact_reach
from o1lib.analysis.stats.power import Variances
from o1lib.analysis.stats.spread import LEVEL

POWER = 0.8  # probability that a true zero is called negligible
CAP = 0.03  # a difference of more than three points is never called negligible
LARGE = 2000  # degrees of freedom from which the standard error is taken as known
MOST = 1e4  # standard errors: the margin of one degree of freedom is below it
NODES = 400  # quantiles of the standard error over which the power is averaged


@dataclass(frozen=True)
class Margin:
    """A margin `value` (a fraction), the margin `needed` for the wanted power, and the `power` that `value` has.

    `value` is below `needed`, and `power` below the wanted one, only where the cap forces it. Where nothing varied, the
    power is 1 or 0, and the value is the cap.
    """

    value: float
    needed: float
    power: float


def margin_for(sd: float, n: int, power: float = POWER, cap: float = CAP) -> Margin:
    """Return the margin of a mean of `n` differences with standard deviation `sd`; sd, cap and margin in one unit.

    Raises ValueError unless sd is at least 0, n above 1 and power between 0 and 1.
    """
    if not (sd >= 0 and n > 1 and 0 < power < 1):
        raise ValueError(f"sd={sd}, n={n}, power={power}: sd must be at least 0, n above 1 and power within 0..1")
    return _margin(sd / math.sqrt(n), n - 1, n, power, cap)


def _margin(error: float, df: float, n: int, power: float, cap: float) -> Margin:
    """Return the margin of an estimate over n questions with this standard error and degrees of freedom.

    Where nothing varied, a verdict has the exact bound of `o1lib.analysis.stats.intervals`, which a true zero reaches.
    """
    from scipy.optimize import root_scalar

    if error == 0:
        reach = exact_reach(n)
        return Margin(cap, reach, float(reach <= cap))
    found = root_scalar(lambda units: equivalence_power(units, df) - power, bracket=(0.0, MOST), method="brentq")
    wanted = error * float(found.root)
    return Margin(wanted, wanted, power) if wanted <= cap else Margin(cap, wanted, equivalence_power(cap / error, df))


def equivalence_power(margin: float, df: float) -> float:
    """Return the probability that a true zero's interval lies within ±margin, given in standard errors of the mean."""
    import numpy as np
    from scipy.special import ndtr
    from scipy.stats import chi2, t

    share = (np.arange(NODES) + 0.5) / NODES
    errors = np.ones(1) if df >= LARGE else np.sqrt(chi2.ppf(share, df) / df)
    room = margin - t.ppf(0.5 + LEVEL / 2, df) * errors
    return float(np.maximum(0.0, 2 * ndtr(room) - 1).mean())


def planned_margin(
    pilot: Variances, n: int, seeds: int, power: float = POWER, cap: float = CAP, bases: int = 1
) -> Margin:
    """Return the margin of a contrast with `n` questions and `seeds` seeds on each base, from a pilot's variances.

    The standard error is that of `o1lib.analysis.stats.intervals`; with one seed, that of the questions. Raises
    ValueError where there are several seeds and the variance between them is unknown.
    """
    if seeds == 1:
        return margin_for(math.sqrt(pilot.questions + pilot.both), n, power, cap)
    variance, df = pilot.mean_variance(n, seeds, bases)
    return _margin(math.sqrt(variance), df, n, power, cap)
