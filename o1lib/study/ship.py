"""Copy models with their records to results/checkpoints, each whole or not at all.

ship_base("mini")                                       # trains it with notebook 00 and ships it
ship_base("mini", source="elsewhere/runs/base/seed0")   # ships a run of notebook 00 that was made by hand
ship_row("mini", "structured", seed=0)                  # ships the model of a row of the study

results/checkpoints/mini-base/{model.safetensors, config.json, tokenizer.json, ..., log.jsonl, record.json,
                               predictions.jsonl.gz}
"""

import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil

from o1lib.models.checkpoint import load as load_model
from o1lib.models.checkpoint import model_hash
from o1lib.records import UserError, atomic_folder, load, portable, project_root, sha256, shown, write_json
from o1lib.records.files import CARD
from o1lib.records.journals import read_lines
from o1lib.records.progress import progress_bar
from o1lib.records.store import PREDICTIONS, RECORD, Record
from o1lib.study import experiments, plan, row_job, runner, states
from o1lib.study.jobs import Job, fingerprinted, scale_of

LARGEST = 15_500_000  # bytes of a shipped folder at most, because every clone downloads it


def ship_base(scale: str = "mini", source: str = "", fresh: bool = False, seed: int = 0) -> None:
    """Train the scale's base with the published parameters and ship it. An interrupted training continues.

    The base of another `seed` is shipped next to that of seed 0, with the seed at the end of its name. `source` is the
    folder of a run of notebook 00 to ship instead of training. Its parameters must be the published ones. Nothing is
    done if the shipped base has these parameters already, unless `source` or `fresh` is given.
    Raises UserError for a scale without its own base, and for a run with other parameters.
    """
    target, wanted = _published_base(scale, seed)
    if not source and not fresh and _is_shipped(target, wanted):
        print(f"{shown(target)} was trained with the published parameters: FRESH=1 trains it again")
        return
    folder = (project_root() / source).resolve() if source else _train(scale, wanted, fresh, seed)
    record = load(folder)
    if differing := _differing(record, wanted):
        raise UserError(
            f"{shown(folder)} was made with other parameters than scale {scale} publishes ({differing}): "
            f"name another run, or change `base` of that scale in {experiments.FILE}"
        )
    install(record, target, f"make base SCALE={scale}" + (f" SEEDS={seed}" if seed else ""))


def ship_row(scale: str, name: str, seed: int = 0) -> None:
    """Ship the model of a finished row of the study as results/checkpoints/<scale>-<row>.

    Raises UserError for a row that is unknown, out of date or without a model.
    """
    entries = plan.make_plan(experiments.read_experiments(), scale, name, (seed,)).jobs
    entry = next((entry for entry in entries if entry.job.row == name), None)
    again = f"make study SCALE={scale} ROWS={name} SEEDS={seed}"
    if entry is None:
        raise UserError(f"{name!r} is a group of rows, not one row: name the row whose model you want to ship")
    if entry.reason:
        raise UserError(f"row {entry.job.name} is not up to date ({entry.reason}): run `{again}` first")
    install(load(states.folder_of(entry.job)), project_root() / "results" / "checkpoints" / f"{scale}-{name}", again)


def install(record: Record, target: Path, command: str) -> None:
    """Copy the model of a finished run and its record to `target`. `command` is the command that makes it again.

    Raises UserError if the run has no model, a file has changed since it was recorded, the model cannot be loaded, or
    the folder is too large for every clone to download. Then `target` stays as it was.
    """
    folder = record.folder
    if "model" not in record.artifacts:
        raise UserError(f"{shown(folder)} has no model: name a run of notebook 00 or 02")
    if changed := record.changed():
        raise UserError(f"{changed[0]} in {shown(folder)} has changed since it was recorded: run that row again")
    load_model(folder / "model")
    with atomic_folder(target) as part:
        shutil.copytree(folder / "model", part, dirs_exist_ok=True)
        if PREDICTIONS in record.artifacts:
            shutil.copyfile(folder / PREDICTIONS, part / PREDICTIONS)
        if (target / CARD).is_file():
            shutil.copyfile(target / CARD, part / CARD)
        size = sum(path.stat().st_size for path in part.rglob("*") if path.is_file())
        if size > LARGEST:
            raise UserError(
                f"{shown(target)} would have {size / 1e6:.1f} MB, which every clone would download: "
                f"ship a model of at most {LARGEST / 1e6:.0f} MB"
            )
        write_json(part / RECORD, _shipped(record, part, command))
    print(f"{shown(target)}: {size / 1e6:.1f} MB, model {model_hash(target)[:12]}, made at commit {record.commit[:10]}")


def _shipped(record: Record, folder: Path, command: str) -> dict:
    """Return the record to ship: its artifacts are the files in `folder`, and it names the command that made it."""
    given = " ".join(f"-p {name} {shlex.quote(str(value))}" for name, value in record.parameters.items() if value != "")
    by_hand = f".venv/bin/papermill notebooks/{record.notebook}.ipynb out.ipynb {given}"
    files = {
        path.relative_to(folder).as_posix(): sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (RECORD, CARD)
    }
    made = portable(record.extra | {"command": command, "papermill": by_hand})
    return record.model_dump() | {"artifacts": files, "extra": made}


def _published_base(scale: str, seed: int) -> tuple[Path, dict]:
    """Return (folder in which the scale's base of this seed is shipped, parameters with which it is trained)."""
    study = experiments.read_experiments()
    block = scale_of(study, scale)
    target = str(block.notebooks.get(experiments.BASE, {}).get("checkpoint", ""))
    if not (block.base and target.startswith("results/checkpoints/")):
        others = [name for name, other in study.scales.items() if other.base]
        raise UserError(f"scale {scale} ships no base of its own: use SCALE={' or SCALE='.join(others) or '...'}")
    return project_root() / (f"{target}-{seed}" if seed else target), block.base | {"seed": seed}


def _differing(record: Record, wanted: dict) -> str:
    """Return how a run of notebook 00 differs from the published parameters, "" if it does not."""
    if record.notebook != experiments.BASE:
        return f"notebook {record.notebook}, not {experiments.BASE}"
    pairs = {name: (record.parameters.get(name), value) for name, value in ({"checkpoint": ""} | wanted).items()}
    return ", ".join(f"{name}: {found!r}, not {value!r}" for name, (found, value) in pairs.items() if found != value)


def _is_shipped(target: Path, wanted: dict) -> bool:
    """Return whether `target` has a complete base that was trained with the published parameters."""
    try:
        record = load(target)
    except UserError:
        return False
    return not _differing(record, wanted) and not record.changed()


def _train(scale: str, wanted: dict, fresh: bool, seed: int) -> Path:
    """Run notebook 00 outside the rows of the study, show its progress, and return the run's folder."""
    folder = project_root() / "work" / scale / "base"
    given = {"row": "base", "seed": seed, "scale": scale, "root": f"work/{scale}/base"}
    job = fingerprinted(Job("base", seed, experiments.BASE, wanted | given, (), 0.0), {})
    if not fresh and states.is_done(job):
        return states.folder_of(job)
    one_job = plan.StudyPlan(scale, (plan.PlannedJob(job, "requested"),), ())
    plan_file = plan.write_plan(one_job, folder / "plan.json")
    command = [sys.executable, "-m", "o1lib", "run-row", "base", "--scale", scale, "--plan", str(plan_file)]
    command += ["--seed", str(seed)]
    with open(folder / "base.log", "w+", encoding="utf8") as log:
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
            _show_progress(
                child, states.folder_of(job) / "log.jsonl", wanted.get("examples", 0) + wanted.get("lookups", 0)
            )
        finally:
            row_job.stop_tree(process)
        log.seek(0)
        if child.returncode:
            raise UserError((log.read().strip().splitlines() or ["it was killed"])[-1].removeprefix("o1lib: "))
    return states.folder_of(job)


def _show_progress(child: subprocess.Popen, log: Path, examples: int) -> None:
    """Wait for the training and show a progress bar from its log."""
    print(f"training by notebook {experiments.BASE}: if it is stopped, the same command goes on from there", flush=True)
    with progress_bar(total=examples, unit=" examples", mininterval=1) as bar:
        while child.poll() is None:
            time.sleep(0.5)
            seen = (read_lines(log)[0] or [{}])[-1]
            bar.set_postfix({"loss": f"{seen['loss']:.2f}"} if "loss" in seen else {}, refresh=False)
            bar.update(seen.get("examples", 0) - bar.n)
