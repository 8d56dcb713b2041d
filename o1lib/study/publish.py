"""From work/ (what you ran) to results/ (what is published), and the difference between the two.

publish("mini")      # records, predictions, tables, figures and executed reports of complete rows
compare("mini")      # prints what nbdime finds between your reports and the published ones, and both contrasts

results/mini/runs/<row>/seed<k>/{record.json, predictions.jsonl.gz, small files}
results/mini/{tables,figures}/                  what the reports wrote
results/mini/executed/<notebook>.ipynb
README.md                                       the block of first results, from the claims report
"""

import shutil
import subprocess
import sys
from pathlib import Path

from o1lib.records import UserError, atomic_folder, project_root, shown
from o1lib.records.store import PREDICTIONS, RECORD
from o1lib.study import experiments, plan
from o1lib.study.jobs import Job, scale_of

SHOWN = "mini"  # the scale whose first results README shows
SMALL = 400_000  # bytes: a larger file of a row (a model, pictures) stays in work/, its hash is in the record
KEPT = {".json", ".csv", ".md", ".html", ".svg", ".png"}


def _results(scale: str) -> Path:
    return project_root() / "results" / scale


def _steps(scale: str) -> list[plan.PlannedJob]:
    """Return every row and report at every seed that has a record, compared with experiments.yaml."""
    root = project_root() / "work" / scale
    return list(
        plan.make_plan(experiments.read_experiments(), scale, "all", tuple(sorted(plan.seeds_there(root) | {0}))).steps
    )


def _check_files(steps: list[plan.PlannedJob]) -> None:
    """What is copied must be what the records were made from, or it takes the place of what was published rightly."""
    for job in (step.job for step in steps):
        record = plan.recorded(job)
        if record is None or not (job.report or record.fingerprint == job.fingerprint):
            continue  # left out, and told
        for name, what in record.spoilt().items():
            if name == PREDICTIONS or Path(name).suffix in KEPT:
                raise UserError(
                    f"nothing is published, for {shown(record.folder / name)} of {job.name} {what} since "
                    f"that row was recorded: {record.redo}, then publish again"
                )


def _left_out(steps: list[plan.PlannedJob], published: list[Job]) -> list[str]:
    """Return, in words, every row that left something in work/ and every report that is not published, and why."""
    found, keys = [], {job.key for job in published}
    for step in steps:
        folder = plan.folder_of(step.job)
        if step.job.key in keys or not (folder.is_dir() or step.job.report):
            continue
        if plan.recorded(step.job):
            why = step.reason
        elif (folder / RECORD).is_file():
            why = f"{shown(folder / RECORD)} cannot be read: run it again"
        elif (folder / plan.EARLIER).is_file():
            why = f"its record was set aside: {step.reason}"
        else:
            why = "no record: it failed, or is under way" if folder.is_dir() else "no record: it was not run"
        found.append(f"{step.job.name} ({why})")
    return found


def _older(results: Path, published: list[Job]) -> list[str]:
    """Return the names of the rows that were published before and are not now."""
    folders = {results / "runs" / job.row / f"seed{job.seed}" for job in published}
    return [
        f"{path.parent.parent.name} seed {path.parent.name.removeprefix('seed')}"
        for path in sorted(results.glob(f"runs/*/seed*/{RECORD}"))
        if path.parent not in folders
    ]


def _check_reports(rows: list[Job], reports: list[Job]) -> None:
    """A report must have been made after every row that it is published with."""
    began = {job.name: plan.recorded(job).provenance["started_at"] for job in rows + reports}
    for report in reports:
        for job in rows:
            if began[job.name] > began[report.name]:
                raise UserError(f"report {report.row} is older than {job.name}: run `make study`, then publish again")


def _copy_row(source: Path, target: Path) -> None:
    with atomic_folder(target) as part:
        for path in sorted(source.iterdir()):
            small = path.suffix in KEPT and path.stat().st_size <= SMALL
            if path.is_file() and (small or path.name == PREDICTIONS):
                shutil.copyfile(path, part / path.name)


def _copy_report(job: Job, results: Path) -> None:
    folder = plan.folder_of(job)
    (results / "executed").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / "notebook.ipynb", results / "executed" / f"{job.notebook}.ipynb")
    for kind in ("tables", "figures"):
        if (folder / kind).is_dir():
            shutil.copytree(folder / kind, results / kind, dirs_exist_ok=True)


def _copy(rows: list[Job], reports: list[Job], results: Path) -> None:
    for job in rows + reports:
        _copy_row(plan.folder_of(job), results / "runs" / job.row / f"seed{job.seed}")
    for job in reports:
        _copy_report(job, results)


def publish(scale: str = "mini", force: bool = False) -> None:
    """Copy what is complete in work/<scale> to results/<scale> and say what was copied.

    Says too what was left out, and which rows stay as they were published before. Raises UserError for smoke (its
    numbers mean nothing) unless `force`, when nothing is complete, when a file is not what its record was made from,
    when a report is older than a row it should show, and when README has no place for its block: nothing is copied.
    """
    if scale == "smoke" and not force:
        raise UserError("smoke rows show that the pipeline works, their numbers mean nothing: publish SCALE=mini")
    from o1lib.study import readme  # brings pandas, which no other command needs

    steps = _steps(scale)
    _check_files(steps)
    rows = [step.job for step in steps if not step.reason and not step.job.report]
    reports = [step.job for step in steps if step.job.report and plan.recorded(step.job)]
    if not rows:
        raise UserError(f"no complete row in work/{scale}: run `make study SCALE={scale}` first")
    _check_reports(rows, reports)
    told = scale == SHOWN and any(job.row == "claims" for job in reports)
    if told:
        readme.check_marks()
    _copy(rows, reports, _results(scale))
    if told:
        readme.write_blocks(scale)
    print(f"{len(rows)} rows and {len(reports)} reports published in {shown(_results(scale))}")
    for what, names in (
        ("left out", _left_out(steps, rows + reports)),
        ("left as published before", _older(_results(scale), rows + reports)),
    ):
        if names:
            print(f"{what}: {', '.join(names)}")


def compare(scale: str = "mini") -> None:
    """Print, by nbdime, how your executed reports differ from the published ones, then both sides' contrasts.

    Raises UserError for an unknown scale, and when either side is missing.
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
        nbdiff = Path(sys.executable).with_name("nbdiff")  # by its own name, or it does not read nbdime_config.json
        command = [nbdiff, "--no-color", shown(published), shown(yours)]
        words = subprocess.run(command, capture_output=True, text=True, cwd=project_root())
        if words.returncode > 1 or (words.returncode and not words.stdout):
            raise UserError(f"nbdime could not compare {shown(yours)}: {words.stderr.strip().splitlines()[-1:]}")
        print(words.stdout or f"{notebook}: no difference")
    _compare_claims(scale)


def _compare_claims(scale: str) -> None:
    """Print the contrasts, last so that they are not scrolled away; nothing where either side judged no claims."""
    from o1lib.analysis.claims import replication  # brings pandas

    places = list((project_root() / "work" / scale / "runs").glob("*/seed0/tables/claims.json"))
    yours, ours = replication.read_claims(places[0]) if places else [], replication.published(scale)
    if yours and ours:
        print(replication.summarize_replication(replication.compare_with_published(yours, ours)))
