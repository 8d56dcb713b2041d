"""Group predictions into observations (one question, rotation group or twin pair) and weight them by test set.

    observations(record.predictions(), "mini-average", record.seed)     # a table for o1lib.analysis.stats

The unit of analysis is not always one prediction: a question of mini-MMBench is right if it is right in every rotation,
and a twin pair of mini-HallusionBench counts by its three scores. Rotations of a question, or a picture and its twin,
were drawn together, so they are one observation. All test sets have the same weight in the average.

Metrics of sets: mini-average, mini-headline (the same with each set corrected for its chance level, over the sets that
enter it; see `o1lib.scoring.chance_level`), and a test set's name for its headline score.
Metrics of predictions, whose means are those of `o1lib.scoring.metrics`: accuracy, unread, ill_formed,
option_likelihood, steps (share of correct reasoning steps), stage/<stage>, processed_tokens, cost/<entry>.
Accuracy by the form of a question: open, yes_no, choice; by its template: template/<template>.
Of multiple-choice questions: guess (accuracy of a random choice), option (the reasoning chain states one of the
options) and letter (the chain also gives the letter of that option).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from statistics import fmean

import pandas as pd

from o1lib.formats.answer_forms import FORMS, form_of
from o1lib.formats.chat import FORMATS
from o1lib.records import UserError
from o1lib.scoring import HALLUSION, PAPER_SETS, averaged
from o1lib.scoring.chance_level import AVERAGE, HEADLINE, corrected
from o1lib.scoring.short_form import keeps_form, keeps_letter
from o1lib.scoring.test_sets import counted_together

OF_ONE_SET = ("mini-", "template/")  # metrics that name the test sets or the template that they are measured on
COLUMNS = ["seed", "qid", "stratum", "weight", "value"]


def observations(
    predictions: Iterable[dict],
    metric: str = AVERAGE,
    seed: int = 0,
    sets: Collection[str] = (),
    skills: Collection[str] = (),
    chance: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return one line for each observation: seed, qid, stratum (test set), weight (of the stratum) and value.

    `sets` and `skills` restrict the predictions. In the average and the headline scores all sets have the same weight;
    in other metrics the weight of a set is its number of observations, so that four rotations of a question count no
    more than one line of another set, and mini-Depth counts only where it is named or nothing else is there. With
    `skills` it is the share of the set's observations that have the skill. `chance` holds the chance levels of the sets
    that enter mini-headline. The correction is linear, so an observation is corrected like an average; its value can be
    negative. Raises UserError for an unknown metric, and where no prediction has it.
    """
    there = [row for row in predictions if not sets or row.get("test_set") in sets]
    asked = [row for row in there if not skills or row.get("skill") in skills]
    groups = defaultdict(list)
    for row in asked if sets or metric.startswith(OF_ONE_SET) else averaged(asked):
        groups[_observation(row)].append(row)
    counted = _counted(metric, {name for name, _ in groups}, chance or {})
    found = {
        key: value
        for key, rows in groups.items()
        if key[0] in counted and (value := _value(metric, key[0], rows)) is not None
    }
    if metric == HEADLINE:
        found = {key: corrected(value, (chance or {})[key[0]]) for key, value in found.items()}
    if not found:
        raise UserError(
            f"{metric!r} was not measured on {', '.join([*sets, *skills]) or 'any question'}: score a row that has it"
        )
    whole = Counter(name for name, _ in {_observation(row) for row in there}) if skills else {}
    weights = _weights(metric, counted, Counter(name for name, _ in found), whole)
    return pd.DataFrame(
        [(seed, qid, name, weights[name], value) for (name, qid), value in found.items()], columns=COLUMNS
    )


def _counted(metric: str, there: set[str], chance: Mapping[str, float]) -> set[str]:
    """Return the test sets that a metric needs. Raises UserError when one is missing."""
    if metric == HEADLINE and not chance:
        raise UserError(f"{HEADLINE!r} needs chance levels: freeze them with `.venv/bin/python -m o1lib chance`")
    whole = {AVERAGE: set(PAPER_SETS), HEADLINE: set(chance)}
    wanted = whole.get(metric) or ({metric} if metric.startswith("mini-") else there)
    if lacking := sorted(wanted - there):
        raise UserError(f"{metric!r} needs {', '.join(lacking)}, which the row was not scored on: score it there")
    return wanted


def _observation(row: dict) -> tuple[str, str]:
    """Return the test set of a prediction, and what names its observation there."""
    return row.get("test_set") or "", row.get("group") or row["qid"]


def _weights(metric: str, counted: set[str], sizes: Mapping[str, int], whole: Mapping[str, int]) -> dict[str, float]:
    """Return the weights of the sets: equal, by observations, or by these over the `whole` number of each set."""
    if metric.startswith("mini-"):
        return dict.fromkeys(counted, 1 / len(counted))
    if whole:  # relative to the largest set: exact where all sets are of one size
        sizes = {name: size * (max(whole.values()) / whole[name]) for name, size in sizes.items()}
    return {name: size / sum(sizes.values()) for name, size in sizes.items()}


def _value(metric: str, test_set: str, rows: list[dict]) -> float | None:
    """Return the value of one observation: its headline score, or the mean of its predictions (None: not measured)."""
    if metric.startswith("mini-"):  # the value alone, as `headline` has it, without the cost of its interval
        parts = counted_together(HALLUSION, rows) if test_set == HALLUSION else [[rows]]
        return fmean(fmean(all(row["correct"] for row in group) for group in groups) for groups in parts if groups)
    values = [value for row in rows if (value := _line(metric, row)) is not None]
    return fmean(values) if values else None


def _line(metric: str, row: dict) -> float | None:
    """Return the value of one prediction, None where it was not measured. Raises UserError for an unknown metric."""
    kind, _, name = metric.partition("/")
    if metric in LINES:
        return LINES[metric](row)
    if kind in PARTS and name:
        return (row.get(PARTS[kind]) or {}).get(name)
    if kind == "template" and name:
        return row["correct"] if row.get("template") == name else None
    raise UserError(
        f"metric {metric!r} is unknown: use {AVERAGE}, a test set, {', '.join(LINES)}, "
        "stage/<stage>, cost/<entry> or template/<template>"
    )


def _ill_formed(row: dict) -> bool | None:
    kept = keeps_form(row)
    return None if kept is None else not kept


def _steps(row: dict) -> float | None:
    scores = row.get("stage_scores") or {}
    return scores.get("reasoning_precision", scores.get("reasoning"))


def _tokens(row: dict) -> int | None:
    ledger = row.get("ledger")
    return sum(ledger.get(part, 0) for part in ("generated", "judge", "prefilled")) if ledger else None


def _in_form(form: str) -> Callable[[dict], bool | None]:
    """Return the function that gives whether a prediction of a question in this form is right."""
    return lambda row: row["correct"] if form_of(row.get("options") or (), row.get("gold")) == form else None


def _guess(row: dict) -> float | None:
    return 1 / len(row["options"]) if row.get("options") else None


def _chained(row: dict) -> bool:
    """Return whether a prediction answers a multiple-choice question by a chain, which states the answer first."""
    entry = FORMATS.get(row.get("format"))
    return bool(row.get("options")) and not (entry and "reasoning" not in entry.stages)


def _option(row: dict) -> bool | None:
    return keeps_letter(row) is not None if _chained(row) else None


def _letter(row: dict) -> bool | None:
    return bool(keeps_letter(row)) if _chained(row) else None


LINES = {
    "accuracy": lambda row: row["correct"],
    **{form: _in_form(form) for form in FORMS},
    "guess": _guess,
    "option": _option,
    "letter": _letter,
    "unread": lambda row: row.get("pred") is None,
    "ill_formed": _ill_formed,
    "option_likelihood": lambda row: row.get("option_likelihood_correct"),
    "steps": _steps,
    "processed_tokens": _tokens,
}
PARTS = {"stage": "stage_scores", "cost": "ledger"}  # the fields of a prediction with stage/<name> and cost/<name>
