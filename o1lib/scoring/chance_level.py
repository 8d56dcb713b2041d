"""Chance levels of test sets, scores corrected for them, and the headline that averages these.

    levels = read_levels("results/mini/runs/data/seed0/chance.json")
    corrected(0.40, levels.of("mini-MMStar").value)        # (0.40 - 0.25) / (1 - 0.25) = 0.2
    headline({"mini-MMStar": 0.40, "mini-AI2D": 0.30}, {"mini-MMStar": 0.25, "mini-AI2D": 0.35}, PAPER_SETS[:1])

The chance level of a set is the score, in the set's own metric, of the best fixed policy that never looks
(`o1lib.scoring.policy_scores`). It is frozen in the file chance.json next to the dataset. The correction is that of
kappa statistics (Cohen 1960, doi:10.1177/001316446002000104): 0 is chance, 1 is perfect, below 0 is below chance.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from o1lib.records import UserError, shown, write_json
from o1lib.records.strict import StrictModel
from o1lib.scoring.test_sets import PAPER_SETS

FILE, AVERAGE, HEADLINE = "chance.json", "mini-average", "mini-headline"
CLEAR = 0.05  # a set enters the headline if an arm's lower bound is this far above chance


class Level(StrictModel):
    """A chance level in 0..1, the number of its lines, and the policy that reaches it, by form of the question."""

    value: float
    n: int
    policy: dict[str, str]


class Cell(Level):
    """The chance level of a test set ("": of all but mini-Depth) at a depth and form; None means all of them."""

    test_set: str
    depth: int | None
    form: str | None


class ChanceLevels(StrictModel):
    """All chance levels of a dataset, as they are frozen.

    `levels` has the names of `o1lib.scoring.metrics`. `scores` has the expected score of each policy {set: {form:
    {policy: score}}} on the questions of that form. `training_hash` is that of the dataset whose training items were
    counted.
    """

    dataset_hash: str
    training_hash: str
    training_items: int
    policies: dict[str, str]
    levels: dict[str, Level]
    scores: dict[str, dict[str, dict[str, float]]]
    cells: list[Cell]

    def of(self, metric: str) -> Level | None:
        """Return the chance level of a metric, None where it has none."""
        return self.levels.get(metric)

    def at(self, test_set: str = "", depth: int | None = None, form: str | None = None) -> Cell | None:
        """Return the chance level of a set ("": of all lines) at a depth and form, None if no question is there."""
        wanted = (test_set, depth, form)
        return next((cell for cell in self.cells if (cell.test_set, cell.depth, cell.form) == wanted), None)

    def sets(self) -> dict[str, float]:
        """Return the chance level of each test set."""
        return {name: self.levels[name].value for name in self.scores}


def read_levels(path: Path | str) -> ChanceLevels:
    """Return the levels in a file. Raises UserError if it is missing or not such a file."""
    path = Path(path)
    try:
        return ChanceLevels.model_validate_json(path.read_text(encoding="utf8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{shown(path)} holds no chance levels: `.venv/bin/python -m o1lib chance` writes it"
        ) from error


def freeze(path: Path | str, levels: ChanceLevels, replace: bool = False) -> Path:
    """Write the levels to `path` and return it.

    Raises UserError if the file holds different levels of the same dataset, unless `replace` is given.
    """
    path = Path(path)
    if path.is_file() and not replace:
        there = read_levels(path)
        if there == levels:
            return path
        if there.dataset_hash == levels.dataset_hash:
            raise UserError(
                f"{shown(path)} is frozen and holds other chance levels of this dataset: keep it, "
                "or delete it (`.venv/bin/python -m o1lib chance --replace`) and say so in the protocol"
            )
    return write_json(path, levels.model_dump())


def corrected(accuracy: float, chance: float) -> float:
    """Return (accuracy - chance) / (1 - chance), which is negative below chance. All are in 0..1.

    Raises UserError for a chance level of 1, which leaves nothing to gain.
    """
    if not 0 <= chance < 1:
        raise UserError(f"a chance level of {chance:g} leaves no room above it: score a set with more questions")
    return (accuracy - chance) / (1 - chance)


def headline_weights(sets: Collection[str], chance: Mapping[str, float]) -> dict[str, float]:
    """Return what a point of accuracy in each set adds to the headline: 1 / (K (1 - chance)) for K sets.

    The headline is this weighted sum of accuracies minus a constant, so a difference of two headlines is the weighted
    sum of differences. Raises UserError for a set without a chance level.
    """
    if lacking := [name for name in sets if name not in chance]:
        raise UserError(f"{lacking[0]} has no chance level: run `.venv/bin/python -m o1lib chance` on its dataset")
    return {name: (corrected(1, chance[name]) - corrected(0, chance[name])) / len(sets) for name in sets}


def headline(accuracies: Mapping[str, float], chance: Mapping[str, float], sets: Collection[str]) -> float:
    """Return the mean of the corrected accuracies of `sets`, negative ones included."""
    weights = headline_weights(sets, chance)
    return sum(weights[name] * (accuracies[name] - chance[name]) for name in sets)


def headline_metric(metrics: Mapping[str, Mapping], chance: Mapping[str, float], sets: Collection[str]) -> dict | None:
    """Return the headline as {value, n, low, high}, None where a set was not scored or its chance level is 1.

    Half widths are combined as standard errors are. Values may be negative, so they are not cut at 0.
    """
    if not sets or any(name not in metrics or chance.get(name, 1) >= 1 for name in sets):
        return None
    weights = headline_weights(sets, chance)
    value = headline({name: metrics[name]["value"] for name in sets}, chance, sets)
    half = math.hypot(*(weights[name] * (metrics[name]["high"] - metrics[name]["low"]) / 2 for name in sets))
    n = sum(metrics[name]["n"] for name in sets)
    return {"value": round(value, 6), "n": n, "low": round(value - half, 6), "high": round(min(1.0, value + half), 6)}


def entering_sets(
    scores: Mapping[str, Mapping[str, tuple[float, float]]],
    chance: Mapping[str, float],
    sets: Sequence[str] = PAPER_SETS,
) -> tuple[str, ...]:
    """Return the sets that enter the headline: those in which either arm is surely above chance.

    `scores` is {arm: {set: (value, lower 95 % bound)}}, measured on validation drawings. A set enters if the lower
    bound of any arm is at least CLEAR (5 points) above its chance level. Which arm it is does not matter, so the choice
    favors none. Raises UserError for a set that an arm was not scored on.
    """
    for arm, own in scores.items():
        if lacking := [name for name in sets if name not in own or name not in chance]:
            raise UserError(f"{arm} has no score or no chance level on {lacking[0]}: score it there first")
    # rounded, because 0.30 - 0.25 is slightly less than 0.05 in binary
    return tuple(
        name for name in sets if any(round(own[name][1] - chance[name] - CLEAR, 9) >= 0 for own in scores.values())
    )
