"""Bring back the records that a study set aside, where they fit the plan and the files of their runs are there.

    print(restore("mini"))             # "2 records brought back: structured seed 0, structured.sample seed 0"

A study moves the record of a row that it redoes to earlier.json. Until the row starts anew, its files are there too.
"""

from o1lib.records import project_root
from o1lib.records.files import disk_errors
from o1lib.records.journals import put_away
from o1lib.records.store import RECORD
from o1lib.study import experiments, plan
from o1lib.study.jobs import Job, scale_of
from o1lib.study.row_job import locked


def restore(scale: str, rows: str = "") -> str:
    """Rename earlier.json to record.json where that makes a row complete, and return what was done, as text.

    `rows` are groups and rows between commas, "" all of them. Reports come last, because they depend on the other
    records. Raises UserError for an unknown scale or row, and while a study runs.
    """
    study = experiments.read_experiments()
    scale_of(study, scale)
    root = project_root() / "work" / scale
    seeds = tuple(sorted(plan.seeds_there(root, name=plan.EARLIER) | {0}))
    chosen = rows or ",".join(study.rows)
    back, left = [], []
    with locked(root / ".lock", f"a study is running in work/{scale}: wait for it, or stop it with Ctrl-C"):
        for reports in (False, True):
            made = plan.make_plan(study, scale, chosen, seeds)
            jobs = [entry.job for entry in made.due if entry.job.report is reports]
            for job in jobs:
                why = plan.restorable(job)
                if why == "":
                    _bring_back(job)
                    back.append(job.name)
                elif why is not None:
                    left.append(f"{job.name} stays set aside: {why}")
    head = f"{len(back)} records brought back" + (f": {', '.join(back)}" if back else "")
    return "\n".join([head, *left])


def _bring_back(job: Job) -> None:
    folder = plan.folder_of(job)
    with disk_errors(folder):
        if (folder / RECORD).exists():  # it cannot be read
            put_away(folder / RECORD)
        (folder / plan.EARLIER).replace(folder / RECORD)
