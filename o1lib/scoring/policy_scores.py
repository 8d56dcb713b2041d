"""Exact expected scores of the fixed policies on test sets, each in the set's own metric, and the best of them.

    levels = chance_levels(train, test, dataset_hash="9f2c...")
    levels.of("mini-MMBench").value        # 0.27: circular accuracy of the best policy that never looks

Nothing is sampled. A line is right with a known probability. The headline of a set counts groups of lines that must all
be right (`o1lib.scoring.test_sets.counted_together`), and the probability of a group is a product over its questions.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

from o1lib.formats.question import StagedQuestion
from o1lib.scoring.chance_level import AVERAGE, Cell, ChanceLevels, Level
from o1lib.scoring.equality import correct
from o1lib.scoring.fixed_policies import POLICIES, TrainingCounts, right_answer
from o1lib.scoring.groups import averaged, by, questions_of
from o1lib.scoring.test_sets import PAPER_SETS, counted_together

UNKNOWN = 0  # the depth of an item that no program drew
Rules = Mapping[str, str]  # {form: name of the policy that answers it}


def chance_level(counts: TrainingCounts, items: Sequence[StagedQuestion]) -> Level:
    """Return the chance level of the accuracy on questions of any sets, from what was counted in training."""
    return best("", [_row(item, counts) for item in items])


def chance_levels(
    train: Sequence[StagedQuestion], test: Sequence[StagedQuestion], dataset_hash: str = "", training_hash: str = ""
) -> ChanceLevels:
    """Return the chance levels of all test items, of each test set, and of its skills, depths and forms.

    Those of all test items leave mini-Depth out, as averages do.

    Policies count on `train` only. The right answers of `test` serve to score them and to find the best one. The hashes
    name the dataset of the test items and that of the training items ("": the same).
    """
    counts = TrainingCounts(train)
    rows = [_row(item, counts) for item in test]
    of_sets = by(rows, "test_set")
    cells = [cell for name, some in {"": averaged(rows), **of_sets}.items() for cell in _cells(name, some)]
    return ChanceLevels(
        dataset_hash=dataset_hash,
        training_hash=training_hash or dataset_hash,
        training_items=counts.n,
        policies={name: policy.description for name, policy in POLICIES.items()},
        levels=_levels(rows, of_sets),
        scores={name: _by_policy(name, some) for name, some in of_sets.items()},
        cells=cells,
    )


def _levels(rows: Sequence[dict], of_sets: Mapping[str, list[dict]]) -> dict[str, Level]:
    """Return the level of each metric of `o1lib.scoring.metrics` that is a share of right answers."""
    parts = {"accuracy": ("", averaged(rows))} | {name: (name, some) for name, some in of_sets.items()}
    for kind in ("skill", "family"):
        parts |= {f"{kind}/{value}": ("", some) for value, some in by(rows, kind).items()}
    for name, own in of_sets.items():
        parts |= {f"{name}/{skill}": (name, some) for skill, some in by(own, "skill").items()}
    levels = {name: best(test_set, some) for name, (test_set, some) in parts.items()}
    if all(name in levels for name in PAPER_SETS):
        six = [levels[name] for name in PAPER_SETS]
        levels[AVERAGE] = Level(value=fmean(one.value for one in six), n=sum(one.n for one in six), policy={})
    return levels


def _row(item: StagedQuestion, counts: TrainingCounts) -> dict:
    """Return an item as a line: what is seen of it, what each policy says to that, and which of it is right.

    The right answer of the item is used for the latter alone.
    """
    kept = {name: getattr(item, name) for name in ("qid", "test_set", "group", "skill", "family")}
    seen, gold = counts.seen(item), right_answer(item)
    given = {name: policy.answer(seen, counts) for name, policy in POLICIES.items() if seen.form in policy.forms}
    said = {answer for answers in given.values() for answer in answers}
    right = {answer for answer in said if (answer == gold if seen.options else correct(answer, gold))}
    return kept | {"seen": seen, "given": given, "right": right}


def best(name: str, rows: Sequence[dict]) -> Level:
    """Return the best expected score on lines of test set `name`, over one policy for each form that occurs.

    Of equally good policies the first of the registry is named.
    """
    forms = sorted({row["seen"].form for row in rows})
    able = [[policy for policy, entry in POLICIES.items() if form in entry.forms] for form in forms]
    tried = [dict(zip(forms, chosen, strict=True)) for chosen in itertools.product(*able)]
    scored = [(round(expected_score(name, rows, rules), 9), rules) for rules in tried]
    value, rules = max(scored, key=lambda one: one[0])
    return Level(value=value, n=len(rows), policy=rules)


def expected_score(name: str, rows: Sequence[dict], rules: Rules) -> float:
    """Return the expected headline of test set `name` if each form is answered by its policy in `rules`.

    With "" it is the accuracy over several sets, in which questions weigh alike (`o1lib.scoring.groups.accuracy`).
    """
    if not name:
        return fmean(fmean(_all_right([row], rules) for row in group) for group in questions_of(rows))
    return fmean(fmean(_all_right(group, rules) for group in groups) for groups in counted_together(name, rows))


def _all_right(group: Sequence[dict], rules: Rules) -> float:
    """Return the probability that every line of a group is right: a product over what is drawn independently.

    A policy that keeps its choice draws once for a question, whatever the order of its options; another one draws for
    every line.
    """
    drawn = defaultdict(list)
    for row in group:
        once = POLICIES[rules[row["seen"].form]].once
        drawn[row["seen"].unordered if once else row["qid"]].append(row)
    return math.prod(_right_together(rows, rules[rows[0]["seen"].form]) for rows in drawn.values())


def _right_together(rows: Sequence[dict], policy: str) -> float:
    """Return the probability that one draw of a policy is right on all lines of a question."""
    answers = rows[0]["given"][policy]
    return sum(share for answer, share in answers.items() if all(answer in row["right"] for row in rows))


def _by_policy(name: str, rows: Sequence[dict]) -> dict[str, dict[str, float]]:
    """Return {form: {policy: expected score on the lines of that form}}."""
    of_forms = _parts(rows, lambda seen: seen.form)
    return {
        form: {
            policy: round(expected_score(name, some, {form: policy}), 9)
            for policy, entry in POLICIES.items()
            if form in entry.forms
        }
        for form, some in of_forms.items()
    }


def _cells(name: str, rows: Sequence[dict]) -> list[Cell]:
    """Return the levels by depth, by form, and by both; None stands for all depths or forms, 0 for no known depth."""
    kinds = (lambda seen: (seen.depth, None), lambda seen: (None, seen.form), lambda seen: (seen.depth, seen.form))
    return [
        Cell(test_set=name, depth=depth, form=form, **best(name, some).model_dump())
        for kind in kinds
        for (depth, form), some in _parts(rows, kind).items()
        if depth != UNKNOWN
    ]


def _parts(rows: Sequence[dict], key) -> dict:
    found = defaultdict(list)
    for row in rows:
        found[key(row["seen"])].append(row)
    return dict(sorted(found.items()))
