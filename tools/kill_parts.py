"""The four parts of the kill campaign: a training, a search, a teacher's annotation, and a study.

Each part works in a folder, goes on from what lies there, and leaves its result in `result.json`. The first three run
in a process that is forked from this one, so that a start costs no imports; the study is the real command.

    part = TrainingPart(Path("work/bench/kills"))
    part.start(folder).wait()
    json.loads((folder / "result.json").read_text())["weights"]       # a hash of the final weights
"""

import hashlib
import os
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from pathlib import Path

from kill_process import Command, Forked
from kill_results import alike, comparable

from o1lib.records import load_all, project_root, sha256, write_json
from o1lib.records.journals import numbered, read_json, read_lines

RESULT, STEPS, SAVE_STEPS = "result.json", 40, 5
QUESTIONS, ANNOTATED = 16, 120
STUDY = """
rows:
  data: {notebook: 01_build_dataset, once: true, groups: [kills]}
  arm: {notebook: 02_train_sft, parameters: {data: data}, groups: [kills]}
  arm.best_of_n2: {notebook: 03_search_and_score, parameters: {data: data, model: arm}, groups: [kills]}
scales:
  smoke:
    group: kills
    notebooks:
      01_build_dataset: {n_train: 160, n_validation: 20, n_test: 4}
      02_train_sft: {examples: 160, learning_rate: 3.0e-3, batch: 4, validation: 0}
      03_search_and_score: {questions: 12, method: best_of_n, n: 2, judge: likelihood, max_new_tokens: 24}
"""


class Part(ABC):
    """One part of the campaign. `total` is the number of units (steps, questions, rows) of a whole run."""

    name, total, unit = "", 0, ""

    @abstractmethod
    def start(self, folder: Path) -> Forked | Command:
        """Start the work in `folder`, or let it go on."""

    @abstractmethod
    def done(self, folder: Path) -> int:
        """Return how many units a killed run has kept."""

    def close(self) -> None:  # noqa: B027 (a part may leave it out)
        """End what the part started for all of its runs."""

    def result(self, folder: Path) -> dict | None:
        """Return the result of a finished run, None if it left none."""
        return read_json(folder / RESULT)

    def same(self, one: dict, other: dict) -> bool:
        """Return whether two results are equal."""
        return one == other


class TrainingPart(Part):
    """40 steps of the smoke model in two phases, with a checkpoint every 5 steps."""

    name, total, unit = "training", STEPS, "steps in checkpoints"

    def __init__(self, home: Path):
        from o1lib.formats.chat import messages
        from o1lib.minivqa import mixture
        from o1lib.models.presets import build
        from o1lib.training import callbacks, trainer  # noqa: F401 (imported once, before the forks)

        self.model, self.processor = build("smoke", 0)
        chats = [{"messages": messages(one, "tags"), "images": [one.image]} for one in mixture("train", 4 * STEPS)]
        self.phases = [chats[: 2 * STEPS], chats[2 * STEPS :]]

    def start(self, folder: Path) -> Forked:
        """Start the training in a process of its own."""
        return Forked(lambda: self._train(folder), folder / "log.txt")

    def _train(self, folder: Path) -> None:
        from o1lib.training import fit

        how = {"learning_rate": 3e-3, "batch": 4, "seed": 0, "save_steps": SAVE_STEPS, "log_steps": 1, "warmup": 0.1}
        log = fit(self.model, self.processor, self.phases, folder / "out", **how)
        digest = hashlib.sha256()
        for name, values in sorted(self.model.state_dict().items()):
            digest.update(name.encode() + values.float().numpy().tobytes())
        steps = [{key: value for key, value in line.items() if key != "samples_per_second"} for line in log]
        write_json(folder / RESULT, {"weights": digest.hexdigest(), "log": steps})

    def done(self, folder: Path) -> int:
        """Return the step of the newest complete checkpoint."""
        seals = (folder / "out" / "checkpoints").glob("checkpoint-*/complete.json")
        return max((numbered(seal.parent.name, "checkpoint-") or 0 for seal in seals), default=0)


class SearchPart(Part):
    """A stage-level beam search over 16 questions, four at a time, with its journal."""

    name, total, unit = "search", QUESTIONS, "questions in the journal"

    def __init__(self, home: Path):
        from o1lib.evaluation import run  # noqa: F401 (imported once, before the forks)
        from o1lib.minivqa import mixture
        from o1lib.models.presets import build

        self.model, self.processor = build("smoke", 0)
        self.items = list(mixture("validation", QUESTIONS))

    def start(self, folder: Path) -> Forked:
        """Start the search in a process of its own."""
        return Forked(lambda: self._search(folder), folder / "log.txt")

    def _search(self, folder: Path) -> None:
        from o1lib.evaluation import run
        from o1lib.inference.decoder import Decoder

        run.AT_ONCE, run.SCORED_AT_ONCE = 8, 2  # so that questions are finished one after another
        decoder = Decoder(self.model.eval(), self.processor, seed=0, temperature=1.0, max_new_tokens=16)
        how = {"method": "stage_beam", "n": 2, "judge": "likelihood", "journal": folder / "searched.jsonl"}
        _, rows = run.evaluate(self.items, "tags", decoder, **how)
        write_json(folder / RESULT, {"rows": [comparable(row) for row in rows]})

    def same(self, one: dict, other: dict) -> bool:
        """Return whether two results are equal, log-probabilities nearly."""
        return alike(one, other)

    def done(self, folder: Path) -> int:
        """Return the number of finished questions in the journal."""
        return max(0, len(read_lines(folder / "searched.jsonl")[0]) - 1)


class TeacherPart(Part):
    """120 questions annotated by a served teacher, whose reply to a question is always the same; some are wrong."""

    name, total, unit = "teacher", ANNOTATED, "replies in the log"

    def __init__(self, home: Path):
        import openai  # noqa: F401 (imported once, before the forks)
        from support import faulty

        from o1lib.data.annotation import build  # noqa: F401

        shutil.rmtree(home / "raw", ignore_errors=True)
        self.items = faulty.items(home / "raw", ANNOTATED)
        command = [sys.executable, str(Path(__file__).with_name("kill_teacher.py"))]
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.server.stdout.readline().strip()

    def close(self) -> None:
        """Kill the teacher's server."""
        self.server.kill()
        self.server.wait()

    def start(self, folder: Path) -> Forked:
        """Start the annotation in a process of its own."""
        return Forked(lambda: self._annotate(folder), folder / "log.txt")

    def _annotate(self, folder: Path) -> None:
        from o1lib.data.annotation.build import build_dataset
        from o1lib.data.annotation.teacher import Served
        from o1lib.models.endpoint import Endpoint

        teacher = Served(Endpoint(self.url, "m", folder / "replies.jsonl", concurrency=2))
        ends = build_dataset(self.items, folder / "out", teacher)
        keys = _keys(folder)
        made = {"dataset": sha256(folder / "out"), "outcomes": sha256(folder / "out.outcomes.jsonl")}
        write_json(folder / RESULT, made | {"ends": ends, "asked again": len(keys) - len(set(keys))})

    def done(self, folder: Path) -> int:
        """Return the number of requests with a reply in the log."""
        return len(set(_keys(folder)))


class StudyPart(Part):
    """`python -m o1lib study`: a dataset, an arm of 40 steps with a checkpoint every 5 steps, and a search."""

    name, total, unit = "study", 3, "rows with a record"

    def __init__(self, home: Path):
        self.home = home

    def start(self, folder: Path) -> Command:
        """Start the study in a copy of the checkout."""
        project = folder / "checkout"
        if not project.is_dir():
            _copy_checkout(project)
        environment = os.environ | {"O1LIB_ROOT": str(project), "PYTHONPATH": str(project)}
        words = [sys.executable, "-m", "o1lib", "study", "--scale", "smoke", "--jobs", "1"]
        return Command(words, environment, folder / "log.txt")

    def same(self, one: dict, other: dict) -> bool:
        """Return whether two results are equal, log-probabilities nearly."""
        return alike(one, other)

    def done(self, folder: Path) -> int:
        """Return the number of rows that have a record."""
        return len(list((folder / "checkout/work/smoke/runs").glob("*/seed0/record.json")))

    def result(self, folder: Path) -> dict | None:
        """Return what each row recorded, without times, and its predictions."""
        root = folder / "checkout" / "work" / "smoke"
        records = load_all(root) if root.is_dir() else []
        return {record.row: _recorded(record) for record in records} if len(records) == self.total else None


PARTS = {part.name: part for part in (TrainingPart, SearchPart, TeacherPart, StudyPart)}


def _copy_checkout(project: Path) -> None:
    """Copy what a study needs. Notebook 02 saves a checkpoint every 5 steps there, instead of every 500."""
    part, skip = project.with_name("copying"), shutil.ignore_patterns("__pycache__")
    shutil.rmtree(part, ignore_errors=True)
    for name in ("o1lib", "notebooks"):
        shutil.copytree(project_root() / name, part / name, ignore=skip)
    shutil.copyfile(project_root() / "Snakefile", part / "Snakefile")
    (part / "experiments.yaml").write_text(STUDY, encoding="utf8")
    notebook = part / "notebooks" / "02_train_sft.ipynb"
    text = notebook.read_text(encoding="utf8")
    if "also=rates)" not in text:
        raise ValueError("notebook 02 calls learn() in another way: adapt the kill campaign")
    notebook.write_text(text.replace("also=rates)", f"also=rates, save_steps={SAVE_STEPS})"), encoding="utf8")
    part.rename(project)


def _recorded(record) -> dict:
    metrics = {name: one.value for name, one in record.metrics.items() if "second" not in name}
    files = {name: digest for name, digest in record.artifacts.items() if not name.endswith(".gz")}
    rows = [comparable(row) for row in record.predictions()] if len(files) < len(record.artifacts) else []
    return {"fingerprint": record.fingerprint, "metrics": metrics, "artifacts": files, "rows": rows}


def _keys(folder: Path) -> list[str]:
    """Return the key of each reply in the teacher's log."""
    return [line["key"] for line in read_lines(folder / "replies.jsonl")[0] if "key" in line]
