"""Evaluate claims from records: the contrast of each claim with its interval and verdict, or the reason for none.

    lines = evaluate_claims(load_claims(), load_all("work/mini"))
    lines[3]["why"]                                # "needs row no_tags.sample, which has no record"

Only records with the same data and the same code are compared, seed by seed.
"""

from collections.abc import Collection, Iterable, Mapping

import pandas as pd

from o1lib.analysis.claims.comparison import Evidence, Pairs, comparable, table, usable
from o1lib.analysis.claims.cost import cost, drawn_for_test
from o1lib.analysis.claims.family import corrected
from o1lib.analysis.claims.registry import Claim, Compared, Variation
from o1lib.analysis.claims.wording import agrees_with_paper, changed_by_sets, only_own_judge
from o1lib.analysis.stats import METHODS, NOT_TESTED, Interval, contrast, interval, ratio, verdict
from o1lib.records import Record, UserError
from o1lib.scoring.chance_level import AVERAGE, HEADLINE

NUMBERS = ("value", "low", "high", "n", "seeds", "p", "wins", "losses")
NO_VERDICT = "no verdict"  # of a statement about cost
PLAIN = "the plain average, because no chance level is frozen"
FEW_SEEDS = {1: "one seed says nothing of other seeds", 2: "two seeds say little of other seeds"}
COSTS = {
    "construction": "holds by construction of the two searches, so the measured value is no evidence",
    "implementation": "hangs on the implementation of the two searches",
}
BATCHED = ("cost/seconds",)  # measured for a whole batch: its questions are not independent samples
SHARED = "seconds of a batch are shared by its questions, so there is no interval over questions"
ALL_SETS = {"six sets": Variation(metric=AVERAGE)}  # beside a headline, which not all sets may enter


def evaluate_claims(
    claims: Iterable[Claim],
    records: Iterable[Record],
    planned: Mapping[str, Collection[int]] | None = None,
    same_code: bool = True,
    margins: Mapping[str, float] | None = None,
) -> list[dict]:
    """Return one dict for each claim, in order, for JSON.

    Keys: id, paper, table, statement, kind, sign, claimed, scope, origin, holds_by, reported, contrast, value, low and
    high (fractions or ratios), n (questions), seeds, p, wins, losses, margin, verdict, why, cost
    (`o1lib.analysis.claims.cost`), second, judges, only_self, changed_by_sets, confirmatory. The last is whether the
    claim is in the confirmatory family and was scored on `test` drawings; then there is also p_holm, and the verdict is
    the corrected one. Without a verdict the numbers are None. `second` and `judges` hold {label: contrast, numbers,
    verdict and why} of the claim's variations. `only_self` says in words that no other judge gives the verdict, and
    `changed_by_sets` that the average over all six sets gives another one, else "". The contrast is that which was
    measured: without frozen chance levels a headline is the plain average over six sets.

    `margins` are frozen margins by claim id (`o1lib.analysis.claims.margins`); without one no difference is negligible.
    `why` names the interval's method, or the reason why the claim was not tested: a row without a record, a seed of
    `planned` ({row: seeds}) without a record, rows decoded differently, different data, or different code (unless
    `same_code` is False). Seeds that only one row of a contrast has are left out, and `why` names them. A statement
    about cost has the verdict "no verdict", and a ratio of seconds has a value and no interval.
    """
    claims, evidence = list(claims), Evidence.of(records, planned, same_code)
    lines = [_evaluate(claim, (margins or {}).get(claim.id), evidence) for claim in claims]
    return corrected(lines, sum(claim.confirmatory for claim in claims))


def rests_on(claim: Claim, records: Iterable[Record], same_code: bool = True) -> tuple[Pairs, list[pd.DataFrame]]:
    """Return the evidence for the verdict on a claim: its records by row and seed, and one table for each row.

    A table is that of `o1lib.analysis.observations.observations`, for all seeds. Raises UserError where
    `evaluate_claims` gives the verdict "not tested".
    """
    evidence = Evidence.of(records, same_code=same_code)
    pairs, _ = comparable(claim.contrast, evidence)
    what = usable(claim.contrast, pairs, evidence)
    return pairs, [table(what, pairs[row], evidence) for row in what.rows]


def _evaluate(claim: Claim, margin: float | None, evidence: Evidence) -> dict:
    line = claim.model_dump(mode="json", exclude_none=True, exclude={"second", "judges", "confirmatory"})
    line |= {"margin": margin} | _judged(claim, claim.contrast, margin, evidence)
    pairs = line.pop("pairs")
    second = claim.second | (ALL_SETS if pairs and line["contrast"]["metric"] == HEADLINE else {})
    for name, variations in (("second", second), ("judges", claim.judges)):
        found = {label: _judged(claim, claim.varied(by), margin, evidence) for label, by in variations.items()}
        line[name] = {label: {key: one[key] for key in one if key != "pairs"} for label, one in found.items()}
    return line | {
        "why": "; ".join(filter(None, [line["why"], agrees_with_paper(line)])),
        "only_self": only_own_judge(line),
        "changed_by_sets": changed_by_sets(line),
        "cost": cost(pairs, evidence.records) if pairs else None,
        "confirmatory": bool(pairs) and claim.confirmatory and drawn_for_test(pairs, evidence.records),
    }


def _judged(claim: Claim, what: Compared, margin: float | None, evidence: Evidence) -> dict:
    """Return contrast, numbers, verdict and why of one contrast, and its records as `pairs` (None if not tested)."""
    try:
        pairs, remark = comparable(what, evidence)
        asked, what = what, usable(what, pairs, evidence)
        numbers, method = _measured(claim, what, pairs, evidence)
    except UserError as problem:
        line = {"contrast": what.model_dump(mode="json"), "why": str(problem), "pairs": None}
        return line | dict.fromkeys(NUMBERS) | {"verdict": NO_VERDICT if claim.holds_by else NOT_TESTED}
    judged = verdict(numbers["low"], numbers["high"], claim.sign, claim.kind, claim.claimed, margin)
    unmargined = claim.kind == "equivalence" and margin is None
    remarks = [
        COSTS.get(claim.holds_by),
        method,
        FEW_SEEDS.get(numbers["seeds"]),
        "no margin is frozen, so equality cannot be shown" if unmargined else "",
        PLAIN if what != asked else "",
        remark,
    ]
    line = {"contrast": what.model_dump(mode="json"), "why": "; ".join(filter(None, remarks)), "pairs": pairs}
    return line | numbers | {"verdict": NO_VERDICT if claim.holds_by else judged}


def _measured(claim: Claim, what: Compared, pairs: Pairs, evidence: Evidence) -> tuple[dict, str]:
    """Return the NUMBERS of a contrast, and in words the method of its interval."""
    tables = [table(what, pairs[row], evidence) for row in what.rows]
    if claim.kind == "rate":
        found: Interval = interval(tables[0], "value")
    else:
        found = (ratio if claim.kind == "ratio" else contrast)(*tables, "value")
    numbers = {name: getattr(found, name, None) for name in NUMBERS}
    if what.metric in BATCHED:
        return numbers | dict.fromkeys(("low", "high", "p")), SHARED
    return numbers, METHODS[found.method]
