"""Readiness: do the two main arms use the picture, and does the staged one say what its chain says?

    found = measure("mini")                     # answers validation questions; goes on where it was stopped
    json_line(found["criteria"])                # {"direct above chance": {"value", "low", "n", "floor", "passed"}, ...}

    python -m o1lib readiness --scale mini

It says whether the study can decide anything, before an arm is scored on a test split. Only validation drawings are
asked, of arms of training seed 0 with the full budget. The criteria are those of readiness_criteria.py.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from o1lib.evaluation.inputs import Arm
from o1lib.evaluation.probes.model import replies
from o1lib.evaluation.probes.questions import drawn_items
from o1lib.evaluation.probes.rates import follow_rates
from o1lib.evaluation.probes.reply_journal import kept_replies
from o1lib.evaluation.run import evaluate
from o1lib.inference.decoder import Decoder
from o1lib.minivqa import depth
from o1lib.models.checkpoint import load, model_hash, trained_as
from o1lib.models.presets import device_and_dtype
from o1lib.records import Record, UserError, atomic_file, need, project_root, shown, stack_hash, write_json
from o1lib.scoring.fixed_policies import TrainingCounts
from o1lib.scoring.policy_scores import chance_level
from o1lib.study.experiments import parameters_of, read_experiments
from o1lib.study.rates import optimizer_of
from o1lib.study.readiness_criteria import NEEDED, SHALLOW, Chance, by_depth, criteria, log_entry

TRAINING = 20_000  # training drawings on which the fixed policies are counted
SPARE = 1.6  # choices for each one that is needed, since a chain that states no option says nothing about letters
GIVEN = ("examples", "base", "learning_rate", "optimizer")  # parameters of an arm that must be those of its row
TRIES = "readiness"  # the folder of the tries of a scale
SEARCHES = "03_search_and_score"  # the notebook whose code decides what a model answers


def measure(
    scale: str = "mini",
    direct: str = "direct",
    structured: str = "structured",
    n: int = NEEDED,
    chance: Chance | None = None,
) -> dict:
    """Return {"criteria", "passed", "scale", "date", "arms", "by_depth"} of the arms with these row ids.

    `chance(items)` is the score of the best fixed policy on questions; None counts it on training drawings. Finished
    answers are kept in work/<scale>/readiness. With n below NEEDED no criterion is met. Raises UserError for a row that
    has not run, or not with its full budget.
    """
    root = project_root() / "work" / scale
    records = {row: _full(need(root, row, 0), scale, row) for row in (direct, structured)}
    chance = chance or counted_chance(depth.mixture("train", TRAINING))
    items, (pairs, partners) = questions(n), drawn_items(n)
    arms = {row: _arm(record.folder / "model") for row, record in records.items()}
    lines = {row: answers(items, arm, root / TRIES / f"{row}.jsonl") for row, arm in arms.items()}
    reply = _kept_reply(arms[structured], root / TRIES / f"{structured}.replies.jsonl")
    followed = follow_rates(reply, pairs, partners, arms[structured].format, letters=False)
    found = criteria(items, lines[direct], lines[structured], followed, chance)
    return {
        "scale": scale,
        "date": datetime.now(UTC).date().isoformat(),
        "passed": all(one["passed"] is not False for one in found.values()),
        "criteria": found,
        "arms": {row: _facts(record, arms[row]) for row, record in records.items()},
        "by_depth": {row: by_depth(items, own, chance) for row, own in lines.items()},
    }


def counted_chance(training: Iterable) -> Chance:
    """Return the chance level (o1lib.scoring.policy_scores) as a function of questions, counted on training items.

    The items are counted once, one after the other, and none is kept.
    """
    counts = TrainingCounts(training)
    return lambda items: chance_level(counts, items).value if items else 0.0


def questions(n: int, most: int = 80) -> list:
    """Return the first validation drawings that hold n of the depths SHALLOW and SPARE times n choices.

    Raises UserError if `most` times n drawings are too few.
    """
    items, shallow, choices = [], 0, 0
    for item in depth.mixture("validation", most * n):
        items.append(item)
        shallow += getattr(item, "depth", 0) in SHALLOW
        choices += bool(item.options)
        if shallow >= n and choices >= SPARE * n:
            return items
    raise UserError(f"{most * n} validation drawings hold too few questions of depth 1 or 2: ask for fewer than {n}")


def answers(items: Sequence, arm: Arm, journal: Path) -> list[dict]:
    """Return the predictions of an arm's greedy answers, in order; finished ones are taken from the journal."""
    decoder = Decoder(arm.model, arm.processor, temperature=0.0)
    made_by = {"model": arm.model_hash, "code": stack_hash(SEARCHES)}
    return evaluate(items, arm.format, decoder, method="greedy", journal=journal, made_by=made_by)[1]


def json_line(found: Mapping) -> str:
    """Return the criteria as one line of JSON."""
    return json.dumps(found)


def check_new(scale: str, name: str) -> None:
    """Raise UserError for the name of a try that has a table, because every try is kept and published."""
    path = project_root() / "work" / scale / TRIES / f"{name}.json"
    if path.exists():
        raise UserError(f"{shown(path)} is there, and every try is kept: give this one another --name")


def write_try(found: Mapping, name: str) -> Path:
    """Write the table of a try to work/<scale>/readiness/<name>.json, and its entry for the log next to it.

    Returns the path of the table. Raises UserError for the name of an earlier try.
    """
    check_new(found["scale"], name)
    folder = project_root() / "work" / found["scale"] / TRIES
    with atomic_file(folder / f"{name}.md") as part:
        part.write_text(log_entry(found, name), encoding="utf8")
    return write_json(folder / f"{name}.json", {"name": name, **found})


def _full(record: Record, scale: str, row: str) -> Record:
    """Return the record of an arm. Raises UserError for another value of one of GIVEN than its row has."""
    wanted = parameters_of(read_experiments(), scale, row)
    own, planned = ({**some, "optimizer": optimizer_of(some)} for some in (record.parameters, wanted))
    for name in GIVEN:
        if (own.get(name) or "") != (planned.get(name) or ""):
            raise UserError(
                f"row '{row}' was trained with {name} {record.parameters.get(name)} but scale {scale} gives it "
                f"{wanted.get(name)}: {record.redo}"
            )
    return record


def _arm(folder):
    model, processor = load(folder)
    format, schedule = trained_as(folder)
    return Arm(model.to(device_and_dtype()[0]), processor, format, schedule, model_hash(folder))


def _kept_reply(arm, path):
    decoder = Decoder(arm.model, arm.processor, temperature=0.0)
    return kept_replies(replies(decoder, arm.format), path, {"model": arm.model_hash, "code": stack_hash(SEARCHES)})


def _facts(record, arm):
    kept = (*GIVEN, "format")
    return {"model_hash": arm.model_hash, "commit": record.commit} | {k: record.parameters.get(k) for k in kept}
