"""A plan in words: what would run, why, about how long, and which records of other rows it takes away.

print(describe(plan.make(experiments.read(), "mini"), jobs=2))
"""

from collections import defaultdict

from o1lib.study import plan as planning
from o1lib.study.plan import StudyPlan, duration


def headline(plan: StudyPlan, jobs: int = 1) -> str:
    """Return one line: how many rows are planned, done and to run, and about how long that takes."""
    about = max([sum(step.seconds for step in plan.due) / jobs, *(step.seconds for step in plan.due)], default=0)
    time = f", about {duration(about)} with JOBS={jobs}" if plan.due else ""
    return (
        f"{len(plan.steps)} rows planned at scale {plan.scale}: {len(plan.steps) - len(plan.due)} up to date, "
        f"{len(plan.due)} to run{time}"
    )


def describe(plan: StudyPlan, jobs: int = 1) -> str:
    """Return the plan as text: what would run, why, about how long, and the rows that older library code made."""
    lines = [headline(plan, jobs)]
    wide = max((len(step.job.name) for step in plan.steps), default=0)
    lines += [f"  {step.job.name:{wide}}  {duration(step.seconds):>7}  {step.reason}" for step in plan.due]
    lines += [told] if (told := describe_stale(plan)) else []
    old = [step for step in plan.steps if step.remark and not step.reason]
    if old:
        lines += ["up to date, but made by other library code; FRESH=1 redoes them:"]
        lines += [f"  {step.job.name:{wide}}  {step.remark}" for step in old]
    return "\n".join(lines)


def describe_stale(plan: StudyPlan) -> str:
    """Return which records of rows that are not planned a study sets aside, and why, "" for none."""
    lost = [step for step in planning.stale_records(plan) if step.job.key not in plan.needed] if plan.due else []
    if not lost:
        return ""
    by_reason = defaultdict(list)
    for step in lost:
        by_reason[step.reason].append(step.job.name)
    told = (
        f"records of rows that are not planned and out of date too: {len(lost)}; they are set aside "
        f"({planning.EARLIER}), so that no report reads them, and redone when ROWS and SEEDS name them:"
    )
    return "\n".join([told, *(f"  {reason}: {', '.join(names)}" for reason, names in by_reason.items())])
