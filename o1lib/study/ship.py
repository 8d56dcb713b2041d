"""Models into results/checkpoints, with the record that says how each was made; whole or not at all.

base("mini")                                   # trains it by notebook 00, as experiments.yaml says, and ships it
base("mini", source="elsewhere/runs/base/seed0")   # ships a run of notebook 00 that was made by hand
row("mini", "structured", seed=0)              # ships the model of a row of the study

results/checkpoints/mini-base/{model.safetensors, config.json, tokenizer.json, ..., log.jsonl, record.json,
                               predictions.jsonl.gz}
"""

import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
from tqdm import tqdm

from o1lib.models.checkpoint import load as load_model
from o1lib.models.checkpoint import model_hash
from o1lib.records import UserError, atomic_folder, load, portable, project_root, sha256, shown, write_json
from o1lib.records.store import PREDICTIONS, RECORD, Record
from o1lib.study import experiments, plan, row_job, runner
from o1lib.study.jobs import Job, fingerprinted, scale_of

LARGEST = 12_000_000  # bytes of a shipped folder: every clone carries it


def ship_base(scale: str = "mini", source: str = "", fresh: bool = False) -> None:
    """Train the scale's base with the published parameters (an interrupted training goes on) and ship it.

    `source` is the folder of a run of notebook 00 to ship instead of training; its parameters must be the published
    ones. Nothing happens when the shipped base has them already, unless `source` or `fresh` asks for another.
    Raises UserError for a scale without a base of its own and for a run that does not fit.
    """
    target, wanted = _published(scale)
    if not source and not fresh and _has(target, wanted):
        print(f"{shown(target)} was trained with the published parameters: FRESH=1 trains it again")
        return
    folder = (project_root() / source).resolve() if source else _train(scale, wanted, fresh)
    record = load(folder)
    if differing := _differing(record, wanted):
        raise UserError(
            f"{shown(folder)} was made with other parameters than scale {scale} publishes ({differing}): "
            f"name another run, or change `base` of that scale in {experiments.FILE}"
        )
    install(record, target, f"make base SCALE={scale}")


def ship_row(scale: str, name: str, seed: int = 0) -> None:
    """Ship the model of a finished row of the study as results/checkpoints/<scale>-<row>.

    Raises UserError for a row that is unknown, out of date or without a model.
    """
    steps = plan.make_plan(experiments.read_experiments(), scale, name, (seed,)).steps
    step = next((step for step in steps if step.job.row == name), None)
    again = f"make study SCALE={scale} ROWS={name} SEEDS={seed}"
    if step is None:
        raise UserError(f"{name!r} is a group of rows, not one row: name the row whose model is to be shipped")
    if step.reason:
        raise UserError(f"row {step.job.name} is not up to date ({step.reason}): run `{again}` first")
    install(load(plan.folder_of(step.job)), project_root() / "results" / "checkpoints" / f"{scale}-{name}", again)


def install(record: Record, target: Path, command: str) -> None:
    """Copy the model of a finished run and its record to `target`; `command` is what makes it again.

    Raises UserError when the run has no model, its files are not those it recorded, the model cannot be loaded, or the
    whole is too large to be carried by every clone; then `target` stays as it was.
    """
    folder = record.folder
    if "model" not in record.artifacts:
        raise UserError(f"{shown(folder)} left no model: name a run of notebook 00 or 02")
    if changed := record.changed():
        raise UserError(f"{changed[0]} in {shown(folder)} is not what was recorded: run that row again")
    load_model(folder / "model")
    with atomic_folder(target) as part:
        shutil.copytree(folder / "model", part, dirs_exist_ok=True)
        if PREDICTIONS in record.artifacts:
            shutil.copyfile(folder / PREDICTIONS, part / PREDICTIONS)
        size = sum(path.stat().st_size for path in part.rglob("*") if path.is_file())
        if size > LARGEST:
            raise UserError(
                f"{shown(target)} would have {size / 1e6:.1f} MB and every clone would carry it: "
                f"ship a model of at most {LARGEST / 1e6:.0f} MB"
            )
        write_json(part / RECORD, _shipped(record, part, command))
    print(f"{shown(target)}: {size / 1e6:.1f} MB, model {model_hash(target)[:12]}, made at commit {record.commit[:10]}")


def _shipped(record: Record, folder: Path, command: str) -> dict:
    """Return the record as it stands beside the weights: its artifacts are the files there, and what made it."""
    words = " ".join(f"-p {name} {shlex.quote(str(value))}" for name, value in record.parameters.items() if value != "")
    by_hand = f".venv/bin/papermill notebooks/{record.notebook}.ipynb out.ipynb {words}"
    files = {
        path.relative_to(folder).as_posix(): sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != RECORD
    }
    made = portable(record.extra | {"command": command, "papermill": by_hand})
    return record.model_dump() | {"artifacts": files, "extra": made}


def _published(scale: str) -> tuple[Path, dict]:
    """Return (where the scale's base is shipped, the parameters it is trained with)."""
    study = experiments.read_experiments()
    block = scale_of(study, scale)
    target = str(block.notebooks.get(experiments.BASE, {}).get("checkpoint", ""))
    if not (block.base and target.startswith("results/checkpoints/")):
        having = [name for name, other in study.scales.items() if other.base]
        raise UserError(f"scale {scale} ships no base of its own: use SCALE={' or SCALE='.join(having) or '...'}")
    return project_root() / target, block.base


def _differing(record: Record, wanted: dict) -> str:
    """Say where a run of notebook 00 differs from what is published, "" where it does not."""
    if record.notebook != experiments.BASE:
        return f"notebook {record.notebook}, not {experiments.BASE}"
    differing = {name: (record.parameters.get(name), value) for name, value in ({"checkpoint": ""} | wanted).items()}
    return ", ".join(f"{name}: {is_!r}, not {value!r}" for name, (is_, value) in differing.items() if is_ != value)


def _has(target: Path, wanted: dict) -> bool:
    """Whether a whole base, trained with the published parameters, is there."""
    try:
        record = load(target)
    except UserError:
        return False
    return not _differing(record, wanted) and not record.changed()


def _train(scale: str, wanted: dict, fresh: bool) -> Path:
    """Run notebook 00 outside the study's own rows, showing how far it is, and return the run's folder."""
    place = project_root() / "work" / scale / "base"
    given = {"row": "base", "seed": 0, "scale": scale, "root": f"work/{scale}/base"}
    job = fingerprinted(Job("base", 0, experiments.BASE, wanted | given, (), 0.0), {})
    if not fresh and plan.is_done(job):
        return plan.folder_of(job)
    entry = plan.write_plan(plan.StudyPlan(scale, (plan.PlannedJob(job, "asked for"),), ()), place / "plan.json")
    command = [sys.executable, "-m", "o1lib", "run-row", "base", "--scale", scale, "--plan", str(entry)]
    with open(place / "base.log", "w+", encoding="utf8") as log:
        child = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            cwd=project_root(),
            env=runner.environment(scale, 1),
            start_new_session=True,
        )
        process = psutil.Process(child.pid)
        try:
            _show(child, plan.folder_of(job) / "log.jsonl", wanted.get("examples", 0))
        finally:
            row_job.stop_tree(process)
        log.seek(0)
        if child.returncode:
            raise UserError((log.read().strip().splitlines() or ["it was killed"])[-1].removeprefix("o1lib: "))
    return plan.folder_of(job)


def _show(child: subprocess.Popen, log: Path, examples: int) -> None:
    """Wait for the training, with a bar that follows its log."""
    print(f"training by notebook {experiments.BASE}: when stopped, the same command goes on from there", flush=True)
    with tqdm(total=examples, unit=" examples", mininterval=1) as bar:
        while child.poll() is None:
            time.sleep(0.5)
            lines = log.read_text(encoding="utf8").splitlines() if log.is_file() else []
            seen = json.loads(lines[-1]) if lines else {}
            bar.set_postfix({"loss": f"{seen['loss']:.2f}"} if "loss" in seen else {}, refresh=False)
            bar.update(seen.get("examples", 0) - bar.n)
