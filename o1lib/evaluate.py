"""From a trained arm and test questions to predictions: search, answers, scores of every stage, option likelihood.

What notebook 03 does, in functions. A prediction is one plain dict a question; every published metric is computed
from predictions alone (`o1lib.answers.metrics`).

    subject = arm(run, "structured")
    items = test_items(run, "data", questions=0)
    decoder = Decoder(subject.model, subject.processor, seed=run.seed)
    trees, predictions = evaluate(items, subject.format, decoder, method="stage_beam", n=4, judge="self")
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from PIL import Image
from tqdm import tqdm

from . import rewards
from .answers import correct, extract
from .arms import checkpoint_folder, picture_of
from .data import read
from .drive import drive
from .formats import FORMATS, SPECIAL_TAGS, answer_text, from_special
from .journal import Journal
from .judge import make as make_judge
from .minivqa import mixture
from .minivqa.testsets import TEST_SETS, test_set
from .model import device_and_dtype, load, model_hash
from .pieces import found_stages
from .reading import Context
from .records import UserError, code_hash, need, project_root
from .records import load as load_record
from .search import make, task_for
from .stages import STAGES, open_tag
from .steps import CHAIN
from .steps import score as score_stages
from .tree import Tree

STAGED = tuple(name for name in FORMATS if name not in ("direct", "separate"))
AT_ONCE = 256  # candidates of as many questions are on their way at a time
SCORED_AT_ONCE = 8  # finished questions; their pictures are dropped together
GREY = (128, 128, 128)


@dataclass(frozen=True)
class Arm:
    """A trained model with the format it speaks and the schedule it learned by ("" where that is not known)."""

    model: Any
    processor: Any
    format: str
    schedule: str
    model_hash: str


def arm(run, name: str, format: str = "") -> Arm:
    """Return the arm called `name`, a row id or a checkpoint's folder, on the device that is there, in float32.

    `format` "" takes the one in the record beside the model (a base answers directly). Raises UserError for a missing
    model, an unknown format, or a checkpoint that does not say which format it speaks.
    """
    if "/" in name and not (project_root() / name / "config.json").is_file():
        raise UserError(f"there is no model at {name}: name another folder or row, or `make study` to train the rows")
    folder = checkpoint_folder(run, name)
    own, schedule = trained_as(folder)
    if (format or own) not in FORMATS:
        said = f"format '{format}' is unknown" if format else f"{name} does not say which format it was trained in"
        raise UserError(f"{said}: set format to one of {', '.join(FORMATS)}")
    model, processor = load(folder)
    return Arm(model.to(device_and_dtype()[0]), processor, format or own, schedule, model_hash(folder))


def test_items(run, data: str, questions: int = 0) -> list:
    """Return test questions of the dataset of row `data`, or with "" freshly drawn ones; at most `questions` (0: all).

    The cap keeps test sets even and groups (rotations, twins) whole.
    """
    if data:
        items = read(need(run.root, data, run.seed).folder / "data" / "test")
    else:
        items = [example for name in TEST_SETS for example in test_set(name, max(4, questions // 4 or 28))]
    return capped(items, questions) if questions else items


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


def validation_items(run, data: str, questions: int) -> list:
    """Return validation questions of the dataset of row `data`, or with "" freshly drawn ones."""
    if not data:
        return list(mixture("validation", questions))
    return read(need(run.root, data, run.seed).folder / "data" / "validation")[:questions]


def cutoffs(items: Sequence, format: str, decoder, judge: str, judge_decoder=None, n: int = 4) -> dict[str, dict]:
    """Return the reward's mean, spread and cutoff by stage, measured on validation items (see `rewards.calibrate`)."""
    truth = {item.qid: item for item in items}
    reward = rewards.make(judge, decoder=judge_decoder or decoder, truth=truth, seed=decoder.seed)
    return rewards.calibrate([_task(item, format) for item in items], decoder, reward, n)


def evaluate(items: Sequence, format: str, decoder, *, method: str, n: int = 1, judge: str = "self", judge_decoder=None,
             blind: bool = False, schedule: str = "", budget: int = 0, journal: Path | None = None,
             made_by: Mapping | None = None, **options) -> tuple[list, list[dict]]:
    """Return the search trees and the predictions of `items`, AT_ONCE candidates at a time.

    `judge_decoder` speaks for another model that judges instead; `blind` shows a grey picture; `budget` is the most
    tokens a question may process (0: any number); `options` are the method's own (retracing: keep, retraces, cutoffs).
    In `journal` finished questions are kept, so that the same call goes on after an interruption; `made_by` names
    what its results depend on besides (model, code). Raises UserError for an unknown method or judge.
    """
    search, referee = make(method, n, **options), _referee(items, decoder, method, judge, judge_decoder)
    settings = {"format": format, "method": method, "n": n, "judge": judge, "blind": blind, "budget": budget,
                "seed": decoder.seed, "temperature": decoder.temperature, "top_p": decoder.top_p,
                "max_new_tokens": decoder.max_new_tokens, "options": options, "made_by": dict(made_by or {})}
    kept = Journal(journal, settings)
    found = {item.qid: (kept.found[item.qid].tree(_task(item, format, blind)), kept.found[item.qid].row)
             for item in items if item.qid in kept.found}
    todo, ready = [item for item in items if item.qid not in found], []

    def note(number=None, tree=None):
        """Score finished searches a few at a time, and let go of their pictures."""
        ready.extend([(todo[number], tree)] if tree else [])
        if ready and (tree is None or len(ready) >= SCORED_AT_ONCE):
            asked, trees = map(list, zip(*ready))
            right = option_likelihoods(trees, asked, format, decoder)
            rows = score(trees, asked, format, right, decoder.temperature, schedule, judge)
            for item, one, row in zip(asked, trees, rows):
                found[item.qid] = one, row
                kept.add(one, row)
            for speaker in filter(None, (decoder, judge_decoder)):
                speaker.forget([item.qid for item in asked])
            ready.clear()

    searches = (search(_task(item, format, blind), n, decoder.seed) for item in todo)
    name = f"{method}, {n} candidates" if n > 1 else method
    with tqdm(total=len(items), initial=len(found), desc=name, unit="question") as bar:
        drive(searches, decoder, referee, bar.update, max(1, AT_ONCE // n), budget, note)
    note()
    return [found[item.qid][0] for item in items], [found[item.qid][1] for item in items]


def _referee(items, decoder, method, judge, judge_decoder):
    """Return who compares (or, for retracing, scores) the candidates."""
    if judge == "base" and judge_decoder is None:
        raise UserError("judge 'base' is another model: name it in judge_model (a row's id or a checkpoint's folder)")
    truth = {item.qid: item for item in items}
    choose = rewards.make if method == "retracing" else make_judge
    return choose(judge, decoder=judge_decoder or decoder, truth=truth, seed=decoder.seed)


def _task(item, format, blind=False):
    return task_for(item.qid, item.question, _shown(item, blind), format)


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
        judged = any(one.matches or one.scores for one in tree.rounds)
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


def hashes(run, data: str, subject: Arm) -> dict:
    """Return what `records.finish` is told about the model and the dataset of row `data`."""
    dataset = need(run.root, data, run.seed).provenance["dataset_hash"] if data else ""
    device = subject.model.device.type
    return {"device": device, "dtype": "float32", "dataset_hash": dataset, "model_hash": subject.model_hash}


def keep_as(run, subject: Arm) -> dict:
    """Return where a run keeps its finished questions, and what makes them its own: the model and the code."""
    made_by = {"model": subject.model_hash, "code": code_hash(run.notebook)}
    return {"journal": run.path("searched.jsonl"), "made_by": made_by}


def options_of(method: str, keep: int, retraces: int, measured: Mapping) -> dict:
    """Return the options of `evaluate` that are retracing's own; {} for another method."""
    if method != "retracing":
        return {}
    later = STAGES[2:]  # the plan is taken as it comes, and the caption has nothing behind it to go back to
    cut = {stage: found["cutoff"] for stage, found in measured.items() if stage in later}
    return {"keep": keep, "retraces": retraces, "cutoffs": cut}


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


def option_likelihoods(trees: Sequence[Tree], items: Sequence, format: str, decoder) -> list[bool | None]:
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


def trained_as(folder: Path) -> tuple[str, str]:
    """Return (format, schedule) from the record in the checkpoint's folder or beside it; ("", "") without one."""
    for place in (folder, folder.parent):
        if (place / "record.json").is_file():
            given = load_record(place).parameters
            return given.get("format", "direct"), given.get("schedule", "")
    return "", ""
