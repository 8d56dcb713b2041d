"""Evaluate claims from records: the contrast of each claim with its interval and verdict, or the reason for none.

    lines = evaluate_claims(load_claims(), load_all("work/mini"))
    lines[3]["why"]                                # "needs row no_tags.sample, which has no record"

Only records with the same data and the same code are compared, seed by seed.
"""

from collections.abc import Collection, Iterable, Mapping

import pandas as pd

from o1lib.analysis.claims.bases import DIFFERS, Pairs, merged, over_bases, verdict_over_bases
from o1lib.analysis.claims.comparison import Evidence, check_alike, comparable, tables, unpaired, usable
from o1lib.analysis.claims.cost import cost, drawn_for_test
from o1lib.analysis.claims.family import corrected
from o1lib.analysis.claims.margins import FrozenMargin
from o1lib.analysis.claims.own_judge import judged_by_itself
from o1lib.analysis.claims.registry import Claim, Compared, Variation
from o1lib.analysis.claims.wording import ALL_SETS, agrees_with_paper, changed_by_sets, only_own_judge
from o1lib.analysis.stats import METHODS, NOT_TESTED, Interval, contrast, interval, ratio, verdict
from o1lib.records import Record, UserError
from o1lib.scoring import PAPER_SETS
from o1lib.scoring.chance_level import AVERAGE, HEADLINE

NUMBERS = ("value", "low", "high", "n", "seeds", "p", "wins", "losses")
NO_VERDICT = "no verdict"  # of a statement about cost
PLAIN = "the plain average, because no chance level is frozen"
FEW_SEEDS = {1: "one seed says nothing of other seeds", 2: "two seeds say little of other seeds"}
COSTS = {
    "construction": "holds by construction of the searches, so the measured value is no evidence",
    "implementation": "hangs on the implementation of the searches",
}
BATCHED = ("cost/seconds",)  # measured for a whole batch: its questions are not independent samples
SHARED = "seconds of a batch are shared by its questions, so there is no interval over questions"
AVERAGED = {"six sets": Variation(metric=AVERAGE)}  # shown with a headline, which not all sets may enter


def evaluate_claims(
    claims: Iterable[Claim],
    records: Iterable[Record],
    planned: Mapping[str, Collection[int]] | None = None,
    same_code: bool = True,
    margins: Mapping[str, FrozenMargin] | None = None,
) -> list[dict]:
    """Return one dict for each claim, in order, for JSON.

    Keys: id, paper, table, statement, kind, sign, claimed, scope, origin, holds_by, reported, contrast, value, low and
    high (fractions or ratios), n (questions), seeds, p, wins, losses, margin, margin_power, verdict, why, cost
    (`o1lib.analysis.claims.cost`), second, judges, only_self, changed_by_sets, confirmatory. The last is whether the
    claim is in the confirmatory family and was scored on `test` drawings; then there is also p_holm, and the verdict is
    the corrected one. Without a verdict the numbers are None. `second` and `judges` hold {label: contrast, numbers,
    verdict and why} of the claim's variations. Where rows were run on several bases, the numbers are those of the mean
    over these bases, and `bases` holds the numbers of each. `only_self` says in words that no other judge gives the
    verdict, and `changed_by_sets` that the headline over all six sets gives another one, else "". The contrast is that
    which was measured: without frozen chance levels a headline is the plain average over six sets. For the
    confirmatory family on
    `test` drawings there is no such substitute: the claim is not tested, nor where a row lacks another row's seed.

    `margins` are frozen margins by claim id (`o1lib.analysis.claims.margins`); without one no difference is negligible.
    A margin counts for its own rows and metric, so variations in these have none.
    `why` names the interval's method, or the reason why the claim was not tested: a row without a record, a seed of
    `planned` ({row: seeds}) without a record, rows decoded differently, different data, or different code (unless
    `same_code` is False). Seeds that only one row of a contrast has are left out, and `why` names them. A statement
    about cost has the verdict "no verdict", and a ratio of seconds has a value and no interval.
    """
    claims, evidence = list(claims), Evidence.of(records, planned, same_code)
    lines = [_evaluate(claim, (margins or {}).get(claim.id), evidence) for claim in claims]
    lines = [_without_margin(line) for line in lines] if margins else lines
    return corrected(lines, sum(claim.confirmatory for claim in claims))


def rests_on(claim: Claim, records: Iterable[Record], same_code: bool = True) -> tuple[Pairs, list[pd.DataFrame]]:
    """Return the evidence for the verdict on a claim: its records by row and seed, and one table for each row.

    A table is that of `o1lib.analysis.observations.observations`, for all seeds; with several bases it has a column
    `base`, and a seed is named with its base. Raises UserError where `evaluate_claims` gives the verdict "not tested".
    """
    evidence = Evidence.of(records, same_code=same_code)
    what, parts, _ = _usable(claim, claim.contrast, evidence)
    return merged(parts), tables(what, parts, evidence)


def measured_as(claim: Claim, records: Iterable[Record], same_code: bool = True) -> Compared:
    """Return the contrast that `rests_on` measures: the claim's, or its substitute where no chance level is frozen."""
    return _usable(claim, claim.contrast, Evidence.of(records, same_code=same_code))[0]


def _evaluate(claim: Claim, frozen: FrozenMargin | None, evidence: Evidence) -> dict:
    margin, power = frozen or (None, None)
    line = claim.model_dump(mode="json", exclude_none=True, exclude={"second", "judges", "confirmatory", "note"})
    line |= {"margin": margin, "margin_power": power} | _judged(claim, claim.contrast, margin, evidence)
    pairs = line.pop("pairs")
    second = claim.second | (_beside_headline(evidence) if pairs and line["contrast"]["metric"] == HEADLINE else {})
    for name, variations in (("second", second), ("judges", claim.judges)):
        line[name] = {label: _varied(claim, by, margin, evidence) for label, by in variations.items()}
    return line | {
        "why": "; ".join(filter(None, [line["why"], agrees_with_paper(line), claim.note])),
        "only_self": only_own_judge(line),
        "changed_by_sets": changed_by_sets(line),
        "cost": cost(pairs, evidence.records) if pairs else None,
        "confirmatory": bool(pairs) and claim.confirmatory and drawn_for_test(pairs, evidence.records),
    }


def _without_margin(line: dict) -> dict:
    """Return a line that says where a difference has no margin although others have one."""
    if line["margin"] is not None or line["value"] is None or line["kind"] != "difference":
        return line
    return line | {"why": f"{line['why']}; no margin is frozen for it, so negligible cannot be reached"}


def _beside_headline(evidence: Evidence) -> dict[str, Variation]:
    """Return the variations to show with a headline: the average, and that of all six sets if not all of them enter.

    Only the second has the unit of the headline, so only it tells whether the choice of sets changes a verdict.
    """
    whole = set(evidence.sets) == set(PAPER_SETS)
    return AVERAGED if whole else AVERAGED | {ALL_SETS: Variation(sets=PAPER_SETS)}


def _varied(claim: Claim, by: Variation, margin: float | None, evidence: Evidence) -> dict:
    """Return contrast, numbers, verdict and why of a variation; the margin counts for the claim's rows and metric."""
    same = not (by.a or by.b or by.metric)
    line = _judged(claim, claim.varied(by), margin if same else None, evidence)
    return {key: line[key] for key in line if key != "pairs"}


def _usable(claim: Claim, what: Compared, evidence: Evidence) -> tuple[Compared, dict[str, Pairs], str]:
    """Return what is measured for a contrast, its records by base, row and seed, and a remark.

    Raises UserError where nothing is, and for a claim of the family on `test` drawings that lacks a seed or a level.
    """
    found = {base: _usable_on(claim, what, one) for base, one in evidence.on(what).items()}
    parts = {base: pairs for base, (_, pairs, _) in found.items()}
    check_alike([record for rows in merged(parts).values() for record in rows.values()], evidence)
    remarks = dict.fromkeys(remark for _, _, remark in found.values() if remark)
    return next(iter(found.values()))[0], parts, "; ".join([*over_bases(parts), *remarks])


def _usable_on(claim: Claim, what: Compared, evidence: Evidence) -> tuple[Compared, Pairs, str]:
    """Return the same for one base, without the base."""
    pairs, remark = comparable(what, evidence)
    used = usable(what, pairs, evidence)
    if claim.confirmatory and drawn_for_test(pairs, evidence.records):
        if lacking := unpaired(what, evidence):
            raise UserError(f"rows of a confirmatory contrast need the same seeds, but {lacking}: run the missing ones")
        if used != what:
            raise UserError(
                "a confirmatory claim is tested in the metric of the protocol alone, and a chance level of its sets "
                "is not frozen: run `.venv/bin/python -m o1lib chance` on its dataset"
            )
    return used, pairs, remark


def _judged(claim: Claim, what: Compared, margin: float | None, evidence: Evidence) -> dict:
    """Return contrast, numbers, verdict and why of one contrast, and its records as `pairs` (None if not tested)."""
    try:
        asked = what
        what, parts, remark = _usable(claim, what, evidence)
        numbers, method = _measured(claim, what, parts, evidence)
        apart = {base: _measured(claim, what, {base: own}, evidence)[0] for base, own in parts.items() if base}
    except UserError as problem:
        line = {"contrast": what.model_dump(mode="json"), "why": str(problem), "pairs": None}
        return line | dict.fromkeys(NUMBERS) | {"verdict": NO_VERDICT if claim.holds_by else NOT_TESTED}
    given = verdict(numbers["low"], numbers["high"], claim.sign, claim.kind, claim.claimed, margin)
    judged = verdict_over_bases(given, list(apart.values())) if apart and claim.kind == "difference" else given
    pairs = merged(parts)
    unmargined = claim.kind == "equivalence" and margin is None
    remarks = [
        COSTS.get(claim.holds_by),
        method,
        FEW_SEEDS.get(numbers["seeds"]),
        "no margin is frozen, so equality cannot be shown" if unmargined else "",
        PLAIN if what != asked else "",
        remark,
        DIFFERS if judged != given else "",
        *([] if claim.holds_by else judged_by_itself(pairs)),
    ]
    line = {"contrast": what.model_dump(mode="json"), "why": "; ".join(filter(None, remarks)), "pairs": pairs}
    line |= numbers | {"verdict": NO_VERDICT if claim.holds_by else judged}
    return line | ({"bases": apart} if apart else {})


def _measured(claim: Claim, what: Compared, parts: dict[str, Pairs], evidence: Evidence) -> tuple[dict, str]:
    """Return the NUMBERS of a contrast, and in words the method of its interval."""
    sides = tables(what, parts, evidence)
    if claim.kind == "rate":
        found: Interval = interval(sides[0], "value")
    else:
        found = (ratio if claim.kind == "ratio" else contrast)(*sides, "value")
    numbers = {name: getattr(found, name, None) for name in NUMBERS}
    if what.metric in BATCHED:
        return numbers | dict.fromkeys(("low", "high", "p")), SHARED
    return numbers, METHODS[found.method]
