"""Describe a plan: what would run, why, about how long, and which records of other rows stay out of date.

print(describe(make_plan(read_experiments(), "mini"), jobs=2))
"""

import os
from collections import defaultdict

from o1lib.records import shown
from o1lib.records.wording import counted
from o1lib.study.allocator import advice
from o1lib.study.plan import StudyPlan
from o1lib.study.states import BY_HAND

LONG = 3600.0  # seconds of rows from which on their allocator matters


def headline(plan: StudyPlan, jobs: int = 1) -> str:
    """Return one line: the number of rows planned, up to date and to run, and about how long they take."""
    about = max([sum(entry.seconds for entry in plan.due) / jobs, *(entry.seconds for entry in plan.due)], default=0)
    time = f", about {duration(about)} with JOBS={jobs}" if plan.due else ""
    return (
        f"{counted(len(plan.jobs), 'row')} planned at scale {plan.scale}: {len(plan.jobs) - len(plan.due)} up to date, "
        f"{len(plan.due)} to run{time}"
    )


def describe(plan: StudyPlan, jobs: int = 1) -> str:
    """Return the plan as text: rows to run with reason and time, rows made by other code, and `remarks`."""
    lines = [headline(plan, jobs)]
    wide = max((len(entry.job.name) for entry in plan.jobs), default=0)
    lines += [f"  {entry.job.name:{wide}}  {duration(entry.seconds):>7}  {entry.reason}" for entry in plan.due]
    lines += _twins(plan)
    if plan.due and plan.basis:
        lines += [f"times of rows that never ran here are estimated from {plan.basis}"]
    lines += [text] if (text := remarks(plan)) else []
    lines += [text] if sum(entry.seconds for entry in plan.due) > LONG and (text := advice(os.environ)) else []
    old = [entry for entry in plan.jobs if entry.remark and not entry.reason]
    if old:
        lines += ["up to date, but made by other library code; FRESH=1 redoes them:"]
        lines += [f"  {entry.job.name:{wide}}  {entry.remark}" for entry in old]
    return "\n".join(lines)


def _twins(plan: StudyPlan) -> list[str]:
    """Return a line that says what the rows on another base are, [] where none runs."""
    found = {entry.job.row: entry.job.twin_of for entry in plan.due if entry.job.twin_of}
    if not found:
        return []
    row, origin = next(iter(found.items()))
    return [f"{len(found)} rows are rows on another base, by `twins` in experiments.yaml: {row} is {origin} there"]


def remarks(plan: StudyPlan) -> str:
    """Return what the plan leaves as it is, and what can be brought back, as text; "" if there is nothing to say."""
    lines = _by_reason(
        "record",
        "out of date: kept, read by no report of this study, and redone when ROWS and SEEDS name the row:",
        [(entry.reason, entry.job.name) for entry in plan.others if entry.reason not in ("", BY_HAND)],
    )
    lines += _by_reason(
        "record",
        "of no row of this study: kept, read by no report, and never redone. Remove the folder if it is not needed:",
        [(entry.reason, entry.job.name) for entry in plan.gone],
    )
    lines += _by_reason(
        "row",
        "with a folder that is lost or has changed, and that nothing in this plan needs. It is made again when a row "
        "needs it, or when ROWS names the row itself:",
        [(entry.lost, entry.job.name) for entry in plan.others if entry.lost and not entry.reason],
    )
    lines += [
        f"{shown(folder)} is no folder of a run (seed0, seed1, ...), so its record is not read: rename or remove it"
        for folder in plan.odd
    ]
    if plan.restorable:
        names = ", ".join(job.name for job in plan.restorable)
        lines += [
            f"{counted(len(plan.restorable), 'record')} set aside can come back without a run: "
            f"`.venv/bin/python -m o1lib restore --scale {plan.scale}` brings back {names}"
        ]
    return "\n".join(lines)


def _by_reason(noun: str, heading: str, found: list[tuple[str, str]]) -> list[str]:
    """Return the heading after the number of names, and a line for each reason with its names; [] for none."""
    names = defaultdict(list)
    for reason, name in found:
        names[reason].append(name)
    lines = [f"{counted(len(found), noun)} {heading}"]
    return lines + [f"  {reason}: {', '.join(some)}" for reason, some in names.items()] if found else []


def duration(seconds: float) -> str:
    """Return seconds as text in a suitable unit: 41 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
