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
from o1lib.scoring.fixed_policies import POLICIES, Answers, Policy, Seen, TrainingCounts, right_answer
from o1lib.scoring.test_sets import PAPER_SETS, by, counted_together

Rules = Mapping[str, str]  # {form: name of the policy that answers it}


def chance_levels(
    train: Sequence[StagedQuestion], test: Sequence[StagedQuestion], dataset_hash: str = "", training_hash: str = ""
) -> ChanceLevels:
    """Return the chance levels of all test items, of each test set, and of its skills, depths and forms.

    Policies count on `train` only. The right answers of `test` serve to score them and to find the best one. The hashes
    name the dataset of the test items and that of the training items ("": the same).
    """
    counts = TrainingCounts(train)
    rows = [_row(item, counts) for item in test]
    of_sets = by(rows, "test_set")
    parts = {"accuracy": ("", rows)} | {name: (name, some) for name, some in of_sets.items()}
    for kind in ("skill", "family"):
        parts |= {f"{kind}/{value}": ("", some) for value, some in by(rows, kind).items()}
    for name, own in of_sets.items():
        parts |= {f"{name}/{skill}": (name, some) for skill, some in by(own, "skill").items()}
    levels = {name: best(test_set, some, counts) for name, (test_set, some) in parts.items()}
    if all(name in levels for name in PAPER_SETS):
        six = [levels[name] for name in PAPER_SETS]
        levels[AVERAGE] = Level(value=fmean(one.value for one in six), n=sum(one.n for one in six), policy={})
    cells = [cell for name, some in {"": rows, **of_sets}.items() for cell in _cells(name, some, counts)]
    return ChanceLevels(
        dataset_hash=dataset_hash,
        training_hash=training_hash or dataset_hash,
        training_items=counts.n,
        policies={name: policy.description for name, policy in POLICIES.items()},
        levels=levels,
        scores={name: _by_policy(name, some, counts) for name, some in of_sets.items()},
        cells=cells,
    )


def _row(item: StagedQuestion, counts: TrainingCounts) -> dict:
    """Return an item as a line: what may be seen of it, and apart from that its right answer."""
    kept = {name: getattr(item, name) for name in ("qid", "test_set", "group", "skill", "family")}
    return kept | {"seen": counts.seen(item), "gold": right_answer(item)}


def best(name: str, rows: Sequence[dict], counts: TrainingCounts) -> Level:
    """Return the best expected score on lines of test set `name`, over one policy for each form that occurs.

    Of equally good policies the first of the registry is named.
    """
    forms = sorted({row["seen"].form for row in rows})
    able = [[policy for policy, entry in POLICIES.items() if form in entry.forms] for form in forms]
    tried = [dict(zip(forms, chosen, strict=True)) for chosen in itertools.product(*able)]
    scored = [(round(expected_score(name, rows, rules, counts), 9), rules) for rules in tried]
    value, rules = max(scored, key=lambda one: one[0])
    return Level(value=value, n=len(rows), policy=rules)


def expected_score(name: str, rows: Sequence[dict], rules: Rules, counts: TrainingCounts) -> float:
    """Return the expected headline of test set `name` if each form is answered by its policy in `rules`."""
    given = {row["qid"]: POLICIES[rules[row["seen"].form]].answer(row["seen"], counts) for row in rows}
    return fmean(fmean(_all_right(group, rules, given) for group in groups) for groups in counted_together(name, rows))


def _all_right(group: Sequence[dict], rules: Rules, given: Mapping[str, Answers]) -> float:
    """Return the probability that every line of a group is right: a product over what is drawn independently."""
    drawn = defaultdict(list)
    for row in group:
        drawn[_draw(row["seen"], POLICIES[rules[row["seen"].form]], row["qid"])].append(row)
    return math.prod(
        sum(share for answer, share in given[rows[0]["qid"]].items() if all(_right(answer, row) for row in rows))
        for rows in drawn.values()
    )


def _draw(seen: Seen, policy: Policy, qid: str) -> object:
    """Return what lines share that get one draw: the question, or nothing."""
    return seen.unordered if policy.once else qid


def _right(answer: str, row: dict) -> bool:
    return answer == row["gold"] if row["seen"].options else correct(answer, row["gold"])


def _by_policy(name: str, rows: Sequence[dict], counts: TrainingCounts) -> dict[str, dict[str, float]]:
    """Return {form: {policy: expected score on the lines of that form}}."""
    of_forms = _parts(rows, lambda seen: seen.form)
    return {
        form: {
            policy: round(expected_score(name, some, {form: policy}, counts), 9)
            for policy, entry in POLICIES.items()
            if form in entry.forms
        }
        for form, some in of_forms.items()
    }


def _cells(name: str, rows: Sequence[dict], counts: TrainingCounts) -> list[Cell]:
    """Return the levels by depth, by form, and by both; None stands for all depths or forms."""
    kinds = (lambda seen: (seen.depth, None), lambda seen: (None, seen.form), lambda seen: (seen.depth, seen.form))
    return [
        Cell(test_set=name, depth=depth, form=form, **best(name, some, counts).model_dump())
        for kind in kinds
        for (depth, form), some in _parts(rows, kind).items()
    ]


def _parts(rows: Sequence[dict], key) -> dict:
    found = defaultdict(list)
    for row in rows:
        found[key(row["seen"])].append(row)
    return dict(sorted(found.items()))
