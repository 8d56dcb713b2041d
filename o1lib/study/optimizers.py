"""Which optimizer all arms take, from the records of the groups `rates` and `optimizers` alone.

    best = best_accuracies(read_experiments(), "mini", load_all("work/mini"))
    chosen(best)                                    # "adamw"
    print(describe_optimizers(best))                # part of python -m o1lib rates

The rule compares no two formats: the optimizer with the higher mean, over the formats `direct` and `tags`, of the best
validation accuracy at the same three rates. AdamW is taken if both means are equal.
"""

from collections.abc import Iterable, Mapping
from statistics import fmean

from o1lib.records import Record
from o1lib.study.rates import GROUP, first_rates, trial_of
from o1lib.study.specs import Study

OPTIMIZERS = "optimizers"  # the group of the rows that try Muon
ADAMW, MUON = "adamw", "muon"
FORMATS = ("direct", "tags")
Best = Mapping[tuple[str, str], float | None]  # {(optimizer, format): best share of right answers}


def best_accuracies(study: Study, scale: str, records: Iterable[Record]) -> dict[tuple[str, str], float | None]:
    """Return the best validation accuracy of each optimizer and format, None while one of the first rates is missing.

    Rates beyond the first three do not count, since not every optimizer has tried them. Raises UserError as
    `o1lib.study.rates.first_rates` does, and for a record without validation.
    """
    first = first_rates(study, scale)
    rows = {row for row, entry in study.rows.items() if {GROUP, OPTIMIZERS} & set(entry.groups)}
    tried = {(optimizer, name): {} for optimizer in (ADAMW, MUON) for name in FORMATS}
    for record in records:
        key = record.parameters.get("optimizer") or ADAMW, record.parameters.get("format")
        if record.row in rows and key in tried and not record.parameters.get("match"):
            trial = trial_of(record)
            tried[key][trial.rate] = trial.exact
    return {key: max(own[rate] for rate in first) if own.keys() >= set(first) else None for key, own in tried.items()}


def mean_accuracies(best: Best) -> dict[str, float] | None:
    """Return the mean over formats of each optimizer, None while a trial is missing."""
    if None in best.values():
        return None
    return {optimizer: fmean(best[optimizer, name] for name in FORMATS) for optimizer in (ADAMW, MUON)}


def chosen(best: Best) -> str:
    """Return the optimizer of all arms, "" while a trial is missing."""
    means = mean_accuracies(best)
    return "" if means is None else MUON if means[MUON] > means[ADAMW] else ADAMW


def describe_optimizers(best: Best) -> str:
    """Return the best accuracy of each optimizer and format, the means, and what is taken or missing."""
    lines = [f"best share of validation items right{''.join(f'{name:>10}' for name in FORMATS)}{'mean':>10}"]
    means = mean_accuracies(best)
    for optimizer in (ADAMW, MUON):
        shares = [best[optimizer, name] for name in FORMATS] + [means[optimizer] if means else None]
        lines.append(f"{optimizer:36}" + "".join(f"{'–' if one is None else format(one, '.3f'):>10}" for one in shares))
    if means:
        return "\n".join([*lines, f"all arms take {chosen(best)}"])
    lacking = ", ".join(f"{optimizer} with {name}" for (optimizer, name), one in best.items() if one is None)
    return "\n".join([*lines, f"optimizer not decided: rates are missing for {lacking}; run ROWS={GROUP},{OPTIMIZERS}"])
