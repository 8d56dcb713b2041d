"""Evaluation runs: search the answers of a trained arm to test questions, and score them as predictions.

These are the steps of notebook 03. Models and questions come from `o1lib.evaluation.inputs`, predictions from
`o1lib.evaluation.predictions`.

    subject = load_arm(run, "structured")
    items = test_items(run, "data", questions=0)
    decoder = Decoder(subject.model, subject.processor, seed=run.seed)
    trees, predictions = evaluate(items, subject.format, decoder, method="stage_beam", n=4, judge="self")
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from o1lib.data.images import picture_of
from o1lib.evaluation.inputs import Arm
from o1lib.evaluation.predictions import option_likelihoods, score
from o1lib.evaluation.resume import FinishedQuestions
from o1lib.formats.stages import STAGES
from o1lib.inference.sequential import placed
from o1lib.records import UserError, stack_hash
from o1lib.records.progress import progress_bar
from o1lib.scoring.stage_scores import CHAIN
from o1lib.search import rewards
from o1lib.search.judges import JUDGES, SYNTHETIC
from o1lib.search.methods import METHODS, make_search, task_for
from o1lib.search.scheduler import run_searches
from o1lib.search.types import SearchResult

AT_ONCE = 384  # candidates that are decoded at a time
SCORED_AT_ONCE = 8  # finished questions


def cutoffs(items: Sequence, format: str, decoder, judge: str, judge_decoder=None, n: int = 4) -> dict[str, dict]:
    """Return {stage: {mean, std, n, cutoff}} of a reward on validation items (see `rewards.calibrate`).

    Raises UserError for an unknown reward `judge`.
    """
    truth = {item.qid: item for item in items}
    reward = rewards.make_reward(judge, decoder=judge_decoder or decoder, truth=truth, seed=decoder.seed)
    return rewards.calibrate([_task(item, format) for item in items], decoder, reward, n)


def evaluate(
    items: Sequence,
    format: str,
    decoder,
    *,
    method: str,
    n: int = 1,
    judge: str = "self",
    judge_decoder=None,
    judge_accuracy: float = SYNTHETIC,
    blind: bool = False,
    schedule: str = "",
    budget: int = 0,
    journal: Path | None = None,
    made_by: Mapping | None = None,
    at_once: int = AT_ONCE,
    weigh_options: bool = True,
    **options,
) -> tuple[list, list[dict]]:
    """Return the search results and the predictions of `items`, in order.

    `judge_decoder` decodes with another model that judges instead. `judge_accuracy` is the accuracy of judge
    `synthetic`. `blind` shows gray pictures. `budget` bounds the tokens that a question may process (0: no bound).
    `options` are those of the method (retracing: keep, retraces, cutoffs). Finished questions are kept in the file
    `journal`, from which the same call resumes; `made_by` names what else the results depend on (model, code).
    `at_once` candidates are drawn at a time. `weigh_options` asks for the likeliest option of every multiple-choice
    question too. Raises UserError for an unknown method or judge.
    """
    search = make_search(method, n, **options)
    referee = _referee(items, decoder, method, judge, judge_decoder, judge_accuracy)
    settings = {"format": format, "method": method, "n": n, "judge": judge, "judge_accuracy": judge_accuracy}
    settings |= {"blind": blind, "budget": budget, "options": options, "made_by": dict(made_by or {})}
    settings |= {name: getattr(decoder, name) for name in ("engine", "seed", "temperature", "top_p", "max_new_tokens")}
    settings |= {"dtype": placed(decoder)["dtype"]}
    finished = FinishedQuestions(journal, settings)
    results = _Results(finished, format, decoder, judge_decoder, schedule, judge, weigh_options)
    open_items = results.restore(items, blind)
    searches = (search(_task(item, format, blind), n, decoder.seed) for item in open_items)
    name = f"{method}, {n} candidates" if n > 1 else method
    with progress_bar(total=len(items), initial=len(items) - len(open_items), desc=name, unit="question") as bar:
        most = max(1, at_once // n)
        run_searches(
            searches, decoder, referee, bar.update, most, budget, lambda k, tree: results.add(open_items[k], tree)
        )
    results.flush()
    return [results.found[item.qid][0] for item in items], [results.found[item.qid][1] for item in items]


class _Results:
    """The search result and the prediction of each finished question, in `found` by qid.

    Searches are scored SCORED_AT_ONCE at a time, since option likelihoods are computed in batches. Then they are
    written to the journal, and the decoders release their pictures.
    """

    def __init__(self, finished, format: str, decoder, judge_decoder, schedule: str, judge: str, weigh_options: bool):
        self.finished, self.format, self.schedule, self.judge = finished, format, schedule, judge
        self.weigh_options = weigh_options
        self.decoder, self.decoders = decoder, [one for one in (decoder, judge_decoder) if one]
        self.found, self.unscored = {}, []

    def restore(self, items: Sequence, blind: bool) -> list:
        """Take the finished questions from the journal, and return the items that are not among them."""
        kept = self.finished.found
        for item in items:
            if item.qid in kept:
                self.found[item.qid] = kept[item.qid].tree(_task(item, self.format, blind)), kept[item.qid].row
        return [item for item in items if item.qid not in kept]

    def add(self, item, tree: SearchResult) -> None:
        """Take a finished search."""
        self.unscored.append((item, tree))
        if len(self.unscored) >= SCORED_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Score the searches that are not scored yet, keep them, and release their pictures."""
        if not self.unscored:
            return
        items, trees = map(list, zip(*self.unscored))
        likely = option_likelihoods(trees, items, self.format, self.decoder) if self.weigh_options else None
        rows = score(trees, items, self.format, likely, self.decoder.temperature, self.schedule, self.judge)
        for item, tree, row in zip(items, trees, rows):
            self.found[item.qid] = tree, row
            self.finished.add(tree, row)
        for one in self.decoders:
            one.forget([item.qid for item in items])
        self.unscored.clear()


def _referee(items, decoder, method, judge, judge_decoder, judge_accuracy):
    """Return the judge that compares candidates or, for retracing, the reward that scores them."""
    if judge in JUDGES and JUDGES[judge].other_model and judge_decoder is None:
        raise UserError(
            f"judge '{judge}' needs another model: set judge_model to a row id or the folder of a checkpoint"
        )
    given = {"decoder": judge_decoder or decoder, "truth": {item.qid: item for item in items}, "seed": decoder.seed}
    return rewards.make_judge_or_reward(method, judge, p=judge_accuracy, **given)


def _task(item, format, blind=False):
    return task_for(item.qid, item.question, picture_of(item, blind), format)


def keep_as(run, subject: Arm) -> dict:
    """Return the arguments `journal` and `made_by` of `evaluate`, with the hashes of the model and the code."""
    made_by = {"model": subject.model_hash, "code": stack_hash(run.notebook)}
    return {"journal": run.path("searched.jsonl"), "made_by": made_by}


def options_of(method: str, keep: int, retraces: int, measured: Mapping) -> dict:
    """Return those of the options keep, retraces and cutoffs that the method takes.

    `measured` is the result of `cutoffs`.
    """
    taken = METHODS[method].options if method in METHODS else ()
    later = STAGES[2:]  # there is no cutoff for the summary, nor for the caption, which has no stage to go back to
    cut = {stage: found["cutoff"] for stage, found in measured.items() if stage in later}
    return {
        name: value for name, value in {"keep": keep, "retraces": retraces, "cutoffs": cut}.items() if name in taken
    }


def summarize_scores(found: dict, judged: dict) -> str:
    """Summarize an evaluation run in a few sentences, computed from its metrics and its judge's accuracy."""
    percent = {name: f"{100 * metric['value']:.0f} %" for name, metric in found.items()}
    right, most = found["accuracy"], max(found.get("first_break/" + stage, {"value": 0})["value"] for stage in CHAIN)
    first = [stage for stage in CHAIN if most and found[f"first_break/{stage}"]["value"] == most]
    words = (
        f"{percent['accuracy']} of {right['n']} questions are answered correctly (95 % interval "
        f"{100 * right['low']:.0f} to {100 * right['high']:.0f} %), with "
        f"{found['processed_tokens']['value']:.0f} processed tokens per question."
    )
    if first:
        words += f" When a chain breaks, the {' or the '.join(first)} is most often the first wrong stage."
    if judged["n"]:
        words += (
            f" The judge was right in {100 * judged['accuracy']:.0f} % of the {judged['n']} comparisons whose two "
            f"sides were not equally true; {100 * judged['tie']:.0f} % of them were ties, which a coin decided."
        )
    return words
