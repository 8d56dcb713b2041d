"""Explain a claim: its contrast and records, its value computed again, and the questions on which its rows differ.

    print(explain("A5", "mini"))     # python -m o1lib why A5 --scale mini, or make why CLAIM=A5

Records are read from work/<scale> if it has all rows of the claim, else from results/<scale>. Texts of models are cut
to one line of printable characters, because they are printed on a terminal.
"""

import time
from pathlib import Path
from textwrap import shorten

import pandas as pd

from o1lib.analysis.claims import Claim, evaluate_claims, frozen_margins, load_claims, rests_on
from o1lib.analysis.claims.bases import by_base
from o1lib.analysis.claims.page import PAPERS, beside, cost, measured, reported
from o1lib.analysis.claims.replication import place, published
from o1lib.analysis.claims.wording import margin, worded
from o1lib.analysis.stats import NOT_TESTED
from o1lib.analysis.views.examples import questions
from o1lib.records import Record, UserError, load_all, nearest, project_root, shown
from o1lib.study import experiments
from o1lib.study.jobs import scale_of

EXAMPLES = 3  # questions shown for each row
MAX_CHARACTERS = 100  # of a text of a model
ROUNDING = 1e-9  # two computations of the same value may differ by this much
OPERATORS = {"difference": "minus", "equivalence": "minus", "ratio": "over"}
NUMBERS = ("value", "low", "high")


def explain(name: str, scale: str = "mini") -> str:
    """Return what decides a claim, as text for a terminal.

    Raises UserError for an unknown claim or scale, for a claim about models that the study does not have, and for a
    claim whose rows were not run. The last error gives the command that runs them.
    """
    started = time.monotonic()
    claims = {claim.id: claim for claim in load_claims()}
    if not name:
        raise UserError(f"name a claim, for example `make why CLAIM=A5`: one of {', '.join(claims)}")
    if name not in claims:
        raise UserError(f"CLAIM={name!r} is not in claims.yaml: {nearest(name.upper(), claims)}")
    claim = claims[name]
    scale_of(study := experiments.read_experiments(), scale)
    root, records = _records(claim, scale)
    family = [one for one in claims.values() if one.confirmatory] if claim.confirmatory else [claim]
    # Holm's correction needs the p values of the whole family
    planned = experiments.planned_seeds(study, scale)
    lines = evaluate_claims(family, records, planned, margins=frozen_margins(family))
    line = next(line for line in lines if line["id"] == name)
    sources = _sources(claim, line, root, records)
    parts = [_claim(claim, line), sources, _verdict(line, scale, time.monotonic() - started)]
    if line["value"] is not None:
        parts.append(_deciding(claim, root, *rests_on(claim, records)))
    return "\n\n".join(parts)


def _records(claim: Claim, scale: str) -> tuple[Path, list[Record]]:
    """Return the root that has records of all rows of the claim, and all records of that root."""
    rows = claim.contrast.rows
    if unknown := [row for row in rows if row not in experiments.read_experiments().rows]:
        raise UserError(
            f"claim {claim.id} is about {' and '.join(unknown)}, which experiments.yaml does not have, so "
            f"it stays {NOT_TESTED}: choose another CLAIM, or add the row"
        )
    roots = [project_root() / place / scale for place in ("work", "results")]
    for root in roots:
        records = load_all(root)
        if set(rows) <= _named(records):
            return root, records
    recorded = {name for root in roots for name in _named(load_all(root))}
    missing = [row for row in rows if row not in recorded]
    what = f"{' and '.join(missing)}, not run so far" if missing else f"{' and '.join(rows)} in one folder"
    searched = " and ".join(map(shown, roots))
    raise UserError(
        f"claim {claim.id} needs {what} (searched: {searched}): run "
        f"`make study SCALE={scale} ROWS={','.join(rows)}` first"
    )


def _named(records: list[Record]) -> set[str]:
    """Return the names of rows with a record, and those that they have on the first base."""
    return {record.row for record in records} | {row for rows in by_base(records).values() for row in rows}


def _claim(claim: Claim, line: dict) -> str:
    what = claim.contrast
    of = f" of {', '.join(what.skills)}" if what.skills else ""
    of += f", minus that of {', '.join(what.less_skills)}" if what.less_skills else ""
    sets = f" on {', '.join(what.sets)}" if what.sets else ""
    pair = f"{what.a} {OPERATORS[claim.kind]} {what.b}" if what.b else what.a
    sign = {1: "above", -1: "below", 0: "about"}[claim.sign] + f" {claim.claimed:g}"
    family = "of the confirmatory family" if claim.confirmatory else "exploratory"
    return "\n".join(
        [
            f"{claim.id}, {PAPERS[claim.paper]}, {claim.table}: {claim.statement}",
            f"reported   {reported(line)}",
            f"contrast   {pair}, {what.metric}{of}{sets}; claimed: {claim.kind} {sign}; {family}",
        ]
    )


def _sources(claim: Claim, line: dict, root: Path, records: list[Record]) -> str:
    pairs = rests_on(claim, records)[0] if line["value"] is not None else {}
    used = [record for found in pairs.values() for record in found.values()]
    used = used or [record for row in claim.contrast.rows for record in records if record.row == row]
    lines = [f"records    of {shown(root)}"]
    for record in used:
        made = record.provenance
        n = max((metric.n for metric in record.metrics.values()), default=0)
        lines += [
            f"  {record.row}, seed {record.seed}: {shown(record.folder)}",
            f"    commit {record.commit[:10]}, data {(made.get('dataset_hash') or 'unknown')[:10]}, "
            f"model {(made.get('model_hash') or 'unknown')[:10]}; {n} questions, {record.n_failed} failed"
            + (", made by an earlier version of the code" if record.stale else ""),
        ]
    return "\n".join(lines)


def _verdict(line: dict, scale: str, seconds: float) -> str:
    if line["value"] is None:
        return f"verdict    {line['verdict']}: {line['why']}"
    holm = f", after Holm's correction {line['p_holm']:.3f}" if "p_holm" in line else ""
    p = f", p {line['p']:.3f}{holm}" if line["p"] is not None else ""
    numbers = f"{measured(line)}, {line['n']} questions, seeds: {line['seeds']}{p}"
    return "\n".join(
        [
            f"computed   {numbers} ({seconds:.1f} s)",
            f"verdict    {worded(line)} ({line['why']})",
            f"margin     {margin(line)}",
            f"beside it  {beside(line)}",
            f"published  {_published(line, scale)}",
            f"cost       {cost(line)}",
        ]
    )


def _published(line: dict, scale: str) -> str:
    """Say whether value, interval and verdict are the published ones, else where the value lies in the interval."""
    where = f"results/{scale}/tables/claims.json"
    found = next((one for one in published(scale) if one["id"] == line["id"]), None)
    if not found or found["value"] is None:
        return f"not tested in {where}"
    if all(_equal(line[name], found[name]) for name in NUMBERS) and line["verdict"] == found["verdict"]:
        return f"the same in {where}"
    if line["low"] is None or found["low"] is None:
        return f"different in {where}: {measured(found)}, {found['verdict']}"
    there = place(line["value"], found["low"], found["high"])
    return f"different in {where}: {measured(found)}, {found['verdict']}; the value here lies {there}"


def _equal(one: float | None, other: float | None) -> bool:
    """Return whether two computations gave the same number, or none."""
    return one == other or (None not in (one, other) and abs(one - other) <= ROUNDING)


def _deciding(claim: Claim, root: Path, pairs: dict, tables: list[pd.DataFrame]) -> str:
    """Return how many observations each row wins, by test set and by family, and examples with both answers."""
    a, b = claim.contrast.a, claim.contrast.b or "none"
    lines = {row: {seed: _by_observation(record) for seed, record in found.items()} for row, found in pairs.items()}
    frame = differing(*tables)
    frame["family"] = [_first(lines[a], qid)["family"] for qid in frame.qid]
    sides = {1: f"{a} higher", -1: f"{b} higher", 0: "alike"}
    frame["side"] = frame.difference.map(lambda value: sides[(value > 0) - (value < 0)])
    counts = [
        pd.crosstab(frame[by], frame.side).rename_axis(by).rename_axis(None, axis=1).to_string()
        for by in ("stratum", "family")
    ]
    tally = ", ".join(f"{side} on {(frame.side == side).sum()}" for side in sides.values())
    if claim.kind == "ratio":
        frame = frame.sort_values("difference", key=abs, ascending=False, kind="stable")
    asked = _asked(pairs[a], root)
    chosen = [(side, frame[frame.side == side].head(EXAMPLES)) for side in list(sides.values())[:2]]
    examples = [
        f"{side}, {'the largest' if claim.kind == 'ratio' else 'the first'} {len(some)}:\n"
        + "\n".join(_example(observation, lines, asked) for observation in some.itertuples())
        for side, some in chosen
        if len(some)
    ]
    return "\n\n".join([f"decided by {len(frame)} questions or groups of them: {tally}", *counts, *examples])


def differing(a: pd.DataFrame, b: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the observations of two tables with columns qid, stratum, a, b, difference and seed.

    `a` and `b` have columns seed, qid, stratum and value. Without `b`, its values are 0. Values in the result are means
    over seeds. Its `seed` is the first seed with the largest difference in the direction of the mean.
    """
    b = a.assign(value=0.0) if b is None else b
    both = a.merge(b[["seed", "qid", "value"]], on=["seed", "qid"], suffixes=("", "_b"), validate="one_to_one")
    found = both.groupby(["qid", "stratum"], sort=False)[["value", "value_b"]].mean().reset_index()
    found = found.rename(columns={"value": "a", "value_b": "b"}).assign(difference=lambda one: one.a - one.b)
    toward = both.qid.map(found.set_index("qid").difference.map(lambda value: -1 if value < 0 else 1))
    both["apart"] = (both.value - both.value_b) * toward
    where = both.sort_values(["apart", "seed"], ascending=[False, True]).groupby("qid").seed.first()
    return found.assign(seed=found.qid.map(where))


def _by_observation(record: Record) -> dict[str, list[dict]]:
    observations: dict[str, list[dict]] = {}
    for line in record.predictions():
        observations.setdefault(line.get("group") or line["qid"], []).append(line)
    return observations


def _first(seeds: dict[int, dict], qid: str) -> dict:
    return next(iter(seeds.values()))[qid.removeprefix("less ")][0]


def _asked(found: dict[int, Record], root: Path) -> dict[str, str]:
    """Return {qid: question}, empty if the dataset cannot be drawn or read again."""
    record = next(iter(found.values()))
    try:
        return {qid: item.question for qid, item in questions(record, root, record.predictions()).items()}
    except (UserError, KeyError):
        return {}


def _example(observation, lines: dict, asked: dict[str, str]) -> str:
    """Return an observation with its correct answer and those of the rows, as text.

    Of a group of questions, the first is shown on which the rows disagree.
    """
    sides = [(row, seeds[observation.seed][observation.qid.removeprefix("less ")]) for row, seeds in lines.items()]
    disagreements = (
        k
        for k, pair in enumerate(zip(*(some for _, some in sides), strict=True))
        if len({one["correct"] for one in pair}) > 1
    )
    k = next(disagreements, 0)
    one = sides[0][1][k]
    text = [f"  {one['qid']} ({one['family']}, {one['skill']}), seed {observation.seed}, right: {_plain(one['gold'])}"]
    text += [f"    asked: {_plain(asked[one['qid']])}"] if one["qid"] in asked else []
    for (row, some), value in zip(sides, (observation.a, observation.b), strict=False):
        answer = some[k]
        right = "right" if answer["correct"] else "wrong"
        text.append(f"    {row}: {_plain(answer['pred'])} ({right}), counts {value:.3g}; {_plain(answer['output'])}")
    return "\n".join(text)


def _plain(text: object) -> str:
    """Return one line of printable characters, so that a model's output cannot contain terminal escapes."""
    return shorten("".join(c if c.isprintable() else " " for c in str(text)), MAX_CHARACTERS, placeholder=" …")
