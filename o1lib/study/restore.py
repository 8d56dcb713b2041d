"""Bring back the records that a study set aside, where they fit the plan and the files of their runs are there.

    print(restore("mini"))             # "2 records brought back: structured seed 0, structured.sample seed 0"

A study moves the record of a row that it redoes to earlier.json. Its files stay until the row starts over. From then on
the record cannot come back, because the files in its folder belong to the new run.
"""

from o1lib.records import project_root
from o1lib.records.files import disk_errors
from o1lib.records.journals import put_away
from o1lib.records.store import RECORD
from o1lib.records.wording import counted
from o1lib.study import experiments, plan, states
from o1lib.study.jobs import Job, scale_of
from o1lib.study.row_job import locked


def restore(scale: str, rows: str = "") -> str:
    """Rename earlier.json to record.json where it fits the plan and its files are there; return what was done, as text.

    A folder that is missing or has changed, such as the model, keeps no record from coming back: the text names it, and
    it is made again when a row needs it. `rows` are groups and rows between commas, "" all of them. Reports come last,
    because they depend on the other records. Raises UserError for an unknown scale or row, and while a study runs.
    """
    study = experiments.read_experiments()
    scale_of(study, scale)
    root = project_root() / "work" / scale
    seeds = tuple(sorted(states.seeds_there(root, name=states.EARLIER) | {0}))
    chosen = rows or ",".join(study.rows)
    back, lost, left = [], [], []
    with locked(root / ".lock", f"a study is running in work/{scale}: wait for it, or stop it with Ctrl-C"):
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
    head = f"{counted(len(back), 'record')} brought back" + (f": {', '.join(back)}" if back else "")
    remedy = ["such a folder is made again when a row needs it, or when ROWS names the row"] if lost else []
    return "\n".join([head, *lost, *remedy, *left])


def _bring_back(job: Job) -> None:
    folder = states.folder_of(job)
    with disk_errors(folder):
        if (folder / RECORD).exists():  # it cannot be read
            put_away(folder / RECORD)
        (folder / states.EARLIER).replace(folder / RECORD)
