"""From a trained arm and test questions to predictions: search, answers, scores of every stage, option likelihood.

What notebook 03 does, in functions. A prediction is one plain dict a question; every published metric is computed
from predictions alone (`o1lib.answers.metrics`).

    subject = arm(run, "structured")
    items = test_items(run, "data", questions=0)
    decoder = Decoder(subject.model, subject.processor, seed=run.seed)
    trees, predictions = evaluate(items, subject.format, decoder, method="stage_beam", n=4, judge="self")
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from PIL import Image
from tqdm import tqdm

from .answers import correct, extract
from .arms import checkpoint_folder, picture_of
from .benchmarks import load as load_benchmark
from .data import read
from .decode import Context, Decoder
from .formats import FORMATS, SPECIAL_TAGS, answer_text, from_special
from .judge import make as make_judge
from .minivqa.testsets import TEST_SETS, test_set
from .model import device_and_dtype, load, model_hash
from .pieces import found_stages
from .records import UserError, need, project_root, sha256
from .records import load as load_record
from .rowfiles import ENDINGS
from .search import drive, make, task_for
from .stages import STAGES, open_tag
from .steps import CHAIN
from .steps import score as score_stages
from .tree import Tree

STAGED = tuple(name for name in FORMATS if name not in ("direct", "separate"))
AT_ONCE = 256  # candidates of how many questions side by side; their pictures are dropped together
GREY = (128, 128, 128)


@dataclass(frozen=True)
class Arm:
    """A trained model with the format it speaks and the schedule it learned by ("" where that is not known)."""

    model: Any
    processor: Any
    format: str
    schedule: str
    model_hash: str

    def placed(self) -> dict:
        """Return what the record says of where the model ran and which it was."""
        return {"device": self.model.device.type, "dtype": "float32", "model_hash": self.model_hash}

    def facts(self) -> dict:
        """Return what else the record says of it: nothing (a served model has a price and a ledger)."""
        return {}


def arm(run, name: str, format: str = "") -> Arm:
    """Return the arm called `name`, a row id or a checkpoint's folder, on the device that is there, in float32.

    `format` "" takes the one in the record beside the model (a base answers directly). Raises UserError for a missing
    model, an unknown format, or a checkpoint that does not say which format it speaks.
    """
    if "/" in name and not (project_root() / name / "config.json").is_file():
        raise UserError(f"there is no model at {name}: name another folder or row, or `make study` to train the rows")
    folder = checkpoint_folder(run, name)
    own, schedule = _trained_as(folder)
    if (format or own) not in FORMATS:
        said = f"format '{format}' is unknown" if format else f"{name} does not say which format it was trained in"
        raise UserError(f"{said}: set format to one of {', '.join(FORMATS)}")
    model, processor = load(folder)
    return Arm(model.to(device_and_dtype()[0]), processor, format or own, schedule, model_hash(folder))


def test_items(run, data: str, questions: int = 0) -> list:
    """Return test questions: of the dataset of row `data`, of a real benchmark ("MMStar@MMStar.tsv"; o1lib.benchmarks),
    or with "" freshly drawn ones; at most `questions` (0: all).

    The cap keeps test sets even and groups (rotations, twins) whole.
    """
    benchmark, named, source = data.partition("@")
    if named:
        items = load_benchmark(benchmark, _from_root(source), run.path("pictures")).items
    elif data:
        items = read(need(run.root, data, run.seed).folder / "data" / "test")
    else:
        items = [example for name in TEST_SETS for example in test_set(name, max(4, questions // 4 or 28))]
    return capped(items, questions) if questions else items


def _from_root(source: str) -> str:
    """Return a file's path as seen from the project's folder; the name of a Hub dataset stays."""
    path = project_root() / Path(source).expanduser()
    return str(path) if path.is_file() or path.suffix in ENDINGS else source


def capped(items: Sequence, most: int) -> list:
    """Return up to `most` items, their sets taking turns by whole groups, in the order they came in."""
    units = {}
    for item in items:
        units.setdefault(item.test_set, {}).setdefault(item.group or item.qid, []).append(item)
    turns = [list(groups.values()) for groups in units.values()]
    order = [groups[k] for k in range(max(map(len, turns), default=0)) for groups in turns if k < len(groups)]
    kept = []
    for unit in order:
        if len(kept) + len(unit) <= most:
            kept += [item.qid for item in unit]
    return [item for item in items if item.qid in set(kept)]


def evaluate(items: Sequence, format: str, decoder: Decoder, *, method: str, n: int = 1, judge: str = "self",
             judge_decoder: Decoder | None = None, blind: bool = False, schedule: str = "") -> tuple[list, list[dict]]:
    """Return the search trees and the predictions of `items`, AT_ONCE candidates at a time.

    `judge_decoder` speaks for another model that judges instead; `blind` shows a grey picture. Raises UserError for an
    unknown method or judge.
    """
    search, trees, rows, at_once = make(method, n), [], [], max(1, AT_ONCE // n)
    truth = {item.qid: item for item in items}
    referee = make_judge(judge, decoder=judge_decoder or decoder, truth=truth, seed=decoder.seed)
    with tqdm(total=len(items), desc=f"{method}, {n} candidates" if n > 1 else method, unit="question") as bar:
        for first in range(0, len(items), at_once):
            part = items[first:first + at_once]
            tasks = [task_for(item.qid, item.question, _shown(item, blind), format) for item in part]
            found = drive([search(task, n, decoder.seed) for task in tasks], decoder.propose, referee, bar.update)
            right = option_likelihoods(found, part, format, decoder)
            rows += score(found, part, format, right, decoder.temperature, schedule, judge)
            trees += found
            for speaker in filter(None, (decoder, judge_decoder)):
                speaker.forget()
    return trees, rows


def score(trees: Sequence[Tree], items: Sequence, format: str, likelihood: Sequence[bool | None] | None = None,
          temperature: float | None = None, schedule: str = "", judge: str = "") -> list[dict]:
    """Return one prediction for each tree: the answer read off, whether it is right, and how far each stage is.

    `likelihood` says for each question whether its likeliest option is right (`option_likelihoods`), None elsewhere.
    Stages are scored for items whose facts are known and formats that have stages.
    """
    rows = []
    for tree, item, likely in zip(trees, items, likelihood or [None] * len(items), strict=True):
        answer = extract(answer_text(tree.turns if format == "four_turn" else tree.text, format), item.options)
        known = bool(item.facts) and format in STAGED
        judged = any(one.matches for one in tree.rounds)
        rows.append({
            "qid": item.qid, "test_set": item.test_set, "family": item.family, "skill": item.skill,
            "template": item.template, "group": item.group or None, "format": format, "schedule": schedule,
            "method": tree.method, "judge": judge if judged else "", "n": tree.n,
            "temperature": 0.0 if tree.method == "greedy" else temperature,
            "gold": item.answer, "options": list(item.options), "pred": answer.value, "extracted_by": answer.by,
            "correct": correct(answer.value, item.answer, item.options), "output": from_special(tree.text),
            "problem": tree.problem, "stage_scores": score_stages(found_stages(tree.pieces), item) if known else None,
            "option_likelihood_correct": likely, "ledger": asdict(tree.ledger), "candidates": tree.rows()})
    return rows


def hashes(run, data: str, subject) -> dict:
    """Return what `records.finish` is told about the model and the dataset: of row `data`, or of a benchmark's file."""
    _, named, source = data.partition("@")
    if named:
        path = Path(_from_root(source))
        dataset = sha256(path) if path.is_file() else ""
    else:
        dataset = need(run.root, data, run.seed).provenance["dataset_hash"] if data else ""
    return subject.placed() | {"dataset_hash": dataset}


def conclusion(found: dict, judged: dict) -> str:
    """Return a sentence or two on an evaluation, computed from its metrics and its judge's measured accuracy."""
    percent = {name: f"{100 * metric['value']:.0f} %" for name, metric in found.items()}
    right, most = found["accuracy"], max(found.get("first_break/" + stage, {"value": 0})["value"] for stage in CHAIN)
    first = [stage for stage in CHAIN if most and found[f"first_break/{stage}"]["value"] == most]
    words = (f"{percent['accuracy']} of {right['n']} questions are right (95 % interval {100 * right['low']:.0f} to "
             f"{100 * right['high']:.0f} %), at {found['processed_tokens']['value']:.0f} processed tokens a question.")
    if first:
        words += f" Where a chain breaks, it is the {' or the '.join(first)} that most often breaks first."
    if judged["n"]:
        words += (f" The judge was right in {100 * judged['accuracy']:.0f} % of the {judged['n']} matches whose two sides "
                  f"were not equally true; {100 * judged['tie']:.0f} % of those it left to a coin.")
    return words


def option_likelihoods(trees: Sequence[Tree], items: Sequence, format: str, decoder: Decoder) -> list[bool | None]:
    """Return for each multiple-choice question whether the model finds the right letter the likeliest; None for others.

    A letter stands where the answer stands: after the prompt in `direct` and `separate`, otherwise behind the
    survivor's own words up to the conclusion. So a format's readability is not mistaken for reasoning. It adds nothing
    to the ledger of the search.
    """
    asked = [k for k, item in enumerate(items) if item.options]
    contexts = [_before_answer(trees[k], format) for k in asked]
    letters = [[" " * context.prefix.endswith(">") + letter for letter in ascii_uppercase[:len(items[k].options)]]
               for k, context in zip(asked, contexts, strict=True)]
    found = [None] * len(items)
    for k, (scores, _) in zip(asked, decoder.likelihoods(contexts, letters), strict=True):
        found[k] = ascii_uppercase[scores.index(max(scores))] == items[k].answer
    return found


def _before_answer(tree: Tree, format: str) -> Context:
    """Return the dialog up to where the answer's letter would stand."""
    task, text = tree.task, tree.text
    if format == "four_turn":
        turns = tuple(step.turn for step in task.steps if step.turn)
        return Context(task, (task.opening, *turns), tuple(tree.turns[:len(turns)]))
    if format == "no_tags":
        before, blank, _ = text.rstrip().rpartition("\n\n")
        return Context(task, (task.opening,), prefix=before + blank)
    if format in ("tags", "shuffled", "special_tags"):
        tag = SPECIAL_TAGS[2 * STAGES.index("conclusion")] if format == "special_tags" else open_tag("conclusion")
        before, found, _ = text.partition(tag)
        return Context(task, (task.opening,), prefix=before + ("" if found else "\n\n") + tag)
    return Context(task, (task.opening,))


def _shown(item, blind: bool) -> Image.Image:
    picture = picture_of(item)
    return Image.new("RGB", picture.size, GREY) if blind else picture


def _trained_as(folder: Path) -> tuple[str, str]:
    """Return (format, schedule) from the record in the checkpoint's folder or beside it; ("", "") without one."""
    for place in (folder, folder.parent):
        if (place / "record.json").is_file():
            given = load_record(place).parameters
            return given.get("format", "direct"), given.get("schedule", "")
    return "", ""
