"""Learning rates: which one each arm takes, and whether the tried rates have to be extended, from records alone.

    tried = tried_rates(read_experiments(), load_all("work/mini"))
    choice = choose_rates(tried)
    choice.best["format: direct"].rate, choice.extend           # 0.0005, ("lower",)

The rule is the same for every arm: the rate with the most right answers to the validation items after training. If an
edge of the rates tried by all arms wins for one arm, that side is extended by one rate for every arm, once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from o1lib.records import Record, UserError, choose, load_all, project_root
from o1lib.study.experiments import parameters_of
from o1lib.study.specs import Study

GROUP, EXTENDED = "rates", "rates_extended"
TRIES = {GROUP, EXTENDED, "optimizers"}  # groups of rows that try a rate, and so name it
ARMS = "02_train_sft"  # the notebook that trains an arm
ARM = ("format", "match", "more")  # parameters that tell arms apart
SIDES = ("lower", "higher")


@dataclass(frozen=True)
class Tried:
    """One short name of an arm, a learning rate, and the share of `asked` validation items answered right."""

    arm: str
    rate: float
    exact: float
    asked: int


@dataclass(frozen=True)
class RateChoice:
    """The best trial of each arm, the sides to extend for all arms, and the arms whose best rate is still an edge."""

    best: dict[str, Tried]
    extend: tuple[str, ...]
    edges: dict[str, str]


def choose_rates(tried: Mapping[str, Sequence[Tried]], first: Sequence[float]) -> RateChoice:
    """Return the rate of each arm and the sides on which all arms need one rate more.

    `tried` maps arms to their trials, and `first` holds the rates that were tried before any extension. A side is
    extended if the best rate of an arm is that edge of `first`, unless an arm has a rate beyond it already. Of two
    equally good rates the one nearer to the middle of `first` wins, then the lower one. Raises UserError for an arm
    without a trial, and for one that lacks a rate which another arm has tried.
    """
    if missing := [arm for arm, trials in tried.items() if not trials]:
        raise UserError(f"arm '{missing[0]}' has no trial: run the group {GROUP} first")
    for arm, rates in lacking_rates(tried, ()).items():
        raise UserError(f"arm '{arm}' lacks the rate {rates[0]:g} that another arm has: every arm has the same tries")
    middle = sorted(first)[len(first) // 2]
    best = {
        arm: max(trials, key=lambda t: (t.exact, -_apart(t.rate, middle), -t.rate)) for arm, trials in tried.items()
    }
    rates = [trial.rate for trials in tried.values() for trial in trials]
    beyond = {"lower": min(rates) < min(first), "higher": max(rates) > max(first)}
    wins = {"lower": min(first), "higher": max(first)}
    extend = tuple(
        side for side in SIDES if not beyond[side] and any(trial.rate == wins[side] for trial in best.values())
    )
    edges = {arm: side for arm, trial in best.items() if (side := _edge(trial.rate, [t.rate for t in tried[arm]]))}
    return RateChoice(best, extend, edges)


def lacking_rates(tried: Mapping[str, Sequence[Tried]], first: Sequence[float]) -> dict[str, list[float]]:
    """Return {arm: rates that it lacks}: those of `first`, and each one that another arm has tried."""
    wanted = {*first, *(trial.rate for trials in tried.values() for trial in trials)}
    gaps = {arm: sorted(wanted - {trial.rate for trial in trials}) for arm, trials in tried.items()}
    return {arm: rates for arm, rates in gaps.items() if rates}


def _apart(rate: float, middle: float) -> float:
    """Return how far two rates are apart, as a ratio of at least 1."""
    return max(rate / middle, middle / rate)


def _edge(rate: float, rates: Sequence[float]) -> str:
    return "lower" if rate == min(rates) else "higher" if rate == max(rates) else ""


def arm_of(parameters: Mapping) -> str:
    """Return the short name of the arm that these parameters of notebook 02 train."""
    return ", ".join(f"{name}: {parameters[name]}" for name in ARM if parameters.get("match") or name == "format")


def tried_rates(study: Study, records: Iterable[Record]) -> dict[str, list[Tried]]:
    """Return the trials of each arm of the groups `rates` and `rates_extended`, by rising rate; [] for one not run.

    A trial counts by its last validation. Raises UserError for a record without one.
    """
    planned = {row: entry for row, entry in study.rows.items() if {GROUP, EXTENDED} & set(entry.groups)}
    found = {arm_of(entry.parameters): [] for entry in planned.values()}
    for record in records:
        if record.row in planned:
            found[arm_of(record.parameters)].append(trial_of(record))
    return {arm: sorted(trials, key=lambda trial: trial.rate) for arm, trials in found.items()}


def other_rates(study: Study, scale: str, choice: RateChoice) -> dict[str, tuple[float, float]]:
    """Return {row: (its rate, the chosen one)} of the arms that a scale trains at another rate than the chosen one.

    Arms on another source of pictures have the rate of their format too. The tries themselves are no arms.
    """
    found = {}
    for row, entry in study.rows.items():
        if entry.notebook == ARMS and not TRIES & set(entry.groups):
            given = parameters_of(study, scale, row)
            wanted = choice.best.get(arm_of(given))
            if wanted and given["learning_rate"] != wanted.rate:
                found[row] = given["learning_rate"], wanted.rate
    return found


def read_rates(study: Study, scale: str, root: str = "") -> tuple[dict[str, list[Tried]], tuple[float, ...]]:
    """Return the arguments of `describe_rates` for the records in the folder `root`; "" is work/<scale>.

    Records of another optimizer than the scale's arms have now do not count.
    Raises UserError for an unknown scale, and as `tried_rates` and `first_rates` do.
    """
    choose(scale, study.scales, "SCALE")
    records = [
        record
        for record in records_of(scale, root)
        if record.row in study.rows
        and (record.parameters.get("optimizer") or "")
        == (parameters_of(study, scale, record.row).get("optimizer") or "")
    ]
    return tried_rates(study, records), first_rates(study, scale)


def records_of(scale: str, root: str = "") -> list[Record]:
    """Return the records in the folder `root`; "" is work/<scale>."""
    return load_all(project_root() / (root or f"work/{scale}"))


def first_rates(study: Study, scale: str) -> tuple[float, ...]:
    """Return the rates of the group `rates`, rising. Raises UserError if they are not the same for every arm."""
    grids = defaultdict(set)
    for row, entry in study.rows.items():
        if GROUP in entry.groups:
            given = parameters_of(study, scale, row)
            grids[arm_of(given)].add(float(given["learning_rate"]))
    if len({frozenset(grid) for grid in grids.values()}) != 1:
        raise UserError(f"the arms of group {GROUP} try different rates: give every arm the same ones")
    return tuple(sorted(next(iter(grids.values()))))


def trial_of(record: Record) -> Tried:
    """Return the trial that a record holds, by its last validation. Raises UserError if there was none."""
    validated = [line for line in record.extra.get("log", ()) if "exact" in line]
    if not validated:
        raise UserError(f"row {record.row!r} was trained without validation items: set validation and run it again")
    last = validated[-1]
    return Tried(arm_of(record.parameters), float(record.parameters["learning_rate"]), last["exact"], last["asked"])


def describe_rates(tried: Mapping[str, Sequence[Tried]], first: Sequence[float]) -> str:
    """Return the trials as a table, the rate that each arm takes, and what is missing or has to be extended.

    Nothing is decided before every arm has a trial at each of the `first` rates and at each rate of another arm.
    """
    rates = sorted({*first, *(trial.rate for trials in tried.values() for trial in trials)})
    wide = max(map(len, tried))
    lines = [f"{'share of validation items right':{wide}}" + "".join(f"{rate:>10g}" for rate in rates)]
    for arm, trials in tried.items():
        shares = {trial.rate: f"{trial.exact:.3f}" for trial in trials}
        lines.append(f"{arm:{wide}}" + "".join(f"{shares.get(rate, '–'):>10}" for rate in rates))
    if lacking := lacking_rates(tried, first):
        beyond = any(set(rates) - set(first) for rates in lacking.values())
        groups = f"{GROUP},{EXTENDED}" if beyond else GROUP
        return "\n".join([*lines, "", f"not decided: rates are missing for {_gaps(lacking)}; run ROWS={groups}"])
    choice = choose_rates(tried, first)
    lines += ["", *(f"{arm:{wide}}  takes {trial.rate:g} (n {trial.asked})" for arm, trial in choice.best.items())]
    for side in choice.extend:
        lines.append(f"an edge wins: run the rows of group {EXTENDED} that end with .{side}, for every arm")
    still = [f"{arm} ({side})" for arm, side in choice.edges.items() if side not in choice.extend]
    lines += [f"best at the edge of the extended rates: {', '.join(still)}"] if still else []
    return "\n".join(lines)


def _gaps(lacking: Mapping[str, Sequence[float]]) -> str:
    return "; ".join(f"{arm} ({', '.join(f'{rate:g}' for rate in rates)})" for arm, rates in lacking.items())
