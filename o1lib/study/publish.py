"""Copy complete rows from work/ to results/, and compare your reports with the published ones.

publish("mini")      # records, predictions, tables, figures and executed reports of complete rows
compare("mini")      # prints the differences that nbdime finds between the reports, then both sides' claims

results/mini/runs/<row>/seed<k>/{record.json, predictions.parquet, small files}
results/mini/{tables,figures}/                  files of the reports
results/mini/executed/<notebook>.ipynb
results/mini/readiness/                         tables of all tries of readiness
results/mini/probes/<checkpoint>/               suites of probes of work/probes, with every reply
README.md, docs/claims.md                       blocks from the claims report
"""

import shutil
import subprocess
import sys
from pathlib import Path

from o1lib.records import UserError, project_root, shown
from o1lib.records.store import PREDICTIONS, RECORD
from o1lib.records.wording import counted
from o1lib.study import copies, experiments, plan, states
from o1lib.study.copies import PUBLISHED
from o1lib.study.jobs import Job, scale_of


def _results(scale: str) -> Path:
    return project_root() / "results" / scale


def planned(scale: str) -> list[plan.PlannedJob]:
    """Return the plan entries of every row and report at every seed that has a record."""
    root = project_root() / "work" / scale
    seeds = tuple(sorted(states.seeds_there(root) | {0}))
    return list(plan.make_plan(experiments.read_experiments(), scale, "all", seeds).jobs)


def check_files(entries: list[plan.PlannedJob]) -> None:
    """Raise UserError if a file that would be copied is not the file that its record was made from."""
    for job in (entry.job for entry in entries):
        record = states.recorded(job)
        if record is None or not (job.report or record.fingerprint == job.fingerprint):
            continue  # not published; _left_out names it
        for name, what in record.spoilt().items():
            if name == PREDICTIONS or Path(name).suffix in PUBLISHED:
                raise UserError(
                    f"nothing is published, because {shown(record.folder / name)} of {job.name} {what} since "
                    f"that row was recorded: {record.redo}, then publish again"
                )


def _left_out(entries: list[plan.PlannedJob], published: list[Job]) -> list[str]:
    """Return the name and the reason of every row with a folder in work/, and every report, that is not published."""
    found, keys = [], {job.key for job in published}
    for entry in entries:
        folder = states.folder_of(entry.job)
        if entry.job.key in keys or not (folder.is_dir() or entry.job.report):
            continue
        if states.recorded(entry.job):
            why = entry.reason
        elif (folder / RECORD).is_file():
            why = f"{shown(folder / RECORD)} cannot be read: run it again"
        elif (folder / states.EARLIER).is_file():
            why = f"its record was set aside: {entry.reason}"
        else:
            why = "no record: it failed, or is running" if folder.is_dir() else "no record: it was not run"
        found.append(f"{entry.job.name} ({why})")
    return found


def _older(results: Path, published: list[Job]) -> list[str]:
    """Return the names of the rows that were published before and are not published now."""
    folders = {results / "runs" / job.row / f"seed{job.seed}" for job in published}
    return [
        f"{path.parent.parent.name} seed {path.parent.name.removeprefix('seed')}"
        for path in sorted(results.glob(f"runs/*/seed*/{RECORD}"))
        if path.parent not in folders
    ]


def _check_reports(rows: list[Job], reports: list[Job]) -> None:
    """Raise UserError if a report started before a row that it is published with."""
    began = {job.name: states.recorded(job).provenance["started_at"] for job in rows + reports}
    for report in reports:
        for job in rows:
            if began[job.name] > began[report.name]:
                raise UserError(f"report {report.row} is older than {job.name}: run `make study`, then publish again")


def _copy_report(job: Job, results: Path) -> None:
    folder = states.folder_of(job)
    (results / "executed").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / "notebook.ipynb", results / "executed" / f"{job.notebook}.ipynb")
    for kind in ("tables", "figures"):
        if (folder / kind).is_dir():
            shutil.copytree(folder / kind, results / kind, dirs_exist_ok=True)


def _copy(rows: list[Job], reports: list[Job], results: Path) -> None:
    for job in rows + reports:
        copies.copy_row(states.folder_of(job), results / "runs" / job.row / f"seed{job.seed}")
    for job in reports:
        _copy_report(job, results)


def publish(scale: str = "mini", force: bool = False) -> None:
    """Copy the complete rows and reports of work/<scale> to results/<scale>, and all tries of readiness and probes.

    Prints what was copied, what was left out, and which rows stay as they were published before. Raises UserError,
    before anything is copied, for scale smoke without `force`, if no row is complete, if a file is not the one that its
    record was made from, if a report is older than a row, if another try of readiness of the same name is published,
    and if README.md or docs/claims.md lacks its marks.
    """
    if scale == "smoke" and not force:
        raise UserError("smoke rows show that the pipeline works; their numbers mean nothing: publish SCALE=mini")
    from o1lib.study import readme  # imports pandas

    entries = planned(scale)
    check_files(entries)
    rows = [entry.job for entry in entries if entry.complete and not entry.job.report]
    reports = [entry.job for entry in entries if entry.job.report and states.recorded(entry.job)]
    if not rows:
        raise UserError(f"no complete row in work/{scale}: run `make study SCALE={scale}` first")
    _check_reports(rows, reports)
    tries = copies.of_work(scale), copies.of_results(_results(scale))
    copies.check_tries(*tries)
    updates_pages = scale == experiments.MAIN_SCALE and any(job.row == "claims" for job in reports)
    if updates_pages:
        readme.check_marks()
    _copy(rows, reports, _results(scale))
    beside = copies.copy_tries(scale, *tries)
    if updates_pages:
        readme.write_blocks(scale)
    print(f"{counted(len(rows), 'row')} and {counted(len(reports), 'report')} published in {shown(_results(scale))}")
    for what, names in (
        ("left out", _left_out(entries, rows + reports)),
        ("left as published before", _older(_results(scale), rows + reports)),
    ):
        if names:
            print(f"{what}: {', '.join(names)}")
    if beside:
        print(f"published with them: {beside}")


def compare(scale: str = "mini") -> None:
    """Print how your executed reports differ from the published ones by nbdime, then both sides' claims.

    Raises UserError for an unknown scale, and if a report is missing on either side or failed.
    """
    study = experiments.read_experiments()
    scale_of(study, scale)
    names = {row: entry.notebook for row, entry in study.rows.items() if experiments.EVERYTHING in entry.needs}
    for row, notebook in names.items():
        yours = project_root() / "work" / scale / "runs" / row / "seed0" / "notebook.ipynb"
        published = _results(scale) / "executed" / f"{notebook}.ipynb"
        if not published.is_file():
            raise UserError(f"nothing is published at {shown(published)} to compare with: try another SCALE")
        if not yours.is_file():
            raise UserError(f"you have not run report {row} ({shown(yours)}): run `make study SCALE={scale}` first")
        if not yours.with_name(RECORD).is_file():
            raise UserError(
                f"report {row} has no record, so it failed ({shown(yours)}): run `make study SCALE={scale}`"
            )
        nbdiff = Path(sys.executable).with_name("nbdiff")  # under another name it does not read nbdime_config.json
        # started by this Python: the first line of the script cannot hold every path
        command = [sys.executable, str(nbdiff), "--no-color", shown(published), shown(yours)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=project_root())
        if done.returncode > 1 or (done.returncode and not done.stdout):
            problem = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise UserError(f"nbdime could not compare {shown(yours)}: {problem}")
        print(done.stdout or f"{notebook}: no difference")
    _compare_claims(scale)


def _compare_claims(scale: str) -> None:
    """Print both sides' claims, nothing if one side has none. They come last, so that they stay on the screen."""
    from o1lib.analysis.claims import replication  # imports pandas

    paths = list((project_root() / "work" / scale / "runs").glob("*/seed0/tables/claims.json"))
    yours, published = replication.read_claims(paths[0]) if paths else [], replication.published(scale)
    if yours and published:
        print(replication.summarize_replication(replication.compare_with_published(yours, published)))
