"""From a trained arm and test questions to predictions: search, answers, scores of every stage, option likelihood.

What notebook 03 does, in functions. Models and questions come from `o1lib.evaluation.inputs`, predictions
from `o1lib.evaluation.predictions`.

    subject = arm(run, "structured")
    items = test_items(run, "data", questions=0)
    decoder = Decoder(subject.model, subject.processor, seed=run.seed)
    trees, predictions = evaluate(items, subject.format, decoder, method="stage_beam", n=4, judge="self")
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from o1lib.data.images import picture_of
from o1lib.evaluation.inputs import Arm
from o1lib.evaluation.predictions import option_likelihoods, score
from o1lib.evaluation.resume import FinishedQuestions
from o1lib.formats.stages import STAGES
from o1lib.records import UserError, code_hash
from o1lib.scoring.stage_scores import CHAIN
from o1lib.search import rewards
from o1lib.search.judges import SYNTHETIC, make_judge
from o1lib.search.methods import make_search, task_for
from o1lib.search.scheduler import run_searches

AT_ONCE = 384  # candidates of as many questions are on their way at a time
SCORED_AT_ONCE = 8  # finished questions; their pictures are dropped together


def cutoffs(items: Sequence, format: str, decoder, judge: str, judge_decoder=None, n: int = 4) -> dict[str, dict]:
    """Return the reward's mean, spread and cutoff by stage, measured on validation items (see `rewards.calibrate`)."""
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
    **options,
) -> tuple[list, list[dict]]:
    """Return the search trees and the predictions of `items`, AT_ONCE candidates at a time.

    `judge_decoder` speaks for another model that judges instead; `judge_accuracy` is how often the judge `synthetic`
    is right; `blind` shows a grey picture; `budget` is the most tokens a question may process (0: any number);
    `options` are the method's own (retracing: keep, retraces, cutoffs). In `journal` finished questions are kept, so
    that the same call goes on after an interruption; `made_by` names what its results depend on besides (model, code).
    Raises UserError for an unknown method or judge.
    """
    search = make_search(method, n, **options)
    referee = _referee(items, decoder, method, judge, judge_decoder, judge_accuracy)
    settings = {
        "format": format,
        "method": method,
        "n": n,
        "judge": judge,
        "judge_accuracy": judge_accuracy,
        "blind": blind,
        "budget": budget,
        "seed": decoder.seed,
        "temperature": decoder.temperature,
        "top_p": decoder.top_p,
        "max_new_tokens": decoder.max_new_tokens,
        "options": options,
        "made_by": dict(made_by or {}),
    }
    kept = FinishedQuestions(journal, settings)
    found = {
        item.qid: (kept.found[item.qid].tree(_task(item, format, blind)), kept.found[item.qid].row)
        for item in items
        if item.qid in kept.found
    }
    unanswered, ready = [item for item in items if item.qid not in found], []

    def note(number=None, tree=None):
        """Score finished searches a few at a time, and let go of their pictures."""
        ready.extend([(unanswered[number], tree)] if tree else [])
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

    searches = (search(_task(item, format, blind), n, decoder.seed) for item in unanswered)
    name = f"{method}, {n} candidates" if n > 1 else method
    with tqdm(total=len(items), initial=len(found), desc=name, unit="question") as bar:
        run_searches(searches, decoder, referee, bar.update, max(1, AT_ONCE // n), budget, note)
    note()
    return [found[item.qid][0] for item in items], [found[item.qid][1] for item in items]


def _referee(items, decoder, method, judge, judge_decoder, judge_accuracy):
    """Return who compares (or, for retracing, scores) the candidates."""
    if judge == "base" and judge_decoder is None:
        raise UserError("judge 'base' is another model: name it in judge_model (a row's id or a checkpoint's folder)")
    truth = {item.qid: item for item in items}
    given = {"decoder": judge_decoder or decoder, "truth": truth, "seed": decoder.seed}
    return (
        rewards.make_reward(judge, **given) if method == "retracing" else make_judge(judge, p=judge_accuracy, **given)
    )


def _task(item, format, blind=False):
    return task_for(item.qid, item.question, picture_of(item, blind), format)


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


def summarize_scores(found: dict, judged: dict) -> str:
    """Return a sentence or two on an evaluation, computed from its metrics and its judge's measured accuracy."""
    percent = {name: f"{100 * metric['value']:.0f} %" for name, metric in found.items()}
    right, most = found["accuracy"], max(found.get("first_break/" + stage, {"value": 0})["value"] for stage in CHAIN)
    first = [stage for stage in CHAIN if most and found[f"first_break/{stage}"]["value"] == most]
    words = (
        f"{percent['accuracy']} of {right['n']} questions are right (95 % interval {100 * right['low']:.0f} to "
        f"{100 * right['high']:.0f} %), at {found['processed_tokens']['value']:.0f} processed tokens a question."
    )
    if first:
        words += f" Where a chain breaks, it is the {' or the '.join(first)} that most often breaks first."
    if judged["n"]:
        words += (
            f" The judge was right in {100 * judged['accuracy']:.0f} % of the {judged['n']} matches whose two sides "
            f"were not equally true; {100 * judged['tie']:.0f} % of those it left to a coin."
        )
    return words
