"""Which optimizer all arms take, from the records of the group `optimizers` alone, and what to run next.

    best = best_accuracies(read_experiments(), "mini", load_all("work/mini"))
    chosen(best)                                    # "adamw"
    print(describe_optimizers(best, "mini"))        # part of python -m o1lib rates

The rule compares no two formats: the optimizer with the higher mean, over the formats `direct` and `tags`, of the best
validation accuracy at the same three rates. AdamW is taken if both means are equal. Once a scale sets an optimizer, its
rows of AdamW are trained again with that one, so the records that decided are kept in the folder DECIDING.
"""

from collections.abc import Iterable, Mapping
from statistics import fmean

from o1lib.records import Record
from o1lib.study.rates import ADAMW, ARMS, GROUP, OPTIMIZERS, diverged, first_rates, optimizer_of, trial_of
from o1lib.study.specs import Study

MUON = "muon"
FORMATS = ("direct", "tags")
DECIDING = "results/unfinished/optimizers"  # where the records that decided are kept
Best = Mapping[tuple[str, str], float | None]  # {(optimizer, format): best share of right answers}


def best_accuracies(study: Study, scale: str, records: Iterable[Record]) -> dict[tuple[str, str], float | None]:
    """Return the best validation accuracy of each optimizer and format, None while one of the first rates is missing.

    A row counts with the optimizer that it names, AdamW if it names none, and not after a scale has changed that. Rates
    beyond the first three do not count, since not every optimizer has tried them. A row that the scale names in
    `diverged` has no right answer. Raises UserError as `o1lib.study.rates.first_rates` does, and for a record without
    validation.
    """
    first = first_rates(study, scale)
    rows = {row: entry.parameters for row, entry in study.rows.items() if OPTIMIZERS in entry.groups}
    tried = {(optimizer, name): {} for optimizer in (ADAMW, MUON) for name in FORMATS}
    for record in records:
        if record.row in rows and optimizer_of(record.parameters) == optimizer_of(rows[record.row]):
            trial = trial_of(record)
            tried[optimizer_of(record.parameters), record.parameters["format"]][trial.rate] = trial.exact
    for row, given in rows.items():
        if diverged(study, scale, row, given):
            tried[optimizer_of(given), given["format"]].setdefault(given["learning_rate"], 0.0)
    return {key: max(own[rate] for rate in first) if own.keys() >= set(first) else None for key, own in tried.items()}


def set_by_scale(study: Study, scale: str) -> str:
    """Return the optimizer that a scale sets for all arms, "" if it sets none."""
    return str(study.scales[scale].notebooks.get(ARMS, {}).get("optimizer", ""))


def mean_accuracies(best: Best) -> dict[str, float] | None:
    """Return the mean over formats of each optimizer, None while a trial is missing."""
    if None in best.values():
        return None
    return {optimizer: fmean(best[optimizer, name] for name in FORMATS) for optimizer in (ADAMW, MUON)}


def chosen(best: Best) -> str:
    """Return the optimizer of all arms, "" while a trial is missing."""
    means = mean_accuracies(best)
    return "" if means is None else MUON if means[MUON] > means[ADAMW] else ADAMW


def settled(best: Best, given: str = "") -> bool:
    """Return whether rates can be chosen: the scale sets an optimizer (`given`), or AdamW wins, the one of no entry."""
    return bool(given) or chosen(best) == ADAMW


def describe_optimizers(best: Best, scale: str, given: str = "") -> str:
    """Return the best accuracy of each optimizer and format, the means, and what is taken, missing or to be done.

    `given` is the optimizer that the scale sets, "" for none.
    """
    lines = [f"best share of validation items right{''.join(f'{name:>10}' for name in FORMATS)}{'mean':>10}"]
    means = mean_accuracies(best)
    for optimizer in (ADAMW, MUON):
        shares = [best[optimizer, name] for name in FORMATS] + [means[optimizer] if means else None]
        lines.append(f"{optimizer:36}" + "".join(f"{'–' if one is None else format(one, '.3f'):>10}" for one in shares))
    return "\n".join([*lines, _next(best, scale, given)])


def _next(best: Best, scale: str, given: str) -> str:
    """Return the sentence that says what is taken and what to do next."""
    place, taken = f"scales.{scale}.notebooks.{ARMS} of experiments.yaml", chosen(best)
    if given and not taken:
        return (
            f"scale {scale} sets optimizer: {given}. The records that decided it are not here: "
            f"look for them with --root {DECIDING}"
        )
    if given:
        wrong = "" if given == taken else f", but scale {scale} sets optimizer: {given}: correct it in {place}"
        return f"all arms take {taken}{wrong}"
    if taken == MUON:
        return (
            f"all arms take {MUON}: copy the runs of group {OPTIMIZERS} to {DECIDING}/runs, set `optimizer: {MUON}` "
            f"under {place}, then `make study ROWS={GROUP}`, in which every row is due"
        )
    if taken:
        return f"all arms take {ADAMW}, without an entry: write nothing, go on with `make study ROWS={GROUP}`"
    lacking = ", ".join(f"{optimizer} with {name}" for (optimizer, name), one in best.items() if one is None)
    return f"optimizer not decided: tries are missing for {lacking}; run `make study ROWS={OPTIMIZERS}`"
