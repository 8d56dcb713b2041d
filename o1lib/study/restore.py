"""Bring back kept rows, and the records that a study set aside where they fit the plan and their files are there.

    print(restore("mini"))             # "2 records brought back: structured seed 0, structured.sample seed 0"

Rows that were kept in the repository (`o1lib.study.kept`) come first, where the row has no folder yet.

A study moves the record of a row that it redoes to earlier.json. Its files stay until the row starts over. From then on
the record cannot come back, because the files in its folder belong to the new run.
"""

from o1lib.records import project_root, shown
from o1lib.records.files import disk_errors
from o1lib.records.journals import put_away
from o1lib.records.store import RECORD
from o1lib.records.wording import counted
from o1lib.study import experiments, kept, plan, states
from o1lib.study.jobs import Job, scale_of
from o1lib.study.row_job import locked


def restore(scale: str, rows: str = "") -> str:
    """Copy kept rows, and rename earlier.json to record.json where it fits the plan; return what was done, as text.

    The files of a record must be there. A folder that is missing or has changed, such as the model, keeps no record
    from coming back: the text names it, and it is made again when a row needs it. `rows` are groups and rows between
    commas, "" all of them. Reports come last, because they depend on the other records. Raises UserError for an unknown
    scale or row, and while a study runs.
    """
    study = experiments.read_experiments()
    scale_of(study, scale)
    root = project_root() / "work" / scale
    seeds = tuple(sorted(states.seeds_there(root, name=states.EARLIER) | {0}))
    chosen = rows or ",".join(study.rows)
    back, lost, left = [], [], []
    with locked(root / ".lock", f"a study is running in work/{scale}: wait for it, or stop it with Ctrl-C"):
        fetched = kept.fetch(scale)
        for reports in (False, True):
            made = plan.make_plan(study, scale, chosen, seeds)
            jobs = [entry.job for entry in made.due if entry.job.report is reports]
            for job in jobs:
                why = states.restorable(job)
                if why == "":
                    _bring_back(job)
                    back.append(job.name)
                    lost += [f"{job.name} is back, but its {what}" for what in states.lost_folders(job)]
                elif why is not None:
                    left.append(f"{job.name} stays set aside: {why}")
    copied = [f"{fetched} copied from {shown(kept.folder(scale))}"] if fetched else []
    head = f"{counted(len(back), 'record')} brought back" + (f": {', '.join(back)}" if back else "")
    remedy = ["such a folder is made again when a row needs it, or when ROWS names the row"] if lost else []
    return "\n".join([*copied, head, *lost, *remedy, *left])


def _bring_back(job: Job) -> None:
    folder = states.folder_of(job)
    with disk_errors(folder):
        if (folder / RECORD).exists():  # it cannot be read
            put_away(folder / RECORD)
        (folder / states.EARLIER).replace(folder / RECORD)
