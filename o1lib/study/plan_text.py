"""Describe a plan: what would run, why, about how long, and which records of other rows are set aside.

print(describe(make_plan(read_experiments(), "mini"), jobs=2))
"""

from collections import defaultdict

from o1lib.study import plan as planning
from o1lib.study.plan import StudyPlan, duration


def headline(plan: StudyPlan, jobs: int = 1) -> str:
    """Return one line: the number of rows planned, up to date and to run, and about how long they take."""
    about = max([sum(entry.seconds for entry in plan.due) / jobs, *(entry.seconds for entry in plan.due)], default=0)
    time = f", about {duration(about)} with JOBS={jobs}" if plan.due else ""
    return (
        f"{len(plan.jobs)} rows planned at scale {plan.scale}: {len(plan.jobs) - len(plan.due)} up to date, "
        f"{len(plan.due)} to run{time}"
    )


def describe(plan: StudyPlan, jobs: int = 1) -> str:
    """Return the plan as text: rows to run with reason and time, records set aside, rows made by other code."""
    lines = [headline(plan, jobs)]
    wide = max((len(entry.job.name) for entry in plan.jobs), default=0)
    lines += [f"  {entry.job.name:{wide}}  {duration(entry.seconds):>7}  {entry.reason}" for entry in plan.due]
    lines += [stale] if (stale := describe_stale(plan)) else []
    old = [entry for entry in plan.jobs if entry.remark and not entry.reason]
    if old:
        lines += ["up to date, but made by other library code; FRESH=1 redoes them:"]
        lines += [f"  {entry.job.name:{wide}}  {entry.remark}" for entry in old]
    return "\n".join(lines)


def describe_stale(plan: StudyPlan) -> str:
    """Name the records of unplanned rows that a study sets aside, with the reason, "" if there are none."""
    stale = [entry for entry in planning.stale_records(plan) if entry.job.key not in plan.needed] if plan.due else []
    if not stale:
        return ""
    by_reason = defaultdict(list)
    for entry in stale:
        by_reason[entry.reason].append(entry.job.name)
    heading = (
        f"{len(stale)} out-of-date records belong to rows outside this plan. They are moved to {planning.EARLIER}, "
        f"so that no report reads them. They are redone when ROWS and SEEDS name them:"
    )
    return "\n".join([heading, *(f"  {reason}: {', '.join(names)}" for reason, names in by_reason.items())])
