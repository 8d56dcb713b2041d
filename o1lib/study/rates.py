"""Learning rates: which one each arm takes, and whether the tried rates have to be extended, from records alone.

    tried = tried_rates(read_experiments(), load_all("work/mini"))
    choice = choose_rates(tried, first_rates(read_experiments(), "mini"))
    choice.best["format: direct"].rate, choice.extend           # 0.0005, ("lower",)

The rule is the same for every arm: the rate with the most right answers to the validation items after training. If an
edge of the first rates wins for one arm, that side is extended by one rate for every arm, once. A rate beyond a side
that the rule does not extend counts for no arm.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from o1lib.records import Record, UserError, choose, load_all, project_root
from o1lib.study.experiments import parameters_of
from o1lib.study.specs import Study

GROUP, LOWER, HIGHER = "rates", "rates_lower", "rates_higher"
EXTENDED = {"lower": LOWER, "higher": HIGHER}  # the group that extends each side
OPTIMIZERS = "optimizers"  # the group of the rows that try Muon, and of those that try AdamW at the same rates
TRIES = {GROUP, LOWER, HIGHER, OPTIMIZERS}  # groups of rows that try a rate, and so name it
ARMS = "02_train_sft"  # the notebook that trains an arm
ARM = ("format", "match", "more")  # parameters that tell arms apart
ADAMW = "adamw"


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
    extended if the best of `first` is that edge for an arm; it is named unless it was tried. Of two equally good rates
    the one nearer to the middle of `first` wins, then the lower one. Raises UserError for an arm without a trial, and
    for one that lacks a rate which counts and which another arm has tried.
    """
    if missing := [arm for arm, trials in tried.items() if not trials]:
        raise UserError(f"arm '{missing[0]}' has no trial: run the group {GROUP} first")
    for arm, rates in lacking_rates(tried, first).items():
        raise UserError(f"arm '{arm}' lacks the rate {rates[0]:g} that another arm has: every arm has the same tries")
    own = counted_trials(tried, first)
    best = {arm: _best(trials, first) for arm, trials in own.items()}
    there = {_beyond(trial.rate, first) for trials in own.values() for trial in trials}
    extend = tuple(side for side in extended_sides(tried, first) if side not in there)
    edges = {arm: side for arm, trial in best.items() if (side := _edge(trial.rate, [t.rate for t in own[arm]]))}
    return RateChoice(best, extend, edges)


def extended_sides(tried: Mapping[str, Sequence[Tried]], first: Sequence[float]) -> tuple[str, ...]:
    """Return the sides whose edge of `first` wins for an arm over the rest of `first`, () while one is missing."""
    own = [[trial for trial in trials if trial.rate in first] for trials in tried.values()]
    if any({trial.rate for trial in trials} < set(first) for trials in own):
        return ()
    won = {_best(trials, first).rate for trials in own}
    return tuple(side for side, edge in (("lower", min(first)), ("higher", max(first))) if edge in won)


def counted_trials(tried: Mapping[str, Sequence[Tried]], first: Sequence[float]) -> dict[str, list[Tried]]:
    """Return the trials at rates of `first`, and those beyond a side that the rule extends."""
    sides = ("", *extended_sides(tried, first))
    return {arm: [trial for trial in trials if _beyond(trial.rate, first) in sides] for arm, trials in tried.items()}


def lacking_rates(tried: Mapping[str, Sequence[Tried]], first: Sequence[float]) -> dict[str, list[float]]:
    """Return {arm: rates that it lacks}: those of `first`, and each one that counts and that another arm has tried."""
    own = counted_trials(tried, first)
    wanted = {*first, *(trial.rate for trials in own.values() for trial in trials)}
    gaps = {arm: sorted(wanted - {trial.rate for trial in trials}) for arm, trials in own.items()}
    return {arm: rates for arm, rates in gaps.items() if rates}


def _best(trials: Sequence[Tried], first: Sequence[float]) -> Tried:
    middle = sorted(first)[len(first) // 2]
    return max(trials, key=lambda t: (t.exact, -_apart(t.rate, middle), -t.rate))


def _beyond(rate: float, first: Sequence[float]) -> str:
    """Return the side of `first` beyond which a rate lies, "" for none."""
    return "lower" if rate < min(first) else "higher" if rate > max(first) else ""


def _apart(rate: float, middle: float) -> float:
    """Return how far two rates are apart, as a ratio of at least 1."""
    return max(rate / middle, middle / rate)


def _edge(rate: float, rates: Sequence[float]) -> str:
    return "lower" if rate == min(rates) else "higher" if rate == max(rates) else ""


def arm_of(parameters: Mapping) -> str:
    """Return the short name of the arm that these parameters of notebook 02 train."""
    return ", ".join(f"{name}: {parameters[name]}" for name in ARM if parameters.get("match") or name == "format")


def tried_rates(study: Study, records: Iterable[Record]) -> dict[str, list[Tried]]:
    """Return the trials of each arm of the group `rates` and those that extend it, by rising rate; [] for one not run.

    A trial counts by its last validation. Raises UserError for a record without one.
    """
    planned = {row: entry for row, entry in study.rows.items() if {GROUP, LOWER, HIGHER} & set(entry.groups)}
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

    Records of another optimizer than the scale's arms have now do not count. A row that the scale names in `diverged`
    is a trial without a right answer. Raises UserError for an unknown scale, for such a row with a record, and as
    `tried_rates` and `first_rates` do.
    """
    choose(scale, study.scales, "SCALE")
    records = [
        record
        for record in records_of(scale, root)
        if record.row in study.rows
        and optimizer_of(record.parameters) == optimizer_of(parameters_of(study, scale, record.row))
    ]
    tried = tried_rates(study, records)
    for row in study.scales[scale].diverged:
        given = parameters_of(study, scale, row)
        if diverged(study, scale, row, given) and (trials := tried.get(arm_of(given))) is not None:
            if given["learning_rate"] in [trial.rate for trial in trials]:
                raise UserError(f"row {row!r} has a record: take it out of scales.{scale}.diverged of experiments.yaml")
            trials.append(Tried(arm_of(given), given["learning_rate"], 0.0, 0))
            trials.sort(key=lambda trial: trial.rate)
    return tried, first_rates(study, scale)


def diverged(study: Study, scale: str, row: str, parameters: Mapping) -> bool:
    """Return whether a scale says that training of a row diverged with the optimizer of these parameters."""
    return study.scales[scale].diverged.get(row) == optimizer_of(parameters)


def optimizer_of(parameters: Mapping) -> str:
    """Return the optimizer of an arm by its parameters: AdamW if they name none."""
    return parameters.get("optimizer") or ADAMW


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
        shares = {trial.rate: f"{trial.exact:.3f}" if trial.asked else "diverged" for trial in trials}
        lines.append(f"{arm:{wide}}" + "".join(f"{shares.get(rate, '–'):>10}" for rate in rates))
    if lacking := lacking_rates(tried, first):
        short = {_beyond(rate, first) for rates in lacking.values() for rate in rates}
        groups = ",".join(group for side, group in {"": GROUP, **EXTENDED}.items() if side in short)
        return "\n".join([*lines, "", f"not decided: rates are missing for {_gaps(lacking)}; run ROWS={groups}"])
    choice = choose_rates(tried, first)
    lines += ["", *(f"{arm:{wide}}  takes {trial.rate:g} (n {trial.asked})" for arm, trial in choice.best.items())]
    for side in choice.extend:
        lines.append(f"an edge wins, so every arm needs one rate more: run ROWS={EXTENDED[side]}")
    if idle := sorted(set(rates) - {trial.rate for own in counted_trials(tried, first).values() for trial in own}):
        lines.append(f"not counted, since no edge extends that side: {', '.join(f'{rate:g}' for rate in idle)}")
    still = [f"{arm} ({side})" for arm, side in choice.edges.items() if side not in choice.extend]
    lines += [f"best at the edge of the extended rates: {', '.join(still)}"] if still else []
    return "\n".join(lines)


def describe_others(study: Study, scale: str, tried: Mapping[str, Sequence[Tried]], first: Sequence[float]) -> str:
    """Return which rows a scale trains at another rate than the chosen one, "" while no rate is chosen for good."""
    if lacking_rates(tried, first) or (choice := choose_rates(tried, first)).extend:
        return ""
    found = other_rates(study, scale, choice)
    lines = [f"{row} has learning_rate {own:g} but its format takes {best:g}" for row, (own, best) in found.items()]
    if not lines:
        return f"every arm of scale {scale} has the rate of its format"
    return "\n".join([f"correct these rows under scales.{scale}.rows of experiments.yaml:", *lines])


def _gaps(lacking: Mapping[str, Sequence[float]]) -> str:
    return "; ".join(f"{arm} ({', '.join(f'{rate:g}' for rate in rates)})" for arm, rates in lacking.items())
